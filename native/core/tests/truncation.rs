//! A follower's log is cut on a simulated disk, and the power goes at every step of it.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_core::Uuid;
use millrace_core::env::{Env, ManualClock, SimulatedFiles};
use millrace_core::log::{LogConfig, LogManager, LogManagerOptions, PartitionSpec, TopicSpec};
use millrace_core::partition::{FollowError, Partition, decode_batch};
use millrace_core::record::{BatchProducer, RecordInput, build_batch, build_marker, seal, set_base_offset_and_leader_epoch};

struct Follower {
    files: SimulatedFiles,
    manager: Option<Arc<LogManager>>,
}

impl Follower {
    fn new() -> Follower {
        Follower { files: SimulatedFiles::new(), manager: None }
    }

    /// Opens the storage of broker 1, which follows broker 2 in this epoch.
    fn open(&mut self, leader_epoch: i32) -> Arc<Partition> {
        let options = LogManagerOptions {
            node_id: 1,
            cluster_id: Uuid([7; 16]),
            log_dirs: vec![PathBuf::from("/data")],
            checkpoint_interval: Duration::from_secs(60),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: Duration::from_secs(30),
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            recovery_thread_count: 1,
        };
        let env = Env { clock: Arc::new(ManualClock::new(1_700_000_000_000)), files: Arc::new(self.files.clone()) };
        let manager = Arc::new(LogManager::open(options, env).unwrap());
        let partition = PartitionSpec { replicas: vec![1, 2], ..PartitionSpec::alone(0, 2, leader_epoch) };
        // Three batches to a segment, and an index entry for each batch.
        let config = LogConfig { segment_bytes: 330, index_interval_bytes: 1, ..LogConfig::default() };
        let topic = TopicSpec { name: "orders".to_owned(), id: Uuid([9; 16]), internal: false, partitions: vec![partition], config };
        manager.apply(vec![topic], &[]).unwrap();
        let partition = manager.find("orders", 0).unwrap();
        self.manager = Some(manager);
        partition.load().unwrap();
        partition
    }

    fn crash(&mut self, seed: u64) {
        self.manager = None;
        self.files.crash(seed);
    }

    /// Writes down what is on disk by now.
    fn keep_house(&self) {
        self.manager.as_ref().unwrap().keep_house();
    }
}

fn batch(offset: i64, epoch: i32, prefix: &str) -> Vec<u8> {
    let value = format!("{prefix}{offset:03}");
    let record = RecordInput { key: None, value: Some(value.into_bytes()), timestamp_ms: Some(1), headers: Vec::new() };
    let producer = BatchProducer { producer_id: 5, producer_epoch: 0, transactional: false };
    let mut batch = build_batch(&[record], Some(producer), 1);
    batch[53..57].copy_from_slice(&(offset as i32).to_be_bytes());
    seal(&mut batch);
    set_base_offset_and_leader_epoch(&mut batch, offset, epoch);
    batch
}

fn follow(partition: &Partition, offsets: std::ops::Range<i64>, epoch: i32, prefix: &str) {
    let records: Vec<u8> = offsets.flat_map(|offset| batch(offset, epoch, prefix)).collect();
    partition.append_fetched(partition.leader_epoch(), &records, 1).unwrap();
}

fn values(partition: &Partition) -> Vec<String> {
    let mut values = Vec::new();
    let log = partition.load().unwrap();
    log.scan_from(0, |header, bytes| {
        let decoded = decode_batch(header, bytes).unwrap();
        values.extend(decoded.records.into_iter().map(|record| String::from_utf8(record.value.unwrap()).unwrap()));
        true
    })
    .unwrap();
    values
}

fn named(prefix: &str, offsets: std::ops::Range<i64>) -> Vec<String> {
    offsets.map(|offset| format!("{prefix}{offset:03}")).collect()
}

const CUT_AT: i64 = 13;

#[test]
fn the_power_may_go_at_every_step_of_a_cut() {
    let mut steps = 0;
    for step in 0.. {
        let mut follower = Follower::new();
        let partition = follower.open(1);
        follow(&partition, 0..30, 1, "a");
        partition.flush().unwrap();
        follower.keep_house();
        follower.files.stop_after(step);
        let cut = partition.truncate_to(1, CUT_AT);
        let was_stopped = follower.files.is_stopped();
        drop(partition);
        follower.crash(step);
        let partition = follower.open(2);
        let found = values(&partition);
        let (all, kept) = (named("a", 0..30), named("a", 0..CUT_AT));
        assert!(all.starts_with(&found) && found.starts_with(&kept), "step {step}: {found:?}");
        assert!(cut.is_err() || found == kept, "step {step}: what was cut is back: {found:?}");
        // Whatever is written in its place is not mixed with what was there.
        partition.truncate_to(2, CUT_AT).unwrap();
        assert_eq!(values(&partition), kept, "step {step}");
        follow(&partition, CUT_AT..25, 2, "b");
        let expected: Vec<String> = kept.into_iter().chain(named("b", CUT_AT..25)).collect();
        assert_eq!(values(&partition), expected, "step {step}");
        drop(partition);
        if step % 2 == 0 {
            follower.keep_house();
        }
        follower.crash(step + 1);
        let partition = follower.open(3);
        let found = values(&partition);
        assert!(expected.starts_with(&found), "step {step}: {found:?}");
        if step % 2 == 0 {
            assert_eq!(found, expected, "step {step}");
        }
        for offset in 0..found.len() as i64 {
            let read = partition.read(offset, 1, millrace_core::partition::Isolation::LogEnd, true).unwrap();
            let slice = read.slice.unwrap();
            let mut bytes = vec![0; slice.len as usize];
            slice.file.read_exact_at(&mut bytes, slice.position).unwrap();
            assert_eq!(i64::from_be_bytes(bytes[..8].try_into().unwrap()), offset, "step {step}: the index leads elsewhere");
        }
        let latest = partition.load().unwrap().latest_epoch();
        assert_eq!(latest, if found.len() > CUT_AT as usize { 2 } else { 1 }, "step {step}");
        steps = step;
        if !was_stopped {
            break;
        }
    }
    assert!(steps > 15, "only {steps} steps");
}

#[test]
fn the_power_may_go_at_every_step_of_a_new_beginning() {
    for step in 0.. {
        let mut follower = Follower::new();
        let partition = follower.open(1);
        follow(&partition, 0..10, 1, "a");
        follower.keep_house();
        follower.files.stop_after(step);
        let begun = partition.begin_at(1, 100);
        let was_stopped = follower.files.is_stopped();
        drop(partition);
        follower.crash(step);
        let partition = follower.open(2);
        let found = values(&partition);
        assert!(named("a", 0..10).starts_with(&found), "step {step}: {found:?}");
        assert!(begun.is_err() || found.is_empty(), "step {step}: {found:?}");
        partition.begin_at(2, 100).unwrap();
        follow(&partition, 100..105, 2, "b");
        follower.keep_house();
        drop(partition);
        follower.crash(step);
        let partition = follower.open(3);
        assert_eq!(values(&partition), named("b", 100..105), "step {step}");
        assert_eq!((partition.log_start_offset(), partition.log_end_offset()), (100, 105), "step {step}");
        if !was_stopped {
            break;
        }
    }
}

#[test]
fn what_producers_did_is_what_is_left_in_the_log() {
    let mut follower = Follower::new();
    let partition = follower.open(1);
    follow(&partition, 0..10, 1, "a");
    partition.truncate_to(1, 4).unwrap();
    let [producer] = &partition.producers().unwrap()[..] else { panic!("one producer wrote") };
    assert_eq!(producer.last_sequence, 3);
    partition.truncate_to(1, 0).unwrap();
    assert_eq!(partition.producers().unwrap(), []);
}

/// A record at offset 0, and at 1 the marker that aborts it.
fn aborted_transaction() -> Vec<u8> {
    let producer = BatchProducer { producer_id: 8, producer_epoch: 0, transactional: true };
    let record = RecordInput { key: None, value: Some(b"t".to_vec()), timestamp_ms: Some(1), headers: Vec::new() };
    let mut data = build_batch(&[record], Some(producer), 1);
    set_base_offset_and_leader_epoch(&mut data, 0, 1);
    let mut marker = build_marker(8, 0, 3, false, 1);
    set_base_offset_and_leader_epoch(&mut marker, 1, 1);
    [data, marker].concat()
}

#[test]
fn a_transaction_whose_marker_was_cut_off_is_open_again() {
    let mut follower = Follower::new();
    let partition = follower.open(1);
    partition.append_fetched(1, &aborted_transaction(), 1).unwrap();
    partition.follow_high_watermark(1, 2).unwrap();
    let log = partition.load().unwrap();
    assert_eq!(log.aborted(0, 2).unwrap().len(), 1);
    assert_eq!(partition.last_stable_offset(), 2);
    partition.truncate_to(1, 1).unwrap();
    assert_eq!(log.aborted(0, 2).unwrap(), []);
    assert_eq!((partition.high_watermark(), partition.last_stable_offset()), (1, 0));
}

#[test]
fn an_aborted_transaction_outlives_a_cut_behind_it_whenever_the_broker_goes() {
    for step in 0.. {
        let mut was_stopped = false;
        for cuts_power in [false, true] {
            let mut follower = Follower::new();
            let partition = follower.open(1);
            partition.append_fetched(1, &aborted_transaction(), 1).unwrap();
            // A clean stop leaves a snapshot of the producers in the middle of what will be the segment.
            drop(partition);
            follower.manager.take().unwrap().close().unwrap();
            let partition = follower.open(2);
            follow(&partition, 2..3, 2, "a");
            partition.flush().unwrap();
            follower.files.stop_after(step);
            let _ = partition.truncate_to(2, 2);
            was_stopped |= follower.files.is_stopped();
            drop(partition);
            if cuts_power {
                follower.crash(step);
            } else {
                follower.manager = None;
                follower.files.kill();
            }
            let partition = follower.open(3);
            assert_eq!(partition.load().unwrap().aborted(0, 2).unwrap().len(), 1, "step {step}, power {cuts_power}");
        }
        if !was_stopped {
            break;
        }
    }
}

#[test]
fn what_does_not_belong_there_is_not_appended() {
    let mut follower = Follower::new();
    let partition = follower.open(2);
    follow(&partition, 0..3, 1, "a");
    let mut flipped = batch(3, 1, "a");
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    assert!(matches!(partition.append_fetched(2, &flipped, 1), Err(FollowError::Corrupt(_))));
    assert!(matches!(partition.append_fetched(2, &batch(2, 1, "a"), 1), Err(FollowError::Corrupt(_))));
    assert_eq!(partition.append_fetched(1, &batch(3, 1, "a"), 1), Err(FollowError::Moved));
    let torn = [batch(3, 1, "a"), batch(4, 1, "a")[..70].to_vec()].concat();
    partition.append_fetched(2, &torn, 1).unwrap();
    assert_eq!(values(&partition), named("a", 0..4));
}
