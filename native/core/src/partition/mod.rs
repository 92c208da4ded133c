//! A partition as the server sees it: append, read, watermarks, waiting for them; and the table of all partitions.
//!
//! Decides nothing about who leads or what exists: the control plane says so through `LogManager::apply`.

mod append_types;
mod error;
mod log_manager;
mod partition;
mod read_types;
mod topic;
mod watch;

pub use append_types::{AppendEntry, Appended, BatchProducer, RecordHeaderInput, RecordInput};
pub use error::{AppendError, EpochError, PartitionUnavailable, ReadError, RecordError, RecordErrorKind};
pub use log_manager::{
    ApplyError, CloseError, EventSink, LocalTopic, LogDirSummary, LogManager, LogManagerOptions, OpenError, PartitionSpec, StorageEvent,
    TopicSpec,
};
pub use partition::Partition;
pub use read_types::{
    AbortedTransaction, ControlKind, EpochEndOffset, Isolation, OffsetSpec, PartitionOffsets, PartitionState, ProducerSummary, Read,
    SegmentSummary, Slice, StoredBatch, StoredHeader, StoredRecord, TimestampOffset,
};
pub use topic::{Topic, TopicPartition, TopicTable, TopicTotals};
pub use watch::Wake;
