//! Pre-built batches as fast as the broker answers.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::{Pressure, Target, quantity};
use crate::batch;
use crate::client::Client;
use crate::connection::{Body, Connection};
use crate::engine::Load;
use crate::requests::{self, Api, errors};
use crate::tally::Tally;

const PRODUCER_ID_PATIENCE: Duration = Duration::from_secs(30);
const PRODUCER_ID_PAUSE: Duration = Duration::from_millis(50);

#[derive(Args, Clone)]
pub struct Produce {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub pressure: Pressure,
    /// Bytes of a record's value
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    /// Bytes of a batch, about
    #[arg(long, default_value_t = 16384)]
    pub batch_size: usize,
    /// Replicas that must have a batch before it is answered: 1, or -1 for all in sync
    #[arg(long, default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1..=1))]
    pub acks: i16,
    /// End after so many bytes of record values
    #[arg(long, default_value = "1000G", value_parser = quantity)]
    pub bytes: u64,
    /// How requests are laid out over the partitions
    #[arg(long, value_enum, default_value_t = Spread::Pinned)]
    pub spread: Spread,
    /// What a request's batch is
    #[arg(long, value_enum, default_value_t = Batches::Same)]
    pub batches: Batches,
    /// How many keys there are for batches with keys
    #[arg(long, default_value = "1M", value_parser = quantity)]
    pub keys: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Batches {
    /// One that is built once and sent by all
    Same,
    /// A copy: what an idempotent producer's batch costs this side, without being one
    Copied,
    /// A copy with the id and the next sequence of the connection's own producer
    Idempotent,
    /// Built anew; each record has the next key, in an order that is not that of the keys
    Keyed,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// A connection keeps to one partition
    Pinned,
    /// Each request goes to the next partition
    Cycle,
}

/// A broker that has only just started may have no block of ids yet, and says that it is loading; it is asked again for a while.
fn new_producer(client: &mut Client) -> Result<Producer> {
    let until = Instant::now() + PRODUCER_ID_PATIENCE;
    loop {
        let (error, id, epoch) = requests::read_producer_id(&mut client.call(Api::INIT_PRODUCER_ID, requests::init_producer_id)?)?;
        if error == errors::NONE {
            return Ok(Producer { id, epoch, sequence: 0 });
        }
        ensure!(error == errors::COORDINATOR_LOAD_IN_PROGRESS && Instant::now() < until, "InitProducerId was answered with error {error}");
        thread::sleep(PRODUCER_ID_PAUSE);
    }
}

impl Produce {
    pub fn run(&self) -> Result<Map<String, Value>> {
        ensure!(
            self.batches != Batches::Idempotent || self.spread == Spread::Pinned,
            "an idempotent load keeps to one partition per connection"
        );
        ensure!(self.acks != 0, "requests with acks=0 have no answer to count");
        let names = self.target.prepare()?;
        Tally::summary(&self.load(&names)?)
    }

    fn producers(&self, count: usize) -> Result<Vec<Producer>> {
        let mut client = Client::connect(self.target.bootstrap)?;
        (0..count).map(|_| new_producer(&mut client)).collect()
    }

    /// The load alone, on topics that are there.
    pub fn load(&self, names: &[String]) -> Result<Vec<Tally>> {
        let record_count = batch::records_per_batch(self.record_size, self.batch_size);
        let batch: Arc<[u8]> = batch::build(self.record_size, record_count).into();
        let partitions: Vec<(String, i32)> =
            names.iter().flat_map(|name| (0..self.target.partitions as i32).map(move |partition| (name.clone(), partition))).collect();
        let per_request = (record_count * self.record_size) as u64;
        self.pressure.run(self.target.bootstrap, |range| {
            let share = self.bytes * range.len() as u64 / self.pressure.connections.max(1) as u64;
            let producers = if self.batches == Batches::Idempotent { self.producers(range.len())? } else { Vec::new() };
            Ok(ProduceLoad {
                batches: self.batches,
                producers,
                record_size: self.record_size,
                keys: Keys { next: range.start as u64 * self.keys / self.pressure.connections.max(1) as u64, count: self.keys },
                acks: self.acks,
                spread: self.spread,
                partitions: partitions.clone(),
                next_partition: range.start * partitions.len() / self.pressure.connections.max(1),
                range,
                batch: batch.clone(),
                record_count: record_count as u64,
                value_bytes: per_request,
                requests_left: share.div_ceil(per_request),
            })
        })
    }
}

struct Producer {
    id: i64,
    epoch: i16,
    sequence: i32,
}

/// Every key once, then again.
struct Keys {
    next: u64,
    count: u64,
}

/// Prime to any count of keys that anyone writes down, so that all keys have their turn.
const KEY_STRIDE: u64 = 982_451_653;

impl Iterator for Keys {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let key = self.next * KEY_STRIDE % self.count;
        self.next = (self.next + 1) % self.count;
        Some(key)
    }
}

struct ProduceLoad {
    batches: Batches,
    /// One per connection of an idempotent load.
    producers: Vec<Producer>,
    record_size: usize,
    keys: Keys,
    acks: i16,
    spread: Spread,
    partitions: Vec<(String, i32)>,
    next_partition: usize,
    range: Range<usize>,
    batch: Arc<[u8]>,
    record_count: u64,
    value_bytes: u64,
    requests_left: u64,
}

impl ProduceLoad {
    fn batch_of(&mut self, index: usize) -> Arc<[u8]> {
        match self.batches {
            Batches::Same => self.batch.clone(),
            Batches::Copied => {
                let mut batch = self.batch.to_vec();
                batch::set_producer(&mut batch, -1, -1, -1);
                batch.into()
            }
            Batches::Idempotent => {
                let producer = &mut self.producers[index];
                let mut batch = self.batch.to_vec();
                batch::set_producer(&mut batch, producer.id, producer.epoch, producer.sequence);
                // Sequences begin again at zero after the greatest.
                producer.sequence = ((i64::from(producer.sequence) + self.record_count as i64) & i64::from(i32::MAX)) as i32;
                batch.into()
            }
            Batches::Keyed => {
                let count = self.record_count as usize;
                let keys: Vec<u64> = self.keys.by_ref().take(count).collect();
                batch::build_keyed(self.record_size, keys.into_iter().map(Some)).into()
            }
        }
    }
}

impl Load for ProduceLoad {
    fn next(&mut self, index: usize, connection: &mut Connection) -> bool {
        if self.requests_left == 0 {
            return false;
        }
        self.requests_left -= 1;
        let at = match self.spread {
            Spread::Pinned => self.range.start + index,
            Spread::Cycle => self.next_partition,
        } % self.partitions.len();
        self.next_partition = at + 1;
        let batch = self.batch_of(index);
        let (topic, partition) = &self.partitions[at];
        connection.queue(Api::PRODUCE, |out| {
            requests::produce_head(self.acks, topic, *partition, batch.len(), out);
            Body::Batch(batch)
        });
        true
    }

    fn answered(&mut self, _index: usize, frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (_, mut reader) = requests::response(Api::PRODUCE, frame)?;
        requests::read_produced(&mut reader, |_, error, _| {
            if error == errors::NONE {
                tally.records += self.record_count;
                tally.value_bytes += self.value_bytes;
                tally.wire_bytes += self.batch.len() as u64;
            } else {
                tally.count_error(error);
            }
        })
    }
}
