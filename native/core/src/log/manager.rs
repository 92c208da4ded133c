//! All logs of a broker: its directories and the table of topics. The background work is in `housekeeping`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use super::checkpoint;
use super::facts::{FactSink, PartitionHome};
use super::load_queue::LoadQueue;
use super::log_dir::{LogDir, fresh_number};
use super::{
    CompactionTotals, LogConfig, LogContext, PartitionSpec, ProducerSummary, SegmentCache, SegmentSummary, Topic, TopicSpec, TopicTable,
    Uuid,
};
use crate::env::Env;
use crate::partition::{AppendError, Cluster, Partition, PartitionOffsets, PartitionOptions, PartitionUnavailable, RateQuota, Standing};

/// Of the process's open files logs may hold one in so many, and this many at least and at most; connections need the
/// others.
const OPEN_FILES_SHARE: usize = 3;
const OPEN_FILES_MIN: usize = 16;
const OPEN_FILES_MAX: usize = 4096;
/// Memory for the offset indexes of closed segments, all together.
const INDEX_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct LogManagerOptions {
    pub node_id: i32,
    pub cluster_id: Uuid,
    pub log_dirs: Vec<PathBuf>,
    pub checkpoint_interval: Duration,
    pub producer_id_expiration_ms: i64,
    /// A follower that was not caught up for so long falls out of the ISR.
    pub replica_lag_max: Duration,
    pub high_watermark_checkpoint_interval: Duration,
    /// Threads that open logs in the background after a start.
    pub recovery_thread_count: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is used by another broker")]
    Locked { path: PathBuf },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} has version {found} of the directory format; this broker knows version 1")]
    NewerFormat { path: PathBuf, found: String },
    #[error("{path} belongs to {what} {found}, not {expected}")]
    Foreign { path: PathBuf, what: &'static str, found: String, expected: String },
}

#[derive(Clone, Debug)]
pub struct LogDirSummary {
    pub path: PathBuf,
    pub error: Option<String>,
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

/// A topic as its files tell it, whether it was applied or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTopic {
    pub name: String,
    /// `None` where no partition says.
    pub id: Option<Uuid>,
    /// Ascending.
    pub partitions: Vec<i32>,
    pub log_dir: PathBuf,
}

/// Partitions that wait for a group commit.
#[derive(Default)]
pub(super) struct FlushQueue {
    pub waiting: Mutex<Vec<Arc<Partition>>>,
    pub changed: Condvar,
}

pub struct LogManager {
    pub(super) options: LogManagerOptions,
    pub(super) env: Env,
    pub(super) context: LogContext,
    pub(super) dirs: Vec<Arc<LogDir>>,
    pub(super) topics: Arc<ArcSwap<TopicTable>>,
    applying: Mutex<()>,
    pub(super) flushes: Arc<FlushQueue>,
    pub(super) loads: Arc<LoadQueue>,
    pub(super) facts: Arc<FactSink>,
    pub(super) compactions: CompactionTotals,
    pub(super) cluster: Arc<ArcSwap<Cluster>>,
    leader_quota: Arc<RateQuota>,
    follower_quota: Arc<RateQuota>,
    /// Told after topics or the cluster have changed.
    on_change: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Files and directories to be removed, and when.
    pub(super) doomed: Arc<Mutex<Vec<(i64, PathBuf)>>>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) wake_background: Arc<(Mutex<()>, Condvar)>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
}

impl LogManager {
    /// Locks and checks the directories, creating what is missing. Logs are opened when they are first touched.
    pub fn open(options: LogManagerOptions, env: Env) -> Result<LogManager, OpenError> {
        let open = |path: &PathBuf| LogDir::open(path, &options, &env).map(Arc::new);
        let dirs = options.log_dirs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        super::moving::drop_second_copies(&dirs, &env)?;
        let open_files_max = (env.files.open_files_max() / OPEN_FILES_SHARE).clamp(OPEN_FILES_MIN, OPEN_FILES_MAX);
        let cache = Arc::new(SegmentCache::new(open_files_max, INDEX_BYTES_MAX));
        Ok(LogManager {
            options,
            context: LogContext { env: env.clone(), cache },
            env,
            dirs,
            topics: Arc::new(ArcSwap::from_pointee(TopicTable::default())),
            applying: Mutex::new(()),
            flushes: Arc::default(),
            loads: Arc::default(),
            facts: Arc::default(),
            compactions: CompactionTotals::default(),
            cluster: Arc::default(),
            leader_quota: Arc::default(),
            follower_quota: Arc::default(),
            on_change: OnceLock::new(),
            doomed: Arc::default(),
            stopping: Arc::default(),
            wake_background: Arc::default(),
            threads: Mutex::default(),
        })
    }

    pub fn topics(&self) -> &Arc<ArcSwap<TopicTable>> {
        &self.topics
    }

    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Until it is called this broker is alone.
    pub fn set_cluster(&self, cluster: Cluster) {
        self.cluster.store(Arc::new(cluster));
        self.tell_change();
    }

    /// Has `on_change` told after topics or the cluster have changed; it must not block. Only the first is taken.
    pub fn on_change(&self, on_change: impl Fn() + Send + Sync + 'static) {
        let _ = self.on_change.set(Box::new(on_change));
    }

    fn tell_change(&self) {
        if let Some(on_change) = self.on_change.get() {
            on_change();
        }
    }

    pub fn node_id(&self) -> i32 {
        self.options.node_id
    }

    pub fn cluster(&self) -> Arc<Cluster> {
        self.cluster.load_full()
    }

    /// Bytes per second that throttled partitions may be read with by followers, and read by this broker (KIP-73);
    /// infinity for no bound.
    pub fn set_replication_quotas(&self, leader_bytes_per_second: f64, follower_bytes_per_second: f64) {
        let now = self.env.clock.monotonic();
        self.leader_quota.set_rate(leader_bytes_per_second, now);
        self.follower_quota.set_rate(follower_bytes_per_second, now);
    }

    pub fn leader_quota(&self) -> &Arc<RateQuota> {
        &self.leader_quota
    }

    pub fn follower_quota(&self) -> &Arc<RateQuota> {
        &self.follower_quota
    }

    /// Whether all directories were left by a clean stop.
    pub fn was_clean(&self) -> bool {
        self.dirs.iter().all(|dir| dir.was_clean)
    }

    /// This broker's epoch when it stopped in good order; -1 where the directories do not say, or not the same.
    pub fn previous_broker_epoch(&self) -> i64 {
        let Some(first) = self.dirs.first().map(|dir| dir.clean_broker_epoch) else { return -1 };
        if self.dirs.iter().all(|dir| dir.clean_broker_epoch == first) { first } else { -1 }
    }

    pub fn find(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        let table = self.topics.load();
        table.by_name.get(topic)?.partitions.get(usize::try_from(partition).ok()?)?.clone()
    }

    // ---- topics -------------------------------------------------------------------------------------------------

    /// Creates, updates and removes topics and publishes the new table.
    pub fn apply(&self, upserts: Vec<TopicSpec>, removed: &[Uuid]) -> Result<(), OpenError> {
        let _one_at_a_time = self.applying.lock();
        let current = self.topics.load_full();
        let mut table = TopicTable { by_name: current.by_name.clone(), by_id: current.by_id.clone() };
        for id in removed {
            if let Some(topic) = table.by_id.remove(id) {
                table.by_name.remove(&topic.name);
                self.remove_topic(&topic)?;
            }
        }
        let mut parents = Vec::new();
        for spec in upserts {
            if let Some(former) = table.by_name.get(spec.name.as_str()).filter(|topic| topic.id != spec.id).cloned() {
                // Another topic of the same name, and nobody said that the former has gone.
                table.by_id.remove(&former.id);
                self.remove_topic(&former)?;
            }
            let topic = Arc::new(self.build_topic(&spec, table.by_id.get(&spec.id).map(|topic| &**topic), &mut parents)?);
            table.by_name.insert(topic.name.clone(), topic.clone());
            table.by_id.insert(topic.id, topic);
        }
        parents.sort();
        parents.dedup();
        for parent in parents {
            self.env.files.sync_dir(&parent).map_err(|source| OpenError::Io { path: parent, source })?;
        }
        self.topics.store(Arc::new(table));
        self.tell_change();
        Ok(())
    }

    fn build_topic(&self, spec: &TopicSpec, existing: Option<&Topic>, parents: &mut Vec<PathBuf>) -> Result<Topic, OpenError> {
        let name: Arc<str> = existing.map_or_else(|| Arc::from(spec.name.as_str()), |topic| topic.name.clone());
        let config = match existing {
            Some(topic) => {
                topic.config.store(Arc::new(spec.config.clone()));
                topic.config.clone()
            }
            None => Arc::new(ArcSwap::from_pointee(spec.config.clone())),
        };
        let count = spec.partitions.iter().map(|partition| partition.index as usize + 1).max().unwrap_or(0);
        let mut partitions = vec![None; count];
        for wanted in &spec.partitions {
            let index = wanted.index as usize;
            let kept = existing.and_then(|topic| topic.partitions.get(index).cloned().flatten());
            let partition = match kept {
                Some(partition) => partition,
                None => self.build_partition(spec, &name, wanted, &config, parents)?,
            };
            partition.stand(Standing::of(wanted));
            partitions[index] = Some(partition);
        }
        for partition in existing.iter().flat_map(|topic| topic.partitions.iter().flatten()) {
            let is_kept = partitions.get(partition.index() as usize).is_some_and(Option::is_some);
            if !is_kept {
                self.remove_partition(partition)?;
            }
        }
        Ok(Topic {
            name,
            id: spec.id,
            internal: spec.internal,
            partitions,
            config,
            bytes_in: existing.map_or_else(Arc::default, |topic| topic.bytes_in.clone()),
            bytes_out: existing.map_or_else(Arc::default, |topic| topic.bytes_out.clone()),
            records_in: existing.map_or_else(Arc::default, |topic| topic.records_in.clone()),
        })
    }

    fn build_partition(
        &self,
        spec: &TopicSpec,
        topic: &Arc<str>,
        wanted: &PartitionSpec,
        config: &Arc<ArcSwap<LogConfig>>,
        parents: &mut Vec<PathBuf>,
    ) -> Result<Arc<Partition>, OpenError> {
        let index = wanted.index;
        let name = format!("{topic}-{index}");
        let holder = self.dirs.iter().find(|dir| dir.partition_names.lock().contains(&name));
        let existed = holder.is_some();
        let log_dir = holder.unwrap_or_else(|| self.emptiest_dir(index));
        let dir = log_dir.path.join(&name);
        if !existed {
            let io = |source| OpenError::Io { path: dir.clone(), source };
            self.env.files.create_dir_all(&dir).map_err(io)?;
            log_dir.partition_names.lock().insert(name);
            parents.push(log_dir.path.clone());
        }
        let key = (topic.to_string(), index);
        let recovery_point = log_dir.recovery_points.lock().get(&key).copied().unwrap_or(0);
        let options = PartitionOptions {
            topic: topic.clone(),
            topic_id: spec.id,
            index,
            dir,
            log_start_checkpoint: log_dir.log_starts.lock().get(&key).copied(),
            recover_from: (!log_dir.was_clean && existed).then_some(recovery_point),
            high_watermark_checkpoint: log_dir.high_watermarks.lock().get(&key).copied(),
            node_id: self.options.node_id,
            standing: Standing::of(wanted),
            replica_lag_max: self.options.replica_lag_max,
        };
        let home = PartitionHome {
            dir: ArcSwap::new(log_dir.clone()),
            dirs: self.dirs.clone(),
            flushes: self.flushes.clone(),
            loads: self.loads.clone(),
            facts: self.facts.clone(),
            cluster: self.cluster.clone(),
            doomed: self.doomed.clone(),
            env: self.env.clone(),
            config: config.clone(),
        };
        // What else belongs into a new directory is written when the log is opened.
        let partition = Partition::new(options, self.context.clone(), config.clone(), Box::new(home));
        self.loads.push_back(&partition);
        Ok(partition)
    }

    /// Partitions of a topic go round the directories.
    fn emptiest_dir(&self, index: i32) -> &Arc<LogDir> {
        &self.dirs[index as usize % self.dirs.len()]
    }

    /// Renames the topic's directories, so that they are gone for any later start, and has them removed in a while.
    fn remove_topic(&self, topic: &Topic) -> Result<(), OpenError> {
        topic.partitions.iter().flatten().try_for_each(|partition| self.remove_partition(partition))
    }

    fn remove_partition(&self, partition: &Partition) -> Result<(), OpenError> {
        let due = self.env.clock.now_ms() + partition.config().file_delete_delay_ms;
        partition.delete();
        let dir = partition.dir();
        let renamed = doomed_name(&dir, fresh_number(&self.env));
        match self.env.files.rename(&dir, &renamed) {
            Ok(()) => self.doomed.lock().push((due, renamed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(OpenError::Io { path: PathBuf::clone(&dir), source }),
        }
        for log_dir in &self.dirs {
            log_dir.forget(partition.topic(), partition.index());
        }
        Ok(())
    }

    /// Topics that lie in the directories, whether applied or not, by name and directory.
    pub fn list_local_topics(&self) -> io::Result<Vec<LocalTopic>> {
        let mut found: HashMap<(String, PathBuf), (Option<Uuid>, Vec<i32>)> = HashMap::new();
        for dir in &self.dirs {
            for entry in self.env.files.list(&dir.path)?.into_iter().filter(|entry| entry.is_dir) {
                let Some((topic, index)) = partition_of_dir(&entry.name) else { continue };
                let metadata = dir.path.join(&entry.name).join("partition.metadata");
                let id = checkpoint::read_topic_id(&*self.env.files, &metadata)?;
                let entry = found.entry((topic.to_owned(), dir.path.clone())).or_default();
                entry.0 = entry.0.or(id);
                entry.1.push(index);
            }
        }
        let mut topics: Vec<_> = found
            .into_iter()
            .map(|((name, log_dir), (id, mut partitions))| {
                partitions.sort_unstable();
                LocalTopic { name, id, partitions, log_dir }
            })
            .collect();
        topics.sort_by(|a, b| (&a.name, &a.log_dir).cmp(&(&b.name, &b.log_dir)));
        Ok(topics)
    }

    // ---- questions of the control plane -------------------------------------------------------------------------

    /// All partitions of this moment's table, in the order of their names, so that what is done to all of them is done alike whenever it is.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        let table = self.topics.load();
        let mut topics: Vec<&Arc<Topic>> = table.by_name.values().collect();
        topics.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        topics.into_iter().flat_map(|topic| topic.partitions.iter().flatten().cloned()).collect()
    }

    /// `None` where the partition is unknown, has failed to open, or takes a while to verify. Internal topics are
    /// waited for: the control plane cannot go on without them.
    pub fn partition_offsets(&self, topic: &str, partition: i32) -> Option<PartitionOffsets> {
        let topic = self.topics.load().by_name.get(topic)?.clone();
        let partition = topic.partitions.get(usize::try_from(partition).ok()?)?.as_ref()?;
        if topic.internal {
            let _ = partition.load(); // a failure shows in what follows
        }
        partition.offsets().ok()
    }

    pub fn list_segments(&self, topic: &str, partition: i32) -> Option<Vec<SegmentSummary>> {
        Some(self.find(topic, partition)?.open_or_request()?.segment_summaries())
    }

    pub fn describe_producers(&self, topic: &str, partition: i32) -> Option<Vec<ProducerSummary>> {
        Some(self.find(topic, partition)?.open_or_request()?.producer_summaries())
    }

    /// Partitions where retention may have something to do: more than the active segment, or an active segment that
    /// holds data older than `age_ms`. Those that are not open yet are left out until they are, and those that follow: their
    /// log start follows, too.
    pub fn retention_candidates(&self, age_ms: i64) -> Vec<(Arc<str>, i32)> {
        let oldest = self.env.clock.now_ms().saturating_sub(age_ms);
        let is_candidate = |partition: &Arc<Partition>| {
            let leads = partition.role().leads();
            let log = if leads { partition.opened_log() } else { None };
            log.is_some_and(|log| log.segment_count() > 1 || log.active_first_timestamp_ms().is_some_and(|first| first < oldest))
        };
        let candidates = self.partitions().into_iter().filter(is_candidate);
        candidates.map(|partition| (partition.topic().clone(), partition.index())).collect()
    }

    /// Raises the log start of a partition that this broker leads, on somebody's behalf.
    pub fn delete_records(&self, partition: &Partition, before_offset: i64) -> Result<i64, AppendError> {
        partition.check_leads()?;
        self.raise_log_start(partition, before_offset)
    }

    /// Raises a partition's log start, durably before anything is removed, and drops the segments below it.
    pub fn raise_log_start(&self, partition: &Partition, before_offset: i64) -> Result<i64, AppendError> {
        let log = partition.log()?;
        if before_offset > partition.high_watermark() {
            return Err(AppendError::InvalidBatch(format!(
                "offset {before_offset} is above the high watermark {}",
                partition.high_watermark()
            )));
        }
        if before_offset <= log.log_start_offset() {
            return Ok(log.log_start_offset());
        }
        if let Some(dir) = self.dirs.iter().find(|dir| dir.holds(&partition.dir())) {
            dir.write_log_start(&*self.env.files, partition.topic(), partition.index(), before_offset).map_err(|(path, error)| {
                if error.kind() == io::ErrorKind::StorageFull {
                    dir.note_full();
                    return AppendError::StorageFull;
                }
                let reason = format!("{}: {error}", path.display());
                partition.fail(&reason);
                AppendError::Unavailable(PartitionUnavailable::Failed(reason.into()))
            })?;
        }
        let removed = partition.drop_before(before_offset)?;
        let delay = self.topics.load().by_name.get(partition.topic()).map_or(0, |topic| topic.config.load().file_delete_delay_ms);
        let due = self.env.clock.now_ms() + delay;
        self.doomed.lock().extend(removed.into_iter().map(|path| (due, path)));
        Ok(log.log_start_offset())
    }

    pub fn log_dir_paths(&self) -> Vec<&Path> {
        self.dirs.iter().map(|dir| dir.path.as_path()).collect()
    }

    pub fn log_dirs(&self) -> Vec<LogDirSummary> {
        let summary = |dir: &Arc<LogDir>| {
            let (space, error) = match self.env.files.space(&dir.path) {
                Ok(space) => (Some(space), dir.failure()),
                Err(error) => (None, Some(error.to_string())),
            };
            LogDirSummary {
                path: dir.path.clone(),
                error,
                total_bytes: space.map_or(0, |space| space.total_bytes),
                usable_bytes: space.map_or(0, |space| space.usable_bytes),
            }
        };
        self.dirs.iter().map(summary).collect()
    }
}

/// The name of a partition's directory on its way out.
pub(super) fn doomed_name(dir: &Path, number: u64) -> PathBuf {
    let mut renamed = dir.as_os_str().to_owned();
    renamed.push(format!(".{number:016x}-delete"));
    PathBuf::from(renamed)
}

/// Topic and index of a partition's directory; `None` for directories on their way out and for all others.
pub(super) fn partition_of_dir(name: &str) -> Option<(&str, i32)> {
    if ["-delete", "-future", "-stray"].iter().any(|suffix| name.ends_with(suffix)) {
        return None;
    }
    let (topic, index) = name.rsplit_once('-')?;
    Some((topic, index.parse().ok().filter(|index| *index >= 0)?))
}
