//! Requests of the control plane's APIs, and facts for it, on their way to TypeScript.
//!
//! One bounded queue for all threads. The control plane is woken when the queue becomes non-empty and takes what is
//! there into one buffer. When the queue is full, connections stop being read until it has room: nothing is dropped.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mailbox::{Mail, Mailbox};
use crate::Uuid;

/// Requests wait here up to this size; above it, connections are not read.
const QUEUE_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Facts are told once each; more than this many at a time are counted instead.
const FACTS_MAX: usize = 1024;

/// Names a forwarded request; it survives the way to JavaScript and back as an exact number below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

const THREAD_BITS: u32 = 8;
const SLOT_BITS: u32 = 21;
const GENERATION_BITS: u32 = 24;

impl RequestId {
    pub const SLOT_MAX: usize = (1 << SLOT_BITS) - 1;

    pub fn new(thread: usize, slot: usize, generation: u32) -> RequestId {
        debug_assert!(thread < 1 << THREAD_BITS && slot <= Self::SLOT_MAX);
        let generation = u64::from(generation) & ((1 << GENERATION_BITS) - 1);
        RequestId((thread as u64) << (SLOT_BITS + GENERATION_BITS) | generation << SLOT_BITS | slot as u64)
    }

    pub fn from_number(number: f64) -> RequestId {
        RequestId(number as u64)
    }

    pub fn as_number(self) -> f64 {
        self.0 as f64
    }

    pub fn thread(self) -> usize {
        (self.0 >> (SLOT_BITS + GENERATION_BITS)) as usize
    }

    pub fn slot(self) -> usize {
        self.0 as usize & Self::SLOT_MAX
    }

    pub fn matches_generation(self, generation: u32) -> bool {
        (self.0 >> SLOT_BITS) & ((1 << GENERATION_BITS) - 1) == u64::from(generation) & ((1 << GENERATION_BITS) - 1)
    }
}

/// The control plane's answer to a request.
pub struct ControlResponse {
    pub request: RequestId,
    pub answer: Answer,
}

pub enum Answer {
    /// Header and body, without the size.
    Payload(Vec<u8>),
    /// The peer deserves no answer.
    Disconnect,
    /// To a [`Verification`]: an error code for each of its partitions, 0 for none.
    Verified(Vec<i16>),
}

/// A request whose API is the control plane's.
pub struct Forwarded {
    pub request: RequestId,
    pub listener: u8,
    pub peer: SocketAddr,
    pub frame: Vec<u8>,
}

/// A transactional Produce that waits until the transaction coordinator knows its partitions (KIP-890).
pub struct Verification {
    pub request: RequestId,
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub produce_version: i16,
    pub partitions: Vec<(String, i32)>,
}

/// Something the control plane wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    ConnectionClosed {
        listener: u8,
        peer: SocketAddr,
        reason: String,
    },
    PartitionFailed {
        topic: String,
        partition: i32,
        message: String,
    },
    PartitionLoaded {
        topic: String,
        partition: i32,
        recovered_bytes: u64,
        truncated_bytes: u64,
    },
    LogDirFailed {
        path: String,
        message: String,
    },
    /// See [`crate::log::StorageFact::IsrProposed`].
    IsrProposed {
        topic: String,
        topic_id: Uuid,
        partition: i32,
        leader_epoch: i32,
        partition_epoch: i32,
        isr: Vec<(i32, i64)>,
        recovered: bool,
    },
    PartitionTruncated {
        topic: String,
        partition: i32,
        from_offset: i64,
        to_offset: i64,
    },
    /// See [`crate::log::StorageFact::ReplicaStalled`].
    ReplicaStalled {
        topic: String,
        partition: i32,
        leader: i32,
        error: i16,
        reason: String,
    },
    /// A partition that the control plane watches has more committed records, or has stopped.
    PartitionAdvanced {
        watch: u64,
    },
    /// An append of the control plane's is committed or has failed for good; `error` is a Kafka code.
    AppendDone {
        token: u32,
        error: i16,
        base_offset: i64,
    },
}

impl Fact {
    fn is_awaited(&self) -> bool {
        matches!(self, Fact::AppendDone { .. } | Fact::PartitionAdvanced { .. } | Fact::IsrProposed { .. })
    }
}

pub enum Item {
    Request(Forwarded),
    Verify(Verification),
    Fact(Fact),
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    facts: usize,
    facts_dropped: u64,
    was_full: bool,
}

pub struct ForwardQueue {
    queue: Mutex<Queue>,
    mailboxes: Vec<Arc<Mailbox>>,
    wake_control: Box<dyn Fn() + Send + Sync>,
}

impl ForwardQueue {
    pub fn new(mailboxes: Vec<Arc<Mailbox>>, wake_control: impl Fn() + Send + Sync + 'static) -> ForwardQueue {
        ForwardQueue { queue: Mutex::default(), mailboxes, wake_control: Box::new(wake_control) }
    }

    /// Whether there is room; where not, `Mail::ForwardSpace` follows once there is.
    pub fn has_room(&self) -> bool {
        let mut queue = self.queue.lock();
        let room = queue.bytes < QUEUE_MAX_BYTES;
        queue.was_full |= !room;
        room
    }

    /// Queues a thread's requests of one round; `requests` is empty afterwards.
    pub fn push_requests(&self, requests: &mut Vec<Forwarded>) {
        if requests.is_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        let was_empty = queue.items.is_empty();
        queue.bytes += requests.iter().map(|request| request.frame.len()).sum::<usize>();
        queue.items.extend(requests.drain(..).map(Item::Request));
        drop(queue);
        if was_empty {
            (self.wake_control)();
        }
    }

    pub fn push_verification(&self, verification: Verification) {
        let mut queue = self.queue.lock();
        let was_empty = queue.items.is_empty();
        queue.items.push_back(Item::Verify(verification));
        drop(queue);
        if was_empty {
            (self.wake_control)();
        }
    }

    /// Queues a fact. What somebody waits for is never dropped; other facts are, when too many wait.
    pub fn push_fact(&self, fact: Fact) {
        let mut queue = self.queue.lock();
        let was_empty = queue.items.is_empty();
        if !fact.is_awaited() {
            if queue.facts >= FACTS_MAX {
                queue.facts_dropped += 1;
                return;
            }
            queue.facts += 1;
        }
        queue.items.push_back(Item::Fact(fact));
        drop(queue);
        if was_empty {
            (self.wake_control)();
        }
    }

    /// Hands queued items to `take` in order until it returns false; an item it refuses stays first.
    pub fn drain(&self, mut take: impl FnMut(&Item) -> bool) {
        let mut queue = self.queue.lock();
        while let Some(item) = queue.items.front() {
            if !take(item) {
                break;
            }
            match queue.items.pop_front() {
                Some(Item::Request(request)) => queue.bytes -= request.frame.len(),
                Some(Item::Fact(fact)) => queue.facts -= usize::from(!fact.is_awaited()),
                Some(Item::Verify(_)) | None => {}
            }
        }
        let tell = queue.was_full && queue.bytes < QUEUE_MAX_BYTES / 2;
        queue.was_full &= !tell;
        drop(queue);
        if tell {
            for mailbox in &self.mailboxes {
                mailbox.post(Mail::ForwardSpace);
            }
        }
    }

    /// Facts that were not told because too many waited.
    pub fn facts_dropped(&self) -> u64 {
        self.queue.lock().facts_dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_keeps_its_parts_as_a_javascript_number() {
        let id = RequestId::new(255, RequestId::SLOT_MAX, 0xff_ffff);
        let back = RequestId::from_number(id.as_number());
        assert_eq!((back.thread(), back.slot()), (255, RequestId::SLOT_MAX));
        assert!(back.matches_generation(0xff_ffff));
        assert!(!back.matches_generation(0));
        assert!(id.as_number() < 9_007_199_254_740_992.0);
    }
}
