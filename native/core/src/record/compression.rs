//! Compresses and decompresses the records of a batch. Output is bounded: compressed data may claim to be anything.

use std::io::{self, Read, Write};

use super::Codec;

/// Records of one batch that decompress to more than this are refused; far above any `max.message.bytes` in use.
pub const DECOMPRESSED_MAX_BYTES: usize = 256 * 1024 * 1024;

/// The frame that Kafka's Java clients put around snappy blocks.
const XERIAL_MAGIC: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER_BYTES: usize = 16;
const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// Appends the decompressed data to `into`; fails where it would be more than `max_bytes`.
pub fn decompress(codec: Codec, data: &[u8], max_bytes: usize, into: &mut Vec<u8>) -> io::Result<()> {
    match codec {
        Codec::None => append_bounded(data, max_bytes, into),
        Codec::Gzip => append_bounded(flate2::read::MultiGzDecoder::new(data), max_bytes, into),
        Codec::Lz4 => append_bounded(lz4_flex::frame::FrameDecoder::new(data), max_bytes, into),
        Codec::Zstd => append_bounded(zstd::stream::read::Decoder::with_buffer(data)?, max_bytes, into),
        Codec::Snappy => decompress_snappy(data, max_bytes, into),
    }
}

fn append_bounded(reader: impl Read, max_bytes: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let count = reader.take(max_bytes as u64 + 1).read_to_end(into)?;
    if count > max_bytes {
        return Err(invalid(format!("decompressed records are larger than {max_bytes} bytes")));
    }
    Ok(())
}

fn decompress_snappy(data: &[u8], max_bytes: usize, into: &mut Vec<u8>) -> io::Result<()> {
    if !data.starts_with(XERIAL_MAGIC) {
        return decompress_snappy_block(data, max_bytes, into);
    }
    let start = into.len();
    let mut rest = data.get(XERIAL_HEADER_BYTES..).ok_or_else(|| invalid("a snappy frame ends in its header"))?;
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let len = u32::from_be_bytes(*head) as usize;
        let block = tail.get(..len).ok_or_else(|| invalid("a snappy block ends early"))?;
        decompress_snappy_block(block, max_bytes - (into.len() - start), into)?;
        rest = &tail[len..];
    }
    if rest.is_empty() { Ok(()) } else { Err(invalid("a snappy frame ends in a block's length")) }
}

fn decompress_snappy_block(block: &[u8], max_bytes: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let len = snap::raw::decompress_len(block).map_err(invalid)?;
    if len > max_bytes {
        return Err(invalid(format!("decompressed records are larger than {max_bytes} bytes")));
    }
    let start = into.len();
    into.resize(start + len, 0);
    snap::raw::Decoder::new().decompress(block, &mut into[start..]).map_err(invalid)?;
    Ok(())
}

/// Compresses with a codec's level, 0 being its default.
pub fn compress(codec: Codec, level: i32, data: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        Codec::None => Ok(data.to_vec()),
        Codec::Gzip => {
            let level = u32::try_from(level).ok().filter(|level| (1..=9).contains(level)).unwrap_or(6);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(data)?;
            encoder.finish()
        }
        Codec::Lz4 => {
            // Kafka's readers want independent blocks of 64 KB.
            let info = lz4_flex::frame::FrameInfo::new()
                .block_mode(lz4_flex::frame::BlockMode::Independent)
                .block_size(lz4_flex::frame::BlockSize::Max64KB);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(data)?;
            encoder.finish().map_err(invalid)
        }
        Codec::Zstd => zstd::stream::encode_all(data, level),
        Codec::Snappy => {
            let mut out = XERIAL_MAGIC.to_vec();
            out.extend_from_slice(&1i32.to_be_bytes());
            out.extend_from_slice(&1i32.to_be_bytes());
            let mut encoder = snap::raw::Encoder::new();
            for chunk in data.chunks(XERIAL_BLOCK_BYTES) {
                let block = encoder.compress_vec(chunk).map_err(invalid)?;
                out.extend_from_slice(&(block.len() as u32).to_be_bytes());
                out.extend_from_slice(&block);
            }
            Ok(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        let data: Vec<u8> = (0..200_000u32).flat_map(|value| (value / 7).to_be_bytes()).collect();
        for codec in ALL {
            let compressed = compress(codec, 0, &data).expect("a codec works");
            let mut back = Vec::new();
            decompress(codec, &compressed, data.len(), &mut back).expect("a codec works");
            assert!(back == data, "{}", codec.name());
        }
    }

    #[test]
    fn output_beyond_the_bound_is_refused() {
        let data = vec![0; 1_000_000];
        for codec in ALL {
            let compressed = compress(codec, 0, &data).expect("a codec works");
            assert!(decompress(codec, &compressed, 999_999, &mut Vec::new()).is_err(), "{}", codec.name());
        }
    }

    #[test]
    fn truncated_data_is_an_error() {
        let data: Vec<u8> = (0..50_000u32).flat_map(u32::to_be_bytes).collect();
        for codec in ALL.into_iter().skip(1) {
            let compressed = compress(codec, 0, &data).expect("a codec works");
            let cut = &compressed[..compressed.len() / 2];
            let mut back = Vec::new();
            let outcome = decompress(codec, cut, data.len(), &mut back);
            assert!(outcome.is_err() || back != data, "{}", codec.name());
        }
    }
}
