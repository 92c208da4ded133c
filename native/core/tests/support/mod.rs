//! A broker's storage on a simulated disk and clock.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_core::Uuid;
use millrace_core::env::{Env, Files, ManualClock, SimulatedFiles};
use millrace_core::log::{LogConfig, LogManager, LogManagerOptions, OpenError, PartitionSpec, StorageFact, TopicSpec};
use millrace_core::partition::{AppendEntry, AppendError, Partition};
use millrace_core::record::{BatchProducer, RecordInput, build_batch, seal};
use parking_lot::Mutex;

pub const LOG_DIR: &str = "/data";
pub const START_MS: i64 = 1_700_000_000_000;

pub struct Storage {
    pub files: SimulatedFiles,
    pub clock: Arc<ManualClock>,
    pub config: Mutex<LogConfig>,
    partition_count: i32,
    topic_id: Mutex<Uuid>,
    manager: Mutex<Option<Arc<LogManager>>>,
    facts: Arc<Mutex<Vec<StorageFact>>>,
}

impl Storage {
    pub fn new(partition_count: i32) -> Storage {
        Storage::with_config(partition_count, LogConfig::default())
    }

    pub fn with_config(partition_count: i32, config: LogConfig) -> Storage {
        Storage {
            files: SimulatedFiles::new(),
            clock: Arc::new(ManualClock::new(START_MS)),
            config: Mutex::new(config),
            partition_count,
            topic_id: Mutex::new(Uuid([9; 16])),
            manager: Mutex::default(),
            facts: Arc::default(),
        }
    }

    pub fn topic_id(&self) -> Uuid {
        *self.topic_id.lock()
    }

    pub fn set_topic_id(&self, id: [u8; 16]) {
        *self.topic_id.lock() = Uuid(id);
    }

    /// Opens the storage with one topic. Nothing runs in the background: tests call what would.
    pub fn open(&self) {
        self.try_open().unwrap();
    }

    pub fn try_open(&self) -> Result<(), OpenError> {
        let options = LogManagerOptions {
            node_id: 1,
            cluster_id: Uuid([7; 16]),
            log_dirs: vec![PathBuf::from(LOG_DIR)],
            checkpoint_interval: Duration::from_secs(60),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: Duration::from_secs(30),
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            recovery_thread_count: 1,
        };
        let env = Env { clock: self.clock.clone(), files: Arc::new(self.files.clone()) };
        let manager = Arc::new(LogManager::open(options, env)?);
        self.facts.lock().clear();
        let facts = self.facts.clone();
        manager.listen(move |fact| facts.lock().push(fact));
        *self.manager.lock() = Some(manager);
        self.apply(self.config.lock().clone());
        Ok(())
    }

    pub fn apply(&self, config: LogConfig) {
        let partitions = (0..self.partition_count).map(|index| PartitionSpec::alone(index, 1, 0)).collect();
        let topic = TopicSpec { name: "orders".to_owned(), id: self.topic_id(), internal: false, partitions, config };
        self.manager().apply(vec![topic], &[]).unwrap();
    }

    pub fn manager(&self) -> Arc<LogManager> {
        self.manager.lock().clone().unwrap()
    }

    /// Stops in good order.
    pub fn close(&self) {
        self.manager.lock().take().unwrap().close().unwrap();
    }

    /// Ends the process without a word; the machine goes on.
    pub fn kill(&self) {
        self.manager.lock().take();
        self.files.kill();
    }

    /// Cuts the power.
    pub fn crash(&self, seed: u64) {
        self.manager.lock().take();
        self.files.crash(seed);
    }

    pub fn partition(&self, index: i32) -> Arc<Partition> {
        self.manager().find("orders", index).unwrap()
    }

    pub fn facts(&self) -> Vec<StorageFact> {
        self.facts.lock().clone()
    }

    pub fn used_bytes(&self) -> u64 {
        let space = self.files.space(LOG_DIR.as_ref()).unwrap();
        space.total_bytes - space.usable_bytes
    }

    /// Appends one record as a client does; returns its offset.
    pub fn produce(&self, partition: i32, value: &str) -> Result<i64, AppendError> {
        self.append(partition, batch_of(None, &[value], self.now_ms()))
    }

    pub fn produce_as(&self, producer: BatchProducer, sequence: i32, value: &str) -> Result<i64, AppendError> {
        self.append(0, batch_of(Some((producer, sequence)), &[value], self.now_ms()))
    }

    pub fn append(&self, partition: i32, mut batch: Vec<u8>) -> Result<i64, AppendError> {
        let partition = self.partition(partition);
        let mut entries = [AppendEntry::new(&mut batch, -1, 9)];
        entries[0].guard = partition.begin_verification(entries[0].records).map_or(0, |(_, _, guard)| guard);
        partition.append(&mut entries, self.now_ms());
        let [entry] = entries;
        entry.result.map(|appended| appended.base_offset)
    }

    pub fn now_ms(&self) -> i64 {
        millrace_core::env::Clock::now_ms(&*self.clock)
    }

    /// All values up to the high watermark, in order.
    pub fn values(&self, partition: i32) -> Vec<String> {
        let batches = self.partition(partition).read_decoded(0, usize::MAX).unwrap();
        let records = batches.into_iter().filter(|batch| batch.control.is_none()).flat_map(|batch| batch.records);
        records.map(|record| String::from_utf8(record.value.unwrap_or_default()).unwrap()).collect()
    }
}

/// A batch as a producer sends it.
pub fn batch_of(producer: Option<(BatchProducer, i32)>, values: &[&str], now_ms: i64) -> Vec<u8> {
    let record =
        |value: &&str| RecordInput { key: None, value: Some(value.as_bytes().to_vec()), timestamp_ms: Some(now_ms), headers: Vec::new() };
    let records: Vec<RecordInput> = values.iter().map(record).collect();
    let mut batch = build_batch(&records, producer.map(|(producer, _)| producer), now_ms);
    if let Some((_, sequence)) = producer {
        batch[53..57].copy_from_slice(&sequence.to_be_bytes());
        seal(&mut batch);
    }
    batch
}

/// SplitMix64: plain, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
