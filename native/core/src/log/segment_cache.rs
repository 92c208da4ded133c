//! Bounds what all segments of a broker together hold open: file handles, and offset indexes of closed segments. What was
//! not used for longest goes first, roughly: a second chance instead of an exact order keeps reads free of locks.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::segment::Segment;

pub struct SegmentCache {
    files: Mutex<Shelf>,
    indexes: Mutex<Shelf>,
}

struct Shelf {
    held: VecDeque<(Weak<Segment>, usize)>,
    weight: usize,
    weight_max: usize,
}

impl SegmentCache {
    /// With room for so many open files and so many bytes of indexes; at least one of each is always held.
    pub fn new(open_files_max: usize, index_bytes_max: usize) -> SegmentCache {
        SegmentCache { files: Mutex::new(Shelf::new(open_files_max)), indexes: Mutex::new(Shelf::new(index_bytes_max)) }
    }

    /// Notes that a segment has opened its file; others may have to close theirs.
    pub fn admit_file(&self, segment: &Weak<Segment>) {
        let evicted = self.files.lock().admit(segment, 1, Segment::take_file_used);
        evicted.iter().for_each(|segment| segment.close_file());
    }

    /// Notes that a closed segment has its index in memory.
    pub fn admit_index(&self, segment: &Weak<Segment>, bytes: usize) {
        let evicted = self.indexes.lock().admit(segment, bytes, Segment::take_index_used);
        evicted.iter().for_each(|segment| segment.drop_index());
    }
}

impl Shelf {
    fn new(weight_max: usize) -> Shelf {
        Shelf { held: VecDeque::new(), weight: 0, weight_max }
    }

    /// Adds one and returns those that have to go.
    fn admit(&mut self, segment: &Weak<Segment>, weight: usize, take_used: impl Fn(&Segment) -> bool) -> Vec<Arc<Segment>> {
        let mut evicted = Vec::new();
        // Everyone gets one second chance, so two rounds are enough.
        let mut looks_left = self.held.len() * 2;
        while self.weight + weight > self.weight_max && looks_left > 0 {
            let Some((candidate, candidate_weight)) = self.held.pop_front() else { break };
            looks_left -= 1;
            match candidate.upgrade() {
                Some(used) if take_used(&used) => self.held.push_back((candidate, candidate_weight)),
                Some(unused) => {
                    self.weight -= candidate_weight;
                    evicted.push(unused);
                }
                None => self.weight -= candidate_weight,
            }
        }
        self.held.push_back((segment.clone(), weight));
        self.weight += weight;
        evicted
    }
}
