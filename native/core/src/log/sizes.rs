//! How much each topic's logs hold, without opening a log for it.

use std::path::Path;
use std::sync::Arc;

use super::LogManager;
use crate::partition::Partition;

impl LogManager {
    /// Bytes of the segments by topic: from memory where a log is open, from its files' sizes where not. Takes system
    /// calls for each log that is not open, so it is not for the event loop.
    pub fn topic_sizes(&self) -> Vec<(Arc<str>, u64)> {
        let table = self.topics().load_full();
        let sizes = table.by_name.values().map(|topic| {
            let bytes = topic.partitions.iter().flatten().map(|partition| self.partition_size(partition)).sum();
            (topic.name.clone(), bytes)
        });
        sizes.collect()
    }

    fn partition_size(&self, partition: &Partition) -> u64 {
        match partition.opened_log() {
            Some(log) => log.size_bytes(),
            None => self.segments_size(&partition.dir()),
        }
    }

    /// A directory or file that has gone meanwhile counts for nothing.
    fn segments_size(&self, dir: &Path) -> u64 {
        let files = &*self.env().files;
        let entries = files.list(dir).unwrap_or_default();
        let segments = entries.iter().filter(|entry| entry.name.ends_with(".log"));
        segments.map(|entry| files.size(&dir.join(&entry.name)).unwrap_or(0)).sum()
    }
}
