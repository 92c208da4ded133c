//! Compaction as the control plane asks for it: which logs have need of it, and one run over one of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cleaner::{self, CompactionError, CompactionNeed, CompactionReport, CompactionSettings};
use super::log_dir::LogDir;
use super::manager::LogManager;
use crate::partition::Partition;

/// All runs since the start.
#[derive(Debug, Default)]
pub struct CompactionTotals {
    pub runs: AtomicU64,
    pub bytes_read: AtomicU64,
    pub bytes_written: AtomicU64,
    pub records_read: AtomicU64,
    pub records_kept: AtomicU64,
}

impl CompactionTotals {
    fn add(&self, report: &CompactionReport) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.bytes_read.fetch_add(report.bytes_read, Ordering::Relaxed);
        self.bytes_written.fetch_add(report.bytes_written, Ordering::Relaxed);
        self.records_read.fetch_add(report.records_read, Ordering::Relaxed);
        self.records_kept.fetch_add(report.records_kept, Ordering::Relaxed);
    }
}

impl LogManager {
    pub fn compaction_totals(&self) -> &CompactionTotals {
        &self.compactions
    }

    /// How the open logs of a topic stand, those with something dirty alone; nothing for an unknown topic. `min_lag_ms`
    /// is the topic's `min.compaction.lag.ms`.
    pub fn compaction_needs(&self, topic: &str, min_lag_ms: i64) -> Vec<CompactionNeed> {
        let Some(topic) = self.topics().load().by_name.get(topic).cloned() else { return Vec::new() };
        topic.partitions.iter().flatten().filter_map(|partition| self.compaction_need(partition, min_lag_ms)).collect()
    }

    fn compaction_need(&self, partition: &Partition, min_lag_ms: i64) -> Option<CompactionNeed> {
        let log = partition.opened_log()?;
        let clean_until = self.dir_of(partition)?.clean_until(partition.topic(), partition.index());
        let cleanable = log.cleanable(clean_until, partition.compactable_end(), min_lag_ms).ok()?;
        let dirty_since_ms = match log.log_end_offset() > cleanable.first_dirty {
            true => log.first_timestamp_from(cleanable.first_dirty).unwrap_or(-1),
            false => return None,
        };
        let (clean_bytes, dirty_bytes) = cleanable.bytes();
        let (topic, partition) = (partition.topic().clone(), partition.index());
        Some(CompactionNeed { topic, partition, dirty_bytes, clean_bytes, dirty_since_ms })
    }

    pub(super) fn dir_of(&self, partition: &Partition) -> Option<&Arc<LogDir>> {
        self.dirs.iter().find(|dir| dir.holds(&partition.dir()))
    }

    /// Compacts a log once; takes as long as its bytes take. Two runs over one log wait for one another.
    pub fn compact(&self, partition: &Partition, settings: &CompactionSettings) -> Result<CompactionReport, CompactionError> {
        let log = partition.load()?;
        let Some(dir) = self.dir_of(partition) else { return Err(CompactionError::Stopped) };
        let _one_at_a_time = partition.compacting.lock();
        let config = partition.config();
        let clean_until = dir.clean_until(partition.topic(), partition.index());
        let cleanable = log.cleanable(clean_until, partition.compactable_end(), settings.min_lag_ms)?;
        if cleanable.first_dirty >= cleanable.limit {
            return Ok(CompactionReport { clean_until: cleanable.first_dirty, ..CompactionReport::default() });
        }
        let mut pace = self.pace(partition, settings.bytes_per_second);
        let now_ms = self.env.clock.now_ms();
        let segment_bytes = u64::from(config.segment_bytes);
        let outcome = cleaner::compact(&log, &cleanable, settings, config.record_ttl, now_ms, segment_bytes, &mut pace);
        let (report, removed) = outcome.inspect_err(|error| {
            if let CompactionError::Swap(_) = error {
                partition.fail(&error.to_string());
            }
        })?;
        let due = now_ms + config.file_delete_delay_ms;
        self.doomed.lock().extend(removed.into_iter().map(|path| (due, path)));
        dir.write_clean_until(&*self.env.files, partition.topic(), partition.index(), report.clean_until)
            .map_err(|(path, source)| super::LogError::Io { path, source })?;
        self.compactions.add(&report);
        Ok(report)
    }

    /// Lets a run go on until the broker stops or the partition goes, no faster than asked.
    fn pace(&self, partition: &Partition, bytes_per_second: Option<u64>) -> impl FnMut(u64) -> bool {
        let clock = self.env.clock.clone();
        let began = clock.monotonic();
        let mut bytes = 0u64;
        move |more| {
            bytes += more;
            if let Some(rate) = bytes_per_second.filter(|rate| *rate > 0) {
                let due = Duration::from_secs_f64(bytes as f64 / rate as f64);
                let ahead = due.saturating_sub(clock.monotonic().saturating_sub(began));
                // Short waits are saved up: a sleep takes longer than asked.
                if ahead >= PAUSE_MIN {
                    clock.pause(ahead);
                }
            }
            !self.stopping.load(Ordering::Acquire) && partition.unavailable().is_none()
        }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(10);

impl LogDir {
    /// Where the last run over a log ended, by the checkpoint.
    pub fn clean_until(&self, topic: &str, partition: i32) -> Option<i64> {
        self.cleaned.lock().get(&(topic.to_owned(), partition)).copied()
    }

    fn write_clean_until(
        &self,
        files: &dyn crate::env::Files,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<(), (std::path::PathBuf, io::Error)> {
        let mut cleaned = self.cleaned.lock();
        cleaned.insert((topic.to_owned(), partition), offset);
        let path = self.path.join(super::checkpoint::CLEANER_OFFSETS);
        super::checkpoint::write_offsets(files, &path, &cleaned).map_err(|error| (path, error))
    }
}
