//! The types that consensus is made of here.

use std::fmt;
use std::sync::Arc;

use openraft::impls::leader_id_std;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

openraft::declare_raft_types!(
    /// One entry is one record batch; a term is a leader epoch.
    pub Types:
        D = Batch,
        R = Applied,
        NodeId = u64,
        Node = Member,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
);

pub type LogId = openraft::type_config::alias::LogIdOf<Types>;
pub type Vote = openraft::type_config::alias::VoteOf<Types>;
pub type Entry = openraft::type_config::alias::EntryOf<Types>;
pub type Membership = openraft::Membership<u64, Member>;
pub type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;

pub fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

pub fn term_of(id: &LogId) -> u64 {
    id.committed_leader_id().term
}

/// Who a node is and where it listens. A node that lost its disk has another directory, and is somebody else (KIP-853).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Member {
    /// Zero for a voter of a quorum that knows no directories: it is not checked then.
    pub directory_id: [u8; 16],
    pub host: String,
    pub port: u16,
}

/// A whole record batch of Kafka's format. Offset and epoch are set where it is appended, which the checksum leaves out.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch(pub Arc<[u8]>);

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "batch of {} bytes", self.0.len())
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Batch, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Batch;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a record batch")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Batch, E> {
                Ok(Batch(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The base offset that an entry got; -1 for entries that are not a batch of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied(pub i64);

impl fmt::Display for Applied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "offset {}", self.0)
    }
}
