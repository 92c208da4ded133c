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
        // that the log changes in place.
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
    // Within a partition in the order in which they came, wherever their bytes are: a connection that is looked at twice in
    // a round may have a large frame in a region of its own and the next one in the arena, which is region 0.
    order.sort_by_key(|&index| (Arc::as_ptr(&places[index].partition) as usize, places[index].call));
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::Uuid;
    use crate::env::{Env, ManualClock, SimulatedFiles};
    use crate::log::{LogConfig, LogManager, LogManagerOptions, PartitionSpec, TopicSpec};
    use crate::protocol::{ApiKey, Writer};
    use crate::record::{RecordInput, build_batch};

    fn storage() -> LogManager {
        let options = LogManagerOptions {
            node_id: 1,
            cluster_id: Uuid([7; 16]),
            log_dirs: vec![PathBuf::from("/data")],
            checkpoint_interval: Duration::from_secs(60),
            producer_id_expiration_ms: 86_400_000,
            replica_lag_max: Duration::from_secs(30),
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            recovery_thread_count: 1,
        };
        let env = Env { clock: Arc::new(ManualClock::new(1_000)), files: Arc::new(SimulatedFiles::new()) };
        let storage = LogManager::open(options, env).unwrap();
        let topic = TopicSpec {
            name: "orders".to_owned(),
            id: Uuid([9; 16]),
            internal: false,
            partitions: vec![PartitionSpec::alone(0, 1, 0)],
            config: LogConfig::default(),
        };
        storage.apply(vec![topic], &[]).unwrap();
        storage
    }

    /// A Produce request of version 9 with one record for partition 0, without its size.
    fn produce_frame(value: &str) -> Vec<u8> {
        let record = RecordInput { key: None, value: Some(value.as_bytes().to_vec()), timestamp_ms: Some(1_000), headers: Vec::new() };
        let records = build_batch(&[record], None, 1_000);
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, false);
        writer.i16(0);
        writer.i16(9);
        writer.i32(1);
        writer.nullable_string(Some("test"));
        writer.flexible = true;
        writer.no_tagged_fields();
        writer.nullable_string(None);
        writer.i16(-1);
        writer.i32(5_000);
        writer.array_len(1);
        writer.string("orders");
        writer.array_len(1);
        writer.i32(0);
        writer.records_len(records.len());
        writer.bytes.extend_from_slice(&records);
        writer.no_tagged_fields();
        writer.no_tagged_fields();
        writer.no_tagged_fields();
        bytes
    }

    #[test]
    fn a_partition_is_written_in_the_order_of_the_calls_wherever_their_bytes_are() {
        let storage = storage();
        let table = storage.topics().load_full();
        let mut frames = [produce_frame("second"), produce_frame("first"), produce_frame("third")];
        // The first that came has a region of its own, what came next lies in the arena.
        let mut calls: Vec<GatheredCall> = [1, 0, 2]
            .iter()
            .zip(0..)
            .map(|(&region, sequence)| {
                let frame = &frames[region];
                let (header, body) = RequestHeader::decode(frame, ApiKey::Produce).unwrap();
                let call = decode_produce(&table, &header, frame, body, 0).unwrap();
                GatheredCall { slot: 0, sequence, region, frame: 0..frame.len(), call }
            })
            .collect();
        let mut regions: Vec<&mut [u8]> = frames.iter_mut().map(Vec::as_mut_slice).collect();
        assert_eq!(append_gathered(&mut regions, &mut calls, 1_000), 3);
        let offsets: Vec<i64> = calls
            .iter()
            .map(|gathered| match &gathered.call.partitions[0].1 {
                Outcome::Appended { result: Ok(appended), .. } => appended.base_offset,
                _ => -1,
            })
            .collect();
        assert_eq!(offsets, [0, 1, 2]);
    }
}
