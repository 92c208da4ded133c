//! Records within a batch of magic 2.
//!
//! ```text
//! length varint · attributes i8 · timestamp delta varlong · offset delta varint · key length varint (-1 null) · key ·
//! value length varint (-1 null) · value · header count varint · { key length varint · key · value length varint · value }
//! ```

use thiserror::Error;

/// Why bytes are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("a record ends before its last field")]
    Truncated,
    #[error("a variable-length integer is too long")]
    Varint,
    #[error("a length of {0} is impossible")]
    Length(i64),
    #[error("a record has {0} bytes more than its fields")]
    Surplus(usize),
}

/// One record, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    header_count: i32,
    headers: &'a [u8],
}

/// Walks the uncompressed records of a batch; ends at the first error.
pub struct RecordIterator<'a> {
    rest: &'a [u8],
    failed: bool,
}

impl<'a> RecordIterator<'a> {
    pub fn new(records: &'a [u8]) -> Self {
        RecordIterator { rest: records, failed: false }
    }

    /// Bytes of the records that were not walked yet.
    pub fn remaining_len(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for RecordIterator<'a> {
    type Item = Result<Record<'a>, RecordError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.failed {
            return None;
        }
        let record = read_record(&mut self.rest);
        self.failed = record.is_err();
        Some(record)
    }
}

impl<'a> Record<'a> {
    /// Key and value of each header, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let mut rest = self.headers;
        // The record was walked when it was read, so every header is whole.
        (0..self.header_count).map_while(move |_| Some((read_bytes(&mut rest).ok()??, read_bytes(&mut rest).ok()?)))
    }
}

/// Appends the records to `into` with `shift` added to their timestamp deltas, for a batch with another base timestamp.
pub fn shift_timestamps(mut records: &[u8], shift: i64, into: &mut Vec<u8>) -> Result<(), RecordError> {
    while !records.is_empty() {
        let len = read_varint(&mut records)?;
        let len = usize::try_from(len).map_err(|_| RecordError::Length(i64::from(len)))?;
        let (mut body, tail) = records.split_at_checked(len).ok_or(RecordError::Truncated)?;
        records = tail;
        let (&attributes, rest) = body.split_first().ok_or(RecordError::Truncated)?;
        body = rest;
        let delta = read_varlong(&mut body)?.wrapping_add(shift);
        write_varint(into, (1 + varlong_len(delta) + body.len()) as i32);
        into.push(attributes);
        write_varlong(into, delta);
        into.extend_from_slice(body);
    }
    Ok(())
}

fn varlong_len(value: i64) -> usize {
    let bits = 64 - (((value << 1) ^ (value >> 63)) as u64 | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[inline]
fn read_record<'a>(rest: &mut &'a [u8]) -> Result<Record<'a>, RecordError> {
    let len = read_varint(rest)?;
    let len = usize::try_from(len).map_err(|_| RecordError::Length(i64::from(len)))?;
    if len > rest.len() || len == 0 {
        return Err(RecordError::Truncated);
    }
    let (mut body, tail) = rest.split_at(len);
    *rest = tail;
    body = &body[1..]; // attributes: none are defined
    let timestamp_delta = read_varlong(&mut body)?;
    let offset_delta = read_varint(&mut body)?;
    let key = read_bytes(&mut body)?;
    let value = read_bytes(&mut body)?;
    let header_count = read_varint(&mut body)?;
    if header_count < 0 {
        return Err(RecordError::Length(i64::from(header_count)));
    }
    let headers = body;
    for _ in 0..header_count {
        if read_bytes(&mut body)?.is_none() {
            return Err(RecordError::Length(-1));
        }
        read_bytes(&mut body)?;
    }
    if !body.is_empty() {
        return Err(RecordError::Surplus(body.len()));
    }
    Ok(Record { timestamp_delta, offset_delta, key, value, header_count, headers })
}

#[inline]
fn read_bytes<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordError> {
    let len = read_varint(rest)?;
    if len < 0 {
        return if len == -1 { Ok(None) } else { Err(RecordError::Length(i64::from(len))) };
    }
    let (bytes, tail) = rest.split_at_checked(len as usize).ok_or(RecordError::Truncated)?;
    *rest = tail;
    Ok(Some(bytes))
}

#[inline]
fn read_varint(rest: &mut &[u8]) -> Result<i32, RecordError> {
    let mut value: u32 = 0;
    for (index, &byte) in rest.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *rest = &rest[index + 1..];
            return Ok((value >> 1) as i32 ^ -((value & 1) as i32));
        }
    }
    Err(if rest.len() < 5 { RecordError::Truncated } else { RecordError::Varint })
}

#[inline]
fn read_varlong(rest: &mut &[u8]) -> Result<i64, RecordError> {
    let mut value: u64 = 0;
    for (index, &byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *rest = &rest[index + 1..];
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(if rest.len() < 10 { RecordError::Truncated } else { RecordError::Varint })
}

pub(super) fn write_varint(out: &mut Vec<u8>, value: i32) {
    write_varlong(out, i64::from(value));
}

pub(super) fn write_varlong(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_integers_come_back() {
        for value in [0, 1, -1, 63, -64, 64, 300, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            write_varlong(&mut bytes, value);
            assert_eq!(read_varlong(&mut &bytes[..]), Ok(value));
            if let Ok(small) = i32::try_from(value) {
                assert_eq!(read_varint(&mut &bytes[..]), Ok(small));
            }
        }
    }

    #[test]
    fn a_record_longer_than_its_batch_is_truncated() {
        let outcome: Vec<_> = RecordIterator::new(&[20, 0, 0]).collect();
        assert_eq!(outcome, [Err(RecordError::Truncated)]);
    }

    #[test]
    fn a_key_that_reaches_beyond_its_record_is_refused() {
        // length 6: attributes, timestamp delta, offset delta, key length 40
        let outcome: Vec<_> = RecordIterator::new(&[12, 0, 0, 0, 80, 1, 1, 9, 9, 9]).collect();
        assert_eq!(outcome, [Err(RecordError::Truncated)]);
    }
}
