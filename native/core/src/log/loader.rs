//! Opens a partition's log: leftovers of interrupted deletions go, indexes are read or made again, and after an unclean
//! stop everything past the recovery point is verified.

use std::path::Path;
use std::sync::Arc;

use super::LogConfig;
use super::checkpoint;
use super::cleaner::swap_path;
use super::partition_log::{FoundLog, LeaderEpochs, LogError, LogWriter, PartitionLog};
use super::producer_state::ProducerState;
use super::segment::{LogContext, SEGMENT_SUFFIXES, ScanEnd, Segment};
use crate::env::{Env, Files};
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
    finish_swaps(env, dir)?;
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

/// Puts cleaned segments into their place where a crash came between: under the name `.swap` they are whole.
fn finish_swaps(env: &Env, dir: &Path) -> Result<(), LogError> {
    let files = &*env.files;
    let io = |error| LogError::io(dir, error);
    let names: Vec<String> = files.list(dir).map_err(io)?.into_iter().map(|entry| entry.name).collect();
    if !names.iter().any(|name| name.ends_with(".swap")) {
        return Ok(());
    }
    let base_of = |name: &str, suffix: &str| name.strip_suffix(suffix).and_then(|stem| stem.parse::<i64>().ok());
    let swaps: Vec<i64> = names.iter().filter_map(|name| base_of(name, ".log.swap")).collect();
    for &base in &swaps {
        let last = last_offset(files, &swap_path(dir, base, "log")).map_err(io)?.unwrap_or(base);
        // What the cleaned segment was made of, but for the one whose names it takes.
        for old in names.iter().filter_map(|name| base_of(name, ".log")).filter(|old| (base + 1..=last).contains(old)) {
            for suffix in SEGMENT_SUFFIXES {
                remove_if_there(files, &Segment::path(dir, old, suffix)).map_err(io)?;
            }
        }
        for suffix in SEGMENT_SUFFIXES {
            if suffix == "log" {
                files.sync_dir(dir).map_err(io)?;
            }
            match files.rename(&swap_path(dir, base, suffix), &Segment::path(dir, base, suffix)) {
                // Indexes may have been moved before the crash.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(io)?,
            }
        }
    }
    // Without its log, the rest of a cleaned segment is nothing.
    for name in names.iter().filter(|name| name.ends_with(".swap")) {
        remove_if_there(files, &dir.join(name)).map_err(io)?;
    }
    files.sync_dir(dir).map_err(io)
}

fn remove_if_there(files: &dyn Files, path: &Path) -> std::io::Result<()> {
    match files.remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The last offset of a whole log file; `None` where it is empty.
fn last_offset(files: &dyn Files, path: &Path) -> std::io::Result<Option<i64>> {
    let file = files.open_for_reading(path)?;
    let size = file.size()?;
    let (mut position, mut last) = (0, None);
    let mut head = [0; BATCH_OVERHEAD];
    while position < size {
        file.read_exact_at(&mut head, position)?;
        let header = BatchHeader::decode(&head).map_err(std::io::Error::other)?;
        last = Some(header.last_offset());
        position += header.size_in_bytes() as u64;
    }
    Ok(last)
}

/// Opens the log in `dir`, which exists. A torn end is cut; damage before it is an error and changes nothing.
pub fn load(context: &LogContext, dir: &Path, config: &LogConfig, plan: &LoadPlan) -> Result<(PartitionLog, LoadReport), LogError> {
    let files = &*context.env.files;
    let io = |error| LogError::io(dir, error);
    let mut report = LoadReport::default();
    let mut segments = Vec::with_capacity(plan.base_offsets.len());
    let (closed, active) = plan.base_offsets.split_at(plan.base_offsets.len() - 1);
    for (index, &base) in closed.iter().enumerate() {
        let segment = Segment::open_closed(context, dir, base).map_err(io)?;
        if plan.recover_from.is_some_and(|offset| offset < plan.base_offsets[index + 1]) {
            verify_closed(&segment, &mut report)?;
        }
        segments.push(segment);
    }
    let active = Segment::open_active(context, dir, active[0]).map_err(io)?;
    if plan.recover_from.is_some() {
        active.distrust_name();
    }
    let OpenEnd { log_end, snapshot_max, walked_epochs } = open_end(&active, config, plan, &mut report)?;
    if let Some(log_start) = plan.log_start_checkpoint.filter(|log_start| *log_start > log_end) {
        segments.push(active);
        return begin_anew(context, dir, config, plan, &segments, log_start);
    }
    if plan.recover_from.is_some() && config.commits_by_flush() && active.size() > 0 {
        // What survived a kill may be in the page cache alone; with this setting what readers see is on disk.
        active.sync().map_err(io)?;
    }
    let is_durable = plan.recover_from.is_none() || config.commits_by_flush();
    let recovery_point = if is_durable { log_end } else { active.base_offset.min(log_end) };
    segments.push(active);
    let log_start = plan.log_start_checkpoint.unwrap_or(0).max(segments[0].base_offset).min(log_end);
    let producers = recover_producers(context, dir, &segments, &plan.snapshots, snapshot_max).map_err(io)?;
    let (producers, snapshot_offset) = producers;
    let epochs = recover_epochs(files, dir, log_end, walked_epochs)?;
    let roll_jitter_ms = super::partition_log::roll_jitter_ms(context, config);
    let latest_epoch = epochs.starts.last().map_or(-1, |(epoch, _)| *epoch);
    let found = FoundLog {
        segments,
        writer: LogWriter { producers, roll_jitter_ms, latest_epoch, snapshot_offset, is_retired: false },
        epochs,
        log_start_offset: log_start,
        log_end_offset: log_end,
        recovery_point,
    };
    let log = PartitionLog::new(dir.to_owned(), context.clone(), found);
    Ok((log, report))
}

/// All that is left was deleted before: the log start outlived the records below it. No offset is given twice, so the log
/// goes on at its start.
fn begin_anew(
    context: &LogContext,
    dir: &Path,
    config: &LogConfig,
    plan: &LoadPlan,
    segments: &[Arc<Segment>],
    log_start: i64,
) -> Result<(PartitionLog, LoadReport), LogError> {
    let files = &*context.env.files;
    let io = |error| LogError::io(dir, error);
    for segment in segments {
        for path in segment.mark_deleted().map_err(io)? {
            files.remove_file(&path).map_err(io)?;
        }
    }
    for &offset in &plan.snapshots {
        files.remove_file(&Segment::path(dir, offset, "snapshot")).map_err(io)?;
    }
    files.sync_dir(dir).map_err(io)?;
    let rest = LoadPlan {
        base_offsets: vec![log_start],
        snapshots: Vec::new(),
        recover_from: None,
        log_start_checkpoint: Some(log_start),
        unverified_bytes: 0,
    };
    load(context, dir, config, &rest)
}

/// Checks every batch of a segment that is not the last: it has to be whole to its end.
fn verify_closed(segment: &Segment, report: &mut LoadReport) -> Result<(), LogError> {
    let (end, _) = walk(segment, 0, true, |_, _| {})?;
    report.recovered_bytes += segment.size();
    end.map_or(Ok(()), |(position, reason)| Err(LogError::Corrupt { path: segment.log_path(), position, reason }))
}

/// Where the log ends, and the largest producer snapshot that fits what was found.
struct OpenEnd {
    log_end: i64,
    snapshot_max: i64,
    /// Leader epochs of the batches that were walked.
    walked_epochs: LeaderEpochs,
}

/// Takes up the last segment's index and walks what lies after it, checking what is not known to be on disk; cuts a torn
/// end off.
fn open_end(active: &Segment, config: &LogConfig, plan: &LoadPlan, report: &mut LoadReport) -> Result<OpenEnd, LogError> {
    let io = |error| LogError::io(&active.log_path(), error);
    if active.size() == 0 {
        let (log_end, walked_epochs) = (active.base_offset, LeaderEpochs::default());
        return Ok(OpenEnd { log_end, snapshot_max: log_end, walked_epochs });
    }
    let resumed = active.resume_index(plan.recover_from.unwrap_or(i64::MAX)).map_err(io)?;
    // Without its indexes the segment's list of aborted transactions is not there either, as after a cut. A snapshot that lies
    // within the segment would hide those before it; they are found by walking the segment's transactions anew.
    let snapshot_bound = if resumed.is_some() { i64::MAX } else { active.base_offset };
    if resumed.is_none() {
        active.restart_index();
    }
    let start = resumed.unwrap_or(0);
    let verify = plan.recover_from.is_some();
    let mut walked_epochs = LeaderEpochs::default();
    let mut note = |position, header: &BatchHeader| {
        active.reindex(position, header, config.index_interval_bytes);
        walked_epochs.note(header.partition_leader_epoch, header.base_offset);
    };
    let (torn, mut log_end) = walk(active, start, verify, &mut note)?;
    if verify {
        report.recovered_bytes += active.size() - start;
    }
    let Some((position, _)) = torn else {
        active.retain_aborted_below(log_end).map_err(io)?;
        if !verify && resumed.is_some() {
            active.trust_index_files();
        }
        return Ok(OpenEnd { log_end, snapshot_max: log_end.min(snapshot_bound), walked_epochs });
    };
    if position > start && verify {
        report.truncated_bytes += active.size() - position;
        active.truncate(position).map_err(io)?;
        active.retain_aborted_below(log_end).map_err(io)?;
        return Ok(OpenEnd { log_end, snapshot_max: log_end.min(snapshot_bound), walked_epochs });
    }
    // The other files say more than the log holds, or a clean stop was none: only the log itself is believed.
    active.restart_index();
    let (torn, end) = walk(active, 0, true, &mut note)?;
    log_end = end;
    report.recovered_bytes = active.size();
    if let Some((position, _)) = torn {
        report.truncated_bytes += active.size() - position;
        active.truncate(position).map_err(io)?;
    }
    Ok(OpenEnd { log_end, snapshot_max: active.base_offset, walked_epochs })
}

/// The epochs of the file, and those of batches that came after it was written.
fn recover_epochs(files: &dyn Files, dir: &Path, log_end: i64, walked: LeaderEpochs) -> Result<LeaderEpochs, LogError> {
    let path = dir.join("leader-epoch-checkpoint");
    let starts = checkpoint::read_epochs(files, &path).map_err(|error| LogError::io(&path, error))?;
    let mut epochs = LeaderEpochs { starts, changed: false };
    epochs.starts.retain(|(_, start)| *start < log_end);
    for (epoch, offset) in walked.starts.into_iter().filter(|(_, offset)| *offset < log_end) {
        epochs.note(epoch, offset);
    }
    Ok(epochs)
}

/// Position and reason of the first place that is no whole batch, or `None`; and the offset after the last one that is.
type Walked = (Option<(u64, String)>, i64);

fn walk(segment: &Segment, start: u64, verify: bool, mut visit: impl FnMut(u64, &BatchHeader)) -> Result<Walked, LogError> {
    let mut next_offset = segment.base_offset;
    let mut disorder = None;
    let end = segment
        .scan(start, verify, |position, header, _| {
            if header.base_offset < next_offset || header.last_offset_delta < 0 {
                disorder = Some((position, "offsets do not ascend".to_owned()));
                return false;
            }
            next_offset = header.last_offset() + 1;
            visit(position, header);
            true
        })
        .map_err(|error| LogError::io(&segment.log_path(), error))?;
    let torn = match end {
        ScanEnd::Torn { position, reason } => Some((position, reason)),
        ScanEnd::End => None,
    };
    Ok((disorder.or(torn), next_offset))
}

/// The newest whole snapshot at or below `snapshot_max`, and then the batches after it. Snapshots of a history that was cut
/// off go.
pub(super) fn recover_producers(
    context: &LogContext,
    dir: &Path,
    segments: &[Arc<Segment>],
    snapshots: &[i64],
    snapshot_max: i64,
) -> std::io::Result<(ProducerState, i64)> {
    let files = &*context.env.files;
    let mut state = ProducerState::default();
    let mut from = segments[0].base_offset;
    let mut snapshot_offset = -1;
    for &offset in snapshots.iter().rev() {
        let path = Segment::path(dir, offset, "snapshot");
        if offset > snapshot_max {
            files.remove_file(&path)?;
            continue;
        }
        if let Some(snapshot) = ProducerState::decode_snapshot(&files.read(&path)?) {
            state = snapshot;
            from = offset;
            snapshot_offset = offset;
            break;
        }
    }
    let first = segments.partition_point(|segment| segment.base_offset <= from).saturating_sub(1);
    for segment in &segments[first..] {
        let Some((start, _)) = segment.find_batch(from)? else { continue };
        let known = segment.aborted()?;
        segment.scan(start, false, |_, header, batch| {
            replay(&mut state, segment, header, batch, &known);
            true
        })?;
    }
    state.see_all(context.env.clock.now_ms());
    Ok((state, snapshot_offset))
}

fn replay(state: &mut ProducerState, segment: &Segment, header: &BatchHeader, batch: &[u8], known: &[super::AbortedTxn]) {
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
        && let Some(txn) = state.complete(header, header.base_offset, coordinator_epoch, commit)
        && !known.iter().any(|noted| noted.last_offset == txn.last_offset)
    {
        // The index file was missing or older than the log.
        segment.note_aborted(txn);
    }
}
