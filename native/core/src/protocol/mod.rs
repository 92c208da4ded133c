//! Wire codec of the APIs that the data plane answers, and of request headers. No I/O, no state.
//!
//! A [`reader::Reader`] never leaves its slice and never allocates from a length a peer claims; a [`writer::Writer`]
//! appends to a buffer the caller owns. Each message file gives the byte layout per version.

pub mod api_key;
pub mod error_code;
pub mod fetch;
pub mod header;
pub mod list_offsets;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod reader;
pub mod replica_fetch;
pub mod writer;

pub use api_key::{ApiKey, is_waited_for};
pub use error_code::ErrorCode;
pub use header::RequestHeader;
pub use reader::{Malformed, Reader};
pub use writer::Writer;
