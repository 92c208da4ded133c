//! Moving a replica's log to another log directory (KIP-113): it is copied while it goes on, and swapped in once the copy
//! has all there is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::following::{StoredError, append_run, split_batches};
use super::replica::State;
use super::{FollowError, Partition, PartitionUnavailable};
use crate::env::write_atomically;
use crate::log::{LogConfig, LogError, LogWriter, PartitionLog, load_log, plan_load};
use crate::record::BatchHeader;

/// So much is copied at a time.
const COPY_BYTES: u32 = 1024 * 1024;
/// With no more than this left to copy, appends wait for the rest.
const LEFT_MAX_OFFSETS: i64 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error(transparent)]
    Unavailable(#[from] PartitionUnavailable),
    #[error("the copy failed: {0}")]
    Copy(#[from] LogError),
    #[error("the log holds what cannot be copied: {0}")]
    Damaged(String),
    /// LOG_DIR_NOT_FOUND
    #[error("{0} is none of this broker's log directories")]
    NoSuchDir(PathBuf),
    #[error("the broker is stopping, or the directory is full")]
    Stopped,
}

/// Where a log is copied to.
pub struct Destination<'a> {
    pub log_dir: &'a Path,
    /// Below it, for the time of the copy.
    pub future: &'a Path,
    /// The name of the old directory on its way out.
    pub doomed: &'a Path,
    pub partition_dir: &'a Path,
}

impl Partition {
    /// Copies the log and goes on in the copy. `prepare` makes durable in the new directory what is remembered of the
    /// log beside it; `go_on` is asked now and then.
    pub fn move_to(
        &self,
        to: &Destination<'_>,
        prepare: impl Fn(&PartitionLog) -> Result<(), LogError>,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<(), MoveError> {
        let files = &*self.context.env.files;
        let config = self.config();
        let io = |error| LogError::io(to.future, error);
        loop {
            let log = self.load()?;
            let cut_count = log.cut_count();
            match files.remove_dir_all(to.future) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error).into()),
                _ => {}
            }
            files.create_dir_all(to.future).map_err(io)?;
            let metadata = format!("version: 0\ntopic_id: {}", self.options.topic_id);
            write_atomically(files, &to.future.join("partition.metadata"), metadata.as_bytes()).map_err(io)?;
            let begin = first_offset(&log)?;
            let plan = plan_load(&self.context.env, to.future, Some(begin), None)?;
            let (copy, _) = load_log(&self.context, to.future, &config, &plan)?;
            while log.log_end_offset() - copy.log_end_offset() > LEFT_MAX_OFFSETS {
                if !go_on() {
                    return Err(MoveError::Stopped);
                }
                if log.cut_count() != cut_count || !copy_some(&log, &copy, &mut copy.writer(), &config)? {
                    break;
                }
            }
            copy.flush()?;
            let _not_while_compacting = self.compacting.lock();
            let mut writer = log.writer();
            if let Some(unavailable) = writer.unavailable().or_else(|| self.unavailable()) {
                return Err(unavailable.into());
            }
            if log.cut_count() != cut_count {
                continue; // what was copied may have been cut off since
            }
            while copy_some(&log, &copy, &mut copy.writer(), &config)? {}
            copy.drop_before(log.log_start_offset())?;
            copy.finish_copy(&log)?;
            drop(copy);
            prepare(&log)?;
            return self.swap_in(to, &log, &mut writer, &config);
        }
    }

    /// Gives the copy its name and goes on in it. Until the old directory has lost its name both hold the same; after an
    /// error the old one is all there is.
    fn swap_in(&self, to: &Destination<'_>, log: &PartitionLog, writer: &mut LogWriter, config: &LogConfig) -> Result<(), MoveError> {
        let files = &*self.context.env.files;
        let io = |error| LogError::io(to.partition_dir, error);
        files.rename(to.future, to.partition_dir).and_then(|()| files.sync_dir(to.log_dir)).map_err(io)?;
        let swapped = self.swap_log(to, log, writer, config);
        if swapped.is_err() {
            let _ = files.rename(to.partition_dir, to.future); // the error is told
        }
        swapped?;
        self.dir.store(Arc::new(to.partition_dir.to_owned()));
        self.home.moved_to(to.log_dir);
        self.wake_watchers();
        Ok(())
    }

    fn swap_log(&self, to: &Destination<'_>, log: &PartitionLog, writer: &mut LogWriter, config: &LogConfig) -> Result<(), MoveError> {
        let files = &*self.context.env.files;
        let plan = plan_load(&self.context.env, to.partition_dir, Some(log.log_start_offset()), None)?;
        let (moved, _) = load_log(&self.context, to.partition_dir, config, &plan)?;
        // Whoever still has the old log reads on in it.
        log.hold_open();
        let mut state = self.state.write();
        if !matches!(&*state, State::Online(_)) {
            return Err(PartitionUnavailable::Deleted.into());
        }
        let old_dir = self.dir();
        let old_parent = old_dir.parent().map(PathBuf::from).unwrap_or_default();
        let renamed = files.rename(&old_dir, to.doomed).and_then(|()| files.sync_dir(&old_parent));
        renamed.map_err(|error| LogError::io(&old_dir, error))?;
        std::mem::swap(&mut moved.writer().producers, &mut writer.producers);
        *state = State::Online(Arc::new(moved));
        log.retire(writer);
        Ok(())
    }

    /// Held by the one who moves the log.
    pub fn begin_move(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.moving.lock()
    }
}

/// Where the first batch begins that is not wholly below the log start.
fn first_offset(log: &PartitionLog) -> Result<i64, MoveError> {
    let log_start = log.log_start_offset();
    let Some(slice) = log.read(log_start, 1, i64::MAX, true)? else { return Ok(log_start) };
    let mut head = vec![0; slice.len as usize];
    slice.file.read_exact_at(&mut head, slice.position).map_err(|error| LogError::io(&log.dir, error))?;
    let header = BatchHeader::decode(&head).map_err(|error| MoveError::Damaged(error.to_string()))?;
    Ok(header.base_offset.min(log_start))
}

/// Copies the next batches; false where the copy has all there is.
fn copy_some(log: &PartitionLog, copy: &PartitionLog, into: &mut LogWriter, config: &LogConfig) -> Result<bool, MoveError> {
    let Some(slice) = log.read(copy.log_end_offset(), COPY_BYTES, i64::MAX, true)? else { return Ok(false) };
    let mut bytes = vec![0; slice.len as usize];
    slice.file.read_exact_at(&mut bytes, slice.position).map_err(|error| LogError::io(&log.dir, error))?;
    let batches = split_batches(&bytes).map_err(|error| match error {
        FollowError::Unavailable(unavailable) => MoveError::Unavailable(unavailable),
        other => MoveError::Damaged(other.to_string()),
    })?;
    let mut rest = batches.as_slice();
    while !rest.is_empty() {
        let taken = append_run(copy, into, rest, config).map_err(|error| match error {
            StoredError::Misplaced(message) => MoveError::Damaged(message),
            StoredError::Log(error) => MoveError::Copy(error),
        })?;
        rest = &rest[taken..];
    }
    Ok(!batches.is_empty())
}
