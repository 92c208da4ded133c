//! The log's files: segments of batches named by their first offset, as Kafka names them.
//!
//! Consensus counts entries, Kafka counts records: entry `index` is the batch that many places after the last purged one.
//! Invariant: what is in memory as an entry is on disk, synced, in a file whose name is durable.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_core::env::{File, Files};
use millrace_core::record::{self, BATCH_OVERHEAD, BatchHeader};

use crate::entry::{self, BATCH_SIZE_MAX_BYTES};
use crate::error::QuorumError;

mod checkpoint;
mod load;
#[cfg(test)]
mod log_test;

use checkpoint::Checkpoint;
pub use checkpoint::Purged;

/// So much may be written before the point below which nothing may be damaged is moved up.
const CHECKPOINT_INTERVAL_BYTES: u64 = 1024 * 1024;

struct Segment {
    base_offset: i64,
    path: PathBuf,
    file: Arc<dyn File>,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub term: u64,
    pub base_offset: i64,
    pub last_offset: i64,
    segment: i64,
    position: u64,
    size: u32,
}

pub struct LogFiles {
    files: Arc<dyn Files>,
    dir: PathBuf,
    segment_size_max: u64,
    segments: VecDeque<Segment>,
    entries: VecDeque<Place>,
    checkpoint: Checkpoint,
    unmarked_bytes: u64,
    cut_bytes: u64,
    /// After a failed write or sync nobody knows what is on disk: nothing is written until the next start.
    failed: bool,
}

impl LogFiles {
    /// Reads the log in `dir`, which is made if it is not there. An unfinished write at the end is cut off; other damage
    /// is an error that changes nothing.
    pub fn open(files: Arc<dyn Files>, dir: &Path, segment_size_max: u64) -> Result<LogFiles, QuorumError> {
        load::open(files, dir, segment_size_max)
    }

    /// Index of the first entry that is or will be here.
    pub fn first_index(&self) -> u64 {
        self.checkpoint.purged.map_or(0, |purged| purged.index + 1)
    }

    pub fn end_index(&self) -> u64 {
        self.first_index() + self.entries.len() as u64
    }

    pub fn end_offset(&self) -> i64 {
        let purged_end = self.checkpoint.purged.map_or(0, |purged| purged.last_offset + 1);
        self.entries.back().map_or(purged_end, |last| last.last_offset + 1)
    }

    pub fn start_offset(&self) -> i64 {
        self.checkpoint.purged.map_or(0, |purged| purged.last_offset + 1)
    }

    /// So much of an unfinished write was found and cut off at the start.
    pub fn cut_bytes(&self) -> u64 {
        self.cut_bytes
    }

    pub fn purged(&self) -> Option<Purged> {
        self.checkpoint.purged
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Of an entry that is here.
    pub fn place(&self, index: u64) -> Option<&Place> {
        self.entries.get(usize::try_from(index.checked_sub(self.first_index())?).ok()?)
    }

    /// Term and index of the entry that ends with this offset.
    pub fn entry_ending_at(&self, last_offset: i64) -> Option<(u64, u64)> {
        let at = self.entries.binary_search_by_key(&last_offset, |place| place.last_offset).ok()?;
        Some((self.entries[at].term, self.first_index() + at as u64))
    }

    /// Offset of the last record of an entry that is here or was the last to be purged.
    pub fn last_offset_of(&self, index: u64) -> Option<i64> {
        match self.checkpoint.purged {
            Some(purged) if purged.index == index => Some(purged.last_offset),
            _ => self.place(index).map(|place| place.last_offset),
        }
    }

    /// The batch as it is on disk, its checksum verified.
    pub fn read(&self, index: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(place) = self.place(index) else { return Ok(None) };
        let segment = self.segments.iter().rev().find(|segment| segment.base_offset == place.segment);
        let segment = segment.ok_or_else(|| io::Error::other("an entry without its segment"))?;
        let mut batch = vec![0; place.size as usize];
        segment.file.read_exact_at(&mut batch, place.position)?;
        entry::check(&batch).map_err(|reason| QuorumError::damaged(&segment.path, place.position, reason))?;
        Ok(Some(batch))
    }

    /// Appends batches that carry their epochs, the first as entry `index`; gives them their offsets. They are on disk
    /// when this returns.
    pub fn append(&mut self, index: u64, mut batches: Vec<Vec<u8>>) -> io::Result<()> {
        if index != self.end_index() {
            return Err(io::Error::other(format!("entry {index} cannot follow {}", self.end_index())));
        }
        self.guarded(|log| {
            log.roll_if_full()?;
            let mut offset = log.end_offset();
            let mut places = Vec::with_capacity(batches.len());
            let Some(segment) = log.segments.back_mut() else { return Err(io::Error::other("a log without a segment")) };
            let mut position = segment.size;
            for batch in &mut batches {
                let epoch = BatchHeader::decode(batch).map_err(io::Error::other)?.partition_leader_epoch;
                record::set_base_offset_and_leader_epoch(batch, offset, epoch);
                let place = place_of(batch, segment.base_offset, position).map_err(io::Error::other)?;
                position += batch.len() as u64;
                offset = place.last_offset + 1;
                places.push(place);
            }
            let mut slices: Vec<IoSlice<'_>> = batches.iter().map(|batch| IoSlice::new(batch)).collect();
            segment.file.write_all_at(&mut slices, segment.size)?;
            segment.file.sync_data()?;
            log.unmarked_bytes += position - segment.size;
            segment.size = position;
            log.entries.extend(places);
            if log.unmarked_bytes >= CHECKPOINT_INTERVAL_BYTES { log.mark() } else { Ok(()) }
        })
    }

    /// Removes all entries from `index` on.
    pub fn truncate(&mut self, index: u64) -> io::Result<()> {
        if index >= self.end_index() {
            return Ok(());
        }
        let keep = usize::try_from(index.saturating_sub(self.first_index())).map_err(io::Error::other)?;
        self.guarded(|log| {
            let first_removed = log.entries[keep];
            // Lowered first: it must never lie beyond what is there.
            if log.checkpoint.recovery_offset > first_removed.base_offset {
                log.checkpoint.recovery_offset = first_removed.base_offset;
                log.checkpoint.write(&*log.files, &log.dir)?;
            }
            log.entries.truncate(keep);
            while let Some(last) = log.segments.back() {
                if last.base_offset < first_removed.base_offset || log.segments.len() == 1 {
                    break;
                }
                log.remove_segment(log.segments.len() - 1)?;
            }
            let Some(segment) = log.segments.back_mut() else { return Ok(()) };
            segment.size = if segment.base_offset == first_removed.segment { first_removed.position } else { segment.size };
            segment.file.set_len(segment.size)?;
            segment.file.sync_data()
        })
    }

    /// Forgets all entries up to this one; it may lie beyond the log's end, which then begins after it.
    pub fn purge(&mut self, purged: Purged) -> io::Result<()> {
        if purged.index < self.first_index() {
            return Ok(());
        }
        self.guarded(|log| if purged.index >= log.end_index() { log.restart_after(purged) } else { log.purge_within(purged) })
    }

    /// Writes down how far the log is whole, for the next start.
    pub fn close(&mut self) {
        if !self.failed && self.unmarked_bytes > 0 {
            // Only an aid: without it more of the log counts as possibly unfinished.
            let _ = self.mark();
        }
    }

    fn purge_within(&mut self, purged: Purged) -> io::Result<()> {
        let count = usize::try_from(purged.index + 1 - self.first_index()).map_err(io::Error::other)?;
        self.checkpoint.purged = Some(purged);
        self.checkpoint.recovery_offset = self.checkpoint.recovery_offset.max(purged.last_offset + 1);
        self.checkpoint.write(&*self.files, &self.dir)?;
        self.entries.drain(..count);
        // Oldest first, so that what a crash leaves has no hole.
        while self.segments.len() > 1 && self.segments[1].base_offset <= purged.last_offset + 1 {
            self.remove_segment(0)?;
        }
        Ok(())
    }

    /// The files go before the mark moves: batches beyond the mark that are not part of the log must never be found.
    fn restart_after(&mut self, purged: Purged) -> io::Result<()> {
        self.checkpoint.recovery_offset = self.checkpoint.recovery_offset.min(self.start_offset());
        self.checkpoint.write(&*self.files, &self.dir)?;
        self.entries.clear();
        while !self.segments.is_empty() {
            self.remove_segment(self.segments.len() - 1)?;
        }
        self.checkpoint = Checkpoint { purged: Some(purged), recovery_offset: purged.last_offset + 1 };
        self.checkpoint.write(&*self.files, &self.dir)?;
        self.add_segment(purged.last_offset + 1)
    }

    fn mark(&mut self) -> io::Result<()> {
        self.checkpoint.recovery_offset = self.end_offset();
        self.unmarked_bytes = 0;
        self.checkpoint.write(&*self.files, &self.dir)
    }

    fn roll_if_full(&mut self) -> io::Result<()> {
        match self.segments.back() {
            Some(segment) if segment.size < self.segment_size_max => Ok(()),
            None => self.add_segment(self.end_offset()),
            Some(_) => {
                self.mark()?;
                self.add_segment(self.end_offset())
            }
        }
    }

    fn add_segment(&mut self, base_offset: i64) -> io::Result<()> {
        let path = self.dir.join(segment_name(base_offset));
        let file = self.files.open(&path, true)?;
        file.set_len(0)?;
        file.sync_data()?;
        self.files.sync_dir(&self.dir)?;
        self.segments.push_back(Segment { base_offset, path, file, size: 0 });
        Ok(())
    }

    fn remove_segment(&mut self, at: usize) -> io::Result<()> {
        let Some(segment) = self.segments.remove(at) else { return Ok(()) };
        self.files.remove_file(&segment.path)?;
        self.files.sync_dir(&self.dir)
    }

    fn guarded(&mut self, operation: impl FnOnce(&mut LogFiles) -> io::Result<()>) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write to the metadata log failed"));
        }
        let outcome = operation(self);
        self.failed = outcome.is_err();
        outcome
    }
}

fn segment_name(base_offset: i64) -> String {
    format!("{base_offset:020}.log")
}

/// Where a whole batch is and what it covers.
fn place_of(batch: &[u8], segment: i64, position: u64) -> Result<Place, String> {
    let header = BatchHeader::decode(batch).map_err(|error| error.to_string())?;
    if batch.len() > BATCH_SIZE_MAX_BYTES || batch.len() < BATCH_OVERHEAD {
        return Err(format!("a batch of {} bytes", batch.len()));
    }
    let term = u64::try_from(header.partition_leader_epoch).map_err(|_| "a negative epoch".to_owned())?;
    let (base_offset, last_offset) = (header.base_offset, header.last_offset());
    Ok(Place { term, base_offset, last_offset, segment, position, size: batch.len() as u32 })
}
