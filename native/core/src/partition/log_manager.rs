//! All partitions of the broker.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use thiserror::Error;

use super::topic::{TopicPartition, TopicTable};
use crate::env::{Env, Space};
use crate::log::{LogConfig, Uuid};

/// A fact the control plane should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageEvent {
    PartitionFailed { topic: Box<str>, partition: i32, message: String },
    LogDirFailed { path: PathBuf, message: String },
    PartitionLoaded { topic: Box<str>, partition: i32, recovered_bytes: u64, truncated_bytes: u64 },
}

/// Called on any thread; must be quick and must not call back into storage.
pub type EventSink = Arc<dyn Fn(StorageEvent) + Send + Sync>;

pub struct LogManagerOptions {
    /// Absolute. Each is created if missing and locked while open.
    pub log_dirs: Vec<PathBuf>,
    pub node_id: i32,
    pub cluster_id: String,
    pub producer_id_expiration_ms: i64,
    pub checkpoint_interval_ms: u64,
    pub recovery_thread_count: usize,
    pub events: EventSink,
}

#[derive(Debug, Clone)]
pub struct PartitionSpec {
    pub index: i32,
    pub leader_epoch: i32,
}

#[derive(Debug, Clone)]
pub struct TopicSpec {
    pub name: String,
    pub id: Uuid,
    pub internal: bool,
    pub partitions: Vec<PartitionSpec>,
    pub config: LogConfig,
}

/// One clear sentence each: they end the start.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the log directory {} cannot be used: {source}", path.display())]
    Unusable { path: PathBuf, source: std::io::Error },
    #[error("the log directory {} is locked by another broker", path.display())]
    Locked { path: PathBuf },
    #[error("the log directory {} belongs to {what} {found}, this broker has {expected}", path.display())]
    Foreign { path: PathBuf, what: &'static str, found: String, expected: String },
    #[error("the log directory {} has format version {found}, newer than the {supported} this broker knows", path.display())]
    NewerFormat { path: PathBuf, found: String, supported: u32 },
    #[error("{} cannot be understood: {detail}", path.display())]
    Malformed { path: PathBuf, detail: String },
}

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("the directory {} cannot be made: {source}", path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Invalid(String),
}

#[derive(Debug, Error)]
pub enum CloseError {
    #[error("closing {} failed, so the next start will recover it: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTopic {
    pub name: String,
    /// `None` where no partition has a readable `partition.metadata`.
    pub id: Option<Uuid>,
    pub partitions: Vec<i32>,
    pub log_dir: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirSummary {
    pub path: PathBuf,
    pub error: Option<String>,
    pub space: Option<Space>,
}

pub struct LogManager {
    topics: ArcSwap<TopicTable>,
}

#[allow(unused_variables)]
impl LogManager {
    /// Locks and checks every directory and reads its checkpoints. Touches no partition.
    pub fn open(options: LogManagerOptions, env: Env) -> Result<LogManager, OpenError> {
        unimplemented!()
    }

    /// Starts the threads that recover, checkpoint, flush and delete. Without them everything works but nothing happens by itself.
    pub fn start_background(&self) {
        unimplemented!()
    }

    /// Publishes one new table. Makes the directories of new partitions; their logs are opened when first touched.
    /// Removed topics' directories are renamed now and deleted later.
    pub fn apply(&self, upserts: Vec<TopicSpec>, removed: &[Uuid]) -> Result<(), ApplyError> {
        unimplemented!()
    }

    pub fn topics(&self) -> &ArcSwap<TopicTable> {
        &self.topics
    }

    /// What the directories hold, applied or not.
    pub fn local_topics(&self) -> Vec<LocalTopic> {
        unimplemented!()
    }

    /// Partitions with more than their active segment, or whose active segment holds records older than `age_ms`.
    pub fn retention_candidates(&self, age_ms: i64) -> Vec<TopicPartition> {
        unimplemented!()
    }

    pub fn log_dirs(&self) -> Vec<LogDirSummary> {
        unimplemented!()
    }

    /// Ends the threads, flushes everything and marks the shutdown as clean. Every partition refuses work afterwards.
    pub fn close(&self) -> Result<(), CloseError> {
        unimplemented!()
    }
}
