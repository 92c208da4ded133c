//! A 128-bit id as Kafka prints it: 22 characters of URL-safe base64 without padding.

use std::fmt;

/// A topic id or log directory id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uuid(pub [u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const PRINTED_LEN: usize = 22;

impl Uuid {
    /// Kafka's "no id".
    pub const ZERO: Uuid = Uuid([0; 16]);

    /// Reads the printed form; `None` for anything that is not exactly 22 characters of the alphabet.
    pub fn parse(text: &str) -> Option<Uuid> {
        let bytes = text.as_bytes();
        if bytes.len() != PRINTED_LEN {
            return None;
        }
        let mut value: u128 = 0;
        for &byte in &bytes[..PRINTED_LEN - 1] {
            value = (value << 6) | u128::from(digit(byte)?);
        }
        // 22 digits carry 132 bits; the last digit has only its top two bits in the id.
        let last = digit(bytes[PRINTED_LEN - 1])?;
        Some(Uuid(((value << 2) | u128::from(last >> 4)).to_be_bytes()))
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        let mut printed = [0u8; PRINTED_LEN];
        for (index, byte) in printed.iter_mut().take(PRINTED_LEN - 1).enumerate() {
            *byte = ALPHABET[((value >> (122 - 6 * index)) & 63) as usize];
        }
        printed[PRINTED_LEN - 1] = ALPHABET[((value << 4) & 63) as usize];
        formatter.write_str(std::str::from_utf8(&printed).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;
    use proptest::prelude::*;

    #[test]
    fn prints_as_kafka_does() {
        // The metadata topic's id is a constant of Kafka.
        let mut bytes = [0u8; 16];
        bytes[15] = 1;
        assert_eq!(Uuid(bytes).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
    }

    #[test]
    fn refuses_what_is_no_id() {
        assert_eq!(Uuid::parse(""), None);
        assert_eq!(Uuid::parse("AAAAAAAAAAAAAAAAAAAAA="), None);
        assert_eq!(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAAA"), None);
    }

    proptest! {
        #[test]
        fn round_trips(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(Uuid::parse(&Uuid(bytes).to_string()), Some(Uuid(bytes)));
        }
    }
}
