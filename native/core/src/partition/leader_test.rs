#![allow(clippy::unwrap_used)]
use super::*;
use crate::partition::Peer;

const LAG_MAX: Duration = Duration::from_secs(30);

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn standing(isr: &[i32], partition_epoch: i32) -> Standing {
    Standing {
        leader: 1,
        leader_epoch: 5,
        partition_epoch,
        replicas: vec![1, 2, 3],
        isr: isr.to_vec(),
        leader_throttled: false,
        follower_throttled: false,
    }
}

/// Brokers 2 and 3 beside broker 1, with epochs 20 and 30.
fn cluster() -> Cluster {
    let peer = |id: i32| {
        let rack = Some(format!("rack-{id}"));
        (id, Peer { host: "localhost".to_owned(), port: 1, rack, broker_epoch: i64::from(id) * 10 })
    };
    Cluster { broker_epoch: 10, peers: [peer(2), peer(3)].into(), eligible_leader_replicas: false }
}

/// Broker 1, which leads from offset 0 on.
fn leader(isr: &[i32]) -> Leader {
    let mut leader = Leader::new(1, &standing(isr, 7), at(0));
    leader.epoch_start_offset = Some(0);
    leader
}

fn fetch(leader: &mut Leader, id: i32, fetch_offset: i64, leader_end: i64, now: Duration) -> Result<(), NotFollowing> {
    let broker_epoch = i64::from(id) * 10;
    leader.on_fetch(id, FollowerFetch { fetch_offset, log_start_offset: 0, broker_epoch }, leader_end, now, &cluster())
}

fn high_watermark(leader: &Leader, leader_end: i64, now: Duration) -> Option<i64> {
    high_watermark_with(leader, leader_end, 0, now)
}

fn high_watermark_with(leader: &Leader, leader_end: i64, frozen_below: usize, now: Duration) -> Option<i64> {
    leader.high_watermark(CommitView { held: leader_end, leader_end, frozen_below, now, lag_max: LAG_MAX, cluster: &cluster() })
}

#[test]
fn what_is_committed_is_what_every_replica_in_sync_has() {
    let mut leader = leader(&[1, 2, 3]);
    assert_eq!(high_watermark(&leader, 10, at(0)), None);
    fetch(&mut leader, 2, 8, 10, at(1)).unwrap();
    assert_eq!(high_watermark(&leader, 10, at(1)), None);
    fetch(&mut leader, 3, 6, 10, at(1)).unwrap();
    assert_eq!(high_watermark(&leader, 10, at(1)), Some(6));
    fetch(&mut leader, 3, 10, 10, at(2)).unwrap();
    assert_eq!(high_watermark(&leader, 10, at(2)), Some(8));
}

#[test]
fn who_is_about_to_join_is_waited_for_already() {
    let mut leader = leader(&[1]);
    assert_eq!(high_watermark(&leader, 10, at(0)), Some(10));
    fetch(&mut leader, 2, 10, 10, at(0)).unwrap();
    let proposal = leader.propose_expansion(2, 10, at(0), &cluster()).unwrap();
    assert_eq!(proposal, IsrProposal { leader_epoch: 5, partition_epoch: 7, isr: vec![(1, 10), (2, 20)] });
    // Long after it was caught up last, it is still waited for: the controller may have taken it in.
    assert_eq!(high_watermark(&leader, 12, at(100_000)), Some(10));
    assert_eq!(leader.propose_expansion(3, 0, at(0), &cluster()), None);
    leader.settle(5, 7, at(100_000));
    assert_eq!(high_watermark(&leader, 12, at(100_000)), Some(12));
}

#[test]
fn a_shrunk_isr_counts_once_it_is_metadata() {
    let mut leader = leader(&[1, 2, 3]);
    fetch(&mut leader, 2, 10, 10, at(29_000)).unwrap();
    fetch(&mut leader, 3, 10, 10, at(0)).unwrap();
    fetch(&mut leader, 2, 20, 20, at(30_000)).unwrap();
    assert_eq!(leader.propose_shrink(20, at(30_000), LAG_MAX, &cluster()), None);
    let proposal = leader.propose_shrink(20, at(30_001), LAG_MAX, &cluster()).unwrap();
    assert_eq!(proposal.isr, [(1, 10), (2, 20)]);
    assert_eq!(high_watermark(&leader, 20, at(30_001)), Some(10));
    assert_eq!(leader.propose_shrink(20, at(30_002), LAG_MAX, &cluster()), None);
    leader.update(&standing(&[1, 2], 8), at(30_003));
    assert_eq!(high_watermark(&leader, 20, at(30_003)), Some(20));
}

#[test]
fn a_follower_that_keeps_pace_is_caught_up_though_it_never_has_all() {
    let mut leader = leader(&[1, 2]);
    for second in 0..100 {
        let end = second * 100;
        // It always has what there was the last time.
        fetch(&mut leader, 2, (end - 100).max(0), end, at(second as u64 * 1000)).unwrap();
    }
    assert_eq!(leader.propose_shrink(10_000, at(100_000), LAG_MAX, &cluster()), None);
}

#[test]
fn a_follower_that_never_fetched_falls_out() {
    let mut leader = leader(&[1, 2, 3]);
    fetch(&mut leader, 3, 10, 10, at(40_000)).unwrap();
    let proposal = leader.propose_shrink(10, at(40_000), LAG_MAX, &cluster()).unwrap();
    assert_eq!(proposal.isr, [(1, 10), (3, 30)]);
}

#[test]
fn who_joins_has_all_that_is_committed_and_what_came_before_this_leader() {
    let mut leader = leader(&[1]);
    leader.epoch_start_offset = Some(15);
    fetch(&mut leader, 2, 14, 20, at(0)).unwrap();
    assert_eq!(leader.propose_expansion(2, 10, at(0), &cluster()), None);
    fetch(&mut leader, 2, 15, 20, at(0)).unwrap();
    assert_eq!(leader.propose_expansion(2, 16, at(0), &cluster()), None);
    assert!(leader.propose_expansion(2, 15, at(0), &cluster()).is_some());
}

#[test]
fn another_life_of_a_broker_does_not_inherit_what_the_former_had() {
    let mut leader = leader(&[1]);
    let old = FollowerFetch { fetch_offset: 10, log_start_offset: 0, broker_epoch: 19 };
    assert_eq!(leader.on_fetch(2, old, 10, at(0), &cluster()), Err(NotFollowing::StaleBrokerEpoch));
    let newer = FollowerFetch { broker_epoch: 21, ..old };
    leader.on_fetch(2, newer, 10, at(0), &cluster()).unwrap();
    // The controller knows it by another epoch, as far as this leader has heard.
    assert_eq!(leader.propose_expansion(2, 10, at(0), &cluster()), None);
    let fenced = {
        let mut cluster = cluster();
        cluster.peers.get_mut(&3).unwrap().broker_epoch = -1;
        cluster
    };
    fetch(&mut leader, 3, 10, 10, at(0)).unwrap();
    assert_eq!(leader.propose_expansion(3, 10, at(0), &fenced), None);
    assert!(leader.propose_expansion(3, 10, at(0), &cluster()).is_some());
}

#[test]
fn a_broker_without_a_replica_is_no_follower() {
    assert_eq!(fetch(&mut leader(&[1]), 4, 0, 0, at(0)), Err(NotFollowing::NotAssigned));
}

#[test]
fn with_too_few_in_sync_nothing_more_is_committed() {
    let leader = leader(&[1]);
    assert_eq!(high_watermark_with(&leader, 10, 2, at(0)), None);
    assert_eq!(high_watermark_with(&leader, 10, 1, at(0)), Some(10));
}

#[test]
fn after_a_refusal_there_is_a_pause() {
    let mut leader = leader(&[1]);
    fetch(&mut leader, 2, 10, 10, at(0)).unwrap();
    leader.propose_expansion(2, 10, at(0), &cluster()).unwrap();
    leader.settle(5, 6, at(1));
    assert_eq!(leader.propose_expansion(3, 0, at(1000), &cluster()), None, "a word of another state settles nothing");
    leader.settle(5, 7, at(1000));
    assert_eq!(leader.propose_expansion(2, 10, at(1001), &cluster()), None);
    assert!(leader.propose_expansion(2, 10, at(1500), &cluster()).is_some());
}

#[test]
fn a_new_epoch_forgets_what_followers_had_in_the_old() {
    let mut leader = leader(&[1, 2]);
    fetch(&mut leader, 2, 10, 10, at(0)).unwrap();
    leader.update(&Standing { leader_epoch: 6, ..standing(&[1, 2], 8) }, at(1));
    assert_eq!(high_watermark(&leader, 10, at(1)), None);
    assert_eq!(leader.epoch_start_offset, None);
}

#[test]
fn a_consumer_is_sent_to_a_replica_in_its_rack_that_has_what_it_wants() {
    let mut leader = leader(&[1, 2]);
    fetch(&mut leader, 2, 8, 10, at(0)).unwrap();
    fetch(&mut leader, 3, 10, 10, at(0)).unwrap();
    assert_eq!(leader.preferred_read_replica("rack-2", 8, &cluster()), Some(2));
    assert_eq!(leader.preferred_read_replica("rack-2", 9, &cluster()), None);
    assert_eq!(leader.preferred_read_replica("rack-3", 0, &cluster()), None, "not in sync");
    assert_eq!(leader.preferred_read_replica("rack-4", 0, &cluster()), None);
}
