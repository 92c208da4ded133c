//! Readers, a writer, retention, compaction and a bound on open files, all at once over the same logs: whoever reads gets
//! whole batches with the offsets that were asked for.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use millrace_core::log::{CompactionSettings, LogConfig};
use millrace_core::partition::{Isolation, OffsetSpec, ReadError};
use millrace_core::record::{BatchHeader, RecordInput, build_batch, checksum};
use support::{Random, Storage};

const PARTITIONS: i32 = 12;
const ROUNDS: u64 = 400;

fn write(storage: &Storage) {
    let mut random = Random(1);
    for round in 0..ROUNDS {
        for index in 0..PARTITIONS {
            let records: Vec<RecordInput> = (0..1 + random.below(5))
                .map(|_| RecordInput {
                    key: Some(random.below(40).to_be_bytes().to_vec()),
                    value: Some(vec![b'v'; random.below(100) as usize]),
                    timestamp_ms: Some(storage.now_ms() + round as i64),
                    headers: Vec::new(),
                })
                .collect();
            storage.append(index, build_batch(&records, None, storage.now_ms())).unwrap();
        }
    }
}

fn read(storage: &Storage, seed: u64, done: &AtomicBool) -> u64 {
    let mut random = Random(seed);
    let mut reads = 0;
    while !done.load(Ordering::Relaxed) {
        let partition = storage.partition(random.below(PARTITIONS as u64) as i32);
        let start = partition.log_start_offset();
        let end = partition.high_watermark();
        if start >= end {
            continue;
        }
        let offset = start + random.below((end - start) as u64) as i64;
        let isolation = if random.below(2) == 0 { Isolation::HighWatermark } else { Isolation::LastStable };
        let read = match partition.read(offset, random.below(3_000) as u32, isolation, true) {
            Err(ReadError::OffsetOutOfRange { log_start_offset, .. }) if offset < log_start_offset => continue,
            read => read.unwrap_or_else(|error| panic!("offset {offset}: {error}")),
        };
        let Some(slice) = read.slice else { continue };
        let mut bytes = vec![0; slice.len as usize];
        slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
        let mut rest = &bytes[..];
        let mut next = offset;
        while !rest.is_empty() {
            let header = BatchHeader::decode(rest).unwrap();
            assert!(header.last_offset() >= next, "{} is below {next}", header.last_offset());
            assert!(header.last_offset() < slice.end_offset);
            let (batch, tail) = rest.split_at(header.size_in_bytes());
            assert_eq!(checksum(batch), header.crc);
            (next, rest) = (header.last_offset() + 1, tail);
        }
        if random.below(20) == 0 {
            let spec = OffsetSpec::Timestamp(support::START_MS + random.below(ROUNDS) as i64);
            partition.offset_for(spec).unwrap();
        }
        reads += 1;
    }
    reads
}

fn maintain(storage: &Storage, done: &AtomicBool) {
    let settings = CompactionSettings { delete_retention_ms: 0, min_lag_ms: 0, map_memory_bytes: 1 << 20, bytes_per_second: None };
    let manager = storage.manager();
    let mut random = Random(99);
    while !done.load(Ordering::Relaxed) {
        let partition = storage.partition(random.below(PARTITIONS as u64) as i32);
        match random.below(4) {
            0 => {
                let start = partition.log_start_offset();
                let before = start + (partition.high_watermark() - start) / 8;
                manager.delete_records(&partition, before).unwrap();
            }
            1 => manager.keep_house(),
            _ => drop(manager.compact(&partition, &settings).unwrap()),
        }
    }
}

#[test]
fn readers_always_get_whole_batches() {
    let config =
        LogConfig { segment_bytes: 4_000, index_interval_bytes: 300, file_delete_delay_ms: 0, compacted: true, ..LogConfig::default() };
    let storage = Storage::with_config(PARTITIONS, config);
    storage.open();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|seed| {
                scope.spawn({
                    let (storage, done) = (&storage, &done);
                    move || read(storage, seed, done)
                })
            })
            .collect();
        let maintenance = scope.spawn(|| maintain(&storage, &done));
        let writer = scope.spawn(|| write(&storage));
        let written = writer.join();
        done.store(true, Ordering::Relaxed);
        written.unwrap();
        maintenance.join().unwrap();
        assert!(readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>() > 0);
    });
    assert_eq!(storage.facts(), []);
    for index in 0..PARTITIONS {
        let partition = storage.partition(index);
        let end = partition.log_end_offset();
        storage.partition(index).flush().unwrap();
        assert_eq!(partition.high_watermark(), end);
    }
    storage.close();
}
