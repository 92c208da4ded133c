//! The answering side: checks who is meant, then hands what comes to consensus.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_core::env::File;
use openraft::type_config::async_runtime::watch::WatchReceiver;
use openraft::{ChangeMembers, EntryPayload, Raft, Snapshot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::{ANYBODY, Found, Hello, Identity, MAGIC, PROTOCOL_VERSION, Request, Response, SnapshotPiece, frame};
use crate::entry;
use crate::snapshot::SnapshotFile;
use crate::storage::{SharedSnapshots, StateMachine};
use crate::types::{Member, Types};

const CONNECTIONS_MAX: usize = 1024;
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests of a connection that may be under way; more are not read.
const IN_FLIGHT_MAX: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub struct Server {
    pub own: Identity,
    pub raft: Raft<Types, StateMachine>,
    pub snapshots: SharedSnapshots,
}

impl Server {
    /// Accepts until the runtime ends.
    pub async fn run(self, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        for connection in 0_u64.. {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = self.clone();
                    tokio::spawn(async move {
                        // A connection that is not as it should be ends; the peer tries again.
                        let _ = server.serve(stream, connection).await;
                        drop(permit);
                    });
                }
                // Out of descriptors, most likely: it passes or it does not, but it must not spin.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn serve(&self, stream: TcpStream, connection: u64) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut from, mut to) = stream.into_split();
        let greeting = tokio::time::timeout(HELLO_TIMEOUT, self.greet(&mut from));
        let is_stranger = greeting.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let (answers, mut waiting) = mpsc::channel::<Vec<u8>>(IN_FLIGHT_MAX);
        let writing = tokio::spawn(async move {
            while let Some(frame) = waiting.recv().await {
                if to.write_all(&frame).await.is_err() {
                    break;
                }
            }
        });
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let mut incoming = Incoming { server: self.clone(), connection, part: None };
        while let Some((number, request)) = frame::read::<Request>(&mut from).await? {
            if is_stranger && !matches!(request, Request::Find | Request::Join { .. } | Request::JoinAnew { .. }) {
                break;
            }
            if let Request::Snapshot(piece) = request {
                let response = incoming.take(*piece).await.unwrap_or_else(|error| Response::Failed(error.to_string()));
                answer(&answers, number, &response).await;
                continue;
            }
            let Ok(permit) = in_flight.clone().acquire_owned().await else { break };
            let (server, answers) = (self.clone(), answers.clone());
            tokio::spawn(async move {
                let response = server.handle(request).await;
                answer(&answers, number, &response).await;
                drop(permit);
            });
        }
        drop(answers);
        let _ = writing.await;
        Ok(())
    }

    /// True for one who does not know the quorum yet.
    async fn greet(&self, from: &mut OwnedReadHalf) -> io::Result<bool> {
        let mut magic = [0; 4];
        from.read_exact(&mut magic).await?;
        if magic != MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a voter"));
        }
        let (_, Hello { version, caller, meant }) = frame::read::<Hello>(from).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let is_stranger = meant.node_id == ANYBODY;
        let is_cluster = meant.cluster_id == self.own.cluster_id || (is_stranger && meant.cluster_id == [0; 16]);
        let is_node = meant.node_id == self.own.node_id && agrees(meant.directory_id, self.own.directory_id);
        if version != PROTOCOL_VERSION || !is_cluster || !(is_stranger || is_node) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "somebody else is meant"));
        }
        if !is_stranger && !self.knows(&caller) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the caller lost its disk and is not the voter it used to be"));
        }
        Ok(is_stranger)
    }

    /// Whether a caller is the node that the members of the quorum are told to be, as far as that is known.
    fn knows(&self, caller: &Identity) -> bool {
        let metrics = self.raft.server_metrics();
        let membership = &metrics.borrow_watched().membership_config;
        membership.get_node(&caller.node_id).is_none_or(|member| agrees(member.directory_id, caller.directory_id))
    }

    /// Who leads, and where, as far as this node knows.
    fn leader(&self) -> Option<(u64, Member)> {
        let metrics = self.raft.server_metrics();
        let now = metrics.borrow_watched();
        let leader = now.current_leader?;
        Some((leader, now.membership_config.get_node(&leader)?.clone()))
    }

    /// Makes a node known under its address. One that is known with another directory has lost its disk: as an observer it
    /// begins anew, as a voter it has to be removed first, which happens here where `replaces_voter` says so.
    pub async fn join(&self, node_id: u64, member: Member, replaces_voter: bool) -> Response {
        let leader = self.leader();
        if leader.as_ref().map(|(id, _)| *id) != Some(self.own.node_id) {
            return Response::NotLeader { leader };
        }
        let (known, is_voter) = {
            let metrics = self.raft.server_metrics();
            let membership = metrics.borrow_watched().membership_config.clone();
            let is_voter = membership.voter_ids().any(|voter| voter == node_id);
            (membership.get_node(&node_id).cloned(), is_voter)
        };
        match known {
            Some(known) if known == member => Response::Joined,
            Some(known) if agrees(known.directory_id, member.directory_id) => {
                self.change(ChangeMembers::SetNodes([(node_id, member)].into())).await
            }
            Some(_) if is_voter && !replaces_voter => {
                Response::Failed(format!("node {node_id} is a voter with another directory, which has to be removed first"))
            }
            Some(_) => match self.forget_former(node_id, is_voter).await {
                Response::Joined => self.observe(node_id, member).await,
                refused => refused,
            },
            None => self.observe(node_id, member).await,
        }
    }

    /// Takes out what a node was before it lost its disk. The other voters decide that; the last one cannot be replaced.
    async fn forget_former(&self, node_id: u64, is_voter: bool) -> Response {
        if is_voter {
            let removed = self.change(ChangeMembers::RemoveVoters([node_id].into())).await;
            if !matches!(removed, Response::Joined) {
                return removed;
            }
        }
        self.change(ChangeMembers::RemoveNodes([node_id].into())).await
    }

    async fn observe(&self, node_id: u64, member: Member) -> Response {
        answer_of(self.raft.add_learner(node_id, member, false).await.map(|_| Response::Joined))
    }

    async fn change(&self, change: ChangeMembers<u64, Member>) -> Response {
        answer_of(self.raft.change_membership(change, true).await.map(|_| Response::Joined))
    }

    async fn handle(&self, request: Request) -> Response {
        match request {
            Request::Append(request) => {
                // What was damaged on its way must not reach the log.
                let whole = request.entries.iter().try_for_each(|entry| match &entry.payload {
                    EntryPayload::Normal(batch) => entry::check(&batch.0).map(|_| ()),
                    _ => Ok(()),
                });
                match whole {
                    Ok(()) => answer_of(self.raft.append_entries(request).await.map(Response::Append)),
                    Err(reason) => Response::Failed(reason),
                }
            }
            Request::Vote(request) => answer_of(self.raft.vote(request).await.map(Response::Vote)),
            Request::PreVote(request) => answer_of(self.raft.pre_vote(request).await.map(Response::Vote)),
            Request::TransferLeader(request) => answer_of(self.raft.handle_transfer_leader(request).await.map(Response::TransferLeader)),
            Request::Snapshot(_) => Response::Failed("a piece out of order".to_owned()),
            Request::Find => {
                let Identity { cluster_id, node_id, .. } = self.own;
                Response::Found(Found { cluster_id, node_id, leader: self.leader() })
            }
            Request::Join { node_id, member } => self.join(node_id, member, false).await,
            Request::JoinAnew { node_id, member } => self.join(node_id, member, true).await,
        }
    }
}

/// Whether two directories may be the same; zero is not known.
fn agrees(known: [u8; 16], told: [u8; 16]) -> bool {
    known == [0; 16] || told == [0; 16] || known == told
}

fn answer_of<E: std::fmt::Display>(outcome: Result<Response, E>) -> Response {
    outcome.unwrap_or_else(|error| Response::Failed(error.to_string()))
}

async fn answer(answers: &mpsc::Sender<Vec<u8>>, number: u64, response: &Response) {
    if let Ok(frame) = frame::encode(number, response) {
        let _ = answers.send(frame).await;
    }
}

/// A snapshot on its way in, into a file of its own.
struct Incoming {
    server: Server,
    connection: u64,
    part: Option<Part>,
}

struct Part {
    path: PathBuf,
    file: Arc<dyn File>,
    size: u64,
}

impl Incoming {
    async fn take(&mut self, piece: SnapshotPiece) -> io::Result<Response> {
        if piece.position == 0 {
            self.forget();
            let (path, file) = self.server.snapshots.lock().begin_part(&format!("received-{}", self.connection))?;
            self.part = Some(Part { path, file, size: 0 });
        }
        let part = self.part.as_mut().filter(|part| part.size == piece.position);
        let part = part.ok_or_else(|| io::Error::other("a piece out of order"))?;
        part.file.write_all_at(&mut [io::IoSlice::new(&piece.bytes)], part.size)?;
        part.size += piece.bytes.len() as u64;
        if !piece.is_last {
            return Ok(Response::PieceTaken);
        }
        let data = SnapshotFile { file: part.file.clone(), path: part.path.clone(), size: part.size, end_offset: piece.end_offset };
        if data.verify()? != piece.meta {
            return Err(io::Error::other("the snapshot is not the one that was announced"));
        }
        let snapshot = Snapshot { meta: piece.meta, snapshot: data };
        let outcome = self.server.raft.install_full_snapshot(piece.vote, snapshot).await;
        self.forget();
        Ok(answer_of(outcome.map(Response::Snapshot)))
    }

    fn forget(&mut self) {
        if let Some(part) = self.part.take() {
            // A part that stays is removed at the next start.
            let _ = self.server.snapshots.lock().remove_part(&part.path);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.forget();
    }
}
