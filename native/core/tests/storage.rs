//! The storage layer through its public face, on a disk that can be full, fail and lose power.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use millrace_core::log::{LogConfig, StorageFact};
use millrace_core::partition::{AppendEntry, AppendError, Isolation, PartitionUnavailable};
use millrace_core::record::BatchProducer;
use support::Storage;

#[test]
fn a_full_disk_refuses_records_keeps_the_log_whole_and_lets_readers_go_on() {
    let storage = Storage::new(1);
    storage.open();
    let partition = storage.partition(0);
    let producer = BatchProducer { producer_id: 7, producer_epoch: 0, transactional: false };
    storage.produce_as(producer, 0, "first").unwrap();
    storage.files.set_capacity(Some(storage.used_bytes() + 100));
    // Not noticed yet by the watch on free space: the write itself finds out, in the middle of a batch.
    assert_eq!(storage.produce_as(producer, 1, &"x".repeat(500)), Err(AppendError::StorageFull));
    assert_eq!(storage.produce_as(producer, 1, "y"), Err(AppendError::StorageFull), "refused before writing");
    let read = partition.read(0, 1_000_000, Isolation::HighWatermark, true).unwrap();
    assert_eq!((read.high_watermark, read.slice.is_some()), (1, true));
    storage.files.set_capacity(None);
    storage.manager().watch_space();
    assert_eq!(storage.produce_as(producer, 1, "second"), Ok(1), "the sequence was not used up");
    storage.close();
    storage.open();
    assert_eq!(storage.values(0), ["first", "second"]);
}

#[test]
fn low_space_is_noticed_before_it_is_used_up() {
    let storage = Storage::new(1);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.files.set_capacity(Some(storage.used_bytes() + 10));
    storage.manager().watch_space();
    assert_eq!(storage.produce(0, "second"), Err(AppendError::StorageFull));
    storage.files.set_capacity(None);
    storage.manager().watch_space();
    assert_eq!(storage.produce(0, "second"), Ok(1));
}

#[test]
fn a_failed_write_stops_the_partition_and_is_told() {
    let storage = Storage::new(2);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.files.fail_writes(1);
    let refused = storage.produce(0, "second");
    assert!(matches!(refused, Err(AppendError::Unavailable(PartitionUnavailable::Failed(_)))), "{refused:?}");
    assert!(storage.produce(0, "third").is_err(), "a partition that failed stays so");
    assert_eq!(storage.produce(1, "elsewhere"), Ok(0));
    assert_eq!(storage.values(0), ["first"]);
    let facts = storage.facts();
    assert!(matches!(facts.as_slice(), [StorageFact::PartitionFailed { partition: 0, .. }]), "{facts:?}");
}

#[test]
fn a_failed_fsync_stops_the_partition_without_an_acknowledgement() {
    let storage = Storage::with_config(1, LogConfig { flush_on_ack: true, ..LogConfig::default() });
    storage.open();
    let partition = storage.partition(0);
    storage.produce(0, "first").unwrap();
    partition.flush().unwrap();
    storage.produce(0, "second").unwrap();
    storage.files.fail_syncs(1);
    assert!(partition.flush().is_err());
    assert_eq!(partition.high_watermark(), 1);
    assert!(partition.unavailable().is_some());
}

#[test]
fn logs_that_have_to_be_verified_are_told_once_they_are_open() {
    let storage = Storage::new(2);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.close();
    storage.open();
    storage.partition(0).load().unwrap();
    assert_eq!(storage.facts(), [], "a clean stop leaves nothing to verify");
    storage.produce(0, "second").unwrap();
    let written_bytes = storage.partition(0).offsets().unwrap().size_bytes;
    storage.kill();
    storage.open();
    let offsets = storage.manager().partition_offsets("orders", 0).unwrap();
    assert_eq!((offsets.log_start_offset, offsets.log_end_offset, offsets.segment_count), (0, 2, 1));
    let loaded =
        StorageFact::PartitionLoaded { topic: Arc::from("orders"), partition: 0, recovered_bytes: written_bytes, truncated_bytes: 0 };
    assert_eq!(storage.facts(), [loaded]);
    assert_eq!(storage.manager().list_segments("orders", 1), None, "not open yet");
}

#[test]
fn retention_looks_at_partitions_with_closed_segments_or_old_data() {
    let storage = Storage::new(3);
    storage.open();
    for index in 0..2 {
        storage.produce(index, "value").unwrap();
    }
    assert_eq!(storage.manager().retention_candidates(1_000), []);
    storage.partition(0).roll().unwrap();
    assert_eq!(storage.manager().retention_candidates(1_000), [(Arc::from("orders"), 0)]);
    storage.clock.advance(1_001);
    let mut candidates = storage.manager().retention_candidates(1_000);
    candidates.sort();
    assert_eq!(candidates, [(Arc::from("orders"), 0), (Arc::from("orders"), 1)]);
}

#[test]
fn a_directory_of_another_topic_of_that_name_is_not_written_to() {
    let storage = Storage::new(1);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.close();
    storage.set_topic_id([8; 16]);
    storage.open();
    let refused = storage.produce(0, "second").unwrap_err();
    assert!(refused.to_string().contains("belongs to topic id"), "{refused}");
}

#[test]
fn local_topics_are_found_by_their_files() {
    let storage = Storage::new(3);
    storage.open();
    let found = storage.manager().list_local_topics().unwrap();
    let [topic] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((topic.name.as_str(), topic.id, topic.partitions.as_slice()), ("orders", Some(storage.topic_id()), &[0, 1, 2][..]));
}

#[test]
fn a_batch_repeated_within_a_round_that_is_not_written_is_no_success() {
    let storage = Storage::new(1);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.files.fail_writes(1);
    let producer = BatchProducer { producer_id: 7, producer_epoch: 0, transactional: false };
    let mut original = support::batch_of(Some((producer, 0)), &["x"], 0);
    let mut repeated = original.clone();
    let mut entries = [AppendEntry::new(&mut original, -1, 9), AppendEntry::new(&mut repeated, -1, 9)];
    storage.partition(0).append(&mut entries, 0);
    assert!(entries.iter().all(|entry| entry.result.is_err()), "{:?}", entries.map(|entry| entry.result));
}
