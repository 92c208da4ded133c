//! Three brokers that replicate a partition over loopback: what is acknowledged, and what becomes of it when leaders go.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use millrace_core::log::LogConfig;
use millrace_core::partition::{AppendError, Commit, Isolation, OffsetSpec, PartitionUnavailable, ReadError};

#[path = "support/replicas.rs"]
mod replicas;

use replicas::{Replicas, is_not_leader, until};

fn three(name: &str) -> Replicas {
    three_with(name, LogConfig::default())
}

fn three_with(name: &str, config: LogConfig) -> Replicas {
    let replicas = Replicas::new(name, config);
    (1..=3).for_each(|id| replicas.start(id));
    replicas
}

#[test]
fn what_is_acknowledged_lies_on_every_replica_in_sync() {
    let replicas = three("acks");
    for count in 0..20 {
        let value = format!("value {count}");
        assert_eq!(replicas.produce(1, &value), Commit::Done);
        for id in 1..=3 {
            assert_eq!(replicas::values(&replicas.partition(id)).last(), Some(&value), "broker {id}");
        }
    }
    // What followers know of it comes with their next fetch.
    let follower = replicas.partition(2);
    until(&follower, "the follower's high watermark follows", || follower.high_watermark() == 20);
}

#[test]
fn a_follower_that_lags_holds_acknowledgements_up_until_it_leaves_the_isr_and_comes_back() {
    let replicas = three("isr");
    replicas.produce(1, "first");
    replicas.kill(3);
    let appended = replicas.append(1, "second").unwrap();
    let leader = replicas.partition(1);
    assert_eq!(leader.commit_of(&appended), Commit::Pending);
    replicas.until_isr(1, &[1, 2]);
    until(&leader, "the second record is committed", || leader.commit_of(&appended) == Commit::Done);
    replicas.start(3);
    replicas.until_isr(1, &[1, 2, 3]);
    replicas.until_values(3, &["first", "second"]);
}

#[test]
fn nothing_that_was_acknowledged_is_lost_with_its_leader_and_nothing_else_stays() {
    let replicas = three("failover");
    replicas.produce(1, "acknowledged");
    // Nobody else gets what is written from here on.
    replicas.kill(2);
    replicas.kill(3);
    let lost = replicas.append(1, "written by nobody else").unwrap();
    assert_eq!(replicas.partition(1).commit_of(&lost), Commit::Pending);
    replicas.kill(1);
    replicas.start(2);
    replicas.start(3);
    replicas.elect(2, &[2, 3]);
    assert_eq!(replicas.produce(2, "of the new leader"), Commit::Done);
    replicas.start(1);
    replicas.until_isr(2, &[1, 2, 3]);
    for id in 1..=3 {
        replicas.until_values(id, &["acknowledged", "of the new leader"]);
    }
    assert_eq!(replicas.truncations(), [(1, 2, 1)]);
}

#[test]
fn who_waits_is_told_when_leadership_goes() {
    let replicas = three("waiting");
    replicas.produce(1, "first");
    replicas.kill(3);
    let appended = replicas.append(1, "second").unwrap();
    replicas.elect(2, &[2, 3]);
    let former = replicas.partition(1);
    let gone = PartitionUnavailable::NotLeader { leader: 2, leader_epoch: 1 };
    assert_eq!(former.commit_of(&appended), Commit::Lost(gone));
    assert!(is_not_leader(&replicas.append(1, "third").unwrap_err()));
    // Leading again in another epoch does not bring it back.
    replicas.elect(1, &[1, 2]);
    assert!(matches!(replicas.partition(1).commit_of(&appended), Commit::Lost(_)));
}

/// Two replicas that led one after the other, each alone, part from one another twice (KIP-279).
#[test]
fn logs_that_parted_over_several_elections_agree_again() {
    let replicas = three("parted");
    assert_eq!(replicas.produce(1, "shared"), Commit::Done);
    replicas.kill(2);
    replicas.kill(3);
    replicas.elect(1, &[1]);
    assert_eq!(replicas.produce(1, "one in epoch 1"), Commit::Done);
    replicas.kill(1);
    replicas.start(2);
    replicas.elect(2, &[2]);
    assert_eq!(replicas.produce(2, "two in epoch 2"), Commit::Done);
    assert_eq!(replicas.produce(2, "two again in epoch 2"), Commit::Done);
    replicas.kill(2);
    replicas.start(1);
    replicas.elect(1, &[1]);
    assert_eq!(replicas.produce(1, "one in epoch 3"), Commit::Done);
    replicas.start(2);
    replicas.start(3);
    replicas.until_isr(1, &[1, 2, 3]);
    for id in 1..=3 {
        replicas.until_values(id, &["shared", "one in epoch 1", "one in epoch 3"]);
    }
    assert_eq!(replicas.truncations(), [(2, 3, 1)]);
}

#[test]
fn a_replica_with_an_empty_disk_gets_everything_again() {
    let replicas = three("wiped");
    let expected: Vec<String> = (0..50).map(|count| format!("value {count}")).collect();
    expected.iter().for_each(|value| assert_eq!(replicas.produce(1, value), Commit::Done));
    replicas.kill(3);
    replicas.fence(3);
    replicas.wipe(3);
    replicas.start(3);
    replicas.until_isr(1, &[1, 2, 3]);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    replicas.until_values(3, &expected);
}

#[test]
fn min_insync_replicas_is_asked_for_before_and_after() {
    let replicas = three_with("min-isr", LogConfig { min_insync_replicas: 2, ..LogConfig::default() });
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(3);
    replicas.kill(2);
    assert_eq!(replicas.produce(1, "second"), Commit::TooFewInSync);
    replicas.until_isr(1, &[1]);
    assert_eq!(replicas.append(1, "third").unwrap_err(), AppendError::NotEnoughReplicas { in_sync: 1, required: 2 });
}

#[test]
fn with_eligible_leader_replicas_nothing_is_committed_below_min_insync_replicas() {
    let replicas = three_with("frozen", LogConfig { min_insync_replicas: 2, ..LogConfig::default() });
    replicas.change(|metadata| metadata.eligible_leader_replicas = true);
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(3);
    replicas.kill(2);
    let appended = replicas.append(1, "second").unwrap();
    replicas.until_isr(1, &[1]);
    assert_eq!(replicas.partition(1).high_watermark(), 1);
    replicas.start(2);
    replicas.until_isr(1, &[1, 2]);
    let leader = replicas.partition(1);
    until(&leader, "the second record is committed", || leader.commit_of(&appended) == Commit::Done);
}

#[test]
fn a_new_leader_says_where_the_end_is_once_it_knows() {
    let replicas = three("lagging");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(1);
    replicas.kill(2);
    replicas.kill(3);
    // It was told of nothing that is committed: the broker ended before it wrote that down.
    replicas.start(2);
    replicas.elect(2, &[1, 2, 3]);
    let leader = replicas.partition(2);
    assert_eq!(leader.load().unwrap().log_end_offset(), 1);
    let end = OffsetSpec::Latest(Isolation::HighWatermark);
    assert_eq!(leader.offset_for(end), Err(ReadError::OffsetNotAvailable { high_watermark: 0 }));
    replicas.start(1);
    replicas.start(3);
    until(&leader, "all that is there is committed", || leader.offset_for(end) == Ok(Some((1, -1, 1))));
}

#[test]
fn after_a_clean_stop_it_is_known_what_is_committed() {
    let replicas = three("clean");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    let follower = replicas.partition(2);
    until(&follower, "the follower knows", || follower.high_watermark() == 1);
    drop(follower);
    let epoch = replicas.metadata().broker_epochs[&2];
    replicas.close(2);
    replicas.kill(1);
    replicas.kill(3);
    replicas.start(2);
    let follower = replicas.partition(2);
    follower.load().unwrap();
    assert_eq!(follower.high_watermark(), 1);
    let storage = replicas.broker(2).storage.clone();
    assert!(storage.was_clean());
    assert_eq!(storage.previous_broker_epoch(), epoch);
}

#[test]
fn a_log_start_is_followed_and_who_is_behind_it_begins_there() {
    let replicas = three_with("start", LogConfig { segment_bytes: 200, ..LogConfig::default() });
    for count in 0..10 {
        assert_eq!(replicas.produce(1, &format!("value {count}")), Commit::Done);
    }
    replicas.kill(3);
    replicas.fence(3);
    let leader = replicas.broker(1);
    assert_eq!(leader.storage.delete_records(&replicas.partition(1), 7).unwrap(), 7);
    let follower = replicas.partition(2);
    until(&follower, "the log start is followed", || follower.log_start_offset() == 7);
    replicas.wipe(3);
    replicas.start(3);
    replicas.until_isr(1, &[1, 2, 3]);
    assert_eq!(replicas.partition(3).log_start_offset(), 7);
    replicas.until_values(3, &["value 7", "value 8", "value 9"]);
}

#[test]
fn a_replica_whose_log_failed_leaves_the_isr() {
    let replicas = three("failed");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.partition(2).fail("a disk that gave up");
    assert_eq!(replicas.produce(1, "second"), Commit::Done);
    replicas.until_isr(1, &[1, 3]);
    assert_eq!(replicas::values(&replicas.partition(3)), ["first", "second"]);
}

#[test]
fn a_former_life_of_a_broker_counts_for_nothing() {
    let replicas = three("epochs");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(3);
    replicas.fence(3);
    // The broker comes back, and the leader hears of yet another life of it.
    replicas.start(3);
    replicas.change(|metadata| *metadata.broker_epochs.get_mut(&3).unwrap() += 100);
    replicas.until_isr(1, &[1, 2, 3]);
    assert_eq!(replicas.produce(1, "second"), Commit::Done);
}

#[test]
fn a_partition_that_is_given_up_and_comes_back_begins_anew() {
    let replicas = three("given-up");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.change(|metadata| metadata.spec.replicas = vec![1, 2]);
    replicas.change(|metadata| metadata.spec.isr = vec![1, 2]);
    assert!(replicas.broker(3).storage.find("orders", 0).is_none());
    assert_eq!(replicas.produce(1, "second"), Commit::Done);
    replicas.change(|metadata| metadata.spec.replicas = vec![1, 2, 3]);
    replicas.until_isr(1, &[1, 2, 3]);
    replicas.until_values(3, &["first", "second"]);
}

#[test]
fn records_that_are_to_be_on_disk_are_on_every_disk() {
    let replicas = three_with("flush", LogConfig { flush_on_ack: true, ..LogConfig::default() });
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    for id in 1..=3 {
        assert_eq!(replicas.partition(id).load().unwrap().recovery_point(), 1, "broker {id}");
    }
}

#[test]
fn a_throttled_replica_that_is_not_in_sync_waits_for_its_rate() {
    for throttles_leader in [true, false] {
        let replicas = three(&format!("throttled-{throttles_leader}"));
        assert_eq!(replicas.produce(1, "first"), Commit::Done);
        replicas.kill(3);
        replicas.fence(3);
        replicas.wipe(3);
        // More than one fetch takes.
        let large: Vec<String> = (0..3).map(|count| count.to_string().repeat(700_000)).collect();
        large.iter().for_each(|value| assert_eq!(replicas.produce(1, value), Commit::Done));
        replicas
            .change(|metadata| (metadata.spec.leader_throttled, metadata.spec.follower_throttled) = (throttles_leader, !throttles_leader));
        let rates = if throttles_leader { (700_000.0, f64::INFINITY) } else { (f64::INFINITY, 700_000.0) };
        replicas.broker(1).storage.set_replication_quotas(rates.0, rates.1);
        let began = Instant::now();
        replicas.start_with(3, |storage| storage.set_replication_quotas(rates.0, rates.1));
        replicas.until_isr(1, &[1, 2, 3]);
        // A second's worth at once, and the third batch only when the second is paid for.
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(replicas::values(&replicas.partition(3))[1..], large);
    }
}
