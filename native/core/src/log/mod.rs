//! One partition's log on disk in Kafka's format: segments, indexes, producer state, recovery; and the directories that
//! hold them all.
//!
//! Knows nothing of leaders, replicas or requests.

pub mod checkpoint;
mod cleaner;
mod compaction;
mod config;
mod facts;
mod housekeeping;
mod load_queue;
mod loader;
mod log_dir;
mod manager;
mod moving;
mod partition_log;
mod producer_state;
mod segment;
mod segment_cache;
mod segment_index;
mod sizes;
mod topic;
mod truncation;
mod uuid;
pub mod validation;

pub use cleaner::{CompactionError, CompactionNeed, CompactionReport, CompactionSettings};
pub use compaction::CompactionTotals;
pub use config::{CompressionType, LogConfig, TimestampType};
pub use facts::StorageFact;
pub use loader::{LoadPlan, LoadReport, load as load_log, plan_load};
pub(crate) use log_dir::fresh_number;
pub use manager::{LocalTopic, LogDirSummary, LogManager, LogManagerOptions, OpenError};
pub use partition_log::{AppendFailure, FlushMark, LogError, LogSlice, LogWriter, PartitionLog, SegmentSummary};
pub use producer_state::{AbortedTxn, ProducerState, ProducerSummary, ProducerUndo, TxnMarker};
pub use segment::{LogContext, PlacedBatch, ScanEnd};
pub use segment_cache::SegmentCache;
pub use topic::{PartitionSpec, Topic, TopicSpec, TopicTable};
pub use uuid::Uuid;
