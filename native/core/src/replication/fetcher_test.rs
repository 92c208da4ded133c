#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::*;
use crate::env::{Env, ManualClock, SimulatedFiles};
use crate::log::{LogConfig, LogManagerOptions, PartitionSpec, StorageFact, TopicSpec};
use crate::protocol::fetch::{self, FetchRequest, FetchedPartition};
use crate::protocol::{ApiKey, RequestHeader, Writer};
use crate::record::{RecordInput, build_batch, set_base_offset_and_leader_epoch};

const TOPIC: Uuid = Uuid([9; 16]);
const BACKOFF_MS: u64 = 1000;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Session id and epoch, partitions with their offsets, and forgotten partitions.
type Asked = ((i32, i32), Vec<(i32, i64)>, Vec<i32>);

/// A fetcher of broker 1, which follows broker 2 in these partitions of one topic, in leader epoch 4.
struct Bench {
    fetcher: Fetcher,
    storage: Arc<LogManager>,
}

impl Bench {
    fn new(partition_count: i32) -> Bench {
        let options = LogManagerOptions {
            node_id: 1,
            cluster_id: Uuid([7; 16]),
            log_dirs: vec![PathBuf::from("/data")],
            checkpoint_interval: at(60_000),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: at(30_000),
            high_watermark_checkpoint_interval: at(5000),
            recovery_thread_count: 1,
        };
        let env = Env { clock: Arc::new(ManualClock::new(1_700_000_000_000)), files: Arc::new(SimulatedFiles::new()) };
        let storage = Arc::new(LogManager::open(options, env).unwrap());
        let followed = |index| PartitionSpec { replicas: vec![1, 2], ..PartitionSpec::alone(index, 2, 4) };
        let partitions = (0..partition_count).map(followed).collect();
        let config = LogConfig::default();
        storage.apply(vec![TopicSpec { name: "orders".to_owned(), id: TOPIC, internal: false, partitions, config }], &[]).unwrap();
        let options = FetcherOptions {
            client_id: "fetcher".to_owned(),
            min_bytes: 1,
            max_bytes: 1000,
            response_max_bytes: 5000,
            wait_max_ms: 500,
            backoff: at(BACKOFF_MS),
        };
        let mut bench = Bench { fetcher: Fetcher::new(options, storage.clone()), storage };
        for index in 0..partition_count {
            bench.partition(index).load().unwrap();
        }
        bench.assign(0..partition_count);
        bench
    }

    fn partition(&self, index: i32) -> Arc<Partition> {
        self.storage.find("orders", index).unwrap()
    }

    fn assign(&mut self, indexes: impl Iterator<Item = i32>) {
        let assignment = |index| Assignment { topic_id: TOPIC, partition: self.partition(index), leader_epoch: 4 };
        let assignments: Vec<Assignment> = indexes.map(assignment).collect();
        self.fetcher.assign(&assignments);
    }

    fn fetch(&mut self, now: Duration) -> Asked {
        let Next::Send(frame) = self.fetcher.next(now) else { panic!("there is nothing to fetch") };
        let frame = &frame[4..];
        let (header, body) = RequestHeader::decode(frame, ApiKey::Fetch).unwrap();
        assert_eq!((header.api_key, header.client_id), (1, Some("fetcher")));
        let request = FetchRequest::decode(frame, body, header.api_version).unwrap();
        assert_eq!((request.replica_id, request.replica_epoch), (1, -1));
        let named = request.topics.iter().flat_map(|topic| &topic.partitions);
        let named = named.map(|partition| (partition.index, partition.fetch_offset)).collect();
        let forgotten = request.forgotten.iter().flat_map(|topic| topic.partitions.clone()).collect();
        ((request.session_id, request.session_epoch), named, forgotten)
    }

    fn answer(&mut self, now: Duration, error: ErrorCode, session_id: i32, partitions: &[(i32, FetchedPartition, Vec<u8>)]) {
        let mut frame = Vec::new();
        let mut writer = Writer::new(&mut frame, true);
        writer.i32(self.fetcher.correlation_id);
        writer.no_tagged_fields();
        fetch::begin_response(&mut writer, 17, error, session_id, usize::from(!partitions.is_empty()));
        if !partitions.is_empty() {
            fetch::begin_topic(&mut writer, 17, "", TOPIC, partitions.len());
            for (index, head, records) in partitions {
                fetch::begin_partition(&mut writer, 17, *index, head, records.len());
                writer.bytes.extend_from_slice(records);
                fetch::end_partition(&mut writer, 17, head);
            }
            fetch::end_topic(&mut writer);
        }
        fetch::end_response(&mut writer);
        self.fetcher.on_response(&frame, now).unwrap();
    }

    /// The bounds that are asked for: partition and timestamp.
    fn bounds(&mut self, now: Duration) -> Vec<(i32, i64)> {
        let Next::Send(frame) = self.fetcher.next(now) else { panic!("there is nothing to ask") };
        let frame = &frame[4..];
        let (_, body) = RequestHeader::decode(frame, ApiKey::ListOffsets).unwrap();
        let request = crate::protocol::list_offsets::ListOffsetsRequest::decode(frame, body, 9).unwrap();
        request.topics.iter().flat_map(|(_, partitions)| partitions).map(|partition| (partition.index, partition.timestamp)).collect()
    }

    fn answer_bound(&mut self, index: i32, offset: i64) {
        let mut frame = Vec::new();
        let mut writer = Writer::new(&mut frame, true);
        writer.i32(self.fetcher.correlation_id);
        writer.no_tagged_fields();
        let listed = crate::protocol::list_offsets::ListedOffset { error: ErrorCode::None, timestamp: -1, offset, leader_epoch: 4 };
        crate::protocol::list_offsets::encode_response(&mut writer, 9, &[("orders", vec![(index, listed)])]);
        self.fetcher.on_response(&frame, at(0)).unwrap();
    }
}

fn head(high_watermark: i64) -> FetchedPartition {
    FetchedPartition { error: ErrorCode::None, high_watermark, log_start_offset: 0, ..FetchedPartition::failed(ErrorCode::None) }
}

fn batch(offset: i64) -> Vec<u8> {
    let record = RecordInput { key: None, value: Some(b"x".to_vec()), timestamp_ms: Some(1), headers: Vec::new() };
    let mut batch = build_batch(&[record], None, 1);
    set_base_offset_and_leader_epoch(&mut batch, offset, 4);
    batch
}

#[test]
fn a_session_is_begun_and_then_told_only_what_has_changed() {
    let mut bench = Bench::new(2);
    assert_eq!(bench.fetch(at(0)), ((0, 0), vec![(0, 0), (1, 0)], vec![]));
    bench.answer(at(0), ErrorCode::None, 77, &[(0, head(1), batch(0)), (1, head(0), vec![])]);
    assert_eq!(bench.fetch(at(1)), ((77, 1), vec![(0, 1)], vec![]));
    bench.answer(at(1), ErrorCode::None, 77, &[]);
    assert_eq!(bench.fetch(at(2)), ((77, 2), vec![], vec![]));
    bench.answer(at(2), ErrorCode::None, 77, &[(1, head(0), batch(0))]);
    bench.assign(1..2);
    assert_eq!(bench.fetch(at(3)), ((77, 3), vec![(1, 1)], vec![0]));
    assert_eq!(bench.partition(0).high_watermark(), 1);
}

#[test]
fn a_leader_that_forgot_the_session_is_told_everything_at_once() {
    let mut bench = Bench::new(1);
    bench.fetch(at(0));
    bench.answer(at(0), ErrorCode::None, 77, &[(0, head(0), vec![])]);
    bench.fetch(at(1));
    bench.answer(at(1), ErrorCode::FetchSessionIdNotFound, 0, &[]);
    assert_eq!(bench.fetch(at(1)), ((0, 0), vec![(0, 0)], vec![]));
}

#[test]
fn without_a_session_everybody_comes_first_in_turn() {
    let mut bench = Bench::new(3);
    let mut firsts = Vec::new();
    for _ in 0..4 {
        let (session, named, _) = bench.fetch(at(0));
        assert_eq!((session, named.len()), ((0, 0), 3));
        firsts.push(named[0].0);
        bench.answer(at(0), ErrorCode::None, 0, &[]);
    }
    assert_eq!(firsts, [0, 1, 2, 0]);
}

#[test]
fn a_partition_that_cannot_be_fetched_is_left_alone_for_a_while_and_holds_up_no_other() {
    let mut bench = Bench::new(2);
    bench.fetch(at(0));
    let failed = FetchedPartition::failed(ErrorCode::NotLeaderOrFollower);
    bench.answer(at(0), ErrorCode::None, 77, &[(0, failed, vec![]), (1, head(1), batch(0))]);
    assert_eq!(bench.fetch(at(1)), ((77, 1), vec![(1, 1)], vec![0]));
    bench.answer(at(1), ErrorCode::None, 77, &[]);
    assert_eq!(bench.fetch(at(BACKOFF_MS)), ((77, 2), vec![(0, 0)], vec![]));
}

#[test]
fn damaged_records_are_fetched_again_later() {
    let mut bench = Bench::new(1);
    bench.fetch(at(0));
    let mut damaged = batch(0);
    damaged[61] ^= 1;
    bench.answer(at(0), ErrorCode::None, 77, &[(0, head(1), damaged)]);
    assert_eq!(bench.fetcher.next(at(1)), Next::Wait(at(BACKOFF_MS)));
    assert_eq!(bench.fetch(at(BACKOFF_MS)), ((0, 0), vec![(0, 0)], vec![]));
    assert_eq!(bench.partition(0).log_end_offset(), 0);
}

#[test]
fn a_replica_that_gets_nothing_for_long_is_reported_once_and_again_after_it_got_something() {
    let mut bench = Bench::new(1);
    let facts = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let told = facts.clone();
    bench.storage.listen(move |fact| told.lock().push(fact));
    let mut now = 0;
    let mut refuse = |bench: &mut Bench, count: u32, records: &[u8], error: ErrorCode| {
        for _ in 0..count {
            bench.fetch(at(now));
            let answer = FetchedPartition { error, ..head(1) };
            bench.answer(at(now), ErrorCode::None, 0, &[(0, answer, records.to_vec())]);
            now += BACKOFF_MS;
        }
    };
    let stalled = |error: ErrorCode, reason: &str| StorageFact::ReplicaStalled {
        topic: Arc::from("orders"),
        partition: 0,
        leader: 2,
        error: error.code(),
        reason: reason.to_owned(),
    };
    refuse(&mut bench, SETBACKS_UNTIL_STALLED - 1, &[], ErrorCode::NotLeaderOrFollower);
    assert_eq!(*facts.lock(), []);
    refuse(&mut bench, 5, &[], ErrorCode::NotLeaderOrFollower);
    assert_eq!(*facts.lock(), [stalled(ErrorCode::NotLeaderOrFollower, "")]);
    refuse(&mut bench, 1, &batch(0), ErrorCode::None);
    let mut damaged = batch(1);
    damaged[61] ^= 1;
    refuse(&mut bench, SETBACKS_UNTIL_STALLED + 5, &damaged, ErrorCode::None);
    let damage = "the fetched records are not usable: the checksum of the batch at offset 1 does not hold";
    assert_eq!(*facts.lock(), [stalled(ErrorCode::NotLeaderOrFollower, ""), stalled(ErrorCode::None, damage)]);
}

#[test]
fn after_a_broken_connection_all_begins_anew_after_a_while() {
    let mut bench = Bench::new(1);
    bench.fetch(at(0));
    bench.answer(at(0), ErrorCode::None, 77, &[]);
    bench.fetch(at(1));
    bench.fetcher.on_disconnect(at(1));
    assert_eq!(bench.fetcher.next(at(2)), Next::Wait(at(BACKOFF_MS + 1)));
    assert_eq!(bench.fetch(at(BACKOFF_MS + 1)), ((0, 0), vec![(0, 0)], vec![]));
}

#[test]
fn a_log_that_parted_from_its_leaders_is_cut_there() {
    let mut bench = Bench::new(1);
    let records: Vec<u8> = (0..5).flat_map(batch).collect();
    bench.partition(0).append_fetched(4, &records, 1).unwrap();
    assert_eq!(bench.fetch(at(0)).1, [(0, 5)]);
    let diverging = FetchedPartition { diverging_epoch: Some((4, 3)), ..head(2) };
    bench.answer(at(0), ErrorCode::None, 77, &[(0, diverging, vec![])]);
    assert_eq!(bench.fetch(at(0)).1, [(0, 3)]);
}

#[test]
fn a_log_outside_its_leaders_asks_for_its_bounds() {
    let mut bench = Bench::new(2);
    let out_of_range = FetchedPartition::failed(ErrorCode::OffsetOutOfRange);
    let records: Vec<u8> = (0..5).flat_map(batch).collect();
    bench.partition(0).append_fetched(4, &records, 1).unwrap();
    bench.fetch(at(0));
    bench.answer(at(0), ErrorCode::None, 77, &[(0, out_of_range.clone(), vec![])]);
    // The leader has less: what it lacks goes.
    assert_eq!(bench.bounds(at(0)), [(0, -1)]);
    bench.answer_bound(0, 2);
    assert_eq!(bench.fetch(at(0)).1, [(0, 2)]);
    // The leader has nothing so old any more: all goes.
    bench.answer(at(0), ErrorCode::None, 77, &[(0, out_of_range, vec![])]);
    assert_eq!(bench.bounds(at(0)), [(0, -1)]);
    bench.answer_bound(0, 200);
    assert_eq!(bench.bounds(at(0)), [(0, -2)]);
    bench.answer_bound(0, 100);
    assert_eq!(bench.fetch(at(0)).1, [(0, 100)]);
    assert_eq!(bench.partition(0).log_start_offset(), 100);
}

#[test]
fn a_failed_log_is_not_asked_for_any_more() {
    let mut bench = Bench::new(2);
    bench.fetch(at(0));
    bench.answer(at(0), ErrorCode::None, 77, &[]);
    bench.partition(0).fail("a disk that gave up");
    assert_eq!(bench.fetch(at(1)), ((77, 1), vec![], vec![0]));
}

#[test]
fn an_answer_to_something_else_ends_the_connection() {
    let mut bench = Bench::new(1);
    bench.fetch(at(0));
    assert!(bench.fetcher.on_response(&[0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], at(0)).is_err());
}
