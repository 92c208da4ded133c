//! Compaction: of every key the newest record stays, at its offset (KIP-58, KIP-534, KIP-98).
//!
//! First the newest offsets of the keys in the dirty part of a log are gathered in a bounded map, then all closed segments
//! below the map's end are copied without what is superseded, and swapped in so that a crash leaves either the old or the
//! new ones. The active segment and what lies above the last stable offset are never touched. When to clean what is not
//! decided here.

mod filter;
mod offset_map;
mod segment_writer;
mod transactions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::partition_log::{LogError, PartitionLog};
use super::producer_state::LastOfProducer;
use super::segment::{LogContext, ScanEnd, Segment};
use crate::record::{BatchHeader, RecordIterator};
use filter::{BatchView, FilterContext, Filtered, Scratch};
use offset_map::{KeyHash, OffsetMap};
use segment_writer::SegmentWriter;
use transactions::CleanedTransactions;

/// What a topic and the broker say about compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionSettings {
    /// `delete.retention.ms`: how long tombstones and markers stay after they became clean.
    pub delete_retention_ms: i64,
    /// `min.compaction.lag.ms`: how long records stay uncompacted.
    pub min_lag_ms: i64,
    /// Bounds the table of keys; what does not fit waits for the next run.
    pub map_memory_bytes: usize,
    /// Reads and writes together; `None` for no bound.
    pub bytes_per_second: Option<u64>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactionReport {
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub records_read: u64,
    pub records_kept: u64,
    /// All below it is clean now.
    pub clean_until: i64,
}

/// How a log stands before compaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionNeed {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Bytes that may be cleaned now, and those that are clean already.
    pub dirty_bytes: u64,
    pub clean_bytes: u64,
    /// The timestamp of the oldest dirty segment's first batch, the active one included; -1 where nothing is dirty.
    pub dirty_since_ms: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    #[error(transparent)]
    Unavailable(#[from] crate::partition::PartitionUnavailable),
    #[error(transparent)]
    Log(#[from] LogError),
    /// A batch has more keys than the map may hold.
    #[error("the records of one batch do not fit into the cleaner's memory")]
    MapTooSmall,
    /// The files are between two states, which the next start puts in order.
    #[error("a cleaned segment could not be put into its place: {0}")]
    Swap(LogError),
    #[error("segments were deleted while they were cleaned")]
    Superseded,
    #[error("the broker is stopping, or the partition was deleted")]
    Stopped,
}

/// Whether to go on; told after every so many bytes, and waits there where the pace is bounded.
pub type Pace<'a> = dyn FnMut(u64) -> bool + 'a;

/// The part of a log that compaction may look at.
pub struct Cleanable {
    /// All closed segments, oldest first.
    pub closed: Vec<Arc<Segment>>,
    pub first_dirty: i64,
    /// Nothing from here on may be touched.
    pub limit: i64,
}

impl Cleanable {
    /// Bytes below and above the first dirty offset.
    pub fn bytes(&self) -> (u64, u64) {
        let (mut clean, mut dirty) = (0, 0);
        for segment in self.closed.iter().take_while(|segment| segment.base_offset < self.limit) {
            *(if segment.base_offset < self.first_dirty { &mut clean } else { &mut dirty }) += segment.size();
        }
        (clean, dirty)
    }
}

/// Compacts a log once; `record_ttl` says whether records expire by their headers. Returns what was done; nothing where nothing is dirty.
pub fn compact(
    log: &PartitionLog,
    cleanable: &Cleanable,
    settings: &CompactionSettings,
    record_ttl: bool,
    now_ms: i64,
    segment_bytes: u64,
    pace: &mut Pace<'_>,
) -> Result<(CompactionReport, Vec<PathBuf>), CompactionError> {
    let mut report = CompactionReport { clean_until: cleanable.first_dirty, ..CompactionReport::default() };
    let mut map = OffsetMap::new(cleanable.first_dirty, settings.map_memory_bytes);
    fill_map(log, cleanable, &mut map, &mut report, pace)?;
    if map.end_offset() <= cleanable.first_dirty {
        return Ok((report, Vec::new()));
    }
    let count = cleanable.closed.partition_point(|segment| segment.base_offset < map.end_offset());
    let segments = &cleanable.closed[..count];
    let end = cleanable.closed.get(count).map_or(i64::MAX, |next| next.base_offset);
    let mut run = Run {
        log,
        context: FilterContext { map: &map, now_ms, delete_retention_ms: settings.delete_retention_ms, record_ttl },
        transactions: CleanedTransactions::new(log.aborted(cleanable.closed[0].base_offset, end)?),
        last_of_producers: log.writer().producers.last_of_each(),
        scratch: Scratch::default(),
        report: &mut report,
    };
    let mut removed = Vec::new();
    for group in group(segments, segment_bytes) {
        removed.extend(run.clean(group, pace)?);
    }
    report.clean_until = map.end_offset();
    Ok((report, removed))
}

/// Notes the newest offset of every key from the first dirty offset on, until the limit or the map is full.
fn fill_map(
    log: &PartitionLog,
    cleanable: &Cleanable,
    map: &mut OffsetMap,
    report: &mut CompactionReport,
    pace: &mut Pace<'_>,
) -> Result<(), CompactionError> {
    let mut transactions = CleanedTransactions::new(log.aborted(cleanable.first_dirty, cleanable.limit)?);
    let first = cleanable.closed.partition_point(|segment| segment.base_offset <= cleanable.first_dirty).saturating_sub(1);
    for segment in cleanable.closed.iter().skip(first).take_while(|segment| segment.base_offset < cleanable.limit) {
        let Some((start, _)) = segment.find_batch(cleanable.first_dirty).map_err(|error| io(segment, error))? else { continue };
        let mut stop = None;
        walk(segment, start, |_, header, batch| {
            if header.base_offset >= cleanable.limit {
                stop = Some(Ok(()));
                return false;
            }
            report.bytes_read += batch.len() as u64;
            match note_keys(map, &mut transactions, header, batch) {
                Ok(Noted::All) => map.set_end_offset(header.last_offset() + 1),
                Ok(Noted::Full) if map.end_offset() > cleanable.first_dirty => stop = Some(Ok(())),
                Ok(Noted::Full) => stop = Some(Err(CompactionError::MapTooSmall)),
                Err(reason) => stop = Some(Err(corrupt(segment, header, reason))),
            }
            if stop.is_none() && !pace(batch.len() as u64) {
                stop = Some(Err(CompactionError::Stopped));
            }
            stop.is_none()
        })?;
        if let Some(outcome) = stop {
            return outcome;
        }
        // A segment may end with a gap.
        let next = cleanable.closed.iter().find(|next| next.base_offset > segment.base_offset);
        map.set_end_offset(next.map_or(map.end_offset(), |next| next.base_offset.min(cleanable.limit)).max(map.end_offset()));
    }
    Ok(())
}

enum Noted {
    All,
    /// The map took only some of the batch's keys: they are no harm, each has a newer record than those below.
    Full,
}

fn note_keys(map: &mut OffsetMap, transactions: &mut CleanedTransactions, header: &BatchHeader, batch: &[u8]) -> Result<Noted, String> {
    if header.is_control() {
        transactions.is_obsolete_marker(header, batch);
        return Ok(Noted::All);
    }
    if transactions.is_aborted(header) {
        return Ok(Noted::All);
    }
    let mut plain = Vec::new();
    let codec = header.codec().map_err(|code| format!("unknown compression codec {code}"))?;
    let records = filter::plain_records(codec, batch, &mut plain)?;
    let mut noted = Vec::with_capacity(KEYS_AT_ONCE);
    let mut hashes = Vec::with_capacity(KEYS_AT_ONCE);
    for found in RecordIterator::new(records) {
        let found = found.map_err(|error| error.to_string())?;
        let offset = header.base_offset + i64::from(found.offset_delta);
        // The first dirty offset may lie inside a batch: DeleteRecords counts records.
        if let Some(key) = found.key.filter(|_| offset >= map.base_offset()) {
            hashes.push(map.hash(key));
            noted.push(offset);
        }
        if hashes.len() == KEYS_AT_ONCE && !put_all(map, &mut hashes, &mut noted) {
            return Ok(Noted::Full);
        }
    }
    if !put_all(map, &mut hashes, &mut noted) {
        return Ok(Noted::Full);
    }
    Ok(Noted::All)
}

/// Keys whose places in the map are looked at together.
const KEYS_AT_ONCE: usize = 64;

/// False where the map is full.
fn put_all(map: &mut OffsetMap, hashes: &mut Vec<KeyHash>, offsets: &mut Vec<i64>) -> bool {
    map.warm(hashes.iter().copied());
    hashes.drain(..).zip(offsets.drain(..)).all(|(hash, offset)| map.put(hash, offset).is_ok())
}

/// Neighbours that fit into one segment together.
fn group(segments: &[Arc<Segment>], segment_bytes: u64) -> Vec<&[Arc<Segment>]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, segment) in segments.iter().enumerate() {
        let next_base = segments.get(index + 1).map_or(segment.base_offset, |next| next.base_offset);
        let is_wide = next_base - segments[start].base_offset > i64::from(i32::MAX);
        if index > start && (bytes + segment.size() > segment_bytes || is_wide) {
            groups.push(&segments[start..index]);
            start = index;
            bytes = 0;
        }
        bytes += segment.size();
    }
    if start < segments.len() {
        groups.push(&segments[start..]);
    }
    groups
}

/// Copying of one log's segments.
struct Run<'a> {
    log: &'a PartitionLog,
    context: FilterContext<'a>,
    transactions: CleanedTransactions,
    last_of_producers: std::collections::HashMap<i64, LastOfProducer>,
    scratch: Scratch,
    report: &'a mut CompactionReport,
}

impl Run<'_> {
    /// Replaces the segments by one; returns files to be removed. A segment by itself of which all stays is left as it is.
    fn clean(&mut self, segments: &[Arc<Segment>], pace: &mut Pace<'_>) -> Result<Vec<PathBuf>, CompactionError> {
        let base_offset = segments[0].base_offset;
        let mut copy = Copy { context: self.log.context(), dir: &self.log.dir, base_offset, writer: None };
        if segments.len() > 1 {
            copy.begin()?;
        }
        let copied = self.copy(segments, &mut copy, pace);
        let aborted = self.transactions.take_kept();
        let Some(mut writer) = copy.writer else { return copied.map(|()| Vec::new()) };
        let finished = copied.and_then(|()| Ok(writer.finish(&aborted)?));
        self.report.bytes_written += finished.inspect_err(|_| writer.discard())?;
        match self.log.replace_segments(segments, base_offset).map_err(CompactionError::Swap)? {
            Some(removed) => Ok(removed),
            None => {
                writer.discard();
                Err(CompactionError::Superseded)
            }
        }
    }

    fn copy(&mut self, segments: &[Arc<Segment>], copy: &mut Copy<'_>, pace: &mut Pace<'_>) -> Result<(), CompactionError> {
        for segment in segments {
            let mut problem = None;
            walk(segment, 0, |position, header, batch| {
                let copied = self.copy_batch(segment, position, header, batch, copy);
                problem = copied.err().or_else(|| (!pace(batch.len() as u64)).then_some(CompactionError::Stopped));
                problem.is_none()
            })?;
            if let Some(problem) = problem {
                return Err(problem);
            }
        }
        Ok(())
    }

    fn copy_batch(
        &mut self,
        segment: &Segment,
        position: u64,
        header: &BatchHeader,
        batch: &[u8],
        copy: &mut Copy<'_>,
    ) -> Result<(), CompactionError> {
        let view = self.view(header, batch);
        let filtered = filter::filter(&self.context, &mut self.scratch, header, batch, view);
        let outcome = filtered.map_err(|reason| corrupt(segment, header, reason))?;
        self.report.bytes_read += batch.len() as u64;
        self.report.records_read += outcome.records_read;
        self.report.records_kept += outcome.records_kept;
        match outcome.filtered {
            Filtered::Kept => copy.keep(header, batch)?,
            Filtered::Dropped => {
                copy.change(segment, position)?;
            }
            Filtered::Rewritten(bytes) => {
                let rewritten = BatchHeader::decode(&bytes).map_err(|error| corrupt(segment, header, error.to_string()))?;
                copy.change(segment, position)?.append(&rewritten, &bytes)?;
            }
        }
        Ok(())
    }

    fn view(&mut self, header: &BatchHeader, batch: &[u8]) -> BatchView {
        let last = self.last_of_producers.get(&header.producer_id);
        let is_last_of_producer = header.has_producer_id()
            && last.is_some_and(|last| match last.data_offset {
                Some(offset) => offset == header.last_offset(),
                None => header.is_control() && header.producer_epoch == last.epoch,
            });
        // What is above the map's end was not looked at; markers there are of transactions that were.
        if header.is_control() {
            let is_obsolete_marker = self.transactions.is_obsolete_marker(header, batch);
            let is_due = header.delete_horizon_ms().is_some_and(|horizon| horizon <= self.context.now_ms);
            return BatchView { is_discarded: is_obsolete_marker && is_due, is_obsolete_marker, is_last_of_producer };
        }
        let is_discarded = self.transactions.is_aborted(header) && header.last_offset() < self.context.map.end_offset();
        BatchView { is_discarded, is_obsolete_marker: false, is_last_of_producer }
    }
}

/// The segment that takes the place of others. It is begun when it turns out that it differs from what is there.
struct Copy<'a> {
    context: &'a LogContext,
    dir: &'a Path,
    base_offset: i64,
    writer: Option<SegmentWriter>,
}

impl Copy<'_> {
    fn begin(&mut self) -> Result<(), LogError> {
        self.writer = Some(SegmentWriter::create(self.context, self.dir, self.base_offset)?);
        Ok(())
    }

    fn keep(&mut self, header: &BatchHeader, batch: &[u8]) -> Result<(), LogError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.append(header, batch))
    }

    /// The batch at `position` does not stay as it is. All before it did, and is copied now unless it was.
    fn change(&mut self, segment: &Segment, position: u64) -> Result<&mut SegmentWriter, CompactionError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.copy_until(segment, position)?,
        };
        Ok(self.writer.insert(writer))
    }

    fn copy_until(&self, segment: &Segment, position: u64) -> Result<SegmentWriter, CompactionError> {
        let mut writer = SegmentWriter::create(self.context, self.dir, self.base_offset)?;
        let mut copied = Ok(());
        // These batches were looked at already, and their checksums were right.
        let scanned = segment.scan(0, false, |at, header, batch| {
            if at < position {
                copied = writer.append(header, batch);
            }
            at < position && copied.is_ok()
        });
        match (scanned, copied) {
            (Ok(_), Ok(())) => Ok(writer),
            (Err(error), _) => {
                writer.discard();
                Err(io(segment, error).into())
            }
            (_, Err(error)) => {
                writer.discard();
                Err(error.into())
            }
        }
    }
}

/// Walks whole batches with their positions; a closed segment has nothing else.
fn walk(segment: &Segment, start: u64, visit: impl FnMut(u64, &BatchHeader, &[u8]) -> bool) -> Result<(), CompactionError> {
    let end = segment.scan(start, true, visit).map_err(|error| io(segment, error))?;
    match end {
        ScanEnd::End => Ok(()),
        ScanEnd::Torn { position, reason } => Err(LogError::Corrupt { path: segment.log_path(), position, reason }.into()),
    }
}

fn io(segment: &Segment, error: std::io::Error) -> LogError {
    LogError::io(&segment.log_path(), error)
}

fn corrupt(segment: &Segment, header: &BatchHeader, reason: String) -> CompactionError {
    let reason = format!("the batch at offset {}: {reason}", header.base_offset);
    LogError::Corrupt { path: segment.log_path(), position: 0, reason }.into()
}

/// What a file of a segment is called while it is written, and once it is whole.
pub(super) fn cleaned_path(dir: &Path, base_offset: i64, suffix: &str) -> PathBuf {
    Segment::path(dir, base_offset, &format!("{suffix}.cleaned"))
}

pub(super) fn swap_path(dir: &Path, base_offset: i64, suffix: &str) -> PathBuf {
    Segment::path(dir, base_offset, &format!("{suffix}.swap"))
}
