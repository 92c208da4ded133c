//! What the leader of a partition knows of its followers, and what follows from it: how far records are committed, and
//! which replicas are in sync. Decisions only: time, log end and cluster are arguments.
//!
//! Invariant: the high watermark never passes the log end of a replica that is in the ISR, or in the one that is proposed
//! (KIP-497); who is in neither, but about to join, is waited for as well.

use std::time::Duration;

use super::{Cluster, Standing};

/// What a follower told with a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerFetch {
    /// Where its log ends.
    pub fetch_offset: i64,
    pub log_start_offset: i64,
    /// Of its broker; -1 where the request does not say.
    pub broker_epoch: i64,
}

/// Why a fetch is not a follower's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFollowing {
    /// The broker holds no replica, as far as this leader knows.
    NotAssigned,
    /// The broker has been registered anew since (KIP-903).
    StaleBrokerEpoch,
}

#[derive(Clone, Debug)]
struct Follower {
    id: i32,
    /// -1 until it has fetched in this leader's time.
    log_end_offset: i64,
    log_start_offset: i64,
    /// The leader's log end when the follower fetched last.
    leader_end_then: i64,
    fetched_at: Duration,
    /// `None` for never.
    caught_up_at: Option<Duration>,
    broker_epoch: Option<i64>,
}

impl Follower {
    fn new(id: i32, caught_up_at: Option<Duration>) -> Follower {
        let (log_end_offset, log_start_offset, leader_end_then) = (-1, -1, -1);
        Follower { id, log_end_offset, log_start_offset, leader_end_then, fetched_at: Duration::ZERO, caught_up_at, broker_epoch: None }
    }

    fn is_caught_up(&self, leader_end: i64, now: Duration, lag_max: Duration) -> bool {
        self.log_end_offset == leader_end || self.caught_up_at.is_some_and(|at| now.saturating_sub(at) <= lag_max)
    }

    /// Whether the controller would take it in: it fetched with the epoch that its broker is registered with.
    fn is_eligible(&self, cluster: &Cluster) -> bool {
        let registered = cluster.peers.get(&self.id).map_or(-1, |peer| peer.broker_epoch);
        registered >= 0 && self.broker_epoch.is_some_and(|epoch| epoch == -1 || epoch == registered)
    }
}

/// What bears on how far records are committed, beside the followers.
#[derive(Clone, Copy)]
pub struct CommitView<'a> {
    /// How much of its own log the leader counts: all, or what is on disk.
    pub held: i64,
    pub leader_end: i64,
    /// Below so many replicas in sync the high watermark stands still (KIP-966); 0 where it does not.
    pub frozen_below: usize,
    pub now: Duration,
    pub lag_max: Duration,
    pub cluster: &'a Cluster,
}

/// An ISR that the controller is to decide on, by broker id and epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsrProposal {
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub isr: Vec<(i32, i64)>,
}

#[derive(Debug)]
pub struct Leader {
    node_id: i32,
    leader_epoch: i32,
    partition_epoch: i32,
    /// Where this leader's epoch begins in its log; `None` until the log is open.
    pub epoch_start_offset: Option<i64>,
    isr: Vec<i32>,
    proposed: Option<Vec<i32>>,
    /// After a proposal that led to no change the next one waits.
    propose_after: Duration,
    followers: Vec<Follower>,
}

/// How long a proposal waits after one that was refused: its follower fetches many times a second.
const REFUSAL_PAUSE: Duration = Duration::from_millis(500);

impl Leader {
    pub fn new(node_id: i32, standing: &Standing, now: Duration) -> Leader {
        let mut leader = Leader {
            node_id,
            leader_epoch: standing.leader_epoch,
            partition_epoch: standing.partition_epoch,
            epoch_start_offset: None,
            isr: standing.isr.clone(),
            proposed: None,
            propose_after: Duration::ZERO,
            followers: Vec::new(),
        };
        leader.follow_assignment(standing, now);
        leader
    }

    /// Takes over newer metadata of a partition that this broker leads already.
    pub fn update(&mut self, standing: &Standing, now: Duration) {
        if standing.leader_epoch > self.leader_epoch {
            // A new epoch: what followers told in the old one may have been cut off since.
            *self = Leader::new(self.node_id, standing, now);
            return;
        }
        if standing.partition_epoch > self.partition_epoch {
            self.partition_epoch = standing.partition_epoch;
            self.isr.clone_from(&standing.isr);
            self.proposed = None;
            self.propose_after = Duration::ZERO;
        }
        self.follow_assignment(standing, now);
    }

    fn follow_assignment(&mut self, standing: &Standing, now: Duration) {
        self.followers.retain(|follower| standing.replicas.contains(&follower.id));
        for &id in standing.replicas.iter().filter(|id| **id != self.node_id) {
            if !self.followers.iter().any(|follower| follower.id == id) {
                // Who is in sync gets time to show it.
                self.followers.push(Follower::new(id, standing.isr.contains(&id).then_some(now)));
            }
        }
    }

    pub fn in_sync_count(&self) -> usize {
        self.isr.len()
    }

    pub fn is_in_sync(&self, id: i32) -> bool {
        self.isr.contains(&id)
    }

    /// The larger of the ISR that holds and the one that is proposed.
    fn is_in_maximal_isr(&self, id: i32) -> bool {
        self.isr.contains(&id) || self.proposed.as_ref().is_some_and(|proposed| proposed.contains(&id))
    }

    /// Notes a follower's progress; `at` is when its request came.
    pub fn on_fetch(
        &mut self,
        id: i32,
        fetch: FollowerFetch,
        leader_end: i64,
        at: Duration,
        cluster: &Cluster,
    ) -> Result<(), NotFollowing> {
        let follower = self.followers.iter_mut().find(|follower| follower.id == id).ok_or(NotFollowing::NotAssigned)?;
        let registered = cluster.peers.get(&id).map_or(-1, |peer| peer.broker_epoch);
        if fetch.broker_epoch != -1 && registered > fetch.broker_epoch {
            return Err(NotFollowing::StaleBrokerEpoch);
        }
        if follower.broker_epoch.is_some_and(|known| fetch.broker_epoch != -1 && fetch.broker_epoch > known) {
            // Another life of its broker: what the former one had may be gone.
            follower.log_end_offset = -1;
        }
        // Whoever has by now all that there was at its last fetch was caught up then, however much came since.
        if fetch.fetch_offset >= leader_end {
            follower.caught_up_at = follower.caught_up_at.max(Some(at));
        } else if follower.leader_end_then >= 0 && fetch.fetch_offset >= follower.leader_end_then {
            follower.caught_up_at = follower.caught_up_at.max(Some(follower.fetched_at));
        }
        follower.log_end_offset = follower.log_end_offset.max(fetch.fetch_offset);
        follower.log_start_offset = fetch.log_start_offset;
        follower.leader_end_then = follower.leader_end_then.max(leader_end);
        follower.fetched_at = follower.fetched_at.max(at);
        follower.broker_epoch = Some(fetch.broker_epoch);
        Ok(())
    }

    /// How far records are committed; `None` where that cannot be told, or may not move, now. Never goes back by itself:
    /// the caller takes the larger of this and what it knows.
    pub fn high_watermark(&self, view: CommitView<'_>) -> Option<i64> {
        if self.isr.len() < view.frozen_below {
            return None;
        }
        let CommitView { leader_end, now, lag_max, cluster, .. } = view;
        let waited_for = self.followers.iter().filter(|follower| {
            self.is_in_maximal_isr(follower.id) || (follower.is_caught_up(leader_end, now, lag_max) && follower.is_eligible(cluster))
        });
        let least = waited_for.map(|follower| follower.log_end_offset).fold(view.held, i64::min);
        (least >= 0).then_some(least)
    }

    /// An ISR with this follower, where it may join: it has all that is committed and all of earlier epochs.
    pub fn propose_expansion(&mut self, id: i32, high_watermark: i64, now: Duration, cluster: &Cluster) -> Option<IsrProposal> {
        if self.proposed.is_some() || self.isr.contains(&id) || now < self.propose_after {
            return None;
        }
        let follower = self.followers.iter().find(|follower| follower.id == id)?;
        let has_all = follower.log_end_offset >= high_watermark && follower.log_end_offset >= self.epoch_start_offset?;
        if !has_all || !follower.is_eligible(cluster) {
            return None;
        }
        let mut isr = self.isr.clone();
        isr.push(id);
        Some(self.propose(isr, cluster))
    }

    /// An ISR without those that have not been caught up for too long; `None` where nobody has to go.
    pub fn propose_shrink(&mut self, leader_end: i64, now: Duration, lag_max: Duration, cluster: &Cluster) -> Option<IsrProposal> {
        if self.proposed.is_some() || now < self.propose_after {
            return None;
        }
        let lags = |id: &i32| {
            let follower = self.followers.iter().find(|follower| follower.id == *id);
            follower.is_some_and(|follower| !follower.is_caught_up(leader_end, now, lag_max))
        };
        if !self.isr.iter().any(lags) {
            return None;
        }
        let isr = self.isr.iter().copied().filter(|id| !lags(id)).collect();
        Some(self.propose(isr, cluster))
    }

    fn propose(&mut self, isr: Vec<i32>, cluster: &Cluster) -> IsrProposal {
        let epoch_of = |id: i32| match self.followers.iter().find(|follower| follower.id == id) {
            Some(follower) => follower.broker_epoch.unwrap_or(-1),
            None => cluster.broker_epoch,
        };
        let with_epochs = isr.iter().map(|&id| (id, epoch_of(id))).collect();
        self.proposed = Some(isr);
        IsrProposal { leader_epoch: self.leader_epoch, partition_epoch: self.partition_epoch, isr: with_epochs }
    }

    /// A proposal led to no change; what is about another state of the partition is out of date.
    pub fn settle(&mut self, leader_epoch: i32, partition_epoch: i32, now: Duration) {
        if (leader_epoch, partition_epoch) == (self.leader_epoch, self.partition_epoch) && self.proposed.take().is_some() {
            self.propose_after = now + REFUSAL_PAUSE;
        }
    }

    /// The replica in the rack that a consumer at `offset` should read from instead of this leader (KIP-392): in sync, with
    /// that offset, the one that has most.
    pub fn preferred_read_replica(&self, rack: &str, offset: i64, cluster: &Cluster) -> Option<i32> {
        let in_rack = |id: i32| cluster.peers.get(&id).is_some_and(|peer| peer.rack.as_deref() == Some(rack));
        let candidates = self.followers.iter().filter(|follower| {
            self.is_in_sync(follower.id)
                && in_rack(follower.id)
                && (follower.log_start_offset.max(0)..=follower.log_end_offset).contains(&offset)
        });
        candidates.max_by_key(|follower| (follower.log_end_offset, follower.caught_up_at, follower.id)).map(|follower| follower.id)
    }
}

#[cfg(test)]
#[path = "leader_test.rs"]
mod tests;
