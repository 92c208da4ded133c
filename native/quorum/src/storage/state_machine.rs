//! Hands committed entries and snapshots up, and remembers only where it stands: the state itself is kept above.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use millrace_core::record::{BatchHeader, RecordInput, build_batch};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot};
use parking_lot::Mutex;

use super::log_store::SharedLog;
use crate::events::{Event, EventQueue};
use crate::snapshot::{SnapshotFile, SnapshotStore};
use crate::types::{Applied, LogId, SnapshotMeta, StoredMembership, Types, log_id, term_of};

pub type SharedSnapshots = Arc<Mutex<SnapshotStore>>;
/// What is to become the next snapshot.
pub type SnapshotRequests = Arc<Mutex<Option<SnapshotRequest>>>;
type OpenSnapshot = openraft::type_config::alias::SnapshotOf<Types, SnapshotFile>;

/// The whole state after the record at `last_offset`.
pub struct SnapshotRequest {
    pub last_offset: i64,
    pub records: Vec<Vec<u8>>,
    pub now_ms: i64,
}

/// Records in one batch of a snapshot.
const BATCH_RECORD_COUNT: usize = 1000;

pub struct StateMachine {
    log: SharedLog,
    snapshots: SharedSnapshots,
    requests: SnapshotRequests,
    events: Arc<EventQueue>,
    applied: Option<LogId>,
    /// Those of the last snapshot and of all entries applied since, in order.
    memberships: Vec<StoredMembership>,
    has_records: bool,
}

impl StateMachine {
    pub fn new(log: SharedLog, snapshots: SharedSnapshots, requests: SnapshotRequests, events: Arc<EventQueue>) -> StateMachine {
        StateMachine { log, snapshots, requests, events, applied: None, memberships: Vec::new(), has_records: false }
    }

    fn membership_at(&self, index: u64) -> StoredMembership {
        let known = self.memberships.iter().rev().find(|known| known.log_id().is_none_or(|id| id.index() <= index));
        known.cloned().unwrap_or_default()
    }

    /// `None` where there is nothing that a new snapshot could be made of.
    fn requested(&mut self) -> Option<Build> {
        let request = self.requests.lock().take()?;
        let (term, index) = self.log.lock().entry_ending_at(request.last_offset)?;
        let is_applied = self.applied.is_some_and(|applied| index <= applied.index());
        let id = log_id(term, index);
        let is_newer = self.snapshots.lock().current().is_none_or(|current| current.meta.last_log_id < Some(id));
        if !is_applied || !is_newer {
            return None;
        }
        let meta = SnapshotMeta { last_log_id: Some(id), last_membership: self.membership_at(index) };
        Some(Build { meta, end_offset: request.last_offset + 1, request: Some(request) })
    }

    /// Of a state without records, which needs nobody above to tell it.
    fn empty(&self) -> Option<Build> {
        let is_newest = self.snapshots.lock().current().is_some_and(|current| current.meta.last_log_id >= self.applied);
        if self.has_records || is_newest {
            return None;
        }
        let index = self.applied.map_or(0, |applied| applied.index());
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership_at(index) };
        let end_offset = self.log.lock().last_offset_of(index).map_or(0, |last| last + 1);
        Some(Build { meta, end_offset, request: None })
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.memberships.last().cloned().unwrap_or_default()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let id = entry.log_id();
            let mut outcome = Applied(-1);
            match entry.payload {
                EntryPayload::Blank => self.events.push(Event::EpochStarted { epoch: term_of(&id) }),
                EntryPayload::Membership(membership) => self.memberships.push(StoredMembership::new(Some(id), membership)),
                EntryPayload::Normal(batch) => {
                    outcome = Applied(BatchHeader::decode(&batch.0).map_err(io::Error::other)?.base_offset);
                    self.has_records = true;
                    self.events.push_when_room(Event::Committed(batch.0)).await;
                }
            }
            self.applied = Some(id);
            if let Some(responder) = responder {
                responder.send(outcome);
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<SnapshotBuilder> {
        let build = self.requested().or_else(|| self.empty());
        if build.is_none() && !force {
            return None;
        }
        if let Some(Build { meta, .. }) = &build {
            let index = meta.last_log_id.map_or(0, |id| id.index());
            let kept = self.memberships.iter().rposition(|known| known.log_id().is_none_or(|id| id.index() <= index));
            self.memberships.drain(..kept.unwrap_or(0));
        }
        Some(SnapshotBuilder { snapshots: self.snapshots.clone(), build })
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let build = self.requested().or_else(|| self.empty());
        SnapshotBuilder { snapshots: self.snapshots.clone(), build }
    }

    /// Called for a snapshot that was received, and at the start for the one that is there.
    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: SnapshotFile) -> io::Result<()> {
        let epoch = meta.last_log_id.as_ref().map_or(0, term_of);
        let data = self.make_current(meta, data)?;
        self.events.push(Event::SnapshotBegin { end_offset: data.end_offset, epoch });
        self.has_records = false;
        for batch in data.batches() {
            self.has_records = true;
            self.events.push_when_room(Event::SnapshotBatch(batch?.into())).await;
        }
        self.events.push(Event::SnapshotEnd);
        self.applied = meta.last_log_id;
        self.memberships = vec![meta.last_membership.clone()];
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<OpenSnapshot>> {
        let snapshots = self.snapshots.lock();
        Ok(snapshots.current().map(|current| Snapshot { meta: current.meta.clone(), snapshot: current.data.clone() }))
    }
}

impl StateMachine {
    fn make_current(&self, meta: &SnapshotMeta, data: SnapshotFile) -> io::Result<SnapshotFile> {
        let mut snapshots = self.snapshots.lock();
        if let Some(current) = snapshots.current()
            && current.data.path == data.path
        {
            return Ok(data);
        }
        snapshots.create(meta, data.end_offset, data.batches())
    }
}

struct Build {
    meta: SnapshotMeta,
    end_offset: i64,
    /// `None` for a state without records.
    request: Option<SnapshotRequest>,
}

pub struct SnapshotBuilder {
    snapshots: SharedSnapshots,
    /// `None` to give out what is there.
    build: Option<Build>,
}

impl RaftSnapshotBuilder<Types> for SnapshotBuilder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<OpenSnapshot> {
        let mut snapshots = self.snapshots.lock();
        let Some(Build { meta, end_offset, request }) = self.build.take() else {
            let current = snapshots.current().ok_or_else(|| io::Error::other("there is no snapshot yet"))?;
            return Ok(Snapshot { meta: current.meta.clone(), snapshot: current.data.clone() });
        };
        let now_ms = request.as_ref().map_or(0, |request| request.now_ms);
        let mut records = request.into_iter().flat_map(|request| request.records).peekable();
        let batches = std::iter::from_fn(move || {
            records.peek()?;
            let input = |value| RecordInput { key: None, value: Some(value), timestamp_ms: None, headers: Vec::new() };
            let chunk: Vec<RecordInput> = records.by_ref().take(BATCH_RECORD_COUNT).map(input).collect();
            Some(Ok(build_batch(&chunk, None, now_ms)))
        });
        let snapshot = snapshots.create(&meta, end_offset, batches)?;
        Ok(Snapshot { meta, snapshot })
    }
}
