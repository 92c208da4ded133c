//! The fixed head of a record batch.
//!
//! ```text
//!  0 base offset          i64      21 attributes        i16 (0-2 codec, 3 timestamp type, 4 transactional,
//!  8 batch length         i32                                5 control, 6 delete horizon)
//! 12 partition leader ep. i32      23 last offset delta i32      43 producer id    i64
//! 16 magic                i8       27 base timestamp    i64      51 producer epoch i16
//! 17 crc-32c of all after i32      35 max timestamp     i64      53 base sequence  i32
//!                                                                57 record count   i32
//! ```
//! Batch length counts what follows it. The checksum leaves out what a broker sets in place: base offset and leader epoch.

use thiserror::Error;

use super::codec::Codec;

pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const MAGIC_V2: i8 = 2;
/// Base offset and batch length: what precedes the counted part of a batch.
pub const LOG_OVERHEAD: usize = 12;
/// The header's size; records follow.
pub const BATCH_OVERHEAD: usize = 61;

const BATCH_LENGTH_AT: usize = 8;
const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME_FLAG: i16 = 0x08;
const TRANSACTIONAL_FLAG: i16 = 0x10;
const CONTROL_FLAG: i16 = 0x20;
const DELETE_HORIZON_FLAG: i16 = 0x40;

/// Whether a batch says of itself that it is part of a transaction. Nothing else of it is looked at.
pub fn is_transactional(batch: &[u8]) -> bool {
    batch.get(ATTRIBUTES_AT..ATTRIBUTES_AT + 2).is_some_and(|bytes| i16::from_be_bytes([bytes[0], bytes[1]]) & TRANSACTIONAL_FLAG != 0)
}

/// Why bytes are no batch header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchHeaderError {
    #[error("{0} bytes are too few for a record batch")]
    TooShort(usize),
    #[error("batch length {0} is impossible")]
    BadLength(i32),
    #[error("records with magic {0} are not supported, only magic 2")]
    UnsupportedMagic(i8),
}

/// The decoded head; offsets, lengths and counts are as stored, not yet checked against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

impl BatchHeader {
    /// Decodes the first 61 bytes. Fails on too few bytes, a length that cannot be, or another magic than 2.
    pub fn decode(bytes: &[u8]) -> Result<BatchHeader, BatchHeaderError> {
        if bytes.len() <= MAGIC_AT {
            return Err(BatchHeaderError::TooShort(bytes.len()));
        }
        let batch_length = i32::from_be_bytes(array(bytes, BATCH_LENGTH_AT));
        let magic = i8::from_be_bytes(array(bytes, MAGIC_AT));
        if magic != MAGIC_V2 {
            return Err(BatchHeaderError::UnsupportedMagic(magic));
        }
        if batch_length < (BATCH_OVERHEAD - LOG_OVERHEAD) as i32 {
            return Err(BatchHeaderError::BadLength(batch_length));
        }
        let Some(head) = bytes.first_chunk::<BATCH_OVERHEAD>() else {
            return Err(BatchHeaderError::TooShort(bytes.len()));
        };
        Ok(BatchHeader {
            base_offset: i64::from_be_bytes(array(head, 0)),
            batch_length,
            partition_leader_epoch: i32::from_be_bytes(array(head, LEADER_EPOCH_AT)),
            magic,
            crc: u32::from_be_bytes(array(head, CRC_AT)),
            attributes: i16::from_be_bytes(array(head, ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(array(head, 23)),
            base_timestamp: i64::from_be_bytes(array(head, 27)),
            max_timestamp: i64::from_be_bytes(array(head, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(array(head, 43)),
            producer_epoch: i16::from_be_bytes(array(head, 51)),
            base_sequence: i32::from_be_bytes(array(head, 53)),
            record_count: i32::from_be_bytes(array(head, 57)),
        })
    }

    /// Writes all fields, the checksum as it stands in `self`.
    pub fn encode(&self, into: &mut [u8; BATCH_OVERHEAD]) {
        into[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        into[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        into[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        into[16..17].copy_from_slice(&self.magic.to_be_bytes());
        into[17..21].copy_from_slice(&self.crc.to_be_bytes());
        into[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        into[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        into[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        into[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        into[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        into[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        into[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        into[57..61].copy_from_slice(&self.record_count.to_be_bytes());
    }

    /// The codec, or its unknown code.
    pub fn codec(&self) -> Result<Codec, i16> {
        let code = self.attributes & CODEC_MASK;
        Codec::from_code(code).ok_or(code)
    }

    /// All records carry the broker's time instead of the producer's.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME_FLAG != 0
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_FLAG != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_FLAG != 0
    }

    /// The base timestamp is the moment after which a cleaner may drop the batch's tombstones.
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_FLAG != 0
    }

    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// The header with a delete horizon; the records' timestamps have to be counted from it, then.
    pub fn with_delete_horizon(mut self, horizon_ms: i64) -> BatchHeader {
        self.attributes |= DELETE_HORIZON_FLAG;
        self.base_timestamp = horizon_ms;
        self
    }

    pub fn with_codec(mut self, codec: Codec) -> BatchHeader {
        self.attributes = (self.attributes & !CODEC_MASK) | codec as i16;
        self
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// The sequence of the last record; sequences wrap to 0 after 2^31-1.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// Of the whole batch, header included. `decode` has checked that the length is positive.
    pub fn size_in_bytes(&self) -> usize {
        LOG_OVERHEAD + usize::try_from(self.batch_length).unwrap_or(0)
    }
}

/// Sequences run from 0 to 2^31-1 and begin again.
pub fn increment_sequence(sequence: i32, by: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(by);
    // 2^31 values; the remainder fits an i32.
    (sum & i64::from(i32::MAX)) as i32
}

/// Sets what the checksum leaves out.
pub fn set_base_offset_and_leader_epoch(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..LEADER_EPOCH_AT + 4].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Sets timestamp type and maximum, and the checksum that covers them.
pub fn set_max_timestamp(batch: &mut [u8], log_append_time: bool, max_timestamp: i64) {
    let attributes = i16::from_be_bytes(array(batch, ATTRIBUTES_AT));
    let attributes = if log_append_time { attributes | LOG_APPEND_TIME_FLAG } else { attributes & !LOG_APPEND_TIME_FLAG };
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&max_timestamp.to_be_bytes());
    seal(batch);
}

/// The checksum of a whole batch: CRC-32C from the attributes to the end.
pub fn checksum(batch: &[u8]) -> u32 {
    // A 32-bit checksum in a wider return type.
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &batch[ATTRIBUTES_AT..]) as u32
}

/// Computes and stores the checksum.
pub fn seal(batch: &mut [u8]) {
    let crc = checksum(batch);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
}

/// Attributes of a new batch.
pub(super) fn attributes(codec: Codec, log_append_time: bool, transactional: bool, control: bool) -> i16 {
    (codec as i16)
        | if log_append_time { LOG_APPEND_TIME_FLAG } else { 0 }
        | if transactional { TRANSACTIONAL_FLAG } else { 0 }
        | if control { CONTROL_FLAG } else { 0 }
}
