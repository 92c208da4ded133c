//! Compaction: what may go goes, what must stay stays at its offset, and a crash at any moment changes neither.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use millrace_core::log::validation::validate;
use millrace_core::log::{CompactionError, CompactionReport, CompactionSettings, CompressionType, LogConfig, TimestampType};
use millrace_core::partition::decode_batch;
use millrace_core::record::{BatchHeader, BatchProducer, Codec, RecordInput, build_batch, seal};
use support::{Random, Storage};

const DELETE_RETENTION_MS: i64 = 1_000;

fn settings() -> CompactionSettings {
    CompactionSettings { delete_retention_ms: DELETE_RETENTION_MS, min_lag_ms: 0, map_memory_bytes: 1 << 20, bytes_per_second: None }
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 100_000, compacted: true, ..LogConfig::default() }
}

/// Offset, key, value and timestamp.
type Row = (i64, String, Option<String>, i64);

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn keyed(storage: &Storage, producer: Option<(BatchProducer, i32)>, rows: &[(&str, Option<&str>)]) -> Vec<u8> {
    let record = |(key, value): &(&str, Option<&str>)| RecordInput {
        key: Some(key.as_bytes().to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        timestamp_ms: Some(storage.now_ms()),
        headers: Vec::new(),
    };
    let records: Vec<RecordInput> = rows.iter().map(record).collect();
    let mut batch = build_batch(&records, producer.map(|(producer, _)| producer), storage.now_ms());
    if let Some((_, sequence)) = producer {
        batch[53..57].copy_from_slice(&sequence.to_be_bytes());
        seal(&mut batch);
    }
    batch
}

fn put(storage: &Storage, rows: &[(&str, Option<&str>)]) {
    storage.append(0, keyed(storage, None, rows)).unwrap();
}

fn roll(storage: &Storage) {
    storage.partition(0).roll().unwrap();
}

fn compact(storage: &Storage) -> CompactionReport {
    storage.manager().compact(&storage.partition(0), &settings()).unwrap()
}

/// Rolls, so that all is closed, and compacts.
fn compact_all(storage: &Storage) -> CompactionReport {
    roll(storage);
    compact(storage)
}

/// All batches of the log with their headers.
fn batches(storage: &Storage) -> Vec<(BatchHeader, Vec<Row>)> {
    let log = storage.partition(0).log().unwrap();
    let mut found = Vec::new();
    log.scan_from(log.log_start_offset(), |header, batch| {
        assert_eq!(millrace_core::record::checksum(batch), header.crc);
        let rows = decode_batch(header, batch).unwrap().records.into_iter();
        let rows = rows.map(|record| match header.is_control() {
            true => (record.offset, String::new(), None, record.timestamp_ms),
            false => (record.offset, text(record.key).unwrap(), text(record.value), record.timestamp_ms),
        });
        found.push((*header, rows.collect()));
        true
    })
    .unwrap();
    found
}

/// What a read_committed consumer sees.
fn committed(storage: &Storage) -> Vec<Row> {
    let partition = storage.partition(0);
    let aborted = partition.log().unwrap().aborted(0, i64::MAX).unwrap();
    let stable = partition.offsets().unwrap().last_stable_offset;
    let is_visible = |header: &BatchHeader| {
        let mut aborted = aborted.iter().filter(|txn| txn.producer_id == header.producer_id && header.is_transactional());
        !header.is_control()
            && header.base_offset < stable
            && !aborted.any(|txn| (txn.first_offset..txn.last_offset).contains(&header.base_offset))
    };
    let visible = batches(storage).into_iter().filter(|(header, _)| is_visible(header));
    visible.flat_map(|(_, rows)| rows).collect()
}

fn offsets(storage: &Storage) -> Vec<i64> {
    committed(storage).into_iter().map(|(offset, ..)| offset).collect()
}

fn open() -> Storage {
    let storage = Storage::with_config(1, config());
    storage.open();
    storage
}

#[test]
fn of_every_key_the_newest_record_stays_at_its_offset() {
    let storage = open();
    put(&storage, &[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
    put(&storage, &[("a", Some("2"))]);
    roll(&storage);
    storage.clock.advance(5);
    put(&storage, &[("b", Some("2")), ("d", Some("1"))]);
    let before = committed(&storage);
    let report = compact_all(&storage);
    assert_eq!((report.clean_until, report.records_read, report.records_kept), (6, 6, 4));
    let expected: Vec<Row> = before.into_iter().filter(|(offset, ..)| [2, 3, 4, 5].contains(offset)).collect();
    assert_eq!(committed(&storage), expected);
    assert_eq!(storage.partition(0).offsets().unwrap().segment_count, 2, "small neighbours became one segment");
    assert_eq!(storage.partition(0).log_end_offset(), 6);
    assert_eq!(compact(&storage).records_read, 0, "nothing is dirty");
    storage.close();
    storage.open();
    assert_eq!(committed(&storage), expected);
    assert_eq!(storage.manager().compact(&storage.partition(0), &settings()).unwrap().clean_until, 6);
}

#[test]
fn the_active_segment_is_left_alone_but_counts() {
    let storage = open();
    put(&storage, &[("a", Some("1"))]);
    roll(&storage);
    put(&storage, &[("a", Some("2"))]);
    compact(&storage);
    assert_eq!(offsets(&storage), [0, 1], "what is in the active segment was not looked at");
}

#[test]
fn tombstones_stay_for_their_time_after_they_became_clean() {
    let storage = open();
    put(&storage, &[("a", Some("1")), ("b", Some("1"))]);
    put(&storage, &[("a", None)]);
    storage.clock.advance(10 * DELETE_RETENTION_MS);
    compact_all(&storage);
    assert_eq!(offsets(&storage), [1, 2], "its time began now, not when it was written");
    let tombstone = committed(&storage).pop().unwrap();
    assert_eq!(tombstone, (2, "a".to_owned(), None, support::START_MS), "its timestamp is what it was");
    storage.clock.advance(DELETE_RETENTION_MS - 1);
    put(&storage, &[("x", Some("1"))]);
    compact_all(&storage);
    assert_eq!(offsets(&storage), [1, 2, 3]);
    storage.clock.advance(1);
    put(&storage, &[("y", Some("1"))]);
    compact_all(&storage);
    assert_eq!(offsets(&storage), [1, 3, 4]);
}

#[test]
fn aborted_records_go_and_markers_stay_while_they_are_needed() {
    let storage = open();
    let partition = storage.partition(0);
    let producer = |producer_id| BatchProducer { producer_id, producer_epoch: 0, transactional: true };
    put(&storage, &[("a", Some("plain"))]); // 0
    storage.append(0, keyed(&storage, Some((producer(7), 0)), &[("a", Some("aborted"))])).unwrap(); // 1
    storage.append(0, keyed(&storage, Some((producer(8), 0)), &[("b", Some("committed"))])).unwrap(); // 2
    partition
        .append_marker(
            &millrace_core::log::TxnMarker { producer_id: 7, epoch: 0, coordinator_epoch: 0, commit: false, bumps_epoch: false },
            storage.now_ms(),
        )
        .unwrap(); // 3
    partition
        .append_marker(
            &millrace_core::log::TxnMarker { producer_id: 8, epoch: 0, coordinator_epoch: 0, commit: true, bumps_epoch: false },
            storage.now_ms(),
        )
        .unwrap(); // 4
    storage.append(0, keyed(&storage, Some((producer(7), 1)), &[("c", Some("committed"))])).unwrap(); // 5
    partition
        .append_marker(
            &millrace_core::log::TxnMarker { producer_id: 7, epoch: 0, coordinator_epoch: 0, commit: true, bumps_epoch: false },
            storage.now_ms(),
        )
        .unwrap(); // 6
    let before = committed(&storage);
    assert_eq!(before.iter().map(|(offset, ..)| *offset).collect::<Vec<_>>(), [0, 2, 5]);
    let all = || batches(&storage).iter().map(|(header, _)| header.base_offset).collect::<Vec<_>>();
    compact_all(&storage);
    assert_eq!(committed(&storage), before, "an aborted record does not supersede");
    assert_eq!(all(), [0, 2, 3, 4, 5, 6], "the aborted data is gone, its marker not yet");
    put(&storage, &[("x", Some("1"))]); // 7
    compact_all(&storage);
    assert_eq!(all(), [0, 2, 3, 4, 5, 6, 7], "the time of the marker at 3 begins");
    storage.clock.advance(DELETE_RETENTION_MS);
    put(&storage, &[("y", Some("1"))]); // 8
    compact_all(&storage);
    assert_eq!(all(), [0, 2, 4, 5, 6, 7, 8]);
    assert_eq!(partition.log().unwrap().aborted(0, 100).unwrap(), []);
    put(&storage, &[("b", Some("2")), ("c", Some("2"))]); // 9, 10
    storage.append(0, keyed(&storage, Some((producer(8), 1)), &[("d", Some("1"))])).unwrap(); // 11, open
    compact_all(&storage);
    let emptied: Vec<i64> =
        batches(&storage).iter().filter(|(header, _)| header.record_count == 0).map(|(header, _)| header.base_offset).collect();
    assert_eq!(emptied, [5], "the newest batch of a producer stays without records");
    assert_eq!(storage.partition(0).last_stable_offset(), 11);
    assert_eq!(compact(&storage).clean_until, 11, "nothing above the last stable offset is looked at");
}

#[test]
fn deduplication_survives_compaction_and_restart() {
    let storage = open();
    let producer = BatchProducer { producer_id: 7, producer_epoch: 0, transactional: false };
    let first = keyed(&storage, Some((producer, 0)), &[("a", Some("1"))]);
    storage.append(0, first.clone()).unwrap();
    put(&storage, &[("a", Some("2"))]);
    compact_all(&storage);
    storage.kill();
    // Not even a snapshot is left to tell of the producer.
    let dir = std::path::Path::new(support::LOG_DIR).join("orders-0");
    use millrace_core::env::Files;
    for entry in storage.files.list(&dir).unwrap().into_iter().filter(|entry| entry.name.ends_with(".snapshot")) {
        storage.files.remove_file(&dir.join(entry.name)).unwrap();
    }
    storage.open();
    assert_eq!(storage.append(0, first), Ok(0), "a duplicate");
    assert_eq!(storage.append(0, keyed(&storage, Some((producer, 1)), &[("b", Some("1"))])), Ok(2));
}

#[test]
fn compressed_batches_and_log_append_time_are_rewritten_faithfully() {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        for timestamp_type in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
            let config = LogConfig { compression_type: CompressionType::Codec(codec), timestamp_type, ..config() };
            let storage = Storage::with_config(1, config);
            storage.open();
            put(&storage, &[("a", Some("1")), ("b", Some("1")), ("c", None)]);
            storage.clock.advance(7);
            put(&storage, &[("a", Some("2"))]);
            let before = committed(&storage);
            compact_all(&storage);
            assert_eq!(committed(&storage), before[1..], "{codec:?} {timestamp_type:?}");
            let (header, _) = batches(&storage).remove(0);
            assert_eq!(header.codec(), Ok(codec));
            assert_eq!((header.base_offset, header.last_offset()), (0, 2));
        }
    }
}

#[test]
fn records_without_a_key_are_refused_one_by_one() {
    let storage = open();
    let record = |key: Option<&str>| RecordInput {
        key: key.map(|key| key.as_bytes().to_vec()),
        value: None,
        timestamp_ms: Some(0),
        headers: Vec::new(),
    };
    let batch = build_batch(&[record(Some("a")), record(None)], None, 0);
    assert!(validate(&batch, &config(), 0).is_err());
    assert!(storage.append(0, batch).is_err());
}

#[test]
fn lag_memory_and_pace_are_bounds() {
    let storage = open();
    put(&storage, &[("a", Some("1"))]);
    roll(&storage);
    storage.clock.advance(1_000);
    put(&storage, &[("a", Some("2"))]);
    roll(&storage);
    let patient = CompactionSettings { min_lag_ms: 500, ..settings() };
    let report = storage.manager().compact(&storage.partition(0), &patient).unwrap();
    assert_eq!((report.clean_until, offsets(&storage)), (1, vec![0, 1]), "the second segment is too young");
    let [need] = &storage.manager().compaction_needs("orders", 500)[..] else { panic!("one partition") };
    assert_eq!((need.dirty_bytes, need.clean_bytes > 0, need.dirty_since_ms), (0, true, support::START_MS + 1_000));
    assert_eq!(compact(&storage).clean_until, 2);
    assert_eq!(storage.manager().compaction_needs("orders", 0), []);

    let keys: Vec<String> = (0..10_000).map(|key| format!("key {key}")).collect();
    for chunk in keys.chunks(100) {
        put(&storage, &chunk.iter().map(|key| (key.as_str(), Some("v"))).collect::<Vec<_>>());
    }
    roll(&storage);
    let small = CompactionSettings { map_memory_bytes: 1, bytes_per_second: Some(1_000_000), ..settings() };
    let began_ms = storage.now_ms();
    let mut runs = 0;
    while storage.manager().compact(&storage.partition(0), &small).unwrap().clean_until < 10_002 {
        runs += 1;
        assert!(runs < 10, "each run comes further");
    }
    assert_eq!(runs, 2);
    let totals = storage.manager().compaction_totals().bytes_read.load(std::sync::atomic::Ordering::Relaxed) as i64;
    assert!(storage.now_ms() - began_ms >= totals / 1_000 - 100, "{totals} bytes in {} ms", storage.now_ms() - began_ms);
    assert_eq!(committed(&storage).len(), 10_001);
}

#[test]
fn a_segment_is_written_anew_only_where_something_of_it_goes() {
    let storage = open();
    put(&storage, &[("a", Some("1"))]);
    put(&storage, &[("b", Some("1"))]);
    roll(&storage);
    let report = compact(&storage);
    assert_eq!((report.bytes_written, report.records_kept, report.clean_until), (0, 2, 2));

    let storage = open();
    for (key, value) in [("a", "1"), ("b", "1"), ("c", "1"), ("b", "2")] {
        put(&storage, &[(key, Some(value))]);
    }
    roll(&storage);
    assert!(compact(&storage).bytes_written > 0);
    storage.kill();
    storage.open();
    assert_eq!(offsets(&storage), [0, 2, 3]);
    assert_eq!(committed(&storage).len(), 3);
}

#[test]
fn segments_that_go_while_they_are_cleaned_are_not_brought_back() {
    let storage = open();
    for value in ["1", "2", "3"] {
        put(&storage, &[("a", Some(value))]);
        roll(&storage);
    }
    let partition = storage.partition(0);
    storage.manager().delete_records(&partition, 2).unwrap();
    compact(&storage);
    assert_eq!(offsets(&storage), [2]);
    assert_eq!(partition.log_start_offset(), 2);
    partition.delete();
    let outcome = storage.manager().compact(&partition, &settings());
    assert!(matches!(outcome, Err(CompactionError::Unavailable(_))), "{outcome:?}");
}

#[test]
fn a_log_that_starts_inside_a_batch_is_compacted_from_there() {
    let storage = open();
    put(&storage, &[("a", Some("1")), ("b", Some("1")), ("c", Some("1")), ("d", Some("1"))]);
    put(&storage, &[("d", Some("2"))]);
    roll(&storage);
    let partition = storage.partition(0);
    storage.manager().delete_records(&partition, 2).unwrap();
    assert_eq!(compact(&storage).clean_until, 5);
    let readable: Vec<i64> = offsets(&storage).into_iter().filter(|offset| *offset >= partition.log_start_offset()).collect();
    assert_eq!(readable, [2, 4]);
}

/// A random log, and what it should tell.
struct Life {
    seed: u64,
    random: Random,
    storage: Storage,
    rows: Vec<Row>,
    sequences: BTreeMap<i64, i32>,
    open: BTreeMap<i64, Vec<Row>>,
    value: u64,
}

impl Life {
    fn new(seed: u64) -> Life {
        let mut random = Random(seed);
        let codecs = [CompressionType::Producer, CompressionType::Codec(Codec::Lz4), CompressionType::Codec(Codec::Zstd)];
        let config = LogConfig {
            segment_bytes: 500 + random.below(3_000) as u32,
            compression_type: codecs[random.below(3) as usize],
            file_delete_delay_ms: 0,
            flush_messages: 1,
            ..config()
        };
        let storage = Storage::with_config(1, config);
        storage.open();
        let (rows, sequences, open) = Default::default();
        Life { seed, random, storage, rows, sequences, open, value: 0 }
    }

    fn append(&mut self) {
        let count = 1 + self.random.below(4);
        let mut rows = Vec::new();
        for _ in 0..count {
            self.value += 1;
            let value = (self.random.below(4) > 0).then(|| format!("{}{}", self.value, "x".repeat(self.random.below(80) as usize)));
            rows.push((format!("key {}", self.random.below(12)), value));
        }
        let producer = match self.random.below(3) {
            0 => None,
            choice => {
                let producer_id = self.random.below(2) as i64 + choice as i64 * 10;
                let sequence = self.sequences.entry(producer_id).or_insert(0);
                *sequence += count as i32;
                let producer = BatchProducer { producer_id, producer_epoch: 0, transactional: choice == 2 };
                Some((producer, *sequence - count as i32))
            }
        };
        let borrowed: Vec<(&str, Option<&str>)> = rows.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let base = self.storage.append(0, keyed(&self.storage, producer, &borrowed)).unwrap();
        self.storage.partition(0).flush().unwrap();
        let now_ms = self.storage.now_ms();
        let rows = rows.into_iter().enumerate().map(|(index, (key, value))| (base + index as i64, key, value, now_ms));
        match producer {
            Some((producer, _)) if producer.transactional => self.open.entry(producer.producer_id).or_default().extend(rows),
            _ => self.rows.extend(rows),
        }
    }

    fn end_transaction(&mut self) {
        let Some((producer_id, rows)) = self.open.pop_first() else { return };
        let commit = self.random.below(2) == 0;
        self.storage
            .partition(0)
            .append_marker(
                &millrace_core::log::TxnMarker { producer_id, epoch: 0, coordinator_epoch: 0, commit, bumps_epoch: false },
                self.storage.now_ms(),
            )
            .unwrap();
        self.storage.partition(0).flush().unwrap();
        if commit {
            self.rows.extend(rows);
            self.rows.sort();
        }
    }

    fn compact(&mut self) {
        let dies = self.random.below(2) == 0;
        if dies {
            self.storage.files.stop_after(self.random.below(60));
        }
        let outcome = self.storage.manager().compact(&self.storage.partition(0), &settings());
        if self.storage.files.is_stopped() {
            if self.random.below(2) == 0 {
                self.storage.kill()
            } else {
                self.storage.crash(self.random.next())
            }
            self.storage.open();
        } else {
            self.storage.files.stop_after(u64::MAX);
            outcome.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..11 => self.append(),
            11..14 => self.end_transaction(),
            14 => self.storage.partition(0).roll().unwrap(),
            15..18 => self.compact(),
            18 => self.storage.clock.advance(self.random.below(DELETE_RETENTION_MS as u64) as i64),
            _ => {
                self.storage.close();
                self.storage.open();
            }
        }
        self.check();
    }

    fn check(&self) {
        let seed = self.seed;
        let stable = self.storage.partition(0).offsets().unwrap().last_stable_offset;
        let rows: Vec<&Row> = self.rows.iter().filter(|(offset, ..)| *offset < stable).collect();
        let found = committed(&self.storage);
        let mut known = rows.iter();
        for row in &found {
            assert!(known.any(|known| *known == row), "seed {seed}: {row:?} was never committed at that place");
        }
        let mut newest: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in rows {
            newest.insert(&row.1, row);
        }
        for row in newest.into_values() {
            // A tombstone may go, and leaves nothing of its key then.
            let may_be_gone = row.2.is_none() && self.storage.now_ms() - row.3 >= DELETE_RETENTION_MS;
            let is_gone = !found.iter().any(|found| found.1 == row.1);
            let others: Vec<&Row> = found.iter().filter(|found| found.1 == row.1).collect();
            assert!(found.contains(row) || (may_be_gone && is_gone), "seed {seed}: {row:?} is lost, there is {others:?}");
        }
    }
}

#[test]
fn no_crash_loses_the_newest_record_of_a_key_or_brings_back_an_aborted_one() {
    let seeds = match std::env::var("COMPACTION_SEED") {
        Ok(seed) => seed.parse().unwrap()..seed.parse::<u64>().unwrap() + 1,
        Err(_) => 0..std::env::var("COMPACTION_COUNT").map_or(150, |count| count.parse().unwrap()),
    };
    for seed in seeds {
        let mut life = Life::new(seed);
        for _ in 0..80 {
            life.step();
        }
    }
}
