//! ListOffsets 1–11.

use super::{ErrorCode, Malformed, Reader, Writer};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOffsetsRequest<'a> {
    pub replica_id: i32,
    pub read_committed: bool,
    pub topics: Vec<(&'a str, Vec<ListOffsetsPartition>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOffsetsPartition {
    pub index: i32,
    pub current_leader_epoch: i32,
    /// Milliseconds, or one of the special values -1 to -6.
    pub timestamp: i64,
}

/// The answer for one partition; offset and timestamp are -1 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    pub error: ErrorCode,
    pub timestamp: i64,
    pub offset: i64,
    pub leader_epoch: i32,
}

impl ListedOffset {
    pub fn failed(error: ErrorCode) -> Self {
        ListedOffset { error, timestamp: -1, offset: -1, leader_epoch: -1 }
    }
}

impl<'a> ListOffsetsRequest<'a> {
    pub fn decode(frame: &'a [u8], body: usize, version: i16) -> Result<Self, Malformed> {
        let mut r = Reader::new(frame, false);
        r.take(body)?;
        r.flexible = version >= 6;
        let replica_id = r.i32()?;
        let read_committed = version >= 2 && r.i8()? == 1;
        let mut topics = Vec::new();
        for _ in 0..r.required_array_len()? {
            let name = r.string()?;
            let mut partitions = Vec::new();
            for _ in 0..r.required_array_len()? {
                partitions.push(ListOffsetsPartition {
                    index: r.i32()?,
                    current_leader_epoch: if version >= 4 { r.i32()? } else { -1 },
                    timestamp: r.i64()?,
                });
                r.skip_tagged_fields()?;
            }
            r.skip_tagged_fields()?;
            topics.push((name, partitions));
        }
        if version >= 10 {
            r.i32()?; // time-out: there is no remote storage to wait for
        }
        r.skip_tagged_fields()?;
        Ok(ListOffsetsRequest { replica_id, read_committed, topics })
    }
}

pub fn encode_response(writer: &mut Writer<'_>, version: i16, topics: &[(&str, Vec<(i32, ListedOffset)>)]) {
    if version >= 2 {
        writer.i32(0); // throttle time
    }
    writer.array_len(topics.len());
    for (name, partitions) in topics {
        writer.string(name);
        writer.array_len(partitions.len());
        for (index, listed) in partitions {
            writer.i32(*index);
            writer.i16(listed.error.code());
            writer.i64(listed.timestamp);
            writer.i64(listed.offset);
            if version >= 4 {
                writer.i32(listed.leader_epoch);
            }
            writer.no_tagged_fields();
        }
        writer.no_tagged_fields();
    }
    writer.no_tagged_fields();
}
