//! The answering side: checks who is meant, then hands what comes to consensus.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_core::env::File;
use openraft::{EntryPayload, Raft, Snapshot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::{Hello, Identity, MAGIC, PROTOCOL_VERSION, Request, Response, SnapshotPiece, frame};
use crate::entry;
use crate::snapshot::SnapshotFile;
use crate::storage::{SharedSnapshots, StateMachine};
use crate::types::Types;

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
        tokio::time::timeout(HELLO_TIMEOUT, self.greet(&mut from)).await.map_err(|_| io::ErrorKind::TimedOut)??;
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

    async fn greet(&self, from: &mut OwnedReadHalf) -> io::Result<()> {
        let mut magic = [0; 4];
        from.read_exact(&mut magic).await?;
        if magic != MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a voter"));
        }
        let (_, hello) = frame::read::<Hello>(from).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let is_meant = hello.version == PROTOCOL_VERSION
            && hello.meant.cluster_id == self.own.cluster_id
            && hello.meant.node_id == self.own.node_id
            && (hello.meant.directory_id == [0; 16] || hello.meant.directory_id == self.own.directory_id);
        if is_meant { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "somebody else is meant")) }
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
        }
    }
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
