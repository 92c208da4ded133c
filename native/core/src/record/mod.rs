//! Record batches of magic 2: header, records, compression. Pure functions of bytes; no files, no clock.

mod batch_header;
mod codec;

pub use batch_header::{
    BATCH_OVERHEAD, BatchHeader, BatchHeaderError, LOG_OVERHEAD, MAGIC_V2, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
};
pub use codec::Codec;
