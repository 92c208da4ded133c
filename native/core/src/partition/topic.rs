//! Topics and the table that finds them. A table is never changed: a new one is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;

use super::partition::Partition;
use crate::log::{LogConfig, Uuid};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Box<str>,
    pub partition: i32,
}

/// Traffic since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicTotals {
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub records_in: u64,
}

pub struct Topic {
    pub name: Box<str>,
    pub id: Uuid,
    pub internal: bool,
    /// By index; `None` where this broker holds no replica.
    pub partitions: Vec<Option<Arc<Partition>>>,
    /// Shared by all versions of the topic, so that a change of settings reaches every holder.
    pub config: Arc<ArcSwap<LogConfig>>,
}

impl Topic {
    pub fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// Counted per partition, so that no two threads write to one counter.
    pub fn totals(&self) -> TopicTotals {
        let mut totals = TopicTotals::default();
        for partition in self.partitions.iter().flatten() {
            totals.bytes_in += partition.bytes_in();
            totals.bytes_out += partition.bytes_out();
            totals.records_in += partition.records_in();
        }
        totals
    }
}

#[derive(Default)]
pub struct TopicTable {
    pub by_name: FxHashMap<Box<str>, Arc<Topic>>,
    pub by_id: FxHashMap<Uuid, Arc<Topic>>,
}

impl TopicTable {
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&Arc<Partition>> {
        self.by_name.get(topic)?.partition(partition)
    }
}

/// A counter with one writer at a time: no locked instruction needed.
pub(super) fn add_unshared(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}
