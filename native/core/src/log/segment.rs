//! One log segment: a file of batches with its offset, time and transaction index.
//!
//! Indexes are derived and never trusted: those of the active segment live in memory and are written when it is closed;
//! a missing or impossible one is made again from the log. Readers never wait for a write: the size is published after
//! the bytes are in the file.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::producer_state::AbortedTxn;
use crate::env::{File, Files, write_atomically};
use crate::record::{self, BATCH_OVERHEAD, BatchHeader};

const OFFSET_ENTRY_BYTES: usize = 8;
const TIME_ENTRY_BYTES: usize = 12;
const TXN_ENTRY_BYTES: usize = 34;
/// Space reserved ahead of the writes: as much again as is written, between these.
const RESERVE_MIN_BYTES: u64 = 64 * 1024;
const RESERVE_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// How much of a log is read at a time when its batches are walked.
const SCAN_CHUNK_BYTES: usize = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OffsetEntry {
    relative_offset: u32,
    position: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeEntry {
    timestamp_ms: i64,
    relative_offset: u32,
}

#[derive(Default)]
struct Index {
    offsets: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
    bytes_since_entry: u64,
    /// The largest timestamp so far and the last offset of the batch that has it.
    max_timestamp: Option<(i64, i64)>,
}

pub struct Segment {
    pub base_offset: i64,
    dir: PathBuf,
    file: Arc<dyn File>,
    size: AtomicU64,
    reserved: AtomicU64,
    index: RwLock<Index>,
    aborted: RwLock<Vec<AbortedTxn>>,
    /// When its first batch came: its timestamp, or -1 while empty.
    first_timestamp_ms: AtomicI64,
    index_written: AtomicBool,
}

/// A batch on its way into the segment, already with its offsets.
pub struct PlacedBatch<'a> {
    pub header: BatchHeader,
    pub base_offset: i64,
    pub max_timestamp: i64,
    pub bytes: &'a [u8],
}

/// Why walking the batches of a file ended before the end.
#[derive(Debug)]
pub enum ScanEnd {
    End,
    /// No whole valid batch begins here.
    Torn {
        position: u64,
        reason: String,
    },
}

impl Segment {
    pub fn path(dir: &Path, base_offset: i64, suffix: &str) -> PathBuf {
        dir.join(format!("{base_offset:020}.{suffix}"))
    }

    /// Opens an existing segment with the indexes in its files, or creates an empty one.
    pub fn open(files: &dyn Files, dir: &Path, base_offset: i64, create: bool) -> io::Result<Segment> {
        let file = files.open(&Segment::path(dir, base_offset, "log"), create)?;
        let size = file.size()?;
        let segment = Segment {
            base_offset,
            dir: dir.to_owned(),
            file,
            size: AtomicU64::new(size),
            reserved: AtomicU64::new(size),
            index: RwLock::default(),
            aborted: RwLock::default(),
            first_timestamp_ms: AtomicI64::new(-1),
            index_written: AtomicBool::new(false),
        };
        if size > 0 {
            let mut head = [0; BATCH_OVERHEAD];
            if segment.file.read_at(&mut head, 0)? == BATCH_OVERHEAD
                && let Ok(header) = BatchHeader::decode(&head)
            {
                segment.first_timestamp_ms.store(header.max_timestamp, Ordering::Relaxed);
            }
        }
        Ok(segment)
    }

    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    pub fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    pub fn first_timestamp_ms(&self) -> i64 {
        self.first_timestamp_ms.load(Ordering::Relaxed)
    }

    pub fn max_timestamp_ms(&self) -> i64 {
        self.index.read().max_timestamp.map_or(-1, |(timestamp, _)| timestamp)
    }

    pub fn index_bytes(&self) -> usize {
        self.index.read().offsets.len() * OFFSET_ENTRY_BYTES
    }

    // ---- writing ------------------------------------------------------------------------------------------------

    /// Writes the batches one after the other with one system call, then makes them visible to readers.
    pub fn append(&self, batches: &[PlacedBatch<'_>], index_interval_bytes: u32) -> io::Result<()> {
        let position = self.size();
        let total: u64 = batches.iter().map(|batch| batch.bytes.len() as u64).sum();
        self.reserve(position + total);
        let mut slices: Vec<IoSlice<'_>> = batches.iter().map(|batch| IoSlice::new(batch.bytes)).collect();
        if let Err(error) = self.file.write_all_at(&mut slices, position) {
            if error.kind() == io::ErrorKind::StorageFull {
                // Takes half-written batches away again, and what was reserved: the log stays whole and usable.
                self.file.set_len(position)?;
                self.reserved.store(position, Ordering::Relaxed);
            }
            return Err(error);
        }
        if self.first_timestamp_ms.load(Ordering::Relaxed) < 0
            && let Some(first) = batches.first()
        {
            self.first_timestamp_ms.store(first.max_timestamp, Ordering::Relaxed);
        }
        let mut index = self.index.write();
        let mut at = position;
        for batch in batches {
            let last_offset = batch.base_offset + i64::from(batch.header.last_offset_delta);
            self.note(&mut index, at, batch.bytes.len() as u64, last_offset, batch.max_timestamp, index_interval_bytes);
            at += batch.bytes.len() as u64;
        }
        drop(index);
        self.index_written.store(false, Ordering::Relaxed);
        self.size.store(at, Ordering::Release);
        Ok(())
    }

    /// Reserves disk space ahead, so that appends do not each extend the file's allocation.
    fn reserve(&self, needed: u64) {
        let reserved = self.reserved.load(Ordering::Relaxed);
        if needed <= reserved {
            return;
        }
        let ahead = needed.clamp(RESERVE_MIN_BYTES, RESERVE_MAX_BYTES);
        // A hint: a full disk shows itself in the write.
        if self.file.allocate(reserved, needed + ahead - reserved).is_ok() {
            self.reserved.store(needed + ahead, Ordering::Relaxed);
        }
    }

    fn note(&self, index: &mut Index, position: u64, len: u64, last_offset: i64, max_timestamp: i64, interval: u32) {
        if index.max_timestamp.is_none_or(|(timestamp, _)| max_timestamp > timestamp) {
            index.max_timestamp = Some((max_timestamp, last_offset));
        }
        if index.bytes_since_entry > u64::from(interval) {
            index.bytes_since_entry = 0;
            // An entry's offset is the last of its batch, as Kafka writes it.
            let relative_offset = (last_offset - self.base_offset) as u32;
            index.offsets.push(OffsetEntry { relative_offset, position: position as u32 });
            self.note_time(index);
        }
        index.bytes_since_entry += len;
    }

    fn note_time(&self, index: &mut Index) {
        if let Some((timestamp_ms, offset)) = index.max_timestamp
            && index.times.last().is_none_or(|last| timestamp_ms > last.timestamp_ms)
        {
            index.times.push(TimeEntry { timestamp_ms, relative_offset: (offset - self.base_offset) as u32 });
        }
    }

    pub fn note_aborted(&self, txn: AbortedTxn) {
        self.aborted.write().push(txn);
        self.index_written.store(false, Ordering::Relaxed);
    }

    pub fn aborted(&self) -> Vec<AbortedTxn> {
        self.aborted.read().clone()
    }

    /// Makes the log's bytes durable.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes the indexes to their files; the log itself must be durable before they are needed.
    pub fn write_indexes(&self, files: &dyn Files) -> io::Result<()> {
        if self.index_written.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut index = self.index.write();
        self.note_time(&mut index);
        let mut offsets = Vec::with_capacity(index.offsets.len() * OFFSET_ENTRY_BYTES);
        for entry in &index.offsets {
            offsets.extend_from_slice(&entry.relative_offset.to_be_bytes());
            offsets.extend_from_slice(&entry.position.to_be_bytes());
        }
        let mut times = Vec::with_capacity(index.times.len() * TIME_ENTRY_BYTES);
        for entry in &index.times {
            times.extend_from_slice(&entry.timestamp_ms.to_be_bytes());
            times.extend_from_slice(&entry.relative_offset.to_be_bytes());
        }
        drop(index);
        write_atomically(files, &Segment::path(&self.dir, self.base_offset, "index"), &offsets)?;
        write_atomically(files, &Segment::path(&self.dir, self.base_offset, "timeindex"), &times)?;
        let aborted = self.aborted.read();
        if !aborted.is_empty() {
            let mut txns = Vec::with_capacity(aborted.len() * TXN_ENTRY_BYTES);
            for txn in aborted.iter() {
                txns.extend_from_slice(&0i16.to_be_bytes());
                txns.extend_from_slice(&txn.producer_id.to_be_bytes());
                txns.extend_from_slice(&txn.first_offset.to_be_bytes());
                txns.extend_from_slice(&txn.last_offset.to_be_bytes());
                txns.extend_from_slice(&txn.last_stable_offset.to_be_bytes());
            }
            write_atomically(files, &Segment::path(&self.dir, self.base_offset, "txnindex"), &txns)?;
        }
        self.index_written.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back reserved space.
    pub fn trim(&self) -> io::Result<()> {
        let size = self.size();
        if self.reserved.swap(size, Ordering::Relaxed) > size {
            self.file.set_len(size)?;
        }
        Ok(())
    }

    pub fn truncate(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)?;
        self.file.sync_data()?;
        self.reserved.store(size, Ordering::Relaxed);
        self.size.store(size, Ordering::Release);
        self.index_written.store(false, Ordering::Relaxed);
        Ok(())
    }

    // ---- reading ------------------------------------------------------------------------------------------------

    /// Where to start looking for an offset.
    pub fn floor(&self, offset: i64) -> u64 {
        let index = self.index.read();
        let relative = offset - self.base_offset;
        let after = index.offsets.partition_point(|entry| i64::from(entry.relative_offset) <= relative);
        after.checked_sub(1).map_or(0, |entry| u64::from(index.offsets[entry].position))
    }

    /// The largest indexed batch position that is at most `position`.
    fn position_floor(&self, position: u64) -> u64 {
        let index = self.index.read();
        let after = index.offsets.partition_point(|entry| u64::from(entry.position) <= position);
        after.checked_sub(1).map_or(0, |entry| u64::from(index.offsets[entry].position))
    }

    fn header_at(&self, position: u64) -> io::Result<BatchHeader> {
        let mut head = [0; BATCH_OVERHEAD];
        self.file.read_exact_at(&mut head, position)?;
        BatchHeader::decode(&head).map_err(|error| {
            let path = Segment::path(&self.dir, self.base_offset, "log");
            io::Error::new(io::ErrorKind::InvalidData, format!("{} at {position}: {error}", path.display()))
        })
    }

    /// Position and header of the first batch whose last offset is at least `offset`; `None` past the end.
    pub fn find_batch(&self, offset: i64) -> io::Result<Option<(u64, BatchHeader)>> {
        let mut position = self.floor(offset);
        let size = self.size();
        while position < size {
            let header = self.header_at(position)?;
            if header.last_offset() >= offset {
                return Ok(Some((position, header)));
            }
            position += header.size_in_bytes() as u64;
        }
        Ok(None)
    }

    /// The end of the last whole batch that ends within `start..limit`, with all its offsets below `offset_limit`;
    /// at least the first batch's end where `at_least_one` allows it.
    pub fn slice_end(&self, start: u64, first: &BatchHeader, max_bytes: u64, offset_limit: i64, at_least_one: bool) -> io::Result<u64> {
        if first.last_offset() >= offset_limit {
            return Ok(start);
        }
        let first_end = start + first.size_in_bytes() as u64;
        if first.size_in_bytes() as u64 > max_bytes {
            return Ok(if at_least_one { first_end } else { start });
        }
        let size = self.size();
        let limit = size.min(start + max_bytes);
        let mut position = self.position_floor(limit).min(self.floor(offset_limit)).max(first_end);
        let mut end = position;
        while position < limit {
            let header = self.header_at(position)?;
            position += header.size_in_bytes() as u64;
            if position > limit || header.last_offset() >= offset_limit {
                break;
            }
            end = position;
        }
        Ok(end)
    }

    /// The batch at which to begin looking for a time at or after `timestamp_ms`.
    pub fn time_floor(&self, timestamp_ms: i64) -> u64 {
        let offset = {
            let index = self.index.read();
            let after = index.times.partition_point(|entry| entry.timestamp_ms < timestamp_ms);
            after.checked_sub(1).map(|entry| self.base_offset + i64::from(index.times[entry].relative_offset))
        };
        offset.map_or(0, |offset| self.floor(offset))
    }

    /// Hands every whole batch from `position` on to `visit` with its bytes, checksum verified where asked.
    pub fn scan(&self, position: u64, verify: bool, mut visit: impl FnMut(u64, &BatchHeader, &[u8]) -> bool) -> io::Result<ScanEnd> {
        let size = self.size();
        let mut buffer: Vec<u8> = Vec::new();
        let mut start = position;
        while start < size {
            let want = (size - start).min(SCAN_CHUNK_BYTES.max(buffer.capacity()) as u64) as usize;
            buffer.resize(want, 0);
            self.file.read_exact_at(&mut buffer, start)?;
            let mut at = 0;
            while at < buffer.len() {
                let rest = &buffer[at..];
                let torn = |reason: String| Ok(ScanEnd::Torn { position: start + at as u64, reason });
                if rest.len() < BATCH_OVERHEAD {
                    if start + (buffer.len() as u64) < size {
                        break;
                    }
                    return torn(format!("{} bytes are left, too few for a batch", rest.len()));
                }
                let header = match BatchHeader::decode(rest) {
                    Ok(header) => header,
                    Err(error) => return torn(error.to_string()),
                };
                let len = header.size_in_bytes();
                if len > rest.len() {
                    if start + (at + len) as u64 > size {
                        return torn(format!("a batch of {len} bytes ends after {}", size - start - at as u64));
                    }
                    break;
                }
                if verify && record::checksum(&rest[..len]) != header.crc {
                    return torn("the checksum of a batch does not match its content".to_owned());
                }
                if !visit(start + at as u64, &header, &rest[..len]) {
                    return Ok(ScanEnd::End);
                }
                at += len;
            }
            if at == 0 {
                // A batch larger than the buffer.
                let len = BatchHeader::decode(&buffer).map_or(SCAN_CHUNK_BYTES, |header| header.size_in_bytes());
                buffer = Vec::with_capacity(len.max(SCAN_CHUNK_BYTES));
                continue;
            }
            start += at as u64;
        }
        Ok(ScanEnd::End)
    }

    // ---- indexes from files -------------------------------------------------------------------------------------

    /// Reads the index files; false where they are missing or cannot be this segment's, and must be made again.
    pub fn load_indexes(&self, files: &dyn Files) -> bool {
        let read = |suffix| files.read(&Segment::path(&self.dir, self.base_offset, suffix)).ok();
        let (Some(offsets), Some(times)) = (read("index"), read("timeindex")) else { return false };
        let mut index = Index::default();
        for entry in offsets.chunks_exact(OFFSET_ENTRY_BYTES) {
            let value = u64::from_be_bytes(first(entry));
            index.offsets.push(OffsetEntry { relative_offset: (value >> 32) as u32, position: value as u32 });
        }
        for entry in times.chunks_exact(TIME_ENTRY_BYTES) {
            index.times.push(TimeEntry {
                timestamp_ms: i64::from_be_bytes(first(entry)),
                relative_offset: u32::from_be_bytes(first(&entry[8..])),
            });
        }
        // Kafka preallocates index files; a crash leaves zeros behind the entries.
        while index.offsets.last().is_some_and(|entry| entry.relative_offset == 0 && entry.position == 0) {
            index.offsets.pop();
        }
        while index.times.last().is_some_and(|entry| entry.timestamp_ms == 0 && entry.relative_offset == 0) {
            index.times.pop();
        }
        let ascending =
            index.offsets.windows(2).all(|pair| pair[0].relative_offset < pair[1].relative_offset && pair[0].position < pair[1].position)
                && index.times.windows(2).all(|pair| pair[0].timestamp_ms < pair[1].timestamp_ms);
        let inside = index.offsets.last().is_none_or(|entry| u64::from(entry.position) < self.size());
        if !ascending || !inside || (index.times.is_empty() && self.size() > 0) {
            return false;
        }
        index.max_timestamp = index.times.last().map(|entry| (entry.timestamp_ms, self.base_offset + i64::from(entry.relative_offset)));
        *self.index.write() = index;
        if let Some(txns) = read("txnindex") {
            let mut aborted = self.aborted.write();
            for entry in txns.chunks_exact(TXN_ENTRY_BYTES) {
                aborted.push(AbortedTxn {
                    producer_id: i64::from_be_bytes(first(&entry[2..])),
                    first_offset: i64::from_be_bytes(first(&entry[10..])),
                    last_offset: i64::from_be_bytes(first(&entry[18..])),
                    last_stable_offset: i64::from_be_bytes(first(&entry[26..])),
                });
            }
        }
        self.index_written.store(true, Ordering::Relaxed);
        true
    }

    /// Forgets the indexes; batches are noted again one by one with [`Segment::reindex`].
    pub fn clear_indexes(&self) {
        *self.index.write() = Index::default();
        self.aborted.write().clear();
        self.index_written.store(false, Ordering::Relaxed);
    }

    pub fn reindex(&self, position: u64, header: &BatchHeader, index_interval_bytes: u32) {
        let len = header.size_in_bytes() as u64;
        let mut index = self.index.write();
        self.note(&mut index, position, len, header.last_offset(), header.max_timestamp, index_interval_bytes);
    }

    /// Renames the segment's files so that they are gone for any later start, and returns the new names.
    pub fn mark_deleted(&self, files: &dyn Files) -> io::Result<Vec<PathBuf>> {
        let mut renamed = Vec::new();
        for suffix in ["log", "index", "timeindex", "txnindex"] {
            let path = Segment::path(&self.dir, self.base_offset, suffix);
            let deleted = Segment::path(&self.dir, self.base_offset, &format!("{suffix}.deleted"));
            match files.rename(&path, &deleted) {
                Ok(()) => renamed.push(deleted),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(renamed)
    }
}

/// The first bytes of a slice that is known to be long enough: index entries come from `chunks_exact`.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}
