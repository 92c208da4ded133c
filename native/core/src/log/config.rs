//! The settings of a topic that its logs act on, already validated by the control plane.

use crate::record::Codec;

/// What a topic's `compression.type` asks of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionType {
    /// Keep what the producer sent.
    Producer,
    /// Store with this codec, whatever was sent.
    Codec(Codec),
}

/// `message.timestamp.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// One topic's settings; sizes in bytes, times in milliseconds, -1 for no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub segment_bytes: u32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub segment_index_bytes: u32,
    pub index_interval_bytes: u32,
    pub max_message_bytes: u32,
    pub min_insync_replicas: u32,
    pub compression_type: CompressionType,
    pub compression_level: i32,
    pub timestamp_type: TimestampType,
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
    /// Records after which a log is flushed; with 1, acknowledgements wait for it as with `flush_on_ack`.
    pub flush_messages: i64,
    /// How long records may lie unflushed.
    pub flush_ms: i64,
    /// `acks=all` is answered, and consumers see a record, only once it is on disk.
    pub flush_on_ack: bool,
    pub preallocate: bool,
    pub file_delete_delay_ms: i64,
    /// `cleanup.policy` contains `compact`: every record needs a key.
    pub compacted: bool,
    /// How far ahead a record's header may put its delivery; `None` where that header is not heeded.
    pub delivery_delay_max_ms: Option<i64>,
    /// Whether a record's header ends its life.
    pub record_ttl: bool,
}

impl LogConfig {
    /// Whether records count as committed only once they are on disk.
    pub fn commits_by_flush(&self) -> bool {
        self.flush_on_ack || self.flush_messages <= 1
    }
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 60 * 60 * 1000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            min_insync_replicas: 1,
            compression_type: CompressionType::Producer,
            compression_level: 0,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 60 * 60 * 1000,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            flush_on_ack: false,
            preallocate: false,
            file_delete_delay_ms: 60_000,
            compacted: false,
            delivery_delay_max_ms: None,
            record_ttl: false,
        }
    }
}
