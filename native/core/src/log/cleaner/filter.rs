//! One batch through the cleaner: kept as it is, rewritten with fewer records, emptied, or left out. Offsets, sequences
//! and timestamps of what stays never change.

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
pub fn filter(context: &FilterContext<'_>, header: &BatchHeader, batch: &[u8], view: BatchView) -> Result<Outcome, String> {
    let codec = header.codec().map_err(|code| format!("unknown compression codec {code}"))?;
    let mut plain = Vec::new();
    let records = match codec {
        Codec::None => &batch[BATCH_OVERHEAD..],
        _ => {
            record::decompress(codec, &batch[BATCH_OVERHEAD..], DECOMPRESSED_MAX_BYTES, &mut plain).map_err(|error| error.to_string())?;
            &plain[..]
        }
    };
    let hashes = hash_keys(context, header, records);
    let mut hashes = hashes.into_iter();
    let mut walk = RecordIterator::new(records);
    let mut kept_ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut count, mut kept_count, mut has_tombstone) = (0u64, 0u64, false);
    let mut max_timestamp = i64::MIN;
    let mut start = 0;
    while let Some(found) = walk.next() {
        let found = found.map_err(|error| format!("record {count}: {error}"))?;
        let end = records.len() - walk.remaining_len();
        count += 1;
        let newest = found.key.and_then(|_| context.map.get(hashes.next()?));
        if !view.is_discarded && stays(context, header, &found, newest) {
            kept_count += 1;
            has_tombstone |= !header.is_control() && found.value.is_none();
            max_timestamp = max_timestamp.max(header.base_timestamp.wrapping_add(found.timestamp_delta));
            match kept_ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => kept_ranges.push(start..end),
            }
        }
        start = end;
    }
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
        for range in &kept_ranges {
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

/// The hashes of all keys, in order, their places in the map looked at once.
fn hash_keys(context: &FilterContext<'_>, header: &BatchHeader, records: &[u8]) -> Vec<KeyHash> {
    if header.is_control() || header.base_offset >= context.map.end_offset() {
        return Vec::new();
    }
    let keys = RecordIterator::new(records).map_while(|found| found.ok()).filter_map(|found| found.key);
    let hashes: Vec<KeyHash> = keys.map(|key| context.map.hash(key)).collect();
    context.map.warm(&hashes);
    hashes
}

/// `newest` is the newest offset of the record's key.
fn stays(context: &FilterContext<'_>, header: &BatchHeader, found: &record::Record<'_>, newest: Option<i64>) -> bool {
    if header.is_control() {
        return true;
    }
    let offset = header.base_offset + i64::from(found.offset_delta);
    if offset >= context.map.end_offset() {
        return true; // not looked at yet
    }
    // Nothing without a key belongs into a compacted log; Kafka drops it as well.
    if found.key.is_none() {
        return false;
    }
    let is_newest = newest.is_none_or(|newest| offset >= newest);
    let may_go = header.delete_horizon_ms().is_some_and(|horizon| horizon <= context.now_ms);
    // What an expired record has superseded goes in the same run or went before.
    let has_expired = context.record_ttl && timing::expires_at_ms(header, found).is_some_and(|expires_ms| expires_ms <= context.now_ms);
    is_newest && !has_expired && (found.value.is_some() || !may_go)
}
