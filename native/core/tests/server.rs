//! The data plane as a client sees it: frames over a socket, and what is there after a restart.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_core::Uuid;
use millrace_core::env::Env;
use millrace_core::log::{LogConfig, LogManager, LogManagerOptions, PartitionSpec, StorageFact, TopicSpec};
use millrace_core::protocol::{Reader, Writer};
use millrace_core::record::{BatchHeader, RecordInput, build_batch};
use millrace_core::server::forward::{Answer, ControlResponse, Item, RequestId};
use millrace_core::server::{Server, ServerOptions};

struct Broker {
    storage: Arc<LogManager>,
    server: Server,
    address: SocketAddr,
}

fn start(dir: &Path, config: LogConfig) -> Broker {
    let options = LogManagerOptions {
        node_id: 1,
        cluster_id: Uuid([7; 16]),
        log_dirs: vec![dir.to_owned()],
        checkpoint_interval: Duration::from_secs(60),
        producer_id_expiration_ms: 86_400_000,
        replica_lag_max: Duration::from_secs(30),
        high_watermark_checkpoint_interval: Duration::from_secs(5),
        recovery_thread_count: 1,
    };
    let storage = Arc::new(LogManager::open(options, Env::real()).unwrap());
    storage.start_background(|fact| assert!(!matches!(fact, StorageFact::LogDirFailed { .. }), "{fact:?}")).unwrap();
    let topic = TopicSpec {
        name: "orders".to_owned(),
        id: Uuid([9; 16]),
        internal: false,
        partitions: vec![PartitionSpec::alone(0, 1, 3), PartitionSpec::alone(1, 1, 0)],
        config,
    };
    storage.apply(vec![topic], &[]).unwrap();
    let options = ServerOptions {
        node_id: 1,
        thread_count: 2,
        request_size_max_bytes: 10_000_000,
        connections_max: 100,
        connections_max_per_ip: 100,
        connection_idle_max: Duration::from_secs(600),
        fetch_sessions_max: 100,
        fetch_size_max_bytes: 57_671_680,
        rack: None,
        rack_aware_reads: false,
    };
    let server = Server::start(options, storage.clone(), || {}).unwrap();
    let address = server.listen(0, "127.0.0.1", 0).unwrap();
    Broker { storage, server, address }
}

fn batch(values: &[&str]) -> Vec<u8> {
    let records: Vec<RecordInput> = values
        .iter()
        .map(|value| RecordInput { key: None, value: Some(value.as_bytes().to_vec()), timestamp_ms: Some(1_000), headers: Vec::new() })
        .collect();
    build_batch(&records, None, 1_000)
}

fn header(api_key: i16, version: i16, correlation_id: i32, flexible: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, false);
    writer.i16(api_key);
    writer.i16(version);
    writer.i32(correlation_id);
    writer.nullable_string(Some("test"));
    writer.flexible = flexible;
    writer.no_tagged_fields();
    bytes
}

fn produce_request(correlation_id: i32, acks: i16, partition: i32, records: &[u8]) -> Vec<u8> {
    let mut bytes = header(0, 9, correlation_id, true);
    let mut writer = Writer::new(&mut bytes, true);
    writer.nullable_string(None);
    writer.i16(acks);
    writer.i32(5_000);
    writer.array_len(1);
    writer.string("orders");
    writer.array_len(1);
    writer.i32(partition);
    writer.records_len(records.len());
    writer.bytes.extend_from_slice(records);
    writer.no_tagged_fields();
    writer.no_tagged_fields();
    writer.no_tagged_fields();
    bytes
}

fn fetch_request(correlation_id: i32, offset: i64, max_wait_ms: i32, max_bytes: i32) -> Vec<u8> {
    let mut bytes = header(1, 11, correlation_id, false);
    let mut writer = Writer::new(&mut bytes, false);
    for value in [-1, max_wait_ms, 1, max_bytes] {
        writer.i32(value);
    }
    writer.i8(0);
    writer.i32(0);
    writer.i32(-1);
    writer.array_len(1);
    writer.string("orders");
    writer.array_len(1);
    writer.i32(0);
    writer.i32(-1);
    writer.i64(offset);
    writer.i64(-1);
    writer.i32(max_bytes);
    writer.array_len(0);
    writer.string("");
    bytes
}

fn send(socket: &mut TcpStream, request: &[u8]) {
    let mut frame = (request.len() as i32).to_be_bytes().to_vec();
    frame.extend_from_slice(request);
    socket.write_all(&frame).unwrap();
}

fn receive(socket: &mut TcpStream) -> Vec<u8> {
    let mut size = [0; 4];
    socket.read_exact(&mut size).unwrap();
    let mut response = vec![0; i32::from_be_bytes(size) as usize];
    socket.read_exact(&mut response).unwrap();
    response
}

fn connect(broker: &Broker) -> TcpStream {
    let socket = TcpStream::connect(broker.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// Correlation id, error code and base offset.
fn read_produced(response: &[u8]) -> (i32, i16, i64) {
    let mut reader = Reader::new(response, true);
    let correlation_id = reader.i32().unwrap();
    reader.skip_tagged_fields().unwrap();
    reader.required_array_len().unwrap();
    reader.string().unwrap();
    reader.required_array_len().unwrap();
    reader.i32().unwrap();
    (correlation_id, reader.i16().unwrap(), reader.i64().unwrap())
}

/// Correlation id, error code, high watermark and records.
fn read_fetched(response: &[u8]) -> (i32, i16, i64, Vec<u8>) {
    let mut reader = Reader::new(response, false);
    let correlation_id = reader.i32().unwrap();
    reader.i32().unwrap();
    assert_eq!(reader.i16().unwrap(), 0);
    reader.i32().unwrap();
    if reader.required_array_len().unwrap() == 0 {
        return (correlation_id, 0, -1, Vec::new());
    }
    reader.string().unwrap();
    reader.required_array_len().unwrap();
    reader.i32().unwrap();
    let error = reader.i16().unwrap();
    let high_watermark = reader.i64().unwrap();
    reader.i64().unwrap();
    reader.i64().unwrap();
    reader.array_len().unwrap();
    reader.i32().unwrap();
    let records = reader.nullable_bytes_range().unwrap().map(|range| response[range].to_vec()).unwrap_or_default();
    (correlation_id, error, high_watermark, records)
}

fn base_offsets(mut records: &[u8]) -> Vec<i64> {
    let mut offsets = Vec::new();
    while !records.is_empty() {
        let header = BatchHeader::decode(records).unwrap();
        offsets.push(header.base_offset);
        records = &records[header.size_in_bytes()..];
    }
    offsets
}

#[test]
fn pipelined_records_come_back_in_order_as_they_were_sent() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut socket = connect(&broker);
    for correlation_id in 0..100 {
        send(&mut socket, &produce_request(correlation_id, -1, 0, &batch(&["a", "b"])));
    }
    for correlation_id in 0..100 {
        assert_eq!(read_produced(&receive(&mut socket)), (correlation_id, 0, i64::from(correlation_id) * 2));
    }
    send(&mut socket, &fetch_request(7, 3, 500, 1_000_000));
    let (correlation_id, error, high_watermark, records) = read_fetched(&receive(&mut socket));
    assert_eq!((correlation_id, error, high_watermark), (7, 0, 200));
    assert_eq!(base_offsets(&records), (1..100).map(|index| index * 2).collect::<Vec<_>>());
    let sent = batch(&["a", "b"]);
    assert_eq!(records[16..sent.len()], sent[16..], "all but base offset and leader epoch is untouched");
}

#[test]
fn a_long_poll_is_answered_by_the_next_append_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut consumer = connect(&broker);
    send(&mut consumer, &fetch_request(1, 0, 8_000, 1_000_000));
    let mut producer = connect(&broker);
    let began = Instant::now();
    send(&mut producer, &produce_request(2, 1, 0, &batch(&["x"])));
    assert_eq!(read_produced(&receive(&mut producer)), (2, 0, 0));
    let (_, error, _, records) = read_fetched(&receive(&mut consumer));
    assert_eq!((error, base_offsets(&records)), (0, vec![0]));
    assert!(began.elapsed() < Duration::from_secs(7), "the append, not the time-out, has to answer");
}

#[test]
fn a_long_poll_is_answered_when_a_delayed_record_becomes_due() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig { delivery_delay_max_ms: Some(60_000), ..LogConfig::default() });
    let due_ms = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap() + 300;
    let record = RecordInput {
        key: None,
        value: Some(b"late".to_vec()),
        timestamp_ms: Some(1_000),
        headers: vec![("millrace.deliver.at".to_owned(), Some(due_ms.to_string().into_bytes()))],
    };
    let mut producer = connect(&broker);
    send(&mut producer, &produce_request(2, -1, 0, &build_batch(&[record], None, 1_000)));
    assert_eq!(read_produced(&receive(&mut producer)), (2, 0, 0));
    let mut consumer = connect(&broker);
    send(&mut consumer, &fetch_request(1, 0, 0, 1_000_000));
    let (_, error, high_watermark, records) = read_fetched(&receive(&mut consumer));
    assert_eq!((error, high_watermark, records.len()), (0, 0, 0));
    let began = Instant::now();
    send(&mut consumer, &fetch_request(1, 0, 8_000, 1_000_000));
    let (_, error, high_watermark, records) = read_fetched(&receive(&mut consumer));
    let now_ms = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    assert_eq!((error, high_watermark, base_offsets(&records)), (0, 1, vec![0]));
    assert!(now_ms >= due_ms, "not before its time");
    assert!(began.elapsed() < Duration::from_secs(7), "its time, not the time-out, has to answer");
}

#[test]
fn what_was_acknowledged_is_there_after_a_stop_without_warning() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 4_000, flush_on_ack: true, ..LogConfig::default() };
    let broker = start(dir.path(), config.clone());
    let mut socket = connect(&broker);
    for index in 0..200 {
        send(&mut socket, &produce_request(index, -1, 0, &batch(&["value"])));
        assert_eq!(
            read_produced(&receive(&mut socket)),
            (index, 0, i64::from(index)),
            "{:?}",
            broker.storage.find("orders", 0).unwrap().unavailable()
        );
    }
    broker.server.stop();
    drop(broker); // without close: no checkpoint, no clean mark
    let log_file = newest_log(&dir.path().join("orders-0"));
    let mut torn = std::fs::OpenOptions::new().append(true).open(&log_file).unwrap();
    torn.write_all(&batch(&["never acknowledged"])[..40]).unwrap();
    let broker = start(dir.path(), config);
    let mut socket = connect(&broker);
    let mut next = 0;
    while next < 200 {
        send(&mut socket, &fetch_request(1, next, 100, 100_000));
        let (_, error, high_watermark, records) = read_fetched(&receive(&mut socket));
        assert_eq!((error, high_watermark), (0, 200));
        for offset in base_offsets(&records) {
            assert_eq!(offset, next);
            next += 1;
        }
    }
    send(&mut socket, &produce_request(1, -1, 0, &batch(&["after"])));
    assert_eq!(read_produced(&receive(&mut socket)), (1, 0, 200));
    broker.server.stop();
    broker.storage.close().unwrap();
}

fn newest_log(dir: &Path) -> PathBuf {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    logs.pop().unwrap()
}

#[test]
fn damage_before_the_end_stops_the_partition_and_drops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 300, ..LogConfig::default() };
    let broker = start(dir.path(), config.clone());
    let mut socket = connect(&broker);
    for index in 0..20 {
        send(&mut socket, &produce_request(index, 1, 0, &batch(&["value"])));
        assert_eq!(read_produced(&receive(&mut socket)).1, 0);
    }
    broker.server.stop();
    drop(broker);
    let first = dir.path().join("orders-0").join("00000000000000000000.log");
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[70] ^= 0x10;
    std::fs::write(&first, &bytes).unwrap();
    let broker = start(dir.path(), config);
    let mut socket = connect(&broker);
    send(&mut socket, &produce_request(1, -1, 0, &batch(&["after"])));
    assert_eq!(read_produced(&receive(&mut socket)).1, 56, "KAFKA_STORAGE_ERROR");
    assert_eq!(std::fs::read(&first).unwrap(), bytes);
    send(&mut socket, &produce_request(2, -1, 1, &batch(&["other partition"])));
    assert_eq!(read_produced(&receive(&mut socket)).1, 0);
}

#[test]
fn bad_input_closes_its_connection_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut well_behaved = connect(&broker);
    let too_large = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec();
    let lying = {
        let mut request = produce_request(1, 1, 0, &batch(&["x"]));
        let at = request.len() - 3 - batch(&["x"]).len() - 1;
        request[at] = 0xff;
        let mut frame = (request.len() as i32).to_be_bytes().to_vec();
        frame.append(&mut request);
        frame
    };
    let unknown_version = [0, 0, 0, 14, 0, 1, 0, 99, 0, 0, 0, 1, 0, 4, b't', b'e', b's', b't'].to_vec();
    for bytes in [too_large, lying, unknown_version] {
        let mut socket = connect(&broker);
        socket.write_all(&bytes).unwrap();
        let mut rest = Vec::new();
        let closed = socket.read_to_end(&mut rest);
        assert!(closed.is_ok() || closed.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
        assert!(rest.is_empty());
    }
    send(&mut well_behaved, &produce_request(5, 1, 0, &batch(&["x"])));
    assert_eq!(read_produced(&receive(&mut well_behaved)), (5, 0, 0));
}

#[test]
fn a_corrupt_batch_is_refused_and_takes_no_offset() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut socket = connect(&broker);
    let mut corrupt = batch(&["x"]);
    *corrupt.last_mut().unwrap() ^= 1;
    send(&mut socket, &produce_request(1, -1, 0, &corrupt));
    assert_eq!(read_produced(&receive(&mut socket)), (1, 2, -1));
    send(&mut socket, &produce_request(2, -1, 0, &batch(&["y"])));
    assert_eq!(read_produced(&receive(&mut socket)), (2, 0, 0));
}

/// The next requests that reach the control plane, once there are as many as that.
fn forwarded(broker: &Broker, count: usize) -> Vec<RequestId> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut requests = Vec::new();
    while requests.len() < count && Instant::now() < deadline {
        broker.server.shared().forward.drain(|item| {
            if let Item::Request(forwarded) = item {
                requests.push(forwarded.request);
            }
            true
        });
        std::thread::yield_now();
    }
    assert_eq!(requests.len(), count);
    requests
}

fn framed(requests: &[Vec<u8>]) -> Vec<u8> {
    requests.iter().flat_map(|request| [&(request.len() as i32).to_be_bytes()[..], request].concat()).collect()
}

#[test]
fn answers_of_the_control_plane_keep_their_place_among_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut socket = connect(&broker);
    send(&mut socket, &header(3, 12, 41, true));
    send(&mut socket, &produce_request(42, 1, 0, &batch(&["x"])));
    let request = forwarded(&broker, 1)[0];
    let answer = Answer::Payload([0, 0, 0, 41, 9, 9].to_vec());
    broker.server.respond([ControlResponse { request, answer }].into_iter());
    assert_eq!(receive(&mut socket), [0, 0, 0, 41, 9, 9]);
    assert_eq!(read_produced(&receive(&mut socket)).0, 42);
}

#[test]
fn what_comes_behind_a_request_of_the_control_plane_is_handled_after_its_answer() {
    const DELETE_RECORDS: i16 = 21;
    const METADATA: i16 = 3;
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let partition = broker.storage.find("orders", 0).unwrap();
    let mut socket = connect(&broker);
    let requests = [
        header(DELETE_RECORDS, 2, 1, true),
        produce_request(2, 1, 0, &batch(&["x"])),
        header(METADATA, 12, 3, true),
        header(METADATA, 12, 4, true),
    ];
    // In one piece: the thread has all of them at hand when it hands over the first.
    socket.write_all(&framed(&requests)).unwrap();
    for (answered, expected_end) in [(1, 0), (3, 1), (4, 1)] {
        let request = forwarded(&broker, 1)[0];
        assert_eq!(partition.log_end_offset(), expected_end);
        let answer = Answer::Payload([0, 0, 0, answered].to_vec());
        broker.server.respond([ControlResponse { request, answer }].into_iter());
        assert_eq!(receive(&mut socket), [0, 0, 0, answered]);
        if answered == 1 {
            assert_eq!(read_produced(&receive(&mut socket)), (2, 0, 0));
        }
    }
}

#[test]
fn what_brokers_ask_of_each_other_does_not_wait_for_answers() {
    const WRITE_SHARE_GROUP_STATE: i16 = 85;
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path(), LogConfig::default());
    let mut socket = connect(&broker);
    socket.write_all(&framed(&[1, 2, 3].map(|correlation_id| header(WRITE_SHARE_GROUP_STATE, 0, correlation_id, true)))).unwrap();
    let requests = forwarded(&broker, 3);
    let answers = [3, 2, 1].map(|id: u8| (requests[usize::from(id) - 1], id)).into_iter();
    broker.server.respond(answers.map(|(request, id)| ControlResponse { request, answer: Answer::Payload([0, 0, 0, id].to_vec()) }));
    for id in 1..=3 {
        assert_eq!(receive(&mut socket), [0, 0, 0, id]);
    }
}
