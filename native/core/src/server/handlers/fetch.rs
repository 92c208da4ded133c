//! Fetch: reads every partition's next batches, waits while there are too few, and answers with ranges of log files.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::{Topic, TopicTable};
use crate::partition::{FollowerFetch, Isolation, NotFollowing, Partition, Role, Slice};
use crate::protocol::fetch::{self, FetchPartition, FetchRequest, FetchedPartition};
use crate::protocol::{ErrorCode, Malformed, RequestHeader, Writer};
use crate::server::Shared;
use crate::server::fetch_session::{FetchTarget, SessionUse, Told};
use crate::server::output::Output;

use super::{begin_response, epoch_code, find_by_id, find_by_name, read_code, unavailable_code};

/// From here on a consumer says where it stands, and followers may serve it (KIP-392).
const FOLLOWERS_SERVE_FROM_VERSION: i16 = 11;
/// From here on it is told who leads where it asked somebody who does not (KIP-951).
const LEADER_IS_TOLD_FROM_VERSION: i16 = 16;

/// A request that waits for records.
pub struct ParkedFetch {
    correlation_id: i32,
    version: i16,
    session: SessionUse,
    targets: Vec<FetchTarget>,
    isolation: Isolation,
    /// Who asks; `None` for a consumer.
    follower: Option<Asking>,
    rack: Box<str>,
    min_bytes: u64,
    max_bytes: u64,
    deadline: Instant,
    /// When the first of its delayed records becomes due, as of the last poll.
    due_at: Cell<Option<Instant>>,
    /// The moment it was last said to wake up at.
    wakes_at: Cell<Option<Instant>>,
}

/// A follower that fetches.
struct Asking {
    replica_id: i32,
    broker_epoch: i64,
    /// When the request came, on the clock of the storage.
    at: Duration,
    /// Its progress counts once for each request, however often that is looked at.
    is_noted: bool,
}

/// What one partition gives.
struct Fetched {
    head: FetchedPartition,
    slice: Option<Slice>,
    topic: Option<Arc<Topic>>,
    /// Counts against the leader's rate (KIP-73).
    is_throttled: bool,
}

/// Reads a request: either a fetch to poll, or the answer where its session is not in order.
pub fn begin(
    shared: &Shared,
    header: &RequestHeader<'_>,
    frame: &[u8],
    body: usize,
    now: Instant,
) -> Result<Result<ParkedFetch, Output>, Malformed> {
    let version = header.api_version;
    let mut request = FetchRequest::decode(frame, body, version)?;
    let (session, targets) = match shared.sessions.begin(&mut request, version, now) {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(session_error(header.correlation_id, version, error))),
    };
    let isolation = if request.replica_id >= 0 {
        Isolation::LogEnd
    } else if request.read_committed {
        Isolation::LastStable
    } else {
        Isolation::HighWatermark
    };
    Ok(Ok(ParkedFetch {
        correlation_id: header.correlation_id,
        version,
        session,
        targets,
        isolation,
        follower: (request.replica_id >= 0).then(|| Asking {
            replica_id: request.replica_id,
            broker_epoch: request.replica_epoch,
            at: shared.storage.env().clock.monotonic(),
            is_noted: false,
        }),
        rack: request.rack,
        min_bytes: request.min_bytes.max(0) as u64,
        max_bytes: (request.max_bytes.max(0) as u64).min(shared.options.fetch_size_max_bytes as u64),
        deadline: now + Duration::from_millis(request.max_wait_ms.max(0) as u64),
        due_at: Cell::new(None),
        wakes_at: Cell::new(None),
    }))
}

fn session_error(correlation_id: i32, version: i16, error: ErrorCode) -> Output {
    let mut output = Output::default();
    let mut writer = Writer::new(&mut output.bytes, version >= 12);
    begin_response(&mut writer, correlation_id);
    fetch::begin_response(&mut writer, version, error, 0, 0);
    fetch::end_response(&mut writer);
    let size = (writer.bytes.len() - 4) as i32;
    writer.patch_i32(0, size);
    output
}

impl ParkedFetch {
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// When to poll again because a delayed record becomes due; once for each such moment that comes before the deadline.
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        let due = self.due_at.get().filter(|due| *due < self.deadline)?;
        if self.wakes_at.get().is_some_and(|wakes_at| wakes_at > now && wakes_at <= due) {
            return None;
        }
        self.wakes_at.set(Some(due));
        Some(due)
    }

    /// Has `watch` called for every partition that may bring this fetch further.
    pub fn for_each_partition(&self, table: &TopicTable, mut watch: impl FnMut(&Arc<Partition>)) {
        for target in &self.targets {
            if let Ok((_, partition)) = self.find(table, target) {
                watch(&partition);
            }
        }
    }

    fn find(&self, table: &TopicTable, target: &FetchTarget) -> Result<(Arc<Topic>, Arc<Partition>), ErrorCode> {
        if self.version >= 13 {
            find_by_id(table, target.id, target.partition.index)
        } else {
            find_by_name(table, &target.name, target.partition.index)
        }
    }

    /// The response, once enough records are there, something is wrong with a partition, or the time is up. The list of
    /// aborted transactions is that of this moment, not of the request's arrival.
    pub fn poll(&mut self, shared: &Shared, table: &TopicTable, now: Instant) -> Option<Output> {
        let mut fetched = Vec::with_capacity(self.targets.len());
        let mut total = 0;
        let mut urgent = self.targets.is_empty();
        self.due_at.set(None);
        for target in &self.targets {
            let part = self.fetch_partition(shared, table, target, self.max_bytes.saturating_sub(total), total == 0, now);
            total += part.slice.as_ref().map_or(0, |slice| u64::from(slice.len));
            urgent |= part.head.error != ErrorCode::None || part.head.diverging_epoch.is_some() || part.head.preferred_read_replica >= 0;
            fetched.push(part);
        }
        if let Some(follower) = &mut self.follower {
            follower.is_noted = true;
        }
        if total < self.min_bytes && !urgent && now < self.deadline {
            return None;
        }
        Some(self.respond(shared, fetched))
    }

    fn fetch_partition(
        &self,
        shared: &Shared,
        table: &TopicTable,
        target: &FetchTarget,
        room: u64,
        at_least_one: bool,
        now: Instant,
    ) -> Fetched {
        let found = self.find(table, target);
        let partition = found.as_ref().ok().map(|(_, partition)| partition.clone());
        let fetched =
            found.and_then(|(topic, partition)| self.try_fetch_partition(shared, topic, &partition, target, (room, at_least_one), now));
        fetched.unwrap_or_else(|error| {
            let mut head = FetchedPartition::failed(error);
            let asked_the_wrong = matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
            if asked_the_wrong && self.version >= LEADER_IS_TOLD_FROM_VERSION {
                let standing = partition.map(|partition| partition.standing());
                head.current_leader = standing.map(|standing| (standing.leader, standing.leader_epoch));
            }
            Fetched { head, slice: None, topic: None, is_throttled: false }
        })
    }

    fn try_fetch_partition(
        &self,
        shared: &Shared,
        topic: Arc<Topic>,
        partition: &Partition,
        target: &FetchTarget,
        (room, at_least_one): (u64, bool),
        now: Instant,
    ) -> Result<Fetched, ErrorCode> {
        let asked = &target.partition;
        partition.check_leader_epoch(asked.current_leader_epoch).map_err(epoch_code)?;
        if self.follower.is_some() || self.version < FOLLOWERS_SERVE_FROM_VERSION {
            partition.check_leads().map_err(|error| unavailable_code(&error))?;
        }
        let mut head = FetchedPartition {
            error: ErrorCode::None,
            high_watermark: partition.high_watermark(),
            last_stable_offset: partition.last_stable_offset(),
            log_start_offset: partition.log_start_offset(),
            aborted: (self.isolation == Isolation::LastStable).then(Vec::new),
            diverging_epoch: None,
            current_leader: None,
            preferred_read_replica: -1,
        };
        if asked.last_fetched_epoch >= 0 {
            let diverging = partition.diverging_epoch(asked.last_fetched_epoch, asked.fetch_offset);
            head.diverging_epoch = diverging.map_err(|error| read_code(&error))?;
            if head.diverging_epoch.is_some() {
                return Ok(Fetched { head, slice: None, topic: Some(topic), is_throttled: false });
            }
        }
        if let Some(preferred) = self.preferred_read_replica(shared, partition, asked.fetch_offset) {
            head.preferred_read_replica = preferred;
            return Ok(Fetched { head, slice: None, topic: Some(topic), is_throttled: false });
        }
        let is_throttled = self.is_throttled(partition);
        let is_held_back = is_throttled && shared.storage.leader_quota().is_exceeded(shared.storage.env().clock.monotonic());
        let max_bytes = if is_held_back { 0 } else { (asked.max_bytes.max(0) as u64).min(room) as u32 };
        let read = partition.read(asked.fetch_offset, max_bytes, self.isolation, at_least_one && !is_held_back);
        let read = read.map_err(|error| read_code(&error))?;
        if let Some(due_in_ms) = read.due_in_ms {
            // The wall clock counts whole milliseconds.
            let due_at = now + Duration::from_millis(due_in_ms as u64 + 1);
            self.due_at.set(Some(self.due_at.get().map_or(due_at, |earlier| earlier.min(due_at))));
        }
        head.high_watermark = read.high_watermark;
        head.last_stable_offset = read.last_stable_offset;
        head.log_start_offset = read.log_start_offset;
        match &self.follower {
            Some(follower) => {
                self.note_progress(follower, partition, asked)?;
                head.high_watermark = partition.high_watermark();
            }
            // A follower that lags does not know whether what it has there already is committed.
            None if partition.role() == Role::Follower && asked.fetch_offset > read.high_watermark => {
                return Err(ErrorCode::OffsetNotAvailable);
            }
            None => {}
        }
        if let Some(aborted) = &mut head.aborted {
            aborted.extend(read.aborted.iter().map(|txn| (txn.producer_id, txn.first_offset)));
        }
        Ok(Fetched { head, slice: read.slice, topic: Some(topic), is_throttled })
    }

    fn note_progress(&self, follower: &Asking, partition: &Partition, asked: &FetchPartition) -> Result<(), ErrorCode> {
        if follower.is_noted {
            return Ok(());
        }
        let fetch = FollowerFetch {
            fetch_offset: asked.fetch_offset,
            log_start_offset: asked.log_start_offset,
            broker_epoch: follower.broker_epoch,
        };
        let noted = partition.on_follower_fetch(follower.replica_id, fetch, follower.at).map_err(|error| unavailable_code(&error))?;
        noted.map_err(|refused| match refused {
            // The follower may know of an assignment that this leader has not heard of yet, and asks again.
            NotFollowing::NotAssigned if asked.current_leader_epoch >= 0 => ErrorCode::UnknownLeaderEpoch,
            NotFollowing::NotAssigned | NotFollowing::StaleBrokerEpoch => ErrorCode::NotLeaderOrFollower,
        })
    }

    fn preferred_read_replica(&self, shared: &Shared, partition: &Partition, offset: i64) -> Option<i32> {
        let may_send = shared.options.rack_aware_reads && self.follower.is_none() && self.version >= FOLLOWERS_SERVE_FROM_VERSION;
        may_send.then(|| partition.preferred_read_replica(shared.options.rack.as_deref(), &self.rack, offset)).flatten()
    }

    /// A follower in the ISR is never held back: acknowledgements wait for it.
    fn is_throttled(&self, partition: &Partition) -> bool {
        self.follower.as_ref().is_some_and(|follower| partition.standing().leader_throttled && !partition.is_in_sync(follower.replica_id))
    }

    fn respond(&self, shared: &Shared, fetched: Vec<Fetched>) -> Output {
        let incremental = matches!(self.session, SessionUse::Incremental { .. });
        let mut told = Vec::new();
        let mut included: Vec<(usize, Fetched)> = Vec::with_capacity(fetched.len());
        for (index, part) in fetched.into_iter().enumerate() {
            let says = Told::of(&part.head);
            let has_records = part.slice.is_some();
            let is_news = has_records
                || part.head.error != ErrorCode::None
                || part.head.diverging_epoch.is_some()
                || part.head.preferred_read_replica >= 0
                || self.targets[index].told != Some(says);
            if is_news || !incremental {
                if self.session != SessionUse::None && part.head.error == ErrorCode::None {
                    told.push((index, says, has_records));
                }
                included.push((index, part));
            }
        }
        let mut output = Output::default();
        if self.write(&mut output, &included).is_err() {
            // A segment that cannot be read: the client is told so instead of being sent half a response.
            output = Output::default();
            for (_, part) in &mut included {
                part.head = FetchedPartition::failed(ErrorCode::KafkaStorageError);
                part.slice = None;
            }
            let _ = self.write(&mut output, &included); // without files nothing can fail
        }
        let throttled_bytes = included.iter().filter(|(_, part)| part.is_throttled);
        let throttled_bytes = throttled_bytes.filter_map(|(_, part)| part.slice.as_ref()).map(|slice| u64::from(slice.len)).sum();
        if throttled_bytes > 0 {
            shared.storage.leader_quota().record(throttled_bytes, shared.storage.env().clock.monotonic());
        }
        for (_, part) in &included {
            // What replication moves is not what clients read.
            if let (Some(topic), Some(slice), None) = (&part.topic, &part.slice, &self.follower) {
                topic.bytes_out.fetch_add(u64::from(slice.len), std::sync::atomic::Ordering::Relaxed);
            }
        }
        if self.session != SessionUse::None {
            shared.sessions.finish(self.session.id(), &told, &self.targets);
        }
        output
    }

    fn write(&self, output: &mut Output, included: &[(usize, Fetched)]) -> std::io::Result<()> {
        let version = self.version;
        let flexible = version >= 12;
        let runs = topic_runs(&self.targets, included);
        let mut writer = Writer::new(&mut output.bytes, flexible);
        begin_response(&mut writer, self.correlation_id);
        fetch::begin_response(&mut writer, version, ErrorCode::None, self.session.id(), runs.len());
        for run in runs {
            let target = &self.targets[included[run.start].0];
            let mut writer = Writer::new(&mut output.bytes, flexible);
            fetch::begin_topic(&mut writer, version, &target.name, target.id, run.len());
            for (index, part) in &included[run] {
                let len = part.slice.as_ref().map_or(0, |slice| slice.len as usize);
                let mut writer = Writer::new(&mut output.bytes, flexible);
                fetch::begin_partition(&mut writer, version, self.targets[*index].partition.index, &part.head, len);
                if let Some(slice) = &part.slice {
                    output.put_file(slice.file.clone(), slice.position, len)?;
                }
                fetch::end_partition(&mut Writer::new(&mut output.bytes, flexible), version, &part.head);
            }
            fetch::end_topic(&mut Writer::new(&mut output.bytes, flexible));
        }
        fetch::end_response(&mut Writer::new(&mut output.bytes, flexible));
        let size = (output.wire_len() - 4) as i32;
        Writer::new(&mut output.bytes, flexible).patch_i32(0, size);
        Ok(())
    }
}

/// Ranges of neighbours with the same topic.
fn topic_runs(targets: &[FetchTarget], included: &[(usize, Fetched)]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (position, (index, _)) in included.iter().enumerate() {
        let target = &targets[*index];
        match runs.last_mut() {
            Some(run)
                if {
                    let first = &targets[included[run.start].0];
                    first.id == target.id && first.name == target.name
                } =>
            {
                run.end = position + 1;
            }
            _ => runs.push(position..position + 1),
        }
    }
    runs
}
