//! Produce 3–13. The request is parsed in place: what comes out are ranges of the frame, so that the records can be
//! changed and written where they lie.

use std::ops::Range;

use super::{ErrorCode, Malformed, Reader, Writer};
use crate::Uuid;

/// What every partition of a request shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceHead {
    pub acks: i16,
    pub timeout_ms: i32,
    /// A range of the frame.
    pub transactional_id: Option<Range<usize>>,
}

/// How a request names a topic: up to version 12 by name (a range of the frame), from 13 by id (KIP-516).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicRef {
    Name(Range<usize>),
    Id(Uuid),
}

/// Receives the parts of a request in the order they are written.
pub trait ProduceVisitor {
    fn topic(&mut self, topic: TopicRef, partition_count: usize);
    /// `records` is a range of the frame; `None` where the client sent null.
    fn partition(&mut self, index: i32, records: Option<Range<usize>>);
}

/// Walks the body of a request that starts at `body` in `frame`.
pub fn decode_request(frame: &[u8], body: usize, version: i16, visitor: &mut impl ProduceVisitor) -> Result<ProduceHead, Malformed> {
    let mut reader = Reader::new(frame, false);
    reader.take(body)?;
    reader.flexible = version >= 9;
    let id_len = reader.nullable_string()?.map(str::len);
    let id_end = reader.position();
    let head = ProduceHead { transactional_id: id_len.map(|len| id_end - len..id_end), acks: reader.i16()?, timeout_ms: reader.i32()? };
    for _ in 0..reader.required_array_len()? {
        let topic = if version >= 13 {
            TopicRef::Id(reader.uuid()?)
        } else {
            let name = reader.string()?;
            let end = reader.position();
            TopicRef::Name(end - name.len()..end)
        };
        let partition_count = reader.required_array_len()?;
        visitor.topic(topic, partition_count);
        for _ in 0..partition_count {
            let index = reader.i32()?;
            let records = reader.nullable_bytes_range()?;
            reader.skip_tagged_fields()?;
            visitor.partition(index, records);
        }
        reader.skip_tagged_fields()?;
    }
    reader.skip_tagged_fields()?;
    Ok(head)
}

/// The answer for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionResult {
    pub error: ErrorCode,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    /// Index within the batch and reason of each refused record (KIP-467).
    pub record_errors: Vec<(i32, String)>,
    pub error_message: Option<String>,
    /// Leader id and epoch, told with `NOT_LEADER_OR_FOLLOWER` (KIP-951).
    pub current_leader: Option<(i32, i32)>,
}

impl PartitionResult {
    pub fn failed(error: ErrorCode, message: Option<String>) -> Self {
        PartitionResult {
            error,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: message,
            current_leader: None,
        }
    }
}

pub enum ResponseTopic<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// Writes a topic's head; its `partition_count` partitions and then [`end_topic`] follow.
pub fn begin_topic(writer: &mut Writer<'_>, topic: ResponseTopic<'_>, partition_count: usize) {
    match topic {
        ResponseTopic::Name(name) => writer.string(name),
        ResponseTopic::Id(id) => writer.uuid(id),
    }
    writer.array_len(partition_count);
}

pub fn write_partition(writer: &mut Writer<'_>, version: i16, index: i32, result: &PartitionResult) {
    writer.i32(index);
    writer.i16(result.error.code());
    writer.i64(result.base_offset);
    writer.i64(result.log_append_time_ms);
    if version >= 5 {
        writer.i64(result.log_start_offset);
    }
    if version >= 8 {
        writer.array_len(result.record_errors.len());
        for (batch_index, message) in &result.record_errors {
            writer.i32(*batch_index);
            writer.nullable_string(Some(message));
            writer.no_tagged_fields();
        }
        writer.nullable_string(result.error_message.as_deref());
    }
    match result.current_leader {
        Some((leader_id, leader_epoch)) if version >= 10 => {
            writer.unsigned_varint(1);
            write_leader_tag(writer, 0, leader_id, leader_epoch);
        }
        _ => writer.no_tagged_fields(),
    }
}

/// A tagged `{leader id, leader epoch}`: 4 + 4 bytes and an empty tag section.
pub(super) fn write_leader_tag(writer: &mut Writer<'_>, tag: u32, leader_id: i32, leader_epoch: i32) {
    writer.unsigned_varint(tag);
    writer.unsigned_varint(9);
    writer.i32(leader_id);
    writer.i32(leader_epoch);
    writer.no_tagged_fields();
}

pub fn end_topic(writer: &mut Writer<'_>) {
    writer.no_tagged_fields();
}

pub fn end_response(writer: &mut Writer<'_>, throttle_time_ms: i32) {
    writer.i32(throttle_time_ms);
    writer.no_tagged_fields();
}
