//! Bytes that were bent at random, at every place where bytes are read: clients' frames and batches, and the files of a
//! log. Nothing may panic, hang, or take memory for a length that is a lie. `MUTATION_COUNT=n` asks for more rounds.
#![allow(clippy::unwrap_used)]

mod support;

use std::ops::Range;
use std::path::{Path, PathBuf};

use millrace_core::env::Files;
use millrace_core::log::validation::validate;
use millrace_core::log::{CompressionType, LogConfig, ProducerState};
use millrace_core::partition::decode_batch;
use millrace_core::protocol::fetch::FetchRequest;
use millrace_core::protocol::list_offsets::ListOffsetsRequest;
use millrace_core::protocol::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use millrace_core::protocol::produce::{ProduceVisitor, TopicRef, decode_request};
use millrace_core::protocol::{ApiKey, RequestHeader, Writer};
use millrace_core::record::{self, BATCH_OVERHEAD, BatchHeader, BatchProducer, Codec, RecordIterator, seal};
use support::{LOG_DIR, Random, Storage, batch_of};

fn rounds(default: u64) -> u64 {
    std::env::var("MUTATION_COUNT").map_or(default, |count| count.parse().unwrap())
}

/// Flips, overwrites, cuts out, doubles or cuts off.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        let at = random.below(bytes.len() as u64) as usize;
        let len = 1 + random.below(8.min((bytes.len() - at) as u64)) as usize;
        match random.below(7) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at..at + len].fill(0xff),
            3 => bytes[at..at + len].copy_from_slice(&random.next().to_le_bytes()[..len]),
            4 => drop(bytes.drain(at..at + len)),
            5 => {
                let copy = bytes[at..at + len].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => bytes.truncate(at),
        }
    }
}

fn batch(random: &mut Random, codec: Codec) -> Vec<u8> {
    let values: Vec<String> = (0..1 + random.below(5)).map(|_| "v".repeat(random.below(200) as usize)).collect();
    let refs: Vec<&str> = values.iter().map(String::as_str).collect();
    let plain = batch_of(None, &refs, 1_000);
    if codec == Codec::None {
        return plain;
    }
    let config = LogConfig { compression_type: CompressionType::Codec(codec), ..LogConfig::default() };
    validate(&plain, &config, 1_000).unwrap().remove(0).recompressed.unwrap()
}

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

#[test]
fn batches_of_clients() {
    for seed in 0..rounds(4_000) {
        let mut random = Random(seed);
        let codec = CODECS[random.below(5) as usize];
        let mut bytes = batch(&mut random, codec);
        mutate(&mut bytes, &mut random);
        // With a checksum that holds, the damage gets past the first gate.
        if bytes.len() > BATCH_OVERHEAD && random.below(4) > 0 {
            let len = bytes.len() as i32 - 12;
            bytes[8..12].copy_from_slice(&len.to_be_bytes());
            seal(&mut bytes);
        }
        let config = LogConfig { compacted: random.below(2) == 0, ..LogConfig::default() };
        if let Ok(valid) = validate(&bytes, &config, 1_000) {
            for batch in valid {
                let whole = &bytes[batch.start..batch.start + batch.header.size_in_bytes()];
                let stored = decode_batch(&batch.header, whole).unwrap();
                assert_eq!(stored.records.len(), batch.header.record_count as usize, "seed {seed}");
            }
        }
        if let Ok(header) = BatchHeader::decode(&bytes)
            && let Some(whole) = bytes.get(..header.size_in_bytes())
        {
            let _ = decode_batch(&header, whole);
        }
        let count = RecordIterator::new(&bytes).filter(Result::is_ok).count();
        assert!(count <= bytes.len());
    }
}

#[test]
fn compressed_data() {
    for seed in 0..rounds(4_000) {
        let mut random = Random(seed);
        let codec = CODECS[1 + random.below(4) as usize];
        let data: Vec<u8> = (0..random.below(5_000)).map(|index| (index / 7) as u8).collect();
        let mut bytes = record::compress(codec, 0, &data).unwrap();
        mutate(&mut bytes, &mut random);
        let mut out = Vec::new();
        let _ = record::decompress(codec, &bytes, 100_000, &mut out);
        assert!(out.len() <= 100_001, "seed {seed}");
    }
}

struct Ranges(usize, Vec<Range<usize>>);

impl ProduceVisitor for Ranges {
    fn topic(&mut self, _: TopicRef, partition_count: usize) {
        assert!(partition_count <= self.0);
    }

    fn partition(&mut self, _: i32, records: Option<Range<usize>>) {
        self.1.extend(records);
    }
}

fn request(random: &mut Random, api: ApiKey, version: i16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, false);
    writer.i16(api as i16);
    writer.i16(version);
    writer.i32(7);
    writer.nullable_string(Some("client"));
    for _ in 0..20 + random.below(80) {
        // Small numbers are what lengths and counts look like.
        bytes.push(if random.below(2) == 0 { random.below(4) as u8 } else { random.next() as u8 });
    }
    bytes
}

#[test]
fn frames_of_clients() {
    for seed in 0..rounds(20_000) {
        let mut random = Random(seed);
        let apis = [ApiKey::Produce, ApiKey::Fetch, ApiKey::ListOffsets, ApiKey::OffsetForLeaderEpoch];
        let api = apis[random.below(4) as usize];
        let version = random.below(19) as i16;
        let mut bytes = request(&mut random, api, version);
        mutate(&mut bytes, &mut random);
        let Ok((_, body)) = RequestHeader::decode(&bytes, api) else { continue };
        match api {
            ApiKey::Fetch => drop(FetchRequest::decode(&bytes, body, version)),
            ApiKey::ListOffsets => drop(ListOffsetsRequest::decode(&bytes, body, version)),
            ApiKey::OffsetForLeaderEpoch => drop(OffsetForLeaderEpochRequest::decode(&bytes, body, version)),
            _ => {
                let mut ranges = Ranges(bytes.len(), Vec::new());
                let _ = decode_request(&bytes, body, version, &mut ranges);
                assert!(ranges.1.iter().all(|range| range.start <= range.end && range.end <= bytes.len()), "seed {seed}");
                assert!(ranges.1.windows(2).all(|pair| pair[0].end <= pair[1].start), "seed {seed}");
            }
        }
    }
}

#[test]
fn producer_snapshots() {
    let mut state = ProducerState::default();
    for producer_id in 0..5 {
        let producer = BatchProducer { producer_id, producer_epoch: 1, transactional: producer_id > 2 };
        let header = BatchHeader::decode(&batch_of(Some((producer, 0)), &["v"], 1)).unwrap();
        let _ = state.append(&header, producer_id * 10);
    }
    for seed in 0..rounds(4_000) {
        let mut bytes = state.encode_snapshot();
        mutate(&mut bytes, &mut Random(seed));
        if let Some(decoded) = ProducerState::decode_snapshot(&bytes) {
            assert_eq!(decoded.encode_snapshot(), bytes, "seed {seed}");
        }
    }
}

/// Several segments with transactions, closed in good order or not.
fn filled(random: &mut Random) -> Storage {
    let config = LogConfig { segment_bytes: 1_500, index_interval_bytes: 150, ..LogConfig::default() };
    let storage = Storage::with_config(1, config);
    storage.open();
    let mut sequence = 0;
    for index in 0..20 {
        let producer = BatchProducer { producer_id: 7, producer_epoch: 0, transactional: true };
        storage.append(0, batch_of(Some((producer, sequence)), &["a value", &"x".repeat(100)], storage.now_ms())).unwrap();
        sequence += 2;
        if index % 5 == 4 {
            storage
                .partition(0)
                .append_marker(
                    &millrace_core::log::TxnMarker {
                        producer_id: 7,
                        epoch: 0,
                        coordinator_epoch: 0,
                        commit: index % 2 == 0,
                        bumps_epoch: false,
                    },
                    storage.now_ms(),
                )
                .unwrap();
        }
    }
    storage.manager().keep_house();
    if random.below(2) == 0 {
        storage.close()
    } else {
        storage.kill()
    }
    storage
}

fn rewrite(storage: &Storage, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = storage.files.read(path).unwrap();
    change(&mut bytes);
    let file = storage.files.open(path, false).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(&mut [std::io::IoSlice::new(&bytes)], 0).unwrap();
}

#[test]
fn files_of_a_log() {
    for seed in 0..rounds(1_500) {
        let mut random = Random(seed);
        let storage = filled(&mut random);
        let dir = PathBuf::from(LOG_DIR).join("orders-0");
        let mut paths: Vec<PathBuf> = [&dir, Path::new(LOG_DIR)]
            .into_iter()
            .flat_map(|dir| {
                storage.files.list(dir).unwrap().into_iter().filter(|entry| !entry.is_dir).map(move |entry| dir.join(entry.name))
            })
            .filter(|path| !path.ends_with(".lock"))
            .collect();
        paths.sort();
        let path = paths[random.below(paths.len() as u64) as usize].clone();
        rewrite(&storage, &path, |bytes| mutate(bytes, &mut random));
        let derived = path.extension().is_some_and(|extension| ["index", "timeindex"].iter().any(|name| extension == *name));
        let Ok(()) = storage.try_open() else {
            assert!(!path.starts_with(&dir), "seed {seed}: {path:?} is no reason not to start");
            continue;
        };
        let partition = storage.partition(0);
        let outcome = partition.log();
        assert!(outcome.is_ok() || !derived, "seed {seed}: {path:?}");
        let Ok(log) = outcome else { continue };
        let mut seen = 0;
        let mut next_offset = -1;
        let scanned = log.scan_from(log.log_start_offset(), |header, _| {
            assert!(header.base_offset >= next_offset || !derived, "seed {seed}: {path:?}");
            next_offset = header.last_offset() + 1;
            seen += 1;
            true
        });
        if derived {
            assert_eq!((scanned.is_ok(), seen, next_offset), (true, 24, 44), "seed {seed}: {path:?}");
        }
        for offset in 0..44 {
            let _ = log.read(offset, 300, 44, true);
            let _ = log.find_by_time(support::START_MS + offset);
        }
        let _ = log.aborted(0, 44);
        let _ = storage.produce(0, "after");
        let _ = partition.roll();
        let _ = storage.manager().delete_records(&partition, 20);
    }
}
