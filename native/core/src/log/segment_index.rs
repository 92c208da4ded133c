//! The offset and time index of a segment: entries, their files' bytes, and looking up. Derived from the log and never
//! trusted: bytes that cannot be an index are refused, and the index is made again.

use crate::record::BatchHeader;

pub const OFFSET_ENTRY_BYTES: usize = 8;
pub const TIME_ENTRY_BYTES: usize = 12;

/// The last offset of a batch, counted from the segment's base offset, and where the batch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetEntry {
    pub relative_offset: u32,
    pub position: u32,
}

/// The largest timestamp so far, and the last offset of the batch that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeEntry {
    pub timestamp_ms: i64,
    pub relative_offset: u32,
}

/// Of a segment that is written to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GrowingIndex {
    pub offsets: Vec<OffsetEntry>,
    pub times: Vec<TimeEntry>,
    bytes_since_entry: u64,
    pub max_timestamp: Option<TimeEntry>,
}

impl GrowingIndex {
    /// Notes a batch at `position`; at most every `interval` bytes an entry is made.
    pub fn note(&mut self, base_offset: i64, position: u64, len: u64, last_offset: i64, max_timestamp: i64, interval: u32) {
        // Rolling sees to it that a segment's offsets and positions fit.
        let relative_offset = (last_offset - base_offset) as u32;
        if self.max_timestamp.is_none_or(|max| max_timestamp > max.timestamp_ms) {
            self.max_timestamp = Some(TimeEntry { timestamp_ms: max_timestamp, relative_offset });
        }
        if self.bytes_since_entry > u64::from(interval) {
            self.bytes_since_entry = 0;
            self.offsets.push(OffsetEntry { relative_offset, position: position as u32 });
            self.note_time();
        }
        self.bytes_since_entry += len;
    }

    /// Notes a batch that lies in the log already.
    pub fn note_stored(&mut self, base_offset: i64, position: u64, header: &BatchHeader, interval: u32) {
        let len = header.size_in_bytes() as u64;
        self.note(base_offset, position, len, header.last_offset(), header.max_timestamp, interval);
    }

    /// Makes a time entry of the largest timestamp so far.
    pub fn note_time(&mut self) {
        if let Some(max) = self.max_timestamp
            && self.times.last().is_none_or(|last| max.timestamp_ms > last.timestamp_ms)
        {
            self.times.push(max);
        }
    }

    /// The next batch gets an entry: the one that is noted again after its entry was taken out.
    pub fn entry_is_due(&mut self) {
        self.bytes_since_entry = u64::MAX / 2;
    }

    /// Takes up a segment whose index files were read.
    pub fn resume(offsets: Vec<OffsetEntry>, times: Vec<TimeEntry>) -> GrowingIndex {
        let max_timestamp = times.last().copied();
        GrowingIndex { offsets, times, bytes_since_entry: 0, max_timestamp }
    }
}

pub fn encode_offsets(entries: &[OffsetEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * OFFSET_ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
        bytes.extend_from_slice(&entry.position.to_be_bytes());
    }
    bytes
}

pub fn encode_times(entries: &[TimeEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * TIME_ENTRY_BYTES);
    for entry in entries {
        bytes.extend_from_slice(&entry.timestamp_ms.to_be_bytes());
        bytes.extend_from_slice(&entry.relative_offset.to_be_bytes());
    }
    bytes
}

/// The entries of an offset index; `None` where the bytes cannot be one of a segment with `size` bytes.
pub fn decode_offsets(bytes: &[u8], size: u64) -> Option<Vec<OffsetEntry>> {
    let mut entries: Vec<OffsetEntry> = Vec::with_capacity(bytes.len() / OFFSET_ENTRY_BYTES);
    for entry in bytes.chunks_exact(OFFSET_ENTRY_BYTES) {
        let (relative_offset, position) = (u32_at(entry, 0), u32_at(entry, 4));
        // Kafka preallocates index files; a crash leaves zeros behind the entries.
        if position == 0 {
            break;
        }
        let ascends = entries.last().is_none_or(|last| last.relative_offset < relative_offset && last.position < position);
        if !ascends || u64::from(position) >= size {
            return None;
        }
        entries.push(OffsetEntry { relative_offset, position });
    }
    Some(entries)
}

/// The entries of a time index; `None` where the bytes cannot be one.
pub fn decode_times(bytes: &[u8]) -> Option<Vec<TimeEntry>> {
    let mut entries: Vec<TimeEntry> = Vec::with_capacity(bytes.len() / TIME_ENTRY_BYTES);
    for entry in bytes.chunks_exact(TIME_ENTRY_BYTES) {
        let timestamp_ms = i64::from(u32_at(entry, 0)) << 32 | i64::from(u32_at(entry, 4));
        let relative_offset = u32_at(entry, 8);
        if timestamp_ms == 0 && relative_offset == 0 && !entries.is_empty() {
            break;
        }
        if entries.last().is_some_and(|last| last.timestamp_ms >= timestamp_ms) {
            return None;
        }
        entries.push(TimeEntry { timestamp_ms, relative_offset });
    }
    Some(entries)
}

/// Position of the last indexed batch whose last offset is at most `relative_offset`; 0 where none is.
pub fn floor_offset(entries: &[OffsetEntry], relative_offset: i64) -> u64 {
    let after = entries.partition_point(|entry| i64::from(entry.relative_offset) <= relative_offset);
    after.checked_sub(1).map_or(0, |index| u64::from(entries[index].position))
}

/// The largest indexed batch position that is at most `position`.
pub fn floor_position(entries: &[OffsetEntry], position: u64) -> u64 {
    let after = entries.partition_point(|entry| u64::from(entry.position) <= position);
    after.checked_sub(1).map_or(0, |index| u64::from(entries[index].position))
}

/// The last entry before the first that has reached `timestamp_ms`.
pub fn floor_time(entries: &[TimeEntry], timestamp_ms: i64) -> Option<TimeEntry> {
    let after = entries.partition_point(|entry| entry.timestamp_ms < timestamp_ms);
    after.checked_sub(1).map(|index| entries[index])
}

/// Callers hand in whole entries.
fn u32_at(entry: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&entry[at..at + 4]);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> GrowingIndex {
        let mut index = GrowingIndex::default();
        for batch in 0..10u32 {
            let last_offset = 100 + i64::from(batch) * 10 + 9;
            index.note(100, u64::from(batch) * 60, 60, last_offset, 1_000 - i64::from(batch % 3), 100);
        }
        index.note_time();
        index
    }

    #[test]
    fn entries_are_sparse_and_times_only_grow() {
        let index = index();
        let positions: Vec<u32> = index.offsets.iter().map(|entry| entry.position).collect();
        assert_eq!(positions, [120, 240, 360, 480]);
        assert_eq!(index.times, [TimeEntry { timestamp_ms: 1_000, relative_offset: 9 }]);
        assert_eq!(floor_offset(&index.offsets, 29), 120);
        assert_eq!(floor_offset(&index.offsets, 28), 0);
        assert_eq!(floor_position(&index.offsets, 359), 240);
    }

    #[test]
    fn bytes_come_back_and_impossible_ones_are_refused() {
        let index = index();
        let mut offsets = encode_offsets(&index.offsets);
        assert_eq!(decode_offsets(&offsets, 600).as_ref(), Some(&index.offsets));
        assert_eq!(decode_times(&encode_times(&index.times)).as_ref(), Some(&index.times));
        assert_eq!(decode_offsets(&offsets, 400), None, "an entry beyond the log");
        offsets.extend_from_slice(&[0; 24]);
        assert_eq!(decode_offsets(&offsets, 600).as_ref(), Some(&index.offsets), "a preallocated rest");
        offsets[3] = 200;
        assert_eq!(decode_offsets(&offsets, 600), None, "offsets that do not ascend");
    }
}
