//! OffsetForLeaderEpoch 2–4 (KIP-101, KIP-320).

use super::{ErrorCode, Malformed, Reader, Writer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetForLeaderEpochRequest<'a> {
    pub topics: Vec<(&'a str, Vec<EpochPartition>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochPartition {
    pub index: i32,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEndOffset {
    pub error: ErrorCode,
    pub leader_epoch: i32,
    pub end_offset: i64,
}

impl EpochEndOffset {
    pub fn failed(error: ErrorCode) -> Self {
        EpochEndOffset { error, leader_epoch: -1, end_offset: -1 }
    }
}

impl<'a> OffsetForLeaderEpochRequest<'a> {
    pub fn decode(frame: &'a [u8], body: usize, version: i16) -> Result<Self, Malformed> {
        let mut r = Reader::new(frame, false);
        r.take(body)?;
        r.flexible = version >= 4;
        if version >= 3 {
            r.i32()?; // replica id: consumers and followers are answered alike by a leader
        }
        let mut topics = Vec::new();
        for _ in 0..r.required_array_len()? {
            let name = r.string()?;
            let mut partitions = Vec::new();
            for _ in 0..r.required_array_len()? {
                partitions.push(EpochPartition { index: r.i32()?, current_leader_epoch: r.i32()?, leader_epoch: r.i32()? });
                r.skip_tagged_fields()?;
            }
            r.skip_tagged_fields()?;
            topics.push((name, partitions));
        }
        r.skip_tagged_fields()?;
        Ok(OffsetForLeaderEpochRequest { topics })
    }
}

pub fn encode_response(writer: &mut Writer<'_>, topics: &[(&str, Vec<(i32, EpochEndOffset)>)]) {
    writer.i32(0); // throttle time
    writer.array_len(topics.len());
    for (name, partitions) in topics {
        writer.string(name);
        writer.array_len(partitions.len());
        for (index, answer) in partitions {
            writer.i16(answer.error.code());
            writer.i32(*index);
            writer.i32(answer.leader_epoch);
            writer.i64(answer.end_offset);
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
    }
    writer.no_tagged_fields();
}
