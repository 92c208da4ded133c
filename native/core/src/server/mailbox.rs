//! What other threads tell a data-plane thread, with one wake-up per sleep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mio::{Registry, Token, Waker};
use parking_lot::Mutex;

use super::forward::ControlResponse;
use super::listener::{Accepted, ListenerSpec};
use crate::partition::Wake;

pub const WAKE_TOKEN: Token = Token(usize::MAX);

pub enum Mail {
    Listen(ListenerSpec),
    Accepted(Accepted),
    /// A partition that a parked request of this connection watches has moved on; the key is a `ConnectionId`.
    Wake(u64),
    Responses(Vec<ControlResponse>),
    /// The control plane has room again for forwarded requests.
    ForwardSpace,
    Stop {
        deadline: Instant,
    },
}

pub struct Mailbox {
    queue: Mutex<Vec<Mail>>,
    /// True from just before the owner polls until somebody wakes it, so that only the first post costs a system call.
    asleep: AtomicBool,
    waker: Waker,
}

impl Mailbox {
    pub fn new(registry: &Registry) -> std::io::Result<Mailbox> {
        Ok(Mailbox { queue: Mutex::new(Vec::new()), asleep: AtomicBool::new(false), waker: Waker::new(registry, WAKE_TOKEN)? })
    }

    pub fn post(&self, mail: Mail) {
        self.queue.lock().push(mail);
        if self.asleep.swap(false, Ordering::SeqCst) {
            // An eventfd write fails only when its counter is full, and then the owner is awake anyway.
            let _ = self.waker.wake();
        }
    }

    /// Swaps the queued mail into `into`, which must be empty.
    pub fn collect(&self, into: &mut Vec<Mail>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.queue.lock(), into);
    }

    /// Announces that the owner is about to sleep; false where mail has come meanwhile and it must not.
    pub fn may_sleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        if self.queue.lock().is_empty() {
            return true;
        }
        self.asleep.store(false, Ordering::SeqCst);
        false
    }

    pub fn has_mail(&self) -> bool {
        !self.queue.lock().is_empty()
    }

    pub fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Wake for Mailbox {
    fn wake(&self, key: u64) {
        self.post(Mail::Wake(key));
    }
}
