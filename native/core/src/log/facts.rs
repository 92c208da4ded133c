//! What storage has to tell the control plane, and what a partition may ask of the place where it lives.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::load_queue::LoadQueue;
use super::log_dir::LogDir;
use super::manager::FlushQueue;
use crate::env::Env;
use crate::log::LogConfig;
use crate::log::Uuid;
use crate::partition::{Cluster, Home, Partition};

/// What happened, for the control plane to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageFact {
    /// The partition takes no more writes until a restart.
    PartitionFailed {
        topic: Arc<str>,
        partition: i32,
        message: String,
    },
    /// A log that had to be verified or cut is open now.
    PartitionLoaded {
        topic: Arc<str>,
        partition: i32,
        recovered_bytes: u64,
        truncated_bytes: u64,
    },
    LogDirFailed {
        path: PathBuf,
        message: String,
    },
    /// The leader wants the ISR to be this, by broker id and epoch; the next proposal waits for what becomes of it.
    IsrProposed {
        topic: Arc<str>,
        topic_id: Uuid,
        partition: i32,
        leader_epoch: i32,
        partition_epoch: i32,
        isr: Vec<(i32, i64)>,
        /// The leader has recovered from its unclean election.
        recovered: bool,
    },
    /// A follower cut its log where it parted from its leader's.
    PartitionTruncated {
        topic: Arc<str>,
        partition: i32,
        from_offset: i64,
        to_offset: i64,
    },
    /// A follower has got nothing from its leader for many attempts in a row.
    ReplicaStalled {
        topic: Arc<str>,
        partition: i32,
        leader: i32,
        /// Kafka's code, where the leader gave one; else 0, and the reason tells.
        error: i16,
        reason: String,
    },
}

type Report = Box<dyn Fn(StorageFact) + Send + Sync>;

/// Facts on their way; those from before anybody listens are kept for then.
#[derive(Default)]
pub struct FactSink {
    report: OnceLock<Report>,
    early: Mutex<Vec<StorageFact>>,
}

impl FactSink {
    /// Only the first listener is taken.
    pub fn connect(&self, report: Report) {
        let mut early = self.early.lock();
        let report = self.report.get_or_init(|| report);
        early.drain(..).for_each(report);
    }

    pub fn report(&self, fact: StorageFact) {
        if let Some(report) = self.report.get() {
            return report(fact);
        }
        let mut early = self.early.lock();
        match self.report.get() {
            Some(report) => report(fact),
            None => early.push(fact),
        }
    }
}

/// A partition's place: its directory and the broker's queues.
pub struct PartitionHome {
    pub(super) dir: ArcSwap<LogDir>,
    pub(super) dirs: Vec<Arc<LogDir>>,
    pub(super) flushes: Arc<FlushQueue>,
    pub(super) loads: Arc<LoadQueue>,
    pub(super) facts: Arc<FactSink>,
    pub(super) cluster: Arc<ArcSwap<Cluster>>,
    pub(super) doomed: Arc<Mutex<Vec<(i64, PathBuf)>>>,
    pub(super) env: Env,
    pub(super) config: Arc<ArcSwap<LogConfig>>,
}

impl Home for PartitionHome {
    fn request_flush(&self, partition: Arc<Partition>) {
        self.flushes.waiting.lock().push(partition);
        self.flushes.changed.notify_one();
    }

    fn request_load(&self, partition: Arc<Partition>) {
        self.loads.push_front(&partition);
    }

    fn report(&self, fact: StorageFact) {
        self.facts.report(fact);
    }

    fn is_full(&self) -> bool {
        self.dir.load().is_full()
    }

    fn note_full(&self) {
        self.dir.load().note_full();
    }

    fn cluster(&self) -> Arc<Cluster> {
        self.cluster.load_full()
    }

    fn lower_recovery_point(&self, topic: &str, partition: i32, offset: i64) -> io::Result<()> {
        self.dir.load().lower_recovery_point(&*self.env.files, topic, partition, offset)
    }

    fn write_log_start(&self, topic: &str, partition: i32, offset: i64) -> io::Result<()> {
        self.dir.load().write_log_start(&*self.env.files, topic, partition, offset).map_err(|(_, error)| error)
    }

    fn begin_anew(&self, topic: &str, partition: i32) {
        let dir = self.dir.load();
        dir.forget(topic, partition);
        dir.partition_names.lock().insert(format!("{topic}-{partition}"));
    }

    fn moved_to(&self, log_dir: &Path) {
        if let Some(dir) = self.dirs.iter().find(|dir| dir.path == log_dir) {
            self.dir.store(dir.clone());
        }
    }

    fn remove_later(&self, files: Vec<PathBuf>) {
        let due = self.env.clock.now_ms() + self.config.load().file_delete_delay_ms;
        self.doomed.lock().extend(files.into_iter().map(|path| (due, path)));
    }
}
