//! The class that JavaScript holds.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use millrace_core::env::Env;
use millrace_core::log::CompactionSettings;
use millrace_core::log::LogManager;
use millrace_core::log::StorageFact;
use millrace_core::log::TxnMarker;
use millrace_core::partition::{AppendError, Appended, Isolation, Partition, Wake};
use millrace_core::record::{BatchProducer, RecordInput};
use millrace_core::replication::Replication;
use millrace_core::server::forward::{Answer, ControlResponse, Fact, RequestId};
use millrace_core::server::{Server, Shared};
use napi::bindgen_prelude::{AsyncTask, Buffer, Float64Array, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};
use napi_derive::napi;

use crate::appends::PendingAppends;
use crate::options::{ClusterState, DataPlaneOptions, TopicState, uuid};
use crate::packing::{Truncated, Unpacker};
use crate::tasks::{
    CloseTask, CompactTask, DeleteRecordsTask, MoveTask, OffsetForTimestampTask, ReadRawTask, ReadTask, RollTask, TopicSizesTask,
};
use crate::{drain, failure, metrics};

/// Keeps the event loop alive while the data plane is open; carries no arguments.
type WakeFunction = ThreadsafeFunction<(), (), (), Status, false>;
/// Emptied when the data plane is closed, so that the event loop may end.
pub type Waker = Arc<Mutex<Option<WakeFunction>>>;

/// Size of a response that stands for a disconnect.
const DISCONNECT: u32 = u32::MAX;
/// Size of a response that is the answer to a verification: its codes follow as a count and 16-bit numbers.
const VERIFIED: u32 = u32::MAX - 1;

#[napi(object, object_from_js = false)]
pub struct ListenAddress {
    pub host: String,
    pub port: u16,
}

#[napi(object, object_from_js = false)]
pub struct LocalTopic {
    pub name: String,
    pub id: Option<String>,
    pub partitions: Vec<i32>,
    pub log_dir: String,
}

#[napi(object, object_from_js = false)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

#[napi(object, object_from_js = false)]
pub struct LogDirState {
    pub path: String,
    pub error: Option<String>,
    pub total_bytes: f64,
    pub usable_bytes: f64,
}

/// Tells the control plane of partitions that it watches.
struct AdvanceFacts(Weak<Shared>);

impl Wake for AdvanceFacts {
    fn wake(&self, key: u64) {
        if let Some(shared) = self.0.upgrade() {
            shared.forward.push_fact(Fact::PartitionAdvanced { watch: key });
        }
    }
}

#[napi]
pub struct NativeDataPlane {
    storage: Arc<LogManager>,
    server: Arc<Server>,
    replication: Arc<Replication>,
    appends: Arc<PendingAppends>,
    advances: Arc<dyn Wake>,
    waker: Waker,
}

#[napi]
impl NativeDataPlane {
    /// Locks the directories and starts the threads. `wake` is called when there is something to drain.
    #[napi(constructor)]
    pub fn new(options: DataPlaneOptions, wake: Function<'_, (), ()>) -> Result<NativeDataPlane> {
        let waker: Waker = Arc::new(Mutex::new(Some(wake.build_threadsafe_function().build()?)));
        let wake = waker.clone();
        let storage = Arc::new(LogManager::open(options.storage()?, Env::real()).map_err(failure::other)?);
        let server = Server::start(options.server(), storage.clone(), move || {
            // Fails only while Node is shutting down.
            if let Some(wake) = &*wake.lock().unwrap_or_else(PoisonError::into_inner) {
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        });
        let server = Arc::new(server.map_err(failure::other)?);
        let shared = Arc::downgrade(server.shared());
        let report = move |fact: StorageFact| {
            if let Some(shared) = shared.upgrade() {
                shared.forward.push_fact(fact_of(fact));
            }
        };
        storage.start_background(report).map_err(failure::other)?;
        let replication = Replication::start(storage.clone(), options.replication());
        let appends = PendingAppends::new(&server);
        let advances = Arc::new(AdvanceFacts(Arc::downgrade(server.shared())));
        Ok(NativeDataPlane { storage, server, replication, appends, advances, waker })
    }

    /// Binds an address; `index` is what requests of this listener carry.
    #[napi]
    pub fn listen(&self, index: u8, host: String, port: u16) -> Result<ListenAddress> {
        let address = self.server.listen(index, &host, port).map_err(failure::other)?;
        Ok(ListenAddress { host: address.ip().to_string(), port: address.port() })
    }

    /// See [`drain::drain`].
    #[napi]
    pub fn drain(&self, mut out: Buffer) -> i64 {
        drain::drain(&self.server.shared().forward, out.as_mut())
    }

    /// Takes packed responses: size, request id and payload of each.
    #[napi]
    pub fn respond(&self, packed: Buffer) -> Result<()> {
        let responses = unpack_responses(&packed).map_err(failure::truncated)?;
        self.server.respond(responses.into_iter());
        Ok(())
    }

    #[napi]
    pub fn apply_topics(&self, upserts: Vec<TopicState>, removed_topic_ids: Vec<String>) -> Result<()> {
        let specs = upserts.iter().map(TopicState::spec).collect::<Result<Vec<_>>>()?;
        let removed = removed_topic_ids.iter().map(|id| uuid(id)).collect::<Result<Vec<_>>>()?;
        self.storage.apply(specs, &removed).map_err(failure::other)
    }

    #[napi]
    pub fn set_cluster(&self, state: ClusterState) {
        self.storage.set_cluster(state.cluster());
    }

    /// Nothing where the partition has gone, or has moved on since it proposed.
    #[napi]
    pub fn settle_isr(&self, topic: String, partition: i32, leader_epoch: i32, partition_epoch: i32) {
        if let Some(partition) = self.storage.find(&topic, partition) {
            partition.settle_isr(leader_epoch, partition_epoch);
        }
    }

    /// An infinite rate is no bound.
    #[napi]
    pub fn set_replication_quotas(&self, leader_bytes_per_second: f64, follower_bytes_per_second: f64) {
        self.storage.set_replication_quotas(leader_bytes_per_second, follower_bytes_per_second);
    }

    #[napi(getter)]
    pub fn clean_start(&self) -> bool {
        self.storage.was_clean()
    }

    #[napi(getter)]
    pub fn previous_broker_epoch(&self) -> f64 {
        self.storage.previous_broker_epoch() as f64
    }

    #[napi]
    pub fn list_local_topics(&self) -> Result<Vec<LocalTopic>> {
        let topics = self.storage.list_local_topics().map_err(failure::other)?;
        let topics = topics.into_iter().map(|topic| LocalTopic {
            name: topic.name,
            id: topic.id.map(|id| id.to_string()),
            partitions: topic.partitions,
            log_dir: topic.log_dir.to_string_lossy().into_owned(),
        });
        Ok(topics.collect())
    }

    /// Appends packed records as one batch. Returns the base offset, or -1 - token where it is not committed yet.
    #[napi]
    pub fn append(
        &self,
        topic: String,
        partition: i32,
        records: Buffer,
        producer_id: f64,
        producer_epoch: i16,
        transactional: bool,
        now_ms: f64,
    ) -> Result<f64> {
        let partition = self.partition(&topic, partition)?;
        let records = unpack_records(&records).map_err(failure::truncated)?;
        let producer = (producer_id >= 0.0).then_some(BatchProducer { producer_id: producer_id as i64, producer_epoch, transactional });
        let appended = partition.append_records(&records, producer, now_ms as i64);
        self.finish_append(partition, appended)
    }

    /// Appends a transaction marker; returns as `append` does.
    #[napi]
    pub fn append_marker(
        &self,
        topic: String,
        partition: i32,
        producer_id: f64,
        producer_epoch: i16,
        coordinator_epoch: i32,
        commit: bool,
        bumps_epoch: bool,
        now_ms: f64,
    ) -> Result<f64> {
        let partition = self.partition(&topic, partition)?;
        let marker = TxnMarker { producer_id: producer_id as i64, epoch: producer_epoch, coordinator_epoch, commit, bumps_epoch };
        let appended = partition.append_marker(&marker, now_ms as i64);
        self.finish_append(partition, appended)
    }

    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn read(&self, topic: String, partition: i32, offset: f64, max_bytes: f64) -> Result<AsyncTask<ReadTask>> {
        let partition = self.partition(&topic, partition)?;
        Ok(AsyncTask::new(ReadTask { partition, offset: offset as i64, max_bytes: max_bytes as usize }))
    }

    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn read_raw(&self, topic: String, partition: i32, offset: f64, max_bytes: u32, committed: bool) -> Result<AsyncTask<ReadRawTask>> {
        let partition = self.partition(&topic, partition)?;
        let isolation = if committed { Isolation::LastStable } else { Isolation::HighWatermark };
        Ok(AsyncTask::new(ReadRawTask { partition, offset: offset as i64, max_bytes, isolation }))
    }

    /// Has `watch` told once, as a fact, when the partition's committed records grow. What happened before is not told.
    #[napi]
    pub fn watch_partition(&self, topic: String, partition: i32, watch: f64) -> Result<()> {
        self.partition(&topic, partition)?.watch(&self.advances, watch as u64);
        Ok(())
    }

    #[napi(ts_return_type = "Promise<number[]>")]
    pub fn offset_for_timestamp(&self, topic: String, partition: i32, timestamp_ms: f64) -> Result<AsyncTask<OffsetForTimestampTask>> {
        let partition = self.partition(&topic, partition)?;
        Ok(AsyncTask::new(OffsetForTimestampTask { partition, timestamp_ms: timestamp_ms as i64 }))
    }

    #[napi(ts_return_type = "Promise<number>")]
    pub fn delete_records(&self, topic: String, partition: i32, before_offset: f64) -> Result<AsyncTask<DeleteRecordsTask>> {
        let partition = self.partition(&topic, partition)?;
        let storage = self.storage.clone();
        Ok(AsyncTask::new(DeleteRecordsTask { storage, partition, before_offset: before_offset as i64 }))
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn roll_segment(&self, topic: String, partition: i32) -> Result<AsyncTask<RollTask>> {
        let partition = self.partition(&topic, partition)?;
        Ok(AsyncTask::new(RollTask { partition }))
    }

    /// Nine numbers for each partition: 1 where it is there, log start, high watermark, last stable offset, log end,
    /// leader epoch, bytes, segments, and the index of its directory.
    #[napi]
    pub fn partition_offsets(&self, topics: Vec<String>, partitions: Vec<i32>) -> Float64Array {
        let dirs = self.storage.log_dir_paths();
        let mut numbers = Vec::with_capacity(topics.len() * 9);
        for (topic, partition) in topics.iter().zip(partitions) {
            match self.storage.partition_offsets(topic, partition) {
                Some(offsets) => {
                    let dir = dirs.iter().position(|dir| *dir == offsets.log_dir).unwrap_or(0);
                    numbers.extend([
                        1.0,
                        offsets.log_start_offset as f64,
                        offsets.high_watermark as f64,
                        offsets.last_stable_offset as f64,
                        offsets.log_end_offset as f64,
                        f64::from(offsets.leader_epoch),
                        offsets.size_bytes as f64,
                        offsets.segment_count as f64,
                        dir as f64,
                    ]);
                }
                None => numbers.extend([0.0; 9]),
            }
        }
        numbers.into()
    }

    /// Five numbers for each segment: base offset, bytes, largest timestamp, last change and 1 for the active one.
    #[napi]
    pub fn list_segments(&self, topic: String, partition: i32) -> Option<Float64Array> {
        let segments = self.storage.list_segments(&topic, partition)?;
        let numbers = segments.iter().flat_map(|segment| {
            [
                segment.base_offset as f64,
                segment.size_bytes as f64,
                segment.max_timestamp_ms as f64,
                segment.last_modified_ms as f64,
                f64::from(u8::from(segment.active)),
            ]
        });
        Some(numbers.collect::<Vec<f64>>().into())
    }

    /// Partitions where retention may have something to do.
    #[napi]
    pub fn retention_candidates(&self, age_ms: f64) -> Vec<TopicPartition> {
        let candidates = self.storage.retention_candidates(age_ms as i64);
        let candidates = candidates.into_iter();
        candidates.map(|(topic, partition)| TopicPartition { topic: topic.to_string(), partition }).collect()
    }

    /// Six numbers for each producer: id, epoch, last sequence, last timestamp, coordinator epoch, transaction start.
    #[napi]
    pub fn describe_producers(&self, topic: String, partition: i32) -> Option<Float64Array> {
        let producers = self.storage.describe_producers(&topic, partition)?;
        let numbers = producers.iter().flat_map(|producer| {
            [
                producer.producer_id as f64,
                f64::from(producer.producer_epoch),
                f64::from(producer.last_sequence),
                producer.last_timestamp_ms as f64,
                f64::from(producer.coordinator_epoch),
                producer.current_txn_start_offset as f64,
            ]
        });
        Some(numbers.collect::<Vec<f64>>().into())
    }

    #[napi]
    pub fn log_dirs(&self) -> Vec<LogDirState> {
        let dirs = self.storage.log_dirs().into_iter().map(|dir| LogDirState {
            path: dir.path.to_string_lossy().into_owned(),
            error: dir.error,
            total_bytes: dir.total_bytes as f64,
            usable_bytes: dir.usable_bytes as f64,
        });
        dirs.collect()
    }

    /// Four numbers for each open log of a topic with something dirty: partition, dirty bytes, clean bytes, and the
    /// timestamp of its first dirty record.
    #[napi]
    pub fn compaction_needs(&self, topic: String, min_lag_ms: f64) -> Float64Array {
        let needs = self.storage.compaction_needs(&topic, min_lag_ms as i64);
        let numbers = needs
            .iter()
            .flat_map(|need| [f64::from(need.partition), need.dirty_bytes as f64, need.clean_bytes as f64, need.dirty_since_ms as f64]);
        numbers.collect::<Vec<f64>>().into()
    }

    #[napi(ts_return_type = "Promise<CompactionReport>")]
    pub fn compact(
        &self,
        topic: String,
        partition: i32,
        delete_retention_ms: f64,
        min_lag_ms: f64,
        map_memory_bytes: f64,
        bytes_per_second: f64,
    ) -> Result<AsyncTask<CompactTask>> {
        let partition = self.partition(&topic, partition)?;
        let settings = CompactionSettings {
            delete_retention_ms: delete_retention_ms as i64,
            min_lag_ms: min_lag_ms as i64,
            map_memory_bytes: map_memory_bytes as usize,
            bytes_per_second: (bytes_per_second < u64::MAX as f64).then_some(bytes_per_second as u64),
        };
        Ok(AsyncTask::new(CompactTask { storage: self.storage.clone(), partition, settings }))
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn move_replica(&self, topic: String, partition: i32, log_dir: String) -> Result<AsyncTask<MoveTask>> {
        let partition = self.partition(&topic, partition)?;
        Ok(AsyncTask::new(MoveTask { storage: self.storage.clone(), partition, log_dir: log_dir.into() }))
    }

    #[napi(ts_return_type = "Promise<TopicSize[]>")]
    pub fn topic_sizes(&self) -> AsyncTask<TopicSizesTask> {
        AsyncTask::new(TopicSizesTask { storage: self.storage.clone() })
    }

    #[napi]
    pub fn metrics(&self) -> metrics::DataPlaneMetrics {
        metrics::snapshot(self.server.shared())
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<CloseTask> {
        let (server, replication) = (self.server.clone(), self.replication.clone());
        AsyncTask::new(CloseTask { server, replication, storage: self.storage.clone(), waker: self.waker.clone() })
    }

    fn partition(&self, topic: &str, partition: i32) -> Result<Arc<Partition>> {
        self.storage.find(topic, partition).ok_or_else(|| failure::unknown_partition(topic, partition))
    }

    fn finish_append(&self, partition: Arc<Partition>, appended: std::result::Result<Appended, AppendError>) -> Result<f64> {
        let appended = appended.map_err(|error| failure::append(&error))?;
        Ok(match self.appends.track(partition, appended) {
            None => appended.base_offset as f64,
            Some(token) => -1.0 - f64::from(token),
        })
    }
}

fn fact_of(fact: StorageFact) -> Fact {
    match fact {
        StorageFact::PartitionFailed { topic, partition, message } => {
            Fact::PartitionFailed { topic: topic.to_string(), partition, message }
        }
        StorageFact::PartitionLoaded { topic, partition, recovered_bytes, truncated_bytes } => {
            Fact::PartitionLoaded { topic: topic.to_string(), partition, recovered_bytes, truncated_bytes }
        }
        StorageFact::IsrProposed { topic, topic_id, partition, leader_epoch, partition_epoch, isr, recovered } => {
            Fact::IsrProposed { topic: topic.to_string(), topic_id, partition, leader_epoch, partition_epoch, isr, recovered }
        }
        StorageFact::PartitionTruncated { topic, partition, from_offset, to_offset } => {
            Fact::PartitionTruncated { topic: topic.to_string(), partition, from_offset, to_offset }
        }
        StorageFact::ReplicaStalled { topic, partition, leader, error, reason } => {
            Fact::ReplicaStalled { topic: topic.to_string(), partition, leader, error, reason }
        }
        StorageFact::LogDirFailed { path, message } => Fact::LogDirFailed { path: path.to_string_lossy().into_owned(), message },
    }
}

fn unpack_responses(packed: &[u8]) -> std::result::Result<Vec<ControlResponse>, Truncated> {
    let mut unpacker = Unpacker::new(packed);
    let mut responses = Vec::new();
    while !unpacker.is_empty() {
        let size = unpacker.u32()?;
        let request = RequestId::from_number(unpacker.f64()?);
        let answer = match size {
            DISCONNECT => Answer::Disconnect,
            VERIFIED => {
                let count = unpacker.u32()?;
                Answer::Verified((0..count).map(|_| unpacker.i16()).collect::<std::result::Result<_, _>>()?)
            }
            size => Answer::Payload(unpacker.take(size as usize)?.to_vec()),
        };
        responses.push(ControlResponse { request, answer });
    }
    Ok(responses)
}

pub fn unpack_records(packed: &[u8]) -> std::result::Result<Vec<RecordInput>, Truncated> {
    let mut unpacker = Unpacker::new(packed);
    let mut records = Vec::new();
    while !unpacker.is_empty() {
        let timestamp = unpacker.f64()?;
        let key = unpacker.blob()?.map(<[u8]>::to_vec);
        let value = unpacker.blob()?.map(<[u8]>::to_vec);
        let mut headers = Vec::new();
        for _ in 0..unpacker.u32()? {
            let name = String::from_utf8_lossy(unpacker.blob()?.unwrap_or_default()).into_owned();
            headers.push((name, unpacker.blob()?.map(<[u8]>::to_vec)));
        }
        let timestamp_ms = (!timestamp.is_nan()).then_some(timestamp as i64);
        records.push(RecordInput { key, value, timestamp_ms, headers });
    }
    Ok(records)
}
