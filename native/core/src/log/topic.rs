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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    pub index: i32,
    pub leader_epoch: i32,
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
