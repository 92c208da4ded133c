//! One partition's log on disk in Kafka's format: segments, indexes, producer state, recovery.
//!
//! Knows nothing of leaders, replicas or requests.

mod config;
mod uuid;

pub use config::{CompressionType, LogConfig, TimestampType};
pub use uuid::Uuid;
