//! One batch through the cleaner: kept as it is, rewritten with fewer records, emptied, or left out. Offsets, sequences
//! and timestamps of what stays never change.

use std::ops::Range;

use crate::record::{self, BATCH_OVERHEAD, BatchHeader, Codec, DECOMPRESSED_MAX_BYTES, RecordIterator, timing};

use super::offset_map::{KeyHash, OffsetMap};

/// What the cleaner holds against a batch as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchView {
    /// Data of an aborted transaction, or a marker whose time has come.
    pub is_discarded: bool,
    /// A marker of a transaction of which nothing is left: its time begins.
    pub is_obsolete_marker: bool,
    /// The newest batch of a live producer: without it deduplication would forget the producer.
    pub is_last_of_producer: bool,
}

pub struct FilterContext<'a> {
    pub map: &'a OffsetMap,
    pub now_ms: i64,
    pub delete_retention_ms: i64,
    /// Records whose header ends their life go once that is over.
    pub record_ttl: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Filtered {
    /// The stored bytes stay.
    Kept,
    /// The new bytes.
    Rewritten(Vec<u8>),
    Dropped,
}

pub struct Outcome {
    pub filtered: Filtered,
    pub records_read: u64,
    pub records_kept: u64,
}

/// Decides what stays of a batch. Fails with a sentence where the batch cannot be read.
pub fn filter(
    context: &FilterContext<'_>,
    scratch: &mut Scratch,
    header: &BatchHeader,
    batch: &[u8],
    view: BatchView,
) -> Result<Outcome, String> {
    let codec = header.codec().map_err(|code| format!("unknown compression codec {code}"))?;
    let mut plain = Vec::new();
    let records = plain_records(codec, batch, &mut plain)?;
    let is_mapped = !header.is_control() && header.base_offset < context.map.end_offset();
    scratch.read(context, header, records, is_mapped)?;
    context.map.warm(scratch.found.iter().filter_map(|found| found.hash));
    scratch.kept_ranges.clear();
    let (mut kept_count, mut has_tombstone, mut max_timestamp, mut start) = (0u64, false, i64::MIN, 0);
    for found in &scratch.found {
        if !view.is_discarded && stays(context, header, found) {
            kept_count += 1;
            has_tombstone |= !header.is_control() && !found.has_value;
            max_timestamp = max_timestamp.max(header.base_timestamp.wrapping_add(found.timestamp_delta));
            match scratch.kept_ranges.last_mut() {
                Some(last) if last.end == start => last.end = found.end,
                _ => scratch.kept_ranges.push(start..found.end),
            }
        }
        start = found.end;
    }
    let kept_ranges = &scratch.kept_ranges;
    let count = scratch.found.len() as u64;
    let outcome = |filtered| Ok(Outcome { filtered, records_read: count, records_kept: kept_count });
    if kept_count == 0 && !view.is_last_of_producer {
        return outcome(Filtered::Dropped);
    }
    let sets_horizon = (has_tombstone || view.is_obsolete_marker && kept_count > 0) && !header.has_delete_horizon();
    if kept_count == count && !sets_horizon {
        return outcome(Filtered::Kept);
    }
    let mut rewritten = *header;
    rewritten.record_count = kept_count as i32;
    if kept_count == 0 {
        rewritten = rewritten.with_codec(Codec::None);
    }
    if kept_count > 0 && !header.is_log_append_time() {
        rewritten.max_timestamp = max_timestamp;
    }
    let mut body = Vec::with_capacity(records.len());
    if sets_horizon {
        // KIP-534: the base timestamp holds when the batch's tombstones and markers may go.
        rewritten = rewritten.with_delete_horizon(context.now_ms.saturating_add(context.delete_retention_ms));
        let shift = header.base_timestamp.wrapping_sub(rewritten.base_timestamp);
        for range in kept_ranges {
            record::shift_timestamps(&records[range.clone()], shift, &mut body).map_err(|error| error.to_string())?;
        }
    } else {
        kept_ranges.iter().for_each(|range| body.extend_from_slice(&records[range.clone()]));
    }
    let stored = if codec == Codec::None || body.is_empty() {
        body
    } else {
        record::compress(codec, 0, &body).map_err(|error| error.to_string())?
    };
    outcome(Filtered::Rewritten(record::rebuild_batch(&rewritten, &stored)))
}

fn stays(context: &FilterContext<'_>, header: &BatchHeader, found: &Found) -> bool {
    if header.is_control() {
        return true;
    }
    let offset = header.base_offset + i64::from(found.offset_delta);
    if offset >= context.map.end_offset() {
        return true; // not looked at yet
    }
    // Nothing without a key belongs into a compacted log; Kafka drops it as well.
    let Some(hash) = found.hash else { return false };
    let is_newest = context.map.get(hash).is_none_or(|newest| offset >= newest);
    let may_go = header.delete_horizon_ms().is_some_and(|horizon| horizon <= context.now_ms);
    // What an expired record has superseded goes in the same run or went before.
    is_newest && !found.has_expired && (found.has_value || !may_go)
}

/// What the cleaner needs to know of a record, so that a batch is walked once.
struct Found {
    /// Where the record ends among the uncompressed records.
    end: usize,
    offset_delta: i32,
    timestamp_delta: i64,
    /// `None` where it has no key, or where that does not matter.
    hash: Option<KeyHash>,
    has_value: bool,
    has_expired: bool,
}

/// Memory that is used for one batch after the other.
#[derive(Default)]
pub struct Scratch {
    found: Vec<Found>,
    kept_ranges: Vec<Range<usize>>,
}

impl Scratch {
    fn read(&mut self, context: &FilterContext<'_>, header: &BatchHeader, records: &[u8], is_mapped: bool) -> Result<(), String> {
        self.found.clear();
        let mut walk = RecordIterator::new(records);
        while let Some(record) = walk.next() {
            let record = record.map_err(|error| format!("record {}: {error}", self.found.len()))?;
            let has_expired = is_mapped
                && context.record_ttl
                && timing::expires_at_ms(header, &record).is_some_and(|expires_ms| expires_ms <= context.now_ms);
            self.found.push(Found {
                end: records.len() - walk.remaining_len(),
                offset_delta: record.offset_delta,
                timestamp_delta: record.timestamp_delta,
                hash: record.key.filter(|_| is_mapped).map(|key| context.map.hash(key)),
                has_value: record.value.is_some(),
                has_expired,
            });
        }
        Ok(())
    }
}

/// The records of a batch, unpacked into `plain` where they are compressed.
pub(super) fn plain_records<'a>(codec: Codec, batch: &'a [u8], plain: &'a mut Vec<u8>) -> Result<&'a [u8], String> {
    let stored = &batch[BATCH_OVERHEAD..];
    if codec == Codec::None {
        return Ok(stored);
    }
    record::decompress(codec, stored, DECOMPRESSED_MAX_BYTES, plain).map_err(|error| error.to_string())?;
    Ok(plain)
}
