//! Failures on their way to JavaScript: a Kafka code and a message, or a plain message of a start that cannot go on.

use millrace_core::partition::{AppendError, MoveError, PartitionUnavailable, ReadError};
use millrace_core::protocol::ErrorCode;
use millrace_core::server::handlers::{append_code, read_code, unavailable_code};
use napi::{Error, Status};

use crate::packing::Truncated;

/// `KAFKA <code> <message>`, which `src/native.ts` turns into a KafkaError.
pub fn kafka(code: ErrorCode, message: impl std::fmt::Display) -> Error {
    Error::new(Status::GenericFailure, format!("KAFKA {} {message}", code.code()))
}

pub fn append(error: &AppendError) -> Error {
    kafka(append_code(error), error)
}

pub fn read(error: &ReadError) -> Error {
    kafka(read_code(error), error)
}

pub fn unavailable(error: &PartitionUnavailable) -> Error {
    kafka(unavailable_code(error), error)
}

pub fn move_replica(error: &MoveError) -> Error {
    let code = match error {
        MoveError::Unavailable(unavailable) => unavailable_code(unavailable),
        MoveError::NoSuchDir(_) => ErrorCode::LogDirNotFound,
        MoveError::Copy(_) | MoveError::Damaged(_) | MoveError::Stopped => ErrorCode::KafkaStorageError,
    };
    kafka(code, error)
}

pub fn unknown_partition(topic: &str, partition: i32) -> Error {
    kafka(ErrorCode::UnknownTopicOrPartition, format!("{topic}-{partition} is not here"))
}

pub fn other(error: impl std::fmt::Display) -> Error {
    Error::new(Status::GenericFailure, error.to_string())
}

pub fn invalid(message: impl std::fmt::Display) -> Error {
    Error::new(Status::InvalidArg, message.to_string())
}

pub fn truncated(_: Truncated) -> Error {
    invalid("a packed argument ends too early")
}

/// DeleteRecords names an offset above the high watermark with another code than Produce an invalid batch.
pub fn delete_records(error: &AppendError) -> Error {
    match error {
        AppendError::InvalidBatch(message) => kafka(ErrorCode::OffsetOutOfRange, message),
        other => append(other),
    }
}
