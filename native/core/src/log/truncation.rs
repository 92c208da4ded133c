//! Cutting a log's end off, as a follower does whose log parted from its leader's.
//!
//! Whatever a crash leaves is a log that ended where this one did or earlier: the newest segment goes first, and what was
//! derived from the lost end is gone, durably, before anything is written in its place. The caller has lowered the
//! recovery point on disk before.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::LogConfig;
use super::loader;
use super::partition_log::{LogError, LogWriter, PartitionLog};
use super::producer_state::ProducerState;
use super::segment::Segment;
use crate::env::Durability;

impl PartitionLog {
    /// No more than this is taken as durable from now on.
    pub fn lower_recovery_point(&self, offset: i64) {
        let mut cut_count = self.keeping.lock();
        *cut_count += 1;
        self.recovery_point.fetch_min(offset, Ordering::AcqRel);
    }

    /// Cuts off every batch that reaches `offset` or lies after it, and all that was remembered of them. Returns files to
    /// be removed.
    pub fn truncate(&self, writer: &mut LogWriter, offset: i64, config: &LogConfig) -> Result<Vec<PathBuf>, LogError> {
        let mut removed = Vec::new();
        if offset < self.log_end_offset() {
            let mut cut_count = self.keeping.lock();
            *cut_count += 1;
            let first = self.segments.load()[0].base_offset;
            removed = self.drop_segments_from(offset.max(first + 1))?;
            let log_end = self.cut_last_segment(offset, config)?;
            self.log_end_offset.store(log_end, Ordering::Release);
            // Deleting records may have raised it above what is left.
            self.log_start_offset.fetch_min(log_end, Ordering::AcqRel);
            self.recovery_point.fetch_min(log_end, Ordering::AcqRel);
            let snapshots = self.drop_snapshots_above(log_end)?;
            let segments = self.segments.load();
            let (producers, snapshot_offset) =
                loader::recover_producers(&self.context, &self.dir, &segments, &snapshots, log_end).map_err(self.io())?;
            writer.producers = producers;
            writer.snapshot_offset = snapshot_offset;
        }
        self.epochs.lock().truncate(offset);
        self.flush_epochs(Durability::Now)?;
        writer.latest_epoch = self.latest_epoch();
        Ok(removed)
    }

    /// Drops all but an empty segment at the log start. Returns files to be removed.
    pub fn clear(&self, writer: &mut LogWriter) -> Result<Vec<PathBuf>, LogError> {
        let mut cut_count = self.keeping.lock();
        *cut_count += 1;
        let base_offset = self.segments.load()[0].base_offset;
        let removed = self.drop_segments_from(base_offset)?;
        self.drop_snapshots_above(-1)?;
        self.reset(writer, base_offset)?;
        Ok(removed)
    }

    /// Has an empty log begin at `offset`, which the caller has made its start, durably. Returns files to be removed.
    pub fn start_at(&self, writer: &mut LogWriter, offset: i64) -> Result<Vec<PathBuf>, LogError> {
        let _no_flush_meanwhile = self.keeping.lock();
        let removed = self.active().mark_deleted().map_err(self.io())?;
        self.context.env.files.sync_dir(&self.dir).map_err(self.io())?;
        self.reset(writer, offset)?;
        Ok(removed)
    }

    fn reset(&self, writer: &mut LogWriter, offset: i64) -> Result<(), LogError> {
        let segment = Segment::open_active(&self.context, &self.dir, offset).map_err(self.io())?;
        self.segments.store(Arc::new(vec![segment]));
        self.log_start_offset.store(offset, Ordering::Release);
        self.log_end_offset.store(offset, Ordering::Release);
        self.recovery_point.store(offset, Ordering::Release);
        writer.producers = ProducerState::default();
        writer.snapshot_offset = -1;
        writer.latest_epoch = -1;
        self.epochs.lock().truncate(i64::MIN);
        self.flush_epochs(Durability::Now)
    }

    /// Renames the files of the segments that begin at or after `offset`, the newest first, each durably before the next:
    /// a gap would be taken for what compaction leaves.
    fn drop_segments_from(&self, offset: i64) -> Result<Vec<PathBuf>, LogError> {
        let segments = self.segments.load_full();
        let kept = segments.partition_point(|segment| segment.base_offset < offset);
        let mut removed = Vec::new();
        for segment in segments[kept..].iter().rev() {
            let _ = segment.retire(); // readers that hold it and cannot go on are told so
            removed.extend(segment.mark_deleted().map_err(self.io())?);
            self.context.env.files.sync_dir(&self.dir).map_err(self.io())?;
        }
        if kept > 0 {
            self.segments.store(Arc::new(segments[..kept].to_vec()));
        }
        Ok(removed)
    }

    /// Makes the last segment that is left the active one, without what reaches `offset`; returns where the log ends.
    fn cut_last_segment(&self, offset: i64, config: &LogConfig) -> Result<i64, LogError> {
        let files = &*self.context.env.files;
        let old = self.active();
        let position = old.find_batch(offset).map_err(self.io())?.map_or(old.size(), |(position, _)| position);
        let aborted = old.aborted().map_err(self.io())?;
        // Indexes speak of what is about to go; they are made again.
        for suffix in ["index", "timeindex", "txnindex"] {
            match files.remove_file(&Segment::path(&self.dir, old.base_offset, suffix)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(self.io())?,
            }
        }
        files.sync_dir(&self.dir).map_err(self.io())?;
        let segment = Segment::open_active(&self.context, &self.dir, old.base_offset).map_err(self.io())?;
        if segment.size() > 0 {
            segment.truncate(position).map_err(|source| LogError::NotDurable { path: segment.log_path(), source })?;
        }
        segment.restart_index();
        let mut log_end = segment.base_offset;
        segment
            .scan(0, false, |position, header, _| {
                segment.reindex(position, header, config.index_interval_bytes);
                log_end = header.last_offset() + 1;
                true
            })
            .map_err(self.io())?;
        aborted.into_iter().filter(|txn| txn.last_offset < log_end).for_each(|txn| segment.note_aborted(txn));
        // Durably, before the snapshots that are left are trusted again: transactions before them are not looked for.
        segment.write_indexes(Durability::Now).map_err(self.io())?;
        let mut segments = Vec::clone(&self.segments.load());
        segments.pop();
        segments.push(segment);
        self.segments.store(Arc::new(segments));
        Ok(log_end)
    }

    /// Removes producer snapshots that lie above `offset`, durably; returns the others' offsets, ascending.
    fn drop_snapshots_above(&self, offset: i64) -> Result<Vec<i64>, LogError> {
        let files = &*self.context.env.files;
        let mut kept = Vec::new();
        for entry in files.list(&self.dir).map_err(self.io())? {
            let Some(at) = entry.name.strip_suffix(".snapshot").and_then(|stem| stem.parse::<i64>().ok()) else { continue };
            if at <= offset {
                kept.push(at);
            } else {
                files.remove_file(&self.dir.join(entry.name)).map_err(self.io())?;
            }
        }
        files.sync_dir(&self.dir).map_err(self.io())?;
        kept.sort_unstable();
        Ok(kept)
    }

    fn io(&self) -> impl Fn(io::Error) -> LogError {
        let dir = self.dir.clone();
        move |error| LogError::io(&dir, error)
    }
}
