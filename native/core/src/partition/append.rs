//! Appending: validation outside the lock, then order, deduplication, offsets and one write under it.

use crate::log::validation::{ValidBatch, validate};
use crate::log::{LogConfig, ProducerState, ProducerUndo, TimestampType};
use crate::record::{self, BatchHeader};

use super::AppendError;

/// One partition's records of one request, and what became of them.
pub struct AppendEntry<'a> {
    pub records: &'a mut [u8],
    pub acks: i16,
    pub produce_version: i16,
    /// From [`super::Partition::begin_verification`], 0 where there was nothing to verify.
    pub guard: u64,
    pub result: Result<Appended, AppendError>,
}

impl<'a> AppendEntry<'a> {
    pub fn new(records: &'a mut [u8], acks: i16, produce_version: i16) -> Self {
        let pending = AppendError::InvalidBatch("the records were not looked at".to_owned());
        AppendEntry { records, acks, produce_version, guard: 0, result: Err(pending) }
    }
}

/// Where records now lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    /// One past the last record.
    pub end_offset: i64,
    /// Milliseconds, or -1 where records keep the producer's time.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// In which they were accepted.
    pub leader_epoch: i32,
    /// The records were in the log already.
    pub duplicate: bool,
}

/// A batch that has its offsets; its bytes are either the request's or those of another codec.
pub struct ReadyBatch {
    pub header: BatchHeader,
    pub base_offset: i64,
    pub max_timestamp: i64,
    pub entry: usize,
    pub start: usize,
    pub recompressed: Option<Vec<u8>>,
    /// How its producer stood before.
    pub undo: Option<ProducerUndo>,
}

/// What all entries of one append share.
pub struct Placement<'a> {
    pub producers: &'a mut ProducerState,
    pub leader_epoch: i32,
    pub next_offset: i64,
    pub config: &'a LogConfig,
    pub now_ms: i64,
    pub log_start_offset: i64,
    pub ready: Vec<ReadyBatch>,
}

/// Validates all entries; needs no lock.
pub fn validate_all(entries: &[AppendEntry<'_>], config: &LogConfig, now_ms: i64) -> Vec<Result<Vec<ValidBatch>, AppendError>> {
    entries.iter().map(|entry| validate(entry.records, config, now_ms)).collect()
}

/// Gives offsets to the batches of one entry, in place, from `next_offset` on. A repeated batch is answered with the
/// offsets it was given the first time.
pub fn place(
    placement: &mut Placement<'_>,
    index: usize,
    entry: &mut AppendEntry<'_>,
    batches: Vec<ValidBatch>,
) -> Result<Appended, AppendError> {
    let Placement { producers, leader_epoch, next_offset, config, now_ms, log_start_offset, ready } = placement;
    let (now_ms, log_start_offset) = (*now_ms, *log_start_offset);
    for batch in &batches {
        if batch.header.has_producer_id()
            && let Some(found) = producers.check(&batch.header)?
        {
            return Ok(Appended {
                base_offset: found.base_offset,
                end_offset: found.last_offset + 1,
                log_append_time_ms: -1,
                log_start_offset,
                leader_epoch: *leader_epoch,
                duplicate: true,
            });
        }
        producers.check_verified(&batch.header, entry.guard)?;
    }
    let base_offset = *next_offset;
    let append_time = config.timestamp_type == TimestampType::LogAppendTime;
    for mut batch in batches {
        let size = batch.header.size_in_bytes();
        let bytes = match &mut batch.recompressed {
            Some(bytes) => bytes.as_mut_slice(),
            None => &mut entry.records[batch.start..batch.start + size],
        };
        record::set_base_offset_and_leader_epoch(bytes, *next_offset, *leader_epoch);
        let max_timestamp = if append_time { now_ms } else { batch.max_timestamp };
        // Some clients leave the header's maximum at its first record's time; what is stored must be true.
        if append_time || batch.header.is_log_append_time() || batch.header.max_timestamp != max_timestamp {
            record::set_max_timestamp(bytes, append_time, max_timestamp);
            batch.header.max_timestamp = max_timestamp;
        }
        let undo = batch.header.has_producer_id().then(|| producers.append(&batch.header, *next_offset));
        ready.push(ReadyBatch {
            header: batch.header,
            base_offset: *next_offset,
            max_timestamp,
            entry: index,
            start: batch.start,
            recompressed: batch.recompressed,
            undo,
        });
        *next_offset += i64::from(batch.header.last_offset_delta) + 1;
    }
    Ok(Appended {
        base_offset,
        end_offset: *next_offset,
        log_append_time_ms: if append_time { now_ms } else { -1 },
        log_start_offset,
        leader_epoch: *leader_epoch,
        duplicate: false,
    })
}
