//! Random lives of a partition: appends of every kind, rolls, checkpoints, deletions, clean stops, kills and power cuts.
//! After each, what readers had seen is there, in order; nothing is there that was never appended; producers,
//! transactions and offsets stand as the log says. A seed that fails repeats: `RECOVERY_SEED=n cargo test --test recovery`.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, HashMap};

use millrace_core::log::LogConfig;
use millrace_core::partition::AppendError;
use millrace_core::record::BatchProducer;
use support::{Random, Storage, batch_of};

/// One batch as it should lie in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    base_offset: i64,
    values: Vec<String>,
    producer: Option<(BatchProducer, i32)>,
    /// Of a transaction marker: whether it commits.
    marker: Option<bool>,
}

struct Life {
    seed: u64,
    random: Random,
    storage: Storage,
    model: Vec<Batch>,
    log_start: i64,
    next_value: u64,
    sequences: HashMap<i64, i32>,
    open_transactions: BTreeMap<i64, i64>,
}

impl Life {
    fn new(seed: u64) -> Life {
        let mut random = Random(seed);
        let config = LogConfig {
            segment_bytes: 2_000 + random.below(20_000) as u32,
            index_interval_bytes: random.below(1_000) as u32,
            flush_on_ack: random.below(3) > 0,
            file_delete_delay_ms: 0,
            ..LogConfig::default()
        };
        let storage = Storage::with_config(1, config);
        storage.open();
        Life {
            seed,
            random,
            storage,
            model: Vec::new(),
            log_start: 0,
            next_value: 0,
            sequences: HashMap::new(),
            open_transactions: BTreeMap::new(),
        }
    }

    fn end(&self) -> i64 {
        self.model.last().map_or(self.log_start, |batch| batch.base_offset + batch.values.len() as i64)
    }

    fn step(&mut self) {
        let choice = self.random.below(100);
        if std::env::var_os("RECOVERY_SEED").is_some() {
            println!("choice {choice}");
        }
        match choice {
            0..50 => self.append(),
            50..60 => self.end_transaction(),
            60..70 => self.storage.partition(0).flush().unwrap(),
            70..75 => self.storage.partition(0).roll().unwrap(),
            75..80 => self.storage.manager().keep_house(),
            80..84 => self.delete_records(),
            84..88 => self.fill_disk(),
            88..92 => {
                self.storage.close();
                self.reopen(self.end());
            }
            92..96 => {
                self.storage.kill();
                self.reopen(self.end());
            }
            _ => {
                let seen = self.storage.partition(0).high_watermark();
                // Without flush.on.ack readers see what a power cut may take; then only what was flushed is owed.
                let flush_on_ack = self.storage.config.lock().flush_on_ack;
                let owed = if flush_on_ack { seen } else { self.storage.partition(0).log().unwrap().recovery_point() };
                self.storage.crash(self.random.next());
                self.reopen(owed);
            }
        }
        if std::env::var_os("RECOVERY_SEED").is_some() {
            println!("end {} start {} sequences {:?}", self.end(), self.log_start, self.sequences);
        }
        self.check();
    }

    fn values(&mut self) -> Vec<String> {
        let count = 1 + self.random.below(4);
        let values = (0..count).map(|_| {
            self.next_value += 1;
            let filler = "x".repeat(self.random.below(300) as usize);
            format!("{}{filler}", self.next_value)
        });
        values.collect()
    }

    fn append(&mut self) {
        let values = self.values();
        let producer = match self.random.below(3) {
            0 => None,
            1 => Some(self.producer(false)),
            _ => Some(self.producer(true)),
        };
        let refs: Vec<&str> = values.iter().map(String::as_str).collect();
        let batch = batch_of(producer, &refs, self.storage.now_ms());
        let base_offset = self.end();
        assert_eq!(self.storage.append(0, batch.clone()), Ok(base_offset), "seed {}: {producer:?}", self.seed);
        if producer.is_some() && self.random.below(4) == 0 {
            assert_eq!(self.storage.append(0, batch), Ok(base_offset), "seed {}: a repeated batch", self.seed);
        }
        self.note(Batch { base_offset, values, producer, marker: None });
    }

    fn producer(&mut self, transactional: bool) -> (BatchProducer, i32) {
        let producer_id = self.random.below(3) as i64 + if transactional { 10 } else { 0 };
        let sequence = self.sequences.get(&producer_id).copied().unwrap_or(0);
        (BatchProducer { producer_id, producer_epoch: 0, transactional }, sequence)
    }

    fn note(&mut self, batch: Batch) {
        self.apply(&batch);
        self.model.push(batch);
    }

    fn apply(&mut self, batch: &Batch) {
        let Some((producer, sequence)) = batch.producer else { return };
        if batch.marker.is_some() {
            self.open_transactions.remove(&producer.producer_id);
            return;
        }
        self.sequences.insert(producer.producer_id, sequence + batch.values.len() as i32);
        if producer.transactional {
            self.open_transactions.entry(producer.producer_id).or_insert(batch.base_offset);
        }
    }

    fn end_transaction(&mut self) {
        let commit = self.random.below(2) == 0;
        let Some((&producer_id, _)) = self.open_transactions.first_key_value() else { return };
        let partition = self.storage.partition(0);
        let appended = partition
            .append_marker(
                &millrace_core::log::TxnMarker { producer_id, epoch: 0, coordinator_epoch: 0, commit, bumps_epoch: false },
                self.storage.now_ms(),
            )
            .unwrap();
        assert_eq!(appended.base_offset, self.end());
        let producer = Some((BatchProducer { producer_id, producer_epoch: 0, transactional: true }, -1));
        self.note(Batch { base_offset: appended.base_offset, values: vec![String::new()], producer, marker: Some(commit) });
    }

    fn delete_records(&mut self) {
        let partition = self.storage.partition(0);
        // Not into open transactions: Kafka's tools may, but what is read then is nobody's concern here.
        let limit = partition.last_stable_offset();
        let before = self.log_start + self.random.below((limit - self.log_start).max(0) as u64 + 1) as i64;
        self.log_start = self.storage.manager().delete_records(&partition, before).unwrap();
        assert!(self.log_start >= before);
    }

    fn fill_disk(&mut self) {
        let room = self.random.below(400);
        self.storage.files.set_capacity(Some(self.storage.used_bytes() + room));
        let value = "y".repeat(500);
        let base_offset = self.end();
        match self.storage.append(0, batch_of(None, &[&value], self.storage.now_ms())) {
            // Rolling may make room by dropping an old snapshot.
            Ok(offset) => {
                assert_eq!(offset, base_offset, "seed {}", self.seed);
                self.note(Batch { base_offset, values: vec![value], producer: None, marker: None });
            }
            Err(error) => assert_eq!(error, AppendError::StorageFull, "seed {}", self.seed),
        }
        self.storage.files.set_capacity(None);
        self.storage.manager().watch_space();
    }

    /// Opens the log again and cuts the model where the log ends, which is not below `owed`.
    fn reopen(&mut self, owed: i64) {
        self.storage.open();
        let offsets = self.storage.partition(0).offsets().unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        let end = offsets.log_end_offset;
        assert!(end >= owed && end <= self.end(), "seed {}: {owed} <= {end} <= {}", self.seed, self.end());
        self.model.retain(|batch| batch.base_offset + batch.values.len() as i64 <= end);
        let is_blank = offsets.size_bytes == 0 && self.storage.partition(0).producers().unwrap().is_empty();
        if self.end() < self.log_start || is_blank {
            self.model.clear(); // nothing was left above the log start: the log begins there
        }
        assert_eq!(self.end(), end, "seed {}: the log ends between batches", self.seed);
        self.sequences.clear();
        self.open_transactions.clear();
        for batch in self.model.clone() {
            self.apply(&batch);
        }
    }

    fn check(&mut self) {
        let seed = self.seed;
        let partition = self.storage.partition(0);
        let log = partition.log().unwrap();
        let offsets = partition.offsets().unwrap();
        assert_eq!(offsets.log_start_offset, self.log_start, "seed {seed}");
        assert_eq!(offsets.log_end_offset, self.end(), "seed {seed}");
        let mut found = Vec::new();
        log.scan_from(self.log_start, |header, batch| {
            let decoded = millrace_core::partition::decode_batch(header, batch).unwrap();
            found.push((header.base_offset, decoded.records.into_iter().map(|record| record.value).collect::<Vec<_>>()));
            true
        })
        .unwrap();
        let expected: Vec<_> = self.model.iter().filter(|batch| batch.base_offset + batch.values.len() as i64 > self.log_start).collect();
        assert_eq!(found.len(), expected.len(), "seed {seed}");
        for ((base_offset, values), batch) in found.iter().zip(&expected) {
            assert_eq!(*base_offset, batch.base_offset, "seed {seed}");
            if batch.marker.is_none() {
                let values: Vec<&[u8]> = values.iter().map(|value| value.as_deref().unwrap()).collect();
                assert_eq!(values, batch.values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>(), "seed {seed}");
            }
        }
        let stable = self.open_transactions.values().min().copied().unwrap_or(i64::MAX);
        let stable = stable.min(offsets.high_watermark);
        // A transaction counts until its marker is below the high watermark.
        assert!(offsets.last_stable_offset <= stable, "seed {seed}: {} > {stable}", offsets.last_stable_offset);
        if offsets.high_watermark == offsets.log_end_offset {
            assert_eq!(offsets.last_stable_offset, stable, "seed {seed}");
        }
        self.check_aborted(&log, seed);
        self.check_lookup(&log, seed);
    }

    fn check_aborted(&self, log: &millrace_core::log::PartitionLog, seed: u64) {
        let mut open: HashMap<i64, i64> = HashMap::new();
        let mut expected = Vec::new();
        for batch in &self.model {
            let Some((producer, _)) = batch.producer.filter(|(producer, _)| producer.transactional) else { continue };
            match batch.marker {
                None => {
                    open.entry(producer.producer_id).or_insert(batch.base_offset);
                }
                Some(commit) => {
                    let first = open.remove(&producer.producer_id).unwrap();
                    if !commit && batch.base_offset >= self.log_start {
                        expected.push((producer.producer_id, first, batch.base_offset));
                    }
                }
            }
        }
        let found = log.aborted(self.log_start, self.end()).unwrap();
        let found: Vec<_> = found.iter().map(|txn| (txn.producer_id, txn.first_offset, txn.last_offset)).collect();
        assert_eq!(found, expected, "seed {seed}");
    }

    /// Every offset is found in its batch, by the indexes.
    fn check_lookup(&mut self, log: &millrace_core::log::PartitionLog, seed: u64) {
        if self.end() == self.log_start {
            return;
        }
        let offset = self.log_start + self.random.below((self.end() - self.log_start) as u64) as i64;
        let slice = log.read(offset, 1, self.end(), true).unwrap().unwrap();
        let mut bytes = vec![0; slice.len as usize];
        slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
        let header = millrace_core::record::BatchHeader::decode(&bytes).unwrap();
        assert!(header.base_offset <= offset && offset <= header.last_offset(), "seed {seed}");
    }
}

#[test]
fn what_readers_saw_survives_every_end() {
    let seeds = match std::env::var("RECOVERY_SEED") {
        Ok(seed) => seed.parse().unwrap()..seed.parse::<u64>().unwrap() + 1,
        Err(_) => 0..std::env::var("RECOVERY_COUNT").map_or(200, |count| count.parse().unwrap()),
    };
    for seed in seeds {
        let mut life = Life::new(seed);
        for _ in 0..80 {
            life.step();
        }
    }
}
