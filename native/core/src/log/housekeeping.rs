//! What is done for all logs in the background: group commit, opening logs after a start, checkpoints, watching the free
//! space, removal of files; and the orderly end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::manager::{LogManager, OpenError};
use super::{LogError, StorageFact};
use crate::partition::{Partition, Role};

/// How often the free space and the age of unflushed records are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// From so many logs on they are flushed together.
const FLUSH_TOGETHER_MIN: usize = 64;

impl LogManager {
    /// Starts the threads for group commit, opening logs, and checkpoints; `report` is told what happens there and
    /// must not block.
    pub fn start_background(self: &Arc<Self>, report: impl Fn(StorageFact) + Send + Sync + 'static) -> io::Result<()> {
        self.listen(report);
        let mut threads = vec![self.start_flusher()?, self.start_keeper()?];
        for index in 0..self.options.recovery_thread_count.max(1) {
            let loads = self.loads.clone();
            let loader = move || {
                while let Some(partition) = loads.wait() {
                    partition.load_in_background();
                }
            };
            threads.push(std::thread::Builder::new().name(format!("millrace-load-{index}")).spawn(loader)?);
        }
        self.threads.lock().extend(threads);
        Ok(())
    }

    /// Names who is told what happens; what happened before is told now.
    pub fn listen(&self, report: impl Fn(StorageFact) + Send + Sync + 'static) {
        self.facts.connect(Box::new(report));
    }

    fn start_flusher(&self) -> io::Result<JoinHandle<()>> {
        let flushes = self.flushes.clone();
        let stopping = self.stopping.clone();
        std::thread::Builder::new().name("millrace-flush".to_owned()).spawn(move || {
            loop {
                let mut waiting = flushes.waiting.lock();
                while waiting.is_empty() {
                    if stopping.load(Ordering::Acquire) {
                        return;
                    }
                    flushes.changed.wait(&mut waiting);
                }
                let batch = std::mem::take(&mut *waiting);
                drop(waiting);
                for partition in batch {
                    let _ = partition.flush(); // a failure has stopped the partition, which its waiters are told
                }
            }
        })
    }

    fn start_keeper(self: &Arc<Self>) -> io::Result<JoinHandle<()>> {
        let manager = Arc::downgrade(self);
        let wake = self.wake_background.clone();
        let stopping = self.stopping.clone();
        let clock = self.env.clock.clone();
        let checkpoint_interval = self.options.checkpoint_interval;
        let high_watermark_interval = self.options.high_watermark_checkpoint_interval;
        let isr_interval = self.options.replica_lag_max / 2;
        std::thread::Builder::new().name("millrace-keeper".to_owned()).spawn(move || {
            let mut checkpoint_at = clock.monotonic() + checkpoint_interval;
            let mut high_watermark_at = clock.monotonic() + high_watermark_interval;
            let mut isr_at = clock.monotonic() + isr_interval;
            let interval = [WATCH_INTERVAL, checkpoint_interval, high_watermark_interval, isr_interval].into_iter().min();
            loop {
                {
                    let mut guard = wake.0.lock();
                    if !stopping.load(Ordering::Acquire) {
                        wake.1.wait_for(&mut guard, interval.unwrap_or(WATCH_INTERVAL));
                    }
                }
                let Some(manager) = manager.upgrade() else { return };
                if stopping.load(Ordering::Acquire) {
                    return;
                }
                manager.watch_space();
                manager.flush_due();
                if clock.monotonic() >= isr_at {
                    manager.check_isrs();
                    isr_at = clock.monotonic() + isr_interval;
                }
                if clock.monotonic() >= high_watermark_at {
                    manager.keep_high_watermarks();
                    high_watermark_at = clock.monotonic() + high_watermark_interval;
                }
                if clock.monotonic() >= checkpoint_at {
                    manager.keep_house();
                    checkpoint_at = clock.monotonic() + checkpoint_interval;
                }
            }
        })
    }

    /// Looks at every directory's free space: below the reserve, clients' records are refused until there is more.
    pub fn watch_space(&self) {
        for dir in &self.dirs {
            if let Err(error) = dir.check_space(&*self.env.files) {
                self.dir_failed(dir.path.clone(), &error);
            }
        }
    }

    /// Flushes where `flush.messages` or `flush.ms` ask for it.
    pub fn flush_due(&self) {
        for partition in self.partitions() {
            if partition.flush_is_due() {
                let _ = partition.flush(); // a failure has stopped the partition, which its waiters are told
            }
        }
    }

    /// Proposes ISRs without followers that have fallen behind.
    pub fn check_isrs(&self) {
        self.partitions().iter().for_each(|partition| partition.check_isr());
    }

    /// Writes how far replicas that are not alone know their records to be committed.
    pub fn keep_high_watermarks(&self) {
        if let Err((path, error)) = self.write_high_watermarks() {
            self.dir_failed(path, &error);
        }
    }

    fn write_high_watermarks(&self) -> Result<(), (PathBuf, io::Error)> {
        let partitions = self.partitions();
        let open = partitions.iter().filter(|partition| partition.role() != Role::Alone && partition.opened_log().is_some());
        let open: Vec<&Arc<Partition>> = open.collect();
        self.dirs.iter().try_for_each(|dir| {
            let known = open.iter().filter(|partition| dir.holds(&partition.dir()));
            let known = known.map(|partition| ((partition.topic().to_string(), partition.index()), partition.high_watermark()));
            dir.write_high_watermarks(&*self.env.files, known.collect())
        })
    }

    /// Flushes what is open, forgets idle producers, writes the checkpoints, and removes files whose time has come.
    pub fn keep_house(&self) {
        let now_ms = self.env.clock.now_ms();
        self.flush_together();
        for partition in self.partitions() {
            if partition.opened_log().is_some() {
                let _ = partition.checkpoint(); // a failure has stopped the partition, which its waiters are told
                partition.expire_producers(now_ms, self.options.producer_id_expiration_ms);
            }
        }
        if let Err((path, error)) = self.write_checkpoints() {
            self.dir_failed(path, &error);
        }
        let due: Vec<(i64, PathBuf)> = {
            let mut doomed = self.doomed.lock();
            let (due, later) = doomed.drain(..).partition(|(due, _)| *due <= now_ms);
            *doomed = later;
            due
        };
        for (_, path) in due {
            self.remove(&path);
        }
    }

    /// Where many logs have something to flush, one sync of the file system costs less than one for each.
    fn flush_together(&self) {
        let partitions = self.partitions();
        for dir in &self.dirs {
            let is_dirty = |partition: &&Arc<Partition>| dir.holds(&partition.dir()) && partition.has_unflushed();
            let dirty: Vec<&Arc<Partition>> = partitions.iter().filter(is_dirty).collect();
            if dirty.len() < FLUSH_TOGETHER_MIN {
                continue;
            }
            let begun: Vec<_> = dirty.iter().filter_map(|partition| Some((partition, partition.begin_flush()?))).collect();
            // After an error each log is flushed for itself, and fails for itself.
            if self.env.files.sync_all(&dir.path).is_ok() {
                begun.into_iter().for_each(|(partition, log_end)| partition.finish_flush(log_end));
            }
        }
    }

    /// Reports a directory's first failure; a lack of space is no failure.
    fn dir_failed(&self, path: PathBuf, error: &io::Error) {
        let message = format!("{}: {error}", path.display());
        let Some(dir) = self.dirs.iter().find(|dir| path.starts_with(&dir.path)) else { return };
        if error.kind() == io::ErrorKind::StorageFull {
            dir.note_full();
        } else if dir.note_failure(&message) {
            self.facts.report(StorageFact::LogDirFailed { path: dir.path.clone(), message });
        }
    }

    fn remove(&self, path: &Path) {
        let is_dir = path.extension().is_none_or(|extension| extension != "deleted");
        let removed = if is_dir { self.env.files.remove_dir_all(path) } else { self.env.files.remove_file(path) };
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            self.dir_failed(path.to_owned(), &error);
        }
    }

    fn write_checkpoints(&self) -> Result<(), (PathBuf, io::Error)> {
        let partitions = self.partitions();
        for dir in &self.dirs {
            let mut recovery_points = dir.recovery_points.lock();
            let mut log_starts = dir.log_starts.lock();
            for partition in partitions.iter().filter(|partition| dir.holds(&partition.dir())) {
                let Some(log) = partition.opened_log() else { continue };
                let key = (partition.topic().to_string(), partition.index());
                if log.log_start_offset() > 0 {
                    // A deletion makes its start durable before the log knows of it.
                    let known = log_starts.entry(key.clone()).or_insert(0);
                    *known = log.log_start_offset().max(*known);
                }
                recovery_points.insert(key, log.recovery_point());
            }
            drop((recovery_points, log_starts));
            dir.write_checkpoints(&*self.env.files)?;
        }
        Ok(())
    }

    /// Flushes and closes every log and marks the stop as clean; a log that cannot be closed leaves it unclean.
    pub fn close(&self) -> Result<(), OpenError> {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.stop_background();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join(); // a panic was printed when it happened
        }
        let outcome = self.close_logs();
        self.dirs.iter().for_each(|dir| dir.unlock());
        outcome
    }

    fn stop_background(&self) {
        self.stopping.store(true, Ordering::Release);
        // With the lock held, so that nobody misses it between looking and waiting.
        drop(self.flushes.waiting.lock());
        self.flushes.changed.notify_all();
        self.loads.stop();
        drop(self.wake_background.0.lock());
        self.wake_background.1.notify_all();
    }

    fn close_logs(&self) -> Result<(), OpenError> {
        for partition in &self.partitions() {
            self.close_partition(partition)?;
        }
        self.write_high_watermarks().and_then(|()| self.write_checkpoints()).map_err(|(path, source)| OpenError::Io { path, source })?;
        let broker_epoch = self.cluster.load().broker_epoch;
        self.dirs.iter().try_for_each(|dir| dir.mark_clean(&*self.env.files, broker_epoch))
    }

    fn close_partition(&self, partition: &Partition) -> Result<(), OpenError> {
        let failed = |detail: String| OpenError::Io { path: PathBuf::clone(&partition.dir()), source: io::Error::other(detail) };
        if partition.needs_recovery() {
            // A log nobody touched since an unclean stop was not verified; a clean mark would hide that for good.
            let _ = partition.load(); // a failure shows in what follows
        }
        if let Some(unavailable) = partition.unavailable() {
            return Err(failed(unavailable.to_string()));
        }
        let Some(log) = partition.opened_log() else { return Ok(()) };
        log.close().map_err(|error: LogError| failed(error.to_string()))
    }
}

impl Drop for LogManager {
    /// Without [`LogManager::close`] the threads end and the files stay as after a kill.
    fn drop(&mut self) {
        self.stop_background();
    }
}
