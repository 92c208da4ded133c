//! One client's connection: what is read and not yet whole, the requests that wait for an answer, and what is being sent.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;

use super::handlers::fetch::ParkedFetch;
use super::handlers::produce::ParkedProduce;
use super::output::{Output, Progress};

/// Requests of one connection that may wait for their answers at a time; above it the connection is not read.
pub const PENDING_MAX: usize = 256;
/// Bytes of responses that may wait in memory; above it the connection is not read.
const BUFFERED_MAX_BYTES: usize = 4 * 1024 * 1024;

/// A connection of one thread. The generation tells a slot's users apart over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    pub slot: u32,
    pub generation: u32,
}

impl ConnectionId {
    pub fn as_key(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    pub fn from_key(key: u64) -> ConnectionId {
        ConnectionId { slot: key as u32, generation: (key >> 32) as u32 }
    }
}

/// A request that has been read; answers leave in the order in which requests came.
pub struct Pending {
    pub api_key: i16,
    pub began: Instant,
    pub state: PendingState,
}

pub enum PendingState {
    Answered(Output),
    /// Taken care of, and the client expects nothing (Produce with acks=0).
    Silent,
    /// With the control plane.
    Forwarded,
    Fetch(Box<ParkedFetch>),
    Produce(Box<ParkedProduce>),
}

pub struct Connection {
    pub id: ConnectionId,
    pub stream: TcpStream,
    pub listener: u8,
    pub peer: SocketAddr,
    /// Bytes that came and were not handled yet: a partial frame, or whole frames while the connection is held back.
    pub unread: Vec<u8>,
    /// Whether the socket may hold more than was read.
    pub readable: bool,
    /// Whether the peer has ended its side: no further event will tell of it, so reading goes on until it shows.
    pub peer_ended: bool,
    /// Whether the socket took all that was offered last time.
    pub writable: bool,
    pub pending: VecDeque<Pending>,
    /// Sequence number of the first of `pending`.
    pub first_sequence: u64,
    pub output: Output,
    /// Held back until the control plane has room.
    pub awaits_forward_space: bool,
    /// Held back until the control plane has answered: what comes next is to see what that request has done.
    pub awaits_answer: bool,
    /// Held back until a Produce of its transaction may go on: later ones of the same producer must not overtake it.
    pub awaits_verification: bool,
    /// When bytes last came or left.
    pub last_progress: Instant,
}

impl Connection {
    pub fn new(id: ConnectionId, stream: TcpStream, listener: u8, peer: SocketAddr, now: Instant) -> Connection {
        Connection {
            id,
            stream,
            listener,
            peer,
            unread: Vec::new(),
            readable: true,
            peer_ended: false,
            writable: true,
            pending: VecDeque::new(),
            first_sequence: 0,
            output: Output::default(),
            awaits_forward_space: false,
            awaits_answer: false,
            awaits_verification: false,
            last_progress: now,
        }
    }

    /// Whether more requests may be taken from this connection now.
    pub fn takes_requests(&self) -> bool {
        self.pending.len() < PENDING_MAX
            && self.output.buffered_len() < BUFFERED_MAX_BYTES
            && !self.awaits_forward_space
            && !self.awaits_answer
            && !self.awaits_verification
    }

    /// Notes a request and returns its sequence number.
    pub fn push(&mut self, api_key: i16, began: Instant, state: PendingState) -> u64 {
        self.pending.push_back(Pending { api_key, began, state });
        self.first_sequence + self.pending.len() as u64 - 1
    }

    pub fn pending_mut(&mut self, sequence: u64) -> Option<&mut Pending> {
        let index = sequence.checked_sub(self.first_sequence)?;
        self.pending.get_mut(usize::try_from(index).ok()?)
    }

    /// Moves the answers whose turn it is to the output; `answered` is told api key, size and start of each.
    pub fn release(&mut self, mut answered: impl FnMut(i16, usize, Instant)) {
        while let Some(front) = self.pending.front_mut() {
            match &mut front.state {
                PendingState::Answered(output) => {
                    answered(front.api_key, output.wire_len(), front.began);
                    self.output.append(output);
                }
                PendingState::Silent => answered(front.api_key, 0, front.began),
                PendingState::Forwarded | PendingState::Fetch(_) | PendingState::Produce(_) => return,
            }
            self.pending.pop_front();
            self.first_sequence += 1;
        }
    }

    /// Sends what the socket takes; returns the number of bytes that left.
    pub fn flush(&mut self, now: Instant) -> io::Result<u64> {
        let mut sent = 0;
        if self.writable && !self.output.is_empty() {
            self.writable = self.output.send(&self.stream, &mut sent)? == Progress::Done;
            if sent > 0 {
                self.last_progress = now;
            }
        }
        Ok(sent)
    }

    /// Whether the peer is neither being waited for by us nor doing anything.
    pub fn is_idle(&self, now: Instant, idle_max: std::time::Duration) -> bool {
        let waits_for_us = !self.pending.is_empty() && self.output.is_empty();
        !waits_for_us && now.saturating_duration_since(self.last_progress) > idle_max
    }
}
