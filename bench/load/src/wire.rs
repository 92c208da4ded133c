//! Kafka's wire primitives in the flexible encoding: a writer into a caller's buffer and a reader that cannot leave its
//! slice. Written apart from the broker's codec on purpose: a peer that shares code shares mistakes.

use anyhow::{Context, Result, bail};

/// Appends primitives to a buffer.
pub struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    pub fn i8(&mut self, value: i8) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn i16(&mut self, value: i16) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.i8(i8::from(value))
    }

    pub fn uuid(&mut self, value: [u8; 16]) -> &mut Self {
        self.0.extend_from_slice(&value);
        self
    }

    pub fn unsigned_varint(&mut self, mut value: u32) -> &mut Self {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// Zigzag, as inside records.
    pub fn varint(&mut self, value: i32) -> &mut Self {
        self.unsigned_varint(((value << 1) ^ (value >> 31)) as u32)
    }

    /// The length of a compact array, string or byte field: one more than the count, so that zero can mean null.
    pub fn compact_length(&mut self, count: usize) -> &mut Self {
        self.unsigned_varint(count as u32 + 1)
    }

    pub fn string(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    pub fn null(&mut self) -> &mut Self {
        self.unsigned_varint(0)
    }

    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.compact_length(value.len());
        self.0.extend_from_slice(value);
        self
    }

    /// An empty section of tagged fields.
    pub fn tags(&mut self) -> &mut Self {
        self.unsigned_varint(0)
    }
}

/// Reads primitives off the front of a slice.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count).context("the response is shorter than its fields")?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    pub fn i8(&mut self) -> Result<i8> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn unsigned_varint(&mut self) -> Result<u32> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.array::<1>()?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("a varint does not end")
    }

    pub fn varint(&mut self) -> Result<i32> {
        let raw = self.unsigned_varint()?;
        Ok(((raw >> 1) as i32) ^ -((raw & 1) as i32))
    }

    /// The count of a compact array, string or byte field; a null one counts as empty.
    pub fn compact_length(&mut self) -> Result<usize> {
        Ok(self.unsigned_varint()?.saturating_sub(1) as usize)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.compact_length()?;
        self.take(length)
    }

    pub fn string(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub fn skip_tags(&mut self) -> Result<()> {
        for _ in 0..self.unsigned_varint()? {
            self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            self.take(size)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip() {
        for value in [0, 1, -1, 63, 64, -64, -65, i32::MAX, i32::MIN] {
            let mut bytes = Vec::new();
            Writer(&mut bytes).varint(value);
            assert_eq!(Reader(&bytes).varint().expect("a varint"), value);
        }
    }

    #[test]
    fn a_length_beyond_the_slice_is_an_error() {
        assert!(Reader(&[200, 1, 0]).bytes().is_err());
    }

    #[test]
    fn tagged_fields_are_stepped_over() {
        let mut reader = Reader(&[1, 5, 2, 9, 9, 7]);
        reader.skip_tags().expect("one tagged field");
        assert_eq!(reader.0, [7]);
    }
}
