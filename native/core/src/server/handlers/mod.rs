//! One file per API that the data plane answers, and the one place where storage errors become Kafka's codes.

pub mod fetch;
pub mod list_offsets;
pub mod offset_for_leader_epoch;
pub mod produce;

use std::sync::Arc;

use crate::Uuid;
use crate::log::{Topic, TopicTable};
use crate::partition::{AppendError, EpochError, Partition, PartitionUnavailable, ReadError, RecordErrorKind};
use crate::protocol::{ErrorCode, Writer};

/// Begins a response: size to be patched, correlation id, and the tag section of header v1.
pub fn begin_response(writer: &mut Writer<'_>, correlation_id: i32) {
    writer.i32(0);
    writer.i32(correlation_id);
    writer.no_tagged_fields();
}

pub fn find_by_name(table: &TopicTable, name: &str, index: i32) -> Result<(Arc<Topic>, Arc<Partition>), ErrorCode> {
    let topic = table.by_name.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    Ok((topic.clone(), partition_of(topic, index)?))
}

pub fn find_by_id(table: &TopicTable, id: Uuid, index: i32) -> Result<(Arc<Topic>, Arc<Partition>), ErrorCode> {
    let topic = table.by_id.get(&id).ok_or(ErrorCode::UnknownTopicId)?;
    Ok((topic.clone(), partition_of(topic, index)?))
}

fn partition_of(topic: &Topic, index: i32) -> Result<Arc<Partition>, ErrorCode> {
    let place = usize::try_from(index).ok().and_then(|index| topic.partitions.get(index));
    match place {
        Some(Some(partition)) => Ok(partition.clone()),
        // It is there, and others have it.
        Some(None) => Err(ErrorCode::NotLeaderOrFollower),
        None => Err(ErrorCode::UnknownTopicOrPartition),
    }
}

pub fn unavailable_code(error: &PartitionUnavailable) -> ErrorCode {
    match error {
        // Clients ask for metadata again and retry, which is what a partition that is being recovered needs.
        PartitionUnavailable::Loading => ErrorCode::NotLeaderOrFollower,
        PartitionUnavailable::Failed(_) => ErrorCode::KafkaStorageError,
        PartitionUnavailable::Deleted => ErrorCode::UnknownTopicOrPartition,
        PartitionUnavailable::NotLeader { .. } => ErrorCode::NotLeaderOrFollower,
    }
}

pub fn append_code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Unavailable(unavailable) => unavailable_code(unavailable),
        AppendError::CorruptBatch(_) => ErrorCode::CorruptMessage,
        AppendError::InvalidBatch(_) => ErrorCode::InvalidRecord,
        AppendError::UnsupportedMagic(_) => ErrorCode::UnsupportedForMessageFormat,
        AppendError::UnsupportedCompression(_) => ErrorCode::UnsupportedCompressionType,
        AppendError::RecordErrors(RecordErrorKind::InvalidRecord, _) => ErrorCode::InvalidRecord,
        AppendError::RecordErrors(RecordErrorKind::InvalidTimestamp, _) => ErrorCode::InvalidTimestamp,
        AppendError::BatchTooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::BatchLargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        AppendError::NotEnoughReplicas { .. } => ErrorCode::NotEnoughReplicas,
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::InvalidTransactionState { .. } => ErrorCode::InvalidTxnState,
        AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::StorageFull => ErrorCode::KafkaStorageError,
    }
}

pub fn read_code(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::Unavailable(unavailable) => unavailable_code(unavailable),
        ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        ReadError::OffsetNotAvailable { .. } => ErrorCode::OffsetNotAvailable,
        ReadError::Storage(_) => ErrorCode::KafkaStorageError,
    }
}

pub fn epoch_code(error: EpochError) -> ErrorCode {
    match error {
        EpochError::Fenced => ErrorCode::FencedLeaderEpoch,
        EpochError::Unknown => ErrorCode::UnknownLeaderEpoch,
    }
}
