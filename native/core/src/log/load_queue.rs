//! Partitions whose logs are to be opened in the background; what somebody waits for comes first.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use crate::partition::Partition;

#[derive(Default)]
pub struct LoadQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Weak, since each partition knows the queue.
    waiting: VecDeque<Weak<Partition>>,
    stopped: bool,
}

impl LoadQueue {
    /// Has the log opened when its turn comes.
    pub fn push_back(&self, partition: &Arc<Partition>) {
        self.state.lock().waiting.push_back(Arc::downgrade(partition));
        self.changed.notify_one();
    }

    /// Has the log opened next. One that is in the queue already is found open when its old place comes up.
    pub fn push_front(&self, partition: &Arc<Partition>) {
        self.state.lock().waiting.push_front(Arc::downgrade(partition));
        self.changed.notify_one();
    }

    /// The next partition; `None` once stopped.
    pub fn wait(&self) -> Option<Arc<Partition>> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            match state.waiting.pop_front() {
                None => self.changed.wait(&mut state),
                Some(waiting) => {
                    if let Some(partition) = waiting.upgrade() {
                        return Some(partition);
                    }
                }
            }
        }
    }

    /// Lets all threads go; what still waits is opened when it is touched.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.waiting.clear();
        self.changed.notify_all();
    }
}
