//! A broker's replicas on a simulated disk and clock, for the simulation in `test/simulation`; no broker uses it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_core::log::{StorageFact, TxnMarker};
use millrace_core::partition::{AppendError, Appended, Commit, PartitionUnavailable, ReadError, Role, Wake};
use millrace_core::record::BatchProducer;
use millrace_core::server::handlers::{append_code, read_code, unavailable_code};
use millrace_core::simulation::{HeldRecord, SimulatedOptions, SimulatedReplicas};
use napi::Result;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::data_plane::unpack_records;
use crate::failure;
use crate::options::{ClusterState, TopicState, uuid};
use crate::tasks::pack_batches;

const PENDING: i32 = -2;
const DONE: i32 = 0;

#[napi(object, object_to_js = false)]
pub struct SimulatedReplicasOptions {
    pub node_id: i32,
    pub cluster_id: String,
    pub replica_lag_max_ms: f64,
    pub fetch_wait_max_ms: i32,
    pub fetch_backoff_ms: f64,
}

/// A frame for a broker, or an answer with the token of its request.
#[napi(object, object_from_js = false)]
pub struct SimulatedFrame {
    pub to: i32,
    pub bytes: Buffer,
}

#[napi(object, object_from_js = false)]
pub struct SimulatedRequests {
    pub frames: Vec<SimulatedFrame>,
    /// Monotonic milliseconds; absent where only an event brings more.
    pub again_at_ms: Option<f64>,
}

#[napi(object, object_from_js = false)]
pub struct SimulatedAppend {
    /// -2 while it is not known what becomes of the records.
    pub error_code: i32,
    pub token: u32,
    pub base_offset: f64,
    pub leader_epoch: i32,
}

#[napi(object, object_from_js = false)]
pub struct SimulatedState {
    pub leads: bool,
    pub follows: bool,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub log_start_offset: f64,
    pub high_watermark: f64,
    pub log_end_offset: f64,
    pub is_available: bool,
}

#[napi(object, object_from_js = false)]
pub struct SimulatedRecord {
    pub offset: f64,
    pub leader_epoch: i32,
    pub value: String,
}

#[napi(object, object_from_js = false)]
pub struct SimulatedMember {
    pub broker_id: i32,
    pub broker_epoch: f64,
}

/// A proposal where there is an ISR, else something that happened.
#[napi(object, object_from_js = false)]
pub struct SimulatedFact {
    pub kind: String,
    pub topic: String,
    pub topic_id: Option<String>,
    pub partition: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub isr: Vec<SimulatedMember>,
    pub recovered: bool,
    pub from_offset: f64,
    pub to_offset: f64,
    pub message: String,
}

/// Offsets as a coordinator asks for them.
#[napi(object, object_from_js = false)]
pub struct SimulatedOffsets {
    pub log_start_offset: f64,
    pub high_watermark: f64,
    pub log_end_offset: f64,
    pub leader_epoch: i32,
}

/// Watches of partitions where more is committed, or that have stopped.
#[derive(Default)]
struct Advances(Mutex<Vec<u64>>);

impl Advances {
    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wake for Advances {
    fn wake(&self, key: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }
}

struct Waiting {
    topic: String,
    partition: i32,
    appended: Appended,
}

#[napi]
pub struct NativeSimulatedReplicas {
    replicas: SimulatedReplicas,
    waiting: BTreeMap<u32, Waiting>,
    next_token: u32,
    advances: Arc<Advances>,
}

#[napi]
impl NativeSimulatedReplicas {
    #[napi(constructor)]
    pub fn new(options: SimulatedReplicasOptions) -> Result<NativeSimulatedReplicas> {
        let options = SimulatedOptions {
            node_id: options.node_id,
            cluster_id: uuid(&options.cluster_id)?,
            replica_lag_max: Duration::from_millis(options.replica_lag_max_ms as u64),
            fetch_wait_max_ms: options.fetch_wait_max_ms,
            fetch_backoff: Duration::from_millis(options.fetch_backoff_ms as u64),
        };
        Ok(NativeSimulatedReplicas {
            replicas: SimulatedReplicas::new(options),
            waiting: BTreeMap::new(),
            next_token: 0,
            advances: Arc::default(),
        })
    }

    #[napi]
    pub fn set_time(&self, monotonic_ms: f64, wall_ms: f64) {
        self.replicas.set_time(monotonic_ms as i64, wall_ms as i64);
    }

    // ---- life ---------------------------------------------------------------------------------------------------

    #[napi]
    pub fn start(&mut self) -> Result<()> {
        self.replicas.start().map_err(failure::other)
    }

    #[napi]
    pub fn kill(&mut self) {
        self.waiting.clear();
        self.replicas.kill();
    }

    #[napi]
    pub fn crash(&mut self, seed: f64) {
        self.waiting.clear();
        self.replicas.crash(seed as u64);
    }

    /// Fails where a log could not be closed: then the stop is not a clean one.
    #[napi]
    pub fn close(&mut self) -> Result<()> {
        self.waiting.clear();
        self.replicas.close().map_err(failure::other)
    }

    #[napi]
    pub fn wipe(&mut self) {
        self.waiting.clear();
        self.replicas.wipe();
    }

    #[napi]
    pub fn claim_clean(&self) -> Result<()> {
        self.replicas.claim_clean().map_err(failure::other)
    }

    #[napi(getter)]
    pub fn clean_start(&self) -> bool {
        self.replicas.was_clean()
    }

    #[napi(getter)]
    pub fn previous_broker_epoch(&self) -> f64 {
        self.replicas.previous_broker_epoch() as f64
    }

    // ---- faults of the disk ---------------------------------------------------------------------------------------

    #[napi]
    pub fn fail_syncs(&self, count: u32) {
        self.replicas.files().fail_syncs(count);
    }

    #[napi]
    pub fn fail_writes(&self, count: u32) {
        self.replicas.files().fail_writes(count);
    }

    #[napi]
    pub fn set_capacity(&self, bytes: Option<f64>) {
        self.replicas.files().set_capacity(bytes.map(|bytes| bytes as u64));
    }

    /// The offset of the batch that has a wrong bit now; -1 where there is no batch.
    #[napi]
    pub fn flip_bit(&self, topic: String, partition: i32, batch: f64, at: f64) -> f64 {
        self.replicas.flip_bit(&topic, partition, batch as u64, at as u64).map_or(-1.0, |offset| offset as f64)
    }

    // ---- what the control plane says ----------------------------------------------------------------------------

    #[napi]
    pub fn apply_topics(&mut self, upserts: Vec<TopicState>, removed_topic_ids: Vec<String>) -> Result<()> {
        let specs = upserts.iter().map(TopicState::spec).collect::<Result<Vec<_>>>()?;
        let removed = removed_topic_ids.iter().map(|id| uuid(id)).collect::<Result<Vec<_>>>()?;
        self.replicas.apply(specs, &removed).map_err(failure::other)
    }

    #[napi]
    pub fn set_cluster(&mut self, state: ClusterState) {
        self.replicas.set_cluster(state.cluster());
    }

    #[napi]
    pub fn settle_isr(&self, topic: String, partition: i32, leader_epoch: i32, partition_epoch: i32) {
        self.replicas.settle_isr(&topic, partition, leader_epoch, partition_epoch);
    }

    #[napi]
    pub fn drain_facts(&self) -> Vec<SimulatedFact> {
        self.replicas.drain_facts().into_iter().map(fact_of).collect()
    }

    // ---- what threads do in a real broker -----------------------------------------------------------------------

    #[napi]
    pub fn check_isrs(&self) {
        self.replicas.check_isrs();
    }

    #[napi]
    pub fn flush(&self) {
        self.replicas.flush();
    }

    #[napi]
    pub fn keep_high_watermarks(&self) {
        self.replicas.keep_high_watermarks();
    }

    #[napi]
    pub fn keep_house(&self) {
        self.replicas.keep_house();
    }

    // ---- replication ----------------------------------------------------------------------------------------------

    #[napi]
    pub fn requests(&mut self) -> SimulatedRequests {
        let (frames, again) = self.replicas.requests();
        let frames = frames.into_iter().map(|(to, bytes)| SimulatedFrame { to, bytes: bytes.into() }).collect();
        // What waits for ever waits for an event.
        let again_at_ms = again.filter(|again| *again < Duration::from_secs(1 << 40)).map(|again| again.as_secs_f64() * 1000.0);
        SimulatedRequests { frames, again_at_ms }
    }

    #[napi]
    pub fn on_answer(&mut self, peer: i32, frame: Option<Buffer>) {
        self.replicas.on_answer(peer, frame.as_deref());
    }

    /// The answer where there is one at once; fails where the connection is to be ended.
    #[napi]
    pub fn serve(&mut self, token: u32, frame: Buffer) -> Result<Option<Buffer>> {
        Ok(self.replicas.serve(token, &frame).map_err(failure::other)?.map(Buffer::from))
    }

    #[napi]
    pub fn answers(&mut self) -> Vec<SimulatedFrame> {
        self.replicas.answers().into_iter().map(|(token, bytes)| SimulatedFrame { to: token as i32, bytes: bytes.into() }).collect()
    }

    #[napi]
    pub fn forget(&mut self, token: u32) {
        self.replicas.forget(token);
    }

    // ---- clients --------------------------------------------------------------------------------------------------

    /// With producer id -1 for a producer without one.
    #[napi]
    pub fn append(&mut self, topic: String, partition: i32, values: Vec<String>, producer_id: f64, base_sequence: i32) -> SimulatedAppend {
        let values: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
        let producer = (producer_id >= 0.0).then_some((producer_id as i64, base_sequence));
        let appended = self.replicas.append(&topic, partition, &values, producer);
        self.track(topic, partition, appended)
    }

    fn track(&mut self, topic: String, partition: i32, appended: std::result::Result<Appended, AppendError>) -> SimulatedAppend {
        match appended {
            Ok(appended) => {
                let token = self.next_token;
                self.next_token += 1;
                self.waiting.insert(token, Waiting { topic, partition, appended });
                let (base_offset, leader_epoch) = (appended.base_offset as f64, appended.leader_epoch);
                SimulatedAppend { error_code: PENDING, token, base_offset, leader_epoch }
            }
            Err(error) => SimulatedAppend { error_code: append_error(&error), token: 0, base_offset: -1.0, leader_epoch: -1 },
        }
    }

    /// -2 while it is not known, else the code that the producer is answered with.
    #[napi]
    pub fn outcome(&mut self, token: u32) -> i32 {
        let Some(Waiting { topic, partition, appended }) = self.waiting.get(&token) else {
            return i32::from(unavailable_code(&PartitionUnavailable::Deleted).code());
        };
        let code = match self.replicas.commit_of(topic, *partition, appended) {
            Commit::Pending => return PENDING,
            Commit::Done => DONE,
            Commit::TooFewInSync => i32::from(millrace_core::protocol::ErrorCode::NotEnoughReplicasAfterAppend.code()),
            Commit::Lost(unavailable) => i32::from(unavailable_code(&unavailable).code()),
        };
        self.waiting.remove(&token);
        code
    }

    /// Negative where it is refused: the code, negated, less one.
    #[napi]
    pub fn latest_offset(&self, topic: String, partition: i32) -> f64 {
        match self.replicas.latest_offset(&topic, partition) {
            Ok(offset) => offset as f64,
            Err(error) => f64::from(-1 - read_error(&error)),
        }
    }

    /// Nothing where there is nothing to read, or nobody who may be asked.
    #[napi]
    pub fn consume(&self, topic: String, partition: i32, offset: f64) -> Vec<SimulatedRecord> {
        self.replicas.consume(&topic, partition, offset as i64).map(records_of).unwrap_or_default()
    }

    // ---- coordinators ---------------------------------------------------------------------------------------------

    /// Appends packed records as one batch.
    #[napi]
    pub fn append_records(
        &mut self,
        topic: String,
        partition: i32,
        records: Buffer,
        producer_id: f64,
        producer_epoch: i16,
        transactional: bool,
    ) -> Result<SimulatedAppend> {
        let records = unpack_records(&records).map_err(failure::truncated)?;
        let producer = (producer_id >= 0.0).then_some(BatchProducer { producer_id: producer_id as i64, producer_epoch, transactional });
        let appended = self.replicas.append_records(&topic, partition, &records, producer);
        Ok(self.track(topic, partition, appended))
    }

    #[napi]
    pub fn append_marker(
        &mut self,
        topic: String,
        partition: i32,
        producer_id: f64,
        producer_epoch: i16,
        coordinator_epoch: i32,
        commit: bool,
        bumps_epoch: bool,
    ) -> SimulatedAppend {
        let marker = TxnMarker { producer_id: producer_id as i64, epoch: producer_epoch, coordinator_epoch, commit, bumps_epoch };
        let appended = self.replicas.append_marker(&topic, partition, &marker);
        self.track(topic, partition, appended)
    }

    /// Packed batches up to the high watermark.
    #[napi]
    pub fn read(&self, topic: String, partition: i32, offset: f64, max_bytes: f64) -> Result<Buffer> {
        let batches =
            self.replicas.read_decoded(&topic, partition, offset as i64, max_bytes as usize).map_err(|error| failure::read(&error))?;
        Ok(pack_batches(&batches).into())
    }

    #[napi]
    pub fn offsets(&self, topic: String, partition: i32) -> Option<SimulatedOffsets> {
        let offsets = self.replicas.partition_offsets(&topic, partition)?;
        Some(SimulatedOffsets {
            log_start_offset: offsets.log_start_offset as f64,
            high_watermark: offsets.high_watermark as f64,
            log_end_offset: offsets.log_end_offset as f64,
            leader_epoch: offsets.leader_epoch,
        })
    }

    /// Has `watch` among the `advanced` once more is committed in the partition, or it stops. Fails where it is not here.
    #[napi]
    pub fn watch(&self, topic: String, partition: i32, watch: f64) -> Result<()> {
        let waker: Arc<dyn Wake> = self.advances.clone();
        let is_here = self.replicas.watch(&topic, partition, &waker, watch as u64);
        is_here.then_some(()).ok_or_else(|| failure::unknown_partition(&topic, partition))
    }

    #[napi]
    pub fn advanced(&self) -> Vec<f64> {
        self.advances.take().into_iter().map(|watch| watch as f64).collect()
    }

    // ---- for whoever checks ---------------------------------------------------------------------------------------

    #[napi]
    pub fn state(&self, topic: String, partition: i32) -> Option<SimulatedState> {
        let state = self.replicas.state(&topic, partition)?;
        Some(SimulatedState {
            leads: state.role.leads(),
            follows: state.role == Role::Follower,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            log_start_offset: state.log_start_offset as f64,
            high_watermark: state.high_watermark as f64,
            log_end_offset: state.log_end_offset as f64,
            is_available: state.is_available,
        })
    }

    #[napi]
    pub fn records(&self, topic: String, partition: i32, from: f64, to: f64) -> Vec<SimulatedRecord> {
        records_of(self.replicas.records(&topic, partition, from as i64, to as i64))
    }

    /// -1 where all of the log is whole.
    #[napi]
    pub fn damaged_at(&self, topic: String, partition: i32) -> f64 {
        self.replicas.damaged_at(&topic, partition).map_or(-1.0, |offset| offset as f64)
    }

    #[napi]
    pub fn truncate(&self, topic: String, partition: i32, offset: f64) -> Result<()> {
        self.replicas.truncate(&topic, partition, offset as i64).map_err(failure::other)
    }
}

fn records_of(records: Vec<HeldRecord>) -> Vec<SimulatedRecord> {
    let records = records.into_iter().map(|record| SimulatedRecord {
        offset: record.offset as f64,
        leader_epoch: record.leader_epoch,
        value: String::from_utf8_lossy(&record.value).into_owned(),
    });
    records.collect()
}

fn append_error(error: &AppendError) -> i32 {
    i32::from(append_code(error).code())
}

fn read_error(error: &ReadError) -> i32 {
    i32::from(read_code(error).code())
}

fn fact_of(fact: StorageFact) -> SimulatedFact {
    let empty = SimulatedFact {
        kind: String::new(),
        topic: String::new(),
        topic_id: None,
        partition: -1,
        leader_epoch: -1,
        partition_epoch: -1,
        isr: Vec::new(),
        recovered: false,
        from_offset: -1.0,
        to_offset: -1.0,
        message: String::new(),
    };
    match fact {
        StorageFact::PartitionFailed { topic, partition, message } => {
            SimulatedFact { kind: "partitionFailed".to_owned(), topic: topic.to_string(), partition, message, ..empty }
        }
        StorageFact::PartitionLoaded { topic, partition, recovered_bytes, truncated_bytes } => SimulatedFact {
            kind: "partitionLoaded".to_owned(),
            topic: topic.to_string(),
            partition,
            message: format!("{recovered_bytes} bytes verified, {truncated_bytes} cut off"),
            ..empty
        },
        StorageFact::LogDirFailed { path, message } => {
            SimulatedFact { kind: "logDirFailed".to_owned(), topic: path.to_string_lossy().into_owned(), message, ..empty }
        }
        StorageFact::IsrProposed { topic, topic_id, partition, leader_epoch, partition_epoch, isr, recovered } => SimulatedFact {
            kind: "isrProposed".to_owned(),
            topic: topic.to_string(),
            topic_id: Some(topic_id.to_string()),
            partition,
            leader_epoch,
            partition_epoch,
            isr: isr.into_iter().map(|(broker_id, epoch)| SimulatedMember { broker_id, broker_epoch: epoch as f64 }).collect(),
            recovered,
            ..empty
        },
        StorageFact::PartitionTruncated { topic, partition, from_offset, to_offset } => SimulatedFact {
            kind: "partitionTruncated".to_owned(),
            topic: topic.to_string(),
            partition,
            from_offset: from_offset as f64,
            to_offset: to_offset as f64,
            ..empty
        },
        StorageFact::ReplicaStalled { topic, partition, leader, error, reason } => SimulatedFact {
            kind: "replicaStalled".to_owned(),
            topic: topic.to_string(),
            partition,
            message: format!("of leader {leader}: error {error} {reason}"),
            ..empty
        },
    }
}
