//! One partition's log on disk in Kafka's format: segments, indexes, producer state, recovery; and the directories that
//! hold them all.
//!
//! Knows nothing of leaders, replicas or requests.

pub mod checkpoint;
mod config;
mod loader;
mod manager;
mod partition_log;
mod producer_state;
mod segment;
mod topic;
mod uuid;
pub mod validation;

pub use config::{CompressionType, LogConfig, TimestampType};
pub use loader::{LoadReport, load as load_log};
pub use manager::{LogDirSummary, LogManager, LogManagerOptions, OpenError, StorageFact};
pub use partition_log::{LogError, LogSlice, PartitionLog, SegmentSummary};
pub use producer_state::{AbortedTxn, ProducerState, ProducerSummary};
pub use segment::PlacedBatch;
pub use topic::{PartitionSpec, Topic, TopicSpec, TopicTable};
pub use uuid::Uuid;
