//! Incremental fetch sessions (KIP-227): what a client fetches is remembered, so that a request names only changes and
//! a response only what is new.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Uuid;
use crate::protocol::ErrorCode;
use crate::protocol::fetch::{FetchPartition, FetchRequest, FetchedPartition};

/// A session that was not used for this long may make place for a new one.
const EVICTABLE_AFTER: Duration = Duration::from_secs(120);

/// One partition a client fetches.
#[derive(Clone, Debug)]
pub struct FetchTarget {
    pub name: Arc<str>,
    pub id: Uuid,
    pub partition: FetchPartition,
    /// What the last response of the session said; a partition is left out of a response that says no more.
    pub told: Option<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
}

impl Told {
    pub fn of(fetched: &FetchedPartition) -> Told {
        Told {
            high_watermark: fetched.high_watermark,
            last_stable_offset: fetched.last_stable_offset,
            log_start_offset: fetched.log_start_offset,
        }
    }
}

/// How a fetch relates to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionUse {
    None,
    /// All partitions are answered; the session is `id`.
    Full {
        id: i32,
    },
    /// Only changed partitions are answered.
    Incremental {
        id: i32,
    },
}

impl SessionUse {
    pub fn id(self) -> i32 {
        match self {
            SessionUse::None => 0,
            SessionUse::Full { id } | SessionUse::Incremental { id } => id,
        }
    }
}

struct Session {
    next_epoch: i32,
    used_at: Instant,
    uses_topic_ids: bool,
    /// In the order in which partitions get their turn.
    targets: Vec<FetchTarget>,
}

/// All sessions of the broker, bounded by `max.incremental.fetch.session.cache.slots`.
pub struct FetchSessions {
    max: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    next_id: i32,
    by_id: HashMap<i32, Session>,
}

impl FetchSessions {
    pub fn new(max: usize) -> FetchSessions {
        FetchSessions { max, sessions: Mutex::default() }
    }

    pub fn len(&self) -> usize {
        self.sessions.lock().by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies a request to its session and returns the partitions to fetch, in order.
    pub fn begin(&self, request: &mut FetchRequest, version: i16, now: Instant) -> Result<(SessionUse, Vec<FetchTarget>), ErrorCode> {
        let uses_topic_ids = version >= 13;
        if request.session_epoch <= 0 {
            let mut sessions = self.sessions.lock();
            if request.session_id != 0 {
                sessions.by_id.remove(&request.session_id);
            }
            let targets = targets_of(request);
            if request.session_epoch < 0 || targets.is_empty() {
                return Ok((SessionUse::None, targets));
            }
            let Some(id) = sessions.make_room(self.max, now) else {
                return Ok((SessionUse::None, targets));
            };
            let session = Session { next_epoch: 1, used_at: now, uses_topic_ids, targets: targets.clone() };
            sessions.by_id.insert(id, session);
            return Ok((SessionUse::Full { id }, targets));
        }
        let mut sessions = self.sessions.lock();
        let session = sessions.by_id.get_mut(&request.session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.next_epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.update(request);
        session.used_at = now;
        session.next_epoch = if session.next_epoch == i32::MAX { 1 } else { session.next_epoch + 1 };
        let targets = session.targets.clone();
        if targets.is_empty() {
            sessions.by_id.remove(&request.session_id);
        }
        Ok((SessionUse::Incremental { id: request.session_id }, targets))
    }

    /// Remembers what a response told; partitions that had records go to the end, so that others come first next time.
    pub fn finish(&self, id: i32, told: &[(usize, Told, bool)], targets: &[FetchTarget]) {
        let mut sessions = self.sessions.lock();
        let Some(session) = sessions.by_id.get_mut(&id) else { return };
        let mut served = Vec::new();
        for (index, told, had_records) in told {
            let Some(target) = targets.get(*index) else { continue };
            // The session's list changes only between a client's requests, so positions still agree where they can.
            let found = match session.targets.get(*index) {
                Some(candidate) if candidate.is_same(target) => Some(*index),
                _ => session.targets.iter().position(|candidate| candidate.is_same(target)),
            };
            if let Some(position) = found {
                session.targets[position].told = Some(*told);
                if *had_records {
                    served.push(position);
                }
            }
        }
        if served.is_empty() || served.len() == session.targets.len() {
            return;
        }
        served.sort_unstable();
        let mut rotated = Vec::with_capacity(session.targets.len());
        let mut tail = Vec::with_capacity(served.len());
        for (position, target) in session.targets.drain(..).enumerate() {
            if served.binary_search(&position).is_ok() {
                tail.push(target);
            } else {
                rotated.push(target);
            }
        }
        rotated.append(&mut tail);
        session.targets = rotated;
    }
}

impl Sessions {
    /// A new id, after dropping the longest unused session where the cache is full; `None` where all are in use.
    fn make_room(&mut self, max: usize, now: Instant) -> Option<i32> {
        if self.by_id.len() >= max {
            let (&oldest, session) = self.by_id.iter().min_by_key(|(_, session)| session.used_at)?;
            if now.saturating_duration_since(session.used_at) < EVICTABLE_AFTER {
                return None;
            }
            self.by_id.remove(&oldest);
        }
        loop {
            self.next_id = if self.next_id == i32::MAX { 1 } else { self.next_id + 1 };
            if !self.by_id.contains_key(&self.next_id) {
                return Some(self.next_id);
            }
        }
    }
}

impl FetchTarget {
    fn is_same(&self, other: &FetchTarget) -> bool {
        self.partition.index == other.partition.index && self.id == other.id && self.name == other.name
    }
}

impl Session {
    fn update(&mut self, request: &FetchRequest) {
        let mut added = targets_of(request);
        if !self.targets.is_empty() && !added.is_empty() {
            let mut positions: HashMap<(Arc<str>, Uuid, i32), usize> = HashMap::with_capacity(self.targets.len());
            for (position, target) in self.targets.iter().enumerate() {
                positions.insert((target.name.clone(), target.id, target.partition.index), position);
            }
            added.retain(|target| {
                match positions.get(&(target.name.clone(), target.id, target.partition.index)) {
                    Some(&position) => {
                        // The client restates what it wants, so the next response must not be silent about it.
                        self.targets[position].partition = target.partition;
                        false
                    }
                    None => true,
                }
            });
        }
        self.targets.append(&mut added);
        for topic in &request.forgotten {
            self.targets.retain(|target| {
                let same_topic = target.id == topic.id && *target.name == *topic.name;
                !(same_topic && topic.partitions.contains(&target.partition.index))
            });
        }
    }
}

fn targets_of(request: &FetchRequest) -> Vec<FetchTarget> {
    let mut targets = Vec::with_capacity(request.topics.iter().map(|topic| topic.partitions.len()).sum());
    for topic in &request.topics {
        let name: Arc<str> = Arc::from(&*topic.name);
        targets.extend(topic.partitions.iter().map(|&partition| FetchTarget { name: name.clone(), id: topic.id, partition, told: None }));
    }
    targets
}
