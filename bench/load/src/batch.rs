//! Record batches (magic 2, uncompressed), built once and sent many times, and the little that is read back of them.
//!
//! | at | field | at | field |
//! |---|---|---|---|
//! | 0 | base offset i64 | 27 | base timestamp i64 |
//! | 8 | batch length i32 | 35 | max timestamp i64 |
//! | 12 | partition leader epoch i32 | 43 | producer id i64 |
//! | 16 | magic i8 | 51 | producer epoch i16 |
//! | 17 | CRC-32C of all that follows u32 | 53 | base sequence i32 |
//! | 21 | attributes i16 | 57 | record count i32 |
//! | 23 | last offset delta i32 | 61 | records |

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use crc_fast::{CrcAlgorithm, checksum};

use crate::wire::{Reader, Writer};

pub const HEADER_SIZE: usize = 61;
const LENGTH_AT: usize = 8;
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const PRODUCER_ID_AT: usize = 43;
/// What a record of up to some kilobytes costs beside its value: length, attributes, two deltas, key and header counts.
const RECORD_OVERHEAD: usize = 9;

/// How many records of `record_size` bytes fill a batch of about `batch_size` bytes; at least one.
pub fn records_per_batch(record_size: usize, batch_size: usize) -> usize {
    (batch_size.saturating_sub(HEADER_SIZE) / (record_size + RECORD_OVERHEAD)).max(1)
}

/// A valid batch of `record_count` records whose values hold `record_size` bytes that do not compress.
pub fn build(record_size: usize, record_count: usize) -> Vec<u8> {
    build_keyed(record_size, (0..record_count).map(|_| None))
}

/// The same with a record for each key.
pub fn build_keyed(record_size: usize, keys: impl ExactSizeIterator<Item = Option<u64>>) -> Vec<u8> {
    let record_count = keys.len();
    let mut batch = Vec::with_capacity(HEADER_SIZE + record_count * (record_size + RECORD_OVERHEAD + 12));
    let now_ms = unix_time_ms();
    let last_offset_delta = record_count as i32 - 1;
    Writer(&mut batch).i64(0).i32(0).i32(-1).i8(2).i32(0).i16(0).i32(last_offset_delta);
    Writer(&mut batch).i64(now_ms).i64(now_ms).i64(-1).i16(-1).i32(-1).i32(record_count as i32);
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ record_size as u64);
    let mut record = Vec::new();
    for (offset_delta, key) in keys.enumerate() {
        record.clear();
        Writer(&mut record).i8(0).varint(0).varint(offset_delta as i32);
        match key {
            None => Writer(&mut record).varint(-1),
            Some(key) => Writer(&mut record).varint(8).i64(key as i64),
        };
        Writer(&mut record).varint(record_size as i32);
        record.extend(noise.by_ref().take(record_size));
        Writer(&mut record).varint(0);
        Writer(&mut batch).varint(record.len() as i32);
        batch.extend_from_slice(&record);
    }
    seal(&mut batch);
    batch
}

/// Makes a batch that of an idempotent producer.
pub fn set_producer(batch: &mut [u8], id: i64, epoch: i16, sequence: i32) {
    batch[PRODUCER_ID_AT..PRODUCER_ID_AT + 8].copy_from_slice(&id.to_be_bytes());
    batch[PRODUCER_ID_AT + 8..PRODUCER_ID_AT + 10].copy_from_slice(&epoch.to_be_bytes());
    batch[PRODUCER_ID_AT + 10..PRODUCER_ID_AT + 14].copy_from_slice(&sequence.to_be_bytes());
    seal(batch);
}

/// Writes `stamp` into the first eight bytes of the first value and makes the CRC fit again.
pub fn stamp(batch: &mut [u8], stamp: u64) -> Result<()> {
    let at = first_value_at(batch)?;
    batch.get_mut(at..at + 8).context("a stamped value needs eight bytes")?.copy_from_slice(&stamp.to_be_bytes());
    seal(batch);
    Ok(())
}

/// The stamp of a batch's first value.
pub fn read_stamp(batch: &[u8]) -> Result<u64> {
    let at = first_value_at(batch)?;
    Ok(u64::from_be_bytes(batch.get(at..at + 8).context("a stamped value needs eight bytes")?.try_into()?))
}

fn first_value_at(batch: &[u8]) -> Result<usize> {
    let mut reader = Reader(batch.get(HEADER_SIZE..).context("a batch without records")?);
    reader.varint()?;
    reader.i8()?;
    reader.varint()?;
    reader.varint()?;
    ensure!(reader.varint()? == -1, "a stamped record has no key");
    reader.varint()?;
    Ok(batch.len() - reader.0.len())
}

fn seal(batch: &mut [u8]) {
    let length = (batch.len() - LENGTH_AT - 4) as i32;
    batch[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let crc = checksum(CrcAlgorithm::Crc32Iscsi, &batch[CRC_FROM..]) as u32;
    batch[CRC_AT..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
}

/// Whether the CRC of a batch holds.
pub fn crc_holds(batch: &[u8]) -> bool {
    batch.len() >= HEADER_SIZE
        && checksum(CrcAlgorithm::Crc32Iscsi, &batch[CRC_FROM..]) as u32
            == u32::from_be_bytes([batch[CRC_AT], batch[CRC_AT + 1], batch[CRC_AT + 2], batch[CRC_AT + 3]])
}

/// One whole batch inside fetched bytes.
pub struct FetchedBatch<'a> {
    pub next_offset: i64,
    pub record_count: u64,
    pub bytes: &'a [u8],
}

/// The whole batches of a fetched slice; a torn last one ends the iteration.
pub fn batches(mut records: &[u8]) -> impl Iterator<Item = FetchedBatch<'_>> {
    std::iter::from_fn(move || {
        let base_offset = i64::from_be_bytes(records.get(..8)?.try_into().ok()?);
        let length = i32::from_be_bytes(records.get(LENGTH_AT..LENGTH_AT + 4)?.try_into().ok()?);
        let size = LENGTH_AT + 4 + usize::try_from(length).ok()?;
        let delta = records.get(LAST_OFFSET_DELTA_AT..LAST_OFFSET_DELTA_AT + 4)?;
        let last_offset_delta = i64::from(i32::from_be_bytes(delta.try_into().ok()?));
        let record_count = i32::from_be_bytes(records.get(57..61)?.try_into().ok()?);
        let bytes = records.get(..size)?;
        records = &records[size..];
        Some(FetchedBatch { next_offset: base_offset + last_offset_delta + 1, record_count: record_count.max(0) as u64, bytes })
    })
}

pub fn unix_time_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A xorshift generator: the same bytes in every run.
struct Noise(u64);

impl Iterator for Noise {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some((self.0 >> 32) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_batch_is_whole_and_its_crc_holds() {
        let batch = build(100, 7);
        let found: Vec<_> = batches(&batch).map(|batch| (batch.next_offset, batch.record_count)).collect();
        assert_eq!(found, [(7, 7)]);
        assert!(crc_holds(&batch));
    }

    #[test]
    fn a_stamp_is_read_back_under_a_crc_that_holds() {
        let mut batch = build(10, 2);
        stamp(&mut batch, 42).expect("room for a stamp");
        assert_eq!(read_stamp(&batch).expect("a stamp"), 42);
        assert!(crc_holds(&batch));
        batch[70] ^= 1;
        assert!(!crc_holds(&batch));
    }

    #[test]
    fn a_batch_of_a_producer_holds_its_id_epoch_and_sequence_under_a_crc_that_holds() {
        let mut batch = build_keyed(10, [Some(7), Some(8)].into_iter());
        set_producer(&mut batch, 0x0102_0304_0506_0708, 0x0909, 0x0a0a_0a0a);
        assert_eq!(batch[43..57], [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 10, 10, 10]);
        assert!(crc_holds(&batch));
    }

    #[test]
    fn a_torn_batch_is_not_counted() {
        let batch = build(100, 7);
        assert_eq!(batches(&batch[..batch.len() - 1]).count(), 0);
    }

    #[test]
    fn a_batch_is_filled_up_to_its_size() {
        for (record_size, batch_size) in [(100, 16384), (1024, 16384), (10240, 16384), (1024, 1024)] {
            let count = records_per_batch(record_size, batch_size);
            assert!(count == 1 || build(record_size, count).len() <= batch_size + count * 2);
        }
    }
}
