//! What a record's headers say of when it may be read: not before a moment, and not for longer than a while.

use super::{BATCH_OVERHEAD, BatchHeader, Codec, DECOMPRESSED_MAX_BYTES, Record, RecordIterator, decompress};

/// The moment before which the record is given to nobody, in milliseconds since 1970.
pub const DELIVER_AT_HEADER: &str = "millrace.deliver.at";
/// How long after its timestamp the record may be read, in milliseconds.
pub const TTL_HEADER: &str = "millrace.ttl.ms";

/// No moment and no duration that somebody means is longer; eight letters, read as a number, are.
const MS_MAX: i64 = 1 << 53;

/// The milliseconds in a header's value, as decimal digits or as eight bytes in network order; `None` for anything else.
pub fn decode_ms(value: Option<&[u8]>) -> Option<i64> {
    let value = value?;
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        return str::from_utf8(value).ok()?.parse().ok().filter(|ms| *ms <= MS_MAX);
    }
    let number = i64::from_be_bytes(value.try_into().ok()?);
    (0..=MS_MAX).contains(&number).then_some(number)
}

/// The value of the last header of this name; the outer `None` where there is none.
pub fn last_header<'a>(record: &Record<'a>, name: &str) -> Option<Option<&'a [u8]>> {
    record.headers().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value).last()
}

/// From when on a stored record may be read; `None` where it says nothing that can be understood.
pub fn deliver_at_ms(record: &Record<'_>) -> Option<i64> {
    decode_ms(last_header(record, DELIVER_AT_HEADER)?)
}

/// From when on a stored record may be read no more; `None` where it says nothing that can be understood.
pub fn expires_at_ms(header: &BatchHeader, record: &Record<'_>) -> Option<i64> {
    let ttl_ms = decode_ms(last_header(record, TTL_HEADER)?)?;
    let timestamp =
        if header.is_log_append_time() { header.max_timestamp } else { header.base_timestamp.wrapping_add(record.timestamp_delta) };
    Some(timestamp.saturating_add(ttl_ms))
}

/// The records of a whole stored batch, decompressed into `plain` where they have to be. Fails with a sentence where they cannot be read.
pub fn plain_records<'a>(header: &BatchHeader, batch: &'a [u8], plain: &'a mut Vec<u8>) -> Result<&'a [u8], String> {
    let body = &batch[BATCH_OVERHEAD..];
    match header.codec().map_err(|code| format!("unknown compression codec {code}"))? {
        Codec::None => Ok(body),
        codec => {
            plain.clear();
            decompress(codec, body, DECOMPRESSED_MAX_BYTES, plain).map_err(|error| error.to_string())?;
            Ok(plain)
        }
    }
}

/// When all records of a stored batch may be read; 0 where none waits for anything.
pub fn batch_deliver_at_ms(header: &BatchHeader, batch: &[u8], plain: &mut Vec<u8>) -> Result<i64, String> {
    if header.is_control() {
        return Ok(0);
    }
    let mut latest = 0;
    for record in RecordIterator::new(plain_records(header, batch, plain)?) {
        let record = record.map_err(|error| error.to_string())?;
        latest = latest.max(deliver_at_ms(&record).unwrap_or(0));
    }
    Ok(latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordInput, build_batch};

    #[test]
    fn milliseconds_are_digits_or_eight_bytes() {
        let cases: [(Option<&[u8]>, Option<i64>); 10] = [
            (Some(b"1700000000000"), Some(1_700_000_000_000)),
            (Some(b"12345678"), Some(12_345_678)), // eight bytes, all digits: text
            (Some(&1_700_000_000_000i64.to_be_bytes()), Some(1_700_000_000_000)),
            (Some(&(-1i64).to_be_bytes()), None),
            (Some(b"99999999999999999999"), None),
            (Some(b"-5"), None),
            (Some(b"soon"), None),
            (Some(b"tomorrow"), None), // eight bytes, but no number that could be meant
            (Some(b""), None),
            (None, None),
        ];
        for (value, expected) in cases {
            assert_eq!(decode_ms(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_batch_waits_for_its_latest_record_and_the_last_header_of_a_name_counts() {
        let record = |headers: &[(&str, &str)]| RecordInput {
            key: None,
            value: None,
            timestamp_ms: Some(100),
            headers: headers.iter().map(|(key, value)| ((*key).to_owned(), Some(value.as_bytes().to_vec()))).collect(),
        };
        let records = [
            record(&[("other", "9000")]),
            record(&[(DELIVER_AT_HEADER, "9000"), (DELIVER_AT_HEADER, "500")]),
            record(&[(DELIVER_AT_HEADER, "nonsense"), (TTL_HEADER, "30")]),
        ];
        let batch = build_batch(&records, None, 100);
        let header = BatchHeader::decode(&batch).unwrap();
        assert_eq!(batch_deliver_at_ms(&header, &batch, &mut Vec::new()), Ok(500));
        let expiries: Vec<_> =
            RecordIterator::new(&batch[BATCH_OVERHEAD..]).map(|record| expires_at_ms(&header, &record.unwrap())).collect();
        assert_eq!(expiries, [None, None, Some(130)]);
    }
}
