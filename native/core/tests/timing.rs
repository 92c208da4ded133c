//! Delayed delivery and time to live, on a clock that moves when told: what consumers see, and what stays when the broker
//! or a leader goes.
#![allow(clippy::unwrap_used)]

mod support;

use millrace_core::log::{CompactionSettings, LogConfig};
use millrace_core::partition::{AppendError, Isolation, OffsetSpec, Partition, WaitingRun, decode_batch};
use millrace_core::record::timing::{DELIVER_AT_HEADER, TTL_HEADER};
use millrace_core::record::{BatchHeader, RecordInput, build_batch};
use support::{Random, Storage};

const DELAY_MAX_MS: i64 = 100_000;

fn delaying() -> LogConfig {
    LogConfig { delivery_delay_max_ms: Some(DELAY_MAX_MS), segment_bytes: 4_000, ..LogConfig::default() }
}

fn expiring() -> LogConfig {
    LogConfig { record_ttl: true, ..LogConfig::default() }
}

fn record(storage: &Storage, key: Option<&str>, value: &str, header: Option<(&str, i64)>) -> RecordInput {
    RecordInput {
        key: key.map(|key| key.as_bytes().to_vec()),
        value: Some(value.as_bytes().to_vec()),
        timestamp_ms: Some(storage.now_ms()),
        headers: header.iter().map(|(name, ms)| ((*name).to_owned(), Some(ms.to_string().into_bytes()))).collect(),
    }
}

/// Appends one record that is due after so many milliseconds; 0 for at once.
fn delay(storage: &Storage, value: &str, by_ms: i64) -> Result<i64, AppendError> {
    let header = (by_ms > 0).then(|| (DELIVER_AT_HEADER, storage.now_ms() + by_ms));
    storage.append(0, build_batch(&[record(storage, None, value, header)], None, storage.now_ms()))
}

/// Offsets of the records and last offset of the last batch that a reader gets.
fn read(partition: &Partition, from: i64, isolation: Isolation) -> (Vec<i64>, Option<i64>) {
    let read = partition.read(from, 1_000_000, isolation, true).unwrap();
    let Some(slice) = read.slice else { return (Vec::new(), None) };
    let mut bytes = vec![0; slice.len as usize];
    slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
    let (mut offsets, mut last, mut rest) = (Vec::new(), None, &bytes[..]);
    while !rest.is_empty() {
        let header = BatchHeader::decode(rest).unwrap();
        let (batch, after) = rest.split_at(header.size_in_bytes());
        offsets.extend(decode_batch(&header, batch).unwrap().records.iter().map(|record| record.offset));
        last = Some(header.last_offset());
        rest = after;
    }
    (offsets, last)
}

fn visible(partition: &Partition) -> Vec<i64> {
    read(partition, 0, Isolation::HighWatermark).0
}

#[test]
fn a_partition_ends_before_the_first_record_that_is_not_due() {
    let storage = Storage::with_config(1, delaying());
    storage.open();
    let partition = storage.partition(0);
    for (value, by_ms) in [("a", 0), ("b", 500), ("c", 0), ("d", 200)] {
        delay(&storage, value, by_ms).unwrap();
    }
    let told = partition.read(0, 1_000_000, Isolation::HighWatermark, true).unwrap();
    assert_eq!((told.high_watermark, told.last_stable_offset, told.due_in_ms), (1, 1, Some(500)));
    assert_eq!(visible(&partition), [0]);
    assert_eq!(read(&partition, 1, Isolation::LastStable), (vec![], None));
    assert_eq!(partition.offset_for(OffsetSpec::Latest(Isolation::HighWatermark)).unwrap().unwrap().0, 1);
    assert_eq!(read(&partition, 0, Isolation::LogEnd).0, [0, 1, 2, 3], "replicas copy everything");
    assert_eq!(partition.high_watermark(), 4, "and it is committed");
    storage.clock.advance(499);
    assert_eq!(visible(&partition), [0]);
    storage.clock.advance(1);
    assert_eq!(visible(&partition), [0, 1, 2, 3]);
    assert_eq!(partition.read(4, 1, Isolation::HighWatermark, true).unwrap().due_in_ms, None);
}

#[test]
fn who_may_pass_by_what_waits_is_told_of_it() {
    let storage = Storage::with_config(1, delaying());
    storage.open();
    for by_ms in [0, 500, 500, 0, 200] {
        delay(&storage, "x", by_ms).unwrap();
    }
    let due_ms = storage.now_ms() + 500;
    let shared = storage.partition(0).read_shared(0, 1_000_000, Isolation::HighWatermark).unwrap();
    assert_eq!(shared.read.slice.unwrap().end_offset, 5);
    let run = |first_offset, last_offset, due_ms| WaitingRun { first_offset, last_offset, due_ms };
    assert_eq!(shared.waiting, [run(1, 2, due_ms), run(4, 4, due_ms - 300)]);
    storage.clock.advance(200);
    let shared = storage.partition(0).read_shared(0, 1_000_000, Isolation::HighWatermark).unwrap();
    assert_eq!(shared.waiting, [run(1, 2, due_ms)]);
}

#[test]
fn a_time_too_far_ahead_is_refused_and_a_topic_that_stops_delaying_is_open() {
    let storage = Storage::with_config(1, delaying());
    storage.open();
    assert!(matches!(delay(&storage, "x", DELAY_MAX_MS + 1), Err(AppendError::RecordErrors(..))));
    assert_eq!(delay(&storage, "x", DELAY_MAX_MS), Ok(0));
    assert_eq!(visible(&storage.partition(0)), []);
    storage.apply(LogConfig::default());
    assert_eq!(visible(&storage.partition(0)), [0]);
    storage.apply(delaying());
    assert_eq!(visible(&storage.partition(0)), []);
}

#[test]
fn a_header_from_before_the_bound_cannot_close_a_partition() {
    let storage = Storage::with_config(1, LogConfig::default());
    storage.open();
    delay(&storage, "x", DELAY_MAX_MS * 1_000).unwrap();
    delay(&storage, "y", DELAY_MAX_MS).unwrap();
    storage.apply(delaying());
    assert_eq!(visible(&storage.partition(0)), [0]);
    storage.clock.advance(DELAY_MAX_MS);
    assert_eq!(visible(&storage.partition(0)), [0, 1]);
}

#[test]
fn what_waits_is_found_again_after_a_restart_and_a_move_of_the_leader() {
    let storage = Storage::with_config(1, delaying());
    storage.open();
    for index in 0..200 {
        delay(&storage, "some value", if index % 50 == 49 { 1_000 + index } else { 0 }).unwrap();
    }
    assert!(storage.partition(0).segments().unwrap().len() > 3);
    assert_eq!(visible(&storage.partition(0)).last(), Some(&48));
    storage.kill();
    storage.open();
    assert_eq!(visible(&storage.partition(0)).last(), Some(&48));
    let mut later = (*storage.partition(0).standing()).clone();
    (later.leader_epoch, later.partition_epoch) = (7, later.partition_epoch + 1);
    storage.partition(0).stand(later);
    assert_eq!(visible(&storage.partition(0)).last(), Some(&48));
    storage.clock.advance(1_100);
    assert_eq!(read(&storage.partition(0), 49, Isolation::HighWatermark).0.first(), Some(&49));
    assert_eq!(storage.partition(0).visible_end(Isolation::HighWatermark).unwrap(), 149);
}

#[test]
fn more_than_a_reader_may_wait_for_is_looked_at_by_another_thread() {
    let storage = Storage::with_config(1, LogConfig { segment_bytes: 1 << 20, ..delaying() });
    storage.open();
    let value = "x".repeat(50_000);
    for _ in 0..60 {
        delay(&storage, &value, 0).unwrap();
    }
    delay(&storage, "late", 500).unwrap();
    storage.kill();
    storage.open();
    let partition = storage.partition(0);
    let end = partition.visible_end(Isolation::HighWatermark).unwrap();
    assert!(end < 60, "only so much is looked at in one go: {end}");
    partition.load_in_background();
    assert_eq!(partition.visible_end(Isolation::HighWatermark), Ok(60));
}

#[test]
fn compaction_leaves_what_nobody_could_read_yet() {
    let storage = Storage::with_config(1, LogConfig { compacted: true, ..delaying() });
    storage.open();
    let put = |value: &str, by_ms: i64| {
        let header = (by_ms > 0).then(|| (DELIVER_AT_HEADER, storage.now_ms() + by_ms));
        storage.append(0, build_batch(&[record(&storage, Some("k"), value, header)], None, storage.now_ms())).unwrap()
    };
    put("old", 0);
    put("older", 0);
    put("future", 500);
    storage.partition(0).roll().unwrap();
    let settings = CompactionSettings { delete_retention_ms: 0, min_lag_ms: 0, map_memory_bytes: 1 << 20, bytes_per_second: None };
    storage.manager().compact(&storage.partition(0), &settings).unwrap();
    assert_eq!(storage.values(0), ["older", "future"]);
    storage.clock.advance(500);
    put("last", 0);
    storage.partition(0).roll().unwrap();
    storage.manager().compact(&storage.partition(0), &settings).unwrap();
    assert_eq!(storage.values(0), ["last"]);
}

#[test]
fn expired_records_are_given_to_nobody_and_go_with_compaction() {
    let storage = Storage::with_config(1, LogConfig { compacted: true, ..expiring() });
    storage.open();
    let rows = [("a", "1", None), ("b", "2", Some(100)), ("a", "3", Some(50)), ("c", "4", None)];
    let records: Vec<RecordInput> =
        rows.iter().map(|(key, value, ttl)| record(&storage, Some(key), value, ttl.map(|ttl| (TTL_HEADER, ttl)))).collect();
    storage.append(0, build_batch(&records, None, storage.now_ms())).unwrap();
    let partition = storage.partition(0);
    assert_eq!(visible(&partition), [0, 1, 2, 3]);
    storage.clock.advance(50);
    assert_eq!(visible(&partition), [0, 1, 3]);
    assert_eq!(read(&partition, 0, Isolation::LogEnd).0, [0, 1, 2, 3]);
    storage.clock.advance(50);
    assert_eq!(visible(&partition), [0, 3]);
    partition.roll().unwrap();
    let settings = CompactionSettings { delete_retention_ms: 0, min_lag_ms: 0, map_memory_bytes: 1 << 20, bytes_per_second: None };
    storage.manager().compact(&partition, &settings).unwrap();
    assert_eq!(storage.values(0), ["4"], "what an expired record superseded does not come back");
}

#[test]
fn a_reader_passes_what_has_expired_and_moves_on_where_nothing_is_left() {
    let storage = Storage::with_config(1, expiring());
    storage.open();
    for index in 0..100 {
        let header = (index != 70).then_some((TTL_HEADER, 10));
        storage.append(0, build_batch(&[record(&storage, None, "value", header)], None, storage.now_ms())).unwrap();
    }
    storage.clock.advance(10);
    let partition = storage.partition(0);
    assert_eq!(read(&partition, 0, Isolation::HighWatermark).0, [70]);
    assert_eq!(read(&partition, 71, Isolation::HighWatermark), (vec![], Some(99)), "one empty batch, so that the position moves on");
    assert_eq!(read(&partition, 100, Isolation::HighWatermark), (vec![], None));
}

/// A consumer that polls at random moments gets every record once, in order, none before its time and none after its life.
#[test]
fn random_lives_of_a_topic_that_delays_and_expires() {
    for seed in 1..=40 {
        let mut random = Random(seed);
        let config = LogConfig { record_ttl: true, ..delaying() };
        let storage = Storage::with_config(1, config);
        storage.open();
        // Due and expiry of each offset.
        let mut written: Vec<(i64, i64)> = Vec::new();
        let mut seen: Vec<i64> = Vec::new();
        let mut position = 0;
        for step in 0..300 {
            match random.below(6) {
                0..=2 => {
                    let now_ms = storage.now_ms();
                    let count = 1 + random.below(3);
                    let mut records = Vec::new();
                    let mut due_ms = 0;
                    for _ in 0..count {
                        let mut each = record(&storage, None, "value", None);
                        let due = if random.below(3) == 0 { now_ms + random.below(400) as i64 } else { 0 };
                        let expiry = if random.below(3) == 0 { now_ms + random.below(600) as i64 } else { i64::MAX };
                        if due > 0 {
                            each.headers.push((DELIVER_AT_HEADER.to_owned(), Some(due.to_be_bytes().to_vec())));
                        }
                        if expiry < i64::MAX {
                            each.headers.push((TTL_HEADER.to_owned(), Some((expiry - now_ms).to_string().into_bytes())));
                        }
                        due_ms = due_ms.max(due);
                        records.push(each);
                        written.push((due, expiry));
                    }
                    storage.append(0, build_batch(&records, None, now_ms)).unwrap();
                }
                3 => storage.clock.advance(random.below(200) as i64),
                4 if random.below(10) == 0 => {
                    storage.kill();
                    storage.open();
                }
                _ => {
                    let (offsets, last) = read(&storage.partition(0), position, Isolation::HighWatermark);
                    let now_ms = storage.now_ms();
                    for offset in offsets.into_iter().filter(|offset| *offset >= position) {
                        let (due_ms, expiry_ms) = written[offset as usize];
                        assert!(due_ms <= now_ms, "seed {seed} step {step}: {offset} came early");
                        assert!(expiry_ms > now_ms, "seed {seed} step {step}: {offset} had expired");
                        seen.push(offset);
                    }
                    position = last.map_or(position, |last| last + 1).max(position);
                }
            }
        }
        storage.clock.advance(1_000);
        while let (offsets, Some(last)) = read(&storage.partition(0), position, Isolation::HighWatermark) {
            seen.extend(offsets.into_iter().filter(|offset| *offset >= position));
            position = last + 1;
        }
        assert_eq!(position, written.len() as i64, "seed {seed}");
        assert!(seen.is_sorted_by(|a, b| a < b), "seed {seed}: {seen:?}");
        for (offset, (_, expiry_ms)) in written.iter().enumerate() {
            assert!(*expiry_ms < i64::MAX || seen.binary_search(&(offset as i64)).is_ok(), "seed {seed}: {offset} is missing");
        }
    }
}
