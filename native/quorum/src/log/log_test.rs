#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use millrace_core::env::{Files, SimulatedFiles};
use millrace_core::record::{RecordInput, build_batch, set_base_offset_and_leader_epoch};

use super::{LogFiles, Purged};

const DIR: &str = "/q/__cluster_metadata-0";

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn disk() -> SimulatedFiles {
    let files = SimulatedFiles::new();
    files.create_dir_all(Path::new("/q")).unwrap();
    files.sync_dir(Path::new("/")).unwrap();
    files
}

fn open(files: &SimulatedFiles) -> LogFiles {
    LogFiles::open(Arc::new(files.clone()), Path::new(DIR), 2000).unwrap()
}

/// A batch of `count` records whose values are all `content`.
fn batch(term: u64, count: u64, content: u64) -> Vec<u8> {
    let value = Some(content.to_be_bytes().repeat(20));
    let records = vec![RecordInput { key: None, value, timestamp_ms: None, headers: Vec::new() }; count as usize];
    let mut batch = build_batch(&records, None, 1);
    set_base_offset_and_leader_epoch(&mut batch, 0, term as i32);
    batch
}

/// What the log must hold: an entry's term and batch by index, after those that were purged.
#[derive(Clone, Default, PartialEq, Debug)]
struct Model {
    first: u64,
    entries: Vec<(u64, u64, u64)>,
}

impl Model {
    fn of(log: &LogFiles, written: &[(u64, u64, u64)]) -> Model {
        let entries = (log.first_index()..log.end_index()).map(|index| {
            let stored = log.read(index).unwrap().unwrap();
            let matching = written.iter().find(|(term, count, content)| {
                let mut expected = batch(*term, *count, *content);
                set_base_offset_and_leader_epoch(&mut expected, log.place(index).unwrap().base_offset, *term as i32);
                expected == stored
            });
            *matching.expect("a batch that nobody wrote")
        });
        Model { first: log.first_index(), entries: entries.collect() }
    }

    fn is_prefix_of(&self, other: &Model) -> bool {
        self.first == other.first && other.entries.starts_with(&self.entries)
    }
}

/// Appends, truncations and purges with power cuts in the middle: what a call acknowledged is there, whole and in order;
/// of the call that was interrupted there may be a part, of anything else nothing.
#[test]
fn what_was_acknowledged_survives_every_crash() {
    for seed in 1..400_u64 {
        let files = disk();
        let mut random = Random(seed * 7919);
        let mut written = Vec::new();
        let mut model = Model::default();
        let mut term = 1;
        let mut log = open(&files);
        for step in 0..60 {
            if random.below(6) == 0 {
                files.stop_after(random.below(8));
            }
            let before = model.clone();
            let mut after = model.clone();
            let outcome = match random.below(10) {
                0 if !model.entries.is_empty() => {
                    let keep = random.below(model.entries.len() as u64);
                    after.entries.truncate(keep as usize);
                    term += 1;
                    log.truncate(model.first + keep)
                }
                1 if model.entries.len() > 2 => {
                    let count = 1 + random.below(model.entries.len() as u64 - 1);
                    let index = model.first + count - 1;
                    let place = log.place(index).unwrap();
                    let purged = Purged { index, term: place.term, last_offset: place.last_offset };
                    after.first += count;
                    after.entries.drain(..count as usize);
                    log.purge(purged)
                }
                2 if random.below(4) == 0 => {
                    let purged = Purged { index: log.end_index() + 5, term, last_offset: log.end_offset() + random.below(30) as i64 };
                    after = Model { first: purged.index + 1, entries: Vec::new() };
                    log.purge(purged)
                }
                _ => {
                    let new: Vec<_> = (0..1 + random.below(4)).map(|at| (term, 1 + random.below(3), seed << 32 | step << 8 | at)).collect();
                    after.entries.extend(&new);
                    written.extend(&new);
                    log.append(log.end_index(), new.iter().map(|(term, count, content)| batch(*term, *count, *content)).collect())
                }
            };
            if outcome.is_ok() {
                model = after.clone();
            }
            if outcome.is_err() || files.is_stopped() || random.below(12) == 0 {
                files.crash(seed * 1000 + step);
                log = open(&files);
                let found = Model::of(&log, &written);
                let grows = before.is_prefix_of(&found) && found.is_prefix_of(&after);
                let shrinks = after.is_prefix_of(&found) && found.is_prefix_of(&before);
                // A restart after a snapshot may leave any beginning of the old log: the snapshot covers all of it.
                let restarts = after.entries.is_empty() && found.is_prefix_of(&before);
                let is_right = match outcome {
                    Ok(()) => found == after,
                    Err(_) => grows || shrinks || restarts || found == before || found == after,
                };
                assert!(is_right, "seed {seed} step {step}: {before:?} -> {after:?}, found {found:?}");
                model = found;
            }
        }
    }
}

#[test]
fn damage_to_what_was_synced_is_reported_and_nothing_is_changed() {
    let files = disk();
    let mut log = open(&files);
    for index in 0..30 {
        log.append(index, vec![batch(1, 2, index)]).unwrap();
    }
    log.close();
    drop(log);
    let first = Path::new(DIR).join("00000000000000000000.log");
    let before = files.read(&first).unwrap();
    files.flip_bit(&first, before.len() as u64 - 10, 3);
    let damaged = files.read(&first).unwrap();
    let error = LogFiles::open(Arc::new(files.clone()), Path::new(DIR), 2000).err().unwrap();
    assert!(error.to_string().contains("the checksum does not hold"), "{error}");
    assert_eq!(files.read(&first).unwrap(), damaged);
}

#[test]
fn a_failed_sync_ends_all_writing() {
    let files = disk();
    let mut log = open(&files);
    log.append(0, vec![batch(1, 1, 0)]).unwrap();
    files.fail_syncs(1);
    assert!(log.append(1, vec![batch(1, 1, 1)]).is_err());
    assert!(log.append(1, vec![batch(1, 1, 1)]).is_err());
    assert!(log.truncate(0).is_err());
    assert_eq!(log.end_index(), 1);
}
