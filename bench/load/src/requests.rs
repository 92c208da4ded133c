//! The requests a load sends and what it reads of the answers, each at one fixed version that every broker of the 3.x
//! and 4.x lines serves. Frames are written without their leading size; `connection` and `client` add it.

use anyhow::{Result, ensure};

use crate::wire::{Reader, Writer};

const CLIENT_ID: &str = "millrace-load";

/// API key and version of every request used here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Api(pub i16, pub i16);

impl Api {
    pub const PRODUCE: Api = Api(0, 11);
    pub const FETCH: Api = Api(1, 12);
    pub const LIST_OFFSETS: Api = Api(2, 6);
    pub const METADATA: Api = Api(3, 12);
    pub const OFFSET_COMMIT: Api = Api(8, 8);
    pub const FIND_COORDINATOR: Api = Api(10, 3);
    pub const JOIN_GROUP: Api = Api(11, 7);
    pub const HEARTBEAT: Api = Api(12, 4);
    pub const SYNC_GROUP: Api = Api(14, 5);
    pub const API_VERSIONS: Api = Api(18, 0);
    pub const CREATE_TOPICS: Api = Api(19, 7);
    pub const INIT_PRODUCER_ID: Api = Api(22, 4);
    pub const CONSUMER_GROUP_HEARTBEAT: Api = Api(68, 0);
}

pub mod errors {
    pub const NONE: i16 = 0;
    pub const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
    pub const COORDINATOR_NOT_AVAILABLE: i16 = 15;
    pub const NOT_COORDINATOR: i16 = 16;
    pub const REBALANCE_IN_PROGRESS: i16 = 27;
    pub const TOPIC_ALREADY_EXISTS: i16 = 36;
    pub const MEMBER_ID_REQUIRED: i16 = 79;
}

/// The request header. Version 2 ends with tagged fields; ApiVersions 0 is the one request here that has version 1.
pub fn header(api: Api, correlation_id: i32, out: &mut Vec<u8>) {
    Writer(out).i16(api.0).i16(api.1).i32(correlation_id).i16(CLIENT_ID.len() as i16);
    out.extend_from_slice(CLIENT_ID.as_bytes());
    if api != Api::API_VERSIONS {
        Writer(out).tags();
    }
}

/// Splits a response into its correlation id and a reader of its body.
pub fn response(api: Api, frame: &[u8]) -> Result<(i32, Reader<'_>)> {
    let mut reader = Reader(frame);
    let correlation_id = reader.i32()?;
    if api != Api::API_VERSIONS {
        reader.skip_tags()?;
    }
    Ok((correlation_id, reader))
}

pub fn metadata_of_all_topics(out: &mut Vec<u8>) {
    Writer(out).null().bool(false).bool(false).tags();
}

pub fn metadata_of(topics: &[String], out: &mut Vec<u8>) {
    Writer(out).compact_length(topics.len());
    for topic in topics {
        Writer(out).uuid([0; 16]).string(topic).tags();
    }
    Writer(out).bool(false).bool(false).tags();
}

/// What a load wants of Metadata: how many brokers there are, and how many partitions that have a leader.
pub struct Metadata {
    pub broker_count: usize,
    pub led_partition_count: usize,
}

impl Metadata {
    pub fn read(reader: &mut Reader<'_>) -> Result<Metadata> {
        reader.i32()?;
        let mut metadata = Metadata { broker_count: reader.compact_length()?, led_partition_count: 0 };
        for _ in 0..metadata.broker_count {
            reader.i32()?;
            reader.bytes()?;
            reader.i32()?;
            reader.bytes()?;
            reader.skip_tags()?;
        }
        reader.bytes()?;
        reader.i32()?;
        for _ in 0..reader.compact_length()? {
            metadata.led_partition_count += read_led_partitions(reader)?;
        }
        Ok(metadata)
    }
}

fn read_led_partitions(reader: &mut Reader<'_>) -> Result<usize> {
    reader.i16()?;
    reader.bytes()?;
    reader.take(17)?;
    let mut led = 0;
    for _ in 0..reader.compact_length()? {
        let error = reader.i16()?;
        reader.i32()?;
        let leader = reader.i32()?;
        reader.i32()?;
        for _replicas in 0..3 {
            let count = reader.compact_length()?;
            reader.take(count * 4)?;
        }
        reader.skip_tags()?;
        led += usize::from(error == errors::NONE && leader >= 0);
    }
    reader.i32()?;
    reader.skip_tags()?;
    Ok(led)
}

pub fn create_topic(name: &str, partition_count: usize, configs: &[(String, String)], out: &mut Vec<u8>) {
    Writer(out).compact_length(1).string(name).i32(partition_count as i32).i16(1).compact_length(0);
    Writer(out).compact_length(configs.len());
    for (key, value) in configs {
        Writer(out).string(key).string(value).tags();
    }
    Writer(out).tags().i32(60_000).bool(false).tags();
}

/// The error of the one topic that was asked for.
pub fn read_created(reader: &mut Reader<'_>) -> Result<(i16, String)> {
    reader.i32()?;
    ensure!(reader.compact_length()? == 1, "one topic was asked for");
    reader.bytes()?;
    reader.take(16)?;
    Ok((reader.i16()?, reader.string()?))
}

/// All of a Produce request of one partition up to where the batch's bytes follow; `PRODUCE_TAIL` closes it.
pub fn produce_head(acks: i16, topic: &str, partition: i32, batch_size: usize, out: &mut Vec<u8>) {
    Writer(out).null().i16(acks).i32(30_000).compact_length(1).string(topic).compact_length(1).i32(partition);
    Writer(out).compact_length(batch_size);
}

/// The empty tagged fields of partition, topic and request.
pub const PRODUCE_TAIL: &[u8] = &[0, 0, 0];

/// Calls `each` with partition, error code and base offset of every partition in a Produce response.
pub fn read_produced(reader: &mut Reader<'_>, mut each: impl FnMut(i32, i16, i64)) -> Result<()> {
    for _ in 0..reader.compact_length()? {
        reader.bytes()?;
        for _ in 0..reader.compact_length()? {
            each(reader.i32()?, reader.i16()?, reader.i64()?);
            reader.i64()?;
            reader.i64()?;
            for _ in 0..reader.compact_length()? {
                reader.i32()?;
                reader.bytes()?;
                reader.skip_tags()?;
            }
            reader.bytes()?;
            reader.skip_tags()?;
        }
        reader.skip_tags()?;
    }
    Ok(())
}

/// How long and for how much a fetch waits, and how much it takes.
#[derive(Clone, Copy)]
pub struct FetchLimits {
    pub wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub partition_max_bytes: i32,
}

/// A Fetch outside any session: every partition is named, every time.
pub fn fetch<'a>(limits: FetchLimits, topics: impl ExactSizeIterator<Item = (&'a str, &'a [(i32, i64)])>, out: &mut Vec<u8>) {
    Writer(out).i32(-1).i32(limits.wait_ms).i32(limits.min_bytes).i32(limits.max_bytes).i8(0).i32(0).i32(-1);
    Writer(out).compact_length(topics.len());
    for (topic, partitions) in topics {
        Writer(out).string(topic).compact_length(partitions.len());
        for &(partition, offset) in partitions {
            Writer(out).i32(partition).i32(-1).i64(offset).i32(-1).i64(-1).i32(limits.partition_max_bytes).tags();
        }
        Writer(out).tags();
    }
    Writer(out).compact_length(0).string("").tags();
}

pub struct FetchedPartition<'a> {
    pub topic: &'a [u8],
    pub partition: i32,
    pub error: i16,
    pub log_start_offset: i64,
    pub records: &'a [u8],
}

/// Calls `each` with every partition of a Fetch response; returns the error of the whole.
pub fn read_fetched<'a>(reader: &mut Reader<'a>, mut each: impl FnMut(FetchedPartition<'a>)) -> Result<i16> {
    reader.i32()?;
    let error = reader.i16()?;
    reader.i32()?;
    for _ in 0..reader.compact_length()? {
        let topic = reader.bytes()?;
        for _ in 0..reader.compact_length()? {
            let partition = reader.i32()?;
            let error = reader.i16()?;
            reader.take(16)?;
            let log_start_offset = reader.i64()?;
            for _ in 0..reader.compact_length()? {
                reader.take(16)?;
                reader.skip_tags()?;
            }
            reader.i32()?;
            let records = reader.bytes()?;
            reader.skip_tags()?;
            each(FetchedPartition { topic, partition, error, log_start_offset, records });
        }
        reader.skip_tags()?;
    }
    Ok(error)
}

/// Asks for the offset that the next record of each of a topic's first partitions will get.
pub fn latest_offsets(topic: &str, partition_count: usize, out: &mut Vec<u8>) {
    Writer(out).i32(-1).i8(0).compact_length(1).string(topic).compact_length(partition_count);
    for partition in 0..partition_count as i32 {
        Writer(out).i32(partition).i32(-1).i64(-1).tags();
    }
    Writer(out).tags().tags();
}

/// Partition, error and offset of each partition of the one topic that was asked for.
pub fn read_offsets(reader: &mut Reader<'_>) -> Result<Vec<(i32, i16, i64)>> {
    reader.i32()?;
    ensure!(reader.compact_length()? == 1, "one topic was asked for");
    reader.bytes()?;
    (0..reader.compact_length()?)
        .map(|_| {
            let (partition, error) = (reader.i32()?, reader.i16()?);
            reader.i64()?;
            let offset = reader.i64()?;
            reader.i32()?;
            reader.skip_tags()?;
            Ok((partition, error, offset))
        })
        .collect()
}

pub fn find_coordinator(group: &str, out: &mut Vec<u8>) {
    Writer(out).string(group).i8(0).tags();
}

pub fn read_coordinator(reader: &mut Reader<'_>) -> Result<i16> {
    reader.i32()?;
    reader.i16()
}

/// A member as the coordinator knows it.
#[derive(Clone, Default)]
pub struct Member {
    pub group: String,
    pub id: String,
    pub generation: i32,
}

const PROTOCOL: &str = "range";

pub fn join_group(member: &Member, session_timeout_ms: i32, out: &mut Vec<u8>) {
    Writer(out).string(&member.group).i32(session_timeout_ms).i32(60_000).string(&member.id).null().string("consumer");
    Writer(out).compact_length(1).string(PROTOCOL).bytes(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).tags().tags();
}

pub struct Joined {
    pub error: i16,
    pub generation: i32,
    pub member_id: String,
    pub leads: bool,
    pub member_ids: Vec<String>,
}

pub fn read_joined(reader: &mut Reader<'_>) -> Result<Joined> {
    reader.i32()?;
    let error = reader.i16()?;
    let generation = reader.i32()?;
    reader.bytes()?;
    reader.bytes()?;
    let leader = reader.string()?;
    let member_id = reader.string()?;
    let mut member_ids = Vec::new();
    for _ in 0..reader.compact_length()? {
        member_ids.push(reader.string()?);
        reader.bytes()?;
        reader.bytes()?;
        reader.skip_tags()?;
    }
    Ok(Joined { error, generation, leads: leader == member_id, member_id, member_ids })
}

pub fn sync_group(member: &Member, assigned: &[String], out: &mut Vec<u8>) {
    Writer(out).string(&member.group).i32(member.generation).string(&member.id).null().string("consumer").string(PROTOCOL);
    Writer(out).compact_length(assigned.len());
    for id in assigned {
        Writer(out).string(id).bytes(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).tags();
    }
    Writer(out).tags();
}

/// The error of a response that starts with throttle time and error code: SyncGroup, Heartbeat.
pub fn read_throttled_error(reader: &mut Reader<'_>) -> Result<i16> {
    reader.i32()?;
    reader.i16()
}

pub fn heartbeat(member: &Member, out: &mut Vec<u8>) {
    Writer(out).string(&member.group).i32(member.generation).string(&member.id).null().tags();
}

pub fn offset_commit(member: &Member, topic: &str, partition: i32, offset: i64, out: &mut Vec<u8>) {
    Writer(out).string(&member.group).i32(member.generation).string(&member.id).null();
    Writer(out).compact_length(1).string(topic).compact_length(1).i32(partition).i64(offset).i32(-1).string("").tags().tags().tags();
}

/// The error of the one partition that was committed.
pub fn read_committed(reader: &mut Reader<'_>) -> Result<i16> {
    reader.i32()?;
    ensure!(reader.compact_length()? == 1, "one topic was committed");
    reader.bytes()?;
    ensure!(reader.compact_length()? == 1, "one partition was committed");
    reader.i32()?;
    reader.i16()
}

/// Asks for a producer id without a transaction.
pub fn init_producer_id(out: &mut Vec<u8>) {
    Writer(out).null().i32(60_000).i64(-1).i16(-1).tags();
}

/// Error, producer id and epoch.
pub fn read_producer_id(reader: &mut Reader<'_>) -> Result<(i16, i64, i16)> {
    reader.i32()?;
    Ok((reader.i16()?, reader.i64()?, reader.i16()?))
}

/// Partitions by the id of their topic.
pub type Assignment = Vec<([u8; 16], Vec<i32>)>;

/// A heartbeat of the consumer protocol. `topic` is named by one who joins; `owned` is what the member has now, where that changed.
pub fn consumer_heartbeat(group: &str, member: &str, epoch: i32, topic: Option<&str>, owned: Option<&Assignment>, out: &mut Vec<u8>) {
    Writer(out).string(group).string(member).i32(epoch).null().null();
    match topic {
        Some(topic) => Writer(out).i32(60_000).compact_length(1).string(topic),
        None => Writer(out).i32(-1).null(),
    };
    Writer(out).null();
    match owned {
        None => {
            Writer(out).null();
        }
        Some(owned) => {
            Writer(out).compact_length(owned.len());
            for (topic_id, partitions) in owned {
                Writer(out).uuid(*topic_id).compact_length(partitions.len());
                for &partition in partitions {
                    Writer(out).i32(partition);
                }
                Writer(out).tags();
            }
        }
    }
    Writer(out).tags();
}

pub struct ConsumerHeartbeat {
    pub error: i16,
    pub epoch: i32,
    /// What the member shall have, where that changed.
    pub assignment: Option<Assignment>,
}

pub fn read_consumer_heartbeat(reader: &mut Reader<'_>) -> Result<ConsumerHeartbeat> {
    reader.i32()?;
    let error = reader.i16()?;
    reader.bytes()?;
    reader.bytes()?;
    let epoch = reader.i32()?;
    reader.i32()?;
    if reader.i8()? < 0 {
        return Ok(ConsumerHeartbeat { error, epoch, assignment: None });
    }
    let mut assignment = Vec::new();
    for _ in 0..reader.compact_length()? {
        let topic_id = reader.take(16)?.try_into()?;
        let partitions = (0..reader.compact_length()?).map(|_| reader.i32()).collect::<Result<_>>()?;
        reader.skip_tags()?;
        assignment.push((topic_id, partitions));
    }
    Ok(ConsumerHeartbeat { error, epoch, assignment: Some(assignment) })
}
