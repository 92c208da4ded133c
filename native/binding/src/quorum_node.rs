//! A node of the metadata quorum as JavaScript holds it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use millrace_core::env::Env;
use millrace_quorum::{EventQueue, Found, Member, Options, Quorum, Status};
use napi::bindgen_prelude::{AsyncTask, Buffer, Function};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Result, Task};
use napi_derive::napi;

use crate::data_plane::Waker;
use crate::packing::Unpacker;
use crate::{failure, options, quorum_events};

#[napi(object)]
#[derive(Clone)]
pub struct QuorumVoter {
    pub node_id: u32,
    pub directory_id: String,
    pub host: String,
    pub port: u16,
}

#[napi(object, object_to_js = false)]
pub struct QuorumServer {
    pub host: String,
    pub port: u16,
}

#[napi(object, object_from_js = false)]
pub struct QuorumFound {
    pub cluster_id: String,
    pub node_id: u32,
    /// -1 for none.
    pub leader: i32,
}

#[napi(object, object_to_js = false)]
pub struct QuorumOptions {
    pub node_id: u32,
    pub cluster_id: String,
    pub directory_id: String,
    pub dir: String,
    /// Absent for a node that is alone.
    pub host: Option<String>,
    pub port: u16,
    pub initial_voters: Vec<QuorumVoter>,
    pub advertised_host: String,
    pub advertised_port: u16,
    pub bootstrap_servers: Vec<QuorumServer>,
    pub replaces_former_self: bool,
    pub heartbeat_interval_ms: u32,
    pub election_timeout_min_ms: u32,
    pub election_timeout_max_ms: u32,
    pub segment_bytes: f64,
    pub kept_entry_count: u32,
}

#[napi(object, object_from_js = false)]
pub struct QuorumNodeStatus {
    pub node_id: u32,
    pub directory_id: String,
    pub host: String,
    pub port: u16,
    pub is_voter: bool,
    pub log_end_offset: f64,
    pub last_heard_ms: f64,
    pub is_caught_up: bool,
}

#[napi(object, object_from_js = false)]
pub struct QuorumStatus {
    /// -1 for none.
    pub leader: i32,
    pub epoch: f64,
    pub high_watermark: f64,
    pub nodes: Vec<QuorumNodeStatus>,
}

type Opened = Arc<OnceLock<Quorum>>;

#[napi]
pub struct NativeQuorumNode {
    options: Mutex<Option<Options>>,
    quorum: Opened,
    events: Arc<EventQueue>,
    waker: Waker,
}

#[napi]
impl NativeQuorumNode {
    /// Does nothing yet. `wake` is called when there is something to drain.
    #[napi(constructor)]
    pub fn new(options: QuorumOptions, wake: Function<'_, (), ()>) -> Result<NativeQuorumNode> {
        let waker: Waker = Arc::new(Mutex::new(Some(wake.build_threadsafe_function().build()?)));
        let wake = waker.clone();
        let events = EventQueue::new(move || {
            // Fails only while Node is shutting down.
            if let Some(wake) = &*wake.lock().unwrap_or_else(PoisonError::into_inner) {
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        });
        Ok(NativeQuorumNode { options: Mutex::new(Some(native_options(options)?)), quorum: Opened::default(), events, waker })
    }

    /// Starts the node; what it tells has to be drained meanwhile. Resolves with the port that is listened on.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn open(&self) -> Result<AsyncTask<OpenTask>> {
        let options = self.options.lock().unwrap_or_else(PoisonError::into_inner).take();
        let options = options.ok_or_else(|| failure::other("the quorum was opened already"))?;
        Ok(AsyncTask::new(OpenTask { options: Some(options), quorum: self.quorum.clone(), events: self.events.clone() }))
    }

    /// See [`quorum_events::drain`].
    #[napi]
    pub fn drain(&self, mut out: Buffer) -> i64 {
        quorum_events::drain(&self.events, out.as_mut())
    }

    /// Proposes packed records: the length and bytes of each.
    #[napi]
    pub fn propose(&self, token: u32, epoch: f64, records: Buffer) -> Result<()> {
        self.opened()?.propose(token, epoch as u64, unpack_records(&records)?);
        Ok(())
    }

    #[napi]
    pub fn save_snapshot(&self, last_offset: f64, records: Buffer) -> Result<()> {
        self.opened()?.save_snapshot(last_offset as i64, unpack_records(&records)?);
        Ok(())
    }

    #[napi]
    pub fn add_voter(&self, token: u32, voter: QuorumVoter) -> Result<()> {
        self.opened()?.add_voter(token, u64::from(voter.node_id), member(&voter)?);
        Ok(())
    }

    #[napi]
    pub fn remove_voter(&self, token: u32, node_id: u32, directory_id: String) -> Result<()> {
        self.opened()?.remove_voter(token, u64::from(node_id), options::uuid(&directory_id)?.0);
        Ok(())
    }

    #[napi]
    pub fn add_observer(&self, token: u32, observer: QuorumVoter) -> Result<()> {
        self.opened()?.add_observer(token, u64::from(observer.node_id), member(&observer)?);
        Ok(())
    }

    #[napi]
    pub fn remove_observer(&self, token: u32, node_id: u32) -> Result<()> {
        self.opened()?.remove_observer(token, u64::from(node_id));
        Ok(())
    }

    #[napi]
    pub fn resign(&self, token: u32) -> Result<()> {
        self.opened()?.resign(token);
        Ok(())
    }

    #[napi(ts_return_type = "Promise<QuorumStatus>")]
    pub fn status(&self) -> AsyncTask<StatusTask> {
        AsyncTask::new(StatusTask { quorum: self.quorum.clone() })
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<CloseQuorumTask> {
        AsyncTask::new(CloseQuorumTask { quorum: self.quorum.clone(), events: self.events.clone(), waker: self.waker.clone() })
    }

    fn opened(&self) -> Result<&Quorum> {
        self.quorum.get().ok_or_else(|| failure::other("the quorum is not open"))
    }
}

fn native_options(given: QuorumOptions) -> Result<Options> {
    let voters = given.initial_voters.iter().map(|voter| Ok((u64::from(voter.node_id), member(voter)?)));
    Ok(Options {
        node_id: u64::from(given.node_id),
        cluster_id: options::uuid(&given.cluster_id)?.0,
        directory_id: options::uuid(&given.directory_id)?.0,
        dir: PathBuf::from(&given.dir),
        listen: given.host.map(|host| (host, given.port)),
        initial_voters: voters.collect::<Result<_>>()?,
        advertised_host: given.advertised_host,
        advertised_port: given.advertised_port,
        bootstrap_servers: addresses(given.bootstrap_servers),
        replaces_former_self: given.replaces_former_self,
        heartbeat_interval_ms: u64::from(given.heartbeat_interval_ms),
        election_timeout_min_ms: u64::from(given.election_timeout_min_ms),
        election_timeout_max_ms: u64::from(given.election_timeout_max_ms),
        segment_size_max_bytes: given.segment_bytes as u64,
        kept_entry_count: u64::from(given.kept_entry_count),
    })
}

fn addresses(servers: Vec<QuorumServer>) -> Vec<(String, u16)> {
    servers.into_iter().map(|server| (server.host, server.port)).collect()
}

/// Asks these nodes in turn which cluster they belong to; resolves with nothing where none of them answers.
#[napi(ts_return_type = "Promise<QuorumFound | null>")]
pub fn find_quorum(servers: Vec<QuorumServer>) -> AsyncTask<FindTask> {
    AsyncTask::new(FindTask { servers: addresses(servers) })
}

pub struct FindTask {
    servers: Vec<(String, u16)>,
}

impl Task for FindTask {
    type Output = Option<Found>;
    type JsValue = Option<QuorumFound>;

    fn compute(&mut self) -> Result<Option<Found>> {
        Ok(millrace_quorum::find(&self.servers))
    }

    fn resolve(&mut self, _: napi::Env, found: Option<Found>) -> Result<Option<QuorumFound>> {
        Ok(found.map(|found| QuorumFound {
            cluster_id: millrace_core::Uuid(found.cluster_id).to_string(),
            node_id: found.node_id as u32,
            leader: found.leader.and_then(|(id, _)| i32::try_from(id).ok()).unwrap_or(-1),
        }))
    }
}

fn member(voter: &QuorumVoter) -> Result<Member> {
    Ok(Member { directory_id: options::uuid(&voter.directory_id)?.0, host: voter.host.clone(), port: voter.port })
}

fn unpack_records(packed: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut unpacker = Unpacker::new(packed);
    let mut records = Vec::new();
    while !unpacker.is_empty() {
        records.push(unpacker.blob().map_err(failure::truncated)?.unwrap_or_default().to_vec());
    }
    Ok(records)
}

pub struct OpenTask {
    options: Option<Options>,
    quorum: Opened,
    events: Arc<EventQueue>,
}

impl Task for OpenTask {
    type Output = u16;
    type JsValue = u32;

    fn compute(&mut self) -> Result<u16> {
        let options = self.options.take().ok_or_else(|| failure::other("the quorum was opened already"))?;
        let quorum = Quorum::open(options, Env::real(), self.events.clone()).map_err(failure::other)?;
        Ok(self.quorum.get_or_init(|| quorum).port())
    }

    fn resolve(&mut self, _: napi::Env, port: u16) -> Result<u32> {
        Ok(u32::from(port))
    }
}

pub struct StatusTask {
    quorum: Opened,
}

impl Task for StatusTask {
    type Output = Status;
    type JsValue = QuorumStatus;

    fn compute(&mut self) -> Result<Status> {
        Ok(self.quorum.get().ok_or_else(|| failure::other("the quorum is not open"))?.status())
    }

    fn resolve(&mut self, _: napi::Env, status: Status) -> Result<QuorumStatus> {
        let nodes = status.nodes.into_iter().map(|node| QuorumNodeStatus {
            node_id: node.node_id as u32,
            directory_id: millrace_core::Uuid(node.member.directory_id).to_string(),
            host: node.member.host,
            port: node.member.port,
            is_voter: node.is_voter,
            log_end_offset: node.log_end_offset as f64,
            last_heard_ms: node.last_heard_ms as f64,
            is_caught_up: node.is_caught_up,
        });
        Ok(QuorumStatus {
            leader: status.leader.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1),
            epoch: status.epoch as f64,
            high_watermark: status.high_watermark as f64,
            nodes: nodes.collect(),
        })
    }
}

pub struct CloseQuorumTask {
    quorum: Opened,
    events: Arc<EventQueue>,
    waker: Waker,
}

impl Task for CloseQuorumTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.events.close();
        if let Some(quorum) = self.quorum.get() {
            quorum.close();
        }
        Ok(())
    }

    fn finally(self, _: napi::Env) -> Result<()> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn resolve(&mut self, _: napi::Env, (): ()) -> Result<()> {
        Ok(())
    }
}
