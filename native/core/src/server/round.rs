//! One round of a thread: requests are gathered from the connections that had bytes, Produce parts are appended with one
//! write per partition, and answers are put in order.

use std::ops::Range;
use std::sync::Arc;

use crate::log::TopicTable;
use crate::partition::{AppendEntry, Partition};
use crate::protocol::produce::{ProduceVisitor, TopicRef, decode_request};
use crate::protocol::{ErrorCode, Malformed, RequestHeader};

use super::handlers::produce::{Outcome, ProduceCall, ProduceTopic};
use super::handlers::{find_by_id, find_by_name};

/// Kafka's admin client may write to internal topics; nobody else.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// A Produce request and where it came from.
pub struct GatheredCall {
    pub slot: u32,
    pub sequence: u64,
    /// Which of the round's buffers holds it.
    pub region: usize,
    /// The frame within its region.
    pub frame: Range<usize>,
    pub call: ProduceCall,
}

/// Reads a Produce request whose body starts at `body` of `frame`; ranges of records are counted from `base`, the
/// frame's place in its region.
pub fn decode_produce(
    table: &TopicTable,
    header: &RequestHeader<'_>,
    frame: &[u8],
    body: usize,
    base: usize,
) -> Result<ProduceCall, Malformed> {
    let mut visitor = Visitor {
        table,
        frame,
        base,
        may_write_internal: header.client_id == Some(ADMIN_CLIENT_ID),
        topics: Vec::new(),
        partitions: Vec::new(),
    };
    let head = decode_request(frame, body, header.api_version, &mut visitor)?;
    let has_valid_acks = (-1..=1).contains(&head.acks);
    let mut call = ProduceCall {
        correlation_id: header.correlation_id,
        version: header.api_version,
        head,
        topics: visitor.topics,
        partitions: visitor.partitions,
    };
    if !has_valid_acks {
        for (_, outcome) in &mut call.partitions {
            *outcome = Outcome::Failed(ErrorCode::InvalidRequiredAcks, None);
        }
    }
    Ok(call)
}

struct Visitor<'a> {
    table: &'a TopicTable,
    frame: &'a [u8],
    base: usize,
    may_write_internal: bool,
    topics: Vec<ProduceTopic>,
    partitions: Vec<(i32, Outcome)>,
}

impl ProduceVisitor for Visitor<'_> {
    fn topic(&mut self, topic: TopicRef, partition_count: usize) {
        self.topics.push(ProduceTopic { name: topic, partition_count });
    }

    fn partition(&mut self, index: i32, records: Option<Range<usize>>) {
        let outcome = self.resolve(index, records).unwrap_or_else(|error| Outcome::Failed(error, None));
        self.partitions.push((index, outcome));
    }
}

impl Visitor<'_> {
    fn resolve(&self, index: i32, records: Option<Range<usize>>) -> Result<Outcome, ErrorCode> {
        let (topic, partition) = match self.topics.last().map(|topic| &topic.name) {
            Some(TopicRef::Id(id)) => find_by_id(self.table, *id, index)?,
            Some(TopicRef::Name(range)) => {
                let name = std::str::from_utf8(&self.frame[range.clone()]).map_err(|_| ErrorCode::UnknownTopicOrPartition)?;
                find_by_name(self.table, name, index)?
            }
            None => return Err(ErrorCode::UnknownTopicOrPartition),
        };
        if topic.internal && !self.may_write_internal {
            return Err(ErrorCode::InvalidTopicException);
        }
        let range = records.ok_or(ErrorCode::InvalidRecord)?;
        Ok(Outcome::Records { partition, topic, range: range.start + self.base..range.end + self.base, guard: 0 })
    }
}

/// Which part of which call a slice of records belongs to.
struct Place {
    call: usize,
    part: usize,
    partition: Arc<Partition>,
}

/// Appends the records of all gathered calls: each partition is written once, in the order in which its parts came.
/// Returns how many records are new in the logs.
pub fn append_gathered(regions: &mut [&mut [u8]], calls: &mut [GatheredCall], now_ms: i64) -> u64 {
    let mut places = Vec::with_capacity(calls.len());
    let mut slices: Vec<Option<AppendEntry<'_>>> = Vec::with_capacity(calls.len());
    for (region_index, region) in regions.iter_mut().enumerate() {
        // A region's calls are in ascending order, so that its bytes can be split from left to right into the slices
        // that the log changes in place. Calls of one connection are all in one region.
        let mut rest: &mut [u8] = region;
        let mut consumed = 0;
        for (call_index, gathered) in calls.iter().enumerate().filter(|(_, gathered)| gathered.region == region_index) {
            let call = &gathered.call;
            for (part, (_, outcome)) in call.partitions.iter().enumerate() {
                let Outcome::Records { partition, range, guard, .. } = outcome else { continue };
                let (_, tail) = std::mem::take(&mut rest).split_at_mut(range.start - consumed);
                let (records, tail) = tail.split_at_mut(range.len());
                rest = tail;
                consumed = range.end;
                places.push(Place { call: call_index, part, partition: partition.clone() });
                let mut entry = AppendEntry::new(records, call.head.acks, call.version);
                entry.guard = *guard;
                slices.push(Some(entry));
            }
        }
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&index| Arc::as_ptr(&places[index].partition) as usize); // stable: order within a partition stays
    let mut entries: Vec<AppendEntry<'_>> = order.iter().filter_map(|&index| slices[index].take()).collect();
    let mut start = 0;
    while start < order.len() {
        let partition = &places[order[start]].partition;
        let count = order[start..].iter().take_while(|&&index| Arc::ptr_eq(&places[index].partition, partition)).count();
        let group = &mut entries[start..start + count];
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| partition.append(group, now_ms))).is_err() {
            // What the partition holds in memory can no longer be relied on; every other one goes on.
            partition.fail("an internal error while appending");
        }
        start += count;
    }
    let mut records_in = 0;
    for (entry, &index) in entries.into_iter().zip(&order) {
        let place = &places[index];
        let len = entry.records.len() as u64;
        let outcome = &mut calls[place.call].call.partitions[place.part].1;
        if let Outcome::Records { topic, .. } = outcome
            && let Ok(appended) = &entry.result
        {
            let record_count = if appended.duplicate { 0 } else { appended.end_offset - appended.base_offset };
            records_in += record_count as u64;
            topic.records_in.fetch_add(record_count as u64, std::sync::atomic::Ordering::Relaxed);
            topic.bytes_in.fetch_add(len, std::sync::atomic::Ordering::Relaxed);
        }
        *outcome = Outcome::Appended { partition: place.partition.clone(), result: entry.result };
    }
    records_in
}
