//! Our files against Apache Kafka's own eyes, and Kafka's files against ours. Needs Kafka: run by `npm run test:compat`
//! as `cargo test --test kafka_compat -- --ignored`; skips, saying so, where there is none.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_core::Uuid;
use millrace_core::env::Env;
use millrace_core::log::{CompactionSettings, LogConfig, LogManager, LogManagerOptions, PartitionSpec, TopicSpec};
use millrace_core::partition::{AppendEntry, Partition};
use millrace_core::record::{BatchProducer, RecordInput, build_batch, seal};

const TOPIC: &str = "adopt";
const COMPACTED: &str = "compacted";
const PORT: u16 = 29192;
const SEGMENT_BYTES: u32 = 1 << 20;

struct Kafka {
    script: PathBuf,
    dir: PathBuf,
}

impl Kafka {
    /// `None` where no Kafka is installed.
    fn find(dir: &Path) -> Option<Kafka> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/peer/kafka");
        let script = std::env::var_os("MILLRACE_KAFKA_PEER").map_or(beside, PathBuf::from);
        script.exists().then(|| Kafka { script, dir: dir.to_owned() })
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.script).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn start(&self) {
        let (port, dir) = (PORT.to_string(), self.dir.to_str().unwrap().to_owned());
        let quick_abort = "transaction.abort.timed.out.transaction.cleanup.interval.ms=200";
        self.run(&["start", "--port", &port, "--dir", &dir, "--set", quick_abort]);
    }

    fn stop(&self) {
        self.run(&["stop", "--dir", self.dir.to_str().unwrap()]);
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> String {
        let server = format!("127.0.0.1:{PORT}");
        self.run(&[&["tool", name, "--bootstrap-server", &server], arguments].concat())
    }

    /// What `kafka-dump-log` says of all files with this ending.
    fn dump(&self, suffix: &str, arguments: &[&str]) -> String {
        self.dump_of(TOPIC, suffix, arguments)
    }

    fn dump_of(&self, topic: &str, suffix: &str, arguments: &[&str]) -> String {
        let files: Vec<String> = self.files_of(topic, suffix).iter().map(|path| path.to_str().unwrap().to_owned()).collect();
        self.run(&[&["tool", "kafka-dump-log", "--files", &files.join(",")], arguments].concat())
    }

    fn producer(&self, count: u32, size: u32, arguments: &[&str]) -> Child {
        let (count, size, server) = (count.to_string(), size.to_string(), format!("127.0.0.1:{PORT}"));
        let fixed = ["tool", "kafka-producer-perf-test", "--topic", TOPIC, "--bootstrap-server", &server];
        let load = ["--num-records", &count, "--record-size", &size];
        let arguments = [&fixed[..], &load[..], arguments].concat();
        Command::new(&self.script).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn produce(&self, count: u32, size: u32, arguments: &[&str]) {
        assert!(self.producer(count, size, &[&["--throughput", "-1"], arguments].concat()).wait().unwrap().success());
    }

    fn end_offset(&self) -> i64 {
        let offsets = self.tool("kafka-get-offsets", &["--topic", TOPIC]);
        offsets.trim().rsplit(':').next().unwrap().parse().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.dir.join("node-1/data")
    }

    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        self.files_of(TOPIC, suffix)
    }

    fn files_of(&self, topic: &str, suffix: &str) -> Vec<PathBuf> {
        let dir = self.data().join(format!("{topic}-0"));
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == suffix)).collect();
        files.sort();
        files
    }

    fn newest_snapshot(&self) -> String {
        let dump = self.dump("snapshot", &[]);
        let start = dump.rfind("Dumping").unwrap();
        dump[start..].to_owned()
    }

    /// Several segments, three codecs, transactions that committed and one that was aborted.
    fn fill(&self) {
        let segment_bytes = format!("segment.bytes={SEGMENT_BYTES}");
        self.tool("kafka-topics", &["--create", "--topic", TOPIC, "--partitions", "1", "--config", &segment_bytes]);
        let compacted = ["--create", "--topic", COMPACTED, "--partitions", "1", "--config", "cleanup.policy=compact"];
        self.tool("kafka-topics", &compacted);
        self.produce(1_500, 1_000, &["--command-property", "compression.type=lz4"]);
        let committing = ["--transactional-id", "t1", "--transaction-duration-ms", "50"];
        self.produce(2_000, 700, &[&committing[..], &["--command-property", "compression.type=zstd"]].concat());
        let before = self.end_offset();
        let dying = ["--throughput", "500", "--transactional-id", "t2", "--transaction-duration-ms", "60000"];
        let mut dying = self.producer(1_000_000, 300, &[&dying[..], &["--command-property", "transaction.timeout.ms=60000"]].concat());
        self.until(|| self.end_offset() > before + 500);
        dying.kill().unwrap();
        dying.wait().unwrap();
        let producers = ["describe-producers", "--topic", TOPIC, "--partition", "0"];
        let open = self.tool("kafka-transactions", &producers);
        let start = open.lines().skip(1).filter_map(|line| line.split_whitespace().nth(5)?.parse::<i64>().ok()).next().unwrap();
        let start = start.to_string();
        self.tool("kafka-transactions", &["abort", "--topic", TOPIC, "--partition", "0", "--start-offset", &start]);
        self.produce(500, 300, &["--command-property", "compression.type=gzip"]);
    }

    fn until(&self, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < deadline, "nothing happened for a minute");
        }
    }
}

/// Ours, over Kafka's directory.
fn open(kafka: &Kafka) -> (Arc<LogManager>, Arc<Partition>) {
    let meta = std::fs::read_to_string(kafka.data().join("meta.properties")).unwrap();
    let cluster_id = meta.lines().find_map(|line| line.strip_prefix("cluster.id=")).unwrap();
    let options = LogManagerOptions {
        node_id: 1,
        cluster_id: Uuid::parse(cluster_id).unwrap(),
        log_dirs: vec![kafka.data()],
        checkpoint_interval: Duration::from_secs(60),
        producer_id_expiration_ms: 86_400_000,
        replica_lag_max: Duration::from_secs(30),
        high_watermark_checkpoint_interval: Duration::from_secs(5),
        recovery_thread_count: 1,
    };
    let manager = Arc::new(LogManager::open(options, Env::real()).unwrap());
    manager.listen(|fact| panic!("{fact:?}"));
    let found = manager.list_local_topics().unwrap();
    let spec = |name: &str, compacted: bool| TopicSpec {
        name: name.to_owned(),
        id: found.iter().find(|topic| topic.name == name).unwrap().id.unwrap(),
        internal: false,
        partitions: vec![PartitionSpec::alone(0, 1, 0)],
        config: LogConfig { segment_bytes: SEGMENT_BYTES, compacted, ..LogConfig::default() },
    };
    manager.apply(vec![spec(TOPIC, false), spec(COMPACTED, true)], &[]).unwrap();
    let partition = manager.find(TOPIC, 0).unwrap();
    (manager, partition)
}

/// Every record as `kafka-dump-log` words it: offset, time, sizes.
fn our_records(partition: &Partition) -> Vec<String> {
    let mut lines = Vec::new();
    let mut offset = 0;
    loop {
        let batches = partition.read_decoded(offset, 1 << 20).unwrap();
        let Some(last) = batches.last() else { return lines };
        offset = last.header.last_offset() + 1;
        for batch in &batches {
            for record in &batch.records {
                let size = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64);
                let (key_size, value_size) = (size(&record.key), size(&record.value));
                let head = format!("offset: {} CreateTime: {}", record.offset, record.timestamp_ms);
                lines.push(format!("{head} keySize: {key_size} valueSize: {value_size}"));
            }
        }
    }
}

/// Records that a read_committed consumer sees.
fn committed_count(partition: &Partition) -> usize {
    let aborted = partition.log().unwrap().aborted(0, i64::MAX).unwrap();
    let mut count = 0;
    let visit = |header: &millrace_core::record::BatchHeader, _: &[u8]| {
        let was_aborted = header.is_transactional()
            && aborted
                .iter()
                .any(|txn| txn.producer_id == header.producer_id && (txn.first_offset..txn.last_offset).contains(&header.base_offset));
        if !header.is_control() && !was_aborted {
            count += header.record_count as usize;
        }
        true
    };
    partition.log().unwrap().scan_from(0, visit).unwrap();
    count
}

fn their_records(kafka: &Kafka) -> Vec<String> {
    let dump = kafka.dump("log", &["--deep-iteration"]);
    let records = dump.lines().filter_map(|line| line.strip_prefix("| "));
    records.map(|line| line.split_whitespace().take(8).collect::<Vec<_>>().join(" ")).collect()
}

/// Overwritten keys, a tombstone, an emptied batch and a transaction's rest, compacted.
fn fill_compacted(manager: &LogManager) {
    let partition = manager.find(COMPACTED, 0).unwrap();
    let now_ms = 1_900_000_000_000;
    let producer = |producer_id, transactional| BatchProducer { producer_id, producer_epoch: 0, transactional };
    for sequence in 0..3 {
        append(&partition, producer(6_000, false), sequence * 10, now_ms); // the same ten keys
    }
    append(&partition, producer(6_001, true), 0, now_ms);
    partition
        .append_marker(
            &millrace_core::log::TxnMarker { producer_id: 6_001, epoch: 0, coordinator_epoch: 0, commit: false, bumps_epoch: false },
            now_ms,
        )
        .unwrap();
    let tombstone = RecordInput { key: Some(b"key 3".to_vec()), value: None, timestamp_ms: Some(now_ms), headers: Vec::new() };
    partition.append_records(&[tombstone], None, now_ms).unwrap();
    partition.roll().unwrap();
    let settings = CompactionSettings { delete_retention_ms: 86_400_000, min_lag_ms: 0, map_memory_bytes: 1 << 20, bytes_per_second: None };
    let report = manager.compact(&partition, &settings).unwrap();
    assert_eq!((report.clean_until, report.records_kept), (42, 11));
}

fn append(partition: &Partition, producer: BatchProducer, sequence: i32, now_ms: i64) {
    let records: Vec<RecordInput> = (0..10)
        .map(|index| RecordInput {
            key: Some(format!("key {index}").into_bytes()),
            value: Some(vec![b'v'; 5_000]),
            timestamp_ms: Some(now_ms),
            headers: vec![("header".to_owned(), None)],
        })
        .collect();
    let mut batch = build_batch(&records, Some(producer), now_ms);
    batch[53..57].copy_from_slice(&sequence.to_be_bytes());
    seal(&mut batch);
    let mut entry = AppendEntry::new(&mut batch, -1, 9);
    if producer.transactional {
        entry.guard = partition.begin_verification(entry.records).map_or(0, |(_, _, guard)| guard);
    }
    let mut entries = [entry];
    partition.append(&mut entries, now_ms);
    entries[0].result.as_ref().unwrap();
}

#[test]
#[ignore = "needs Apache Kafka"]
fn a_directory_goes_from_kafka_to_us_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::find(dir.path()) else {
        println!("skipped: Apache Kafka is not installed here");
        return;
    };
    kafka.start();
    kafka.fill();
    let end_offset = kafka.end_offset();
    kafka.stop();
    let records = their_records(&kafka);
    let newest_snapshot = kafka.newest_snapshot();
    let aborted = kafka.dump("txnindex", &[]);

    let (manager, partition) = open(&kafka);
    let offsets = partition.offsets().unwrap();
    assert_eq!((offsets.log_start_offset, offsets.log_end_offset, offsets.last_stable_offset), (0, end_offset, end_offset));
    assert!(offsets.segment_count > 2);
    assert_eq!(our_records(&partition), records);
    let described = |producer: &millrace_core::log::ProducerSummary| {
        let (id, epoch, coordinator) = (producer.producer_id, producer.producer_epoch, producer.coordinator_epoch);
        format!("producerId: {id} producerEpoch: {epoch} coordinatorEpoch: {coordinator} ")
    };
    let producers = partition.producers().unwrap();
    assert_eq!(producers.len(), newest_snapshot.lines().count() - 1);
    assert!(producers.iter().all(|producer| newest_snapshot.contains(&described(producer))), "{producers:?} {newest_snapshot}");
    let ours: Vec<String> = partition
        .log()
        .unwrap()
        .aborted(0, end_offset)
        .unwrap()
        .iter()
        .map(|txn| {
            let (first, last, stable) = (txn.first_offset, txn.last_offset, txn.last_stable_offset);
            format!("version: 0 producerId: {} firstOffset: {first} lastOffset: {last} lastStableOffset: {stable}", txn.producer_id)
        })
        .collect();
    let theirs: Vec<&str> = aborted.lines().filter(|line| line.starts_with("version")).collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 1);

    // What we write ourselves: two producers, a roll, a transaction of each kind.
    let now_ms = 1_900_000_000_000;
    for index in 0..40 {
        append(&partition, BatchProducer { producer_id: 5_000, producer_epoch: 0, transactional: false }, index * 10, now_ms);
    }
    for (epoch, commit) in [(0, true), (1, false)] {
        append(&partition, BatchProducer { producer_id: 5_001, producer_epoch: epoch, transactional: true }, 0, now_ms);
        partition
            .append_marker(
                &millrace_core::log::TxnMarker { producer_id: 5_001, epoch, coordinator_epoch: 0, commit, bumps_epoch: false },
                now_ms,
            )
            .unwrap();
    }
    partition.roll().unwrap();
    append(&partition, BatchProducer { producer_id: 5_000, producer_epoch: 0, transactional: false }, 400, now_ms);
    fill_compacted(&manager);
    let our_end = partition.log_end_offset();
    let all = our_records(&partition);
    let committed = committed_count(&partition);
    drop(partition);
    manager.close().unwrap();
    drop(manager);

    assert_eq!(their_records(&kafka), all);
    for suffix in ["index", "timeindex"] {
        let checked = kafka.dump(suffix, &["--index-sanity-check"]);
        let fine = checked.lines().filter(|line| line.contains("passed sanity check") || line.contains("is empty"));
        assert_eq!(fine.count(), kafka.files(suffix).len(), "{checked}");
        let verified = kafka.dump(suffix, &["--verify-index-only"]);
        assert!(!verified.contains("mismatch") && !verified.contains("Found"), "{verified}");
    }
    let compacted = kafka.dump_of(COMPACTED, "log", &["--deep-iteration"]);
    assert_eq!(compacted.matches("isvalid: true").count(), compacted.matches("baseOffset:").count(), "{compacted}");
    assert!(compacted.contains("deleteHorizonMs: OptionalLong[") && compacted.contains("count: 0"), "{compacted}");
    let snapshot = kafka.newest_snapshot();
    assert!(snapshot.contains("producerId: 5001 producerEpoch: 1 coordinatorEpoch: 0"), "{snapshot}");
    kafka.start();
    // The coordinator was not told that its transaction was ended by hand: when that times out, it adds a marker.
    let end_after = kafka.end_offset();
    assert!(end_after == our_end || end_after == our_end + 1, "{our_end} became {end_after}");
    let log = std::fs::read_to_string(kafka.dir.join("node-1/server.log")).unwrap();
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains(TOPIC) && line.contains("WARN")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    let ten = ["--isolation-level", "read_committed", "--max-messages", "10", "--timeout-ms", "60000"];
    let kept = kafka.tool("kafka-console-consumer", &[&["--topic", COMPACTED, "--from-beginning"], &ten[..]].concat());
    assert_eq!(kept.lines().filter(|line| line.starts_with("vvv")).count(), 9, "one key of ten has only a tombstone");
    let count = committed.to_string();
    let read_committed = ["--isolation-level", "read_committed", "--max-messages", &count, "--timeout-ms", "60000"];
    let arguments = [&["--topic", TOPIC, "--from-beginning"], &read_committed[..]].concat();
    let consumed = kafka.tool("kafka-console-consumer", &arguments);
    assert_eq!(consumed.lines().count(), committed);
    let described = kafka.tool("kafka-transactions", &["describe-producers", "--topic", TOPIC, "--partition", "0"]);
    assert!(described.lines().any(|line| line.starts_with("5000 ") || line.starts_with("5000\t")), "{described}");
    kafka.stop();
}
