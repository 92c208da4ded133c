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

/// What a log's directory holds, and how much of it has to be verified before it can be used.
pub struct LoadPlan {
    /// Base offsets of the segments, ascending; at least one.
    base_offsets: Vec<i64>,
    /// Offsets of the producer snapshots, ascending.
    snapshots: Vec<i64>,
    recover_from: RecoverFrom,
    log_start_checkpoint: Option<i64>,
    pub unverified_bytes: u64,
}

/// Looks through the directory and removes what interrupted work left behind.
pub fn plan_load(env: &Env, dir: &Path, log_start_checkpoint: Option<i64>, recover_from: RecoverFrom) -> Result<LoadPlan, LogError> {
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
    let mut unverified_bytes = 0;
    if let Some(recover_from) = recover_from {
        for (index, &base) in base_offsets.iter().enumerate() {
            if base_offsets.get(index + 1).is_none_or(|&next| recover_from < next) {
                unverified_bytes += files.size(&Segment::path(dir, base, "log")).map_err(io)?;
            }
        }
    }
    if base_offsets.is_empty() {
        base_offsets.push(log_start_checkpoint.unwrap_or(0));
    }
    Ok(LoadPlan { base_offsets, snapshots, recover_from, log_start_checkpoint, unverified_bytes })
}

/// Opens the log in `dir`, which exists. A torn end is cut; damage before it is an error and changes nothing.
pub fn load(env: &Env, dir: &Path, config: &LogConfig, plan: &LoadPlan) -> Result<(PartitionLog, LoadReport), LogError> {
    let files = &*env.files;
    let io = |error| LogError::io(dir, error);
    let mut report = LoadReport::default();
    let mut segments = Vec::with_capacity(plan.base_offsets.len());
    for (index, &base) in plan.base_offsets.iter().enumerate() {
        let segment = Segment::open(files, dir, base, true).map_err(io)?;
        let next_base = plan.base_offsets.get(index + 1).copied();
        let is_unverified =
            segment.size() > 0 && plan.recover_from.is_some_and(|offset| next_base.is_none_or(|next_base| offset < next_base));
        if is_unverified || !segment.load_indexes(files) {
            rebuild(&segment, config, is_unverified, next_base.is_none(), dir, &mut report)?;
        } else if next_base.is_none() && !ends_whole(&segment).map_err(io)? {
            rebuild(&segment, config, true, true, dir, &mut report)?;
        }
        if is_unverified {
            // What survived a kill may be in the page cache alone; from here on it counts as stored.
            segment.sync().map_err(io)?;
        }
        segments.push(Arc::new(segment));
    }
    let active = &segments[segments.len() - 1];
    let log_end = end_of(active).map_err(io)?;
    let log_start = plan.log_start_checkpoint.unwrap_or(0).max(segments[0].base_offset).min(log_end);
    let producers = recover_producers(env, dir, &segments, &plan.snapshots, log_end).map_err(io)?;
    let epochs_path = dir.join("leader-epoch-checkpoint");
    let mut epochs = checkpoint::read_epochs(files, &epochs_path).map_err(|error| LogError::io(&epochs_path, error))?;
    epochs.retain(|(_, start)| *start < log_end);
    let writer = LogWriter { producers, epochs, roll_jitter_ms: 0 };
    let log = PartitionLog::new(dir.to_owned(), env.clone(), segments, writer, log_start, log_end, log_end);
    Ok((log, report))
}

/// Whether the last batches, from the last index entry on, are all there.
fn ends_whole(segment: &Segment) -> std::io::Result<bool> {
    let end = segment.scan(segment.floor(i64::MAX), false, |_, _, _| true)?;
    Ok(matches!(end, ScanEnd::End))
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
        let _ = state.append(header, header.base_offset); // lies in the log already
        return;
    }
    let record = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next().and_then(Result::ok);
    let marker = record.and_then(|record| decode_marker(record.key?, record.value?));
    if let Some((commit, coordinator_epoch)) = marker
        && let Some(txn) = state.complete(header, header.base_offset, coordinator_epoch, commit, log_end)
        && !known.iter().any(|noted| noted.last_offset == txn.last_offset)
    {
        // The index file was missing or older than the log.
        segment.note_aborted(txn);
    }
}
