//! How voters talk: one connection to each peer, frames of a length, a number and a message, answers in any order.
//!
//! A connection begins with who calls and who is meant. A node that is not meant (another cluster, another node, or the
//! same node with another disk) closes it, so that nobody is taken for the voter it used to be.

mod client;
mod frame;
mod server;

pub use client::Links;
pub use server::Server;

use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, VoteRequest, VoteResponse};
use serde::{Deserialize, Serialize};

use crate::types::{SnapshotMeta, Types, Vote};

/// Who is at an end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub cluster_id: [u8; 16],
    pub node_id: u64,
    /// Zero for unknown.
    pub directory_id: [u8; 16],
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    pub version: u16,
    pub caller: Identity,
    pub meant: Identity,
}

pub const PROTOCOL_VERSION: u16 = 1;
/// No Kafka request begins so: it would be longer than any may be.
pub const MAGIC: [u8; 4] = *b"MRQ1";

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    TransferLeader(TransferLeaderRequest<Types>),
    /// Pieces come in order on one connection; the answer to the last one says that the snapshot is installed.
    Snapshot(Box<SnapshotPiece>),
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SnapshotPiece {
    pub vote: Vote,
    pub meta: SnapshotMeta,
    pub end_offset: i64,
    pub position: u64,
    pub bytes: Vec<u8>,
    pub is_last: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    TransferLeader(openraft::raft::TransferLeaderResponse<Types>),
    PieceTaken,
    Snapshot(SnapshotResponse<Types>),
    Failed(String),
}
