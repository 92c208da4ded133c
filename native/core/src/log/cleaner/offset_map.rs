//! The newest offset of every key, in bounded memory: 16 bytes for each place. Keys are known by 96 bits of a keyed hash
//! (SipHash), so that nobody can choose keys that are taken for one another, and by chance it takes 10^14 of them.

use std::hash::{BuildHasher, RandomState};

use siphasher::sip128::{Hash128, SipHasher13};

const FIRST_CAPACITY: usize = 1 << 12;
/// Of a hundred places so many may be taken: beyond that, looking for a free one takes long.
const LOAD_PERCENT: usize = 85;

/// The place in the table comes from the first part.
pub type KeyHash = [u32; 3];

/// Zero for a free place.
#[derive(Clone, Copy, Default)]
struct Entry {
    hash: KeyHash,
    /// One more than the offset's distance from the map's base.
    distance: u32,
}

/// An open-addressing table that doubles until it has reached its bound.
pub struct OffsetMap {
    entries: Vec<Entry>,
    count: usize,
    capacity_max: usize,
    hasher: SipHasher13,
    base_offset: i64,
    end_offset: i64,
}

/// The map holds as many keys as it may, or offsets too far apart for it.
#[derive(Debug, PartialEq, Eq)]
pub struct MapFull;

impl OffsetMap {
    /// For records from `base_offset` on, with tables of at most `memory_bytes`; while one doubles, half as much again is in use.
    pub fn new(base_offset: i64, memory_bytes: usize) -> OffsetMap {
        let capacity_max = (memory_bytes / size_of::<Entry>()).clamp(FIRST_CAPACITY, u32::MAX as usize);
        let keys = RandomState::new();
        OffsetMap {
            entries: vec![Entry::default(); FIRST_CAPACITY],
            count: 0,
            capacity_max,
            hasher: SipHasher13::new_with_keys(keys.hash_one(0), keys.hash_one(1)),
            base_offset,
            end_offset: base_offset,
        }
    }

    /// Notes that a key has a record at `offset`, the newest so far and not below the map's base.
    pub fn put(&mut self, hash: KeyHash, offset: i64) -> Result<(), MapFull> {
        let distance = u32::try_from(offset - self.base_offset + 1).map_err(|_| MapFull)?;
        let mut slot = self.slot_of(hash);
        if self.entries[slot].distance == 0 {
            if self.is_crowded() {
                if !self.grow() {
                    return Err(MapFull);
                }
                slot = self.slot_of(hash);
            }
            self.count += 1;
        }
        self.entries[slot] = Entry { hash, distance };
        Ok(())
    }

    pub fn get(&self, hash: KeyHash) -> Option<i64> {
        let distance = self.entries[self.slot_of(hash)].distance;
        (distance != 0).then(|| self.base_offset + i64::from(distance) - 1)
    }

    /// Nothing below it can be put.
    pub fn base_offset(&self) -> i64 {
        self.base_offset
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
    pub fn warm(&self, hashes: impl Iterator<Item = KeyHash>) {
        let touched = hashes.fold(0, |sum, hash| sum ^ self.entries[self.home_of(hash)].distance);
        std::hint::black_box(touched);
    }

    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let Hash128 { h1, h2 } = self.hasher.hash(key);
        [(h1 >> 32) as u32, h2 as u32, (h2 >> 32) as u32]
    }

    /// Where a hash lies, or the free place where it belongs: there is always one.
    fn slot_of(&self, hash: KeyHash) -> usize {
        let mut slot = self.home_of(hash);
        while self.entries[slot].distance != 0 && self.entries[slot].hash != hash {
            slot += 1;
            if slot == self.entries.len() {
                slot = 0;
            }
        }
        slot
    }

    /// Where the search for a hash begins: its first part as a fraction of the table.
    fn home_of(&self, hash: KeyHash) -> usize {
        ((u64::from(hash[0]) * self.entries.len() as u64) >> 32) as usize
    }

    fn is_crowded(&self) -> bool {
        self.count + 1 > self.entries.len() * LOAD_PERCENT / 100
    }

    fn grow(&mut self) -> bool {
        let capacity = (self.entries.len() * 2).min(self.capacity_max);
        if capacity == self.entries.len() {
            return false;
        }
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); capacity]);
        // They lie in the order of their hashes, and so the larger table is filled from one end to the other.
        for entry in old.into_iter().filter(|entry| entry.distance != 0) {
            let slot = self.slot_of(entry.hash);
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
        let mut map = OffsetMap::new(1_000, 1 << 20);
        for offset in 1_000..21_000i64 {
            map.put(map.hash(&(offset % 7_000).to_be_bytes()), offset).expect("room");
        }
        assert_eq!(map.count, 7_000);
        for key in 0..7_000i64 {
            let newest = (1_000..21_000).rev().find(|offset| offset % 7_000 == key);
            assert_eq!(map.get(map.hash(&key.to_be_bytes())), newest);
        }
        assert_eq!(map.get(map.hash(b"unknown")), None);
    }

    #[test]
    fn a_full_map_takes_no_new_keys_and_keeps_the_others() {
        // A bound that is not twice, four times and so on of where the table begins.
        let capacity = FIRST_CAPACITY * 5 / 2;
        let mut map = OffsetMap::new(0, capacity * size_of::<Entry>());
        let mut count = 0i64;
        while map.put(map.hash(&count.to_be_bytes()), count).is_ok() {
            count += 1;
        }
        assert_eq!(count as usize, capacity * LOAD_PERCENT / 100);
        assert_eq!(map.put(map.hash(&5i64.to_be_bytes()), 99_999), Ok(()));
        assert_eq!(map.get(map.hash(&5i64.to_be_bytes())), Some(99_999));
        assert!((6..count).all(|key| map.get(map.hash(&key.to_be_bytes())) == Some(key)));
    }

    #[test]
    fn an_offset_too_far_from_the_first_waits_for_the_next_run() {
        let mut map = OffsetMap::new(7, 1 << 20);
        let hash = map.hash(b"key");
        assert_eq!(map.put(hash, 7 + i64::from(u32::MAX)), Err(MapFull));
        assert_eq!(map.put(hash, 6 + i64::from(u32::MAX)), Ok(()));
        assert_eq!(map.get(hash), Some(6 + i64::from(u32::MAX)));
    }
}
