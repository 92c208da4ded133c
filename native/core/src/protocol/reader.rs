//! Reads primitive types of the protocol from a slice.

use crate::Uuid;

/// The bytes are not the message they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the message ends {missing} bytes early")]
    Truncated { missing: usize },
    #[error("a length of {0} is impossible")]
    Length(i64),
    #[error("a variable-length integer is longer than its type")]
    Varint,
    #[error("a string is not UTF-8")]
    Utf8,
    #[error("a field that may not be null is null")]
    Null,
}

/// A cursor over one frame. `flexible` selects compact lengths and tagged fields (KIP-482).
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    pub flexible: bool,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], flexible: bool) -> Self {
        Reader { bytes, position: 0, flexible }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        if len > self.remaining() {
            return Err(Malformed::Truncated { missing: len - self.remaining() });
        }
        let taken = &self.bytes[self.position..self.position + len];
        self.position += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut value = [0; N];
        value.copy_from_slice(self.take(N)?);
        Ok(value)
    }

    pub fn i8(&mut self) -> Result<i8, Malformed> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Ok(Uuid(self.array()?))
    }

    pub fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        let mut value: u32 = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.array::<1>()?[0];
            if shift == 28 && byte > 0x0f {
                return Err(Malformed::Varint);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    /// A compact length: 0 is null, otherwise one more than the length.
    fn compact_len(&mut self) -> Result<Option<usize>, Malformed> {
        Ok((self.unsigned_varint()? as usize).checked_sub(1))
    }

    fn classic_len(&mut self, len: i64) -> Result<Option<usize>, Malformed> {
        match len {
            -1 => Ok(None),
            0.. => Ok(Some(len as usize)),
            _ => Err(Malformed::Length(len)),
        }
    }

    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        let len = if self.flexible {
            self.compact_len()?
        } else {
            let len = self.i16()?;
            self.classic_len(i64::from(len))?
        };
        match len {
            None => Ok(None),
            Some(len) => std::str::from_utf8(self.take(len)?).map(Some).map_err(|_| Malformed::Utf8),
        }
    }

    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        self.nullable_string()?.ok_or(Malformed::Null)
    }

    /// The range of a `RECORDS` or `BYTES` field within this reader's slice.
    pub fn nullable_bytes_range(&mut self) -> Result<Option<std::ops::Range<usize>>, Malformed> {
        let len = if self.flexible {
            self.compact_len()?
        } else {
            let len = self.i32()?;
            self.classic_len(i64::from(len))?
        };
        match len {
            None => Ok(None),
            Some(len) => {
                let start = self.position;
                self.take(len)?;
                Ok(Some(start..self.position))
            }
        }
    }

    /// The element count of an array, checked against the bytes that are left: every element takes at least one.
    pub fn array_len(&mut self) -> Result<Option<usize>, Malformed> {
        let len = if self.flexible {
            self.compact_len()?
        } else {
            let len = self.i32()?;
            self.classic_len(i64::from(len))?
        };
        match len {
            Some(len) if len > self.remaining() => Err(Malformed::Truncated { missing: len - self.remaining() }),
            len => Ok(len),
        }
    }

    /// The element count of an array that may not be null.
    pub fn required_array_len(&mut self) -> Result<usize, Malformed> {
        self.array_len()?.ok_or(Malformed::Null)
    }

    /// Hands each tagged field to `read` with a reader of its own; does nothing in inflexible versions.
    pub fn tagged_fields(&mut self, mut read: impl FnMut(u32, &mut Reader<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let len = self.unsigned_varint()? as usize;
            let mut field = Reader::new(self.take(len)?, true);
            read(tag, &mut field)?;
        }
        Ok(())
    }

    pub fn skip_tagged_fields(&mut self) -> Result<(), Malformed> {
        self.tagged_fields(|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_beyond_the_frame_is_refused() {
        let mut reader = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 1, 2], false);
        assert_eq!(reader.array_len(), Err(Malformed::Truncated { missing: 0x7fff_ffff - 2 }));
    }

    #[test]
    fn negative_lengths_other_than_null_are_refused() {
        assert_eq!(Reader::new(&[0xff, 0xfe], false).nullable_string(), Err(Malformed::Length(-2)));
        assert_eq!(Reader::new(&[0xff, 0xff], false).nullable_string(), Ok(None));
    }

    #[test]
    fn varints_longer_than_32_bits_are_refused() {
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f], true).unsigned_varint(), Ok(u32::MAX));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x10], true).unsigned_varint(), Err(Malformed::Varint));
    }

    #[test]
    fn unknown_tagged_fields_are_skipped() {
        let mut reader = Reader::new(&[2, 0, 1, 42, 9, 2, 7, 7, 5], true);
        let mut seen = Vec::new();
        let read = reader.tagged_fields(|tag, field| {
            seen.push((tag, field.remaining()));
            Ok(())
        });
        assert_eq!(read, Ok(()));
        assert_eq!(seen, [(0, 1), (9, 2)]);
        assert_eq!(reader.i8(), Ok(5));
    }
}
