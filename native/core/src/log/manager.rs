//! All logs of a broker: its directories, the table of topics, and the background work (checkpoints, group commit,
//! removal of files).

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use super::checkpoint::{self, LOG_START_OFFSETS, Offsets, RECOVERY_POINTS};
use super::{Topic, TopicSpec, TopicTable, Uuid};
use crate::env::{DirLock, Env, write_atomically};
use crate::partition::{AppendError, Partition, PartitionOptions, PartitionUnavailable};

const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const META_PROPERTIES: &str = "meta.properties";

#[derive(Clone, Debug)]
pub struct LogManagerOptions {
    pub node_id: i32,
    pub cluster_id: Uuid,
    pub log_dirs: Vec<PathBuf>,
    pub checkpoint_interval: Duration,
    pub producer_id_expiration_ms: i64,
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

/// What happened in the background, for the control plane to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageFact {
    LogDirFailed { path: PathBuf, message: String },
}

#[derive(Clone, Debug)]
pub struct LogDirSummary {
    pub path: PathBuf,
    pub error: Option<String>,
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

struct LogDir {
    path: PathBuf,
    recovery_points: Mutex<Offsets>,
    log_starts: Mutex<Offsets>,
    was_clean: bool,
    /// Given up once the directory is closed.
    lock: Mutex<Option<Box<dyn DirLock>>>,
}

/// Partitions that wait for a group commit.
#[derive(Default)]
struct FlushQueue {
    waiting: Mutex<Vec<Arc<Partition>>>,
    changed: Condvar,
}

pub struct LogManager {
    options: LogManagerOptions,
    env: Env,
    dirs: Vec<LogDir>,
    topics: Arc<ArcSwap<TopicTable>>,
    applying: Mutex<()>,
    flushes: Arc<FlushQueue>,
    /// Files and directories to be removed, and when.
    doomed: Mutex<Vec<(i64, PathBuf)>>,
    stopping: Arc<AtomicBool>,
    wake_background: Arc<(Mutex<()>, Condvar)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl LogManager {
    /// Locks and checks the directories, creating what is missing. Logs are opened when they are first touched.
    pub fn open(options: LogManagerOptions, env: Env) -> Result<LogManager, OpenError> {
        let dirs = options.log_dirs.iter().map(|path| open_dir(path, &options, &env)).collect::<Result<_, _>>()?;
        Ok(LogManager {
            options,
            env,
            dirs,
            topics: Arc::new(ArcSwap::from_pointee(TopicTable::default())),
            applying: Mutex::new(()),
            flushes: Arc::default(),
            doomed: Mutex::default(),
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
                None => self.build_partition(spec, &name, wanted.index, wanted.leader_epoch, &config, parents)?,
            };
            partition.set_leader_epoch(wanted.leader_epoch);
            partitions[index] = Some(partition);
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
        index: i32,
        leader_epoch: i32,
        config: &Arc<ArcSwap<super::LogConfig>>,
        parents: &mut Vec<PathBuf>,
    ) -> Result<Arc<Partition>, OpenError> {
        let name = format!("{topic}-{index}");
        let holder = self.dirs.iter().find(|dir| self.env.files.exists(&dir.path.join(&name)).unwrap_or(false));
        let existed = holder.is_some();
        let log_dir = holder.unwrap_or_else(|| self.emptiest_dir(index));
        let dir = log_dir.path.join(&name);
        if !existed {
            let io = |source| OpenError::Io { path: dir.clone(), source };
            self.env.files.create_dir_all(&dir).map_err(io)?;
            let metadata = format!("version: 0\ntopic_id: {}", spec.id);
            write_atomically(&*self.env.files, &dir.join("partition.metadata"), metadata.as_bytes()).map_err(io)?;
            parents.push(log_dir.path.clone());
        }
        let key = (topic.to_string(), index);
        let recovery_point = log_dir.recovery_points.lock().get(&key).copied().unwrap_or(0);
        let options = PartitionOptions {
            topic: topic.clone(),
            index,
            dir,
            log_start_checkpoint: log_dir.log_starts.lock().get(&key).copied(),
            recover_from: (!log_dir.was_clean && existed).then_some(recovery_point),
            leader_epoch,
        };
        let flushes = self.flushes.clone();
        Ok(Arc::new_cyclic(|partition: &std::sync::Weak<Partition>| {
            let partition = partition.clone();
            Partition::new(options, self.env.clone(), config.clone(), move || {
                if let Some(partition) = partition.upgrade() {
                    flushes.waiting.lock().push(partition);
                    flushes.changed.notify_one();
                }
            })
        }))
    }

    /// Partitions of a topic go round the directories.
    fn emptiest_dir(&self, index: i32) -> &LogDir {
        &self.dirs[index as usize % self.dirs.len()]
    }

    /// Renames the topic's directories, so that they are gone for any later start, and has them removed in a while.
    fn remove_topic(&self, topic: &Topic) -> Result<(), OpenError> {
        let due = self.env.clock.now_ms() + topic.config.load().file_delete_delay_ms;
        for partition in topic.partitions.iter().flatten() {
            partition.delete();
            let dir = partition.dir();
            let mut renamed = dir.clone().into_os_string();
            renamed.push(format!(".{:016x}-delete", fresh_number(&self.env)));
            let renamed = PathBuf::from(renamed);
            match self.env.files.rename(dir, &renamed) {
                Ok(()) => self.doomed.lock().push((due, renamed)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(OpenError::Io { path: dir.clone(), source }),
            }
            for log_dir in &self.dirs {
                let key = (topic.name.to_string(), partition.index());
                log_dir.recovery_points.lock().remove(&key);
                log_dir.log_starts.lock().remove(&key);
            }
        }
        Ok(())
    }

    /// Topics that lie in the directories, whether applied or not: name, id where it is known, partitions, directory.
    pub fn local_topics(&self) -> io::Result<Vec<(String, Option<Uuid>, Vec<i32>, PathBuf)>> {
        let mut found: HashMap<(String, PathBuf), (Option<Uuid>, Vec<i32>)> = HashMap::new();
        for dir in &self.dirs {
            for entry in self.env.files.list(&dir.path)?.into_iter().filter(|entry| entry.is_dir) {
                if entry.name.ends_with("-delete") || entry.name.ends_with("-future") || entry.name.ends_with("-stray") {
                    continue;
                }
                let Some((topic, Ok(index))) = entry.name.rsplit_once('-').map(|(topic, index)| (topic, index.parse())) else {
                    continue;
                };
                let metadata = dir.path.join(&entry.name).join("partition.metadata");
                let properties = checkpoint::read_properties(&*self.env.files, &metadata)?;
                let id = properties.and_then(|properties| Uuid::parse(properties.get("topic_id")?));
                let entry = found.entry((topic.to_owned(), dir.path.clone())).or_default();
                entry.0 = entry.0.or(id);
                entry.1.push(index);
            }
        }
        let mut topics: Vec<_> = found
            .into_iter()
            .map(|((topic, dir), (id, mut partitions))| {
                partitions.sort_unstable();
                (topic, id, partitions, dir)
            })
            .collect();
        topics.sort_by(|a, b| (&a.0, &a.3).cmp(&(&b.0, &b.3)));
        Ok(topics)
    }

    /// Raises a partition's log start, durably before anything is removed, and drops the segments below it.
    pub fn delete_records(&self, partition: &Partition, before_offset: i64) -> Result<i64, AppendError> {
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
        if let Some(dir) = self.dirs.iter().find(|dir| Some(dir.path.as_path()) == partition.dir().parent()) {
            let mut log_starts = dir.log_starts.lock();
            log_starts.insert((partition.topic().to_string(), partition.index()), before_offset);
            let path = dir.path.join(LOG_START_OFFSETS);
            checkpoint::write_offsets(&*self.env.files, &path, &log_starts).map_err(|error| {
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
        self.dirs
            .iter()
            .map(|dir| match self.env.files.space(&dir.path) {
                Ok(space) => {
                    LogDirSummary { path: dir.path.clone(), error: None, total_bytes: space.total_bytes, usable_bytes: space.usable_bytes }
                }
                Err(error) => LogDirSummary { path: dir.path.clone(), error: Some(error.to_string()), total_bytes: 0, usable_bytes: 0 },
            })
            .collect()
    }

    // ---- background ---------------------------------------------------------------------------------------------

    /// Starts the threads for group commit and for checkpoints; `report` is told what fails there.
    pub fn start_background(self: &Arc<Self>, report: impl Fn(StorageFact) + Send + Sync + 'static) -> io::Result<()> {
        let flushes = self.flushes.clone();
        let stopping = self.stopping.clone();
        let flusher = std::thread::Builder::new().name("millrace-flush".to_owned()).spawn(move || {
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
        })?;
        let manager = Arc::downgrade(self);
        let wake = self.wake_background.clone();
        let stopping = self.stopping.clone();
        let interval = self.options.checkpoint_interval;
        let keeper = std::thread::Builder::new().name("millrace-checkpoint".to_owned()).spawn(move || {
            let mut guard = wake.0.lock();
            while !stopping.load(Ordering::Acquire) {
                wake.1.wait_for(&mut guard, interval);
                let Some(manager) = manager.upgrade() else { return };
                if !stopping.load(Ordering::Acquire) {
                    manager.keep_house(&report);
                }
            }
        })?;
        self.threads.lock().extend([flusher, keeper]);
        Ok(())
    }

    fn keep_house(&self, report: &impl Fn(StorageFact)) {
        let now_ms = self.env.clock.now_ms();
        let table = self.topics.load_full();
        for partition in table.by_name.values().flat_map(|topic| topic.partitions.iter().flatten()) {
            if partition.opened_log().is_some() {
                let _ = partition.flush(); // as above
                partition.expire_producers(now_ms, self.options.producer_id_expiration_ms);
            }
        }
        if let Err((path, error)) = self.write_checkpoints() {
            report(StorageFact::LogDirFailed { path, message: error.to_string() });
        }
        let due: Vec<PathBuf> = {
            let mut doomed = self.doomed.lock();
            let (due, later) = doomed.drain(..).partition(|(due, _)| *due <= now_ms);
            *doomed = later;
            Vec::from_iter(due).into_iter().map(|(_, path): (i64, PathBuf)| path).collect()
        };
        for path in due {
            self.remove(&path, report);
        }
    }

    fn remove(&self, path: &Path, report: &impl Fn(StorageFact)) {
        let is_dir = path.extension().is_none_or(|extension| extension != "deleted");
        let removed = if is_dir { self.env.files.remove_dir_all(path) } else { self.env.files.remove_file(path) };
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            report(StorageFact::LogDirFailed { path: path.to_owned(), message: error.to_string() });
        }
    }

    fn write_checkpoints(&self) -> Result<(), (PathBuf, io::Error)> {
        let table = self.topics.load_full();
        for dir in &self.dirs {
            let mut recovery_points = dir.recovery_points.lock();
            let mut log_starts = dir.log_starts.lock();
            for partition in table.by_name.values().flat_map(|topic| topic.partitions.iter().flatten()) {
                let Some(log) = partition.opened_log().filter(|_| partition.dir().parent() == Some(&dir.path)) else {
                    continue;
                };
                let key = (partition.topic().to_string(), partition.index());
                if log.log_start_offset() > 0 {
                    log_starts.insert(key.clone(), log.log_start_offset());
                }
                recovery_points.insert(key, log.recovery_point());
            }
            let files = &*self.env.files;
            for (name, offsets) in [(RECOVERY_POINTS, &*recovery_points), (LOG_START_OFFSETS, &*log_starts)] {
                let path = dir.path.join(name);
                checkpoint::write_offsets(files, &path, offsets).map_err(|error| (path, error))?;
            }
        }
        Ok(())
    }

    /// Flushes and closes every log and marks the stop as clean; a log that cannot be closed leaves it unclean.
    pub fn close(&self) -> Result<(), OpenError> {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.flushes.changed.notify_all();
        self.wake_background.1.notify_all();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join(); // a panic was printed when it happened
        }
        let table = self.topics.load_full();
        for partition in table.by_name.values().flat_map(|topic| topic.partitions.iter().flatten()) {
            let is_verified = self.dirs.iter().any(|dir| dir.was_clean && Some(dir.path.as_path()) == partition.dir().parent());
            if !is_verified {
                // A log nobody touched since an unclean stop was not verified; a clean mark would hide that for good.
                let _ = partition.log(); // a failure shows in what follows
            }
            if let Some(unavailable) = partition.unavailable() {
                let source = io::Error::other(unavailable.to_string());
                return Err(OpenError::Io { path: partition.dir().clone(), source });
            }
            if let Some(log) = partition.opened_log() {
                let io =
                    |error: super::LogError| OpenError::Io { path: partition.dir().clone(), source: io::Error::other(error.to_string()) };
                log.close().map_err(io)?;
            }
        }
        self.write_checkpoints().map_err(|(path, source)| OpenError::Io { path, source })?;
        for dir in &self.dirs {
            let path = dir.path.join(CLEAN_SHUTDOWN);
            write_atomically(&*self.env.files, &path, b"{\"version\":0}").map_err(|source| OpenError::Io { path, source })?;
        }
        for dir in &self.dirs {
            dir.lock.lock().take();
        }
        Ok(())
    }
}

fn open_dir(path: &Path, options: &LogManagerOptions, env: &Env) -> Result<LogDir, OpenError> {
    let files = &*env.files;
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    files.create_dir_all(path).map_err(io)?;
    let lock = files.lock(&path.join(".lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked { path: path.to_owned() },
        _ => io(error),
    })?;
    let meta = path.join(META_PROPERTIES);
    match checkpoint::read_properties(files, &meta).map_err(io)? {
        Some(properties) => {
            let version = properties.get("version").cloned().unwrap_or_default();
            if version != "1" {
                return Err(OpenError::NewerFormat { path: path.to_owned(), found: version });
            }
            let expect = |what, key: &str, expected: String| match properties.get(key) {
                Some(found) if *found != expected => {
                    Err(OpenError::Foreign { path: path.to_owned(), what, found: found.clone(), expected })
                }
                _ => Ok(()),
            };
            expect("cluster", "cluster.id", options.cluster_id.to_string())?;
            expect("node", "node.id", options.node_id.to_string())?;
        }
        None => {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&fresh_number(env).to_be_bytes());
            id[8..].copy_from_slice(&fresh_number(env).to_be_bytes());
            let text = format!("version=1\ncluster.id={}\nnode.id={}\ndirectory.id={}\n", options.cluster_id, options.node_id, Uuid(id));
            write_atomically(files, &meta, text.as_bytes()).map_err(io)?;
        }
    }
    let clean = path.join(CLEAN_SHUTDOWN);
    let was_clean = files.exists(&clean).map_err(io)?;
    if was_clean {
        files.remove_file(&clean).and_then(|()| files.sync_dir(path)).map_err(io)?;
    }
    for entry in files.list(path).map_err(io)? {
        if entry.is_dir && entry.name.ends_with("-delete") {
            files.remove_dir_all(&path.join(entry.name)).map_err(io)?;
        }
    }
    Ok(LogDir {
        recovery_points: Mutex::new(checkpoint::read_offsets(files, &path.join(RECOVERY_POINTS)).map_err(io)?),
        log_starts: Mutex::new(checkpoint::read_offsets(files, &path.join(LOG_START_OFFSETS)).map_err(io)?),
        path: path.to_owned(),
        was_clean,
        lock: Mutex::new(Some(lock)),
    })
}

/// A number that is not given twice: names of directories need no more.
fn fresh_number(env: &Env) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_i64(env.clock.now_ms());
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}
