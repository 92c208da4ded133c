//! What reads ask for and what they yield.

use std::path::PathBuf;
use std::sync::Arc;

use crate::env::ReadableFile;
use crate::record::Codec;

/// How far a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Followers, and the broker's own reads.
    LogEnd,
    /// read_uncommitted
    HighWatermark,
    /// read_committed
    LastStable,
}

/// Whole batches in one segment file.
#[derive(Clone)]
pub struct Slice {
    pub file: Arc<dyn ReadableFile>,
    pub position: u64,
    pub len: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

pub struct Read {
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// From the batch that holds the offset asked for; `None` where nothing is to be had yet.
    pub slice: Option<Slice>,
    /// Transactions whose records in the slice a read_committed reader must skip; empty for other readers.
    pub aborted: Vec<AbortedTransaction>,
}

/// What ListOffsets may ask for; the numbers are its special timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// -2
    Earliest,
    /// -1
    Latest(Isolation),
    /// -3: the record with the largest timestamp
    MaxTimestamp,
    /// -4: the first offset kept on this broker's disks
    EarliestLocal,
    /// -5
    LatestTiered,
    /// -6
    EarliestPendingUpload,
    /// The first record with at least this timestamp, as far as the isolation sees.
    Timestamp(i64, Isolation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    pub offset: i64,
    /// -1 where the question was not about time.
    pub timestamp: i64,
    /// -1 where unknown.
    pub leader_epoch: i32,
}

/// The largest epoch not above the one asked for, and where it ends (KIP-279).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEndOffset {
    /// -1 where there is none.
    pub leader_epoch: i32,
    /// -1 where there is none.
    pub end_offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// Registered; nothing read from its directory yet.
    Unloaded,
    Loading,
    Online,
    Failed(Arc<str>),
    Deleted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOffsets {
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_end_offset: i64,
    pub leader_epoch: i32,
    pub size_bytes: u64,
    pub segment_count: u32,
    pub log_dir: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    pub base_offset: i64,
    pub size_bytes: u64,
    /// -1 for a segment without records.
    pub max_timestamp_ms: i64,
    pub last_modified_ms: i64,
    pub active: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerSummary {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp_ms: i64,
    /// -1 where no marker was seen.
    pub coordinator_epoch: i32,
    /// -1 where no transaction is open.
    pub current_txn_start_offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    Commit { coordinator_epoch: i32 },
    Abort { coordinator_epoch: i32 },
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHeader {
    pub key: String,
    pub value: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<StoredHeader>,
}

/// A decoded batch; a control batch carries its kind and no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    pub base_offset: i64,
    pub last_offset: i64,
    pub leader_epoch: i32,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub transactional: bool,
    pub control: Option<ControlKind>,
    pub compression: Codec,
    pub size_bytes: u32,
    pub records: Vec<StoredRecord>,
}
