//! Record batches of magic 2: header, records, compression. Pure functions of bytes; no files, no clock.

mod batch_builder;
mod batch_header;
mod codec;
mod compression;
mod records;
pub mod timing;

pub use batch_builder::{BatchProducer, RecordInput, build_batch, build_control, build_marker, decode_marker, rebuild_batch, recompress};
pub use batch_header::{
    BATCH_OVERHEAD, BatchHeader, BatchHeaderError, LOG_OVERHEAD, MAGIC_V2, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    checksum, increment_sequence, is_transactional, seal, set_base_offset_and_leader_epoch, set_max_timestamp,
};
pub use codec::Codec;
pub use compression::{DECOMPRESSED_MAX_BYTES, compress, decompress};
pub use records::{Record, RecordError, RecordIterator, shift_timestamps};
