//! Compression for tools that read and write batches themselves.

use millrace_core::record::{self, Codec};
use napi::Result;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::failure;

/// Unpacks the records of a batch; fails on data that is not of this codec or holds more than `max_bytes`.
#[napi]
pub fn decompress(codec: u32, data: Buffer, max_bytes: f64) -> Result<Buffer> {
    let mut plain = Vec::new();
    record::decompress(codec_of(codec)?, &data, max_bytes as usize, &mut plain).map_err(failure::other)?;
    Ok(plain.into())
}

/// Packs the records of a batch; level 0 is the codec's own.
#[napi]
pub fn compress(codec: u32, level: i32, data: Buffer) -> Result<Buffer> {
    Ok(record::compress(codec_of(codec)?, level, &data).map_err(failure::other)?.into())
}

fn codec_of(id: u32) -> Result<Codec> {
    let codec = i16::try_from(id).ok().and_then(Codec::from_code);
    codec.ok_or_else(|| failure::invalid(format!("{id} is no compression codec")))
}
