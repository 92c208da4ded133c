//! How voters talk: one connection to each peer, frames of a length, a number and a message, answers in any order.
//!
//! A connection begins with who calls and who is meant. A node that is not meant (another cluster, another node, or the
//! same node with another disk) closes it, so that nobody is taken for the voter it used to be. Who does not know the
//! quorum yet means anybody, and may ask who leads and to be let in.

mod client;
mod frame;
mod server;
mod stranger;

pub use client::Links;
pub use server::Server;
pub use stranger::ask;

use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, VoteRequest, VoteResponse};
use serde::{Deserialize, Serialize};

use crate::types::{Member, SnapshotMeta, Types, Vote};

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
/// In place of a node that is meant: whoever answers.
pub const ANYBODY: u64 = u64::MAX;
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
    /// Which cluster is this, and who leads?
    Find,
    /// This is who I am and where I listen: let me have what is committed.
    Join {
        node_id: u64,
        member: Member,
    },
    /// The same of a node that lost its disk: a voter with its number and another directory may be removed.
    JoinAnew {
        node_id: u64,
        member: Member,
    },
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
    Found(Found),
    Joined,
    NotLeader { leader: Option<(u64, Member)> },
}

/// What a node of a quorum says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub cluster_id: [u8; 16],
    pub node_id: u64,
    pub leader: Option<(u64, Member)>,
}
