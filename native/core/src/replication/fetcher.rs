//! What one connection to a leader fetches: which partitions from where, in which order, in one incremental session
//! (KIP-227), and what becomes of the answers. Time and network are the caller's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::Uuid;
use crate::log::LogManager;
use crate::partition::{FollowError, Partition, PartitionUnavailable};
use crate::protocol::replica_fetch::{
    Bound, FetchedReplica, ReplicaFetchRequest, ReplicaFetchResponse, RequestedPartition, decode_bounds, encode_bounds,
};
use crate::protocol::{ErrorCode, Malformed};

/// A partition with so many setbacks in a row is reported: leaders change within fewer.
const SETBACKS_UNTIL_STALLED: u32 = 10;
/// How long a log that is being opened is left alone.
const LOADING_PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub struct FetcherOptions {
    pub client_id: String,
    pub min_bytes: i32,
    /// Of one partition.
    pub max_bytes: i32,
    pub response_max_bytes: i32,
    pub wait_max_ms: i32,
    pub backoff: Duration,
}

/// A partition that this fetcher is to follow its leader in.
#[derive(Clone)]
pub struct Assignment {
    pub topic_id: Uuid,
    pub partition: Arc<Partition>,
    pub leader_epoch: i32,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this frame and bring its answer, or the news that there is none.
    Send(Vec<u8>),
    /// Nothing before this time, unless the assignment changes.
    Wait(Duration),
}

type Key = (Uuid, i32);

struct Followed {
    partition: Arc<Partition>,
    leader_epoch: i32,
    /// Left alone until then.
    delayed_until: Option<Duration>,
    /// How far behind what the leader has committed; `None` until it has said.
    lag: Option<i64>,
    /// In a row, those that take a while to pass.
    setbacks: u32,
    /// Its offset is none of the leader's: this is what has to be known of the leader's log.
    asks: Option<Bound>,
    /// What the leader's session knows of it.
    told: Option<RequestedPartition>,
}

/// What was sent and not answered yet.
enum InFlight {
    Fetch { is_full: bool },
    Bounds,
}

pub struct Fetcher {
    options: FetcherOptions,
    storage: Arc<LogManager>,
    followed: BTreeMap<Key, Followed>,
    /// Of the leader; with epoch 0 the next request is a full one.
    session_id: i32,
    session_epoch: i32,
    /// The leader's session knows these, and nobody follows them here any more.
    dropped: Vec<Key>,
    /// Who comes first in a request without a session, so that everybody gets a turn.
    first: Option<Key>,
    correlation_id: i32,
    in_flight: Option<InFlight>,
}

impl Fetcher {
    pub fn new(options: FetcherOptions, storage: Arc<LogManager>) -> Fetcher {
        Fetcher {
            options,
            storage,
            followed: BTreeMap::new(),
            session_id: 0,
            session_epoch: 0,
            dropped: Vec::new(),
            first: None,
            correlation_id: 0,
            in_flight: None,
        }
    }

    /// Replaces what is followed. What stays the same goes on as it was. Not while a request is out.
    pub fn assign(&mut self, assignments: &[Assignment]) {
        let mut former = std::mem::take(&mut self.followed);
        for Assignment { topic_id, partition, leader_epoch } in assignments {
            let key = (*topic_id, partition.index());
            let kept = former.remove(&key);
            let (partition, leader_epoch) = (partition.clone(), *leader_epoch);
            let fresh = Followed { partition, leader_epoch, delayed_until: None, lag: None, setbacks: 0, asks: None, told: None };
            let followed = match kept {
                Some(kept) if kept.leader_epoch == leader_epoch && Arc::ptr_eq(&kept.partition, &fresh.partition) => kept,
                Some(kept) => Followed { told: kept.told, ..fresh },
                None => fresh,
            };
            self.followed.insert(key, followed);
        }
        self.dropped.extend(former.into_iter().filter(|(_, followed)| followed.told.is_some()).map(|(key, _)| key));
        self.dropped.retain(|key| !self.followed.contains_key(key));
    }

    pub fn is_idle(&self) -> bool {
        self.followed.is_empty()
    }

    /// The next request, or how long there is none.
    pub fn next(&mut self, now: Duration) -> Next {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        if let Some(frame) = self.bounds_request(now) {
            self.in_flight = Some(InFlight::Bounds);
            return Next::Send(frame);
        }
        let mut until = now + self.options.backoff.max(LOADING_PAUSE);
        let mut wanted = Vec::with_capacity(self.followed.len());
        for (&(topic_id, index), followed) in &mut self.followed {
            match followed.request(topic_id, index, &self.options, &self.storage, now) {
                Ok(requested) => wanted.push(requested),
                Err(wait) => {
                    until = until.min(wait);
                    if followed.told.take().is_some() {
                        self.dropped.push((topic_id, index));
                    }
                }
            }
        }
        if wanted.is_empty() {
            // The leader's session would keep partitions that nobody asks for.
            self.reset_session();
            return Next::Wait(until);
        }
        self.in_flight = Some(InFlight::Fetch { is_full: self.session_epoch == 0 });
        Next::Send(self.fetch_request(&wanted))
    }

    fn fetch_request(&mut self, wanted: &[RequestedPartition]) -> Vec<u8> {
        let is_full = self.session_epoch == 0;
        let mut partitions = Vec::with_capacity(wanted.len());
        for requested in wanted {
            let Some(followed) = self.followed.get_mut(&(requested.topic_id, requested.index)) else { continue };
            if is_full || followed.told != Some(*requested) {
                partitions.push(*requested);
            }
            followed.told = Some(*requested);
        }
        let mut forgotten = std::mem::take(&mut self.dropped);
        if is_full {
            forgotten.clear();
            self.rotate(&mut partitions);
        }
        // What was dropped and is wanted again is told as new.
        forgotten.retain(|key| self.followed.get(key).is_none_or(|followed| followed.told.is_none()));
        forgotten.sort_unstable();
        let request = ReplicaFetchRequest {
            correlation_id: self.correlation_id,
            client_id: &self.options.client_id,
            replica_id: self.storage.node_id(),
            broker_epoch: self.storage.cluster().broker_epoch,
            max_wait_ms: self.options.wait_max_ms,
            min_bytes: self.options.min_bytes,
            max_bytes: self.options.response_max_bytes,
            session_id: self.session_id,
            session_epoch: self.session_epoch,
            partitions: &partitions,
            forgotten: &forgotten,
        };
        request.encode()
    }

    /// Begins with another partition each time; in a session the leader sees to that.
    fn rotate(&mut self, partitions: &mut [RequestedPartition]) {
        let key = |requested: &RequestedPartition| (requested.topic_id, requested.index);
        let begin = self.first.map_or(0, |first| partitions.partition_point(|requested| key(requested) < first));
        let begin = if begin == partitions.len() { 0 } else { begin };
        self.first = partitions.get(begin + 1).map(key);
        partitions.rotate_left(begin);
    }

    fn bounds_request(&self, now: Duration) -> Option<Vec<u8>> {
        let asking = self.followed.values().filter(|followed| !followed.is_delayed(now));
        let asked: Vec<_> = asking
            .filter_map(|followed| {
                let partition = &followed.partition;
                Some((&**partition.topic(), partition.index(), followed.leader_epoch, followed.asks?))
            })
            .collect();
        (!asked.is_empty()).then(|| encode_bounds(self.correlation_id, &self.options.client_id, self.storage.node_id(), &asked))
    }

    /// There was no answer, or none that could be read: the connection is to be closed.
    pub fn on_disconnect(&mut self, now: Duration) {
        self.in_flight = None;
        self.reset_session();
        self.delay_all(now);
    }

    fn delay_all(&mut self, now: Duration) {
        let until = now + self.options.backoff;
        self.followed.values_mut().for_each(|followed| followed.delayed_until = Some(until));
    }

    fn reset_session(&mut self) {
        self.session_id = 0;
        self.session_epoch = 0;
        self.dropped.clear();
        self.followed.values_mut().for_each(|followed| followed.told = None);
    }

    /// Takes the answer (without its size) to what was sent last. After an error the connection is of no use any more.
    pub fn on_response(&mut self, frame: &[u8], now: Duration) -> Result<(), Malformed> {
        match self.in_flight.take() {
            Some(InFlight::Fetch { is_full }) => {
                let response = ReplicaFetchResponse::decode(frame)?;
                check_correlation(response.correlation_id, self.correlation_id)?;
                self.on_fetched(is_full, &response, frame, now);
                Ok(())
            }
            Some(InFlight::Bounds) => {
                let (correlation_id, bounds) = decode_bounds(frame)?;
                check_correlation(correlation_id, self.correlation_id)?;
                for (topic, index, error, offset) in bounds {
                    self.on_bound(&topic, index, error, offset, now);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn on_fetched(&mut self, is_full: bool, response: &ReplicaFetchResponse, frame: &[u8], now: Duration) {
        if response.error != ErrorCode::None.code() {
            let is_of_session =
                [ErrorCode::FetchSessionIdNotFound, ErrorCode::InvalidFetchSessionEpoch, ErrorCode::FetchSessionTopicIdError];
            self.reset_session();
            if !is_of_session.iter().any(|code| code.code() == response.error) {
                self.delay_all(now);
            }
            return;
        }
        match (is_full, response.session_id) {
            (true, 0) => self.reset_session(),
            (true, id) => (self.session_id, self.session_epoch) = (id, 1),
            (false, _) => self.session_epoch = if self.session_epoch == i32::MAX { 1 } else { self.session_epoch + 1 },
        }
        for fetched in &response.partitions {
            let Some(followed) = self.followed.get_mut(&(fetched.topic_id, fetched.index)) else { continue };
            let records = &frame[fetched.records.clone()];
            match followed.on_fetched(fetched, records, &self.storage, now) {
                Ok(()) => followed.setbacks = 0,
                Err(setback) => followed.set_back(&setback, now, self.options.backoff),
            }
        }
    }

    fn on_bound(&mut self, topic: &str, index: i32, error: i16, offset: i64, now: Duration) {
        let found =
            self.followed.values_mut().find(|followed| followed.partition.index() == index && **followed.partition.topic() == *topic);
        let Some(followed) = found else { return };
        let outcome = match error {
            0 => followed.on_bound(offset),
            _ => Err(Setback::of_leader(error)),
        };
        if let Err(setback) = outcome {
            followed.set_back(&setback, now, self.options.backoff);
        }
    }
}

fn check_correlation(found: i32, expected: i32) -> Result<(), Malformed> {
    if found == expected { Ok(()) } else { Err(Malformed::Length(i64::from(found))) }
}

/// What did not work.
#[derive(Debug, PartialEq, Eq)]
struct Setback {
    /// Over in a moment: the partition is left alone for that long only.
    is_brief: bool,
    /// Kafka's code, where it is the leader's; else 0.
    error: i16,
    reason: String,
}

impl Setback {
    fn of_leader(error: i16) -> Setback {
        Setback { is_brief: false, error, reason: String::new() }
    }

    fn own(reason: impl std::fmt::Display) -> Setback {
        Setback { is_brief: false, error: 0, reason: reason.to_string() }
    }
}

impl From<FollowError> for Setback {
    fn from(error: FollowError) -> Setback {
        // After a move the assignment that follows from it is on its way.
        let is_brief = matches!(error, FollowError::Moved | FollowError::Unavailable(PartitionUnavailable::Loading));
        Setback { is_brief, ..Setback::own(error) }
    }
}

impl Followed {
    fn set_back(&mut self, setback: &Setback, now: Duration, backoff: Duration) {
        self.delayed_until = Some(now + if setback.is_brief { LOADING_PAUSE } else { backoff });
        self.setbacks += u32::from(!setback.is_brief);
        if self.setbacks == SETBACKS_UNTIL_STALLED && !setback.is_brief {
            self.partition.report_stalled(setback.error, &setback.reason);
        }
    }

    fn is_delayed(&self, now: Duration) -> bool {
        self.delayed_until.is_some_and(|until| now < until)
    }

    /// What to ask for; where nothing is to be asked for, when to look again.
    fn request(
        &mut self,
        topic_id: Uuid,
        index: i32,
        options: &FetcherOptions,
        storage: &LogManager,
        now: Duration,
    ) -> Result<RequestedPartition, Duration> {
        if let Some(until) = self.delayed_until {
            if now < until {
                return Err(until);
            }
            self.delayed_until = None;
        }
        if self.is_throttled() {
            let wait = storage.follower_quota().wait(now);
            if !wait.is_zero() {
                return Err(now + wait);
            }
        }
        match self.partition.fetch_position() {
            Ok(Some(position)) => Ok(RequestedPartition {
                topic_id,
                index,
                current_leader_epoch: self.leader_epoch,
                fetch_offset: position.fetch_offset,
                last_fetched_epoch: position.last_fetched_epoch,
                log_start_offset: position.log_start_offset,
                max_bytes: options.max_bytes,
            }),
            Ok(None) => Err(now + LOADING_PAUSE),
            // A failed log never follows again, and so never answers as in sync.
            Err(_) => Err(Duration::MAX),
        }
    }

    /// One that has all that is committed is never held back: acknowledgements wait for it.
    fn is_throttled(&self) -> bool {
        self.lag.is_none_or(|lag| lag > 0) && self.partition.standing().follower_throttled
    }

    fn on_fetched(&mut self, fetched: &FetchedReplica, records: &[u8], storage: &LogManager, now: Duration) -> Result<(), Setback> {
        if fetched.error == ErrorCode::OffsetOutOfRange.code() {
            self.asks = Some(Bound::LogEnd);
            return Ok(());
        }
        if fetched.error != ErrorCode::None.code() {
            return Err(Setback::of_leader(fetched.error));
        }
        if let Some((epoch, end_offset)) = fetched.diverging_epoch {
            return Ok(self.partition.truncate_to_epoch_end(self.leader_epoch, epoch, end_offset)?);
        }
        if !records.is_empty() {
            if self.is_throttled() {
                storage.follower_quota().record(records.len() as u64, now);
            }
            self.partition.append_fetched(self.leader_epoch, records, storage.env().clock.now_ms())?;
        }
        self.partition.follow_high_watermark(self.leader_epoch, fetched.high_watermark)?;
        self.lag = Some(fetched.high_watermark - self.partition.log_end_offset());
        let log_start = fetched.log_start_offset.min(self.partition.high_watermark());
        if log_start > self.partition.log_start_offset() {
            storage.raise_log_start(&self.partition, log_start).map_err(Setback::own)?;
        }
        Ok(())
    }

    /// The leader's log ends, or begins, at `offset`, and this one's end was outside.
    fn on_bound(&mut self, offset: i64) -> Result<(), Setback> {
        let log_end = self.partition.log_end_offset();
        match self.asks.take() {
            Some(Bound::LogEnd) if offset < log_end => Ok(self.partition.truncate_to(self.leader_epoch, offset)?),
            Some(Bound::LogEnd) => {
                self.asks = Some(Bound::LogStart);
                Ok(())
            }
            Some(Bound::LogStart) if offset > log_end => Ok(self.partition.begin_at(self.leader_epoch, offset)?),
            // It moved meanwhile: what is asked next is within.
            Some(Bound::LogStart) | None => Err(Setback::own("the leader's log begins and ends elsewhere by now")),
        }
    }
}

#[cfg(test)]
#[path = "fetcher_test.rs"]
mod tests;
