//! Three brokers in one process that replicate one partition over loopback, and the little of a controller they need.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use millrace_core::Uuid;
use millrace_core::env::Env;
use millrace_core::log::{LogConfig, LogManager, LogManagerOptions, PartitionSpec, StorageFact, TopicSpec};
use millrace_core::partition::{AppendError, Appended, Cluster, Commit, Partition, PartitionUnavailable, Peer, Wake, decode_batch};
use millrace_core::record::RecordInput;
use millrace_core::replication::{Replication, ReplicationOptions};
use millrace_core::server::{Server, ServerOptions};
use parking_lot::Mutex;

pub const TOPIC_ID: Uuid = Uuid([9; 16]);
pub const LAG_MAX: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Broker {
    pub storage: Arc<LogManager>,
    pub server: Server,
    pub replication: Arc<Replication>,
    pub address: SocketAddr,
}

/// What the metadata says.
#[derive(Clone)]
pub struct Metadata {
    pub spec: PartitionSpec,
    pub config: LogConfig,
    pub broker_epochs: HashMap<i32, i64>,
    pub eligible_leader_replicas: bool,
    /// Whether ISR proposals become metadata; where not, they stay unanswered.
    pub decides: bool,
}

struct Inner {
    dir: PathBuf,
    metadata: Mutex<Metadata>,
    brokers: Mutex<HashMap<i32, Arc<Broker>>>,
    facts: Mutex<Vec<(i32, StorageFact)>>,
    proposals: Sender<StorageFact>,
    rack_aware: bool,
}

pub struct Replicas {
    inner: Arc<Inner>,
}

pub fn spec(leader: i32, leader_epoch: i32, isr: &[i32]) -> PartitionSpec {
    PartitionSpec { leader, leader_epoch, replicas: vec![1, 2, 3], isr: isr.to_vec(), ..PartitionSpec::alone(0, leader, leader_epoch) }
}

impl Replicas {
    pub fn new(name: &str, config: LogConfig) -> Replicas {
        Replicas::with(name, config, false)
    }

    pub fn with(name: &str, config: LogConfig, rack_aware: bool) -> Replicas {
        let dir = std::env::temp_dir().join(format!("millrace-replicas-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let metadata = Metadata {
            spec: spec(1, 0, &[1, 2, 3]),
            config,
            broker_epochs: HashMap::new(),
            eligible_leader_replicas: false,
            decides: true,
        };
        let (proposals, proposed) = channel();
        let (brokers, facts) = (Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner { dir, metadata: Mutex::new(metadata), brokers, facts, proposals, rack_aware });
        let weak = Arc::downgrade(&inner);
        std::thread::spawn(move || control(&weak, &proposed));
        Replicas { inner }
    }

    pub fn metadata(&self) -> Metadata {
        self.inner.metadata.lock().clone()
    }

    /// Changes the metadata and tells all brokers.
    pub fn change(&self, change: impl FnOnce(&mut Metadata)) {
        self.inner.change(change);
    }

    /// Makes a broker the leader in the next epoch.
    pub fn elect(&self, leader: i32, isr: &[i32]) {
        self.change(|metadata| {
            metadata.spec.leader = leader;
            metadata.spec.leader_epoch += 1;
            metadata.spec.isr = isr.to_vec();
        });
    }

    /// As above, with no more in the ISR than are in it at that moment.
    pub fn elect_in_sync(&self, leader: i32, candidates: &[i32]) {
        self.change(|metadata| {
            if metadata.spec.isr.contains(&leader) {
                metadata.spec.leader = leader;
                metadata.spec.leader_epoch += 1;
                metadata.spec.isr.retain(|id| candidates.contains(id));
            }
        });
    }

    /// Takes a broker that is gone out of the ISR, as a controller does that hears nothing of it.
    pub fn fence(&self, id: i32) {
        self.change(|metadata| metadata.spec.isr.retain(|other| *other != id));
    }

    pub fn start(&self, id: i32) {
        self.start_with(id, |_| {});
    }

    /// As above, with something done to the storage before it hears of any partition.
    pub fn start_with(&self, id: i32, prepare: impl FnOnce(&LogManager)) {
        self.inner.start(id, prepare);
    }

    /// Ends a broker without a word; its files stay.
    pub fn kill(&self, id: i32) {
        let broker = self.inner.brokers.lock().remove(&id).unwrap();
        broker.replication.stop();
        broker.server.stop();
    }

    /// Stops a broker in good order.
    pub fn close(&self, id: i32) {
        let broker = self.inner.brokers.lock().remove(&id).unwrap();
        broker.server.stop();
        broker.replication.stop();
        broker.storage.close().unwrap();
    }

    pub fn wipe(&self, id: i32) {
        std::fs::remove_dir_all(self.inner.dir.join(id.to_string())).unwrap();
    }

    pub fn is_running(&self, id: i32) -> bool {
        self.inner.brokers.lock().contains_key(&id)
    }

    pub fn broker(&self, id: i32) -> Arc<Broker> {
        self.inner.brokers.lock().get(&id).unwrap().clone()
    }

    pub fn partition(&self, id: i32) -> Arc<Partition> {
        self.broker(id).storage.find("orders", 0).unwrap()
    }

    pub fn facts(&self) -> Vec<(i32, StorageFact)> {
        self.inner.facts.lock().clone()
    }

    /// Where brokers cut their logs: broker, from, to.
    pub fn truncations(&self) -> Vec<(i32, i64, i64)> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|(id, fact)| match fact {
                StorageFact::PartitionTruncated { from_offset, to_offset, .. } => Some((id, from_offset, to_offset)),
                _ => None,
            })
            .collect()
    }

    /// Appends one record on a broker, with acks=all.
    pub fn append(&self, id: i32, value: &str) -> Result<Appended, AppendError> {
        let record = RecordInput { key: None, value: Some(value.as_bytes().to_vec()), timestamp_ms: Some(1), headers: Vec::new() };
        self.partition(id).append_records(&[record], None, 1)
    }

    /// Appends and waits until it is known what became of it.
    pub fn produce(&self, id: i32, value: &str) -> Commit {
        let appended = self.append(id, value).unwrap();
        let partition = self.partition(id);
        until(&partition, "the record is committed or lost", || partition.commit_of(&appended) != Commit::Pending);
        partition.commit_of(&appended)
    }

    pub fn until_isr(&self, leader: i32, isr: &[i32]) {
        let partition = self.partition(leader);
        until(&partition, &format!("the ISR is {isr:?}"), || {
            let mut found = partition.standing().isr.clone();
            found.sort_unstable();
            found == isr
        });
    }

    /// Waits until a broker holds exactly these values.
    pub fn until_values(&self, id: i32, expected: &[&str]) {
        let partition = self.partition(id);
        until(&partition, &format!("broker {id} holds {expected:?}"), || values(&partition) == expected);
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        let brokers: Vec<_> = self.inner.brokers.lock().drain().collect();
        for (_, broker) in brokers {
            broker.replication.stop();
            broker.server.stop();
        }
        let _ = std::fs::remove_dir_all(&self.inner.dir);
    }
}

/// All values that lie in a log, committed or not.
pub fn values(partition: &Partition) -> Vec<String> {
    let mut values = Vec::new();
    let Ok(log) = partition.load() else { return values };
    log.scan_from(log.log_start_offset(), |header, batch| {
        let decoded = decode_batch(header, batch).unwrap();
        values.extend(decoded.records.into_iter().map(|record| String::from_utf8(record.value.unwrap_or_default()).unwrap()));
        true
    })
    .unwrap();
    values
}

struct Bell(Mutex<Sender<()>>);

impl Wake for Bell {
    fn wake(&self, _: u64) {
        let _ = self.0.lock().send(());
    }
}

/// Waits for a condition that can only change when the partition wakes its watchers.
pub fn until(partition: &Arc<Partition>, what: &str, condition: impl Fn() -> bool) {
    let (sender, rings) = channel();
    let bell: Arc<dyn Wake> = Arc::new(Bell(Mutex::new(sender)));
    let deadline = Instant::now() + PATIENCE;
    loop {
        partition.watch(&bell, 0);
        if condition() {
            return;
        }
        assert!(Instant::now() < deadline, "it did not come to pass that {what}: {:?}, {:?}", partition.offsets(), partition.standing());
        let _ = rings.recv_timeout(Duration::from_millis(500)); // looked at again in any case
    }
}

/// Takes every proposal that is about the state of the moment.
fn control(inner: &std::sync::Weak<Inner>, proposed: &Receiver<StorageFact>) {
    while let Ok(fact) = proposed.recv() {
        let Some(inner) = inner.upgrade() else { return };
        let StorageFact::IsrProposed { leader_epoch, partition_epoch, isr, .. } = fact else { continue };
        let metadata = inner.metadata.lock().clone();
        if !metadata.decides {
            continue;
        }
        let is_current = (leader_epoch, partition_epoch) == (metadata.spec.leader_epoch, metadata.spec.partition_epoch);
        let are_registered = isr.iter().all(|(id, epoch)| *epoch == -1 || metadata.broker_epochs.get(id) == Some(epoch));
        if is_current && are_registered {
            inner.change(|metadata| metadata.spec.isr = isr.iter().map(|(id, _)| *id).collect());
        } else {
            let leader = inner.brokers.lock().get(&metadata.spec.leader).cloned();
            if let Some(partition) = leader.and_then(|leader| leader.storage.find("orders", 0)) {
                partition.settle_isr(leader_epoch, partition_epoch);
            }
        }
    }
}

impl Inner {
    fn change(&self, change: impl FnOnce(&mut Metadata)) {
        let metadata = {
            let mut metadata = self.metadata.lock();
            change(&mut metadata);
            metadata.spec.partition_epoch += 1;
            metadata.clone()
        };
        let brokers: Vec<_> = self.brokers.lock().iter().map(|(id, broker)| (*id, broker.clone())).collect();
        for (id, broker) in brokers {
            self.tell(id, &broker, &metadata);
        }
    }

    fn tell(&self, id: i32, broker: &Broker, metadata: &Metadata) {
        let is_replica = metadata.spec.replicas.contains(&id);
        let partitions = if is_replica { vec![metadata.spec.clone()] } else { Vec::new() };
        let topic = TopicSpec { name: "orders".to_owned(), id: TOPIC_ID, internal: false, partitions, config: metadata.config.clone() };
        broker.storage.apply(vec![topic], &[]).unwrap();
        let peers = self.brokers.lock();
        let peers = peers.iter().filter(|(other, _)| **other != id).map(|(other, peer)| {
            let (host, port) = (peer.address.ip().to_string(), peer.address.port());
            let broker_epoch = metadata.broker_epochs.get(other).copied().unwrap_or(-1);
            (*other, Peer { host, port, rack: Some(format!("rack-{other}")), broker_epoch })
        });
        let broker_epoch = metadata.broker_epochs.get(&id).copied().unwrap_or(-1);
        let (peers, eligible_leader_replicas) = (peers.collect(), metadata.eligible_leader_replicas);
        broker.storage.set_cluster(Cluster { broker_epoch, peers, eligible_leader_replicas });
    }

    fn start(self: &Arc<Self>, id: i32, prepare: impl FnOnce(&LogManager)) {
        let options = LogManagerOptions {
            node_id: id,
            cluster_id: Uuid([7; 16]),
            log_dirs: vec![self.dir.join(id.to_string())],
            checkpoint_interval: Duration::from_secs(60),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: LAG_MAX,
            high_watermark_checkpoint_interval: Duration::from_secs(60),
            recovery_thread_count: 1,
        };
        let storage = Arc::new(LogManager::open(options, Env::real()).unwrap());
        prepare(&storage);
        let weak = Arc::downgrade(self);
        storage
            .start_background(move |fact| {
                if let Some(inner) = weak.upgrade() {
                    inner.facts.lock().push((id, fact.clone()));
                    let _ = inner.proposals.send(fact);
                }
            })
            .unwrap();
        let options = ServerOptions {
            node_id: id,
            thread_count: 1,
            request_size_max_bytes: 10_000_000,
            connections_max: 100,
            connections_max_per_ip: 100,
            connection_idle_max: Duration::from_secs(600),
            fetch_sessions_max: 100,
            fetch_size_max_bytes: 57_671_680,
            rack: Some(format!("rack-{id}")),
            rack_aware_reads: self.rack_aware,
        };
        let server = Server::start(options, storage.clone(), || {}).unwrap();
        let address = server.listen(0, "127.0.0.1", 0).unwrap();
        let options = ReplicationOptions {
            fetcher_count: 1,
            fetch_min_bytes: 1,
            fetch_max_bytes: 1 << 20,
            fetch_response_max_bytes: 10 << 20,
            fetch_wait_max_ms: 100,
            fetch_backoff: Duration::from_millis(50),
            socket_timeout: Duration::from_secs(10),
        };
        let replication = Replication::start(storage.clone(), options);
        self.brokers.lock().insert(id, Arc::new(Broker { storage, server, replication, address }));
        // A new life of the broker has a new epoch.
        self.change(|metadata| {
            let newest = metadata.broker_epochs.values().copied().max().unwrap_or(0);
            metadata.broker_epochs.insert(id, newest + 1);
        });
    }
}

pub fn is_not_leader(error: &AppendError) -> bool {
    matches!(error, AppendError::Unavailable(PartitionUnavailable::NotLeader { .. }))
}
