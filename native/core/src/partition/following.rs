//! What a follower does to its log: appends what it fetched as it came, and cuts off what its leader does not have.
//!
//! Every call names the leader epoch that it is about, and does nothing once the replica has moved on from it.

use std::sync::atomic::Ordering;

use super::{Partition, PartitionUnavailable, Role};
use crate::log::{LogConfig, LogError, LogWriter, PartitionLog, PlacedBatch, StorageFact};
use crate::record::{self, BATCH_OVERHEAD, BatchHeader, RecordIterator, decode_marker};

/// From where a follower fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPosition {
    pub fetch_offset: i64,
    /// -1 where the log knows of no epoch.
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The replica follows in another epoch by now, or does not follow.
    #[error("the replica does not follow in this leader epoch any more")]
    Moved,
    /// The fetched bytes are not what belongs there.
    #[error("the fetched records are not usable: {0}")]
    Corrupt(String),
    #[error("the log directory has too little free space")]
    StorageFull,
    #[error(transparent)]
    Unavailable(#[from] PartitionUnavailable),
}

impl Partition {
    /// `None` while the log is not open yet; it will be soon.
    pub fn fetch_position(&self) -> Result<Option<FetchPosition>, PartitionUnavailable> {
        if let Some(unavailable) = self.unavailable() {
            return Err(unavailable);
        }
        Ok(self.open_or_request().map(|log| FetchPosition {
            fetch_offset: log.log_end_offset(),
            last_fetched_epoch: log.latest_epoch(),
            log_start_offset: log.log_start_offset(),
        }))
    }

    /// Says that this follower gets nothing from its leader, and why: Kafka's code where the leader gave one, or a reason.
    pub fn report_stalled(&self, error: i16, reason: &str) {
        let (topic, partition, leader) = (self.topic().clone(), self.index(), self.standing().leader);
        self.home.report(StorageFact::ReplicaStalled { topic, partition, leader, error, reason: reason.to_owned() });
    }

    fn check_follows(&self, writer: &LogWriter, leader_epoch: i32) -> Result<(), FollowError> {
        if let Some(unavailable) = writer.unavailable().or_else(|| self.unavailable()) {
            return Err(unavailable.into());
        }
        let follows = self.role() == Role::Follower && self.leader_epoch() == leader_epoch;
        if follows { Ok(()) } else { Err(FollowError::Moved) }
    }

    /// Appends whole batches that the leader gave, with the offsets and epochs they have there. What is no whole batch at
    /// the end is left.
    pub fn append_fetched(&self, leader_epoch: i32, records: &[u8], now_ms: i64) -> Result<(), FollowError> {
        let batches = split_batches(records)?;
        let log = self.log()?;
        let config = self.config.load();
        let mut writer = log.writer();
        self.check_follows(&writer, leader_epoch)?;
        writer.producers.set_now(now_ms);
        let mut rest = batches.as_slice();
        while !rest.is_empty() {
            let taken = append_run(&log, &mut writer, rest, &config).map_err(|error| match error {
                StoredError::Misplaced(message) => FollowError::Corrupt(message),
                StoredError::Log(error) => self.follow_failure(&error),
            })?;
            rest = &rest[taken..];
        }
        drop(writer);
        if config.commits_by_flush() {
            // What the leader is told that this replica has is to be on disk.
            self.flush()?;
        }
        self.wake_watchers();
        Ok(())
    }

    fn follow_failure(&self, error: &LogError) -> FollowError {
        let unavailable = self.failed_by(error);
        if error.is_storage_full() { FollowError::StorageFull } else { unavailable.into() }
    }

    /// Takes over how far the leader says records are committed, as far as this log has them.
    pub fn follow_high_watermark(&self, leader_epoch: i32, high_watermark: i64) -> Result<(), FollowError> {
        let log = self.log()?;
        let committed = high_watermark.min(log.log_end_offset());
        if committed <= self.high_watermark() {
            return Ok(());
        }
        let mut writer = log.writer();
        self.check_follows(&writer, leader_epoch)?;
        self.raise_high_watermark(committed, &mut writer.producers);
        drop(writer);
        self.wake_watchers();
        Ok(())
    }

    /// Cuts the log where it parts from the leader's, which has said where the largest epoch it shares with it, or knows
    /// below it, ends (KIP-101, KIP-279). Where this log does not know that epoch, the next answer brings it further.
    pub fn truncate_to_epoch_end(&self, leader_epoch: i32, epoch: i32, end_offset: i64) -> Result<(), FollowError> {
        let log = self.log()?;
        let (own_epoch, own_end) = log.end_offset_for_epoch(epoch);
        let offset = match own_epoch {
            // Nothing is known of epochs here: the leader's word is all there is.
            -1 => end_offset,
            own_epoch if own_epoch == epoch => own_end.min(end_offset),
            _ => own_end,
        };
        self.truncate_to(leader_epoch, offset.min(log.log_end_offset()))
    }

    /// Cuts off all from `offset` on.
    pub fn truncate_to(&self, leader_epoch: i32, offset: i64) -> Result<(), FollowError> {
        let log = self.log()?;
        let _not_while_compacting = self.compacting.lock();
        let mut writer = log.writer();
        self.check_follows(&writer, leader_epoch)?;
        let from_offset = log.log_end_offset();
        if offset < from_offset {
            self.lower_recovery_point(&log, offset)?;
        }
        let config = self.config.load();
        let removed = log.truncate(&mut writer, offset, &config).map_err(|error| self.follow_failure(&error))?;
        self.after_cut(&log, writer, from_offset, removed);
        Ok(())
    }

    /// Drops all there is and begins anew at `offset`: the leader has nothing older any more.
    pub fn begin_at(&self, leader_epoch: i32, offset: i64) -> Result<(), FollowError> {
        let log = self.log()?;
        let _not_while_compacting = self.compacting.lock();
        let mut writer = log.writer();
        self.check_follows(&writer, leader_epoch)?;
        let from_offset = log.log_end_offset();
        self.lower_recovery_point(&log, log.log_start_offset())?;
        let mut removed = log.clear(&mut writer).map_err(|error| self.follow_failure(&error))?;
        let started = self.home.write_log_start(self.topic(), self.index(), offset);
        started.map_err(|error| self.follow_failure(&LogError::io(&self.dir(), error)))?;
        removed.extend(log.start_at(&mut writer, offset).map_err(|error| self.follow_failure(&error))?);
        // All below the leader's log start is committed, and all above it is still to come.
        self.high_watermark.store(offset, Ordering::Release);
        self.last_stable_offset.store(offset, Ordering::Release);
        self.after_cut(&log, writer, from_offset, removed);
        Ok(())
    }

    /// A start after a crash has to verify what is written from here on, whatever the recovery point was before.
    fn lower_recovery_point(&self, log: &PartitionLog, offset: i64) -> Result<(), FollowError> {
        log.lower_recovery_point(offset);
        let lowered = self.home.lower_recovery_point(self.topic(), self.index(), log.recovery_point());
        lowered.map_err(|error| self.follow_failure(&LogError::io(&self.dir(), error)))
    }

    fn after_cut(
        &self,
        log: &PartitionLog,
        mut writer: parking_lot::MutexGuard<'_, LogWriter>,
        from_offset: i64,
        removed: Vec<std::path::PathBuf>,
    ) {
        let to_offset = log.log_end_offset();
        let committed = self.high_watermark.fetch_min(to_offset, Ordering::AcqRel).min(to_offset);
        self.last_stable_offset.store(writer.producers.last_stable_offset(committed), Ordering::Release);
        drop(writer);
        self.home.remove_later(removed);
        if to_offset != from_offset {
            let (topic, partition) = (self.topic().clone(), self.index());
            self.home.report(StorageFact::PartitionTruncated { topic, partition, from_offset, to_offset });
        }
        self.wake_watchers();
    }
}

/// Why batches that have their offsets were not appended.
pub(super) enum StoredError {
    Misplaced(String),
    Log(LogError),
}

/// Appends batches of one epoch up to and with a control batch; returns how many.
pub(super) fn append_run(
    log: &PartitionLog,
    writer: &mut LogWriter,
    batches: &[(BatchHeader, &[u8])],
    config: &LogConfig,
) -> Result<usize, StoredError> {
    let epoch = batches[0].0.partition_leader_epoch;
    let mut expected = log.log_end_offset();
    let mut placed = Vec::new();
    for &(header, bytes) in batches {
        let ends_run = placed.last().is_some_and(|last: &PlacedBatch<'_>| last.header.is_control());
        if header.partition_leader_epoch != epoch || ends_run {
            break;
        }
        if header.base_offset < expected {
            let message = format!("a batch begins at offset {} where {expected} was due", header.base_offset);
            placed.iter().rev().filter_map(|batch: &PlacedBatch<'_>| batch.undo.as_ref()).for_each(|undo| writer.producers.undo(undo));
            return Err(StoredError::Misplaced(message));
        }
        expected = header.last_offset() + 1;
        let is_data = header.has_producer_id() && !header.is_control();
        let undo = is_data.then(|| writer.producers.append(&header, header.base_offset));
        placed.push(PlacedBatch { header, base_offset: header.base_offset, max_timestamp: header.max_timestamp, bytes, undo });
    }
    if let Err(failure) = log.append(writer, &placed, epoch, config) {
        let unwritten = placed[failure.written_count..].iter().rev();
        unwritten.filter_map(|batch| batch.undo.as_ref()).for_each(|undo| writer.producers.undo(undo));
        return Err(StoredError::Log(failure.error));
    }
    if let Some(last) = placed.last().filter(|last| last.header.is_control() && last.header.has_producer_id()) {
        let record = RecordIterator::new(&last.bytes[BATCH_OVERHEAD..]).next().and_then(Result::ok);
        let marker = record.and_then(|record| decode_marker(record.key?, record.value?));
        if let Some((commit, coordinator_epoch)) = marker
            && let Some(txn) = writer.producers.complete(&last.header, last.base_offset, coordinator_epoch, commit)
        {
            log.note_aborted(txn);
        }
    }
    Ok(placed.len())
}

/// The whole batches, each with its header, their checksums verified.
pub(super) fn split_batches(records: &[u8]) -> Result<Vec<(BatchHeader, &[u8])>, FollowError> {
    let mut batches = Vec::new();
    let mut rest = records;
    while rest.len() >= BATCH_OVERHEAD {
        let header = BatchHeader::decode(rest).map_err(|error| FollowError::Corrupt(error.to_string()))?;
        let Some((batch, after)) = rest.split_at_checked(header.size_in_bytes()) else { break };
        if record::checksum(batch) != header.crc {
            return Err(FollowError::Corrupt(format!("the checksum of the batch at offset {} does not hold", header.base_offset)));
        }
        if header.last_offset_delta < 0 || header.base_offset < 0 {
            return Err(FollowError::Corrupt(format!("the batch at offset {} has impossible offsets", header.base_offset)));
        }
        batches.push((header, batch));
        rest = after;
    }
    Ok(batches)
}
