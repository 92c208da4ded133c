//! The storage layer through its public face, on a disk that can be full, fail and lose power.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;

use millrace_core::env::Files;
use millrace_core::log::{LogConfig, StorageFact, TxnMarker};
use millrace_core::partition::{AppendEntry, AppendError, Isolation, OffsetSpec, PartitionUnavailable};
use millrace_core::record::{BatchProducer, RecordInput, build_batch, set_max_timestamp};
use support::{LOG_DIR, Storage};

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
fn a_directory_of_another_topic_of_that_name_is_set_aside_and_kept() {
    let storage = Storage::new(1);
    storage.open();
    storage.produce(0, "first").unwrap();
    storage.produce(0, "second").unwrap();
    storage.manager().delete_records(&storage.partition(0), 1).unwrap();
    storage.close();
    storage.set_topic_id([8; 16]);
    storage.open();
    assert_eq!(storage.produce(0, "of the new topic").unwrap(), 0);
    let stray = storage.files.list(LOG_DIR.as_ref()).unwrap().into_iter().find(|entry| entry.name.ends_with("-stray")).unwrap();
    let kept = Path::new(LOG_DIR).join(stray.name).join("00000000000000000000.log");
    assert!(storage.files.size(&kept).unwrap() > 0);
    storage.close();
    storage.open();
    assert_eq!(storage.values(0), ["of the new topic"]);
}

#[test]
fn local_topics_are_found_by_their_files() {
    let storage = Storage::new(3);
    storage.open();
    storage.partition(0).load().unwrap();
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

#[test]
fn flush_settings_are_acted_on() {
    let by_time = LogConfig { flush_ms: 500, ..LogConfig::default() };
    let storage = Storage::with_config(1, by_time);
    storage.open();
    storage.produce(0, "first").unwrap();
    let recovery_point = || storage.partition(0).log().unwrap().recovery_point();
    storage.clock.advance(499);
    storage.manager().flush_due();
    assert_eq!(recovery_point(), 0);
    storage.clock.advance(1);
    storage.manager().flush_due();
    assert_eq!(recovery_point(), 1);
    storage.apply(LogConfig { flush_messages: 2, ..LogConfig::default() });
    storage.produce(0, "second").unwrap();
    storage.manager().flush_due();
    assert_eq!(recovery_point(), 1);
    storage.produce(0, "third").unwrap();
    storage.manager().flush_due();
    assert_eq!(recovery_point(), 3);
    storage.apply(LogConfig { flush_messages: 1, ..LogConfig::default() });
    storage.produce(0, "fourth").unwrap();
    assert_eq!(storage.partition(0).high_watermark(), 3, "committed with the flush alone");
    storage.partition(0).flush().unwrap();
    assert_eq!(storage.partition(0).high_watermark(), 4);
}

#[test]
fn segments_roll_by_size_by_time_and_by_a_full_index() {
    let segments = |config: LogConfig, spacing_ms: i64| {
        let storage = Storage::with_config(1, config);
        storage.open();
        for _ in 0..6 {
            storage.produce(0, &"x".repeat(100)).unwrap();
            storage.clock.advance(spacing_ms);
        }
        storage.partition(0).offsets().unwrap().segment_count
    };
    assert_eq!(segments(LogConfig::default(), 1_000), 1);
    assert_eq!(segments(LogConfig { segment_bytes: 400, ..LogConfig::default() }, 0), 3);
    assert_eq!(segments(LogConfig { segment_ms: 2_000, ..LogConfig::default() }, 1_000), 2);
    assert_eq!(segments(LogConfig { segment_ms: 4_000, segment_jitter_ms: 4_000, ..LogConfig::default() }, 4_001), 6);
    let small_index = LogConfig { segment_index_bytes: 8, index_interval_bytes: 0, ..LogConfig::default() };
    assert_eq!(segments(small_index, 0), 3);
}

#[test]
fn a_batch_whose_header_tells_a_wrong_greatest_time_is_stored_with_the_true_one() {
    let storage = Storage::new(1);
    storage.open();
    let record =
        |after_ms: i64| RecordInput { key: None, value: None, timestamp_ms: Some(support::START_MS + after_ms), headers: Vec::new() };
    for said in [support::START_MS, support::START_MS + 3_000] {
        let mut batch = build_batch(&[record(0), record(90), record(30)], None, support::START_MS);
        set_max_timestamp(&mut batch, false, said);
        storage.append(0, batch).unwrap();
    }
    let first_at = |after_ms: i64| {
        let found = storage.partition(0).offset_for(OffsetSpec::Timestamp(support::START_MS + after_ms)).unwrap();
        found.map(|(offset, _, _)| offset)
    };
    assert_eq!((first_at(60), first_at(91)), (Some(1), None));
    storage.kill();
    storage.open();
    assert_eq!((first_at(60), first_at(91)), (Some(1), None));
    assert_eq!(storage.values(0).len(), 6, "nothing is cut off: the checksums hold");
}

#[test]
fn however_many_partitions_are_used_few_files_are_open() {
    let storage = Storage::new(200);
    storage.open();
    for round in 0..3 {
        for index in 0..200 {
            assert_eq!(storage.produce(index, "value"), Ok(round));
        }
    }
    assert!(storage.files.open_count() <= 17, "{} files are open", storage.files.open_count());
    for index in 0..200 {
        assert_eq!(storage.values(index).len(), 3);
    }
    assert!(storage.files.open_count() <= 17, "{} files are open", storage.files.open_count());
}

#[test]
fn indexes_that_are_missing_or_damaged_are_made_again() {
    let config = LogConfig { segment_bytes: 3_000, index_interval_bytes: 200, ..LogConfig::default() };
    for damage in 0..3u8 {
        let storage = Storage::with_config(1, config.clone());
        storage.open();
        for index in 0..60 {
            storage.produce(0, &format!("{index}{}", "x".repeat(100))).unwrap();
            storage.clock.advance(10);
        }
        let expected = storage.values(0);
        storage.close();
        for entry in storage.files.list("/data/orders-0".as_ref()).unwrap() {
            let path = std::path::Path::new("/data/orders-0").join(&entry.name);
            if entry.name.ends_with("index") {
                match damage {
                    0 => storage.files.remove_file(&path).unwrap(),
                    1 => storage.files.flip_bit(&path, 4, 7),
                    _ => storage.files.open(&path, false).unwrap().set_len(0).unwrap(),
                }
            }
        }
        storage.open();
        assert_eq!(storage.values(0), expected, "damage {damage}");
        let partition = storage.partition(0);
        for offset in 0..60 {
            let found = partition.offset_for(OffsetSpec::Timestamp(support::START_MS + offset * 10)).unwrap();
            assert_eq!(found.map(|(offset, _, _)| offset), Some(offset), "damage {damage}");
            let read = partition.read(offset, 1, Isolation::HighWatermark, true).unwrap();
            let slice = read.slice.unwrap();
            let mut head = [0; 8];
            slice.file.read_exact_at(&mut head, slice.position).unwrap();
            assert_eq!(i64::from_be_bytes(head), offset, "damage {damage}");
        }
    }
}

#[test]
fn many_logs_are_flushed_with_one_sync() {
    let storage = Storage::new(100);
    storage.open();
    for index in 0..100 {
        storage.produce(index, "value").unwrap();
    }
    let syncs_before = storage.files.sync_count();
    storage.manager().keep_house();
    assert!(storage.files.sync_count() - syncs_before < 5, "only the checkpoints are synced one by one");
    storage.crash(1);
    storage.open();
    for index in 0..100 {
        assert_eq!(storage.values(index), ["value"]);
    }
}

#[test]
fn a_log_with_much_to_verify_is_opened_by_a_thread_for_that() {
    let storage = Storage::new(1);
    storage.open();
    let value = "x".repeat(900_000);
    for _ in 0..6 {
        storage.produce(0, &value).unwrap();
    }
    storage.kill();
    storage.open();
    let partition = storage.partition(0);
    assert_eq!(storage.produce(0, "too early"), Err(AppendError::Unavailable(PartitionUnavailable::Loading)));
    assert!(partition.read(0, 1, Isolation::HighWatermark, true).is_err());
    partition.load_in_background();
    assert_eq!(storage.produce(0, "now"), Ok(6));
    assert!(matches!(storage.facts()[..], [StorageFact::PartitionLoaded { recovered_bytes: 5_400_000.., .. }]));
}

#[test]
fn readers_are_told_of_aborted_transactions_in_what_they_read_and_no_more() {
    let storage = Storage::new(1);
    storage.open();
    let partition = storage.partition(0);
    for round in 0..4 {
        let producer = BatchProducer { producer_id: round, producer_epoch: 0, transactional: true };
        storage.produce_as(producer, 0, "aborted").unwrap();
        partition
            .append_marker(
                &millrace_core::log::TxnMarker { producer_id: round, epoch: 0, coordinator_epoch: 0, commit: false, bumps_epoch: false },
                storage.now_ms(),
            )
            .unwrap();
    }
    let told = |offset: i64, max_bytes: u32| -> Vec<i64> {
        let read = partition.read(offset, max_bytes, Isolation::LastStable, true).unwrap();
        read.aborted.iter().map(|txn| txn.first_offset).collect()
    };
    assert_eq!(told(0, 1_000_000), [0, 2, 4, 6]);
    assert_eq!(told(2, 1), [2]);
    assert_eq!(told(3, 1), [2], "the marker alone");
    let read = partition.read(0, 1_000_000, Isolation::HighWatermark, true).unwrap();
    assert!(read.aborted.is_empty());
}

#[test]
fn lacking_space_for_the_files_beside_a_log_stops_nothing() {
    let storage = Storage::with_config(1, LogConfig { flush_on_ack: true, ..LogConfig::default() });
    storage.open();
    let partition = storage.partition(0);
    storage.produce(0, "first").unwrap();
    storage.files.set_capacity(Some(storage.used_bytes()));
    assert!(partition.flush().is_err(), "there is no room for the leader epochs");
    assert!(partition.roll().is_err());
    assert_eq!((partition.high_watermark(), partition.unavailable()), (0, None));
    storage.files.set_capacity(None);
    storage.manager().watch_space();
    storage.manager().flush_due();
    assert_eq!(partition.high_watermark(), 1);
    storage.files.set_capacity(Some(storage.used_bytes()));
    assert_eq!(storage.manager().delete_records(&partition, 1), Err(AppendError::StorageFull));
    storage.files.set_capacity(None);
    storage.manager().watch_space();
    assert_eq!((partition.log_start_offset(), storage.produce(0, "second")), (0, Ok(1)));
    assert_eq!(storage.facts(), []);
}

#[test]
fn whoever_reads_decoded_batches_is_told_of_a_wrong_bit() {
    for (position, reason) in [(100, "checksum"), (16, "magic")] {
        let storage = Storage::new(1);
        storage.open();
        for value in ["first", "second", "third"] {
            storage.produce(0, &value.repeat(20)).unwrap();
        }
        let path = Path::new("/data/orders-0/00000000000000000000.log");
        let first = storage.partition(0).read_decoded(0, 1).unwrap()[0].header.size_in_bytes() as u64;
        storage.files.flip_bit(path, first + position, 0);
        assert_eq!(storage.partition(0).read_decoded(0, 1).unwrap().len(), 1, "what lies in front of it can be read");
        let told = storage.partition(0).read_decoded(0, usize::MAX).unwrap_err().to_string();
        assert!(told.contains("offset 1") && told.contains(reason), "{told}");
    }
}

#[test]
fn nothing_of_a_transaction_is_appended_behind_its_marker() {
    let storage = Storage::new(1);
    storage.open();
    let partition = storage.partition(0);
    let append = |producer_epoch| {
        let record = RecordInput { key: None, value: Some(b"offset".to_vec()), timestamp_ms: None, headers: Vec::new() };
        let producer = BatchProducer { producer_id: 7, producer_epoch, transactional: true };
        partition.append_records(&[record], Some(producer), storage.now_ms()).map(|appended| appended.base_offset)
    };
    assert_eq!(append(0), Ok(0));
    let marker = TxnMarker { producer_id: 7, epoch: 1, coordinator_epoch: 0, commit: false, bumps_epoch: true };
    partition.append_marker(&marker, storage.now_ms()).unwrap();
    assert_eq!(append(0), Err(AppendError::InvalidProducerEpoch { producer_id: 7, current: 1, found: 0 }));
    assert_eq!(append(1), Ok(2));
}
