//! Frames: length of what follows (u32), number (u64), message.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::entry::BATCH_SIZE_MAX_BYTES;

/// A message carries at least one batch, and more only up to a megabyte.
pub const FRAME_SIZE_MAX_BYTES: usize = BATCH_SIZE_MAX_BYTES + 2 * 1024 * 1024;
const NUMBER_BYTES: usize = 8;
/// So much is taken for a frame before its bytes are there.
const FIRST_READ_BYTES: usize = 16 * 1024;

pub fn encode(number: u64, message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    frame.extend_from_slice(&number.to_le_bytes());
    let mut frame = postcard::to_extend(message, frame).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    if length as usize > FRAME_SIZE_MAX_BYTES {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// `None` where the peer ended the connection between frames.
pub async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(u64, T)>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    };
    let length = u32::from_le_bytes(length) as usize;
    if !(NUMBER_BYTES..=FRAME_SIZE_MAX_BYTES).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut frame = Vec::with_capacity(length.min(FIRST_READ_BYTES));
    from.take(length as u64).read_to_end(&mut frame).await?;
    let (number, message) = frame.split_first_chunk::<NUMBER_BYTES>().ok_or(io::ErrorKind::UnexpectedEof)?;
    if frame.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let message = postcard::from_bytes(message).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some((u64::from_le_bytes(*number), message)))
}
