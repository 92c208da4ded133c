//! Opens a partition's log: leftovers of interrupted deletions go, indexes are read or made again, and after an unclean
//! stop everything past the recovery point is verified.

use std::path::Path;
use std::sync::Arc;

use super::LogConfig;
use super::checkpoint;
use super::partition_log::{LogError, LogWriter, PartitionLog};
use super::producer_state::ProducerState;
use super::segment::{ScanEnd, Segment};
use crate::env::Env;
use crate::record::{BATCH_OVERHEAD, BatchHeader, RecordIterator, decode_marker};

/// What opening a log found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadReport {
    pub recovered_bytes: u64,
    /// Torn bytes that were cut off the end.
    pub truncated_bytes: u64,
}

/// How the log was left: `None` after a clean stop, otherwise the offset below which everything is on disk.
pub type RecoverFrom = Option<i64>;

/// Opens the log in `dir`, which exists. A torn end is cut; damage before it is an error and changes nothing.
pub fn load(
    env: &Env,
    dir: &Path,
    config: &LogConfig,
    log_start_checkpoint: Option<i64>,
    recover_from: RecoverFrom,
) -> Result<(PartitionLog, LoadReport), LogError> {
    let files = &*env.files;
    let io = |error| LogError::io(dir, error);
    let mut base_offsets = Vec::new();
    let mut snapshots = Vec::new();
    for entry in files.list(dir).map_err(io)? {
        let name = entry.name;
        if name.ends_with(".deleted") || name.ends_with(".cleaned") || name.ends_with(".tmp") {
            files.remove_file(&dir.join(name)).map_err(io)?;
        } else if let Some(base) = name.strip_suffix(".log").and_then(|stem| stem.parse::<i64>().ok()) {
            base_offsets.push(base);
        } else if let Some(offset) = name.strip_suffix(".snapshot").and_then(|stem| stem.parse::<i64>().ok()) {
            snapshots.push(offset);
        }
    }
    base_offsets.sort_unstable();
    snapshots.sort_unstable();
    if base_offsets.is_empty() {
        base_offsets.push(log_start_checkpoint.unwrap_or(0));
    }
    let mut report = LoadReport::default();
    let mut segments = Vec::with_capacity(base_offsets.len());
    for (index, &base) in base_offsets.iter().enumerate() {
        let segment = Segment::open(files, dir, base, true).map_err(io)?;
        let is_last = index + 1 == base_offsets.len();
        let segment_end = base_offsets.get(index + 1).copied().unwrap_or(i64::MAX);
        let unverified = recover_from.is_some_and(|offset| offset < segment_end && segment.size() > 0);
        if unverified || !segment.load_indexes(files) {
            rebuild(&segment, config, unverified, is_last, dir, &mut report)?;
        }
        segments.push(Arc::new(segment));
    }
    let active = &segments[segments.len() - 1];
    let log_end = end_of(active).map_err(io)?;
    let log_start = log_start_checkpoint.unwrap_or(0).max(segments[0].base_offset).min(log_end);
    let producers = recover_producers(env, dir, &segments, &snapshots, log_end).map_err(io)?;
    let epochs_path = dir.join("leader-epoch-checkpoint");
    let mut epochs = checkpoint::read_epochs(files, &epochs_path).map_err(|error| LogError::io(&epochs_path, error))?;
    epochs.retain(|(_, start)| *start < log_end);
    let writer = LogWriter { producers, epochs, roll_jitter_ms: 0 };
    let recovery_point = if recover_from.is_some() { base_offsets[base_offsets.len() - 1].min(log_end) } else { log_end };
    let log = PartitionLog::new(dir.to_owned(), env.clone(), segments, writer, log_start, log_end, recovery_point);
    Ok((log, report))
}

/// Makes a segment's indexes again from its batches; in the last segment, a torn end is cut off.
fn rebuild(
    segment: &Segment,
    config: &LogConfig,
    verify: bool,
    is_last: bool,
    dir: &Path,
    report: &mut LoadReport,
) -> Result<(), LogError> {
    let io = |error| LogError::io(dir, error);
    segment.clear_indexes();
    let mut next_offset = segment.base_offset;
    let mut disorder = None;
    let end = segment
        .scan(0, verify, |position, header, _| {
            if header.base_offset < next_offset {
                disorder = Some(position);
                return false;
            }
            next_offset = header.last_offset() + 1;
            segment.reindex(position, header, config.index_interval_bytes);
            true
        })
        .map_err(io)?;
    report.recovered_bytes += segment.size();
    let (position, reason) = match (end, disorder) {
        (_, Some(position)) => (position, "offsets do not ascend".to_owned()),
        (ScanEnd::Torn { position, reason }, None) => (position, reason),
        (ScanEnd::End, None) => return Ok(()),
    };
    if !is_last {
        return Err(LogError::Corrupt { path: Segment::path(dir, segment.base_offset, "log"), position, reason });
    }
    report.truncated_bytes += segment.size() - position;
    segment.truncate(position).map_err(io)
}

fn end_of(segment: &Segment) -> std::io::Result<i64> {
    let mut end = segment.base_offset;
    segment.scan(segment.floor(i64::MAX), false, |_, header, _| {
        end = header.last_offset() + 1;
        true
    })?;
    Ok(end)
}

/// The newest whole snapshot at or below the log end, and then the batches after it.
fn recover_producers(env: &Env, dir: &Path, segments: &[Arc<Segment>], snapshots: &[i64], log_end: i64) -> std::io::Result<ProducerState> {
    let mut state = ProducerState::default();
    let mut from = segments[0].base_offset;
    for &offset in snapshots.iter().rev().filter(|offset| **offset <= log_end) {
        let bytes = env.files.read(&Segment::path(dir, offset, "snapshot"))?;
        if let Some(snapshot) = ProducerState::decode_snapshot(&bytes) {
            state = snapshot;
            from = offset;
            break;
        }
    }
    for segment in segments {
        let Some((start, _)) = segment.find_batch(from)? else { continue };
        let rebuilt_txns = segment.aborted();
        segment.scan(start, false, |_, header, batch| {
            replay(&mut state, segment, header, batch, log_end, &rebuilt_txns);
            true
        })?;
    }
    state.last_stable_offset(log_end);
    Ok(state)
}

fn replay(state: &mut ProducerState, segment: &Segment, header: &BatchHeader, batch: &[u8], log_end: i64, known: &[super::AbortedTxn]) {
    if !header.has_producer_id() {
        return;
    }
    if !header.is_control() {
        state.append(header, header.base_offset);
        return;
    }
    let record = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next().and_then(Result::ok);
    let marker = record.and_then(|record| decode_marker(record.key?, record.value?));
    if let Some((commit, coordinator_epoch)) = marker
        && let Some(txn) = state.complete(header, header.base_offset, coordinator_epoch, commit, log_end)
        && !known.iter().any(|noted| noted.last_offset == txn.last_offset)
    {
        // The index file was missing or older than the log.
        let _ = segment.note_aborted(txn); // in memory: nothing can fail
    }
}
