//! Reads a log at the start: every batch is looked at, and only what an interrupted append can leave is cut off.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use millrace_core::env::{File, Files};
use millrace_core::record::{BATCH_OVERHEAD, BatchHeader};

use super::checkpoint::Checkpoint;
use super::{LogFiles, Place, Segment, place_of};
use crate::entry::{self, BATCH_SIZE_MAX_BYTES};
use crate::error::QuorumError;

pub fn open(files: Arc<dyn Files>, dir: &Path, segment_size_max: u64) -> Result<LogFiles, QuorumError> {
    files.create_dir_all(dir).map_err(QuorumError::io(dir))?;
    if let Some(parent) = dir.parent() {
        files.sync_dir(parent).map_err(QuorumError::io(parent))?;
    }
    let checkpoint = Checkpoint::read(&*files, dir)?.unwrap_or_default();
    let mut log = LogFiles {
        files: files.clone(),
        dir: dir.to_owned(),
        segment_size_max,
        segments: VecDeque::new(),
        entries: VecDeque::new(),
        checkpoint,
        unmarked_bytes: 0,
        cut_bytes: 0,
        failed: false,
    };
    let bases = segment_bases(&*files, dir)?;
    for (at, base_offset) in bases.iter().enumerate() {
        let is_last = at + 1 == bases.len();
        let next_is_needed_first = bases.get(at + 1).is_some_and(|next| *next <= log.start_offset());
        if next_is_needed_first {
            // A purge was interrupted.
            remove(&*files, dir, *base_offset)?;
            continue;
        }
        read_segment(&mut log, *base_offset, is_last)?;
    }
    if log.end_offset() < log.checkpoint.recovery_offset {
        let reason = format!("the log ends at {} and was synced to {}", log.end_offset(), log.checkpoint.recovery_offset);
        return Err(QuorumError::damaged(dir, 0, reason));
    }
    Ok(log)
}

fn segment_bases(files: &dyn Files, dir: &Path) -> Result<Vec<i64>, QuorumError> {
    let entries = files.list(dir).map_err(QuorumError::io(dir))?;
    let names = entries.iter().filter_map(|entry| entry.name.strip_suffix(".log"));
    let mut bases: Vec<i64> = names.filter(|name| name.len() == 20).filter_map(|name| name.parse().ok()).collect();
    bases.sort_unstable();
    Ok(bases)
}

fn remove(files: &dyn Files, dir: &Path, base_offset: i64) -> Result<(), QuorumError> {
    let path = dir.join(super::segment_name(base_offset));
    files.remove_file(&path).map_err(QuorumError::io(&path))?;
    files.sync_dir(dir).map_err(QuorumError::io(dir))
}

fn read_segment(log: &mut LogFiles, base_offset: i64, is_last: bool) -> Result<(), QuorumError> {
    let path = log.dir.join(super::segment_name(base_offset));
    let file = log.files.open(&path, false).map_err(QuorumError::io(&path))?;
    let size = file.size().map_err(QuorumError::io(&path))?;
    // The first segment may begin before the first entry that counts, never after it.
    let is_first = log.segments.is_empty();
    let expected_base = if is_first { log.start_offset() } else { log.end_offset() };
    if base_offset > expected_base || (!is_first && base_offset != expected_base) {
        let reason = format!("the segment begins at offset {base_offset}, {expected_base} is missing");
        return Err(QuorumError::damaged(&path, 0, reason));
    }
    let mut position = 0;
    let mut next_offset = base_offset;
    let mut last_term = log.entries.back().map_or(0, |place: &Place| place.term);
    while position < size {
        let read = read_batch(&*file, base_offset, position, size).and_then(|place| follows(place, next_offset, last_term));
        match read {
            Ok(place) => {
                if place.last_offset >= log.start_offset() {
                    log.entries.push_back(place);
                }
                next_offset = place.last_offset + 1;
                last_term = place.term;
                position += u64::from(place.size);
            }
            Err(reason) if !is_last || next_offset < log.checkpoint.recovery_offset => {
                return Err(QuorumError::damaged(&path, position, reason));
            }
            Err(_) => {
                file.set_len(position).map_err(QuorumError::io(&path))?;
                file.sync_data().map_err(QuorumError::io(&path))?;
                log.cut_bytes = size - position;
                break;
            }
        }
    }
    log.segments.push_back(Segment { base_offset, path, file, size: position });
    Ok(())
}

fn follows(place: Place, next_offset: i64, last_term: u64) -> Result<Place, String> {
    match () {
        () if place.base_offset != next_offset => Err(format!("offset {} where {next_offset} is due", place.base_offset)),
        () if place.term < last_term => Err(format!("epoch {} after {last_term}", place.term)),
        () => Ok(place),
    }
}

fn read_batch(file: &dyn File, segment: i64, position: u64, size: u64) -> Result<Place, String> {
    let mut head = [0; BATCH_OVERHEAD];
    file.read_exact_at(&mut head, position).map_err(|error| error.to_string())?;
    let header = BatchHeader::decode(&head).map_err(|error| error.to_string())?;
    let length = header.size_in_bytes();
    if length > BATCH_SIZE_MAX_BYTES || length as u64 > size - position {
        return Err(format!("a batch of {length} bytes does not fit"));
    }
    let mut batch = vec![0; length];
    file.read_exact_at(&mut batch, position).map_err(|error| error.to_string())?;
    entry::check(&batch)?;
    place_of(&batch, segment, position)
}
