//! Options and descriptions as JavaScript gives them, and what they are in the data plane.

use std::path::PathBuf;
use std::time::Duration;

use millrace_core::Uuid;
use millrace_core::log::{CompressionType, LogConfig, LogManagerOptions, PartitionSpec, TimestampType, TopicSpec};
use millrace_core::partition::{self, Cluster};
use millrace_core::record::Codec;
use millrace_core::replication::ReplicationOptions;
use millrace_core::server::ServerOptions;
use napi_derive::napi;

use crate::failure;

#[napi(object, object_to_js = false)]
pub struct DataPlaneOptions {
    pub node_id: i32,
    pub cluster_id: String,
    pub log_dirs: Vec<String>,
    pub thread_count: u32,
    pub request_size_max_bytes: f64,
    pub connections_max: f64,
    pub connections_max_per_ip: f64,
    pub connection_idle_max_ms: f64,
    pub fetch_sessions_max: f64,
    pub fetch_size_max_bytes: f64,
    pub producer_id_expiration_ms: f64,
    pub checkpoint_interval_ms: f64,
    pub recovery_thread_count: u32,
    pub rack: Option<String>,
    pub rack_aware_reads: bool,
    pub replica_fetcher_count: u32,
    pub replica_fetch_min_bytes: i32,
    pub replica_fetch_max_bytes: i32,
    pub replica_fetch_response_max_bytes: i32,
    pub replica_fetch_wait_max_ms: i32,
    pub replica_fetch_backoff_ms: f64,
    pub replica_lag_time_max_ms: f64,
    pub replica_socket_timeout_ms: f64,
    pub high_watermark_checkpoint_interval_ms: f64,
}

impl DataPlaneOptions {
    pub fn storage(&self) -> napi::Result<LogManagerOptions> {
        Ok(LogManagerOptions {
            node_id: self.node_id,
            cluster_id: uuid(&self.cluster_id)?,
            log_dirs: self.log_dirs.iter().map(PathBuf::from).collect(),
            checkpoint_interval: Duration::from_millis(self.checkpoint_interval_ms as u64),
            producer_id_expiration_ms: self.producer_id_expiration_ms as i64,
            replica_lag_max: Duration::from_millis(self.replica_lag_time_max_ms as u64),
            high_watermark_checkpoint_interval: Duration::from_millis(self.high_watermark_checkpoint_interval_ms as u64),
            recovery_thread_count: self.recovery_thread_count.clamp(1, 64) as usize,
        })
    }

    pub fn server(&self) -> ServerOptions {
        ServerOptions {
            node_id: self.node_id,
            thread_count: self.thread_count.clamp(1, 255) as usize,
            request_size_max_bytes: self.request_size_max_bytes as usize,
            connections_max: self.connections_max as usize,
            connections_max_per_ip: self.connections_max_per_ip as usize,
            connection_idle_max: Duration::from_millis(self.connection_idle_max_ms as u64),
            fetch_sessions_max: self.fetch_sessions_max as usize,
            fetch_size_max_bytes: self.fetch_size_max_bytes as usize,
            rack: self.rack.clone(),
            rack_aware_reads: self.rack_aware_reads,
        }
    }

    pub fn replication(&self) -> ReplicationOptions {
        ReplicationOptions {
            fetcher_count: self.replica_fetcher_count.clamp(1, 64) as usize,
            fetch_min_bytes: self.replica_fetch_min_bytes,
            fetch_max_bytes: self.replica_fetch_max_bytes,
            fetch_response_max_bytes: self.replica_fetch_response_max_bytes,
            fetch_wait_max_ms: self.replica_fetch_wait_max_ms,
            fetch_backoff: Duration::from_millis(self.replica_fetch_backoff_ms as u64),
            socket_timeout: Duration::from_millis(self.replica_socket_timeout_ms as u64),
        }
    }
}

#[napi(object, object_to_js = false)]
pub struct PartitionState {
    pub index: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub leader_throttled: bool,
    pub follower_throttled: bool,
}

#[napi(object, object_to_js = false)]
pub struct Peer {
    pub node_id: i32,
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
    pub broker_epoch: f64,
}

#[napi(object, object_to_js = false)]
pub struct ClusterState {
    pub broker_epoch: f64,
    pub peers: Vec<Peer>,
    pub eligible_leader_replicas: bool,
}

impl ClusterState {
    pub fn cluster(self) -> Cluster {
        let peer = |peer: Peer| {
            let Peer { node_id, host, port, rack, broker_epoch } = peer;
            (node_id, partition::Peer { host, port, rack, broker_epoch: broker_epoch as i64 })
        };
        Cluster {
            broker_epoch: self.broker_epoch as i64,
            peers: self.peers.into_iter().map(peer).collect(),
            eligible_leader_replicas: self.eligible_leader_replicas,
        }
    }
}

#[napi(object, object_to_js = false)]
pub struct TopicLogConfig {
    pub segment_bytes: f64,
    pub segment_ms: f64,
    pub segment_jitter_ms: f64,
    pub segment_index_bytes: f64,
    pub index_interval_bytes: f64,
    pub max_message_bytes: f64,
    pub min_insync_replicas: f64,
    pub compression_type: String,
    pub compression_level: i32,
    pub timestamp_type: String,
    pub timestamp_before_max_ms: f64,
    pub timestamp_after_max_ms: f64,
    pub flush_messages: f64,
    pub flush_ms: f64,
    pub flush_on_ack: bool,
    pub preallocate: bool,
    pub file_delete_delay_ms: f64,
    pub compacted: bool,
    pub delivery_delay_max_ms: Option<f64>,
    pub record_ttl: bool,
}

#[napi(object, object_to_js = false)]
pub struct TopicState {
    pub name: String,
    pub id: String,
    pub internal: bool,
    pub partitions: Vec<PartitionState>,
    pub config: TopicLogConfig,
}

impl TopicState {
    pub fn spec(&self) -> napi::Result<TopicSpec> {
        Ok(TopicSpec {
            name: self.name.clone(),
            id: uuid(&self.id)?,
            internal: self.internal,
            partitions: self
                .partitions
                .iter()
                .map(|state| PartitionSpec {
                    index: state.index,
                    leader: state.leader,
                    leader_epoch: state.leader_epoch,
                    partition_epoch: state.partition_epoch,
                    replicas: state.replicas.clone(),
                    isr: state.isr.clone(),
                    leader_throttled: state.leader_throttled,
                    follower_throttled: state.follower_throttled,
                })
                .collect(),
            config: self.config.log_config()?,
        })
    }
}

impl TopicLogConfig {
    fn log_config(&self) -> napi::Result<LogConfig> {
        Ok(LogConfig {
            segment_bytes: self.segment_bytes as u32,
            segment_ms: self.segment_ms as i64,
            segment_jitter_ms: self.segment_jitter_ms as i64,
            segment_index_bytes: self.segment_index_bytes as u32,
            index_interval_bytes: self.index_interval_bytes as u32,
            max_message_bytes: self.max_message_bytes as u32,
            min_insync_replicas: self.min_insync_replicas as u32,
            compression_type: match self.compression_type.as_str() {
                "producer" => CompressionType::Producer,
                "uncompressed" => CompressionType::Codec(Codec::None),
                "gzip" => CompressionType::Codec(Codec::Gzip),
                "snappy" => CompressionType::Codec(Codec::Snappy),
                "lz4" => CompressionType::Codec(Codec::Lz4),
                "zstd" => CompressionType::Codec(Codec::Zstd),
                other => return Err(failure::invalid(format!("unknown compression type {other}"))),
            },
            compression_level: self.compression_level,
            timestamp_type: match self.timestamp_type.as_str() {
                "CreateTime" => TimestampType::CreateTime,
                "LogAppendTime" => TimestampType::LogAppendTime,
                other => return Err(failure::invalid(format!("unknown timestamp type {other}"))),
            },
            timestamp_before_max_ms: self.timestamp_before_max_ms as i64,
            timestamp_after_max_ms: self.timestamp_after_max_ms as i64,
            flush_messages: self.flush_messages as i64,
            flush_ms: self.flush_ms as i64,
            flush_on_ack: self.flush_on_ack,
            preallocate: self.preallocate,
            file_delete_delay_ms: self.file_delete_delay_ms as i64,
            compacted: self.compacted,
            delivery_delay_max_ms: self.delivery_delay_max_ms.map(|delay_ms| delay_ms as i64),
            record_ttl: self.record_ttl,
        })
    }
}

pub fn uuid(text: &str) -> napi::Result<Uuid> {
    Uuid::parse(text).ok_or_else(|| failure::invalid(format!("{text} is no id")))
}
