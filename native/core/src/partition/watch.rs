//! Who waits for a partition's high watermark to move.

/// Told once per registration, on whatever thread moved the watermark: it must be quick and must not call back into the partition.
pub trait Wake: Send + Sync {
    fn wake(&self, key: u64);
}
