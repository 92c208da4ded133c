//! What goes into an append and what comes out of it.

use super::error::{AppendError, PartitionUnavailable};

/// One partition's `records` of one Produce request. `append` sets offsets, leader epoch and, where the topic says so,
/// timestamps in place, and fills in the result.
pub struct AppendEntry<'a> {
    pub records: &'a mut [u8],
    /// -1, 0 or 1; -1 is refused while fewer than `min.insync.replicas` are in sync.
    pub acks: i16,
    /// The Produce version: from 12 on, a transactional batch may itself begin its partition's part of a transaction (KIP-890).
    pub produce_version: i16,
    pub result: Result<Appended, AppendError>,
}

impl<'a> AppendEntry<'a> {
    pub fn new(records: &'a mut [u8], acks: i16, produce_version: i16) -> AppendEntry<'a> {
        AppendEntry { records, acks, produce_version, result: Err(AppendError::Unavailable(PartitionUnavailable::Loading)) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: i64,
    /// One past the last offset. The append is committed when the high watermark has reached it.
    pub end_offset: i64,
    /// -1 where records keep the producer's timestamps.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// The batch was there already; the offsets are those of the first time.
    pub duplicate: bool,
}

/// A header of a record that the broker itself writes.
#[derive(Debug, Clone, Copy)]
pub struct RecordHeaderInput<'a> {
    pub key: &'a str,
    pub value: Option<&'a [u8]>,
}

/// A record that the broker itself writes.
#[derive(Debug, Clone, Copy)]
pub struct RecordInput<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// `None` for the time of the append.
    pub timestamp_ms: Option<i64>,
    pub headers: &'a [RecordHeaderInput<'a>],
}

/// Whose batch it is, where the coordinator writes on a client's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transactional: bool,
}
