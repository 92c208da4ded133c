//! What the quorum tells whoever is above, in the order in which it happened.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::ProposeError;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A batch of records that is committed; its header tells offset and epoch.
    Committed(Arc<[u8]>),
    /// All that earlier leaders committed has been handed out: the leader of this epoch may act.
    EpochStarted {
        epoch: u64,
    },
    LeaderChanged {
        leader: Option<u64>,
        epoch: u64,
    },
    /// The state begins anew: forget what was handed out, take the batches until `SnapshotEnd`, then go on from this offset.
    SnapshotBegin {
        end_offset: i64,
        epoch: u64,
    },
    SnapshotBatch(Arc<[u8]>),
    SnapshotEnd,
    /// A call that was given this token has ended; the number is what the call asks for.
    Done {
        token: u32,
        outcome: Result<i64, ProposeError>,
    },
    /// What an interrupted write had left at the log's end was cut off.
    LogCut {
        bytes: u64,
    },
    /// Nothing more will come.
    Stopped {
        message: String,
    },
}

impl Event {
    fn size(&self) -> usize {
        match self {
            Event::Committed(batch) | Event::SnapshotBatch(batch) => 64 + batch.len(),
            _ => 64,
        }
    }
}

/// Batches wait with the quorum while so many bytes were not fetched.
const QUEUE_SIZE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// `wake` is called whenever the queue stops being empty.
pub struct EventQueue {
    state: Mutex<State>,
    room: Notify,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    closed: bool,
}

impl EventQueue {
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<EventQueue> {
        Arc::new(EventQueue { state: Mutex::default(), room: Notify::new(), wake: Box::new(wake) })
    }

    /// Queues whatever the size; for what is small and few.
    pub(crate) fn push(&self, event: Event) {
        let was_empty = {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            state.bytes += event.size();
            state.events.push_back(event);
            state.events.len() == 1
        };
        if was_empty {
            (self.wake)();
        }
    }

    /// Queues once there is room.
    pub(crate) async fn push_when_room(&self, event: Event) {
        loop {
            let room = self.room.notified();
            if self.has_room() {
                break;
            }
            room.await;
        }
        self.push(event);
    }

    fn has_room(&self) -> bool {
        let state = self.state.lock();
        state.bytes < QUEUE_SIZE_MAX_BYTES || state.closed
    }

    /// Takes events until `take` refuses one, which stays.
    pub fn drain(&self, mut take: impl FnMut(&Event) -> bool) {
        let mut state = self.state.lock();
        while let Some(event) = state.events.front() {
            if !take(event) {
                break;
            }
            let size = event.size();
            state.events.pop_front();
            state.bytes -= size;
        }
        drop(state);
        self.room.notify_one();
    }

    /// Drops what is queued and what comes; nobody will fetch any more.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.events.clear();
        state.bytes = 0;
        drop(state);
        self.room.notify_one();
    }
}
