//! Produce: what a request asks for, what became of each partition, and the response once the promise holds.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::Topic;
use crate::partition::{AppendError, Appended, Commit, Partition, PartitionUnavailable};
use crate::protocol::produce::{self, PartitionResult, ProduceHead, ResponseTopic, TopicRef};
use crate::protocol::{ErrorCode, Writer};
use crate::record;
use crate::server::output::Output;

use super::{append_code, begin_response, unavailable_code};

/// What is answered for one partition of a request.
pub enum Outcome {
    Failed(ErrorCode, Option<String>),
    /// To be appended; the round fills in what became of it.
    Records {
        partition: Arc<Partition>,
        topic: Arc<Topic>,
        range: Range<usize>,
        guard: u64,
    },
    Appended {
        partition: Arc<Partition>,
        result: Result<Appended, AppendError>,
    },
}

/// A topic of a request and how many of the outcomes are its.
pub struct ProduceTopic {
    pub name: TopicRef,
    pub partition_count: usize,
}

/// A part of a request, by its place among the outcomes, that the coordinator is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnverifiedPart {
    pub part: usize,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub guard: u64,
}

/// One request of a round.
pub struct ProduceCall {
    pub correlation_id: i32,
    pub version: i16,
    pub head: ProduceHead,
    pub topics: Vec<ProduceTopic>,
    /// Partition indexes and outcomes of all topics, in request order.
    pub partitions: Vec<(i32, Outcome)>,
}

impl ProduceCall {
    /// Parts whose transaction the coordinator has to confirm first, with who writes them and their guards (KIP-890).
    /// `region` is what their ranges count from.
    pub fn unverified(&self, region: &[u8]) -> Vec<UnverifiedPart> {
        let parts = self.partitions.iter().enumerate();
        parts
            .filter_map(|(part, (_, outcome))| {
                let Outcome::Records { partition, range, .. } = outcome else { return None };
                let (producer_id, producer_epoch, guard) = partition.begin_verification(region.get(range.clone())?)?;
                Some(UnverifiedPart { part, producer_id, producer_epoch, guard })
            })
            .collect()
    }

    /// Of a request without a transactional id: all of it is refused where a batch is part of a transaction.
    pub fn refuse_transactional(&mut self, region: &[u8]) {
        let is_transactional = |(_, outcome): &(i32, Outcome)| match outcome {
            Outcome::Records { range, .. } => region.get(range.clone()).is_some_and(record::is_transactional),
            Outcome::Failed(..) | Outcome::Appended { .. } => false,
        };
        if !self.partitions.iter().any(is_transactional) {
            return;
        }
        for (_, outcome) in &mut self.partitions {
            *outcome = Outcome::Failed(
                ErrorCode::TransactionalIdAuthorizationFailed,
                Some("records of a transaction need its transactional.id".to_owned()),
            );
        }
    }

    /// Applies the coordinator's answer: a refused part fails, the others are appended with their guards.
    pub fn verified(&mut self, parts: &[UnverifiedPart], codes: &[i16]) {
        for (unverified, code) in parts.iter().zip(codes.iter().copied().chain(std::iter::repeat(-1))) {
            let Some((_, outcome)) = self.partitions.get_mut(unverified.part) else { continue };
            match outcome {
                Outcome::Records { guard, .. } if code == 0 => *guard = unverified.guard,
                Outcome::Records { .. } => {
                    let code = ErrorCode::from_coordinator(code);
                    let is_missing = code == ErrorCode::InvalidTxnState;
                    *outcome = Outcome::Failed(code, is_missing.then(|| "Partition was not added to the transaction".to_owned()));
                }
                // The topic went away in the meantime.
                Outcome::Failed(..) | Outcome::Appended { .. } => {}
            }
        }
    }

    /// Whether what `acks` asks for holds for every partition.
    pub fn is_complete(&self) -> bool {
        self.head.acks != -1 || self.partitions.iter().all(|(_, outcome)| outcome.is_committed())
    }

    /// Whether a partition refused its records; with acks=0 the client learns of it by losing its connection.
    pub fn has_failure(&self) -> bool {
        self.partitions.iter().any(|(_, outcome)| match outcome {
            Outcome::Failed(..) => true,
            Outcome::Records { .. } => false,
            Outcome::Appended { result, .. } => result.is_err(),
        })
    }

    /// Writes the response; `name` resolves the topics that are named by a range of the request.
    pub fn respond<'a>(&'a self, node_id: i32, name: impl Fn(&'a TopicRef) -> ResponseTopic<'a>, out: &mut Vec<u8>) {
        let start = out.len();
        let mut writer = Writer::new(out, self.version >= 9);
        begin_response(&mut writer, self.correlation_id);
        writer.array_len(self.topics.len());
        let mut partitions = self.partitions.iter();
        for topic in &self.topics {
            produce::begin_topic(&mut writer, name(&topic.name), topic.partition_count);
            for (index, outcome) in partitions.by_ref().take(topic.partition_count) {
                produce::write_partition(&mut writer, self.version, *index, &outcome.result(node_id, self.head.acks == -1));
            }
            produce::end_topic(&mut writer);
        }
        produce::end_response(&mut writer, 0);
        let size = (writer.bytes.len() - start - 4) as i32;
        writer.patch_i32(start, size);
    }
}

impl Outcome {
    fn is_committed(&self) -> bool {
        match self {
            Outcome::Appended { partition, result: Ok(appended) } => partition.commit_of(appended) != Commit::Pending,
            _ => true,
        }
    }

    /// `waits` where the answer is about what is committed, not about what is written.
    fn result(&self, node_id: i32, waits: bool) -> PartitionResult {
        match self {
            Outcome::Failed(code, message) => PartitionResult::failed(*code, message.clone()),
            Outcome::Records { .. } => PartitionResult::failed(ErrorCode::UnknownServerError, None),
            Outcome::Appended { partition, result: Ok(appended) } if waits => match partition.commit_of(appended) {
                Commit::Pending | Commit::Done => appended_result(appended),
                Commit::TooFewInSync => PartitionResult::failed(ErrorCode::NotEnoughReplicasAfterAppend, None),
                Commit::Lost(unavailable) => {
                    let result = PartitionResult::failed(unavailable_code(&unavailable), Some(unavailable.to_string()));
                    PartitionResult { current_leader: leader_of(&unavailable), ..result }
                }
            },
            Outcome::Appended { result: Ok(appended), .. } => appended_result(appended),
            Outcome::Appended { partition, result: Err(error) } => {
                let mut result = PartitionResult::failed(append_code(error), Some(error.to_string()));
                if error.is_of_content() {
                    result.log_start_offset = partition.log_start_offset();
                }
                if let AppendError::RecordErrors(_, errors) = error {
                    result.record_errors = errors.iter().map(|error| (error.batch_index, error.message.clone())).collect();
                }
                if let AppendError::Unavailable(unavailable) = error {
                    result.current_leader = match unavailable {
                        PartitionUnavailable::Loading => Some((node_id, partition.leader_epoch())),
                        other => leader_of(other),
                    };
                }
                result
            }
        }
    }
}

fn appended_result(appended: &Appended) -> PartitionResult {
    PartitionResult {
        error: ErrorCode::None,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms,
        log_start_offset: appended.log_start_offset,
        record_errors: Vec::new(),
        error_message: None,
        current_leader: None,
    }
}

fn leader_of(unavailable: &PartitionUnavailable) -> Option<(i32, i32)> {
    match unavailable {
        PartitionUnavailable::NotLeader { leader, leader_epoch } => Some((*leader, *leader_epoch)),
        PartitionUnavailable::Loading | PartitionUnavailable::Failed(_) | PartitionUnavailable::Deleted => None,
    }
}

/// A request with acks=all that waits for its records to be committed.
pub struct ParkedProduce {
    call: ProduceCall,
    /// The names of the topics that the request named, in order; empty where it named ids.
    names: Vec<String>,
    deadline: Instant,
}

impl ParkedProduce {
    /// Parks a call; `frame` is where its topics' names lie.
    pub fn new(call: ProduceCall, frame: &[u8], now: Instant) -> ParkedProduce {
        let names = call
            .topics
            .iter()
            .filter_map(|topic| match &topic.name {
                TopicRef::Name(range) => Some(String::from_utf8_lossy(&frame[range.clone()]).into_owned()),
                TopicRef::Id(_) => None,
            })
            .collect();
        let deadline = now + Duration::from_millis(call.head.timeout_ms.max(0) as u64);
        ParkedProduce { call, names, deadline }
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The partitions whose high watermark the request waits for.
    pub fn awaited(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.call.partitions.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Appended { partition, result: Ok(_) } if !outcome.is_committed() => Some(partition),
            _ => None,
        })
    }

    /// The response, once all is committed or the time is up; what is not committed by then is `REQUEST_TIMED_OUT`.
    pub fn poll(&mut self, now: Instant, node_id: i32) -> Option<Output> {
        if !self.call.is_complete() {
            if now < self.deadline {
                return None;
            }
            for (_, outcome) in &mut self.call.partitions {
                if !outcome.is_committed() {
                    *outcome = Outcome::Failed(ErrorCode::RequestTimedOut, None);
                }
            }
        }
        let mut output = Output::default();
        let mut names = self.names.iter();
        let names_by_topic: Vec<Option<&String>> = self
            .call
            .topics
            .iter()
            .map(|topic| match topic.name {
                TopicRef::Name(_) => names.next(),
                TopicRef::Id(_) => None,
            })
            .collect();
        let next = std::cell::Cell::new(0);
        self.call.respond(
            node_id,
            |reference| {
                let position = next.replace(next.get() + 1);
                match reference {
                    TopicRef::Id(id) => ResponseTopic::Id(*id),
                    TopicRef::Name(_) => ResponseTopic::Name(names_by_topic.get(position).copied().flatten().map_or("", String::as_str)),
                }
            },
            &mut output.bytes,
        );
        Some(output)
    }
}
