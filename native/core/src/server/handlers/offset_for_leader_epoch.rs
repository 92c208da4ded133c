//! OffsetForLeaderEpoch: where an epoch ends in this log, so that followers and consumers find where theirs part.

use crate::log::TopicTable;
use crate::protocol::offset_for_leader_epoch::{EpochEndOffset, EpochPartition, OffsetForLeaderEpochRequest, encode_response};
use crate::protocol::{ErrorCode, Malformed, RequestHeader, Writer};

use super::{begin_response, epoch_code, find_by_name, unavailable_code};

/// Answers a request whose body starts at `body`.
pub fn handle(table: &TopicTable, header: &RequestHeader<'_>, frame: &[u8], body: usize, response: &mut Vec<u8>) -> Result<(), Malformed> {
    let request = OffsetForLeaderEpochRequest::decode(frame, body, header.api_version)?;
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|(name, partitions)| {
            let answers = partitions
                .iter()
                .map(|asked| (asked.index, end_offset(table, name, asked).unwrap_or_else(EpochEndOffset::failed)))
                .collect::<Vec<_>>();
            (*name, answers)
        })
        .collect();
    let mut writer = Writer::new(response, header.api_version >= 4);
    begin_response(&mut writer, header.correlation_id);
    encode_response(&mut writer, &topics);
    Ok(())
}

fn end_offset(table: &TopicTable, name: &str, asked: &EpochPartition) -> Result<EpochEndOffset, ErrorCode> {
    let (_, partition) = find_by_name(table, name, asked.index)?;
    partition.check_leader_epoch(asked.current_leader_epoch).map_err(epoch_code)?;
    partition.check_leads().map_err(|error| unavailable_code(&error))?;
    let (leader_epoch, end_offset) = partition.end_offset_for_epoch(asked.leader_epoch);
    Ok(EpochEndOffset { error: ErrorCode::None, leader_epoch, end_offset })
}
