//! ListOffsets: the special timestamps and true look-up by time.

use crate::log::TopicTable;
use crate::partition::{Isolation, OffsetSpec};
use crate::protocol::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListedOffset, encode_response};
use crate::protocol::{ErrorCode, Malformed, RequestHeader, Writer};

use super::{begin_response, epoch_code, find_by_name, read_code, unavailable_code};

/// Who asks so is answered by any replica.
const DEBUGGING_REPLICA_ID: i32 = -2;

/// Answers a request whose body starts at `body`.
pub fn handle(table: &TopicTable, header: &RequestHeader<'_>, frame: &[u8], body: usize, response: &mut Vec<u8>) -> Result<(), Malformed> {
    let version = header.api_version;
    let request = ListOffsetsRequest::decode(frame, body, version)?;
    let isolation = if request.replica_id >= 0 {
        Isolation::LogEnd
    } else if request.read_committed {
        Isolation::LastStable
    } else {
        Isolation::HighWatermark
    };
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|(name, partitions)| {
            let answers = partitions
                .iter()
                .map(|partition| {
                    let listed = list(table, name, partition, isolation, version, request.replica_id != DEBUGGING_REPLICA_ID);
                    (partition.index, listed.unwrap_or_else(ListedOffset::failed))
                })
                .collect::<Vec<_>>();
            (*name, answers)
        })
        .collect();
    let mut writer = Writer::new(response, version >= 6);
    begin_response(&mut writer, header.correlation_id);
    encode_response(&mut writer, version, &topics);
    Ok(())
}

fn list(
    table: &TopicTable,
    name: &str,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
    version: i16,
    from_leader_only: bool,
) -> Result<ListedOffset, ErrorCode> {
    let spec = match asked.timestamp {
        -1 => OffsetSpec::Latest(isolation),
        -2 => OffsetSpec::Earliest,
        -3 if version >= 7 => OffsetSpec::MaxTimestamp,
        -4 if version >= 8 => OffsetSpec::EarliestLocal,
        -5 if version >= 9 => OffsetSpec::LatestTiered,
        -6 if version >= 11 => OffsetSpec::EarliestPendingUpload,
        timestamp if timestamp >= 0 => OffsetSpec::Timestamp(timestamp),
        _ => return Err(ErrorCode::UnsupportedVersion),
    };
    let (_, partition) = find_by_name(table, name, asked.index)?;
    partition.check_leader_epoch(asked.current_leader_epoch).map_err(epoch_code)?;
    if from_leader_only {
        partition.check_leads().map_err(|error| unavailable_code(&error))?;
    }
    let found = partition.offset_for(spec).map_err(|error| read_code(&error))?;
    Ok(match found {
        // Nothing a consumer may not read yet is told.
        Some((offset, timestamp, leader_epoch)) if offset <= partition.visible_end(isolation).map_err(|error| read_code(&error))? => {
            ListedOffset { error: ErrorCode::None, timestamp, offset, leader_epoch }
        }
        _ => {
            if isolation != Isolation::LogEnd {
                // What answers the question may be committed, which a new leader does not know yet.
                partition.check_epoch_is_committed().map_err(|error| read_code(&error))?;
            }
            ListedOffset { error: ErrorCode::None, timestamp: -1, offset: -1, leader_epoch: -1 }
        }
    })
}
