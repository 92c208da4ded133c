//! What clients are told by a replica that leads and by one that follows, as bytes on a connection.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use millrace_core::log::LogConfig;
use millrace_core::partition::Commit;
use millrace_core::protocol::{Reader, Writer};
use millrace_core::record::{RecordInput, build_batch};

#[path = "support/replicas.rs"]
mod replicas;

use replicas::{Replicas, TOPIC_ID, until};

const OFFSET_OUT_OF_RANGE: i16 = 1;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const NOT_ENOUGH_REPLICAS: i16 = 19;
const FENCED_LEADER_EPOCH: i16 = 74;
const OFFSET_NOT_AVAILABLE: i16 = 78;

fn three(name: &str) -> Replicas {
    let replicas = Replicas::with(name, LogConfig { min_insync_replicas: 2, ..LogConfig::default() }, true);
    (1..=3).for_each(|id| replicas.start(id));
    replicas
}

fn ask(replicas: &Replicas, id: i32, request: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(replicas.broker(id).address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(&(request.len() as i32).to_be_bytes()).unwrap();
    socket.write_all(request).unwrap();
    let mut size = [0; 4];
    socket.read_exact(&mut size).unwrap();
    let mut response = vec![0; i32::from_be_bytes(size) as usize];
    socket.read_exact(&mut response).unwrap();
    response
}

fn request(api_key: i16, version: i16, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, false);
    writer.i16(api_key);
    writer.i16(version);
    writer.i32(1);
    writer.nullable_string(Some("test"));
    writer.flexible = true;
    writer.no_tagged_fields();
    write(&mut writer);
    bytes
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Fetched {
    error: i16,
    high_watermark: i64,
    preferred_read_replica: i32,
    records_len: usize,
    current_leader: Option<(i32, i32)>,
}

/// Fetch 16, as a consumer in a rack that believes in a leader epoch.
fn fetch(replicas: &Replicas, id: i32, offset: i64, leader_epoch: i32, rack: &str) -> Fetched {
    let frame = request(1, 16, |writer| {
        for value in [0, 1, 1 << 20] {
            writer.i32(value);
        }
        writer.i8(0);
        writer.i32(0);
        writer.i32(-1);
        writer.array_len(1);
        writer.uuid(TOPIC_ID);
        writer.array_len(1);
        writer.i32(0);
        writer.i32(leader_epoch);
        writer.i64(offset);
        writer.i32(-1);
        writer.i64(-1);
        writer.i32(1 << 20);
        writer.no_tagged_fields();
        writer.no_tagged_fields();
        writer.array_len(0);
        writer.string(rack);
        writer.no_tagged_fields();
    });
    let response = ask(replicas, id, &frame);
    let mut reader = Reader::new(&response, true);
    let r = &mut reader;
    r.i32().unwrap();
    r.skip_tagged_fields().unwrap();
    r.take(4 + 2 + 4).unwrap();
    assert_eq!(r.array_len().unwrap(), Some(1));
    r.uuid().unwrap();
    assert_eq!(r.array_len().unwrap(), Some(1));
    r.i32().unwrap();
    let mut fetched = Fetched { error: r.i16().unwrap(), high_watermark: r.i64().unwrap(), ..Fetched::default() };
    r.take(16).unwrap();
    r.array_len().unwrap();
    fetched.preferred_read_replica = r.i32().unwrap();
    fetched.records_len = r.nullable_bytes_range().unwrap().map_or(0, |range| range.len());
    r.tagged_fields(|tag, field| {
        if tag == 1 {
            fetched.current_leader = Some((field.i32()?, field.i32()?));
        }
        Ok(())
    })
    .unwrap();
    fetched
}

/// ListOffsets 9: error and offset of the end, as a consumer sees it.
fn end_offset(replicas: &Replicas, id: i32) -> (i16, i64) {
    let frame = request(2, 9, |writer| {
        writer.i32(-1);
        writer.i8(0);
        writer.array_len(1);
        writer.string("orders");
        writer.array_len(1);
        writer.i32(0);
        writer.i32(-1);
        writer.i64(-1);
        writer.no_tagged_fields();
        writer.no_tagged_fields();
        writer.no_tagged_fields();
    });
    let response = ask(replicas, id, &frame);
    let (_, bounds) = millrace_core::protocol::replica_fetch::decode_bounds(&response).unwrap();
    (bounds[0].2, bounds[0].3)
}

/// Produce 10 with acks=all: error, and who leads where that is told.
fn produce(replicas: &Replicas, id: i32, timeout_ms: i32) -> (i16, Option<(i32, i32)>) {
    let record = RecordInput { key: None, value: Some(b"x".to_vec()), timestamp_ms: Some(1), headers: Vec::new() };
    let records = build_batch(&[record], None, 1);
    let frame = request(0, 10, |writer| {
        writer.nullable_string(None);
        writer.i16(-1);
        writer.i32(timeout_ms);
        writer.array_len(1);
        writer.string("orders");
        writer.array_len(1);
        writer.i32(0);
        writer.records_len(records.len());
        writer.bytes.extend_from_slice(&records);
        writer.no_tagged_fields();
        writer.no_tagged_fields();
        writer.no_tagged_fields();
    });
    let response = ask(replicas, id, &frame);
    let mut reader = Reader::new(&response, true);
    let r = &mut reader;
    r.i32().unwrap();
    r.skip_tagged_fields().unwrap();
    r.array_len().unwrap();
    r.string().unwrap();
    r.array_len().unwrap();
    r.i32().unwrap();
    let error = r.i16().unwrap();
    r.take(24).unwrap();
    assert_eq!(r.array_len().unwrap(), Some(0));
    r.nullable_string().unwrap();
    let mut leader = None;
    r.tagged_fields(|tag, field| {
        if tag == 0 {
            leader = Some((field.i32()?, field.i32()?));
        }
        Ok(())
    })
    .unwrap();
    (error, leader)
}

#[test]
fn a_follower_says_who_leads() {
    let replicas = three("who-leads");
    assert_eq!(produce(&replicas, 1, 20_000), (0, None));
    replicas.elect(2, &[1, 2, 3]);
    assert_eq!(produce(&replicas, 1, 20_000), (NOT_LEADER_OR_FOLLOWER, Some((2, 1))));
    assert_eq!(end_offset(&replicas, 1).0, NOT_LEADER_OR_FOLLOWER);
    let fenced = fetch(&replicas, 1, 0, 0, "");
    assert_eq!((fenced.error, fenced.current_leader), (FENCED_LEADER_EPOCH, Some((2, 1))));
}

#[test]
fn a_waiting_producer_is_told_when_its_leader_leads_no_more() {
    let replicas = three("waiting-producer");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(2);
    replicas.change(|metadata| metadata.decides = false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| produce(&replicas, 1, 60_000));
        let leader = replicas.partition(1);
        until(&leader, "the record is written", || leader.log_end_offset() == 2);
        replicas.elect(3, &[1, 3]);
        assert_eq!(waiting.join().unwrap(), (NOT_LEADER_OR_FOLLOWER, Some((3, 1))));
    });
}

#[test]
fn too_few_in_sync_refuse_a_record() {
    let replicas = three("too-few");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    replicas.kill(2);
    replicas.kill(3);
    replicas.change(|metadata| metadata.spec.isr = vec![1]);
    assert_eq!(produce(&replicas, 1, 20_000), (NOT_ENOUGH_REPLICAS, None));
}

#[test]
fn a_consumer_reads_from_a_follower_what_that_knows_to_be_committed() {
    let replicas = three("follower-reads");
    assert_eq!(replicas.produce(1, "first"), Commit::Done);
    let follower = replicas.partition(2);
    until(&follower, "the follower knows", || follower.high_watermark() == 1);
    let sent_on = fetch(&replicas, 1, 0, 0, "rack-2");
    assert_eq!((sent_on.error, sent_on.preferred_read_replica, sent_on.records_len), (0, 2, 0));
    let read = fetch(&replicas, 2, 0, 0, "rack-2");
    assert!(read.error == 0 && read.records_len > 0, "{read:?}");
    assert_eq!(fetch(&replicas, 1, 0, 0, "rack-1").preferred_read_replica, -1);
    // What lies there already may be cut off again.
    replicas.kill(3);
    replicas.change(|metadata| metadata.decides = false);
    replicas.append(1, "second").unwrap();
    until(&follower, "the follower has it", || follower.log_end_offset() == 2);
    assert_eq!(fetch(&replicas, 2, 2, 0, "rack-2").error, OFFSET_NOT_AVAILABLE);
    assert_eq!(fetch(&replicas, 2, 3, 0, "rack-2").error, OFFSET_OUT_OF_RANGE);
    assert_eq!(fetch(&replicas, 2, 1, 0, "rack-2").records_len, 0);
}
