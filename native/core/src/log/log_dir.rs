//! One log directory: its lock, what `meta.properties` says of its owner, its checkpoint files, and whether it has room.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::checkpoint::{self, CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_START_OFFSETS, Offsets, RECOVERY_POINTS};
use super::manager::partition_of_dir;
use super::moving::FUTURE_SUFFIX;
use super::{LogManagerOptions, OpenError, Uuid};
use crate::env::{DirLock, Env, Files, write_atomically};

const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const META_PROPERTIES: &str = "meta.properties";
/// Below this much usable space nothing is appended for clients, so that indexes, snapshots and checkpoints can still be
/// written; on small file systems a twentieth of the whole.
const SPACE_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
const SPACE_RESERVE_DIVISOR: u64 = 20;

pub struct LogDir {
    pub path: PathBuf,
    pub recovery_points: Mutex<Offsets>,
    pub log_starts: Mutex<Offsets>,
    /// Of replicas that are not alone: how far they knew their records to be committed.
    pub high_watermarks: Mutex<Offsets>,
    /// Where compaction has come to in each log.
    pub cleaned: Mutex<Offsets>,
    /// The last stop was a clean one: every log below ends as its indexes and snapshots say.
    pub was_clean: bool,
    /// Which epoch the broker had when it stopped; -1 where that is not known.
    pub clean_broker_epoch: i64,
    /// Directories of partitions below it.
    pub partition_names: Mutex<HashSet<String>>,
    /// Held while the checkpoint files are written: what is newer must not be overwritten by what is older.
    writing: Mutex<()>,
    is_full: AtomicBool,
    /// Why the directory cannot be written any more.
    failure: Mutex<Option<String>>,
    lock: Mutex<Option<Box<dyn DirLock>>>,
}

impl LogDir {
    /// Takes the directory for this broker, creating what is missing.
    pub fn open(path: &Path, options: &LogManagerOptions, env: &Env) -> Result<LogDir, OpenError> {
        let files = &*env.files;
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        files.create_dir_all(path).map_err(io)?;
        let lock = files.lock(&path.join(".lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { path: path.to_owned() },
            _ => io(error),
        })?;
        check_owner(path, options, env)?;
        let clean = path.join(CLEAN_SHUTDOWN);
        let was_clean = files.exists(&clean).map_err(io)?;
        let mut clean_broker_epoch = -1;
        if was_clean {
            clean_broker_epoch = broker_epoch_of(&files.read(&clean).map_err(io)?).unwrap_or(-1);
            files.remove_file(&clean).and_then(|()| files.sync_dir(path)).map_err(io)?;
        }
        let mut partition_names = HashSet::new();
        for entry in files.list(path).map_err(io)?.into_iter().filter(|entry| entry.is_dir) {
            if entry.name.ends_with("-delete") || entry.name.ends_with(FUTURE_SUFFIX) {
                files.remove_dir_all(&path.join(entry.name)).map_err(io)?;
            } else if partition_of_dir(&entry.name).is_some() {
                partition_names.insert(entry.name);
            }
        }
        let dir = LogDir {
            recovery_points: Mutex::new(checkpoint::read_offsets(files, &path.join(RECOVERY_POINTS)).map_err(io)?),
            log_starts: Mutex::new(checkpoint::read_offsets(files, &path.join(LOG_START_OFFSETS)).map_err(io)?),
            high_watermarks: Mutex::new(read_maybe_empty(files, &path.join(HIGH_WATERMARKS)).map_err(io)?),
            writing: Mutex::new(()),
            cleaned: Mutex::new(read_maybe_empty(files, &path.join(CLEANER_OFFSETS)).map_err(io)?),
            path: path.to_owned(),
            was_clean,
            clean_broker_epoch,
            partition_names: Mutex::new(partition_names),
            is_full: AtomicBool::new(false),
            failure: Mutex::new(None),
            lock: Mutex::new(Some(lock)),
        };
        dir.check_space(files).map_err(io)?;
        Ok(dir)
    }

    pub fn holds(&self, partition_dir: &Path) -> bool {
        partition_dir.parent() == Some(&self.path)
    }

    /// Whether clients' records are refused for lack of space.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// A write found no space; the next check that finds enough takes this back.
    pub fn note_full(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// Compares the usable space with the reserve.
    pub fn check_space(&self, files: &dyn Files) -> io::Result<()> {
        let space = files.space(&self.path)?;
        let reserve = SPACE_RESERVE_BYTES.min(space.total_bytes / SPACE_RESERVE_DIVISOR);
        self.is_full.store(space.usable_bytes < reserve, Ordering::Relaxed);
        Ok(())
    }

    /// Nothing is remembered of a deleted partition: another of its name begins anew.
    pub fn forget(&self, topic: &str, partition: i32) {
        let key = (topic.to_owned(), partition);
        self.recovery_points.lock().remove(&key);
        self.log_starts.lock().remove(&key);
        self.high_watermarks.lock().remove(&key);
        self.cleaned.lock().remove(&key);
        self.partition_names.lock().remove(&format!("{topic}-{partition}"));
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Notes why the directory cannot be written; true where that is news.
    pub fn note_failure(&self, message: &str) -> bool {
        let mut failure = self.failure.lock();
        let is_news = failure.is_none();
        failure.get_or_insert_with(|| message.to_owned());
        is_news
    }

    pub fn write_checkpoints(&self, files: &dyn Files) -> Result<(), (PathBuf, io::Error)> {
        let _one_at_a_time = self.writing.lock();
        // Copied, so that nobody waits for the disk to look an offset up.
        let recovery_points = self.recovery_points.lock().clone();
        let log_starts = self.log_starts.lock().clone();
        for (name, offsets) in [(RECOVERY_POINTS, recovery_points), (LOG_START_OFFSETS, log_starts)] {
            let path = self.path.join(name);
            checkpoint::write_offsets(files, &path, &offsets).map_err(|error| (path, error))?;
        }
        Ok(())
    }

    /// Makes a partition's new log start durable.
    pub fn write_log_start(&self, files: &dyn Files, topic: &str, partition: i32, offset: i64) -> Result<(), (PathBuf, io::Error)> {
        let _one_at_a_time = self.writing.lock();
        let mut log_starts = self.log_starts.lock();
        let key = (topic.to_owned(), partition);
        let before = log_starts.insert(key.clone(), offset);
        let path = self.path.join(LOG_START_OFFSETS);
        checkpoint::write_offsets(files, &path, &log_starts).map_err(|error| {
            match before {
                Some(before) => log_starts.insert(key, before),
                None => log_starts.remove(&key),
            };
            (path, error)
        })
    }

    /// Lowers a partition's recovery point, durably.
    pub fn lower_recovery_point(&self, files: &dyn Files, topic: &str, partition: i32, offset: i64) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock();
        let recovery_points = {
            let mut recovery_points = self.recovery_points.lock();
            match recovery_points.get_mut(&(topic.to_owned(), partition)) {
                Some(known) if *known > offset => *known = offset,
                // A start verifies all that lies past it anyway.
                _ => return Ok(()),
            }
            recovery_points.clone()
        };
        checkpoint::write_offsets(files, &self.path.join(RECOVERY_POINTS), &recovery_points)
    }

    /// Takes over high watermarks and writes their file where one has changed.
    pub fn write_high_watermarks(&self, files: &dyn Files, known: Vec<((String, i32), i64)>) -> Result<(), (PathBuf, io::Error)> {
        let _one_at_a_time = self.writing.lock();
        let high_watermarks = {
            let mut high_watermarks = self.high_watermarks.lock();
            let mut has_changed = false;
            for (key, offset) in known {
                has_changed |= high_watermarks.insert(key, offset) != Some(offset);
            }
            if !has_changed {
                return Ok(());
            }
            high_watermarks.clone()
        };
        let path = self.path.join(HIGH_WATERMARKS);
        checkpoint::write_offsets(files, &path, &high_watermarks).map_err(|error| (path, error))
    }

    /// Lets another broker have the directory.
    pub fn unlock(&self) {
        self.lock.lock().take();
    }

    /// Notes that all logs are closed in good order, and which epoch the broker had.
    pub fn mark_clean(&self, files: &dyn Files, broker_epoch: i64) -> Result<(), OpenError> {
        files.sync_all(&self.path).map_err(|source| OpenError::Io { path: self.path.clone(), source })?;
        let path = self.path.join(CLEAN_SHUTDOWN);
        let content = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        write_atomically(files, &path, content.as_bytes()).map_err(|source| OpenError::Io { path, source })
    }
}

/// The broker epoch in the mark of a clean stop; brokers that had none leave the file empty.
fn broker_epoch_of(mark: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(mark).ok()?;
    let (_, rest) = text.split_once("\"brokerEpoch\"")?;
    let number = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = number.find(|character: char| !character.is_ascii_digit() && character != '-').unwrap_or(number.len());
    number[..end].parse().ok()
}

/// Kafka leaves an empty file where nothing was ever written down.
fn read_maybe_empty(files: &dyn Files, path: &Path) -> io::Result<Offsets> {
    match files.size(path) {
        Ok(0) => Ok(Offsets::default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Offsets::default()),
        _ => checkpoint::read_offsets(files, path),
    }
}

/// Refuses another cluster's or node's directory and formats of the future; an empty directory becomes ours.
fn check_owner(path: &Path, options: &LogManagerOptions, env: &Env) -> Result<(), OpenError> {
    let files = &*env.files;
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let meta = path.join(META_PROPERTIES);
    let Some(properties) = checkpoint::read_properties(files, &meta).map_err(io)? else {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&fresh_number(env).to_be_bytes());
        id[8..].copy_from_slice(&fresh_number(env).to_be_bytes());
        let (cluster_id, node_id) = (options.cluster_id, options.node_id);
        let text = format!("version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={}\n", Uuid(id));
        return write_atomically(files, &meta, text.as_bytes()).map_err(io);
    };
    let version = properties.get("version").cloned().unwrap_or_default();
    if version != "1" {
        return Err(OpenError::NewerFormat { path: path.to_owned(), found: version });
    }
    let expect = |what, key: &str, expected: String| match properties.get(key) {
        Some(found) if *found != expected => Err(OpenError::Foreign { path: path.to_owned(), what, found: found.clone(), expected }),
        _ => Ok(()),
    };
    expect("cluster", "cluster.id", options.cluster_id.to_string())?;
    expect("node", "node.id", options.node_id.to_string())
}

/// A number that is not given twice: names of directories need no more.
pub fn fresh_number(env: &Env) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_i64(env.clock.now_ms());
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}
