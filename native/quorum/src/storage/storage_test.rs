#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use millrace_core::env::{Files, SimulatedFiles};
use openraft::testing::log::{StoreBuilder, Suite};

use super::{LogStore, StateMachine, Storage};
use crate::events::EventQueue;
use crate::types::Types;

struct Builder;

impl StoreBuilder<Types, LogStore, StateMachine> for Builder {
    async fn build(&self) -> Result<((), LogStore, StateMachine), openraft::StorageError<Types>> {
        let files = SimulatedFiles::new();
        files.create_dir_all(Path::new("/q")).unwrap();
        let storage = Storage::open(Arc::new(files), Path::new("/q/__cluster_metadata-0"), 4096).unwrap();
        Ok(((), storage.log_store(), storage.state_machine(EventQueue::new(|| {}))))
    }
}

#[test]
fn openraft_finds_no_fault_in_the_storage() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Suite::test_all(Builder)).unwrap();
}
