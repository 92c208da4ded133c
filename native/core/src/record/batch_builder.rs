//! Builds batches of the broker's own: coordinators' records and transaction markers.

use super::Codec;
use super::batch_header::{self, BATCH_OVERHEAD, BatchHeader, MAGIC_V2, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE};
use super::records::{write_varint, write_varlong};

/// Who writes a batch, and whether within a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchProducer {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transactional: bool,
}

/// One record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordInput {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970; `None` for the time of writing.
    pub timestamp_ms: Option<i64>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// An uncompressed batch of these records, sealed, with base offset 0.
pub fn build_batch(records: &[RecordInput], producer: Option<BatchProducer>, now_ms: i64) -> Vec<u8> {
    let timestamps = || records.iter().map(|record| record.timestamp_ms.unwrap_or(now_ms));
    let base_timestamp = timestamps().next().unwrap_or(now_ms);
    let header = BatchHeader {
        base_offset: 0,
        batch_length: 0,
        partition_leader_epoch: 0,
        magic: MAGIC_V2,
        crc: 0,
        attributes: batch_header::attributes(Codec::None, false, producer.is_some_and(|p| p.transactional), false),
        last_offset_delta: records.len() as i32 - 1,
        base_timestamp,
        max_timestamp: timestamps().max().unwrap_or(now_ms),
        producer_id: producer.map_or(NO_PRODUCER_ID, |p| p.producer_id),
        producer_epoch: producer.map_or(NO_PRODUCER_EPOCH, |p| p.producer_epoch),
        base_sequence: NO_SEQUENCE,
        record_count: records.len() as i32,
    };
    let mut batch = vec![0; BATCH_OVERHEAD];
    let mut body = Vec::new();
    for (index, record) in records.iter().enumerate() {
        body.clear();
        body.push(0);
        write_varlong(&mut body, record.timestamp_ms.unwrap_or(now_ms) - base_timestamp);
        write_varint(&mut body, index as i32);
        write_bytes(&mut body, record.key.as_deref());
        write_bytes(&mut body, record.value.as_deref());
        write_varint(&mut body, record.headers.len() as i32);
        for (key, value) in &record.headers {
            write_bytes(&mut body, Some(key.as_bytes()));
            write_bytes(&mut body, value.as_deref());
        }
        write_varint(&mut batch, body.len() as i32);
        batch.extend_from_slice(&body);
    }
    finish(header, batch)
}

/// A control batch with one transaction marker (KIP-98).
pub fn build_marker(producer_id: i64, producer_epoch: i16, coordinator_epoch: i32, commit: bool, now_ms: i64) -> Vec<u8> {
    let producer = BatchProducer { producer_id, producer_epoch, transactional: true };
    let mut value = vec![0, 0]; // version 0
    value.extend_from_slice(&coordinator_epoch.to_be_bytes());
    build_control(i16::from(commit), &value, &[], Some(producer), now_ms)
}

/// A control batch with one record of this type; its key is a version 0 and the type.
pub fn build_control(kind: i16, value: &[u8], headers: &[(&str, &[u8])], producer: Option<BatchProducer>, timestamp_ms: i64) -> Vec<u8> {
    let header = BatchHeader {
        base_offset: 0,
        batch_length: 0,
        partition_leader_epoch: 0,
        magic: MAGIC_V2,
        crc: 0,
        attributes: batch_header::attributes(Codec::None, false, producer.is_some_and(|p| p.transactional), true),
        last_offset_delta: 0,
        base_timestamp: timestamp_ms,
        max_timestamp: timestamp_ms,
        producer_id: producer.map_or(NO_PRODUCER_ID, |p| p.producer_id),
        producer_epoch: producer.map_or(NO_PRODUCER_EPOCH, |p| p.producer_epoch),
        base_sequence: NO_SEQUENCE,
        record_count: 1,
    };
    let mut batch = vec![0; BATCH_OVERHEAD];
    let mut body = vec![0, 0, 0];
    let [high, low] = kind.to_be_bytes();
    write_bytes(&mut body, Some(&[0, 0, high, low]));
    write_bytes(&mut body, Some(value));
    write_varint(&mut body, headers.len() as i32);
    for (key, value) in headers {
        write_bytes(&mut body, Some(key.as_bytes()));
        write_bytes(&mut body, Some(value));
    }
    write_varint(&mut batch, body.len() as i32);
    batch.extend_from_slice(&body);
    finish(header, batch)
}

/// Whether a marker's key says commit, and the coordinator epoch of its value; `None` for another control record.
pub fn decode_marker(key: &[u8], value: &[u8]) -> Option<(bool, i32)> {
    let kind = i16::from_be_bytes(*key.get(2..)?.first_chunk()?);
    let coordinator_epoch = i32::from_be_bytes(*value.get(2..)?.first_chunk()?);
    match kind {
        0 => Some((false, coordinator_epoch)),
        1 => Some((true, coordinator_epoch)),
        _ => None,
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    write_varint(out, bytes.map_or(-1, |bytes| bytes.len() as i32));
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn finish(mut header: BatchHeader, mut batch: Vec<u8>) -> Vec<u8> {
    header.batch_length = (batch.len() - super::LOG_OVERHEAD) as i32;
    if let Some(head) = batch.first_chunk_mut::<BATCH_OVERHEAD>() {
        header.encode(head);
    }
    batch_header::seal(&mut batch);
    batch
}

/// Replaces the records of a batch by the same records in another codec, and seals it anew.
pub fn recompress(batch: &mut Vec<u8>, header: &BatchHeader, codec: Codec, compressed_records: &[u8]) {
    let header = header.with_codec(codec);
    batch.truncate(BATCH_OVERHEAD);
    batch.extend_from_slice(compressed_records);
    *batch = finish(header, std::mem::take(batch));
}

/// A batch with this header and these records as they are stored, sealed.
pub fn rebuild_batch(header: &BatchHeader, stored_records: &[u8]) -> Vec<u8> {
    let mut batch = vec![0; BATCH_OVERHEAD];
    batch.extend_from_slice(stored_records);
    finish(*header, batch)
}
