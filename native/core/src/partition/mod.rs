//! A replica's state: its log's life from loading to failure or deletion, the high watermark, and who waits for it.
//!
//! Decides whether records are accepted and what may be read; how bytes lie on disk is the log's business.

mod append;
mod cluster;
mod delay;
mod error;
mod expiry;
mod following;
mod leader;
mod leading;
mod moving;
mod quota;
mod replica;
mod standing;
mod stored;
mod visible;

pub use append::{AppendEntry, Appended};
pub use cluster::{Cluster, Peer};
pub use delay::WaitingRun;
pub use error::{AppendError, EpochError, PartitionUnavailable, ReadError, RecordError, RecordErrorKind};
pub use following::{FetchPosition, FollowError};
pub use leader::{FollowerFetch, IsrProposal, NotFollowing};
pub use leading::Commit;
pub use moving::{Destination, MoveError};
pub use quota::RateQuota;
pub use replica::{AbortedRange, Home, Isolation, OffsetSpec, Partition, PartitionOffsets, PartitionOptions, Read, Wake};
pub use standing::{Role, Standing};
pub use stored::{ControlMarker, StoredBatch, StoredRecord, decode_batch};
pub use visible::SharedRead;

/// A range of a log file that holds whole batches.
pub type Slice = crate::log::LogSlice;
