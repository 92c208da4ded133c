//! One partition's log with its watermarks.

use std::sync::Arc;

use super::append_types::{AppendEntry, Appended, BatchProducer, RecordInput};
use super::error::{AppendError, EpochError, PartitionUnavailable, ReadError};
use super::read_types::{
    EpochEndOffset, Isolation, OffsetSpec, PartitionOffsets, PartitionState, ProducerSummary, Read, SegmentSummary, StoredBatch,
    TimestampOffset,
};
use super::watch::Wake;

pub struct Partition {}

#[allow(unused_variables)]
impl Partition {
    /// Appends what is acceptable of `entries`, in order, with one write, and fills in every entry's result.
    pub fn append(&self, entries: &mut [AppendEntry<'_>], now_ms: i64) {
        unimplemented!()
    }

    /// Appends one batch of the broker's own records. Committed when the high watermark reaches `end_offset`.
    pub fn append_records(
        &self,
        records: &[RecordInput<'_>],
        producer: Option<BatchProducer>,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Ends a producer's transaction on this partition (KIP-98).
    pub fn append_marker(
        &self,
        producer_id: i64,
        producer_epoch: i16,
        coordinator_epoch: i32,
        commit: bool,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Whether the producer has a transaction open here; if not, a transactional batch must first be verified with the coordinator.
    pub fn has_ongoing_transaction(&self, producer_id: i64, producer_epoch: i16) -> Result<bool, PartitionUnavailable> {
        unimplemented!()
    }

    pub fn high_watermark(&self) -> i64 {
        unimplemented!()
    }

    pub fn log_end_offset(&self) -> i64 {
        unimplemented!()
    }

    pub fn log_start_offset(&self) -> i64 {
        unimplemented!()
    }

    pub fn last_stable_offset(&self) -> i64 {
        unimplemented!()
    }

    pub fn leader_epoch(&self) -> i32 {
        unimplemented!()
    }

    pub fn topic_name(&self) -> &str {
        unimplemented!()
    }

    pub fn index(&self) -> i32 {
        unimplemented!()
    }

    pub fn state(&self) -> PartitionState {
        unimplemented!()
    }

    /// Loads the log if that is quick; else has it loaded by a recovery thread and answers `Loading`. `watch` tells when it is done.
    pub fn touch(&self) -> Result<(), PartitionUnavailable> {
        unimplemented!()
    }

    /// Wakes `key` once, when the high watermark advances, the partition finishes loading, fails, is deleted or gets another
    /// leader epoch. Register, then look again: what happened before may go unreported.
    pub fn watch(&self, waker: &Arc<dyn Wake>, key: u64) {
        unimplemented!()
    }

    /// Never waits for a write. `at_least_one` yields the first batch even if it is larger than `max_bytes` (KIP-74).
    pub fn read(&self, offset: i64, max_bytes: u32, isolation: Isolation, at_least_one: bool) -> Result<Read, ReadError> {
        unimplemented!()
    }

    /// Whole batches from the one that holds `offset`, up to `max_bytes` of log but at least one, at most to the log end.
    pub fn read_decoded(&self, offset: i64, max_bytes: u32) -> Result<Vec<StoredBatch>, ReadError> {
        unimplemented!()
    }

    /// -1 (a client that knows none) always passes.
    pub fn check_leader_epoch(&self, requested: i32) -> Result<(), EpochError> {
        unimplemented!()
    }

    pub fn end_offset_for_epoch(&self, leader_epoch: i32) -> Result<EpochEndOffset, PartitionUnavailable> {
        unimplemented!()
    }

    /// Where a reader's log parts from ours, if it does (KIP-320, KIP-595).
    pub fn diverging_epoch(&self, last_fetched_epoch: i32, fetch_offset: i64) -> Result<Option<EpochEndOffset>, PartitionUnavailable> {
        unimplemented!()
    }

    /// `None` where no record qualifies.
    pub fn offset_for(&self, spec: OffsetSpec) -> Result<Option<TimestampOffset>, ReadError> {
        unimplemented!()
    }

    /// Raises the log start offset durably, then drops whole segments below it. -1 means the high watermark. Returns the new start.
    pub fn delete_records(&self, before_offset: i64) -> Result<i64, ReadError> {
        unimplemented!()
    }

    /// Ends the active segment unless it is empty.
    pub fn roll(&self) -> Result<(), AppendError> {
        unimplemented!()
    }

    pub fn offsets(&self) -> Option<PartitionOffsets> {
        unimplemented!()
    }

    pub fn segments(&self) -> Option<Vec<SegmentSummary>> {
        unimplemented!()
    }

    pub fn producers(&self) -> Option<Vec<ProducerSummary>> {
        unimplemented!()
    }

    /// For whoever sends slices.
    pub fn count_bytes_out(&self, bytes: u64) {
        unimplemented!()
    }

    pub fn bytes_in(&self) -> u64 {
        unimplemented!()
    }

    pub fn bytes_out(&self) -> u64 {
        unimplemented!()
    }

    pub fn records_in(&self) -> u64 {
        unimplemented!()
    }
}
