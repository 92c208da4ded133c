//! The follower's side of Fetch 17: the request as it is written, and the response as it is read. And ListOffsets 9, with
//! which a follower asks for the bounds of its leader's log.
//!
//! ```text
//! request   max wait i32, min bytes i32, max bytes i32, isolation i8, session id i32, session epoch i32,
//!           topics [id, partitions [index i32, leader epoch i32, fetch offset i64, last fetched epoch i32, log start i64,
//!           max bytes i32]], forgotten [id, partitions [i32]], rack, tag 1: replica id i32, broker epoch i64
//! response  throttle i32, error i16, session id i32, topics [id, partitions [index i32, error i16, high watermark i64,
//!           last stable i64, log start i64, aborted [..], preferred replica i32, records, tag 0: epoch i32, end offset i64,
//!           tag 1: leader id i32, leader epoch i32]]
//! ```

use std::ops::Range;

use super::{Malformed, Reader, Writer};
use crate::Uuid;

pub const FETCH_VERSION: i16 = 17;
pub const LIST_OFFSETS_VERSION: i16 = 9;
const FETCH_KEY: i16 = 1;
const LIST_OFFSETS_KEY: i16 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedPartition {
    pub topic_id: Uuid,
    pub index: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub max_bytes: i32,
}

pub struct ReplicaFetchRequest<'a> {
    pub correlation_id: i32,
    pub client_id: &'a str,
    pub replica_id: i32,
    pub broker_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub session_id: i32,
    pub session_epoch: i32,
    /// In the order in which they get their turn.
    pub partitions: &'a [RequestedPartition],
    pub forgotten: &'a [(Uuid, i32)],
}

impl ReplicaFetchRequest<'_> {
    /// The whole frame with its size.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.partitions.len() * 64);
        let mut writer = begin_request(&mut bytes, FETCH_KEY, FETCH_VERSION, self.correlation_id, self.client_id);
        writer.i32(self.max_wait_ms);
        writer.i32(self.min_bytes);
        writer.i32(self.max_bytes);
        writer.i8(0);
        writer.i32(self.session_id);
        writer.i32(self.session_epoch);
        let topics: Vec<_> = self.partitions.chunk_by(|a, b| a.topic_id == b.topic_id).collect();
        writer.array_len(topics.len());
        for partitions in topics {
            writer.uuid(partitions[0].topic_id);
            writer.array_len(partitions.len());
            for partition in partitions {
                writer.i32(partition.index);
                writer.i32(partition.current_leader_epoch);
                writer.i64(partition.fetch_offset);
                writer.i32(partition.last_fetched_epoch);
                writer.i64(partition.log_start_offset);
                writer.i32(partition.max_bytes);
                writer.no_tagged_fields();
            }
            writer.no_tagged_fields();
        }
        let topics: Vec<_> = self.forgotten.chunk_by(|a, b| a.0 == b.0).collect();
        writer.array_len(topics.len());
        for partitions in topics {
            writer.uuid(partitions[0].0);
            writer.array_len(partitions.len());
            partitions.iter().for_each(|(_, index)| writer.i32(*index));
            writer.no_tagged_fields();
        }
        writer.string("");
        writer.unsigned_varint(1);
        writer.unsigned_varint(1);
        writer.unsigned_varint(13);
        writer.i32(self.replica_id);
        writer.i64(self.broker_epoch);
        writer.no_tagged_fields();
        end_request(bytes)
    }
}

fn begin_request<'a>(bytes: &'a mut Vec<u8>, key: i16, version: i16, correlation_id: i32, client_id: &str) -> Writer<'a> {
    let mut writer = Writer::new(bytes, false);
    writer.i32(0);
    writer.i16(key);
    writer.i16(version);
    writer.i32(correlation_id);
    writer.string(client_id);
    writer.flexible = true;
    writer.no_tagged_fields();
    writer
}

fn end_request(mut bytes: Vec<u8>) -> Vec<u8> {
    let size = (bytes.len() - 4) as i32;
    Writer::new(&mut bytes, true).patch_i32(0, size);
    bytes
}

/// What the leader says of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedReplica {
    pub topic_id: Uuid,
    pub index: i32,
    pub error: i16,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    /// A range of the response.
    pub records: Range<usize>,
    /// The largest epoch that the leader shares with this log, or knows below it, and where that ends.
    pub diverging_epoch: Option<(i32, i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaFetchResponse {
    pub correlation_id: i32,
    pub error: i16,
    pub session_id: i32,
    pub partitions: Vec<FetchedReplica>,
}

impl ReplicaFetchResponse {
    /// Reads a frame without its size.
    pub fn decode(frame: &[u8]) -> Result<ReplicaFetchResponse, Malformed> {
        let mut reader = Reader::new(frame, true);
        let r = &mut reader;
        let correlation_id = r.i32()?;
        r.skip_tagged_fields()?;
        r.i32()?;
        let mut response = ReplicaFetchResponse { correlation_id, error: r.i16()?, session_id: r.i32()?, partitions: Vec::new() };
        for _ in 0..r.required_array_len()? {
            let topic_id = r.uuid()?;
            for _ in 0..r.required_array_len()? {
                response.partitions.push(read_partition(r, topic_id)?);
            }
            r.skip_tagged_fields()?;
        }
        r.skip_tagged_fields()?;
        Ok(response)
    }
}

fn read_partition(r: &mut Reader<'_>, topic_id: Uuid) -> Result<FetchedReplica, Malformed> {
    let (index, error, high_watermark) = (r.i32()?, r.i16()?, r.i64()?);
    r.i64()?;
    let log_start_offset = r.i64()?;
    for _ in 0..r.array_len()?.unwrap_or(0) {
        r.take(16)?;
        r.skip_tagged_fields()?;
    }
    r.i32()?;
    let records = r.nullable_bytes_range()?.unwrap_or_default();
    let mut diverging_epoch = None;
    r.tagged_fields(|tag, field| {
        if tag == 0 {
            diverging_epoch = Some((field.i32()?, field.i64()?));
        }
        Ok(())
    })?;
    Ok(FetchedReplica { topic_id, index, error, high_watermark, log_start_offset, records, diverging_epoch })
}

/// A bound of the leader's log that a follower asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    LogStart,
    LogEnd,
}

/// The frame of a ListOffsets request, with its size; topic, partition, leader epoch and bound of each.
pub fn encode_bounds(correlation_id: i32, client_id: &str, replica_id: i32, asked: &[(&str, i32, i32, Bound)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = begin_request(&mut bytes, LIST_OFFSETS_KEY, LIST_OFFSETS_VERSION, correlation_id, client_id);
    writer.i32(replica_id);
    writer.i8(0);
    writer.array_len(asked.len());
    for (topic, index, leader_epoch, bound) in asked {
        writer.string(topic);
        writer.array_len(1);
        writer.i32(*index);
        writer.i32(*leader_epoch);
        writer.i64(match bound {
            Bound::LogStart => -2,
            Bound::LogEnd => -1,
        });
        writer.no_tagged_fields();
        writer.no_tagged_fields();
    }
    writer.no_tagged_fields();
    end_request(bytes)
}

/// Topic, partition, error and offset.
pub type ListedBound = (String, i32, i16, i64);

/// Correlation id and answers of a ListOffsets response, without its size.
pub fn decode_bounds(frame: &[u8]) -> Result<(i32, Vec<ListedBound>), Malformed> {
    let mut reader = Reader::new(frame, true);
    let r = &mut reader;
    let correlation_id = r.i32()?;
    r.skip_tagged_fields()?;
    r.i32()?;
    let mut bounds = Vec::new();
    for _ in 0..r.required_array_len()? {
        let topic = r.string()?;
        for _ in 0..r.required_array_len()? {
            let (index, error) = (r.i32()?, r.i16()?);
            r.i64()?;
            bounds.push((topic.to_owned(), index, error, r.i64()?));
            r.i32()?;
            r.skip_tagged_fields()?;
        }
        r.skip_tagged_fields()?;
    }
    Ok((correlation_id, bounds))
}
