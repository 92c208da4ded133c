//! The loop of one data-plane thread: epoll, sockets, rounds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::log::TopicTable;
use crate::partition::Wake;
use crate::protocol::produce::{ResponseTopic, TopicRef};
use crate::protocol::{ApiKey, Malformed, RequestHeader, Writer, is_waited_for};

use super::Shared;
use super::connection::{Connection, ConnectionId, PendingState};
use super::forward::{Answer, ControlResponse, Fact, Forwarded, RequestId, Verification};
use super::handlers::produce::{Outcome, ParkedProduce, ProduceCall, UnverifiedPart};
use super::handlers::{fetch, list_offsets, offset_for_leader_epoch};
use super::listener::{Accepted, ListenerSpec, Rejection};
use super::mailbox::{Mail, Mailbox, WAKE_TOKEN};
use super::metrics::{ThreadMetrics, add};
use super::output::Output;
use super::round::{self, GatheredCall};

/// How much room there is, at least, for what one read of a socket brings.
const READ_CHUNK_BYTES: usize = 256 * 1024;
/// Frames up to this size are put together in the arena; larger ones in a buffer of their own.
const IN_ARENA_MAX_BYTES: usize = 128 * 1024;
/// A round ends when this much was read, so that no connection waits long for its turn.
const ROUND_MAX_BYTES: usize = 1024 * 1024;
const EVENTS_MAX: usize = 512;
const LISTENER_TOKENS_FROM: usize = usize::MAX - 256;
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a thread that has nothing to do looks for more before it sleeps. To be put to sleep and woken costs both sides
/// more than this, in virtual machines several times as much, and most requests of a busy connection come sooner.
const LINGER: Duration = Duration::from_micros(20);

/// Runs until `Mail::Stop`.
pub fn run(index: usize, poll: Poll, shared: Arc<Shared>) {
    Reactor::new(index, poll, shared).run();
}

struct Reactor {
    index: usize,
    poll: Poll,
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    waker: Arc<dyn Wake>,
    metrics: Arc<ThreadMetrics>,
    topics: arc_swap::Cache<Arc<arc_swap::ArcSwap<TopicTable>>, Arc<TopicTable>>,
    connections: Vec<Option<Box<Connection>>>,
    free_slots: Vec<u32>,
    generation: u32,
    listeners: Vec<(ListenerSpec, mio::net::TcpListener)>,
    /// Connections whose socket or buffer holds more to do.
    ready: Vec<u32>,
    /// Connections that were given answers in this round.
    touched: Vec<u32>,
    /// Requests at the control plane, by the slot of their `RequestId`.
    forwarded: Vec<Option<Outstanding>>,
    free_forwarded: Vec<u32>,
    forward_batch: Vec<Forwarded>,
    deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Connections with parked requests that a partition has told something of. A follower's fetch waits on thousands of
    /// partitions, which may all move on at once: it is looked at once for all of them.
    woken: Vec<u64>,
    /// What was read in this round, frame after frame; gathered requests are ranges of it.
    arena: Vec<u8>,
    /// Frames of this round that were too large for the arena.
    regions: Vec<Vec<u8>>,
    calls: Vec<GatheredCall>,
    now: Instant,
    next_idle_check: Instant,
    stop_at: Option<Instant>,
}

/// A request at the control plane.
struct Outstanding {
    connection: ConnectionId,
    sequence: u64,
    generation: u32,
    held: Option<HeldProduce>,
}

/// A Produce that goes on once the coordinator has confirmed its transaction.
struct HeldProduce {
    /// With its size.
    frame: Vec<u8>,
    parts: Vec<UnverifiedPart>,
}

/// Why a connection ends; `None` is the peer's own wish and worth no line in the log.
type CloseReason = Option<String>;

impl Reactor {
    fn new(index: usize, poll: Poll, shared: Arc<Shared>) -> Reactor {
        let mailbox = shared.mailboxes[index].clone();
        let now = Instant::now();
        Reactor {
            index,
            poll,
            waker: mailbox.clone(),
            mailbox,
            metrics: shared.metrics[index].clone(),
            topics: arc_swap::Cache::new(shared.storage.topics().clone()),
            shared,
            connections: Vec::new(),
            free_slots: Vec::new(),
            generation: 0,
            listeners: Vec::new(),
            ready: Vec::new(),
            touched: Vec::new(),
            forwarded: Vec::new(),
            free_forwarded: Vec::new(),
            forward_batch: Vec::new(),
            deadlines: BinaryHeap::new(),
            woken: Vec::new(),
            arena: Vec::new(),
            regions: Vec::new(),
            calls: Vec::new(),
            now,
            next_idle_check: now + IDLE_CHECK_INTERVAL,
            stop_at: None,
        }
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut mail = Vec::new();
        while !self.is_finished() {
            if let Err(error) = self.wait(&mut events)
                && error.kind() != io::ErrorKind::Interrupted
            {
                let message = format!("polling sockets failed: {error}");
                self.shared.forward.push_fact(Fact::LogDirFailed { path: String::new(), message });
                return;
            }
            self.mailbox.awake();
            self.now = Instant::now();
            for event in &events {
                self.on_event(event);
            }
            self.mailbox.collect(&mut mail);
            for letter in mail.drain(..) {
                self.on_mail(letter);
            }
            self.poll_woken();
            self.read_ready();
            self.expire();
            self.flush_touched();
            self.shared.forward.push_requests(&mut self.forward_batch);
        }
        self.close_all();
    }

    /// Waits for something to do: a moment awake, then asleep until the next deadline.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let until = Instant::now() + LINGER;
        loop {
            self.poll.poll(events, Some(Duration::ZERO))?;
            if !events.is_empty() || !self.ready.is_empty() || self.mailbox.has_mail() {
                return Ok(());
            }
            if Instant::now() >= until {
                break;
            }
        }
        let timeout = self.sleep_time();
        self.poll.poll(events, Some(timeout))
    }

    /// Zero where there is work; otherwise until the next deadline.
    fn sleep_time(&mut self) -> Duration {
        if !self.ready.is_empty() || !self.mailbox.may_sleep() {
            return Duration::ZERO;
        }
        let deadline = self.deadlines.peek().map(|Reverse((deadline, _))| *deadline);
        let until = [deadline, self.stop_at].into_iter().flatten().fold(self.next_idle_check, Instant::min);
        // epoll counts milliseconds and rounds down; a deadline that is almost there must not be polled for in a loop.
        until.saturating_duration_since(Instant::now()) + Duration::from_millis(1)
    }

    fn is_finished(&self) -> bool {
        self.stop_at.is_some_and(|deadline| {
            self.now >= deadline || self.connections.iter().flatten().all(|connection| connection.output.is_empty())
        })
    }

    // ---- what came ----------------------------------------------------------------------------------------------

    fn on_event(&mut self, event: &mio::event::Event) {
        let Token(token) = event.token();
        if event.token() == WAKE_TOKEN {
            return;
        }
        if token >= LISTENER_TOKENS_FROM {
            self.accept(token - LISTENER_TOKENS_FROM);
            return;
        }
        let Some(Some(connection)) = self.connections.get_mut(token) else { return };
        connection.peer_ended |= event.is_read_closed() || event.is_error();
        let has_news = event.is_readable() || connection.peer_ended;
        if has_news && !connection.readable {
            connection.readable = true;
            self.ready.push(token as u32);
        }
        if event.is_writable() {
            connection.writable = true;
            self.touched.push(token as u32);
        }
    }

    fn on_mail(&mut self, mail: Mail) {
        match mail {
            Mail::Listen(spec) => self.listen(spec),
            Mail::Accepted(accepted) => self.adopt(accepted),
            Mail::Wake(key) => self.woken.push(key),
            Mail::Responses(responses) => {
                for response in responses {
                    self.on_response(response);
                }
            }
            Mail::ForwardSpace => {
                for connection in self.connections.iter_mut().flatten() {
                    if std::mem::take(&mut connection.awaits_forward_space) {
                        self.ready.push(connection.id.slot);
                    }
                }
            }
            Mail::Stop { deadline } => {
                self.stop_at = Some(deadline);
                for (_, listener) in &mut self.listeners {
                    let _ = self.poll.registry().deregister(listener); // it is dropped next
                }
                self.listeners.clear();
                self.ready.clear();
            }
        }
    }

    fn listen(&mut self, spec: ListenerSpec) {
        let Ok(socket) = spec.socket.try_clone() else { return };
        let mut listener = mio::net::TcpListener::from_std(socket);
        let token = Token(LISTENER_TOKENS_FROM + self.listeners.len());
        if self.poll.registry().register(&mut listener, token, Interest::READABLE).is_ok() {
            self.listeners.push((spec, listener));
            self.accept(token.0 - LISTENER_TOKENS_FROM);
        }
    }

    fn accept(&mut self, listener: usize) {
        loop {
            let Some((spec, socket)) = self.listeners.get(listener) else { return };
            let (stream, peer) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Out of descriptors or nothing more to accept: the next connection brings the next try.
                Err(_) => return,
            };
            let index = spec.index;
            if let Err(rejection) = self.shared.counts.admit(peer.ip(), &self.shared.options) {
                let reason = match rejection {
                    Rejection::TooMany => "max.connections is reached",
                    Rejection::TooManyFromAddress => "max.connections.per.ip is reached",
                };
                self.report_closed(index, peer, reason.to_owned());
                continue;
            }
            let accepted = Accepted { listener: index, stream: stream.into(), peer };
            let thread = self.shared.pick_thread();
            if thread == self.index {
                self.adopt(accepted);
            } else {
                self.shared.mailboxes[thread].post(Mail::Accepted(accepted));
            }
        }
    }

    fn adopt(&mut self, accepted: Accepted) {
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() as u32 - 1
        });
        self.generation = self.generation.wrapping_add(1);
        let id = ConnectionId { slot, generation: self.generation };
        let mut stream = TcpStream::from_std(accepted.stream);
        let registered = stream.set_nodelay(true).and_then(|()| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(slot as usize), interest)
        });
        if registered.is_err() || self.stop_at.is_some() {
            self.free_slots.push(slot);
            self.shared.counts.release(accepted.peer.ip());
            return;
        }
        let connection = Connection::new(id, stream, accepted.listener, accepted.peer, self.now);
        self.connections[slot as usize] = Some(Box::new(connection));
        self.ready.push(slot);
    }

    // ---- reading ------------------------------------------------------------------------------------------------

    /// Reads every connection that has something, in rounds.
    fn read_ready(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        let mut round_bytes = 0;
        for slot in ready.drain(..) {
            // A fault in the handling of one connection's requests ends that connection, not the broker.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.read_connection(slot)));
            match outcome.unwrap_or_else(|_| Err(self.abandon_round())) {
                Ok(read) => round_bytes += read,
                Err(reason) => {
                    self.finish_round(None);
                    self.close(slot, reason);
                }
            }
            if round_bytes >= ROUND_MAX_BYTES || self.arena.len() >= ROUND_MAX_BYTES {
                self.finish_round(None);
                round_bytes = 0;
            }
        }
        self.finish_round(None);
        // What was pushed meanwhile (connections that hold more) is the next round's.
        if self.ready.is_empty() {
            self.ready = ready;
        }
    }

    /// After a panic the buffers of this round are gone, and with them what other connections had in it.
    fn abandon_round(&mut self) -> CloseReason {
        let reason = Some("an internal error while handling a request".to_owned());
        self.regions.clear();
        for gathered in std::mem::take(&mut self.calls) {
            self.close(gathered.slot, reason.clone());
        }
        reason
    }

    /// Reads once from a connection and handles its whole frames; returns how many bytes came.
    fn read_connection(&mut self, slot: u32) -> Result<usize, CloseReason> {
        let size_max = self.shared.options.request_size_max_bytes;
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(0) };
        if !connection.takes_requests() {
            return Ok(0);
        }
        let wanted = frame_len(&connection.unread, size_max)?.unwrap_or(0);
        if connection.unread.len().max(wanted) > IN_ARENA_MAX_BYTES {
            return self.read_large(slot, wanted);
        }
        let mut arena = std::mem::take(&mut self.arena);
        arena.reserve(ROUND_MAX_BYTES + 2 * READ_CHUNK_BYTES - arena.len());
        let start = arena.len();
        arena.append(&mut connection.unread);
        let has_whole_frame = wanted > 0 && wanted <= arena.len() - start;
        let outcome = if has_whole_frame { Ok(0) } else { fill(connection, &mut arena, &self.metrics, self.now) };
        let outcome = outcome.and_then(|read| {
            let rest = self.handle_frames(slot, 0, &mut arena, start)?;
            self.keep_rest(slot, &arena[rest..]);
            arena.truncate(rest);
            Ok(read)
        });
        if self.calls.is_empty() {
            arena.clear();
        }
        self.arena = arena;
        outcome
    }

    /// As above, for a frame that is large or many that were held back: they stay in the connection's own buffer, which
    /// grows as bytes come, never ahead of them.
    fn read_large(&mut self, slot: u32, wanted: usize) -> Result<usize, CloseReason> {
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(0) };
        let mut bytes = std::mem::take(&mut connection.unread);
        let mut read = 0;
        if wanted > bytes.len() {
            let missing = wanted - bytes.len();
            bytes.reserve_exact(missing.min(bytes.len().max(READ_CHUNK_BYTES)));
            read = fill(connection, &mut bytes, &self.metrics, self.now)?;
        }
        if bytes.len() < wanted {
            connection.unread = bytes;
            if connection.readable {
                self.ready.push(slot);
            }
            return Ok(read);
        }
        let region = self.regions.len() + 1;
        let rest = self.handle_frames(slot, region, &mut bytes, 0)?;
        self.keep_rest(slot, &bytes[rest..]);
        if self.calls.last().is_some_and(|call| call.region == region) {
            self.regions.push(bytes);
        }
        Ok(read)
    }

    /// Keeps what is not handled yet for the next turn of a connection.
    fn keep_rest(&mut self, slot: u32, rest: &[u8]) {
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return };
        if rest.is_empty() {
            connection.unread = Vec::new(); // an idle connection holds no memory
        } else {
            connection.unread.extend_from_slice(rest);
        }
        if connection.readable {
            self.ready.push(slot);
        }
    }

    /// Handles the whole frames from `start` on, as far as the connection may hand them over; returns where it stopped.
    fn handle_frames(&mut self, slot: u32, region: usize, bytes: &mut Vec<u8>, start: usize) -> Result<usize, CloseReason> {
        let size_max = self.shared.options.request_size_max_bytes;
        let mut position = start;
        while let Some(len) = frame_len(&bytes[position..], size_max)? {
            let takes_requests = matches!(self.connections.get(slot as usize), Some(Some(connection)) if connection.takes_requests());
            if position + len > bytes.len() || !takes_requests {
                break;
            }
            self.handle_frame(slot, region, bytes, position + 4..position + len)?;
            position += len;
        }
        Ok(position)
    }

    fn handle_frame(&mut self, slot: u32, region: usize, bytes: &mut Vec<u8>, range: Range<usize>) -> Result<(), CloseReason> {
        let frame = &bytes[range.clone()];
        let (api_key, version) = RequestHeader::peek_api(frame).map_err(malformed)?;
        self.metrics.request(api_key, frame.len());
        let api = match ApiKey::from_wire(api_key) {
            None => return self.forward(slot, api_key, version, frame),
            Some(api) if !api.supports(version) => {
                return Err(Some(format!("version {version} of API {api_key} is not supported")));
            }
            Some(api) => api,
        };
        if api != ApiKey::Produce {
            // A request that reads must see what the same connection wrote before it.
            self.finish_calls_of(slot, region, bytes);
        }
        let frame = &bytes[range.clone()];
        let (header, body) = RequestHeader::decode(frame, api).map_err(malformed)?;
        match api {
            ApiKey::Produce => {
                let mut call = round::decode_produce(self.topics.load(), &header, frame, body, range.start).map_err(malformed)?;
                if call.head.transactional_id.is_none() {
                    call.refuse_transactional(bytes);
                } else {
                    self.finish_calls_of(slot, region, bytes);
                    let parts = call.unverified(bytes);
                    if !parts.is_empty() {
                        return self.verify(slot, &bytes[range], &call, parts);
                    }
                }
                let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(()) };
                let sequence = connection.push(api_key, self.now, PendingState::Forwarded); // until the round has written it
                self.calls.push(GatheredCall { slot, sequence, region, frame: range, call });
            }
            ApiKey::Fetch => {
                let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(()) };
                let begun = fetch::begin(&self.shared, &header, frame, body, self.now).map_err(malformed)?;
                match begun {
                    Err(output) => {
                        connection.push(api_key, self.now, PendingState::Answered(output));
                    }
                    Ok(parked) => {
                        let deadline = parked.deadline();
                        connection.push(api_key, self.now, PendingState::Fetch(Box::new(parked)));
                        if !self.poll_parked(slot) {
                            let key = ConnectionId { slot, generation: self.generation_of(slot) }.as_key();
                            self.deadlines.push(Reverse((deadline, key)));
                        }
                    }
                }
                self.touched.push(slot);
            }
            ApiKey::ListOffsets | ApiKey::OffsetForLeaderEpoch => {
                let table = self.topics.load();
                let mut output = Output::default();
                let answer = match api {
                    ApiKey::ListOffsets => list_offsets::handle(table, &header, frame, body, &mut output.bytes),
                    _ => offset_for_leader_epoch::handle(table, &header, frame, body, &mut output.bytes),
                };
                answer.map_err(malformed)?;
                let size = (output.bytes.len() - 4) as i32;
                Writer::new(&mut output.bytes, false).patch_i32(0, size);
                let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(()) };
                connection.push(api_key, self.now, PendingState::Answered(output));
                self.touched.push(slot);
            }
        }
        Ok(())
    }

    fn generation_of(&self, slot: u32) -> u32 {
        match self.connections.get(slot as usize) {
            Some(Some(connection)) => connection.id.generation,
            _ => 0,
        }
    }

    /// Notes a request that the control plane answers.
    fn note_outstanding(&mut self, slot: u32, api_key: i16, held: Option<HeldProduce>) -> Result<RequestId, CloseReason> {
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Err(None) };
        let place = self.free_forwarded.pop().unwrap_or_else(|| {
            self.forwarded.push(None);
            self.forwarded.len() as u32 - 1
        });
        if place as usize > RequestId::SLOT_MAX {
            return Err(Some("too many requests wait for the control plane".to_owned()));
        }
        let sequence = connection.push(api_key, self.now, PendingState::Forwarded);
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        self.forwarded[place as usize] = Some(Outstanding { connection: connection.id, sequence, generation, held });
        Ok(RequestId::new(self.index, place as usize, generation))
    }

    /// Asks whether the partitions of a Produce belong to its transaction; the connection is not read until the answer.
    fn verify(&mut self, slot: u32, frame: &[u8], call: &ProduceCall, parts: Vec<UnverifiedPart>) -> Result<(), CloseReason> {
        let Some(first) = parts.first().copied() else { return Ok(()) };
        let partitions = parts.iter().filter_map(|unverified| match call.partitions.get(unverified.part) {
            Some((index, Outcome::Records { topic, .. })) => Some((topic.name.to_string(), *index)),
            _ => None,
        });
        let partitions = partitions.collect();
        let id = call.head.transactional_id.clone().and_then(|range| frame.get(range)).unwrap_or_default();
        let transactional_id = String::from_utf8_lossy(id).into_owned();
        let mut held = Vec::with_capacity(frame.len() + 4);
        held.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        held.extend_from_slice(frame);
        let request = self.note_outstanding(slot, 0, Some(HeldProduce { frame: held, parts }))?;
        if let Some(Some(connection)) = self.connections.get_mut(slot as usize) {
            connection.awaits_verification = true;
        }
        self.shared.forward.push_verification(Verification {
            request,
            transactional_id,
            producer_id: first.producer_id,
            producer_epoch: first.producer_epoch,
            produce_version: call.version,
            partitions,
        });
        Ok(())
    }

    /// Goes on with a Produce whose transaction was asked about.
    fn on_verified(&mut self, slot: u32, sequence: u64, held: HeldProduce, codes: &[i16]) {
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return };
        connection.awaits_verification = false;
        self.ready.push(slot);
        let mut held_frame = held.frame;
        let frame = &held_frame[4..];
        let decoded = RequestHeader::decode(frame, ApiKey::Produce)
            .and_then(|(header, body)| round::decode_produce(self.topics.load(), &header, frame, body, 4));
        match decoded {
            Ok(mut call) => {
                call.verified(&held.parts, codes);
                let range = 4..held_frame.len();
                let region = self.regions.len() + 1;
                self.calls.push(GatheredCall { slot, sequence, region, frame: range, call });
                self.finish_round(Some((region, &mut held_frame)));
            }
            Err(error) => self.close(slot, malformed(error)),
        }
    }

    fn forward(&mut self, slot: u32, api_key: i16, version: i16, frame: &[u8]) -> Result<(), CloseReason> {
        let request = self.note_outstanding(slot, api_key, None)?;
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return Ok(()) };
        self.forward_batch.push(Forwarded { request, listener: connection.listener, peer: connection.peer, frame: frame.to_vec() });
        if !self.shared.forward.has_room() {
            connection.awaits_forward_space = true;
        }
        connection.awaits_answer |= is_waited_for(api_key, version);
        Ok(())
    }

    // ---- answering ----------------------------------------------------------------------------------------------

    /// Ends the round where this connection takes part in it; `bytes` is the region that is being handled.
    fn finish_calls_of(&mut self, slot: u32, region: usize, bytes: &mut Vec<u8>) {
        if self.calls.iter().any(|call| call.slot == slot) {
            self.finish_round(Some((region, bytes)));
        }
    }

    /// Writes the gathered Produce parts and answers or parks their requests. `current` is a region that is being handled
    /// and stays as it is.
    fn finish_round(&mut self, current: Option<(usize, &mut Vec<u8>)>) {
        if self.calls.is_empty() {
            return;
        }
        let mut arena = std::mem::take(&mut self.arena);
        let mut regions = std::mem::take(&mut self.regions);
        let mut calls = std::mem::take(&mut self.calls);
        let mut slices: Vec<&mut [u8]> = Vec::with_capacity(regions.len() + 2);
        slices.push(&mut arena);
        slices.extend(regions.iter_mut().map(Vec::as_mut_slice));
        match current {
            Some((0, bytes)) => slices[0] = bytes,
            Some((_, bytes)) => slices.push(bytes),
            None => {}
        }
        let records_in = round::append_gathered(&mut slices, &mut calls, wall_clock_ms());
        add(&self.metrics.records_in, records_in);
        add(&self.metrics.batches_in, calls.len() as u64);
        for gathered in calls.drain(..) {
            let frame = &slices[gathered.region][gathered.frame.clone()];
            self.answer_produce(gathered.slot, gathered.sequence, gathered.call, frame);
        }
        self.calls = calls;
        arena.clear();
        self.arena = arena;
        regions.clear();
        self.regions = regions;
    }

    fn answer_produce(&mut self, slot: u32, sequence: u64, call: ProduceCall, frame: &[u8]) {
        let node_id = self.shared.options.node_id;
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return };
        let id = connection.id;
        let Some(pending) = connection.pending_mut(sequence) else { return };
        if call.has_failure() {
            self.metrics.error(0);
        }
        if call.head.acks == 0 {
            pending.state = PendingState::Silent;
            self.touched.push(slot);
            if call.has_failure() {
                // Nobody waits for an answer that could tell it.
                self.close(slot, Some("a Produce request with acks=0 failed".to_owned()));
            }
            return;
        }
        if call.is_complete() {
            let mut output = Output::default();
            call.respond(
                node_id,
                |topic| match topic {
                    TopicRef::Id(id) => ResponseTopic::Id(*id),
                    TopicRef::Name(range) => ResponseTopic::Name(std::str::from_utf8(&frame[range.clone()]).unwrap_or_default()),
                },
                &mut output.bytes,
            );
            pending.state = PendingState::Answered(output);
            self.touched.push(slot);
            return;
        }
        let parked = ParkedProduce::new(call, frame, self.now);
        self.deadlines.push(Reverse((parked.deadline(), id.as_key())));
        for partition in parked.awaited() {
            partition.watch(&self.waker, id.as_key());
        }
        pending.state = PendingState::Produce(Box::new(parked));
        self.poll_parked(slot);
    }

    /// Looks at what parked requests were told of, once for each connection.
    fn poll_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        woken.sort_unstable();
        woken.dedup();
        for key in woken.drain(..) {
            let id = ConnectionId::from_key(key);
            if self.connection_mut(id).is_some() {
                self.poll_parked(id.slot);
            }
        }
        self.woken = woken;
    }

    /// Polls the parked requests of a connection, after watching what they wait for; true where none is left parked.
    fn poll_parked(&mut self, slot: u32) -> bool {
        let table = self.topics.load().clone();
        let node_id = self.shared.options.node_id;
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return true };
        let key = connection.id.as_key();
        let mut all_done = true;
        let mut answered = false;
        for pending in &mut connection.pending {
            let output = match &mut pending.state {
                PendingState::Fetch(parked) => match parked.poll(&self.shared, &table, self.now) {
                    Some(output) => Some(output),
                    None => {
                        parked.for_each_partition(&table, |partition| partition.watch(&self.waker, key));
                        // What came between the first look and the watch would wake nobody.
                        let output = parked.poll(&self.shared, &table, self.now);
                        if output.is_none()
                            && let Some(due) = parked.next_wake(self.now)
                        {
                            self.deadlines.push(Reverse((due, key)));
                        }
                        output
                    }
                },
                PendingState::Produce(parked) => {
                    for partition in parked.awaited() {
                        partition.watch(&self.waker, key);
                    }
                    parked.poll(self.now, node_id)
                }
                _ => continue,
            };
            match output {
                Some(output) => {
                    pending.state = PendingState::Answered(output);
                    answered = true;
                }
                None => all_done = false,
            }
        }
        if answered {
            self.touched.push(slot);
        }
        all_done
    }

    fn on_response(&mut self, response: ControlResponse) {
        let place = response.request.slot();
        let Some(entry) = self.forwarded.get_mut(place) else { return };
        if !entry.as_ref().is_some_and(|outstanding| response.request.matches_generation(outstanding.generation)) {
            return;
        }
        let Some(Outstanding { connection: id, sequence, held, .. }) = entry.take() else { return };
        self.free_forwarded.push(place as u32);
        if self.connection_mut(id).is_none() {
            return; // the client left before its answer
        }
        match response.answer {
            Answer::Disconnect => self.close(id.slot, None),
            Answer::Verified(codes) => {
                if let Some(held) = held {
                    self.on_verified(id.slot, sequence, held, &codes);
                }
            }
            Answer::Payload(payload) => {
                let mut output = Output::default();
                output.bytes.reserve_exact(payload.len() + 4);
                output.bytes.extend_from_slice(&(payload.len() as i32).to_be_bytes());
                output.bytes.extend_from_slice(&payload);
                let Some(connection) = self.connection_mut(id) else { return };
                let Some(pending) = connection.pending_mut(sequence) else { return };
                pending.state = PendingState::Answered(output);
                // Where one answer is waited for, it is that of the last request that was taken.
                connection.awaits_answer &= connection.first_sequence + connection.pending.len() as u64 - 1 != sequence;
                self.touched.push(id.slot);
            }
        }
    }

    fn expire(&mut self) {
        while let Some(Reverse((deadline, key))) = self.deadlines.peek().copied() {
            if deadline > self.now {
                break;
            }
            self.deadlines.pop();
            let id = ConnectionId::from_key(key);
            if self.connection_mut(id).is_some() {
                self.poll_parked(id.slot);
            }
        }
        if self.now >= self.next_idle_check {
            self.next_idle_check = self.now + IDLE_CHECK_INTERVAL;
            let idle_max = self.shared.options.connection_idle_max;
            let idle: Vec<u32> = self
                .connections
                .iter()
                .flatten()
                .filter(|connection| connection.is_idle(self.now, idle_max))
                .map(|connection| connection.id.slot)
                .collect();
            for slot in idle {
                self.close(slot, None);
            }
        }
    }

    /// Sends what this round has put in order.
    fn flush_touched(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for slot in touched.drain(..) {
            let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { continue };
            let (metrics, now) = (&self.metrics, self.now);
            connection.release(|api_key, len, began| {
                metrics.response(api_key, len, now.saturating_duration_since(began).as_micros() as u64);
            });
            match connection.flush(self.now) {
                Ok(sent) => {
                    add(&self.metrics.bytes_out, sent);
                    let holds_more = connection.readable || !connection.unread.is_empty();
                    if holds_more && connection.takes_requests() {
                        self.ready.push(slot);
                    }
                }
                Err(_) => self.close(slot, None),
            }
        }
        self.touched = touched;
        self.ready.sort_unstable();
        self.ready.dedup();
    }

    // ---- ends ---------------------------------------------------------------------------------------------------

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(id.slot as usize)?.as_deref_mut()?;
        (connection.id == id).then_some(connection)
    }

    fn close(&mut self, slot: u32, reason: CloseReason) {
        let Some(mut connection) = self.connections.get_mut(slot as usize).and_then(Option::take) else { return };
        let _ = self.poll.registry().deregister(&mut connection.stream); // the socket is closed next in any case
        self.shared.counts.release(connection.peer.ip());
        self.free_slots.push(slot);
        if let Some(reason) = reason {
            self.report_closed(connection.listener, connection.peer, reason);
        }
    }

    fn report_closed(&self, listener: u8, peer: std::net::SocketAddr, reason: String) {
        self.shared.forward.push_fact(Fact::ConnectionClosed { listener, peer, reason });
    }

    fn close_all(&mut self) {
        for slot in 0..self.connections.len() {
            self.close(slot as u32, None);
        }
        self.shared.metrics[self.index].parked_fetches.store(0, Ordering::Relaxed);
    }
}

fn malformed(error: Malformed) -> CloseReason {
    Some(format!("a request cannot be read: {error}"))
}

/// The size field of a frame whose presence was checked.
fn frame_size(bytes: &[u8]) -> usize {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
}

/// Length of the first frame with its size field; `None` while that field is not whole.
fn frame_len(bytes: &[u8], size_max: usize) -> Result<Option<usize>, CloseReason> {
    if bytes.len() < 4 {
        return Ok(None);
    }
    let size = frame_size(bytes);
    if size > size_max {
        return Err(Some(format!("a request of {size} bytes is larger than socket.request.max.bytes ({size_max})")));
    }
    Ok(Some(size + 4))
}

/// Reads once from a connection into the spare capacity of `bytes`; a close by the peer is an error without a reason.
fn fill(connection: &mut Connection, bytes: &mut Vec<u8>, metrics: &ThreadMetrics, now: Instant) -> Result<usize, CloseReason> {
    if !connection.readable {
        return Ok(0);
    }
    let room = bytes.capacity() - bytes.len();
    match rustix::io::read(&connection.stream, rustix::buffer::spare_capacity(bytes)) {
        Ok(0) => Err(None),
        Ok(count) => {
            // A short read has emptied the socket: the next bytes bring an event. An end that came together with the
            // last bytes has brought its event already.
            connection.readable = count == room || connection.peer_ended;
            connection.last_progress = now;
            add(&metrics.bytes_in, count as u64);
            Ok(count)
        }
        Err(rustix::io::Errno::AGAIN) => {
            connection.readable = false;
            Ok(0)
        }
        Err(rustix::io::Errno::INTR) => Ok(0),
        Err(_) => Err(None),
    }
}

fn wall_clock_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
