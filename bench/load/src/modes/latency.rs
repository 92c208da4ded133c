//! Latency in an open loop: batches are due at fixed moments whether or not earlier ones have been answered, and every
//! time is counted from the moment a batch was due. So a broker that stalls pays for all that fell due meanwhile
//! (no coordinated omission).

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use serde_json::{Map, Value, json};

use super::{Target, seconds};
use crate::batch;
use crate::connection::{Body, Connection};
use crate::requests::{self, Api, FetchLimits, errors};
use crate::tally::{microseconds, percentiles};

const TIMER: Token = Token(usize::MAX);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A broker that falls so far behind is not measured any more.
const UNANSWERED_MAX: usize = 1_000_000;

#[derive(Args, Clone)]
pub struct Latency {
    #[command(flatten)]
    pub target: Target,
    /// Records per second, over all partitions
    #[arg(long, default_value_t = 20_000)]
    pub rate: u64,
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    #[arg(long, default_value_t = 10)]
    pub records_per_batch: usize,
    /// Replicas that must have a batch before it is answered: 1, or -1 for all in sync
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    pub acks: i16,
    /// Measured time
    #[arg(long, default_value = "20", value_parser = seconds)]
    pub seconds: Duration,
    /// Time under the same load before it
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub warm_up: Duration,
}

impl Latency {
    pub fn run(&self) -> Result<Map<String, Value>> {
        ensure!(self.acks != 0, "requests with acks=0 have no answer to time");
        ensure!(self.record_size >= 8, "a record carries the time it was due at: eight bytes");
        ensure!(self.rate > 0 && self.records_per_batch > 0, "a rate and a batch are more than zero");
        let names = self.target.prepare()?;
        ensure!(names.len() == 1, "latency is measured on one topic");
        OpenLoop::connect(self, &names[0])?.run()
    }
}

/// One producing connection per partition, and one that fetches all of them, as a consumer does.
struct OpenLoop<'a> {
    options: &'a Latency,
    topic: &'a str,
    template: Vec<u8>,
    producers: Vec<Connection>,
    /// Nanoseconds since the start at which each unanswered batch was due.
    due: Vec<VecDeque<u64>>,
    consumer: Connection,
    offsets: Vec<(i32, i64)>,
    start: Instant,
    produce_micros: Histogram<u64>,
    end_to_end_micros: Histogram<u64>,
    late_sends_micros: Histogram<u64>,
    errors: u64,
    received: u64,
}

impl<'a> OpenLoop<'a> {
    fn connect(options: &'a Latency, topic: &'a str) -> Result<OpenLoop<'a>> {
        let address = options.target.bootstrap;
        let partitions = options.target.partitions;
        let latest = crate::client::Client::connect(address)?.latest_offsets(topic, partitions)?;
        let offsets = (0..).zip(latest).collect();
        Ok(OpenLoop {
            options,
            topic,
            template: batch::build(options.record_size, options.records_per_batch),
            producers: (0..partitions).map(|_| Connection::connect(address)).collect::<Result<_>>()?,
            due: vec![VecDeque::new(); partitions],
            consumer: Connection::connect(address)?,
            offsets,
            start: Instant::now(),
            produce_micros: microseconds(),
            end_to_end_micros: microseconds(),
            late_sends_micros: microseconds(),
            errors: 0,
            received: 0,
        })
    }

    fn run(mut self) -> Result<Map<String, Value>> {
        let interval_nanos = 1_000_000_000 * self.options.records_per_batch as u64 / self.options.rate;
        let total = (self.options.warm_up + self.options.seconds).as_nanos() as u64 / interval_nanos;
        let mut poll = Poll::new()?;
        for (index, producer) in self.producers.iter_mut().enumerate() {
            poll.registry().register(&mut producer.stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        }
        let consumer = Token(self.producers.len());
        poll.registry().register(&mut self.consumer.stream, consumer, Interest::READABLE | Interest::WRITABLE)?;
        // epoll's own timeout counts in milliseconds, which would be most of what is measured.
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let every = Timespec { tv_sec: (interval_nanos / 1_000_000_000) as i64, tv_nsec: (interval_nanos % 1_000_000_000) as i64 };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: every, it_value: every })?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;

        self.start = Instant::now();
        self.fetch()?;
        let mut sent = 0;
        let mut events = Events::with_capacity(64);
        let give_up_at = self.start + self.options.warm_up + self.options.seconds + DRAIN_TIMEOUT;
        while sent < total || self.due.iter().any(|queue| !queue.is_empty()) || self.received < total {
            if Instant::now() > give_up_at {
                bail!(
                    "after {} s more, {} of {total} batches are unanswered and {} not consumed",
                    DRAIN_TIMEOUT.as_secs(),
                    self.unanswered(),
                    total - self.received
                );
            }
            if let Err(error) = poll.poll(&mut events, Some(Duration::from_millis(100)))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                return Err(error.into());
            }
            for event in &events {
                match event.token() {
                    TIMER => _ = rustix::io::read(&timer, &mut [0; 8]),
                    token if token == consumer => self.consume()?,
                    Token(index) => self.take_answers(index)?,
                }
            }
            while sent < total && (sent + 1) * interval_nanos <= self.now() {
                self.send(sent as usize % self.producers.len(), (sent + 1) * interval_nanos)?;
                sent += 1;
            }
            if self.unanswered() > UNANSWERED_MAX {
                bail!("the broker is more than {UNANSWERED_MAX} batches behind");
            }
        }
        let mut summary = Map::new();
        summary.insert("batches".into(), json!(total));
        summary.insert("recordsPerSecond".into(), json!(self.options.rate));
        summary.insert("errors".into(), json!(self.errors));
        summary.insert("produceMicros".into(), percentiles(&self.produce_micros));
        summary.insert("endToEndMicros".into(), percentiles(&self.end_to_end_micros));
        summary.insert("lateSendsMicros".into(), percentiles(&self.late_sends_micros));
        Ok(summary)
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn unanswered(&self) -> usize {
        self.due.iter().map(VecDeque::len).sum()
    }

    fn is_measured(&self, due_nanos: u64) -> bool {
        due_nanos > self.options.warm_up.as_nanos() as u64
    }

    fn send(&mut self, index: usize, due_nanos: u64) -> Result<()> {
        batch::stamp(&mut self.template, due_nanos)?;
        let producer = &mut self.producers[index];
        producer.queue(Api::PRODUCE, |out| {
            requests::produce_head(self.options.acks, self.topic, index as i32, self.template.len(), out);
            Body::Batch(self.template.as_slice().into())
        });
        self.due[index].push_back(due_nanos);
        producer.flush()?;
        if self.is_measured(due_nanos) {
            self.late_sends_micros.record((self.now() - due_nanos) / 1000)?;
        }
        Ok(())
    }

    fn take_answers(&mut self, index: usize) -> Result<()> {
        self.producers[index].flush()?;
        loop {
            let more = self.producers[index].receive()?;
            let now = self.now();
            while let Some(frame) = self.producers[index].next_frame()? {
                let (_, mut reader) = requests::response(Api::PRODUCE, frame)?;
                requests::read_produced(&mut reader, |_, error, _| self.errors += u64::from(error != errors::NONE))?;
                let due_nanos = self.due[index].pop_front().context("an answer to nothing")?;
                if self.is_measured(due_nanos) {
                    self.produce_micros.record((now - due_nanos) / 1000)?;
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn fetch(&mut self) -> Result<()> {
        let limits = FetchLimits { wait_ms: 500, min_bytes: 1, max_bytes: 52_428_800, partition_max_bytes: 1_048_576 };
        let named = [(self.topic, self.offsets.as_slice())];
        self.consumer.queue(Api::FETCH, |out| {
            requests::fetch(limits, named.into_iter(), out);
            Body::None
        });
        self.consumer.flush()
    }

    fn consume(&mut self) -> Result<()> {
        self.consumer.flush()?;
        loop {
            let more = self.consumer.receive()?;
            let now = self.start.elapsed().as_nanos() as u64;
            let warm_up_nanos = self.options.warm_up.as_nanos() as u64;
            let mut answered = false;
            while let Some(frame) = self.consumer.next_frame()? {
                answered = true;
                let (_, mut reader) = requests::response(Api::FETCH, frame)?;
                let mut stamps = Vec::new();
                let error = requests::read_fetched(&mut reader, |fetched| {
                    self.errors += u64::from(fetched.error != errors::NONE);
                    for batch in batch::batches(fetched.records) {
                        self.offsets[fetched.partition as usize].1 = batch.next_offset;
                        stamps.push(batch::read_stamp(batch.bytes));
                    }
                })?;
                self.errors += u64::from(error != errors::NONE);
                for stamp in stamps {
                    let due_nanos = stamp?;
                    self.received += 1;
                    if due_nanos > warm_up_nanos {
                        self.end_to_end_micros.record((now - due_nanos) / 1000)?;
                    }
                }
            }
            if answered {
                self.fetch()?;
            }
            if !more {
                return Ok(());
            }
        }
    }
}
