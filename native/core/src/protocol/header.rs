//! Request header versions 1 and 2, response header versions 0 and 1.

use super::{ApiKey, Malformed, Reader};

/// What stands before every request's body. The client id of header v2 keeps its classic length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<&'a str>,
}

impl<'a> RequestHeader<'a> {
    /// The two leading numbers, which decide how the rest is read.
    pub fn peek_api(frame: &[u8]) -> Result<(i16, i16), Malformed> {
        let mut reader = Reader::new(frame, false);
        Ok((reader.i16()?, reader.i16()?))
    }

    /// Reads the header of a data-plane API and returns the position of the body.
    pub fn decode(frame: &'a [u8], api: ApiKey) -> Result<(RequestHeader<'a>, usize), Malformed> {
        let mut reader = Reader::new(frame, false);
        let header = RequestHeader {
            api_key: reader.i16()?,
            api_version: reader.i16()?,
            correlation_id: reader.i32()?,
            client_id: reader.nullable_string()?,
        };
        reader.flexible = api.is_flexible(header.api_version);
        reader.skip_tagged_fields()?;
        Ok((header, reader.position()))
    }
}
