//! Writes primitive types of the protocol to the end of a buffer.

use crate::Uuid;

/// Appends to a buffer the caller owns. `flexible` selects compact lengths and tagged fields (KIP-482).
pub struct Writer<'a> {
    pub bytes: &'a mut Vec<u8>,
    pub flexible: bool,
}

impl<'a> Writer<'a> {
    pub fn new(bytes: &'a mut Vec<u8>, flexible: bool) -> Self {
        Writer { bytes, flexible }
    }

    pub fn i8(&mut self, value: i8) {
        self.bytes.push(value as u8);
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.bytes.extend_from_slice(&value.0);
    }

    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn nullable_string(&mut self, value: Option<&str>) {
        match (value, self.flexible) {
            (None, true) => self.unsigned_varint(0),
            (None, false) => self.i16(-1),
            (Some(text), true) => self.unsigned_varint(text.len() as u32 + 1),
            (Some(text), false) => self.i16(text.len() as i16),
        }
        self.bytes.extend_from_slice(value.unwrap_or_default().as_bytes());
    }

    pub fn string(&mut self, value: &str) {
        self.nullable_string(Some(value));
    }

    pub fn array_len(&mut self, len: usize) {
        if self.flexible {
            self.unsigned_varint(len as u32 + 1);
        } else {
            self.i32(len as i32);
        }
    }

    pub fn null_array(&mut self) {
        if self.flexible {
            self.unsigned_varint(0);
        } else {
            self.i32(-1);
        }
    }

    /// The length of a `RECORDS` field whose bytes follow.
    pub fn records_len(&mut self, len: usize) {
        self.array_len(len);
    }

    pub fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.bytes.push(0);
        }
    }

    /// Overwrites the four bytes at `position`, where a size was left open.
    pub fn patch_i32(&mut self, position: usize, value: i32) {
        self.bytes[position..position + 4].copy_from_slice(&value.to_be_bytes());
    }
}
