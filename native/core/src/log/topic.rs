//! Which topics there are, as the hot path sees them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;

use super::{LogConfig, Uuid};
use crate::partition::Partition;

/// A topic as the control plane describes it.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    pub name: String,
    pub id: Uuid,
    pub internal: bool,
    pub partitions: Vec<PartitionSpec>,
    pub config: LogConfig,
}

/// A partition of which this broker holds a replica, as the metadata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    pub index: i32,
    /// -1 where nobody leads.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    /// Whether KIP-73's throttles hold for this broker's copy: as the leader that others read from, as the follower that
    /// reads.
    pub leader_throttled: bool,
    pub follower_throttled: bool,
}

impl PartitionSpec {
    /// A partition with one replica, which leads it.
    pub fn alone(index: i32, node_id: i32, leader_epoch: i32) -> PartitionSpec {
        PartitionSpec {
            index,
            leader: node_id,
            leader_epoch,
            partition_epoch: 0,
            replicas: vec![node_id],
            isr: vec![node_id],
            leader_throttled: false,
            follower_throttled: false,
        }
    }
}

pub struct Topic {
    pub name: Arc<str>,
    pub id: Uuid,
    pub internal: bool,
    /// By partition index; `None` where this broker has no replica.
    pub partitions: Vec<Option<Arc<Partition>>>,
    pub config: Arc<ArcSwap<LogConfig>>,
    /// Since the start, kept when the topic is updated.
    pub bytes_in: Arc<AtomicU64>,
    pub bytes_out: Arc<AtomicU64>,
    pub records_in: Arc<AtomicU64>,
}

/// All topics at one moment; replaced as a whole.
#[derive(Default)]
pub struct TopicTable {
    pub by_name: HashMap<Arc<str>, Arc<Topic>>,
    pub by_id: HashMap<Uuid, Arc<Topic>>,
}
