//! The newest offset of every key, in bounded memory. Keys are known by 128 bits of two keyed hashes, so that nobody can
//! choose keys that are taken for one another.

use std::hash::{BuildHasher, RandomState};

const EMPTY: i64 = -1;
const FIRST_CAPACITY: usize = 1 << 12;

pub type KeyHash = [u64; 2];

#[derive(Clone, Copy)]
struct Entry {
    hash: KeyHash,
    offset: i64,
}

/// An open-addressing table that doubles until it has reached its bound.
pub struct OffsetMap {
    entries: Vec<Entry>,
    count: usize,
    capacity_max: usize,
    hashers: [RandomState; 2],
    end_offset: i64,
}

/// The map holds as many keys as it may.
#[derive(Debug, PartialEq, Eq)]
pub struct MapFull;

impl OffsetMap {
    /// With tables of at most `memory_bytes`; while one doubles, half as much again is in use.
    pub fn new(memory_bytes: usize) -> OffsetMap {
        let capacity_max = (memory_bytes / size_of::<Entry>()).max(FIRST_CAPACITY);
        // A power of two, rounded down.
        let capacity_max = 1 << capacity_max.ilog2();
        OffsetMap {
            entries: vec![Entry { hash: [0; 2], offset: EMPTY }; FIRST_CAPACITY],
            count: 0,
            capacity_max,
            hashers: [RandomState::new(), RandomState::new()],
            end_offset: EMPTY,
        }
    }

    /// Notes that a key has a record at `offset`, the newest so far.
    pub fn put(&mut self, hash: KeyHash, offset: i64) -> Result<(), MapFull> {
        let slot = self.slot_of(&hash);
        if self.entries[slot].offset == EMPTY {
            if self.is_crowded() && !self.grow() {
                return Err(MapFull);
            }
            let slot = self.slot_of(&hash);
            self.entries[slot] = Entry { hash, offset };
            self.count += 1;
        } else {
            self.entries[slot].offset = offset;
        }
        Ok(())
    }

    pub fn get(&self, hash: KeyHash) -> Option<i64> {
        let entry = &self.entries[self.slot_of(&hash)];
        (entry.offset != EMPTY).then_some(entry.offset)
    }

    /// All records below it have been put.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub fn set_end_offset(&mut self, offset: i64) {
        self.end_offset = offset;
    }

    /// Brings the places of these hashes near: the table is far larger than the processor's caches, and looking at many
    /// places at once waits for memory once.
    pub fn warm(&self, hashes: &[KeyHash]) {
        let mask = self.entries.len() - 1;
        let touched = hashes.iter().fold(0, |sum: i64, hash| sum ^ self.entries[hash[0] as usize & mask].offset);
        std::hint::black_box(touched);
    }

    pub fn hash(&self, key: &[u8]) -> KeyHash {
        [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)]
    }

    /// Where a hash lies, or the free place where it belongs: there is always one.
    fn slot_of(&self, hash: &KeyHash) -> usize {
        let mask = self.entries.len() - 1;
        let mut slot = hash[0] as usize & mask;
        while self.entries[slot].offset != EMPTY && self.entries[slot].hash != *hash {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn is_crowded(&self) -> bool {
        self.count + 1 > self.entries.len() / 4 * 3
    }

    fn grow(&mut self) -> bool {
        let capacity = self.entries.len() * 2;
        if capacity > self.capacity_max {
            return false;
        }
        let old = std::mem::replace(&mut self.entries, vec![Entry { hash: [0; 2], offset: EMPTY }; capacity]);
        for entry in old.into_iter().filter(|entry| entry.offset != EMPTY) {
            let slot = self.slot_of(&entry.hash);
            self.entries[slot] = entry;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offset_of_each_key_is_known() {
        let mut map = OffsetMap::new(1 << 20);
        for offset in 0..20_000i64 {
            map.put(map.hash(&(offset % 7_000).to_be_bytes()), offset).expect("room");
        }
        assert_eq!(map.count, 7_000);
        for key in 0..7_000i64 {
            let newest = (0..20_000).rev().find(|offset| offset % 7_000 == key);
            assert_eq!(map.get(map.hash(&key.to_be_bytes())), newest);
        }
        assert_eq!(map.get(map.hash(b"unknown")), None);
    }

    #[test]
    fn a_full_map_takes_no_new_keys_and_keeps_the_others() {
        let mut map = OffsetMap::new(0);
        let mut count = 0i64;
        while map.put(map.hash(&count.to_be_bytes()), count).is_ok() {
            count += 1;
        }
        assert_eq!(count as usize, FIRST_CAPACITY / 4 * 3);
        assert_eq!(map.put(map.hash(&5i64.to_be_bytes()), 99_999), Ok(()));
        assert_eq!(map.get(map.hash(&5i64.to_be_bytes())), Some(99_999));
    }
}
