//! A node of the quorum: a thread with storage, network and consensus on it, and the calls that reach it from others.

mod bootstrap;
mod introduction;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use millrace_core::env::Env;
use millrace_core::record::{RecordInput, build_batch};
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::type_config::async_runtime::watch::WatchReceiver;
use openraft::{ChangeMembers, Config, Raft, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::entry::BATCH_SIZE_MAX_BYTES;
use crate::error::{ProposeError, QuorumError};
use crate::events::{Event, EventQueue};
use crate::network::{Identity, Links, Server};
use crate::storage::{SnapshotRequest, StateMachine, Storage};
use crate::types::{Batch, Member, Types, log_id};

pub use introduction::find;
pub use status::{NodeStatus, Status};

pub struct Options {
    pub node_id: u64,
    pub cluster_id: [u8; 16],
    /// Of the directory that holds `dir`: who finds another one there is another voter.
    pub directory_id: [u8; 16],
    /// Holds the log, its vote and its snapshots.
    pub dir: PathBuf,
    /// Where other nodes reach this one, port 0 for any; `None` for a node that is alone.
    pub listen: Option<(String, u16)>,
    /// Those that begin a new quorum, the same on each of them; empty for a node that is added later. Ignored once there
    /// is a quorum. Port 0 stands for the bound port of this node.
    pub initial_voters: Vec<(u64, Member)>,
    /// The host that other nodes are told to reach this one at; the port is the bound one where `advertised_port` is 0.
    pub advertised_host: String,
    pub advertised_port: u16,
    /// Where to ask who leads while this node does not know, or is not known.
    pub bootstrap_servers: Vec<(String, u16)>,
    /// Whether a voter of this number with another directory is taken out when this node comes: it lost its disk.
    pub replaces_former_self: bool,
    pub heartbeat_interval_ms: u64,
    /// A voter that has heard nothing of a leader for a time between these two begins an election.
    pub election_timeout_min_ms: u64,
    pub election_timeout_max_ms: u64,
    pub segment_size_max_bytes: u64,
    /// Entries that stay though a snapshot holds them, for nodes that are behind by little.
    pub kept_entry_count: u64,
}

/// How long a node may take to have what is committed before it votes.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a change of the quorum waits for the one before it.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

type Consensus = Raft<Types, StateMachine>;

pub struct Quorum {
    raft: Consensus,
    runtime: Handle,
    storage: Arc<Storage>,
    events: Arc<EventQueue>,
    env: Env,
    port: u16,
    node_id: u64,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Quorum {
    /// Starts the node on a thread of its own. What it has to tell is in `events` from now on, and must be fetched
    /// there also while this runs: a snapshot that is read at the start waits for room.
    pub fn open(options: Options, env: Env, events: Arc<EventQueue>) -> Result<Quorum, QuorumError> {
        let (started, outcome) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (node_id, own_events, own_env) = (options.node_id, events.clone(), env.clone());
        let thread = std::thread::Builder::new().name("quorum".to_owned());
        let thread =
            thread.spawn(move || run(options, &own_env, own_events, &started, stopped)).map_err(QuorumError::io("quorum thread"))?;
        let node = outcome.recv().map_err(|_| QuorumError::Consensus("the quorum's thread ended".to_owned()))??;
        let Started { raft, runtime, storage, port } = node;
        Ok(Quorum { raft, runtime, storage, events, env, port, node_id, running: Mutex::new(Some((stop, thread))) })
    }

    /// The port that other nodes connect to, 0 where there is none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Proposes records as one batch, to be committed by the leader of this epoch or not at all. The outcome comes as
    /// `Done` with the offset of the first record, after the batch itself.
    pub fn propose(&self, token: u32, epoch: u64, records: Vec<Vec<u8>>) {
        let input = |value| RecordInput { key: None, value: Some(value), timestamp_ms: None, headers: Vec::new() };
        let records: Vec<RecordInput> = records.into_iter().map(input).collect();
        let batch = build_batch(&records, None, self.env.clock.now_ms());
        if records.is_empty() || batch.len() > BATCH_SIZE_MAX_BYTES {
            let reason = format!("{} records in {} bytes cannot be one batch", records.len(), batch.len());
            self.events.push(Event::Done { token, outcome: Err(ProposeError::Refused(reason)) });
            return;
        }
        let (raft, batch) = (self.raft.clone(), Batch(batch.into()));
        self.run(token, async move {
            let (responder, _, answer) = ProgressResponder::new();
            let expected = *log_id(epoch, 0).committed_leader_id();
            raft.write(batch).with_leader(expected).responder(responder).await.map_err(stopped)?;
            let written = answer.await.map_err(stopped)?.map_err(refused)?;
            Ok(written.response().0)
        });
    }

    /// Lets a node take part in elections, once it has what the others have. `Done` follows.
    pub fn add_voter(&self, token: u32, node_id: u64, member: Member) {
        let raft = self.raft.clone();
        self.run(token, async move {
            let known = raft.server_metrics().borrow_watched().membership_config.clone();
            if known.voter_ids().any(|voter| voter == node_id) {
                return Err(ProposeError::Refused(format!("node {node_id} is a voter already")));
            }
            if known.get_node(&node_id).is_some_and(|former| *former != member) {
                change(&raft, ChangeMembers::RemoveNodes(BTreeSet::from([node_id]))).await?;
            }
            observe(&raft, node_id, member).await?;
            if let Err(error) = caught_up(&raft, node_id).await {
                if known.get_node(&node_id).is_none() {
                    // Whoever was meant is not there: it is not to be counted, nor to be looked for.
                    let _ = change(&raft, ChangeMembers::RemoveNodes(BTreeSet::from([node_id]))).await;
                }
                return Err(error);
            }
            change(&raft, ChangeMembers::AddVoterIds(BTreeSet::from([node_id]))).await
        });
    }

    /// Takes a voter out; it must be the one with this directory. `Done` follows.
    pub fn remove_voter(&self, token: u32, node_id: u64, directory_id: [u8; 16]) {
        let raft = self.raft.clone();
        self.run(token, async move {
            let known = raft.server_metrics().borrow_watched().membership_config.clone();
            let voters: Vec<u64> = known.voter_ids().collect();
            let is_meant = known.get_node(&node_id).is_some_and(|member| member.directory_id == directory_id);
            if !voters.contains(&node_id) || !is_meant {
                return Err(ProposeError::Refused(format!("node {node_id} with this directory is no voter")));
            }
            if voters.len() == 1 {
                return Err(ProposeError::Refused("the last voter cannot be removed".to_owned()));
            }
            // It goes on as an observer, as in Kafka: what runs there still has to know of what is committed.
            change(&raft, ChangeMembers::RemoveVoters(BTreeSet::from([node_id]))).await
        });
    }

    /// Lets a node have all entries without a vote. `Done` follows.
    pub fn add_observer(&self, token: u32, node_id: u64, member: Member) {
        let raft = self.raft.clone();
        self.run(token, async move { observe(&raft, node_id, member).await });
    }

    pub fn remove_observer(&self, token: u32, node_id: u64) {
        let raft = self.raft.clone();
        self.run(token, async move { change(&raft, ChangeMembers::RemoveNodes(BTreeSet::from([node_id]))).await });
    }

    /// Hands the lead to the voter that has most, before this node goes. `Done` follows once it was asked for; where there is
    /// nobody to take it, or this node does not lead, nothing happens.
    pub fn resign(&self, token: u32) {
        let (raft, own) = (self.raft.clone(), self.node_id);
        self.run(token, async move {
            let heir = {
                let metrics = raft.metrics();
                let now = metrics.borrow_watched();
                let voters: BTreeSet<u64> = now.membership_config.voter_ids().collect();
                let progress = now.replication.iter().flatten();
                let others = progress.filter(|(id, matched)| **id != own && voters.contains(id) && matched.is_some());
                others.max_by_key(|(_, matched)| matched.as_ref().map(|id| id.index())).map(|(id, _)| *id)
            };
            if let Some(heir) = heir {
                raft.trigger().transfer_leader(heir).await.map_err(stopped)?;
            }
            Ok(0)
        });
    }

    /// Makes this the snapshot: the whole state after the record at `last_offset`, which ended a committed batch. An
    /// older one than there is, is ignored.
    pub fn save_snapshot(&self, last_offset: i64, records: Vec<Vec<u8>>) {
        *self.storage.requests.lock() = Some(SnapshotRequest { last_offset, records, now_ms: self.env.clock.now_ms() });
        let raft = self.raft.clone();
        self.runtime.spawn(async move { raft.trigger().snapshot().await });
    }

    /// Where the quorum stands as this node knows it. May wait for a write to the disk.
    pub fn status(&self) -> Status {
        status::of(&self.raft, &self.storage.log.lock(), self.node_id)
    }

    /// Ends the node; everything acknowledged is on disk already. May be called more than once.
    pub fn close(&self) {
        self.events.close();
        let Some((stop, thread)) = self.running.lock().take() else { return };
        let _ = stop.send(());
        let _ = thread.join();
    }

    fn run(&self, token: u32, call: impl Future<Output = Result<i64, ProposeError>> + Send + 'static) {
        let events = self.events.clone();
        self.runtime.spawn(async move {
            let outcome = call.await;
            events.push(Event::Done { token, outcome });
        });
    }
}

impl Drop for Quorum {
    fn drop(&mut self) {
        self.close();
    }
}

async fn observe(raft: &Consensus, node_id: u64, member: Member) -> Result<i64, ProposeError> {
    let known = raft.server_metrics().borrow_watched().membership_config.clone();
    if known.voter_ids().any(|voter| voter == node_id) {
        return Err(ProposeError::Refused(format!("node {node_id} is a voter")));
    }
    if known.get_node(&node_id).is_some_and(|existing| *existing != member) {
        // Another disk holds nothing of what this one was known to have.
        change(raft, ChangeMembers::RemoveNodes(BTreeSet::from([node_id]))).await?;
    }
    change(raft, ChangeMembers::AddNodes(BTreeMap::from([(node_id, member)]))).await
}

/// Waits until a node has all that is committed now: one that would not answer must not count for a majority.
async fn caught_up(raft: &Consensus, node_id: u64) -> Result<(), ProposeError> {
    let mut metrics = raft.metrics();
    let target = metrics.borrow_watched().local_committed.map(|id| id.index());
    let wait = async {
        loop {
            let (replication, leader) = {
                let now = metrics.borrow_watched();
                (now.replication.clone(), now.current_leader)
            };
            let replication = replication.ok_or(ProposeError::NotLeader { leader })?;
            let matched = replication.get(&node_id).and_then(|matched| matched.as_ref().map(|id| id.index()));
            if matched.is_some() && matched >= target {
                return Ok(());
            }
            metrics.changed().await.map_err(stopped)?;
        }
    };
    let refused = || ProposeError::Refused(format!("node {node_id} did not catch up in {} s", CATCH_UP_TIMEOUT.as_secs()));
    tokio::time::timeout(CATCH_UP_TIMEOUT, wait).await.map_err(|_| refused())?
}

/// Changes who belongs to the quorum, once a change that is under way has ended: a node that comes may have just been noted.
async fn change(raft: &Consensus, change: ChangeMembers<u64, Member>) -> Result<i64, ProposeError> {
    let mut metrics = raft.metrics();
    let deadline = Instant::now() + CHANGE_TIMEOUT;
    loop {
        match raft.change_membership(change.clone(), true).await {
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(other)))) => {
                let ended = timeout_at(deadline, metrics.changed()).await;
                ended.map_err(|_| ProposeError::Refused(other.to_string()))?.map_err(stopped)?;
            }
            outcome => return outcome.map(|_| 0).map_err(failed),
        }
    }
}

fn failed(error: RaftError<Types, ClientWriteError<Types>>) -> ProposeError {
    match error {
        RaftError::APIError(error) => refused(error),
        RaftError::Fatal(error) => stopped(error),
    }
}

fn refused(error: ClientWriteError<Types>) -> ProposeError {
    match error {
        ClientWriteError::ForwardToLeader(to) => ProposeError::NotLeader { leader: to.leader_id },
        ClientWriteError::LogEntryDiscarded(_) => ProposeError::Unknown,
        other => ProposeError::Refused(other.to_string()),
    }
}

fn stopped(error: impl std::fmt::Display) -> ProposeError {
    ProposeError::Stopped(error.to_string())
}

struct Started {
    raft: Consensus,
    runtime: Handle,
    storage: Arc<Storage>,
    port: u16,
}

/// The whole life of the quorum's thread.
fn run(
    options: Options,
    env: &Env,
    events: Arc<EventQueue>,
    started: &mpsc::Sender<Result<Started, QuorumError>>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = match Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(QuorumError::io("runtime")(error)))),
    };
    runtime.block_on(async {
        let node = match start(options, env, &events, runtime.handle().clone()).await {
            Ok(node) => node,
            Err(error) => return drop(started.send(Err(error))),
        };
        let (raft, storage) = (node.raft.clone(), node.storage.clone());
        tokio::spawn(report_leaders(raft.clone(), events.clone()));
        tokio::spawn(report_end(raft.clone(), events));
        if started.send(Ok(node)).is_ok() {
            let _ = stop.await;
        }
        let _ = raft.shutdown().await;
        storage.log.lock().close();
    });
}

async fn start(mut options: Options, env: &Env, events: &Arc<EventQueue>, runtime: Handle) -> Result<Started, QuorumError> {
    let (listener, port) = match &options.listen {
        None => (None, 0),
        Some((host, port)) => {
            let address = format!("{host}:{port}");
            let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(QuorumError::io(&address))?;
            let port = listener.local_addr().map_err(QuorumError::io(&address))?.port();
            (Some(listener), port)
        }
    };
    for (id, member) in &mut options.initial_voters {
        if *id == options.node_id && member.port == 0 {
            member.port = port;
        }
    }
    let storage = Arc::new(Storage::open(env.files.clone(), &options.dir, options.segment_size_max_bytes)?);
    let cut_bytes = storage.log.lock().cut_bytes();
    if cut_bytes > 0 {
        events.push(Event::LogCut { bytes: cut_bytes });
    }
    bootstrap::continue_old_log(&storage, options.node_id, &options.initial_voters)?;
    let own = Identity { cluster_id: options.cluster_id, node_id: options.node_id, directory_id: options.directory_id };
    let config = Arc::new(config(&options).validate().map_err(consensus)?);
    let links = Links::new(own.clone());
    let raft = Raft::new(options.node_id, config, links.clone(), storage.log_store(), storage.state_machine(events.clone()));
    let raft = raft.await.map_err(consensus)?;
    if !options.initial_voters.is_empty() && !raft.is_initialized().await.map_err(consensus)? {
        let voters: BTreeMap<u64, Member> = options.initial_voters.into_iter().collect();
        raft.initialize(voters).await.map_err(consensus)?;
    }
    let server = Server { own, raft: raft.clone(), snapshots: storage.snapshots.clone() };
    if let Some(listener) = listener {
        tokio::spawn(introduction::follow_members(raft.clone(), links));
        let advertised_port = if options.advertised_port == 0 { port } else { options.advertised_port };
        let member = Member { directory_id: options.directory_id, host: options.advertised_host, port: advertised_port };
        tokio::spawn(introduction::introduce(server.clone(), member, options.bootstrap_servers, options.replaces_former_self));
        tokio::spawn(server.run(listener));
    }
    let is_alone = raft.voter_ids().eq([options.node_id]);
    if is_alone && !raft.is_leader() {
        // Nobody else could lead, so there is nothing to wait for.
        raft.trigger().elect(false).await.map_err(consensus)?;
    }
    Ok(Started { raft, runtime, storage, port })
}

fn config(options: &Options) -> Config {
    Config {
        cluster_name: "metadata".to_owned(),
        heartbeat_interval: options.heartbeat_interval_ms,
        election_timeout_min: options.election_timeout_min_ms,
        election_timeout_max: options.election_timeout_max_ms,
        enable_pre_vote: Some(true),
        // A leader begins with an entry of its own epoch; only when that is applied is everything before it known.
        enable_leader_restore: Some(false),
        // Only the state machine above knows when a snapshot is worth its while.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: options.kept_entry_count,
        install_snapshot_timeout: 10_000,
        backoff: format!("{}ms", options.heartbeat_interval_ms),
        api_channel_size: Some(1024),
        notification_channel_size: Some(1024),
        state_machine_channel_size: Some(64),
        ..Config::default()
    }
}

async fn report_leaders(raft: Consensus, events: Arc<EventQueue>) {
    let mut metrics = raft.server_metrics();
    let mut told = None;
    loop {
        let (leader, epoch) = {
            let now = metrics.borrow_watched();
            (now.current_leader, now.vote.leader_id.term)
        };
        if told != Some((leader, epoch)) {
            told = Some((leader, epoch));
            events.push(Event::LeaderChanged { leader, epoch });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// A disk that fails ends consensus on this node; a node that is closed has nobody to tell.
async fn report_end(raft: Consensus, events: Arc<EventQueue>) {
    let mut metrics = raft.metrics();
    loop {
        let failure = metrics.borrow_watched().running_state.as_ref().err().map(ToString::to_string);
        if let Some(message) = failure {
            return events.push(Event::Stopped { message });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

fn consensus(error: impl std::fmt::Display) -> QuorumError {
    QuorumError::Consensus(error.to_string())
}
