//! Batches with their records decoded, for the control plane: coordinators that load, and people who browse.

use crate::record::{self, BATCH_OVERHEAD, BatchHeader, RecordIterator, decode_marker};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlMarker {
    /// `None` for a control record that is no transaction marker.
    pub commit: Option<bool>,
    pub coordinator_epoch: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    pub header: BatchHeader,
    pub control: Option<ControlMarker>,
    pub records: Vec<StoredRecord>,
}

/// Decodes a batch that lies in a log; what cannot be decoded is told, not skipped.
pub fn decode_batch(header: &BatchHeader, batch: &[u8]) -> Result<StoredBatch, String> {
    let codec = header.codec().map_err(|code| format!("unknown compression codec {code}"))?;
    let mut plain = Vec::new();
    record::decompress(codec, &batch[BATCH_OVERHEAD..], record::DECOMPRESSED_MAX_BYTES, &mut plain).map_err(|error| error.to_string())?;
    let mut stored = StoredBatch { header: *header, control: None, records: Vec::new() };
    for record in RecordIterator::new(&plain) {
        let record = record.map_err(|error| error.to_string())?;
        if header.is_control() {
            let marker = decode_marker(record.key.unwrap_or_default(), record.value.unwrap_or_default());
            stored.control =
                Some(ControlMarker { commit: marker.map(|(commit, _)| commit), coordinator_epoch: marker.map_or(-1, |(_, epoch)| epoch) });
        }
        let timestamp_ms =
            if header.is_log_append_time() { header.max_timestamp } else { header.base_timestamp.wrapping_add(record.timestamp_delta) };
        stored.records.push(StoredRecord {
            offset: header.base_offset.wrapping_add(i64::from(record.offset_delta)),
            timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers().map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), value.map(<[u8]>::to_vec))).collect(),
        });
    }
    Ok(stored)
}
