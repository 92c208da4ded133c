//! A broker's replicas without threads, sockets, clock and disk of their own: for tests that let several brokers live on a
//! simulated network. Logs, leaders, followers and the handling of their requests are those of a real broker; whoever
//! holds this carries frames, moves the clock, and says when what threads do in a real broker is done here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Uuid;
use crate::env::{Clock, Env, Files, SimulatedFiles, write_atomically};
use crate::log::{LogManager, LogManagerOptions, OpenError, StorageFact, TopicSpec, TxnMarker};
use crate::partition::{
    AppendEntry, AppendError, Appended, Cluster, Commit, FollowError, Isolation, OffsetSpec, Partition, PartitionOffsets,
    PartitionUnavailable, ReadError, Role, StoredBatch, Wake, decode_batch,
};
use crate::protocol::{ApiKey, Malformed, RequestHeader};
use crate::record::{self, BatchHeader, BatchProducer, RecordInput, build_batch};
use crate::replication::{Assignment, Fetcher, FetcherOptions, Next};
use crate::server::handlers::fetch::{self, ParkedFetch};
use crate::server::handlers::list_offsets;
use crate::server::{ServerOptions, Shared};

const DIR: &str = "/data";
const BASE_SEQUENCE: std::ops::Range<usize> = 53..57;
const CRC: std::ops::Range<usize> = 17..21;

#[derive(Clone, Debug)]
pub struct SimulatedOptions {
    pub node_id: i32,
    pub cluster_id: Uuid,
    pub replica_lag_max: Duration,
    pub fetch_wait_max_ms: i32,
    pub fetch_backoff: Duration,
}

/// Both times in milliseconds; whoever simulates moves them.
#[derive(Default)]
struct SimulatedClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicI64,
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(Ordering::SeqCst).max(0) as u64)
    }

    fn pause(&self, _: Duration) {}
}

/// One process of the broker.
struct Life {
    storage: Arc<LogManager>,
    shared: Shared,
    facts: Arc<Mutex<Vec<StorageFact>>>,
    /// One connection to each leader.
    fetchers: BTreeMap<i32, Connection>,
    /// Fetches of others that wait for records, by what their carrier calls them.
    parked: BTreeMap<u32, ParkedFetch>,
}

struct Connection {
    fetcher: Fetcher,
    is_waiting: bool,
    assigned: Option<Vec<Assignment>>,
}

/// The disk outlives the processes on it.
pub struct SimulatedReplicas {
    options: SimulatedOptions,
    files: SimulatedFiles,
    clock: Arc<SimulatedClock>,
    began: Instant,
    life: Option<Life>,
}

/// A replica as it is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    pub role: Role,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub log_end_offset: i64,
    pub is_available: bool,
}

/// A record as it lies in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    pub offset: i64,
    pub leader_epoch: i32,
    pub value: Vec<u8>,
}

impl SimulatedReplicas {
    pub fn new(options: SimulatedOptions) -> SimulatedReplicas {
        SimulatedReplicas { options, files: SimulatedFiles::new(), clock: Arc::default(), began: Instant::now(), life: None }
    }

    pub fn files(&self) -> &SimulatedFiles {
        &self.files
    }

    /// The monotonic time must not go back.
    pub fn set_time(&self, monotonic_ms: i64, wall_ms: i64) {
        self.clock.monotonic_ms.store(monotonic_ms, Ordering::SeqCst);
        self.clock.wall_ms.store(wall_ms, Ordering::SeqCst);
    }

    // ---- life ---------------------------------------------------------------------------------------------------

    /// Begins a process on what the disk holds.
    pub fn start(&mut self) -> Result<(), OpenError> {
        let options = LogManagerOptions {
            node_id: self.options.node_id,
            cluster_id: self.options.cluster_id,
            log_dirs: vec![PathBuf::from(DIR)],
            checkpoint_interval: Duration::from_secs(60),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: self.options.replica_lag_max,
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            recovery_thread_count: 1,
        };
        let env = Env { clock: self.clock.clone(), files: Arc::new(self.files.clone()) };
        let storage = Arc::new(LogManager::open(options, env)?);
        let facts: Arc<Mutex<Vec<StorageFact>>> = Arc::default();
        let told = facts.clone();
        storage.listen(move |fact| told.lock().push(fact));
        let options = ServerOptions {
            node_id: self.options.node_id,
            thread_count: 0,
            request_size_max_bytes: 1 << 20,
            connections_max: 100,
            connections_max_per_ip: 100,
            connection_idle_max: Duration::from_secs(600),
            fetch_sessions_max: 100,
            fetch_size_max_bytes: 1 << 20,
            rack: None,
            rack_aware_reads: false,
        };
        let shared = Shared::new(options, storage.clone(), Vec::new(), || {});
        self.life = Some(Life { storage, shared, facts, fetchers: BTreeMap::new(), parked: BTreeMap::new() });
        Ok(())
    }

    /// Ends the process; what it has written stays.
    pub fn kill(&mut self) {
        self.files.kill();
        self.life = None;
    }

    /// Cuts the power: what was not synced is lost or torn, by the seed.
    pub fn crash(&mut self, seed: u64) {
        self.files.crash(seed);
        self.life = None;
    }

    /// Stops in good order.
    pub fn close(&mut self) -> Result<(), OpenError> {
        let Some(life) = self.life.take() else { return Ok(()) };
        life.storage.close()
    }

    /// Puts an empty disk in place of the one there was.
    pub fn wipe(&mut self) {
        self.life = None;
        self.files = SimulatedFiles::new();
    }

    /// Says on the disk that the last stop was a clean one, which may be a lie.
    pub fn claim_clean(&self) -> std::io::Result<()> {
        let path = Path::new(DIR).join(".kafka_cleanshutdown");
        write_atomically(&self.files, &path, b"")
    }

    fn running(&self) -> Option<&Life> {
        self.life.as_ref()
    }

    pub fn was_clean(&self) -> bool {
        self.running().is_some_and(|life| life.storage.was_clean())
    }

    pub fn previous_broker_epoch(&self) -> i64 {
        self.running().map_or(-1, |life| life.storage.previous_broker_epoch())
    }

    // ---- what the control plane says ----------------------------------------------------------------------------

    pub fn apply(&mut self, upserts: Vec<TopicSpec>, removed: &[Uuid]) -> Result<(), OpenError> {
        let Some(life) = &mut self.life else { return Ok(()) };
        life.storage.apply(upserts, removed)?;
        for partition in life.storage.partitions() {
            partition.load_in_background(); // a failure is told as a fact
        }
        life.refresh(&self.options);
        Ok(())
    }

    pub fn set_cluster(&mut self, cluster: Cluster) {
        let Some(life) = &mut self.life else { return };
        life.storage.set_cluster(cluster);
        life.refresh(&self.options);
    }

    pub fn settle_isr(&self, topic: &str, partition: i32, leader_epoch: i32, partition_epoch: i32) {
        if let Some(partition) = self.find(topic, partition) {
            partition.settle_isr(leader_epoch, partition_epoch);
        }
    }

    pub fn drain_facts(&self) -> Vec<StorageFact> {
        self.running().map(|life| std::mem::take(&mut *life.facts.lock())).unwrap_or_default()
    }

    // ---- what threads do in a real broker -----------------------------------------------------------------------

    pub fn check_isrs(&self) {
        if let Some(life) = self.running() {
            life.storage.check_isrs();
        }
    }

    /// As the group commit's thread does.
    pub fn flush(&self) {
        let partitions = self.running().map(|life| life.storage.partitions()).unwrap_or_default();
        for partition in partitions.iter().filter(|partition| partition.has_unflushed()) {
            let _ = partition.flush(); // a failure has stopped the partition, which is told as a fact
        }
    }

    /// Looks at the free space and writes how far records are committed.
    pub fn keep_high_watermarks(&self) {
        if let Some(life) = self.running() {
            life.storage.watch_space();
            life.storage.keep_high_watermarks();
        }
    }

    pub fn keep_house(&self) {
        if let Some(life) = self.running() {
            life.storage.keep_house();
        }
    }

    // ---- a follower's connections -------------------------------------------------------------------------------

    /// Frames to be carried to leaders now, without their size; and when to ask again at the latest.
    pub fn requests(&mut self) -> (Vec<(i32, Vec<u8>)>, Option<Duration>) {
        let now = self.clock.monotonic();
        let Some(life) = &mut self.life else { return (Vec::new(), None) };
        let mut frames = Vec::new();
        let mut again: Option<Duration> = None;
        for (peer, connection) in life.fetchers.iter_mut().filter(|(_, connection)| !connection.is_waiting) {
            if let Some(assigned) = connection.assigned.take() {
                connection.fetcher.assign(&assigned);
            }
            match connection.fetcher.next(now) {
                Next::Send(frame) => {
                    connection.is_waiting = true;
                    frames.push((*peer, frame[4..].to_vec()));
                }
                Next::Wait(until) => again = Some(again.map_or(until, |other| other.min(until))),
            }
        }
        (frames, again)
    }

    /// The answer of a leader, without its size; `None` where the connection has ended instead.
    pub fn on_answer(&mut self, peer: i32, frame: Option<&[u8]>) {
        let now = self.clock.monotonic();
        let Some(connection) = self.life.as_mut().and_then(|life| life.fetchers.get_mut(&peer)) else { return };
        if !connection.is_waiting {
            return;
        }
        connection.is_waiting = false;
        if frame.is_none_or(|frame| connection.fetcher.on_response(frame, now).is_err()) {
            connection.fetcher.on_disconnect(now);
        }
    }

    // ---- a leader's -----------------------------------------------------------------------------------------------

    fn now(&self) -> Instant {
        self.began + self.clock.monotonic()
    }

    /// Takes a follower's request, without its size; answers come from [`SimulatedReplicas::answers`]. False where it
    /// cannot be read, which ends the connection.
    pub fn serve(&mut self, token: u32, frame: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let now = self.now();
        let Some(life) = &mut self.life else { return Err("the broker is not there".to_owned()) };
        let malformed = |error: Malformed| format!("{error:?}");
        let (api_key, _) = RequestHeader::peek_api(frame).map_err(malformed)?;
        let api = ApiKey::from_wire(api_key).ok_or_else(|| format!("api {api_key} is not for followers"))?;
        let (header, body) = RequestHeader::decode(frame, api).map_err(malformed)?;
        match api {
            ApiKey::Fetch => match fetch::begin(&life.shared, &header, frame, body, now).map_err(malformed)? {
                Err(output) => Ok(Some(output.bytes[4..].to_vec())),
                Ok(parked) => {
                    life.parked.insert(token, parked);
                    Ok(None)
                }
            },
            ApiKey::ListOffsets => {
                let mut bytes = Vec::new();
                let table = life.storage.topics().load();
                list_offsets::handle(&table, &header, frame, body, &mut bytes).map_err(malformed)?;
                Ok(Some(bytes[4..].to_vec()))
            }
            _ => Err(format!("api {api_key} is not for followers")),
        }
    }

    /// Answers to requests that waited, without their sizes.
    pub fn answers(&mut self) -> Vec<(u32, Vec<u8>)> {
        let now = self.now();
        let Some(life) = &mut self.life else { return Vec::new() };
        let table = life.storage.topics().load();
        let mut answers = Vec::new();
        life.parked.retain(|token, parked| match parked.poll(&life.shared, &table, now) {
            Some(output) => {
                // Only small ranges are copied, and nothing here is large.
                assert_eq!(output.wire_len(), output.bytes.len(), "a range of a file in a simulated answer");
                answers.push((*token, output.bytes[4..].to_vec()));
                false
            }
            None => true,
        });
        answers
    }

    /// The connection that a request came on has ended.
    pub fn forget(&mut self, token: u32) {
        if let Some(life) = &mut self.life {
            life.parked.remove(&token);
        }
    }

    // ---- clients --------------------------------------------------------------------------------------------------

    fn find(&self, topic: &str, partition: i32) -> Option<Arc<Partition>> {
        self.running()?.storage.find(topic, partition)
    }

    /// Appends values as one batch with acks=all, of a producer with its id and the sequence of the first where it has some.
    pub fn append(&self, topic: &str, partition: i32, values: &[Vec<u8>], producer: Option<(i64, i32)>) -> Result<Appended, AppendError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        let now_ms = self.clock.now_ms();
        let record = |value: &Vec<u8>| RecordInput { key: None, value: Some(value.clone()), timestamp_ms: None, headers: Vec::new() };
        let records: Vec<RecordInput> = values.iter().map(record).collect();
        let batch_producer = producer.map(|(producer_id, _)| BatchProducer { producer_id, producer_epoch: 0, transactional: false });
        let mut batch = build_batch(&records, batch_producer, now_ms);
        if let Some((_, sequence)) = producer {
            batch[BASE_SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
            let crc = record::checksum(&batch);
            batch[CRC].copy_from_slice(&crc.to_be_bytes());
        }
        let mut entries = [AppendEntry::new(&mut batch, -1, 11)];
        partition.append(&mut entries, now_ms);
        let [entry] = entries;
        entry.result
    }

    /// Appends records as one batch, as a coordinator does.
    pub fn append_records(
        &self,
        topic: &str,
        partition: i32,
        records: &[RecordInput],
        producer: Option<BatchProducer>,
    ) -> Result<Appended, AppendError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.append_records(records, producer, self.clock.now_ms())
    }

    pub fn append_marker(&self, topic: &str, partition: i32, marker: &TxnMarker) -> Result<Appended, AppendError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.append_marker(marker, self.clock.now_ms())
    }

    pub fn commit_of(&self, topic: &str, partition: i32, appended: &Appended) -> Commit {
        match self.find(topic, partition) {
            Some(partition) => partition.commit_of(appended),
            None => Commit::Lost(PartitionUnavailable::Deleted),
        }
    }

    /// What ListOffsets answers a consumer that asks for the end.
    pub fn latest_offset(&self, topic: &str, partition: i32) -> Result<i64, ReadError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.check_leads()?;
        let found = partition.offset_for(OffsetSpec::Latest(Isolation::HighWatermark))?;
        Ok(found.map_or(-1, |(offset, ..)| offset))
    }

    /// What a consumer is given of a leader from `offset` on.
    pub fn consume(&self, topic: &str, partition: i32, offset: i64) -> Result<Vec<HeldRecord>, ReadError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.check_leads()?;
        let read = partition.read(offset, 1 << 20, Isolation::HighWatermark, true)?;
        let end = read.slice.map_or(offset, |slice| slice.end_offset);
        Ok(held(&partition, offset, end))
    }

    // ---- coordinators ---------------------------------------------------------------------------------------------

    /// What a coordinator reads when it loads: batches up to the high watermark.
    pub fn read_decoded(&self, topic: &str, partition: i32, offset: i64, max_bytes: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.load()?;
        partition.read_decoded(offset, max_bytes)
    }

    pub fn partition_offsets(&self, topic: &str, partition: i32) -> Option<PartitionOffsets> {
        self.running()?.storage.partition_offsets(topic, partition)
    }

    /// Has `waker` told once when more is committed in the partition, or when it stops; false where it is not here.
    pub fn watch(&self, topic: &str, partition: i32, waker: &Arc<dyn Wake>, key: u64) -> bool {
        self.find(topic, partition).map(|partition| partition.watch(waker, key)).is_some()
    }

    // ---- for whoever checks ---------------------------------------------------------------------------------------

    /// `None` where there is no such replica.
    pub fn state(&self, topic: &str, partition: i32) -> Option<ReplicaState> {
        let partition = self.find(topic, partition)?;
        let standing = partition.standing();
        Some(ReplicaState {
            role: partition.role(),
            leader_epoch: standing.leader_epoch,
            partition_epoch: standing.partition_epoch,
            log_start_offset: partition.log_start_offset(),
            high_watermark: partition.high_watermark(),
            log_end_offset: partition.log_end_offset(),
            is_available: partition.unavailable().is_none() && partition.opened_log().is_some(),
        })
    }

    /// What lies in a log, committed or not.
    pub fn records(&self, topic: &str, partition: i32, from: i64, to: i64) -> Vec<HeldRecord> {
        self.find(topic, partition).map(|partition| held(&partition, from, to)).unwrap_or_default()
    }

    /// The offset at which the next whole batch with a right checksum is due, where the log says that it goes on and there is
    /// none; `None` where all of an open log is whole.
    pub fn damaged_at(&self, topic: &str, partition: i32) -> Option<i64> {
        let log = self.find(topic, partition)?.opened_log()?;
        let mut due = log.log_start_offset();
        let scanned = log.scan_from(due, |header, batch| {
            let is_whole = header.base_offset <= due && header.last_offset() >= due && record::checksum(batch) == header.crc;
            due = if is_whole { header.last_offset() + 1 } else { due };
            is_whole
        });
        (scanned.is_err() || due < log.log_end_offset()).then_some(due)
    }

    /// Cuts a follower's log where its leader would not have it cut: for a simulation that is to find a fault.
    pub fn truncate(&self, topic: &str, partition: i32, offset: i64) -> Result<(), FollowError> {
        let partition = self.find(topic, partition).ok_or(PartitionUnavailable::Deleted)?;
        partition.truncate_to(partition.leader_epoch(), offset)
    }

    /// Inverts a bit of a whole batch on the disk, in what its checksum covers: in front of that nothing can tell. Batches are
    /// counted from the newest. The offset that the batch begins at; `None` where there is none.
    pub fn flip_bit(&self, topic: &str, partition: i32, batch: u64, at: u64) -> Option<i64> {
        let dir = Path::new(DIR).join(format!("{topic}-{partition}"));
        let entries = self.files.list(&dir).unwrap_or_default();
        let mut logs: Vec<PathBuf> =
            entries.iter().filter(|entry| entry.name.ends_with(".log")).map(|entry| dir.join(&entry.name)).collect();
        logs.sort();
        let batches: Vec<_> = logs.iter().flat_map(|path| self.whole_batches(path)).collect();
        let (path, start, header) = batches.iter().rev().nth(batch.checked_rem(batches.len() as u64)? as usize)?;
        let covered = header.size_in_bytes() as u64 - CRC.end as u64;
        self.files.flip_bit(path, start + CRC.end as u64 + (at / 8) % covered, (at % 8) as u8);
        Some(header.base_offset)
    }

    fn whole_batches<'a>(&self, path: &'a Path) -> Vec<(&'a Path, u64, BatchHeader)> {
        let bytes = self.files.read(path).unwrap_or_default();
        let mut batches = Vec::new();
        let mut rest = bytes.as_slice();
        while let Ok(header) = BatchHeader::decode(rest) {
            let Some((batch, after)) = rest.split_at_checked(header.size_in_bytes()) else { break };
            if record::checksum(batch) == header.crc {
                batches.push((path, (bytes.len() - rest.len()) as u64, header));
            }
            rest = after;
        }
        batches
    }
}

/// Records of whole batches that are within a range, up to the first that is not whole: no client takes that for records, or
/// gets past it.
fn held(partition: &Partition, from: i64, to: i64) -> Vec<HeldRecord> {
    let mut records = Vec::new();
    let Ok(log) = partition.load() else { return records };
    let _ = log.scan_from(from, |header, batch| {
        if header.base_offset >= to {
            return false;
        }
        if record::checksum(batch) != header.crc {
            return false;
        }
        let Ok(decoded) = decode_batch(header, batch) else { return false };
        records.extend(decoded.records.into_iter().filter(|record| (from..to).contains(&record.offset)).map(|record| HeldRecord {
            offset: record.offset,
            leader_epoch: header.partition_leader_epoch,
            value: record.value.unwrap_or_default(),
        }));
        true
    });
    records
}

impl Life {
    /// As the replication of a real broker has every partition that is followed fetched by one connection.
    fn refresh(&mut self, options: &SimulatedOptions) {
        let cluster = self.storage.cluster();
        let topics = self.storage.topics().load_full();
        let mut wanted: BTreeMap<i32, Vec<Assignment>> = BTreeMap::new();
        for partition in self.storage.partitions() {
            let standing = partition.standing();
            let Some(topic) = topics.by_name.get(&**partition.topic()) else { continue };
            if partition.role() == Role::Follower && cluster.peers.contains_key(&standing.leader) {
                let assignment = Assignment { topic_id: topic.id, partition, leader_epoch: standing.leader_epoch };
                wanted.entry(standing.leader).or_default().push(assignment);
            }
        }
        self.fetchers.retain(|peer, _| wanted.contains_key(peer));
        for (peer, assignments) in wanted {
            let connection = self.fetchers.entry(peer).or_insert_with(|| Connection {
                fetcher: Fetcher::new(fetcher_options(options, peer), self.storage.clone()),
                is_waiting: false,
                assigned: None,
            });
            connection.assigned = Some(assignments);
        }
    }
}

fn fetcher_options(options: &SimulatedOptions, peer: i32) -> FetcherOptions {
    FetcherOptions {
        client_id: format!("broker-{}-fetcher-{peer}-0", options.node_id),
        min_bytes: 1,
        max_bytes: 8192,
        response_max_bytes: 16_384,
        wait_max_ms: options.fetch_wait_max_ms,
        backoff: options.fetch_backoff,
    }
}
