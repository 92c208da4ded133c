//! The closed loop: every connection keeps `depth` requests in flight until the time or the work is over, then the
//! answers still due are taken in. One event loop per thread; nothing is shared between threads.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::tally::Tally;

/// A broker that leaves a request unanswered for so long after the end is stuck.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What is sent and what answers mean.
pub trait Load {
    /// Queues the next request of a connection; false when there is nothing more to send.
    fn next(&mut self, index: usize, connection: &mut Connection) -> bool;

    /// Takes an answer (correlation id first) to the connection's oldest unanswered request.
    fn answered(&mut self, index: usize, frame: &[u8], tally: &mut Tally) -> Result<()>;
}

/// When a load begins to count and when it ends.
#[derive(Clone, Copy)]
pub struct Window {
    pub warm_at: Instant,
    pub end_at: Instant,
}

impl Window {
    pub fn from_now(warm_up: Duration, duration: Duration) -> Window {
        let warm_at = Instant::now() + warm_up;
        Window { warm_at, end_at: warm_at + duration }
    }
}

/// Drives the connections and returns what was answered.
pub fn run(mut connections: Vec<Connection>, load: &mut impl Load, depth: usize, window: Window) -> Result<Tally> {
    let mut poll = Poll::new()?;
    for (index, connection) in connections.iter_mut().enumerate() {
        poll.registry().register(&mut connection.stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
    }
    let mut pace = Pace { in_flight: vec![VecDeque::with_capacity(depth); connections.len()], depth, sending: true };
    let mut tally = Tally::new(window);
    for (index, connection) in connections.iter_mut().enumerate() {
        pace.fill(index, connection, load)?;
    }
    let mut events = Events::with_capacity(1024);
    let drain_by = window.end_at + DRAIN_TIMEOUT;
    while pace.awaits_answers() {
        let now = Instant::now();
        if pace.sending && now >= window.end_at {
            pace.sending = false;
        }
        if now >= drain_by {
            bail!(
                "{} requests unanswered {} s after the end",
                pace.in_flight.iter().map(VecDeque::len).sum::<usize>(),
                DRAIN_TIMEOUT.as_secs()
            );
        }
        if let Err(error) = poll.poll(&mut events, Some(Duration::from_millis(100)))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            let index = event.token().0;
            let connection = &mut connections[index];
            if event.is_writable() {
                connection.flush()?;
            }
            if event.is_readable() {
                pace.take_answers(index, connection, load, &mut tally)?;
            }
        }
    }
    tally.end(Instant::now());
    Ok(tally)
}

struct Pace {
    /// When each unanswered request was queued, per connection, oldest first.
    in_flight: Vec<VecDeque<Instant>>,
    depth: usize,
    sending: bool,
}

impl Pace {
    fn awaits_answers(&self) -> bool {
        self.in_flight.iter().any(|queue| !queue.is_empty())
    }

    fn fill(&mut self, index: usize, connection: &mut Connection, load: &mut impl Load) -> Result<()> {
        while self.sending && self.in_flight[index].len() < self.depth && load.next(index, connection) {
            self.in_flight[index].push_back(Instant::now());
        }
        connection.flush()
    }

    fn take_answers(&mut self, index: usize, connection: &mut Connection, load: &mut impl Load, tally: &mut Tally) -> Result<()> {
        loop {
            let more = connection.receive()?;
            let now = Instant::now();
            while let Some(frame) = connection.next_frame()? {
                let Some(queued_at) = self.in_flight[index].pop_front() else { bail!("an answer to nothing") };
                tally.at(now);
                tally.latency.record((now - queued_at).as_micros() as u64)?;
                tally.requests += 1;
                load.answered(index, frame, tally)?;
            }
            if now >= tally.window.end_at {
                self.sending = false;
            }
            self.fill(index, connection, load)?;
            if !more {
                return Ok(());
            }
        }
    }
}
