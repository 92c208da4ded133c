//! Measurements on the machine's own disk, not checks: `cargo test --release --test scale -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_core::Uuid;
use millrace_core::env::Env;
use millrace_core::log::{CompactionSettings, LogConfig, LogManager, LogManagerOptions, PartitionSpec, TopicSpec};
use millrace_core::partition::{AppendEntry, Isolation};
use millrace_core::record::RecordInput;
use support::batch_of;

const PARTITIONS: i32 = 10_000;

fn open(dir: &Path, partition_count: i32) -> Arc<LogManager> {
    let options = LogManagerOptions {
        node_id: 1,
        cluster_id: Uuid([7; 16]),
        log_dirs: vec![dir.to_owned()],
        checkpoint_interval: Duration::from_secs(60),
        producer_id_expiration_ms: 86_400_000,
        replica_lag_max: Duration::from_secs(30),
        high_watermark_checkpoint_interval: Duration::from_secs(5),
        recovery_thread_count: 1,
    };
    let manager = Arc::new(LogManager::open(options, Env::real()).unwrap());
    let partitions = (0..partition_count).map(|index| PartitionSpec::alone(index, 1, 0)).collect();
    let config = LogConfig::default();
    let topic = TopicSpec { name: "orders".to_owned(), id: Uuid([9; 16]), internal: false, partitions, config };
    manager.apply(vec![topic], &[]).unwrap();
    manager
}

fn status(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default().trim().to_owned()
}

fn report(what: &str, began: Instant) {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    println!("{what}: {:?}, resident {}, {files} files open", began.elapsed(), status("VmRSS:"));
}

#[test]
#[ignore = "a measurement"]
fn ten_thousand_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let manager = open(dir.path(), PARTITIONS);
    report("created", began);
    let began = Instant::now();
    for index in 0..PARTITIONS {
        let partition = manager.find("orders", index).unwrap();
        let mut batch = batch_of(None, &["value"], 1_000);
        let mut entries = [AppendEntry::new(&mut batch, -1, 9)];
        partition.append(&mut entries, 1_000);
        entries[0].result.as_ref().unwrap();
    }
    report("written to", began);
    let began = Instant::now();
    for index in 0..PARTITIONS {
        let read = manager.find("orders", index).unwrap().read(0, 1_000, Isolation::HighWatermark, true).unwrap();
        assert!(read.slice.is_some());
    }
    report("read", began);
    drop(manager); // as a kill leaves it
    let began = Instant::now();
    let manager = open(dir.path(), PARTITIONS);
    report("opened again", began);
    let began = Instant::now();
    assert_eq!(manager.find("orders", 17).unwrap().log_end_offset(), 1);
    report("first partition there", began);
    let began = Instant::now();
    for index in 0..PARTITIONS {
        manager.find("orders", index).unwrap().load().unwrap();
    }
    report("all recovered", began);
    let began = Instant::now();
    assert_eq!(manager.retention_candidates(i64::MAX).len(), 0);
    report("retention candidates", began);
    let began = Instant::now();
    manager.keep_house();
    report("checkpoint", began);
    let began = Instant::now();
    manager.close().unwrap();
    report("closed", began);
}

#[test]
#[ignore = "a measurement"]
fn cost_of_appends_and_reads() {
    for (value_bytes, records) in [(100, 150), (1_000, 16), (10_000, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let manager = open(dir.path(), 1);
        let partition = manager.find("orders", 0).unwrap();
        let value = "v".repeat(value_bytes);
        let values: Vec<&str> = (0..records).map(|_| value.as_str()).collect();
        let original = batch_of(None, &values, 1_000);
        let total = 500_000_000u64;
        let rounds = total / (original.len() as u64 * 4);
        let mut copies = [original.clone(), original.clone(), original.clone(), original.clone()];
        let began = Instant::now();
        for _ in 0..rounds {
            let mut entries: Vec<_> = copies.iter_mut().map(|batch| AppendEntry::new(batch, -1, 9)).collect();
            partition.append(&mut entries, 1_000);
        }
        let written = rounds * 4 * original.len() as u64;
        let per_gb = |elapsed: Duration, bytes: u64| elapsed.as_secs_f64() * 1e9 / bytes as f64;
        println!("append {value_bytes} B: {:.2} s per GB", per_gb(began.elapsed(), written));
        let began = Instant::now();
        let mut offset = 0;
        let mut count = 0;
        while let Some(slice) = partition.read(offset, 1 << 20, Isolation::HighWatermark, true).unwrap().slice {
            count += 1;
            offset += (u64::from(slice.len) / original.len() as u64) as i64 * records as i64;
        }
        println!("read {value_bytes} B: {:.1} us per read of {count}", began.elapsed().as_secs_f64() * 1e6 / f64::from(count));
        manager.close().unwrap();
    }
}

/// User and system time of this thread.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[test]
#[ignore = "a measurement"]
fn cost_of_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let manager = open(dir.path(), 1);
    let partition = manager.find("orders", 0).unwrap();
    let keys: u64 = std::env::var("KEYS").map_or(1_000_000, |keys| keys.parse().unwrap());
    let value = vec![b'v'; 100];
    let mut random = support::Random(1);
    for _ in 0..keys * 2 / 100 {
        let record = |_| RecordInput {
            key: Some(random.below(keys).to_be_bytes().to_vec()),
            value: Some(value.clone()),
            timestamp_ms: Some(1_000),
            headers: Vec::new(),
        };
        let records: Vec<RecordInput> = (0..100).map(record).collect();
        partition.append_records(&records, None, 1_000).unwrap();
    }
    partition.roll().unwrap();
    let settings = CompactionSettings { delete_retention_ms: 86_400_000, min_lag_ms: 0, map_memory_bytes: 1 << 30, bytes_per_second: None };
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let size = partition.offsets().unwrap().size_bytes as f64 / 1e6;
    let compacted = manager.compact(&partition, &settings).unwrap();
    let cpu = cpu_seconds() - cpu;
    println!("{compacted:?}");
    println!("{size:.0} MB of log in {:?}, {:.0} MB per CPU-second, resident {}", began.elapsed(), size / cpu, status("VmRSS:"));
    manager.close().unwrap();
}
