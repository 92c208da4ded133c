//! One log segment: a file of batches with its offset, time and transaction index.
//!
//! The index of the active segment grows in memory and is written when the segment is closed, those of closed segments
//! are read when they are needed; a missing or impossible one is made again from the log. File handles and indexes are
//! given up under the bounds of [`SegmentCache`]. Readers never wait for a write: the size is published after the bytes
//! are in the file.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use super::producer_state::{AbortedTxn, ProducerUndo};
use super::segment_cache::SegmentCache;
use super::segment_index::{self, GrowingIndex, OFFSET_ENTRY_BYTES, OffsetEntry, TimeEntry};
use crate::env::{Durability, Env, File, replace_file};
use crate::record::{self, BATCH_OVERHEAD, BatchHeader};

const TXN_ENTRY_BYTES: usize = 34;
/// Space is reserved ahead of the writes, as much again as is there, once a segment has shown that it will be large.
const RESERVE_FROM_BYTES: u64 = 256 * 1024;
const RESERVE_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// How much of a log is read at a time when its batches are walked.
const SCAN_CHUNK_BYTES: usize = 1024 * 1024;
const UNKNOWN: i64 = i64::MIN;
/// Of a segment's files; the log is the last to appear under its name.
pub const SEGMENT_SUFFIXES: [&str; 4] = ["index", "timeindex", "txnindex", "log"];

/// What the logs of a broker share.
#[derive(Clone)]
pub struct LogContext {
    pub env: Env,
    pub cache: Arc<SegmentCache>,
}

enum Index {
    Growing(GrowingIndex),
    /// Of a closed segment, which never changes; absent until it is needed.
    Closed(Option<Vec<OffsetEntry>>),
}

pub struct Segment {
    pub base_offset: i64,
    dir: PathBuf,
    context: LogContext,
    this: Weak<Segment>,
    file: RwLock<Option<Arc<dyn File>>>,
    file_used: AtomicBool,
    is_retired: AtomicBool,
    /// The file's name may not be durable yet.
    is_new: AtomicBool,
    size: AtomicU64,
    reserved: AtomicU64,
    index: RwLock<Index>,
    index_used: AtomicBool,
    /// `None` until the file was looked at.
    aborted: RwLock<Option<Vec<AbortedTxn>>>,
    /// Of the first batch; [`UNKNOWN`] until somebody asked.
    first_timestamp_ms: AtomicI64,
    /// The largest of all batches; [`UNKNOWN`] until somebody asked.
    max_timestamp_ms: AtomicI64,
    aborted_changed: AtomicBool,
    /// The log's size when the index files were written last.
    indexed_size: AtomicU64,
}

/// A batch on its way into the segment, already with its offsets.
pub struct PlacedBatch<'a> {
    pub header: BatchHeader,
    pub base_offset: i64,
    pub max_timestamp: i64,
    pub bytes: &'a [u8],
    /// Set where the producer state knows of the batch already.
    pub undo: Option<ProducerUndo>,
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

    fn file_path(&self, suffix: &str) -> PathBuf {
        Segment::path(&self.dir, self.base_offset, suffix)
    }

    pub fn log_path(&self) -> PathBuf {
        self.file_path("log")
    }

    fn new(context: &LogContext, dir: &Path, base_offset: i64, size: u64, index: Index) -> Arc<Segment> {
        Arc::new_cyclic(|this| Segment {
            base_offset,
            dir: dir.to_owned(),
            context: context.clone(),
            this: this.clone(),
            file: RwLock::new(None),
            file_used: AtomicBool::new(false),
            is_retired: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
            size: AtomicU64::new(size),
            reserved: AtomicU64::new(size),
            index: RwLock::new(index),
            index_used: AtomicBool::new(false),
            aborted: RwLock::new(None),
            first_timestamp_ms: AtomicI64::new(UNKNOWN),
            max_timestamp_ms: AtomicI64::new(UNKNOWN),
            aborted_changed: AtomicBool::new(false),
            indexed_size: AtomicU64::new(0),
        })
    }

    /// A segment that will not change any more. Touches no file but for its size.
    pub fn open_closed(context: &LogContext, dir: &Path, base_offset: i64) -> io::Result<Arc<Segment>> {
        let size = context.env.files.size(&Segment::path(dir, base_offset, "log"))?;
        Ok(Segment::new(context, dir, base_offset, size, Index::Closed(None)))
    }

    /// The last segment of a log, to be appended to. Its file need not exist. The index is empty: see
    /// [`Segment::resume_index`] and [`Segment::reindex`].
    pub fn open_active(context: &LogContext, dir: &Path, base_offset: i64) -> io::Result<Arc<Segment>> {
        let size = match context.env.files.size(&Segment::path(dir, base_offset, "log")) {
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let segment = Segment::new(context, dir, base_offset, size, Index::Growing(GrowingIndex::default()));
        if size == 0 {
            *segment.aborted.write() = Some(Vec::new());
        }
        Ok(segment)
    }

    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    // ---- the file -----------------------------------------------------------------------------------------------

    /// The file, opened again where its handle was given up; created where there is none yet.
    pub fn file(&self) -> io::Result<Arc<dyn File>> {
        if let Some(file) = &*self.file.read() {
            if !self.file_used.load(Ordering::Relaxed) {
                self.file_used.store(true, Ordering::Relaxed);
            }
            return Ok(file.clone());
        }
        let mut slot = self.file.write();
        if let Some(file) = &*slot {
            return Ok(file.clone());
        }
        let path = self.log_path();
        let files = &self.context.env.files;
        let file = match files.open(&path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.size() == 0 => {
                self.is_new.store(true, Ordering::Relaxed);
                files.open(&path, true)?
            }
            opened => opened?,
        };
        *slot = Some(file.clone());
        self.file_used.store(true, Ordering::Relaxed);
        drop(slot);
        self.context.cache.admit_file(&self.this);
        Ok(file)
    }

    pub fn take_file_used(&self) -> bool {
        self.file_used.swap(false, Ordering::Relaxed)
    }

    /// Gives the handle up; who uses it now keeps it until done.
    pub fn close_file(&self) {
        if !self.is_retired.load(Ordering::Acquire) {
            *self.file.write() = None;
        }
    }

    /// Holds everything open: the segment's files are about to go, or others to get their names, while readers still use
    /// this one.
    pub fn retire(&self) -> io::Result<()> {
        self.is_retired.store(true, Ordering::Release);
        self.file()?;
        self.with_offsets(|_| ())?;
        self.aborted()?;
        self.max_timestamp_ms().map(|_| ())
    }

    /// The file was made by a process that may not have lived to make its name durable.
    pub fn distrust_name(&self) {
        self.is_new.store(true, Ordering::Relaxed);
    }

    /// The file's name was made durable.
    pub fn trust_name(&self) {
        self.is_new.store(false, Ordering::Relaxed);
    }

    /// Makes the log's bytes durable.
    pub fn sync(&self) -> io::Result<()> {
        self.file()?.sync_data()?;
        if self.is_new.swap(false, Ordering::Relaxed) {
            self.context.env.files.sync_dir(&self.dir)?;
        }
        Ok(())
    }

    /// Gives back reserved space.
    pub fn trim(&self) -> io::Result<()> {
        let size = self.size();
        if self.reserved.swap(size, Ordering::Relaxed) > size {
            self.file()?.set_len(size)?;
        }
        Ok(())
    }

    pub fn truncate(&self, size: u64) -> io::Result<()> {
        let file = self.file()?;
        file.set_len(size)?;
        file.sync_data()?;
        self.reserved.store(size, Ordering::Relaxed);
        self.size.store(size, Ordering::Release);
        self.indexed_size.store(0, Ordering::Relaxed);
        Ok(())
    }

    // ---- writing ------------------------------------------------------------------------------------------------

    /// Writes the batches one after the other with one system call, then makes them visible to readers. Where there is
    /// no space left, nothing of them stays.
    pub fn append(&self, batches: &[PlacedBatch<'_>], index_interval_bytes: u32) -> io::Result<()> {
        let position = self.size();
        let total: u64 = batches.iter().map(|batch| batch.bytes.len() as u64).sum();
        let file = self.file()?;
        self.reserve(&*file, position + total);
        self.write(&*file, batches, position)?;
        let mut index = self.index.write();
        let mut at = position;
        if let Index::Growing(index) = &mut *index {
            for batch in batches {
                let last_offset = batch.base_offset + i64::from(batch.header.last_offset_delta);
                let len = batch.bytes.len() as u64;
                index.note(self.base_offset, at, len, last_offset, batch.max_timestamp, index_interval_bytes);
                at += len;
            }
        }
        drop(index);
        if position == 0
            && let Some(first) = batches.first()
        {
            self.first_timestamp_ms.store(first.max_timestamp, Ordering::Relaxed);
        }
        self.size.store(at, Ordering::Release);
        Ok(())
    }

    fn write(&self, file: &dyn File, batches: &[PlacedBatch<'_>], position: u64) -> io::Result<()> {
        let written = match batches {
            // The usual round has one batch for a partition.
            [batch] => file.write_all_at(&mut [IoSlice::new(batch.bytes)], position),
            _ => {
                let mut slices: Vec<IoSlice<'_>> = batches.iter().map(|batch| IoSlice::new(batch.bytes)).collect();
                file.write_all_at(&mut slices, position)
            }
        };
        if let Err(error) = &written
            && error.kind() == io::ErrorKind::StorageFull
        {
            // Takes half-written batches away again, and what was reserved: the log stays whole and usable.
            file.set_len(position)?;
            self.reserved.store(position, Ordering::Relaxed);
        }
        written
    }

    /// Reserves disk space ahead, so that appends do not each extend the file's allocation.
    fn reserve(&self, file: &dyn File, needed: u64) {
        let reserved = self.reserved.load(Ordering::Relaxed);
        if needed <= reserved || needed < RESERVE_FROM_BYTES {
            return;
        }
        self.reserve_until(file, needed + needed.min(RESERVE_MAX_BYTES));
    }

    fn reserve_until(&self, file: &dyn File, end: u64) {
        let reserved = self.reserved.load(Ordering::Relaxed).max(self.size());
        // A hint: a full disk shows itself in the write.
        if end > reserved && file.allocate(reserved, end - reserved).is_ok() {
            self.reserved.store(end, Ordering::Relaxed);
        }
    }

    /// Reserves the whole segment at once (`preallocate`).
    pub fn preallocate(&self, size_bytes: u64) -> io::Result<()> {
        let file = self.file()?;
        self.reserve_until(&*file, size_bytes);
        Ok(())
    }

    // ---- reading ------------------------------------------------------------------------------------------------

    fn header_at(&self, file: &dyn File, position: u64) -> io::Result<BatchHeader> {
        let mut head = [0; BATCH_OVERHEAD];
        file.read_exact_at(&mut head, position)?;
        BatchHeader::decode(&head).map_err(|error| {
            let path = self.log_path();
            io::Error::new(io::ErrorKind::InvalidData, format!("{} at {position}: {error}", path.display()))
        })
    }

    /// Position and header of the first batch whose last offset is at least `offset`; `None` past the end.
    pub fn find_batch(&self, offset: i64) -> io::Result<Option<(u64, BatchHeader)>> {
        let size = self.size();
        if size == 0 {
            return Ok(None);
        }
        let file = self.file()?;
        let mut position = self.floor(offset)?;
        while position < size {
            let header = self.header_at(&*file, position)?;
            if header.last_offset() >= offset {
                return Ok(Some((position, header)));
            }
            position += header.size_in_bytes() as u64;
        }
        Ok(None)
    }

    /// The end of the last whole batch that ends within `start..start + max_bytes`, with all its offsets below
    /// `offset_limit`; at least the first batch's end where `at_least_one` allows it. With it comes an offset that no
    /// record before the end has reached.
    pub fn slice_end(
        &self,
        start: u64,
        first: &BatchHeader,
        max_bytes: u64,
        offset_limit: i64,
        at_least_one: bool,
    ) -> io::Result<(u64, i64)> {
        if first.last_offset() >= offset_limit {
            return Ok((start, first.base_offset));
        }
        let first_end = (start + first.size_in_bytes() as u64, first.last_offset() + 1);
        if first.size_in_bytes() as u64 > max_bytes {
            return Ok(if at_least_one { first_end } else { (start, first.base_offset) });
        }
        let limit = self.size().min(start + max_bytes);
        let relative_limit = offset_limit - self.base_offset;
        let floor = |entries: &[OffsetEntry]| {
            segment_index::floor_position(entries, limit).min(segment_index::floor_offset(entries, relative_limit))
        };
        let mut position = self.with_offsets(floor)?;
        // Without another header in sight, the limit of all that may be read bounds this slice as well.
        let mut end = (position, offset_limit);
        if position < first_end.0 {
            (position, end) = (first_end.0, first_end);
        }
        let file = self.file()?;
        while position < limit {
            let header = self.header_at(&*file, position)?;
            position += header.size_in_bytes() as u64;
            if position > limit || header.last_offset() >= offset_limit {
                end.1 = end.1.min(header.base_offset);
                break;
            }
            end = (position, header.last_offset() + 1);
        }
        Ok(end)
    }

    // ---- indexes ------------------------------------------------------------------------------------------------

    /// Calls `look` with the offset index, which is read from its file where it is not in memory.
    fn with_offsets<T>(&self, look: impl FnOnce(&[OffsetEntry]) -> T) -> io::Result<T> {
        match &*self.index.read() {
            Index::Growing(index) => return Ok(look(&index.offsets)),
            Index::Closed(Some(offsets)) => {
                if !self.index_used.load(Ordering::Relaxed) {
                    self.index_used.store(true, Ordering::Relaxed);
                }
                return Ok(look(offsets));
            }
            Index::Closed(None) => {}
        }
        let offsets = match self.read_offsets()? {
            Some(offsets) => offsets,
            None => self.remake_indexes()?.offsets,
        };
        let found = look(&offsets);
        self.hold_index(offsets);
        Ok(found)
    }

    fn hold_index(&self, offsets: Vec<OffsetEntry>) {
        let bytes = offsets.len() * size_of::<OffsetEntry>() + size_of::<Segment>();
        *self.index.write() = Index::Closed(Some(offsets));
        self.index_used.store(true, Ordering::Relaxed);
        self.context.cache.admit_index(&self.this, bytes);
    }

    pub fn take_index_used(&self) -> bool {
        self.index_used.swap(false, Ordering::Relaxed)
    }

    /// Gives up what can be read again from the index files.
    pub fn drop_index(&self) {
        if self.is_retired.load(Ordering::Acquire) {
            return;
        }
        let mut index = self.index.write();
        if let Index::Closed(offsets) = &mut *index {
            *offsets = None;
            *self.aborted.write() = None;
        }
    }

    /// Where to start looking for an offset.
    pub fn floor(&self, offset: i64) -> io::Result<u64> {
        self.with_offsets(|entries| segment_index::floor_offset(entries, offset - self.base_offset))
    }

    /// The batch at which to begin looking for a time at or after `timestamp_ms`.
    pub fn time_floor(&self, timestamp_ms: i64) -> io::Result<u64> {
        let entry = self.with_times(|entries| segment_index::floor_time(entries, timestamp_ms))?;
        entry.map_or(Ok(0), |entry| self.floor(self.base_offset + i64::from(entry.relative_offset)))
    }

    fn with_times<T>(&self, look: impl FnOnce(&[TimeEntry]) -> T) -> io::Result<T> {
        if let Index::Growing(index) = &*self.index.read() {
            return Ok(look(&index.times));
        }
        let times = match self.read_times()? {
            Some(times) => times,
            None => self.remake_indexes()?.times,
        };
        Ok(look(&times))
    }

    /// The largest timestamp of all batches; -1 where there is none.
    pub fn max_timestamp_ms(&self) -> io::Result<i64> {
        if let Index::Growing(index) = &*self.index.read() {
            return Ok(index.max_timestamp.map_or(-1, |max| max.timestamp_ms));
        }
        let known = self.max_timestamp_ms.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return Ok(known);
        }
        let max = self.with_times(|entries| entries.last().map_or(-1, |last| last.timestamp_ms))?;
        self.max_timestamp_ms.store(max, Ordering::Relaxed);
        Ok(max)
    }

    /// The timestamp of the first batch; `None` while there is none.
    pub fn first_timestamp_ms(&self) -> io::Result<Option<i64>> {
        if self.size() == 0 {
            return Ok(None);
        }
        let known = self.first_timestamp_ms.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return Ok(Some(known));
        }
        let first = self.header_at(&*self.file()?, 0)?.max_timestamp;
        self.first_timestamp_ms.store(first, Ordering::Relaxed);
        Ok(Some(first))
    }

    /// Bytes that the offset index has, or will have, in its file.
    pub fn index_bytes(&self) -> usize {
        match &*self.index.read() {
            Index::Growing(index) => index.offsets.len() * OFFSET_ENTRY_BYTES,
            Index::Closed(_) => 0,
        }
    }

    pub fn note_aborted(&self, txn: AbortedTxn) {
        self.aborted.write().get_or_insert_default().push(txn);
        self.aborted_changed.store(true, Ordering::Release);
    }

    /// Transactions whose abort markers lie in this segment, in the order of the markers.
    pub fn aborted(&self) -> io::Result<Vec<AbortedTxn>> {
        if let Some(aborted) = &*self.aborted.read() {
            return Ok(aborted.clone());
        }
        let aborted = match self.read_index_file("txnindex")? {
            Some(bytes) => decode_aborted(&bytes),
            None => Vec::new(),
        };
        *self.aborted.write() = Some(aborted.clone());
        Ok(aborted)
    }

    fn read_index_file(&self, suffix: &str) -> io::Result<Option<Vec<u8>>> {
        match self.context.env.files.read(&self.file_path(suffix)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_offsets(&self) -> io::Result<Option<Vec<OffsetEntry>>> {
        Ok(self.read_index_file("index")?.and_then(|bytes| segment_index::decode_offsets(&bytes, self.size())))
    }

    fn read_times(&self) -> io::Result<Option<Vec<TimeEntry>>> {
        let times = self.read_index_file("timeindex")?.and_then(|bytes| segment_index::decode_times(&bytes));
        Ok(times.filter(|times| !times.is_empty() || self.size() == 0))
    }

    /// Makes the indexes of a closed segment again, which were missing or damaged. Who reads them waits for it.
    fn remake_indexes(&self) -> io::Result<GrowingIndex> {
        let mut index = GrowingIndex::default();
        self.scan(0, false, |position, header, _| {
            index.note_stored(self.base_offset, position, header, REMADE_INTERVAL_BYTES);
            true
        })?;
        index.note_time();
        self.write_index_files(&index, Durability::Now)?;
        Ok(index)
    }

    fn write_index_files(&self, index: &GrowingIndex, durability: Durability) -> io::Result<()> {
        let files = &*self.context.env.files;
        replace_file(files, &self.file_path("index"), &segment_index::encode_offsets(&index.offsets), durability)?;
        replace_file(files, &self.file_path("timeindex"), &segment_index::encode_times(&index.times), durability)
    }

    /// Writes the indexes of the active segment to their files, where they have changed; returns whether they had.
    pub fn write_indexes(&self, durability: Durability) -> io::Result<bool> {
        let size = self.size();
        let aborted_changed = self.aborted_changed.swap(false, Ordering::AcqRel);
        if self.indexed_size.load(Ordering::Relaxed) == size && size > 0 && !aborted_changed {
            return Ok(false);
        }
        let written = self.write_all_indexes(size, durability);
        if written.is_err() {
            self.aborted_changed.store(true, Ordering::Release);
        }
        written
    }

    fn write_all_indexes(&self, size: u64, durability: Durability) -> io::Result<bool> {
        let snapshot = match &mut *self.index.write() {
            Index::Growing(index) => {
                index.note_time();
                GrowingIndex::resume(index.offsets.clone(), index.times.clone())
            }
            Index::Closed(_) => return Ok(false),
        };
        // First: where the others are there, this one is taken to tell of all transactions before the newest snapshot.
        let aborted = self.aborted()?;
        if !aborted.is_empty() {
            replace_file(&*self.context.env.files, &self.file_path("txnindex"), &encode_aborted(&aborted), durability)?;
        }
        self.write_index_files(&snapshot, durability)?;
        self.indexed_size.store(size, Ordering::Relaxed);
        Ok(true)
    }

    /// Bytes appended since the index files were written.
    pub fn unindexed_bytes(&self) -> u64 {
        self.size().saturating_sub(self.indexed_size.load(Ordering::Relaxed))
    }

    /// Ends the segment's growth; its index files have been written.
    pub fn close_index(&self) {
        let closed = match &mut *self.index.write() {
            Index::Growing(index) => {
                let max = index.max_timestamp.map_or(-1, |max| max.timestamp_ms);
                self.max_timestamp_ms.store(max, Ordering::Relaxed);
                std::mem::take(&mut index.offsets)
            }
            Index::Closed(_) => return,
        };
        self.hold_index(closed);
    }

    /// Takes up the index files of the active segment, offsets and times at or above `trusted_end` left out. Returns the
    /// position from which batches have to be noted with [`Segment::reindex`]; `None` where the files are of no use.
    pub fn resume_index(&self, trusted_end: i64) -> io::Result<Option<u64>> {
        let trusted = |relative_offset: u32| self.base_offset + i64::from(relative_offset) < trusted_end;
        let (Some(mut offsets), Some(mut times)) = (self.read_offsets()?, self.read_times()?) else { return Ok(None) };
        offsets.retain(|entry| trusted(entry.relative_offset));
        times.retain(|entry| trusted(entry.relative_offset));
        // The last entry's own batch is noted again.
        let Some(last) = offsets.pop() else { return Ok(Some(0)) };
        let header = self.header_at(&*self.file()?, u64::from(last.position));
        if times.is_empty() || !header.is_ok_and(|header| header.last_offset() == self.base_offset + i64::from(last.relative_offset)) {
            return Ok(None);
        }
        let mut index = GrowingIndex::resume(offsets, times);
        index.entry_is_due();
        *self.index.write() = Index::Growing(index);
        Ok(Some(u64::from(last.position)))
    }

    /// Forgets all indexes of the active segment: batches are to be noted again with [`Segment::reindex`], aborted
    /// transactions with [`Segment::note_aborted`].
    pub fn restart_index(&self) {
        *self.index.write() = Index::Growing(GrowingIndex::default());
        *self.aborted.write() = Some(Vec::new());
        self.indexed_size.store(0, Ordering::Relaxed);
    }

    /// The index files are those of a clean stop and say all there is.
    pub fn trust_index_files(&self) {
        self.indexed_size.store(self.size(), Ordering::Relaxed);
    }

    /// Forgets aborted transactions whose markers were cut off.
    pub fn retain_aborted_below(&self, log_end: i64) -> io::Result<()> {
        let known = self.aborted()?;
        let count = known.len();
        let kept: Vec<AbortedTxn> = known.into_iter().filter(|txn| txn.last_offset < log_end).collect();
        if kept.len() < count {
            self.aborted_changed.store(true, Ordering::Release);
        }
        *self.aborted.write() = Some(kept);
        Ok(())
    }

    /// Notes a batch that lies in the segment already.
    pub fn reindex(&self, position: u64, header: &BatchHeader, index_interval_bytes: u32) {
        if position == 0 {
            self.first_timestamp_ms.store(header.max_timestamp, Ordering::Relaxed);
        }
        if let Index::Growing(index) = &mut *self.index.write() {
            index.note_stored(self.base_offset, position, header, index_interval_bytes);
        }
    }

    // ---- walking ------------------------------------------------------------------------------------------------

    /// Hands every whole batch from `position` on to `visit` with its bytes, checksum verified where asked.
    pub fn scan(&self, position: u64, verify: bool, mut visit: impl FnMut(u64, &BatchHeader, &[u8]) -> bool) -> io::Result<ScanEnd> {
        let size = self.size();
        if position >= size {
            return Ok(ScanEnd::End);
        }
        let file = self.file()?;
        let mut buffer: Vec<u8> = Vec::new();
        let mut start = position;
        while start < size {
            let want = (size - start).min(SCAN_CHUNK_BYTES.max(buffer.capacity()) as u64) as usize;
            buffer.resize(want, 0);
            file.read_exact_at(&mut buffer, start)?;
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

    /// Renames the segment's files so that they are gone for any later start, and returns the new names.
    pub fn mark_deleted(&self) -> io::Result<Vec<PathBuf>> {
        let files = &*self.context.env.files;
        let mut renamed = Vec::new();
        for suffix in SEGMENT_SUFFIXES {
            let path = self.file_path(suffix);
            let deleted = self.file_path(&format!("{suffix}.deleted"));
            match files.rename(&path, &deleted) {
                Ok(()) => renamed.push(deleted),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(renamed)
    }
}

/// The spacing of entries in an index that was made again without its topic's settings at hand.
const REMADE_INTERVAL_BYTES: u32 = 4096;

pub fn encode_aborted(txns: &[AbortedTxn]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(txns.len() * TXN_ENTRY_BYTES);
    for txn in txns {
        bytes.extend_from_slice(&0i16.to_be_bytes());
        for field in [txn.producer_id, txn.first_offset, txn.last_offset, txn.last_stable_offset] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
    }
    bytes
}

fn decode_aborted(bytes: &[u8]) -> Vec<AbortedTxn> {
    let field = |entry: &[u8], at: usize| i64::from_be_bytes(entry[at..at + 8].try_into().unwrap_or_default());
    bytes
        .chunks_exact(TXN_ENTRY_BYTES)
        .map(|entry| AbortedTxn {
            producer_id: field(entry, 2),
            first_offset: field(entry, 10),
            last_offset: field(entry, 18),
            last_stable_offset: field(entry, 26),
        })
        .collect()
}
