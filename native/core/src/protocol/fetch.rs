//! Fetch 4–18: the request as values, and the response's parts. Records themselves are not here: the response is written
//! around them.

use super::produce::write_leader_tag;
use super::{ErrorCode, Malformed, Reader, Writer};
use crate::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// -1 for a consumer.
    pub replica_id: i32,
    /// The epoch of the follower's broker (KIP-903); -1 where it is not told.
    pub replica_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub read_committed: bool,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten: Vec<ForgottenTopic>,
    /// Where the consumer stands (KIP-392); empty for nowhere in particular.
    pub rack: Box<str>,
}

/// Up to version 12 `name` is set, from 13 `id` (KIP-516).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    pub name: Box<str>,
    pub id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    pub index: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub max_bytes: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgottenTopic {
    pub name: Box<str>,
    pub id: Uuid,
    pub partitions: Vec<i32>,
}

impl FetchRequest {
    /// Reads the body that starts at `body` in `frame`.
    pub fn decode(frame: &[u8], body: usize, version: i16) -> Result<FetchRequest, Malformed> {
        let mut reader = Reader::new(frame, false);
        reader.take(body)?;
        reader.flexible = version >= 12;
        let r = &mut reader;
        let replica_id = if version <= 14 { r.i32()? } else { -1 };
        let mut request = FetchRequest {
            replica_id,
            replica_epoch: -1,
            max_wait_ms: r.i32()?,
            min_bytes: r.i32()?,
            max_bytes: r.i32()?,
            read_committed: r.i8()? == 1,
            session_id: if version >= 7 { r.i32()? } else { 0 },
            session_epoch: if version >= 7 { r.i32()? } else { -1 },
            topics: Vec::new(),
            forgotten: Vec::new(),
            rack: "".into(),
        };
        for _ in 0..r.required_array_len()? {
            let (name, id) = read_topic(r, version)?;
            let mut partitions = Vec::new();
            for _ in 0..r.required_array_len()? {
                partitions.push(read_partition(r, version)?);
            }
            r.skip_tagged_fields()?;
            request.topics.push(FetchTopic { name, id, partitions });
        }
        if version >= 7 {
            for _ in 0..r.required_array_len()? {
                let (name, id) = read_topic(r, version)?;
                let mut partitions = Vec::new();
                for _ in 0..r.required_array_len()? {
                    partitions.push(r.i32()?);
                }
                r.skip_tagged_fields()?;
                request.forgotten.push(ForgottenTopic { name, id, partitions });
            }
        }
        if version >= 11 {
            request.rack = r.string()?.into();
        }
        r.tagged_fields(|tag, field| {
            if tag == 1 && version >= 15 {
                request.replica_id = field.i32()?;
                request.replica_epoch = field.i64()?;
            }
            Ok(())
        })?;
        Ok(request)
    }
}

fn read_topic(reader: &mut Reader<'_>, version: i16) -> Result<(Box<str>, Uuid), Malformed> {
    if version >= 13 { Ok(("".into(), reader.uuid()?)) } else { Ok((reader.string()?.into(), Uuid::ZERO)) }
}

fn read_partition(r: &mut Reader<'_>, version: i16) -> Result<FetchPartition, Malformed> {
    let partition = FetchPartition {
        index: r.i32()?,
        current_leader_epoch: if version >= 9 { r.i32()? } else { -1 },
        fetch_offset: r.i64()?,
        last_fetched_epoch: if version >= 12 { r.i32()? } else { -1 },
        log_start_offset: if version >= 5 { r.i64()? } else { -1 },
        max_bytes: r.i32()?,
    };
    r.skip_tagged_fields()?;
    Ok(partition)
}

/// What a partition's part of the response says beside its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    pub error: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// Producer id and first offset of aborted transactions; `None` for read_uncommitted, where the list must be null.
    pub aborted: Option<Vec<(i64, i64)>>,
    /// Epoch and end offset where the follower's or consumer's log parts from this one (KIP-595).
    pub diverging_epoch: Option<(i32, i64)>,
    pub current_leader: Option<(i32, i32)>,
    /// From which replica to read instead (KIP-392); -1 for this one.
    pub preferred_read_replica: i32,
}

impl FetchedPartition {
    pub fn failed(error: ErrorCode) -> Self {
        FetchedPartition {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            // As Kafka has it: the list is empty where there is no partition, and absent where one cannot be read now.
            aborted: matches!(error, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId).then(Vec::new),
            diverging_epoch: None,
            current_leader: None,
            preferred_read_replica: -1,
        }
    }
}

/// Writes all that stands before the topics.
pub fn begin_response(writer: &mut Writer<'_>, version: i16, error: ErrorCode, session_id: i32, topic_count: usize) {
    writer.i32(0); // throttle time
    if version >= 7 {
        writer.i16(error.code());
        writer.i32(session_id);
    }
    writer.array_len(topic_count);
}

pub fn begin_topic(writer: &mut Writer<'_>, version: i16, name: &str, id: Uuid, partition_count: usize) {
    if version >= 13 {
        writer.uuid(id);
    } else {
        writer.string(name);
    }
    writer.array_len(partition_count);
}

/// Writes a partition up to and with the length of its records; the caller places those, then calls [`end_partition`].
pub fn begin_partition(writer: &mut Writer<'_>, version: i16, index: i32, partition: &FetchedPartition, records_len: usize) {
    writer.i32(index);
    writer.i16(partition.error.code());
    writer.i64(partition.high_watermark);
    writer.i64(partition.last_stable_offset);
    if version >= 5 {
        writer.i64(partition.log_start_offset);
    }
    match &partition.aborted {
        None => writer.null_array(),
        Some(aborted) => {
            writer.array_len(aborted.len());
            for (producer_id, first_offset) in aborted {
                writer.i64(*producer_id);
                writer.i64(*first_offset);
                writer.no_tagged_fields();
            }
        }
    }
    if version >= 11 {
        writer.i32(partition.preferred_read_replica);
    }
    writer.records_len(records_len);
}

pub fn end_partition(writer: &mut Writer<'_>, version: i16, partition: &FetchedPartition) {
    if version < 12 {
        return;
    }
    let tags = u32::from(partition.diverging_epoch.is_some()) + u32::from(partition.current_leader.is_some());
    writer.unsigned_varint(tags);
    if let Some((epoch, end_offset)) = partition.diverging_epoch {
        writer.unsigned_varint(0);
        writer.unsigned_varint(13);
        writer.i32(epoch);
        writer.i64(end_offset);
        writer.no_tagged_fields();
    }
    if let Some((leader_id, leader_epoch)) = partition.current_leader {
        write_leader_tag(writer, 1, leader_id, leader_epoch);
    }
}

pub fn end_topic(writer: &mut Writer<'_>) {
    writer.no_tagged_fields();
}

pub fn end_response(writer: &mut Writer<'_>) {
    writer.no_tagged_fields();
}
