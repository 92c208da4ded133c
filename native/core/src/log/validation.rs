//! What a client's batches must be before they are given offsets. A batch that passes is stored as it was sent, unless
//! the topic demands another codec.

use std::cell::RefCell;

use crate::log::{CompressionType, LogConfig, TimestampType};
use crate::partition::{AppendError, RecordError, RecordErrorKind};
use crate::record::{self, BATCH_OVERHEAD, BatchHeader, BatchHeaderError, Codec, NO_TIMESTAMP, Record, RecordIterator, timing};

/// Scratch space above this is given back after use.
const SCRATCH_KEEP_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A batch that passed, and its bytes in another codec where the topic demands one.
#[derive(Debug)]
pub struct ValidBatch {
    pub header: BatchHeader,
    /// The greatest timestamp of its records, whatever the header says: retention and look-up by time rely on it.
    pub max_timestamp: i64,
    pub start: usize,
    pub recompressed: Option<Vec<u8>>,
}

/// Checks all batches of one partition's records: framing, checksum, limits, and every record.
pub fn validate(records: &[u8], config: &LogConfig, now_ms: i64) -> Result<Vec<ValidBatch>, AppendError> {
    let mut batches = Vec::with_capacity(1);
    let mut start = 0;
    while start < records.len() {
        let rest = &records[start..];
        let header = BatchHeader::decode(rest).map_err(|error| match error {
            BatchHeaderError::UnsupportedMagic(magic) => AppendError::UnsupportedMagic(magic),
            // What is not even a head is no batch, rather than a bad one.
            BatchHeaderError::TooShort(_) => AppendError::InvalidBatch(error.to_string()),
            other => AppendError::CorruptBatch(other.to_string()),
        })?;
        let size = header.size_in_bytes();
        if size > rest.len() {
            return Err(AppendError::InvalidBatch(format!("a batch of {size} bytes ends after {}", rest.len())));
        }
        let batch = &rest[..size];
        if size > config.max_message_bytes as usize {
            return Err(AppendError::BatchTooLarge { size: size as u32, max: config.max_message_bytes });
        }
        if size > config.segment_bytes as usize {
            return Err(AppendError::BatchLargerThanSegment { size: size as u32, max: config.segment_bytes });
        }
        if record::checksum(batch) != header.crc {
            return Err(AppendError::CorruptBatch("the checksum of a batch does not match its content".to_owned()));
        }
        check_header(&header)?;
        let (max_timestamp, recompressed) = check_records(batch, &header, config, now_ms)?;
        batches.push(ValidBatch { header, max_timestamp, start, recompressed });
        start += size;
    }
    match batches.as_slice() {
        [] => Err(AppendError::InvalidBatch("there is no record batch".to_owned())),
        // Kafka takes one batch of a partition in a request since version 3 (KIP-98 checks sequences batch by batch).
        [_, _, ..] => Err(AppendError::InvalidBatch(format!("a partition's records must be one batch, not {}", batches.len()))),
        _ => Ok(batches),
    }
}

fn check_header(header: &BatchHeader) -> Result<(), AppendError> {
    let invalid = |text: String| Err(AppendError::InvalidBatch(text));
    if header.record_count <= 0 || header.last_offset_delta != header.record_count - 1 {
        return invalid(format!("{} records do not fit a last offset delta of {}", header.record_count, header.last_offset_delta));
    }
    if header.is_control() {
        return invalid("clients may not write control batches".to_owned());
    }
    if header.has_producer_id() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return invalid("a batch with a producer id needs an epoch and a sequence".to_owned());
    }
    if header.is_transactional() && !header.has_producer_id() {
        return invalid("a transactional batch needs a producer id".to_owned());
    }
    if header.has_delete_horizon() {
        return invalid("clients may not set a delete horizon".to_owned());
    }
    Ok(())
}

/// The greatest timestamp of the records, and the batch in another codec where the topic demands one.
fn check_records(batch: &[u8], header: &BatchHeader, config: &LogConfig, now_ms: i64) -> Result<(i64, Option<Vec<u8>>), AppendError> {
    let codec = header.codec().map_err(AppendError::UnsupportedCompression)?;
    let target = match config.compression_type {
        CompressionType::Producer => codec,
        CompressionType::Codec(target) => target,
    };
    let body = &batch[BATCH_OVERHEAD..];
    if codec == Codec::None && target == Codec::None {
        let max_timestamp = check_each(body, header, config, now_ms)?;
        check_timing(body, config, now_ms)?;
        return Ok((max_timestamp, None));
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        record::decompress(codec, body, record::DECOMPRESSED_MAX_BYTES, scratch)
            .map_err(|error| AppendError::CorruptBatch(format!("{} data cannot be decompressed: {error}", codec.name())))?;
        let max_timestamp = check_each(scratch, header, config, now_ms)?;
        check_timing(scratch, config, now_ms)?;
        let recompressed = if target == codec {
            None
        } else {
            let compressed = record::compress(target, config.compression_level, scratch)
                .map_err(|error| AppendError::InvalidBatch(format!("compressing with {} failed: {error}", target.name())))?;
            let mut rebuilt = batch[..BATCH_OVERHEAD].to_vec();
            record::recompress(&mut rebuilt, header, target, &compressed);
            Some(rebuilt)
        };
        if scratch.capacity() > SCRATCH_KEEP_BYTES {
            *scratch = Vec::new();
        }
        Ok((max_timestamp, recompressed))
    })
}

/// Walks every record without allocating; errors of single records are told one by one (KIP-467). Returns the greatest
/// timestamp.
fn check_each(records: &[u8], header: &BatchHeader, config: &LogConfig, now_ms: i64) -> Result<i64, AppendError> {
    let create_time = config.timestamp_type == TimestampType::CreateTime;
    let oldest = now_ms.saturating_sub(config.timestamp_before_max_ms);
    let newest = now_ms.saturating_add(config.timestamp_after_max_ms);
    let mut refused = Vec::new();
    let mut kind = RecordErrorKind::InvalidRecord;
    let mut count = 0;
    let mut max_timestamp = NO_TIMESTAMP;
    for (index, record) in RecordIterator::new(records).enumerate() {
        let record = record.map_err(|error| AppendError::InvalidBatch(format!("record {index}: {error}")))?;
        if record.offset_delta != index as i32 {
            return Err(AppendError::InvalidBatch(format!("record {index} has offset delta {}", record.offset_delta)));
        }
        count += 1;
        // All records of a batch with the time of an append have that time.
        let timestamp =
            if header.is_log_append_time() { header.max_timestamp } else { header.base_timestamp.wrapping_add(record.timestamp_delta) };
        max_timestamp = max_timestamp.max(timestamp);
        if config.compacted && record.key.is_none() {
            let message = "a compacted topic takes no record without a key".to_owned();
            refused.push(RecordError { batch_index: index as i32, message });
            kind = RecordErrorKind::InvalidRecord;
        } else if create_time && timestamp != NO_TIMESTAMP && (timestamp < oldest || timestamp > newest) {
            let message = format!("timestamp {timestamp} is outside {oldest}..={newest}");
            refused.push(RecordError { batch_index: index as i32, message });
            kind = RecordErrorKind::InvalidTimestamp;
        }
    }
    if count != header.record_count {
        return Err(AppendError::InvalidBatch(format!("{count} records where {} are announced", header.record_count)));
    }
    if refused.is_empty() { Ok(max_timestamp) } else { Err(AppendError::RecordErrors(kind, refused)) }
}

/// Where the topic heeds headers that delay records or end their life, those must be understood: a mistaken one would hold
/// the partition up, or keep a record that was to go. The records were walked before.
fn check_timing(records: &[u8], config: &LogConfig, now_ms: i64) -> Result<(), AppendError> {
    if config.delivery_delay_max_ms.is_none() && !config.record_ttl {
        return Ok(());
    }
    let mut refused = Vec::new();
    for (index, record) in RecordIterator::new(records).map_while(Result::ok).enumerate() {
        if let Some(message) = timing_fault(&record, config, now_ms) {
            refused.push(RecordError { batch_index: index as i32, message });
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(AppendError::RecordErrors(RecordErrorKind::InvalidRecord, refused)) }
}

fn timing_fault(record: &Record<'_>, config: &LogConfig, now_ms: i64) -> Option<String> {
    let unreadable = |name: &str| format!("header {name} must be a number of milliseconds, as decimal digits or as 8 bytes big-endian");
    if let Some(max_ms) = config.delivery_delay_max_ms
        && let Some(value) = timing::last_header(record, timing::DELIVER_AT_HEADER)
    {
        let Some(at_ms) = timing::decode_ms(value) else { return Some(unreadable(timing::DELIVER_AT_HEADER)) };
        let ahead_ms = at_ms.saturating_sub(now_ms);
        if ahead_ms > max_ms {
            let name = timing::DELIVER_AT_HEADER;
            return Some(format!("header {name} lies {ahead_ms} ms ahead, more than delivery.delay.max.ms ({max_ms})"));
        }
    }
    let has_bad_ttl =
        config.record_ttl && timing::last_header(record, timing::TTL_HEADER).is_some_and(|value| timing::decode_ms(value).is_none());
    has_bad_ttl.then(|| unreadable(timing::TTL_HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordInput, build_batch};

    fn record(key: Option<&str>, timestamp_ms: i64) -> RecordInput {
        RecordInput {
            key: key.map(|key| key.as_bytes().to_vec()),
            value: Some(b"value".to_vec()),
            timestamp_ms: Some(timestamp_ms),
            headers: vec![("h".to_owned(), Some(b"v".to_vec()))],
        }
    }

    #[test]
    fn a_flipped_bit_is_a_corrupt_batch() {
        let batch = build_batch(&[record(None, 5)], None, 5);
        for position in 21..batch.len() {
            let mut flipped = batch.clone();
            flipped[position] ^= 1;
            let outcome = validate(&flipped, &LogConfig::default(), 5);
            assert!(matches!(outcome, Err(AppendError::CorruptBatch(_))), "byte {position}: {outcome:?}");
        }
    }

    #[test]
    fn a_record_count_that_lies_is_refused_although_the_checksum_holds() {
        let mut batch = build_batch(&[record(None, 5), record(None, 6)], None, 5);
        batch[57..61].copy_from_slice(&3i32.to_be_bytes());
        batch[23..27].copy_from_slice(&2i32.to_be_bytes());
        record::seal(&mut batch);
        assert!(matches!(validate(&batch, &LogConfig::default(), 5), Err(AppendError::InvalidBatch(_))));
    }

    #[test]
    fn the_greatest_timestamp_is_that_of_the_records_and_not_what_the_header_says() {
        for said in [0, 6, 9, i64::MAX] {
            let mut batch = build_batch(&[record(None, 5), record(None, 9), record(None, 7)], None, 5);
            record::set_max_timestamp(&mut batch, false, said);
            for compression_type in [CompressionType::Producer, CompressionType::Codec(Codec::Lz4)] {
                let config = LogConfig { compression_type, ..LogConfig::default() };
                assert_eq!(validate(&batch, &config, 5).expect("valid")[0].max_timestamp, 9, "the header says {said}");
            }
        }
    }

    #[test]
    fn records_are_refused_one_by_one() {
        let batch = build_batch(&[record(Some("a"), 5), record(None, 5)], None, 5);
        let compacted = LogConfig { compacted: true, ..LogConfig::default() };
        match validate(&batch, &compacted, 5) {
            Err(AppendError::RecordErrors(RecordErrorKind::InvalidRecord, errors)) => {
                assert_eq!(errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [1]);
            }
            other => panic!("{other:?}"),
        }
        let late = build_batch(&[record(None, 3_600_006)], None, 5);
        let outcome = validate(&late, &LogConfig::default(), 5);
        assert!(matches!(outcome, Err(AppendError::RecordErrors(RecordErrorKind::InvalidTimestamp, _))), "{outcome:?}");
    }

    #[test]
    fn headers_that_are_heeded_must_be_understood() {
        let with = |name: &str, value: &[u8]| RecordInput { headers: vec![(name.to_owned(), Some(value.to_vec()))], ..record(None, 5) };
        let records = [
            with(timing::DELIVER_AT_HEADER, b"1005"),
            with(timing::DELIVER_AT_HEADER, b"1006"),
            with(timing::DELIVER_AT_HEADER, b"tomorrow"),
            with(timing::TTL_HEADER, b"-1"),
            with(timing::TTL_HEADER, &7i64.to_be_bytes()),
        ];
        let batch = build_batch(&records, None, 5);
        assert!(validate(&batch, &LogConfig::default(), 5).is_ok());
        let delayed = LogConfig { delivery_delay_max_ms: Some(1_000), ..LogConfig::default() };
        let mortal = LogConfig { record_ttl: true, ..LogConfig::default() };
        for (config, expected) in [(delayed, vec![1, 2]), (mortal, vec![3])] {
            match validate(&batch, &config, 5) {
                Err(AppendError::RecordErrors(RecordErrorKind::InvalidRecord, errors)) => {
                    assert_eq!(errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), expected);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_topic_may_demand_another_codec() {
        let batch = build_batch(&[record(Some("a"), 5), record(None, 5)], None, 5);
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let config = LogConfig { compression_type: CompressionType::Codec(codec), ..LogConfig::default() };
            let valid = validate(&batch, &config, 5).expect("valid");
            let rebuilt = valid[0].recompressed.as_ref().expect("recompressed");
            let again = validate(rebuilt, &LogConfig::default(), 5).expect("still valid");
            assert_eq!(again[0].header.codec(), Ok(codec));
            assert!(again[0].recompressed.is_none());
        }
    }
}
