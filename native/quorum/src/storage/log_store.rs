//! The log and the vote as openraft sees them. Writes are on disk when a call returns: with one disk there is nothing to
//! overlap, and what waits meanwhile goes into the next append together.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use parking_lot::Mutex;

use super::state_machine::SharedSnapshots;
use crate::entry;
use crate::log::{LogFiles, Purged};
use crate::types::{Entry, LogId, Types, Vote, log_id, term_of};
use crate::vote::VoteFile;

pub type SharedLog = Arc<Mutex<LogFiles>>;

/// One message to a follower carries about so much; at least one entry.
const READ_SIZE_MAX_BYTES: usize = 1024 * 1024;

#[derive(Clone)]
pub struct LogStore {
    log: SharedLog,
    vote: Arc<Mutex<VoteFile>>,
    snapshots: SharedSnapshots,
}

impl LogStore {
    pub fn new(log: SharedLog, vote: Arc<Mutex<VoteFile>>, snapshots: SharedSnapshots) -> LogStore {
        LogStore { log, vote, snapshots }
    }

    /// The storage suite begins logs in the middle, which a quorum never does: it gets entries before them.
    #[cfg(test)]
    fn pad(&self, first: u64) -> io::Result<()> {
        let mut log = self.log.lock();
        let missing = if log.len() == 0 && log.purged().is_none() { 0..first } else { 0..0 };
        let blanks = missing.map(|index| entry::encode(&Entry::new_blank(log_id(0, index)), -1)).collect::<io::Result<Vec<_>>>()?;
        if blanks.is_empty() { Ok(()) } else { log.append(0, blanks) }
    }

    fn read(&self, start: u64, end: u64, size_max: usize) -> io::Result<Vec<Entry>> {
        let log = self.log.lock();
        let mut entries = Vec::new();
        let mut size = 0;
        for index in start.max(log.first_index())..end.min(log.end_index()) {
            let Some(batch) = log.read(index)? else { break };
            size += batch.len();
            entries.push(entry::decode(index, batch)?);
            if size >= size_max {
                break;
            }
        }
        Ok(entries)
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(&mut self, range: RB) -> io::Result<Vec<Entry>> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(end) => end.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start, end, READ_SIZE_MAX_BYTES)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.vote.lock().current())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let log = self.log.lock();
        let last_purged_log_id = log.purged().map(|purged| log_id(purged.term, purged.index));
        let last = log.end_index().checked_sub(1).and_then(|index| Some(log_id(log.place(index)?.term, index)));
        Ok(LogState { last_purged_log_id, last_log_id: last.or(last_purged_log_id) })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.vote.lock().save(vote)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let vote = self.vote.lock().current();
        let mut first = None;
        let mut batches = Vec::new();
        for entry in entries {
            let (epoch, index) = entry.log_id_parts();
            first.get_or_insert(index);
            let leader = vote.filter(|vote| vote.leader_id.term == epoch.term).map_or(-1, |vote| vote.leader_id.voted_for as i64);
            batches.push(entry::encode(&entry, leader)?);
        }
        if let Some(first) = first {
            #[cfg(test)]
            self.pad(first)?;
            self.log.lock().append(first, batches)?;
        }
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        self.log.lock().truncate(last_log_id.map_or(0, |id| id.index() + 1))
    }

    async fn purge(&mut self, id: LogId) -> io::Result<()> {
        let mut log = self.log.lock();
        // Beyond the log only a snapshot knows the offset.
        let last_offset = log.last_offset_of(id.index()).or_else(|| {
            let snapshots = self.snapshots.lock();
            let current = snapshots.current().filter(|current| current.meta.last_log_id == Some(id));
            current.map(|current| current.data.end_offset - 1)
        });
        // The storage suite purges what no snapshot knows of.
        #[cfg(test)]
        let last_offset = last_offset.or_else(|| (id.index() >= log.end_index()).then(|| log.end_offset()));
        match last_offset {
            Some(last_offset) => log.purge(Purged { index: id.index(), term: term_of(&id), last_offset }),
            None if id.index() < log.first_index() => Ok(()),
            None => Err(io::Error::other(format!("entry {id} is neither here nor in the snapshot"))),
        }
    }
}
