//! What openraft asks of storage, on the files of this crate. Its calls come one after another, on one thread.

mod log_store;
mod state_machine;
#[cfg(test)]
mod storage_test;

use std::sync::Arc;

use millrace_core::env::Files;
use parking_lot::Mutex;

pub use log_store::{LogStore, SharedLog};
pub use state_machine::{SharedSnapshots, SnapshotRequest, SnapshotRequests, StateMachine};

use crate::error::QuorumError;
use crate::events::EventQueue;
use crate::log::LogFiles;
use crate::snapshot::SnapshotStore;
use crate::vote::VoteFile;

/// Everything that is on disk.
pub struct Storage {
    pub log: SharedLog,
    pub vote: Arc<Mutex<VoteFile>>,
    pub snapshots: SharedSnapshots,
    pub requests: SnapshotRequests,
}

impl Storage {
    pub fn open(files: Arc<dyn Files>, dir: &std::path::Path, segment_size_max: u64) -> Result<Storage, QuorumError> {
        let log = LogFiles::open(files.clone(), dir, segment_size_max)?;
        let vote = VoteFile::open(files.clone(), dir)?;
        let snapshots = SnapshotStore::open(files, dir)?;
        Ok(Storage {
            log: Arc::new(Mutex::new(log)),
            vote: Arc::new(Mutex::new(vote)),
            snapshots: Arc::new(Mutex::new(snapshots)),
            requests: SnapshotRequests::default(),
        })
    }

    pub fn log_store(&self) -> LogStore {
        LogStore::new(self.log.clone(), self.vote.clone(), self.snapshots.clone())
    }

    pub fn state_machine(&self, events: Arc<EventQueue>) -> StateMachine {
        StateMachine::new(self.log.clone(), self.snapshots.clone(), self.requests.clone(), events)
    }
}
