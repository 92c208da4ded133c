//! A replica's part in its partition: who leads, how far records are committed, and which ISR is proposed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::leader::{CommitView, Leader};
use super::{Appended, FollowerFetch, IsrProposal, NotFollowing, Partition, PartitionUnavailable, ReadError, Role, Standing};
use crate::log::{LogConfig, LogWriter, PartitionLog, ProducerState, StorageFact};

/// What the metadata says of the partition, and what follows where this broker leads.
pub struct Place {
    pub standing: Arc<Standing>,
    pub leader: Option<Leader>,
}

impl Place {
    pub fn new(node_id: i32, standing: Standing, now: Duration) -> Place {
        let leads = standing.role_of(node_id).leads();
        Place { leader: leads.then(|| Leader::new(node_id, &standing, now)), standing: Arc::new(standing) }
    }
}

/// What became of appended records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    Pending,
    Done,
    /// Committed, but fewer replicas are in sync by now than `min.insync.replicas` asks for.
    TooFewInSync,
    /// It will not be known here whether they are ever committed.
    Lost(PartitionUnavailable),
}

impl Partition {
    pub fn role(&self) -> Role {
        Role::from_number(self.role.load(Ordering::Acquire))
    }

    pub fn standing(&self) -> Arc<Standing> {
        self.place.lock().standing.clone()
    }

    pub fn check_leads(&self) -> Result<(), PartitionUnavailable> {
        if self.role().leads() { Ok(()) } else { Err(self.not_leader()) }
    }

    fn not_leader(&self) -> PartitionUnavailable {
        let standing = self.standing();
        PartitionUnavailable::NotLeader { leader: standing.leader, leader_epoch: standing.leader_epoch }
    }

    /// Takes over what the metadata says of the partition now; what is older than what is known changes nothing.
    pub fn stand(&self, standing: Standing) {
        // Not while the log moves: an epoch begins where it goes on.
        let log = self.opened_log();
        let mut writer = log.as_ref().map(|log| log.writer());
        if writer.as_ref().is_some_and(|writer| writer.is_retired) {
            drop(writer);
            return self.stand(standing);
        }
        {
            let mut place = self.place.lock();
            if *place.standing == standing || standing.is_older_than(&place.standing) {
                return;
            }
            let now = self.context.env.clock.monotonic();
            let role = standing.role_of(self.options.node_id);
            self.leader_epoch.store(standing.leader_epoch, Ordering::Release);
            match &mut place.leader {
                Some(leader) if role.leads() => leader.update(&standing, now),
                Some(_) => {
                    place.leader = None;
                    self.leads_since.store(i32::MAX, Ordering::Release);
                }
                None if role.leads() => {
                    place.leader = Some(Leader::new(self.options.node_id, &standing, now));
                    self.leads_since.store(standing.leader_epoch, Ordering::Release);
                }
                None => {}
            }
            place.standing = Arc::new(standing);
            self.role.store(role as u8, Ordering::Release);
        }
        if let (Some(log), Some(writer)) = (&log, &mut writer) {
            self.begin_epoch(log, writer);
            self.advance(log, &self.config.load(), &mut writer.producers);
        }
        drop(writer);
        if log.is_none()
            && let Some(log) = self.opened_log()
        {
            // Opened meanwhile, by somebody who may have looked at the place before it changed.
            let mut writer = log.writer();
            self.begin_epoch(&log, &mut writer);
            self.advance(&log, &self.config.load(), &mut writer.producers);
        }
        self.wake_watchers();
    }

    /// A leader's epoch begins where its log ends, whether or not it ever writes in it (KIP-101).
    fn begin_epoch(&self, log: &PartitionLog, writer: &mut LogWriter) {
        let mut place = self.place.lock();
        let epoch = place.standing.leader_epoch;
        if let Some(leader) = &mut place.leader
            && leader.epoch_start_offset.is_none()
        {
            log.begin_epoch(writer, epoch);
            leader.epoch_start_offset = Some(log.log_end_offset());
        }
    }

    /// Says how far an opened log is committed: to its end where there is no other replica, else as far as was known before.
    pub(super) fn take_up(&self, log: &PartitionLog, config: &LogConfig) {
        let mut writer = log.writer();
        let known = match self.role() {
            Role::Alone => log.log_end_offset(),
            _ => self.options.high_watermark_checkpoint.unwrap_or(0).clamp(log.log_start_offset(), log.log_end_offset()),
        };
        self.high_watermark.store(known, Ordering::Release);
        self.last_stable_offset.store(writer.producers.last_stable_offset(known), Ordering::Release);
        self.begin_epoch(log, &mut writer);
        self.advance(log, config, &mut writer.producers);
    }

    // ---- committing ---------------------------------------------------------------------------------------------

    /// Moves the high watermark as far as what this replica leads is committed; true where it has moved.
    pub(super) fn advance(&self, log: &PartitionLog, config: &LogConfig, producers: &mut ProducerState) -> bool {
        let held = if config.commits_by_flush() { log.recovery_point() } else { log.log_end_offset() };
        let committed = match self.role() {
            Role::Alone => Some(held),
            Role::Leader => self.committed(held, log.log_end_offset(), config),
            Role::Follower | Role::None => None,
        };
        committed.is_some_and(|committed| self.raise_high_watermark(committed, producers))
    }

    fn committed(&self, held: i64, leader_end: i64, config: &LogConfig) -> Option<i64> {
        let place = self.place.lock();
        let cluster = self.home.cluster();
        let frozen_below = if cluster.eligible_leader_replicas { required(config, &place.standing) } else { 0 };
        let (now, lag_max) = (self.context.env.clock.monotonic(), self.options.replica_lag_max);
        let view = CommitView { held, leader_end, frozen_below: frozen_below as usize, now, lag_max, cluster: &cluster };
        place.leader.as_ref()?.high_watermark(view)
    }

    /// The one place where the high watermark rises.
    pub(super) fn raise_high_watermark(&self, committed: i64, producers: &mut ProducerState) -> bool {
        let before = self.high_watermark.fetch_max(committed, Ordering::AcqRel);
        if committed > before {
            self.last_stable_offset.store(producers.last_stable_offset(committed), Ordering::Release);
        }
        committed > before
    }

    /// How many replicas are in sync, and how many have to be for acks=all: no more than there are.
    pub(super) fn in_sync_and_required(&self, config: &LogConfig) -> (u32, u32) {
        if self.role() == Role::Alone {
            return (1, 1);
        }
        let place = self.place.lock();
        (place.leader.as_ref().map_or(0, Leader::in_sync_count) as u32, required(config, &place.standing))
    }

    /// What became of records that were appended here.
    pub fn commit_of(&self, appended: &Appended) -> Commit {
        let is_committed = self.high_watermark() >= appended.end_offset;
        // Looked at last: while this broker led without a break, the high watermark was about these records.
        if appended.leader_epoch < self.leads_since.load(Ordering::Acquire) {
            return Commit::Lost(self.not_leader());
        }
        if !is_committed {
            return self.unavailable().map_or(Commit::Pending, Commit::Lost);
        }
        if self.role() == Role::Alone {
            return Commit::Done;
        }
        let (in_sync, required) = self.in_sync_and_required(&self.config.load());
        if in_sync < required { Commit::TooFewInSync } else { Commit::Done }
    }

    /// A leader that was just elected may lag behind what the one before it had told to be committed. Until it has
    /// committed what was there when it began, it does not say where the end is.
    pub fn check_epoch_is_committed(&self) -> Result<(), ReadError> {
        if self.role() != Role::Leader {
            return Ok(());
        }
        let high_watermark = self.high_watermark();
        let epoch_start = self.place.lock().leader.as_ref().and_then(|leader| leader.epoch_start_offset);
        match epoch_start {
            Some(start) if start <= high_watermark => Ok(()),
            _ => Err(ReadError::OffsetNotAvailable { high_watermark }),
        }
    }

    // ---- followers ----------------------------------------------------------------------------------------------

    /// Notes what a follower has, which may commit records and let it into the ISR. `at` is when its request came.
    pub fn on_follower_fetch(&self, id: i32, fetch: FollowerFetch, at: Duration) -> Result<Result<(), NotFollowing>, PartitionUnavailable> {
        let log = self.log()?;
        let leader_end = log.log_end_offset();
        let cluster = self.home.cluster();
        let proposal = {
            let mut place = self.place.lock();
            let Some(leader) = &mut place.leader else {
                drop(place);
                return Err(self.not_leader());
            };
            if let Err(refused) = leader.on_fetch(id, fetch, leader_end, at, &cluster) {
                return Ok(Err(refused));
            }
            let is_registered = cluster.broker_epoch >= 0;
            is_registered.then(|| leader.propose_expansion(id, self.high_watermark(), at, &cluster)).flatten()
        };
        if let Some(proposal) = proposal {
            self.report_proposal(proposal);
        }
        let config = self.config.load();
        let held = if config.commits_by_flush() { log.recovery_point() } else { leader_end };
        if self.committed(held, leader_end, &config).is_some_and(|committed| committed > self.high_watermark()) {
            self.advance_and_wake(&log);
        }
        Ok(Ok(()))
    }

    /// Proposes an ISR without those that lag; called every so often.
    pub fn check_isr(&self) {
        if self.role() != Role::Leader {
            return;
        }
        let Some(log) = self.opened_log() else { return };
        let cluster = self.home.cluster();
        let (now, lag_max) = (self.context.env.clock.monotonic(), self.options.replica_lag_max);
        let proposal = {
            let mut place = self.place.lock();
            let Some(leader) = &mut place.leader else { return };
            if cluster.broker_epoch < 0 {
                return;
            }
            leader.propose_shrink(log.log_end_offset(), now, lag_max, &cluster)
        };
        if let Some(proposal) = proposal {
            self.report_proposal(proposal);
        }
        // A follower outside the ISR that was waited for may have fallen behind.
        self.advance_and_wake(&log);
    }

    fn advance_and_wake(&self, log: &PartitionLog) {
        let has_moved = self.advance(log, &self.config.load(), &mut log.writer().producers);
        if has_moved {
            self.wake_watchers();
        }
    }

    fn report_proposal(&self, proposal: IsrProposal) {
        let IsrProposal { leader_epoch, partition_epoch, isr } = proposal;
        self.home.report(StorageFact::IsrProposed {
            topic: self.topic().clone(),
            topic_id: self.options.topic_id,
            partition: self.index(),
            leader_epoch,
            partition_epoch,
            isr,
            // Nothing is left to recover once a leader's epoch has begun.
            recovered: true,
        });
    }

    /// A proposal led to no change.
    pub fn settle_isr(&self, leader_epoch: i32, partition_epoch: i32) {
        let now = self.context.env.clock.monotonic();
        if let Some(leader) = &mut self.place.lock().leader {
            leader.settle(leader_epoch, partition_epoch, now);
        }
        if let Some(log) = self.opened_log() {
            self.advance_and_wake(&log);
        }
    }

    /// Whether a broker's replica is in the ISR, as this leader knows it.
    pub fn is_in_sync(&self, id: i32) -> bool {
        self.place.lock().leader.as_ref().is_some_and(|leader| leader.is_in_sync(id))
    }

    /// The replica that a consumer in this rack should read from; `None` for this one.
    pub fn preferred_read_replica(&self, own_rack: Option<&str>, rack: &str, offset: i64) -> Option<i32> {
        if self.role() != Role::Leader || rack.is_empty() || own_rack == Some(rack) {
            return None;
        }
        let cluster = self.home.cluster();
        self.place.lock().leader.as_ref()?.preferred_read_replica(rack, offset, &cluster)
    }
}

fn required(config: &LogConfig, standing: &Standing) -> u32 {
    config.min_insync_replicas.min(standing.replicas.len().max(1) as u32)
}
