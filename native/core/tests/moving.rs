//! A replica moves to another log directory, and the power goes at every step of it.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millrace_core::Uuid;
use millrace_core::env::{Env, Files, ManualClock, SimulatedFiles};
use millrace_core::log::{LogConfig, LogManager, LogManagerOptions, PartitionSpec, TopicSpec};
use millrace_core::partition::{Partition, decode_batch};
use millrace_core::record::{BatchProducer, RecordInput};

const PRODUCER: BatchProducer = BatchProducer { producer_id: 5, producer_epoch: 0, transactional: true };

fn open(files: &SimulatedFiles) -> (Arc<LogManager>, Arc<Partition>) {
    let options = LogManagerOptions {
        node_id: 1,
        cluster_id: Uuid([7; 16]),
        log_dirs: vec![PathBuf::from("/a"), PathBuf::from("/b")],
        checkpoint_interval: Duration::from_secs(60),
        producer_id_expiration_ms: 86_400_000,
        replica_lag_max: Duration::from_secs(30),
        high_watermark_checkpoint_interval: Duration::from_secs(5),
        recovery_thread_count: 1,
    };
    let env = Env { clock: Arc::new(ManualClock::new(1_700_000_000_000)), files: Arc::new(files.clone()) };
    let manager = Arc::new(LogManager::open(options, env).unwrap());
    let config = LogConfig { segment_bytes: 330, file_delete_delay_ms: 0, ..LogConfig::default() };
    let partitions = vec![PartitionSpec::alone(0, 1, 3)];
    let topic = TopicSpec { name: "orders".to_owned(), id: Uuid([9; 16]), internal: false, partitions, config };
    manager.apply(vec![topic], &[]).unwrap();
    let partition = manager.find("orders", 0).unwrap();
    partition.load().unwrap();
    (manager, partition)
}

fn append(partition: &Partition, values: std::ops::Range<u32>) {
    for value in values {
        let record = RecordInput { key: None, value: Some(format!("{value:03}").into_bytes()), timestamp_ms: Some(1), headers: Vec::new() };
        partition.append_records(&[record], None, 1).unwrap();
    }
}

fn values(partition: &Partition) -> Vec<String> {
    let mut values = Vec::new();
    let log = partition.load().unwrap();
    log.scan_from(log.log_start_offset(), |header, bytes| {
        let records = decode_batch(header, bytes).unwrap().records;
        values.extend(records.into_iter().map(|record| String::from_utf8(record.value.unwrap()).unwrap()));
        true
    })
    .unwrap();
    values
}

fn named(values: std::ops::Range<u32>) -> Vec<String> {
    values.map(|value| format!("{value:03}")).collect()
}

fn directories(files: &SimulatedFiles, dir: &str) -> Vec<String> {
    files.list(Path::new(dir)).unwrap().into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect()
}

#[test]
fn a_replica_goes_on_in_its_new_directory() {
    let files = SimulatedFiles::new();
    let (manager, partition) = open(&files);
    append(&partition, 0..20);
    partition
        .append_marker(
            &millrace_core::log::TxnMarker {
                producer_id: PRODUCER.producer_id,
                epoch: 0,
                coordinator_epoch: 1,
                commit: false,
                bumps_epoch: false,
            },
            1,
        )
        .unwrap();
    manager.delete_records(&partition, 5).unwrap();
    let reader = partition.read(7, 100, millrace_core::partition::Isolation::LogEnd, true).unwrap().slice.unwrap();
    manager.move_replica(&partition, Path::new("/b")).unwrap();
    assert_eq!(partition.offsets().unwrap().log_dir, Path::new("/b"));
    assert_eq!((partition.log_start_offset(), partition.high_watermark(), partition.log_end_offset()), (5, 21, 21));
    assert_eq!(partition.producers().unwrap().len(), 1);
    let mut bytes = vec![0; reader.len as usize];
    reader.file.read_exact_at(&mut bytes, reader.position).unwrap();
    append(&partition, 20..25);
    manager.keep_house();
    assert_eq!((directories(&files, "/a"), directories(&files, "/b")), (vec![], vec!["orders-0".to_owned()]));
    manager.close().unwrap();
    let (manager, partition) = open(&files);
    assert_eq!(partition.log_start_offset(), 5);
    assert!(values(&partition).ends_with(&named(20..25)));
    assert_eq!(partition.load().unwrap().latest_epoch(), 3);
    manager.move_replica(&partition, Path::new("/b")).unwrap();
    assert!(manager.move_replica(&partition, Path::new("/c")).is_err());
}

#[test]
fn what_is_written_meanwhile_is_not_lost() {
    let files = SimulatedFiles::new();
    let (manager, partition) = open(&files);
    append(&partition, 0..150);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| append_or_retry(&partition, 150..300));
        for turn in 0..4 {
            manager.move_replica(&partition, Path::new(if turn % 2 == 0 { "/b" } else { "/a" })).unwrap();
        }
        writing.join().unwrap();
    });
    assert_eq!(values(&partition), named(0..300));
}

/// As a client does that is told to ask again.
fn append_or_retry(partition: &Partition, values: std::ops::Range<u32>) {
    for value in values {
        let record = RecordInput { key: None, value: Some(format!("{value:03}").into_bytes()), timestamp_ms: Some(1), headers: Vec::new() };
        while let Err(error) = partition.append_records(std::slice::from_ref(&record), None, 1) {
            assert!(error.to_string().contains("being loaded"), "{error}");
        }
    }
}

#[test]
fn the_power_may_go_at_every_step_of_a_move() {
    for step in 0.. {
        let files = SimulatedFiles::new();
        let (manager, partition) = open(&files);
        append(&partition, 0..12);
        partition.flush().unwrap();
        manager.keep_house();
        files.stop_after(step);
        let moved = manager.move_replica(&partition, Path::new("/b"));
        let was_stopped = files.is_stopped();
        drop((manager, partition));
        files.crash(step);
        let (manager, partition) = open(&files);
        assert_eq!(values(&partition), named(0..12), "step {step}");
        assert!(moved.is_err() || partition.offsets().unwrap().log_dir == Path::new("/b"), "step {step}");
        append(&partition, 12..15);
        partition.flush().unwrap();
        drop((manager, partition));
        files.crash(step);
        let (_, partition) = open(&files);
        assert_eq!(values(&partition), named(0..15), "step {step}");
        if !was_stopped {
            break;
        }
    }
}
