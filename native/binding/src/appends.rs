//! Appends of the control plane that wait for their group commit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use millrace_core::partition::{Appended, Commit, Partition, Wake};
use millrace_core::protocol::ErrorCode;
use millrace_core::server::forward::Fact;
use millrace_core::server::handlers::unavailable_code;
use millrace_core::server::{Server, Shared};

struct Waiting {
    partition: Arc<Partition>,
    appended: Appended,
}

/// Watches partitions on behalf of appends, and reports each once it is committed or lost.
pub struct PendingAppends {
    shared: Weak<Shared>,
    waiting: Mutex<HashMap<u32, Waiting>>,
    last_token: AtomicU32,
    this: Weak<PendingAppends>,
}

impl PendingAppends {
    pub fn new(server: &Server) -> Arc<PendingAppends> {
        Arc::new_cyclic(|this| PendingAppends {
            shared: Arc::downgrade(server.shared()),
            waiting: Mutex::default(),
            last_token: AtomicU32::new(0),
            this: this.clone(),
        })
    }

    /// `None` where the append is committed already; otherwise the token that its `AppendDone` will carry.
    pub fn track(&self, partition: Arc<Partition>, appended: Appended) -> Option<u32> {
        if partition.commit_of(&appended) == Commit::Done {
            return None;
        }
        let token = self.last_token.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let waiting = Waiting { partition, appended };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(token, waiting);
        self.watch_or_report(token);
        Some(token)
    }

    fn watch_or_report(&self, token: u32) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = waiting.get(&token) else { return };
        if let Some(this) = self.this.upgrade() {
            let waker: Arc<dyn Wake> = this;
            entry.partition.watch(&waker, u64::from(token));
        }
        // Looked at after the watch, so that nothing is missed in between.
        let error = match entry.partition.commit_of(&entry.appended) {
            Commit::Pending => return,
            Commit::Done => 0,
            Commit::TooFewInSync => ErrorCode::NotEnoughReplicasAfterAppend.code(),
            Commit::Lost(unavailable) => unavailable_code(&unavailable).code(),
        };
        let base_offset = entry.appended.base_offset;
        waiting.remove(&token);
        drop(waiting);
        if let Some(shared) = self.shared.upgrade() {
            shared.forward.push_fact(Fact::AppendDone { token, error, base_offset });
        }
    }
}

impl Wake for PendingAppends {
    fn wake(&self, key: u64) {
        self.watch_or_report(key as u32);
    }
}
