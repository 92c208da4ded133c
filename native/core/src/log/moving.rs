//! Moving a replica to another log directory, as the control plane asks for it, and what a crash in the middle may leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::log_dir::{LogDir, fresh_number};
use super::manager::{LogManager, doomed_name};
use super::partition_log::LogWriter;
use super::segment::Segment;
use super::{LogError, OpenError, PartitionLog};
use crate::env::{Durability, Env, write_atomically};
use crate::partition::{Destination, MoveError, Partition};

/// A directory with this at the end of its name is a copy that is not whole yet.
pub const FUTURE_SUFFIX: &str = "-future";

impl LogManager {
    /// Has a replica lie in `log_dir`, one of this broker's, from now on; takes as long as its bytes take to copy. Records
    /// come and go meanwhile.
    pub fn move_replica(&self, partition: &Partition, log_dir: &Path) -> Result<(), MoveError> {
        let _one_at_a_time = partition.begin_move();
        let Some(target) = self.dirs.iter().find(|dir| dir.path == log_dir) else {
            return Err(MoveError::NoSuchDir(log_dir.to_owned()));
        };
        let old_dir = partition.dir();
        if target.holds(&old_dir) {
            return Ok(());
        }
        let source = self.dir_of(partition).cloned();
        let (topic, index) = (partition.topic().clone(), partition.index());
        let name = format!("{topic}-{index}");
        let future = target.path.join(format!("{name}.{:016x}{FUTURE_SUFFIX}", fresh_number(&self.env)));
        let doomed = doomed_name(&old_dir, fresh_number(&self.env));
        let to = Destination { log_dir: &target.path, future: &future, doomed: &doomed, partition_dir: &target.path.join(&name) };
        let prepare = |log: &PartitionLog| {
            let files = &*self.env.files;
            let known = vec![((topic.to_string(), index), partition.high_watermark())];
            target.write_high_watermarks(files, known).map_err(|(path, error)| LogError::io(&path, error))?;
            let started = target.write_log_start(files, &topic, index, log.log_start_offset());
            started.map_err(|(path, error)| LogError::io(&path, error))
        };
        let moved = partition.move_to(&to, prepare, || !self.stopping.load(Ordering::Acquire) && !target.is_full());
        if moved.is_err() {
            target.forget(&topic, index);
            let _ = self.env.files.remove_dir_all(&future); // the next start removes it otherwise
            return moved;
        }
        target.partition_names.lock().insert(name);
        if let Some(source) = source {
            let clean_until = source.clean_until(&topic, index);
            source.forget(&topic, index);
            target.cleaned.lock().extend(clean_until.map(|offset| ((topic.to_string(), index), offset)));
        }
        let due = self.env.clock.now_ms() + partition.config().file_delete_delay_ms;
        self.doomed.lock().push((due, doomed));
        Ok(())
    }
}

/// A move that was interrupted after the copy had its name leaves the partition twice, with the same content: one goes.
pub fn drop_second_copies(dirs: &[Arc<LogDir>], env: &Env) -> Result<(), OpenError> {
    for (index, dir) in dirs.iter().enumerate() {
        let names: Vec<String> = dir.partition_names.lock().iter().cloned().collect();
        for name in names {
            if !dirs[..index].iter().any(|earlier| earlier.partition_names.lock().contains(&name)) {
                continue;
            }
            let path = dir.path.join(&name);
            let io = |source| OpenError::Io { path: path.clone(), source };
            let stray = PathBuf::from(format!("{}.{:016x}-stray", path.display(), fresh_number(env)));
            env.files.rename(&path, &stray).and_then(|()| env.files.sync_dir(&dir.path)).map_err(io)?;
            dir.partition_names.lock().remove(&name);
        }
    }
    Ok(())
}

impl PartitionLog {
    /// How often the log was cut.
    pub fn cut_count(&self) -> u64 {
        *self.keeping.lock()
    }

    /// Leaves a copy as a start wants to find it, durably, with the epochs of the log that it is a copy of.
    pub fn finish_copy(&self, original: &PartitionLog) -> Result<(), LogError> {
        let io = |error| LogError::io(&self.dir, error);
        self.flush()?;
        {
            let mut epochs = self.epochs.lock();
            epochs.starts = original.epochs.lock().starts.clone();
            epochs.changed = true;
        }
        self.flush_epochs(Durability::Now)?;
        let active = self.active();
        active.trim().map_err(io)?;
        active.write_indexes(Durability::Now).map_err(io)?;
        let snapshot = self.writer().producers.encode_snapshot();
        let path = Segment::path(&self.dir, self.log_end_offset(), "snapshot");
        write_atomically(&*self.context.env.files, &path, &snapshot).map_err(io)?;
        self.context.env.files.sync_dir(&self.dir).map_err(io)
    }

    /// The files are about to get other names, while readers still use them.
    pub fn hold_open(&self) {
        for segment in self.segments.load().iter() {
            let _ = segment.retire(); // who holds it and cannot go on is told so
        }
    }

    /// The log goes on elsewhere: nothing is written here any more, and nothing is left to be flushed.
    pub fn retire(&self, writer: &mut LogWriter) {
        writer.is_retired = true;
        let _no_flush_meanwhile = self.keeping.lock();
        self.recovery_point.fetch_max(self.log_end_offset(), Ordering::AcqRel);
    }
}
