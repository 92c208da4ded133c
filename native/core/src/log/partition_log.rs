//! The log of one partition: an ordered list of segments, what producers did, and how far it is durable.
//!
//! Invariant: log start <= last stable offset <= high watermark <= log end; recovery point <= log end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};

use super::LogConfig;
use super::checkpoint;
use super::cleaner::{Cleanable, cleaned_path, swap_path};
use super::producer_state::{AbortedTxn, ProducerState, ProducerSummary};
use super::segment::{LogContext, PlacedBatch, SEGMENT_SUFFIXES, ScanEnd, Segment};
use crate::env::{Durability, ReadableFile, replace_file, write_atomically};
use crate::partition::PartitionUnavailable;
use crate::record::{BatchHeader, RecordIterator};

/// Offsets within a segment are stored as 32-bit differences.
const RELATIVE_OFFSET_MAX: i64 = i32::MAX as i64;

/// The active segment's indexes are written after so much was appended.
const INDEX_CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// An fsync failed: nothing written before is certain any more.
    #[error("{path} cannot be made durable: {source}")]
    NotDurable { path: PathBuf, source: io::Error },
    #[error("{path} is damaged at position {position}: {reason}")]
    Corrupt { path: PathBuf, position: u64, reason: String },
}

impl LogError {
    pub fn io(path: &Path, source: io::Error) -> LogError {
        LogError::Io { path: path.to_owned(), source }
    }

    /// A write found no space and left everything as it was.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, LogError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// An append that stopped before its end; the batches before are in the log.
#[derive(Debug)]
pub struct AppendFailure {
    pub written_count: usize,
    pub error: LogError,
}

/// A range of a segment's file that holds whole batches.
#[derive(Clone)]
pub struct LogSlice {
    pub file: Arc<dyn ReadableFile>,
    pub position: u64,
    pub len: u32,
    /// No record of the slice has reached it.
    pub end_offset: i64,
}

/// A segment as retention looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSummary {
    pub base_offset: i64,
    pub size_bytes: u64,
    pub max_timestamp_ms: i64,
    pub last_modified_ms: i64,
    pub active: bool,
}

/// What only the one writer of a partition touches.
pub struct LogWriter {
    pub producers: ProducerState,
    /// How much earlier than `segment.ms` the active segment is closed, so that not all roll at once.
    pub roll_jitter_ms: i64,
    /// Of the last batch.
    pub latest_epoch: i32,
    /// The offset of the newest snapshot file, once one was written or read.
    pub snapshot_offset: i64,
    /// The log goes on in another directory: nothing may be written here any more.
    pub is_retired: bool,
}

impl LogWriter {
    /// Who got hold of a log just before it moved asks again.
    pub fn unavailable(&self) -> Option<PartitionUnavailable> {
        self.is_retired.then_some(PartitionUnavailable::Loading)
    }

    /// The producers' snapshot as of the log end, before these batches.
    fn snapshot_without(&mut self, pending: &[PlacedBatch<'_>]) -> Vec<u8> {
        let known = || pending.iter().filter_map(|batch| Some((batch, batch.undo.as_ref()?)));
        known().rev().for_each(|(_, undo)| self.producers.undo(undo));
        let snapshot = self.producers.encode_snapshot();
        for (batch, _) in known() {
            let _ = self.producers.append(&batch.header, batch.base_offset); // undone with the batch's own, if at all
        }
        snapshot
    }
}

/// Leader epochs and the offset at which each began. Their file is written with the next flush: after a crash, what lies
/// past the recovery point tells its epochs itself.
#[derive(Debug, Default)]
pub struct LeaderEpochs {
    pub starts: Vec<(i32, i64)>,
    pub changed: bool,
}

impl LeaderEpochs {
    /// Notes that `epoch` begins at `offset`. An epoch in which nothing was written leaves no trace but the last.
    pub fn note(&mut self, epoch: i32, offset: i64) {
        if self.starts.last().is_none_or(|(latest, _)| *latest < epoch) {
            self.truncate(offset);
            self.starts.push((epoch, offset));
            self.changed = true;
        }
    }

    /// Forgets epochs that begin at or after `offset`.
    pub fn truncate(&mut self, offset: i64) {
        let kept = self.starts.partition_point(|(_, start)| *start < offset);
        self.changed |= kept < self.starts.len();
        self.starts.truncate(kept);
    }
}

/// What the loader found in a log's directory.
pub(super) struct FoundLog {
    /// At least one; the last is the active one.
    pub segments: Vec<Arc<Segment>>,
    pub writer: LogWriter,
    pub epochs: LeaderEpochs,
    pub log_start_offset: i64,
    pub log_end_offset: i64,
    pub recovery_point: i64,
}

/// What a flush of a whole directory is about to make durable.
#[derive(Clone, Copy, Debug)]
pub struct FlushMark {
    log_end: i64,
    /// How often the log had been cut then.
    cut_count: u64,
}

/// Locks are taken in this order: the writer, then the keeping of what is on disk.
pub struct PartitionLog {
    pub dir: PathBuf,
    pub(super) context: LogContext,
    pub(super) segments: ArcSwap<Vec<Arc<Segment>>>,
    writer: Mutex<LogWriter>,
    pub(super) epochs: Mutex<LeaderEpochs>,
    pub(super) log_start_offset: AtomicI64,
    pub(super) log_end_offset: AtomicI64,
    /// All below it is known to be on disk.
    pub(super) recovery_point: AtomicI64,
    /// How often the log was cut: held by who cuts it, and by who says what is on disk.
    pub(super) keeping: Mutex<u64>,
    /// Monotonic milliseconds of the last flush.
    flushed_at_ms: AtomicI64,
}

impl PartitionLog {
    pub(super) fn new(dir: PathBuf, context: LogContext, found: FoundLog) -> PartitionLog {
        PartitionLog {
            dir,
            segments: ArcSwap::from_pointee(found.segments),
            writer: Mutex::new(found.writer),
            epochs: Mutex::new(found.epochs),
            log_start_offset: AtomicI64::new(found.log_start_offset),
            log_end_offset: AtomicI64::new(found.log_end_offset),
            recovery_point: AtomicI64::new(found.recovery_point),
            keeping: Mutex::new(0),
            flushed_at_ms: AtomicI64::new(monotonic_ms(&context)),
            context,
        }
    }

    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset.load(Ordering::Acquire)
    }

    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset.load(Ordering::Acquire)
    }

    pub fn recovery_point(&self) -> i64 {
        self.recovery_point.load(Ordering::Acquire)
    }

    pub fn writer(&self) -> MutexGuard<'_, LogWriter> {
        self.writer.lock()
    }

    pub(super) fn active(&self) -> Arc<Segment> {
        let segments = self.segments.load();
        // There is always an active segment: the loader makes one and rolling only adds.
        segments[segments.len() - 1].clone()
    }

    pub fn size_bytes(&self) -> u64 {
        self.segments.load().iter().map(|segment| segment.size()).sum()
    }

    pub fn segment_count(&self) -> usize {
        self.segments.load().len()
    }

    /// When the active segment's first batch came, by its timestamp; `None` while it is empty.
    pub fn active_first_timestamp_ms(&self) -> Option<i64> {
        self.active().first_timestamp_ms().ok().flatten()
    }

    // ---- appending ----------------------------------------------------------------------------------------------

    /// Appends placed batches, rolling where a segment is full or old, and publishes the new log end.
    pub fn append(
        &self,
        writer: &mut LogWriter,
        batches: &[PlacedBatch<'_>],
        leader_epoch: i32,
        config: &LogConfig,
    ) -> Result<(), AppendFailure> {
        let Some(first) = batches.first() else { return Ok(()) };
        if writer.latest_epoch < leader_epoch {
            self.epochs.lock().note(leader_epoch, first.base_offset);
            writer.latest_epoch = leader_epoch;
        }
        let mut start = 0;
        while start < batches.len() {
            let failed = |error| AppendFailure { written_count: start, error };
            let end = self.append_run(writer, &batches[start..], config).map_err(failed)? + start;
            let last = &batches[end - 1];
            let log_end = last.base_offset + i64::from(last.header.last_offset_delta) + 1;
            self.log_end_offset.store(log_end, Ordering::Release);
            start = end;
        }
        Ok(())
    }

    /// Writes as many batches as the active segment takes, at least one; returns how many.
    fn append_run(&self, writer: &mut LogWriter, batches: &[PlacedBatch<'_>], config: &LogConfig) -> Result<usize, LogError> {
        let mut segment = self.active();
        let mut len = batches[0].bytes.len() as u64;
        if must_roll(&segment, &batches[0], len, config, writer.roll_jitter_ms) {
            self.roll_locked(writer, batches)?;
            writer.roll_jitter_ms = roll_jitter_ms(&self.context, config);
            segment = self.active();
        }
        let mut count = 1;
        while count < batches.len() {
            let next = len + batches[count].bytes.len() as u64;
            if must_roll(&segment, &batches[count], next, config, writer.roll_jitter_ms) {
                break;
            }
            len = next;
            count += 1;
        }
        if config.preallocate && segment.size() == 0 {
            let reserved = segment.preallocate(u64::from(config.segment_bytes));
            reserved.map_err(|error| LogError::io(&segment.log_path(), error))?;
        }
        segment
            .append(&batches[..count], config.index_interval_bytes)
            .map_err(|error| LogError::io(&Segment::path(&self.dir, segment.base_offset, "log"), error))?;
        Ok(count)
    }

    pub fn note_aborted(&self, txn: AbortedTxn) {
        self.active().note_aborted(txn);
    }

    /// Writes what a sync of the whole directory then makes durable with the log.
    pub fn begin_flush(&self) -> Result<FlushMark, LogError> {
        let cut_count = *self.keeping.lock();
        let log_end = self.log_end_offset();
        self.flush_epochs(Durability::Later)?;
        Ok(FlushMark { log_end, cut_count })
    }

    /// The directory was synced: all that was there at the mark is durable, unless it was cut off since.
    pub fn finish_flush(&self, mark: FlushMark) {
        let cut_count = self.keeping.lock();
        if *cut_count == mark.cut_count {
            self.flushed_at_ms.store(monotonic_ms(&self.context), Ordering::Relaxed);
            self.active().trust_name();
            self.recovery_point.fetch_max(mark.log_end, Ordering::AcqRel);
        }
    }

    /// Writes the leader epochs where they have changed.
    pub(super) fn flush_epochs(&self, durability: Durability) -> Result<(), LogError> {
        let mut epochs = self.epochs.lock();
        if epochs.changed {
            let path = self.dir.join("leader-epoch-checkpoint");
            let written = checkpoint::write_epochs(&*self.context.env.files, &path, &epochs.starts, durability);
            written.map_err(|error| LogError::io(&path, error))?;
            epochs.changed = false;
        }
        Ok(())
    }

    /// Closes the active segment and begins a new one at the log end; does nothing where it is empty.
    pub fn roll(&self) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        if writer.is_retired {
            return Ok(());
        }
        self.roll_locked(&mut writer, &[])
    }

    /// `pending` are batches that the producer state may know of but the log does not hold yet.
    fn roll_locked(&self, writer: &mut LogWriter, pending: &[PlacedBatch<'_>]) -> Result<(), LogError> {
        let files = &*self.context.env.files;
        let active = self.active();
        if active.size() == 0 {
            return Ok(());
        }
        let log_end = self.log_end_offset();
        let io = |error| LogError::io(&self.dir, error);
        self.flush_epochs(Durability::Now)?;
        active.trim().map_err(io)?;
        active.sync().map_err(|source| LogError::NotDurable { path: self.dir.clone(), source })?;
        active.write_indexes(Durability::Now).map_err(io)?;
        let snapshot = Segment::path(&self.dir, log_end, "snapshot");
        write_atomically(files, &snapshot, &writer.snapshot_without(pending)).map_err(io)?;
        writer.snapshot_offset = log_end;
        let segment = Segment::open_active(&self.context, &self.dir, log_end).map_err(io)?;
        segment.file().map_err(io)?;
        files.sync_dir(&self.dir).map_err(io)?;
        active.close_index();
        self.recovery_point.fetch_max(log_end, Ordering::AcqRel);
        let mut segments = Vec::clone(&self.segments.load());
        segments.push(segment);
        self.segments.store(Arc::new(segments));
        self.drop_old_snapshots()
    }

    /// Keeps the two newest producer snapshots: the last may be torn off with an unclean tail.
    fn drop_old_snapshots(&self) -> Result<(), LogError> {
        let files = &*self.context.env.files;
        let mut snapshots: Vec<String> = files
            .list(&self.dir)
            .map_err(|error| LogError::io(&self.dir, error))?
            .into_iter()
            .map(|entry| entry.name)
            .filter(|name| name.ends_with(".snapshot"))
            .collect();
        snapshots.sort();
        snapshots.pop();
        snapshots.pop();
        for name in snapshots {
            let path = self.dir.join(name);
            files.remove_file(&path).map_err(|error| LogError::io(&path, error))?;
        }
        Ok(())
    }

    /// Whether `flush.messages` or `flush.ms` ask for a flush now, or somebody waits for one.
    pub fn flush_is_due(&self, config: &LogConfig) -> bool {
        let unflushed = self.log_end_offset() - self.recovery_point();
        if unflushed <= 0 {
            return false;
        }
        let waited_ms = || monotonic_ms(&self.context) - self.flushed_at_ms.load(Ordering::Relaxed);
        config.commits_by_flush() || unflushed >= config.flush_messages || (config.flush_ms != i64::MAX && waited_ms() >= config.flush_ms)
    }

    /// Makes everything up to the log end durable; returns that offset.
    pub fn flush(&self) -> Result<i64, LogError> {
        let _no_cut_meanwhile = self.keeping.lock();
        self.flush_kept()
    }

    fn flush_kept(&self) -> Result<i64, LogError> {
        let log_end = self.log_end_offset();
        self.flushed_at_ms.store(monotonic_ms(&self.context), Ordering::Relaxed);
        if log_end <= self.recovery_point() {
            return Ok(log_end);
        }
        self.flush_epochs(Durability::Now)?;
        // Rolling syncs what it closes, so only the active segment can hold more than the recovery point.
        let active = self.active();
        active.sync().map_err(|source| LogError::NotDurable { path: self.dir.clone(), source })?;
        self.recovery_point.fetch_max(log_end, Ordering::AcqRel);
        Ok(log_end)
    }

    /// Writes the active segment's indexes and a producer snapshot where much was appended since, so that after a kill
    /// only the end of the log has to be read.
    pub fn checkpoint_indexes(&self) -> Result<(), LogError> {
        if self.active().unindexed_bytes() < INDEX_CHECKPOINT_BYTES {
            return Ok(());
        }
        let writer = self.writer.lock();
        if writer.is_retired {
            return Ok(());
        }
        let _no_cut_meanwhile = self.keeping.lock();
        let active = self.active();
        let (snapshot, log_end) = (writer.producers.encode_snapshot(), self.log_end_offset());
        drop(writer);
        self.flush_kept()?;
        let io = |error| LogError::io(&self.dir, error);
        // Before the snapshot: aborted transactions below a snapshot are not looked for in the log again.
        active.write_indexes(Durability::Now).map_err(io)?;
        let path = Segment::path(&self.dir, log_end, "snapshot");
        write_atomically(&*self.context.env.files, &path, &snapshot).map_err(io)?;
        self.drop_old_snapshots()
    }

    /// Leaves the files as a clean start wants to find them. Only log and leader epochs are durable afterwards: the
    /// caller syncs the whole directory once for all logs, before it marks the stop as clean.
    pub fn close(&self) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        self.flush()?;
        let active = self.active();
        let io = |error| LogError::io(&self.dir, error);
        active.trim().and_then(|()| active.write_indexes(Durability::Later)).map_err(io)?;
        let log_end = self.log_end_offset();
        if writer.snapshot_offset == log_end {
            return Ok(());
        }
        let path = Segment::path(&self.dir, log_end, "snapshot");
        replace_file(&*self.context.env.files, &path, &writer.producers.encode_snapshot(), Durability::Later).map_err(io)?;
        writer.snapshot_offset = log_end;
        self.drop_old_snapshots()
    }

    // ---- reading ------------------------------------------------------------------------------------------------

    /// Whole batches from the one that holds `offset`, below `limit`; `None` where there is nothing to read there.
    pub fn read(&self, offset: i64, max_bytes: u32, limit: i64, at_least_one: bool) -> Result<Option<LogSlice>, LogError> {
        if offset >= limit {
            return Ok(None);
        }
        let segments = self.segments.load();
        let mut position = segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1);
        let io = |error| LogError::io(&self.dir, error);
        while let Some(segment) = segments.get(position) {
            if let Some((start, first)) = segment.find_batch(offset).map_err(io)? {
                let slice_end = segment.slice_end(start, &first, u64::from(max_bytes), limit, at_least_one);
                let (end, end_offset) = slice_end.map_err(io)?;
                if end == start {
                    return Ok(None);
                }
                let file: Arc<dyn ReadableFile> = segment.file().map_err(io)?;
                return Ok(Some(LogSlice { file, position: start, len: (end - start) as u32, end_offset }));
            }
            position += 1; // a gap that compaction left at the end of a segment
        }
        Ok(None)
    }

    /// Aborted transactions that a reader of `from..to` must know.
    pub fn aborted(&self, from: i64, to: i64) -> Result<Vec<AbortedTxn>, LogError> {
        let segments = self.segments.load();
        let mut found = Vec::new();
        // A transaction is noted in the segment of its marker, which lies at or after its data.
        let begin = segments.partition_point(|segment| segment.base_offset <= from).saturating_sub(1);
        for segment in segments.iter().skip(begin) {
            for txn in segment.aborted().map_err(|error| LogError::io(&self.dir, error))? {
                if txn.last_offset >= from && txn.first_offset < to {
                    found.push(txn);
                }
                if txn.last_stable_offset >= to {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The first record at or after a time: offset, timestamp, leader epoch.
    pub fn find_by_time(&self, timestamp_ms: i64) -> Result<Option<(i64, i64, i32)>, LogError> {
        let log_start = self.log_start_offset();
        let io = |error| LogError::io(&self.dir, error);
        for segment in self.segments.load().iter() {
            if segment.max_timestamp_ms().map_err(io)? < timestamp_ms {
                continue;
            }
            let mut found = None;
            let start = segment.time_floor(timestamp_ms).map_err(io)?;
            segment
                .scan(start, false, |_, header, batch| {
                    if header.max_timestamp >= timestamp_ms && header.last_offset() >= log_start {
                        found = first_record_at(header, batch, timestamp_ms, log_start);
                    }
                    found.is_none()
                })
                .map_err(io)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp; the first of them where several share it.
    pub fn find_max_timestamp(&self) -> Result<Option<(i64, i64, i32)>, LogError> {
        let segments = self.segments.load();
        let mut best = -1;
        for segment in segments.iter() {
            best = best.max(segment.max_timestamp_ms().map_err(|error| LogError::io(&self.dir, error))?);
        }
        if best < 0 { Ok(None) } else { self.find_by_time(best) }
    }

    /// The epoch in force at an offset.
    pub fn epoch_at(&self, offset: i64) -> i32 {
        let epochs = self.epochs.lock();
        let after = epochs.starts.partition_point(|(_, start)| *start <= offset);
        after.checked_sub(1).map_or(-1, |index| epochs.starts[index].0)
    }

    /// A leader begins to write in this epoch.
    pub fn begin_epoch(&self, writer: &mut LogWriter, epoch: i32) {
        if writer.latest_epoch < epoch {
            self.epochs.lock().note(epoch, self.log_end_offset());
            writer.latest_epoch = epoch;
        }
    }

    /// The newest epoch that the log knows of; -1 for none.
    pub fn latest_epoch(&self) -> i32 {
        self.epochs.lock().starts.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// The largest epoch that is at most `epoch`, and where it ends in this log (KIP-279).
    pub fn end_offset_for_epoch(&self, epoch: i32) -> (i32, i64) {
        let log_end = self.log_end_offset();
        if epoch < 0 {
            return (-1, -1);
        }
        let epochs = &self.epochs.lock().starts;
        if epochs.last().is_some_and(|(latest, _)| *latest == epoch) {
            return (epoch, log_end);
        }
        let after = epochs.partition_point(|(started, _)| *started <= epoch);
        match (after.checked_sub(1), epochs.get(after)) {
            (_, None) => (-1, -1), // newer than anything known
            (None, Some((_, start))) => (epoch, *start),
            (Some(index), Some((_, start))) => (epochs[index].0, *start),
        }
    }

    pub fn segment_summaries(&self) -> Vec<SegmentSummary> {
        let segments = self.segments.load();
        let last = segments.len() - 1;
        segments
            .iter()
            .enumerate()
            .map(|(index, segment)| {
                let path = Segment::path(&self.dir, segment.base_offset, "log");
                SegmentSummary {
                    base_offset: segment.base_offset,
                    size_bytes: segment.size(),
                    max_timestamp_ms: segment.max_timestamp_ms().unwrap_or(-1),
                    last_modified_ms: self.context.env.files.modified_ms(&path).unwrap_or(-1),
                    active: index == last,
                }
            })
            .collect()
    }

    pub fn producer_summaries(&self) -> Vec<ProducerSummary> {
        self.writer.lock().producers.summaries()
    }

    /// Position, header and bytes of the batches from `offset` on, until `visit` returns false.
    pub fn scan_from(&self, offset: i64, mut visit: impl FnMut(&BatchHeader, &[u8]) -> bool) -> Result<ScanEnd, LogError> {
        let segments = self.segments.load();
        let begin = segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1);
        let mut go_on = true;
        for segment in segments.iter().skip(begin) {
            let io = |error| LogError::io(&self.dir, error);
            let Some((start, _)) = segment.find_batch(offset).map_err(io)? else { continue };
            let end = segment
                .scan(start, false, |_, header, batch| {
                    go_on = visit(header, batch);
                    go_on
                })
                .map_err(io)?;
            if !go_on || matches!(end, ScanEnd::Torn { .. }) {
                return Ok(end);
            }
        }
        Ok(ScanEnd::End)
    }

    // ---- compacting ---------------------------------------------------------------------------------------------

    pub(super) fn context(&self) -> &LogContext {
        &self.context
    }

    /// What a cleaner may look at: closed segments up to the last stable offset whose records are older than the lag.
    pub(super) fn cleanable(&self, clean_until: Option<i64>, last_stable: i64, min_lag_ms: i64) -> Result<Cleanable, LogError> {
        let log_start = self.log_start_offset();
        let segments = self.segments.load();
        let (active, closed) = (&segments[segments.len() - 1], &segments[..segments.len() - 1]);
        // A mark outside the log is of another history.
        let first_dirty = clean_until.filter(|offset| (log_start..=self.log_end_offset()).contains(offset)).unwrap_or(log_start);
        let mut limit = last_stable.min(active.base_offset);
        if min_lag_ms > 0 {
            let newest = self.context.env.clock.now_ms().saturating_sub(min_lag_ms);
            for segment in closed.iter().filter(|segment| segment.base_offset >= first_dirty) {
                if segment.max_timestamp_ms().map_err(|error| LogError::io(&segment.log_path(), error))? > newest {
                    limit = limit.min(segment.base_offset);
                    break;
                }
            }
        }
        Ok(Cleanable { closed: closed.to_vec(), first_dirty, limit })
    }

    /// The timestamp of the first batch of the segment that holds `offset`, or follows it; `None` where there is none.
    pub(super) fn first_timestamp_from(&self, offset: i64) -> Option<i64> {
        let segments = self.segments.load();
        let begin = segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1);
        segments.iter().skip(begin).find_map(|segment| segment.first_timestamp_ms().ok().flatten())
    }

    /// Puts the cleaned segment with this base offset into the place of `old`, so that a crash at any moment leaves the
    /// old ones or the new one. Returns the old files, or `None` where the old segments are not in the log any more.
    pub(super) fn replace_segments(&self, old: &[Arc<Segment>], base_offset: i64) -> Result<Option<Vec<PathBuf>>, LogError> {
        let writer = self.writer.lock(); // no deletion meanwhile
        if writer.is_retired {
            return Ok(None);
        }
        let segments = self.segments.load_full();
        let Some(first) = segments.iter().position(|segment| Arc::ptr_eq(segment, &old[0])) else { return Ok(None) };
        let is_whole = old.iter().zip(&segments[first..]).all(|(old, current)| Arc::ptr_eq(old, current));
        if !is_whole || first + old.len() >= segments.len() {
            return Ok(None);
        }
        let files = &*self.context.env.files;
        let io = |error| LogError::io(&self.dir, error);
        for suffix in SEGMENT_SUFFIXES {
            if suffix == "log" {
                files.sync_dir(&self.dir).map_err(io)?;
            }
            let (cleaned, swap) = (cleaned_path(&self.dir, base_offset, suffix), swap_path(&self.dir, base_offset, suffix));
            files.rename(&cleaned, &swap).map_err(io)?;
        }
        files.sync_dir(&self.dir).map_err(io)?;
        let mut removed = Vec::new();
        for segment in old {
            segment.retire().map_err(io)?;
            removed.extend(segment.mark_deleted().map_err(io)?);
        }
        // The log comes last: while it waits under its other name, a start knows that the rest may have to follow.
        for suffix in SEGMENT_SUFFIXES {
            if suffix == "log" {
                files.sync_dir(&self.dir).map_err(io)?;
            }
            let path = Segment::path(&self.dir, base_offset, suffix);
            files.rename(&swap_path(&self.dir, base_offset, suffix), &path).map_err(io)?;
        }
        files.sync_dir(&self.dir).map_err(io)?;
        let mut replaced = segments[..first].to_vec();
        replaced.push(Segment::open_closed(&self.context, &self.dir, base_offset).map_err(io)?);
        replaced.extend_from_slice(&segments[first + old.len()..]);
        self.segments.store(Arc::new(replaced));
        Ok(Some(removed))
    }

    // ---- dropping -----------------------------------------------------------------------------------------------

    /// Raises the log start and drops the segments that lie wholly below it. The caller has made the new start durable.
    /// Returns the files to be removed.
    pub fn drop_before(&self, log_start_offset: i64) -> Result<Vec<PathBuf>, LogError> {
        let writer = self.writer.lock(); // no roll meanwhile
        if writer.is_retired {
            return Ok(Vec::new());
        }
        self.log_start_offset.fetch_max(log_start_offset, Ordering::AcqRel);
        let log_start_offset = self.log_start_offset();
        let segments = self.segments.load_full();
        let keep_from =
            (0..segments.len() - 1).find(|&index| segments[index + 1].base_offset > log_start_offset).unwrap_or(segments.len() - 1);
        if keep_from > 0 {
            self.segments.store(Arc::new(segments[keep_from..].to_vec()));
        }
        let mut removed = Vec::new();
        for segment in &segments[..keep_from] {
            let _ = segment.retire(); // readers that hold it and cannot go on are told so
            removed.extend(segment.mark_deleted().map_err(|error| LogError::io(&self.dir, error))?);
        }
        // The epoch in force at the new start begins there now.
        let mut epochs = self.epochs.lock();
        let in_force = epochs.starts.partition_point(|(_, start)| *start <= log_start_offset).saturating_sub(1);
        if in_force > 0 {
            epochs.starts.drain(..in_force);
            if let Some(first) = epochs.starts.first_mut() {
                first.1 = first.1.max(log_start_offset);
            }
            epochs.changed = true;
        }
        drop(epochs);
        self.flush_epochs(Durability::Now)?;
        Ok(removed)
    }
}

/// A random part of `segment.jitter.ms` for one segment.
pub fn roll_jitter_ms(context: &LogContext, config: &LogConfig) -> i64 {
    match u64::try_from(config.segment_jitter_ms) {
        Ok(jitter_ms) if jitter_ms > 0 => (super::log_dir::fresh_number(&context.env) % jitter_ms) as i64,
        _ => 0,
    }
}

fn monotonic_ms(context: &LogContext) -> i64 {
    context.env.clock.monotonic().as_millis() as i64
}

fn must_roll(segment: &Segment, batch: &PlacedBatch<'_>, len: u64, config: &LogConfig, jitter_ms: i64) -> bool {
    if segment.size() == 0 && len == batch.bytes.len() as u64 {
        return false;
    }
    let last_offset = batch.base_offset + i64::from(batch.header.last_offset_delta);
    let first_ms = segment.first_timestamp_ms().ok().flatten().unwrap_or(-1);
    segment.size() + len > u64::from(config.segment_bytes)
        || last_offset - segment.base_offset > RELATIVE_OFFSET_MAX
        || segment.index_bytes() >= config.segment_index_bytes as usize
        || (first_ms >= 0 && batch.max_timestamp - first_ms > config.segment_ms.saturating_sub(jitter_ms))
}

fn first_record_at(header: &BatchHeader, batch: &[u8], timestamp_ms: i64, log_start: i64) -> Option<(i64, i64, i32)> {
    let epoch = header.partition_leader_epoch;
    if header.record_count == 0 {
        return None; // emptied by a cleaner
    }
    if header.is_log_append_time() {
        return Some((header.base_offset.max(log_start), header.max_timestamp, epoch));
    }
    let mut plain = Vec::new();
    let body = &batch[crate::record::BATCH_OVERHEAD..];
    let codec = header.codec().ok()?;
    let records = if codec == crate::record::Codec::None {
        body
    } else {
        crate::record::decompress(codec, body, crate::record::DECOMPRESSED_MAX_BYTES, &mut plain).ok()?;
        &plain
    };
    RecordIterator::new(records).map_while(Result::ok).find_map(|record| {
        let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
        let offset = header.base_offset.wrapping_add(i64::from(record.offset_delta));
        (timestamp >= timestamp_ms && offset >= log_start).then_some((offset, timestamp, epoch))
    })
}
