//! The calling side: a link per peer, which connects when there is something to say and again after a failure.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::frame;
use super::{Hello, Identity, MAGIC, PROTOCOL_VERSION, Request, Response, SnapshotPiece};
use crate::snapshot::SnapshotFile;
use crate::types::{Member, Types, Vote};

const PIECE_SIZE_BYTES: usize = 256 * 1024;
const QUEUE_LENGTH_MAX: usize = 64;
/// A peer that takes longer than this to install a snapshot gets it again.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(60);

type OpenSnapshot = openraft::type_config::alias::SnapshotOf<Types, SnapshotFile>;

struct Call {
    request: Request,
    answer: oneshot::Sender<Response>,
}

/// Where calls to a peer go, as long as the peer is this member.
type Link = (Member, mpsc::Sender<Call>);

/// All links of a node; cheap to clone.
#[derive(Clone)]
pub struct Links {
    own: Identity,
    links: Arc<Mutex<HashMap<u64, Link>>>,
    /// Who the members are by now; consensus tells a link only who they were when it began.
    members: Arc<Mutex<HashMap<u64, Member>>>,
}

impl Links {
    pub fn new(own: Identity) -> Links {
        Links { own, links: Arc::default(), members: Arc::default() }
    }

    /// Takes note of who the members are and where they listen.
    pub fn know(&self, members: HashMap<u64, Member>) {
        *self.members.lock() = members;
    }

    /// The link to a peer; a peer that moved or lost its disk gets a new one, and the old one ends.
    fn to(&self, target: u64, member: &Member) -> mpsc::Sender<Call> {
        let mut links = self.links.lock();
        if let Some((known, link)) = links.get(&target)
            && known == member
            && !link.is_closed()
        {
            return link.clone();
        }
        let (link, calls) = mpsc::channel(QUEUE_LENGTH_MAX);
        let meant = Identity { cluster_id: self.own.cluster_id, node_id: target, directory_id: member.directory_id };
        let hello = Hello { version: PROTOCOL_VERSION, caller: self.own.clone(), meant };
        tokio::spawn(run_link(hello, (member.host.clone(), member.port), calls));
        links.insert(target, (member.clone(), link.clone()));
        link
    }
}

async fn run_link(hello: Hello, address: (String, u16), mut calls: mpsc::Receiver<Call>) {
    // Only a call opens a connection. One that fails takes the calls that wait for answers with it.
    while let Some(call) = calls.recv().await {
        let _ = talk(&hello, &address, call, &mut calls).await;
    }
}

async fn talk(hello: &Hello, (host, port): &(String, u16), first: Call, calls: &mut mpsc::Receiver<Call>) -> io::Result<()> {
    let stream = TcpStream::connect((host.as_str(), *port)).await?;
    stream.set_nodelay(true)?;
    let (mut from, mut to) = stream.into_split();
    to.write_all(&MAGIC).await?;
    to.write_all(&frame::encode(0, hello)?).await?;
    // Reading runs on its own: a frame that was begun must not be dropped for a call that comes in between.
    let waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Response>>>> = Arc::default();
    let answered = waiting.clone();
    let mut reading = tokio::spawn(async move {
        while let Ok(Some((number, response))) = frame::read::<Response>(&mut from).await {
            if let Some(answer) = answered.lock().remove(&number) {
                let _ = answer.send(response);
            }
        }
    });
    let mut number = 0;
    let mut next = Some(first);
    let outcome = loop {
        if let Some(Call { request, answer }) = next.take() {
            number += 1;
            waiting.lock().insert(number, answer);
            if let Err(error) = to.write_all(&frame::encode(number, &request)?).await {
                break Err(error);
            }
        }
        tokio::select! {
            call = calls.recv() => match call {
                Some(call) => next = Some(call),
                None => break Ok(()),
            },
            _ = &mut reading => break Ok(()),
        }
    };
    reading.abort();
    waiting.lock().clear();
    outcome
}

impl RaftNetworkFactory<Types> for Links {
    type Network = Network;

    async fn new_client(&mut self, target: u64, member: &Member) -> Network {
        Network { links: self.clone(), target, member: member.clone() }
    }
}

pub struct Network {
    links: Links,
    target: u64,
    member: Member,
}

impl Network {
    async fn call(&self, request: Request, timeout: Duration) -> Result<Response, RPCError<Types>> {
        let member = self.links.members.lock().get(&self.target).cloned();
        let link = self.links.to(self.target, member.as_ref().unwrap_or(&self.member));
        let (answer, answered) = oneshot::channel();
        let unreachable = || RPCError::Unreachable(Unreachable::from_string(format!("node {} cannot be reached", self.target)));
        let exchange = async {
            link.send(Call { request, answer }).await.map_err(|_| unreachable())?;
            answered.await.map_err(|_| unreachable())
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok(Response::Failed(reason))) => Err(RPCError::Network(NetworkError::from_string(reason))),
            Ok(outcome) => outcome,
            Err(_) => Err(RPCError::Network(NetworkError::from_string(format!("node {} did not answer in time", self.target)))),
        }
    }

    async fn send_pieces(
        &self,
        vote: Vote,
        snapshot: OpenSnapshot,
        timeout: Duration,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let data = snapshot.snapshot;
        let mut position = 0;
        loop {
            let length = (data.size - position).min(PIECE_SIZE_BYTES as u64);
            let mut bytes = vec![0; length as usize];
            let is_last = position + length >= data.size;
            if let Err(error) = data.file.read_exact_at(&mut bytes, position) {
                return Err(StreamingError::Network(NetworkError::new(&error)));
            }
            let meta = snapshot.meta.clone();
            let piece = SnapshotPiece { vote, meta, end_offset: data.end_offset, position, bytes, is_last };
            let timeout = if is_last { INSTALL_TIMEOUT } else { timeout };
            match self.call(Request::Snapshot(Box::new(piece)), timeout).await.map_err(streaming)? {
                Response::Snapshot(response) => return Ok(response),
                Response::PieceTaken if !is_last => position += length,
                _ => return Err(StreamingError::Network(unexpected())),
            }
        }
    }
}

fn streaming(error: RPCError<Types>) -> StreamingError<Types> {
    match error {
        RPCError::Unreachable(error) => StreamingError::Unreachable(error),
        other => StreamingError::Network(NetworkError::from_string(other)),
    }
}

fn unexpected() -> NetworkError<Types> {
    NetworkError::from_string("an answer to another question")
}

impl RaftNetworkV2<Types> for Network {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(Request::Append(request), option.hard_ttl()).await? {
            Response::Append(response) => Ok(response),
            _ => Err(RPCError::Network(unexpected())),
        }
    }

    async fn vote(&mut self, request: VoteRequest<Types>, option: RPCOption) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Request::Vote(request), option.hard_ttl()).await? {
            Response::Vote(response) => Ok(response),
            _ => Err(RPCError::Network(unexpected())),
        }
    }

    async fn pre_vote(&mut self, request: VoteRequest<Types>, option: RPCOption) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Request::PreVote(request), option.hard_ttl()).await? {
            Response::Vote(response) => Ok(response),
            _ => Err(RPCError::Network(unexpected())),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: OpenSnapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        tokio::select! {
            outcome = self.send_pieces(vote, snapshot, option.hard_ttl()) => outcome,
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        match self.call(Request::TransferLeader(request), option.hard_ttl()).await? {
            Response::TransferLeader(response) => Ok(response),
            _ => Err(RPCError::Network(unexpected())),
        }
    }
}
