//! Little-endian packing of plain values, mirrored by the reader and writer in `src/native/packing.ts`.

/// Appends values to a buffer.
#[derive(Default)]
pub struct Packer {
    pub bytes: Vec<u8>,
}

impl Packer {
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Length as 32 bits, then UTF-8.
    pub fn string(&mut self, value: &str) {
        self.blob(Some(value.as_bytes()));
    }

    /// Length as 32 bits, -1 for none, then the bytes.
    pub fn blob(&mut self, value: Option<&[u8]>) {
        self.i32(value.map_or(-1, |bytes| bytes.len() as i32));
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }
}

/// The buffer ends before its content does.
#[derive(Debug, PartialEq, Eq)]
pub struct Truncated;

/// Takes values from a buffer.
pub struct Unpacker<'a> {
    rest: &'a [u8],
}

impl<'a> Unpacker<'a> {
    pub fn new(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn i16(&mut self) -> Result<i16, Truncated> {
        Ok(i16::from_le_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, Truncated> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Truncated> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn f64(&mut self) -> Result<f64, Truncated> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub fn blob(&mut self) -> Result<Option<&'a [u8]>, Truncated> {
        match usize::try_from(self.i32()?) {
            Ok(len) => self.take(len).map(Some),
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut packer = Packer::default();
        packer.i32(-5);
        packer.f64(9_007_199_254_740_991.0);
        packer.blob(None);
        packer.string("köln");
        let mut unpacker = Unpacker::new(&packer.bytes);
        assert_eq!(unpacker.i32(), Ok(-5));
        assert_eq!(unpacker.f64(), Ok(9_007_199_254_740_991.0));
        assert_eq!(unpacker.blob(), Ok(None));
        assert_eq!(unpacker.blob(), Ok(Some("köln".as_bytes())));
        assert!(unpacker.is_empty());
        assert_eq!(unpacker.i16(), Err(Truncated));
    }
}
