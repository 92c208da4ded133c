//! Why an operation on a partition did not happen: facts only; Kafka's error codes are given at the server's edge.

use std::sync::Arc;

use thiserror::Error;

/// The partition takes no requests now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PartitionUnavailable {
    /// Being recovered; ask again.
    #[error("the partition is being loaded")]
    Loading,
    /// Stopped for good by a failed disk operation, corruption or a bug; needs a restart or an operator.
    #[error("the partition has failed: {0}")]
    Failed(Arc<str>),
    #[error("the partition was deleted")]
    Deleted,
    /// NOT_LEADER_OR_FOLLOWER: -1 is nobody.
    #[error("this broker does not lead the partition; broker {leader} does, in leader epoch {leader_epoch}")]
    NotLeader { leader: i32, leader_epoch: i32 },
}

/// What is wrong with single records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordErrorKind {
    InvalidRecord,
    InvalidTimestamp,
}

/// One refused record of a batch, as Produce v8+ reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    pub batch_index: i32,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    #[error(transparent)]
    Unavailable(#[from] PartitionUnavailable),
    /// CORRUPT_MESSAGE: sizes or checksum do not hold.
    #[error("{0}")]
    CorruptBatch(String),
    /// INVALID_RECORD: well-formed bytes that are no acceptable batch.
    #[error("{0}")]
    InvalidBatch(String),
    /// Magic 0 or 1.
    #[error("records with magic {0} are not supported, only magic 2")]
    UnsupportedMagic(i8),
    /// UNSUPPORTED_COMPRESSION_TYPE
    #[error("unknown compression codec {0}")]
    UnsupportedCompression(i16),
    /// INVALID_RECORD or INVALID_TIMESTAMP, with the records that caused it.
    #[error("{} record(s) of the batch were refused", .1.len())]
    RecordErrors(RecordErrorKind, Vec<RecordError>),
    /// MESSAGE_TOO_LARGE
    #[error("the record batch is {size} bytes, more than max.message.bytes ({max})")]
    BatchTooLarge { size: u32, max: u32 },
    /// RECORD_LIST_TOO_LARGE
    #[error("the record batch is {size} bytes, more than segment.bytes ({max})")]
    BatchLargerThanSegment { size: u32, max: u32 },
    /// NOT_ENOUGH_REPLICAS
    #[error("{in_sync} replicas are in sync, min.insync.replicas is {required}")]
    NotEnoughReplicas { in_sync: u32, required: u32 },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER
    #[error("producer {producer_id} sent sequence {found} where {expected} was due")]
    OutOfOrderSequence { producer_id: i64, expected: i32, found: i32 },
    /// INVALID_PRODUCER_EPOCH
    #[error("producer {producer_id} has epoch {current}; {found} is fenced")]
    InvalidProducerEpoch { producer_id: i64, current: i16, found: i16 },
    /// INVALID_TXN_STATE
    #[error("producer {producer_id}: {detail}")]
    InvalidTransactionState { producer_id: i64, detail: &'static str },
    /// TRANSACTION_COORDINATOR_FENCED
    #[error("coordinator epoch {found} is older than {current}")]
    CoordinatorFenced { current: i32, found: i32 },
    /// KAFKA_STORAGE_ERROR: the disk is full or nearly so; reads go on, and writes once there is space again.
    #[error("the log directory has too little free space")]
    StorageFull,
}

impl AppendError {
    /// The records were read and refused for what they say; a response tells where the log begins then, as Kafka's does.
    pub fn is_of_content(&self) -> bool {
        matches!(
            self,
            AppendError::RecordErrors(..)
                | AppendError::OutOfOrderSequence { .. }
                | AppendError::InvalidProducerEpoch { .. }
                | AppendError::InvalidTransactionState { .. }
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error(transparent)]
    Unavailable(#[from] PartitionUnavailable),
    /// OFFSET_OUT_OF_RANGE
    #[error("offset {offset} is outside {log_start_offset}..={log_end_offset}")]
    OffsetOutOfRange { offset: i64, log_start_offset: i64, log_end_offset: i64 },
    /// OFFSET_NOT_AVAILABLE: a new leader, or a follower, does not know yet whether it is committed.
    #[error("what is committed is known up to offset {high_watermark} only")]
    OffsetNotAvailable { high_watermark: i64 },
    /// KAFKA_STORAGE_ERROR
    #[error("reading the log failed: {0}")]
    Storage(String),
}

/// How a client's view of the leader epoch differs (KIP-320).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EpochError {
    /// FENCED_LEADER_EPOCH: the client's is older.
    #[error("the leader epoch is older than the partition's")]
    Fenced,
    /// UNKNOWN_LEADER_EPOCH: the client's is newer.
    #[error("the leader epoch is newer than the partition's")]
    Unknown,
}
