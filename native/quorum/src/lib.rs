//! The metadata quorum: entries in one order on all nodes, kept on disk, whoever fails.
//!
//! Consensus is openraft's; this crate gives it a log in Kafka's format, a network, snapshots as files, and hides it:
//! whoever is above sees batches of opaque records with offsets and epochs, and snapshots of such records. Nothing here
//! runs on the threads of the data plane.
//!
//! `entry ← log ← storage`, `snapshot ← storage`, `network`, `quorum` on top.

mod entry;
mod error;
mod events;
mod log;
mod network;
mod quorum;
mod snapshot;
mod storage;
mod types;
mod vote;

pub use error::{ProposeError, QuorumError};
pub use events::{Event, EventQueue};
pub use network::Found;
pub use quorum::{NodeStatus, Options, Quorum, Status, find};
pub use types::Member;
