//! Time to live: batches as readers get them, without the records that have expired.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::env::ReadableFile;
use crate::log::{LogError, LogSlice, PartitionLog};
use crate::record::{self, BatchHeader, Codec, RecordIterator, timing};

/// What has expired as a whole is passed by up to this size in one go.
const SKIP_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What one reader asks for.
pub struct ExpiringRead {
    pub offset: i64,
    pub max_bytes: u32,
    /// Nothing from here on is read.
    pub limit: i64,
    pub at_least_one: bool,
    pub now_ms: i64,
}

/// Reads as the log does, without expired records: the log's own bytes where there are none, else bytes made for this
/// reader. Where everything has expired, the last batch comes without records, so that the reader's position moves on.
pub fn read_unexpired(log: &PartitionLog, read: &ExpiringRead) -> Result<Option<LogSlice>, LogError> {
    let mut offset = read.offset;
    let mut skipped = 0;
    let mut last_expired = None;
    while let Some(slice) = log.read(offset, read.max_bytes, read.limit, read.at_least_one)? {
        let mut bytes = vec![0; slice.len as usize];
        slice.file.read_exact_at(&mut bytes, slice.position).map_err(|error| LogError::io(&log.dir, error))?;
        match without_expired(&bytes, read.now_ms).map_err(|reason| LogError::io(&log.dir, io::Error::other(reason)))? {
            Unexpired::All => return Ok(Some(slice)),
            Unexpired::Some(bytes) => return Ok(Some(in_memory(bytes, slice.end_offset))),
            Unexpired::None(emptied) => last_expired = emptied.map(|batch| in_memory(batch, slice.end_offset)),
        }
        offset = slice.end_offset;
        skipped += u64::from(slice.len);
        if skipped >= SKIP_MAX_BYTES {
            break;
        }
    }
    Ok(last_expired)
}

#[derive(Debug, PartialEq, Eq)]
enum Unexpired {
    /// Nothing has expired.
    All,
    Some(Vec<u8>),
    /// The last batch with all of its records taken out.
    None(Option<Vec<u8>>),
}

fn without_expired(batches: &[u8], now_ms: i64) -> Result<Unexpired, String> {
    let mut plain = Vec::new();
    let mut kept: Vec<u8> = Vec::new();
    let mut has_expired = false;
    let mut emptied = None;
    let mut start = 0;
    while start < batches.len() {
        let header = BatchHeader::decode(&batches[start..]).map_err(|error| error.to_string())?;
        let batch = batches.get(start..start + header.size_in_bytes()).ok_or("a batch is not whole")?;
        match take_expired(&header, batch, now_ms, &mut plain)? {
            Taken::Nothing if has_expired => kept.extend_from_slice(batch),
            Taken::Nothing => {}
            taken => {
                if !has_expired {
                    has_expired = true;
                    kept.extend_from_slice(&batches[..start]);
                }
                match taken {
                    Taken::Some(rewritten) => kept.extend_from_slice(&rewritten),
                    _ => emptied = Some(header),
                }
            }
        }
        start += batch.len();
    }
    Ok(match (has_expired, kept.is_empty()) {
        (false, _) => Unexpired::All,
        (true, false) => Unexpired::Some(kept),
        (true, true) => Unexpired::None(emptied.map(|header| {
            let empty = BatchHeader { record_count: 0, ..header.with_codec(Codec::None) };
            record::rebuild_batch(&empty, &[])
        })),
    })
}

enum Taken {
    Nothing,
    /// The batch with what is left.
    Some(Vec<u8>),
    All,
}

fn take_expired(header: &BatchHeader, batch: &[u8], now_ms: i64, plain: &mut Vec<u8>) -> Result<Taken, String> {
    if header.is_control() || header.record_count == 0 {
        return Ok(Taken::Nothing);
    }
    let records = timing::plain_records(header, batch, plain)?;
    let mut walk = RecordIterator::new(records);
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut count, mut kept_count, mut start) = (0, 0, 0);
    while let Some(record) = walk.next() {
        let record = record.map_err(|error| error.to_string())?;
        let end = records.len() - walk.remaining_len();
        count += 1;
        if timing::expires_at_ms(header, &record).is_none_or(|expires_ms| expires_ms > now_ms) {
            kept_count += 1;
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => ranges.push(start..end),
            }
        }
        start = end;
    }
    if kept_count == count {
        return Ok(Taken::Nothing);
    }
    if kept_count == 0 {
        return Ok(Taken::All);
    }
    let mut body = Vec::with_capacity(records.len());
    ranges.iter().for_each(|range| body.extend_from_slice(&records[range.clone()]));
    let left = BatchHeader { record_count: kept_count, ..*header };
    let codec = header.codec().map_err(|code| format!("unknown compression codec {code}"))?;
    let stored = if codec == Codec::None { body } else { record::compress(codec, 0, &body).map_err(|error| error.to_string())? };
    Ok(Taken::Some(record::rebuild_batch(&left, &stored)))
}

fn in_memory(bytes: Vec<u8>, end_offset: i64) -> LogSlice {
    let len = bytes.len() as u32;
    LogSlice { file: Arc::new(Bytes(bytes)), position: 0, len, end_offset }
}

/// Bytes that were made for one reader, in the place of a file's.
struct Bytes(Vec<u8>);

impl ReadableFile for Bytes {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let rest = usize::try_from(position).ok().and_then(|position| self.0.get(position..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BATCH_OVERHEAD, RecordInput, build_batch};

    fn batch(base_offset: i64, ttls: &[Option<&str>]) -> Vec<u8> {
        let record = |ttl: &Option<&str>| RecordInput {
            key: None,
            value: Some(b"value".to_vec()),
            timestamp_ms: Some(1_000),
            headers: ttl.iter().map(|ttl| (timing::TTL_HEADER.to_owned(), Some(ttl.as_bytes().to_vec()))).collect(),
        };
        let mut batch = build_batch(&ttls.iter().map(record).collect::<Vec<_>>(), None, 1_000);
        record::set_base_offset_and_leader_epoch(&mut batch, base_offset, 3);
        batch
    }

    /// Base offset, last offset and offsets of the records of each batch, whose checksums hold.
    fn told(mut bytes: &[u8]) -> Vec<(i64, i64, Vec<i64>)> {
        let mut told = Vec::new();
        while !bytes.is_empty() {
            let header = BatchHeader::decode(bytes).unwrap();
            let (batch, rest) = bytes.split_at(header.size_in_bytes());
            assert_eq!(record::checksum(batch), header.crc);
            let mut plain = Vec::new();
            let records = timing::plain_records(&header, batch, &mut plain).unwrap();
            let offsets: Vec<i64> =
                RecordIterator::new(records).map(|record| header.base_offset + i64::from(record.unwrap().offset_delta)).collect();
            assert_eq!(offsets.len(), header.record_count as usize);
            told.push((header.base_offset, header.last_offset(), offsets));
            bytes = rest;
        }
        told
    }

    fn left(batches: &[Vec<u8>], now_ms: i64) -> Option<Vec<(i64, i64, Vec<i64>)>> {
        match without_expired(&batches.concat(), now_ms).unwrap() {
            Unexpired::All => None,
            Unexpired::Some(bytes) => Some(told(&bytes)),
            Unexpired::None(bytes) => Some(told(&bytes.unwrap_or_default())),
        }
    }

    #[test]
    fn expired_records_leave_holes_and_expired_batches_are_left_out() {
        let batches = [batch(0, &[None]), batch(1, &[Some("10"), None, Some("500")]), batch(4, &[Some("10")]), batch(5, &[None])];
        assert_eq!(left(&batches, 1_009), None);
        assert_eq!(left(&batches, 1_010), Some(vec![(0, 0, vec![0]), (1, 3, vec![2, 3]), (5, 5, vec![5])]));
        assert_eq!(left(&batches, 1_500), Some(vec![(0, 0, vec![0]), (1, 3, vec![2]), (5, 5, vec![5])]));
    }

    #[test]
    fn where_everything_has_expired_the_last_batch_is_left_empty() {
        assert_eq!(left(&[batch(4, &[Some("1")]), batch(5, &[Some("1"), Some("2")])], 2_000), Some(vec![(5, 6, vec![])]));
    }

    #[test]
    fn a_compressed_batch_stays_compressed() {
        let plain = batch(7, &[Some("10"), None]);
        let header = BatchHeader::decode(&plain).unwrap();
        let stored = record::compress(Codec::Lz4, 0, &plain[BATCH_OVERHEAD..]).unwrap();
        let compressed = record::rebuild_batch(&header.with_codec(Codec::Lz4), &stored);
        match without_expired(&compressed, 1_010).unwrap() {
            Unexpired::Some(bytes) => {
                assert_eq!(BatchHeader::decode(&bytes).unwrap().codec(), Ok(Codec::Lz4));
                assert_eq!(told(&bytes), [(7, 8, vec![8])]);
            }
            other => panic!("{other:?}"),
        }
    }
}
