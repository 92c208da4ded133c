//! What a log remembers of its producers: the last five batches of each for deduplication (KIP-98), open transactions,
//! and the last stable offset. Derived from the log; snapshots in Kafka's format make a restart cheap.

use std::collections::{BTreeMap, HashMap};

use crate::partition::AppendError;
use crate::record::{BatchHeader, NO_PRODUCER_EPOCH, NO_SEQUENCE, increment_sequence};

/// As many requests as a client may have in flight.
const BATCHES_KEPT: usize = 5;
const SNAPSHOT_VERSION: i16 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct BatchMeta {
    last_sequence: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp_ms: i64,
}

impl BatchMeta {
    fn first_sequence(&self) -> i32 {
        if self.last_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        // Sequences wrap at 2^31, so does their difference.
        self.last_sequence.wrapping_sub(self.offset_delta) & i32::MAX
    }
}

/// A producer as DescribeProducers tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerSummary {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp_ms: i64,
    pub coordinator_epoch: i32,
    pub current_txn_start_offset: i64,
}

/// The last batches of a producer, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RecentBatches {
    batches: [BatchMeta; BATCHES_KEPT],
    count: usize,
}

impl RecentBatches {
    fn push(&mut self, batch: BatchMeta) {
        if self.count == BATCHES_KEPT {
            self.batches.rotate_left(1);
            self.count -= 1;
        }
        self.batches[self.count] = batch;
        self.count += 1;
    }

    fn iter(&self) -> impl Iterator<Item = &BatchMeta> {
        self.batches[..self.count].iter()
    }

    fn last(&self) -> Option<&BatchMeta> {
        self.batches[..self.count].last()
    }
}

/// How a producer stood before a batch, for a batch that could not be written.
#[derive(Debug, Clone, Copy)]
pub struct ProducerUndo {
    producer_id: i64,
    before: Option<Producer>,
    opened_at: Option<i64>,
}

/// The newest batch that a producer wrote at its current epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastOfProducer {
    pub epoch: i16,
    /// `None` where only a marker was written.
    pub data_offset: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    batches: RecentBatches,
    last_timestamp_ms: i64,
    /// By this broker's clock: a producer may give its records any timestamp.
    last_seen_ms: i64,
    coordinator_epoch: i32,
    txn_start: Option<i64>,
}

/// A transaction that was aborted, as `.txnindex` stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// Of the marker.
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

/// Where a batch that was sent before already lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    pub base_offset: i64,
    pub last_offset: i64,
}

/// The end of a transaction, as its coordinator asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnMarker {
    pub producer_id: i64,
    pub epoch: i16,
    pub coordinator_epoch: i32,
    pub commit: bool,
    /// Of transaction version 2, in which every transaction has an epoch of its own.
    pub bumps_epoch: bool,
}

#[derive(Debug, Clone, Copy)]
struct Verification {
    epoch: i16,
    guard: u64,
    begun_at_ms: i64,
}

/// All producers of one partition.
#[derive(Debug, Default)]
pub struct ProducerState {
    producers: HashMap<i64, Producer>,
    /// First offset of each transaction that is open, or whose marker is not yet below the high watermark, with that
    /// marker's offset.
    unstable: BTreeMap<i64, Option<i64>>,
    /// Transactions that the coordinator is being asked about: epoch and guard, by producer id (KIP-890).
    verifications: HashMap<i64, Verification>,
    last_guard: u64,
    /// The wall clock as of the last call of [`ProducerState::set_now`].
    now_ms: i64,
}

impl ProducerState {
    /// Checks epoch and sequence of a client's batch. `Ok(Some)` is a batch that is in the log already.
    pub fn check(&self, header: &BatchHeader) -> Result<Option<Duplicate>, AppendError> {
        self.check_epoch(header)?;
        let Some(producer) = self.producers.get(&header.producer_id) else {
            // Unknown producers are accepted at any sequence: what was known may have been expired or deleted.
            return Ok(None);
        };
        let out_of_order =
            |expected| Err(AppendError::OutOfOrderSequence { producer_id: header.producer_id, expected, found: header.base_sequence });
        if header.producer_epoch > producer.epoch {
            if header.base_sequence != 0 && producer.epoch != NO_PRODUCER_EPOCH {
                return out_of_order(0);
            }
            return Ok(None);
        }
        let last_sequence = header.last_sequence();
        let duplicate =
            producer.batches.iter().find(|batch| batch.last_sequence == last_sequence && batch.first_sequence() == header.base_sequence);
        if let Some(batch) = duplicate {
            let base_offset = batch.last_offset - i64::from(batch.offset_delta);
            return Ok(Some(Duplicate { base_offset, last_offset: batch.last_offset }));
        }
        let expected = match producer.batches.last() {
            Some(batch) => increment_sequence(batch.last_sequence, 1),
            None => 0,
        };
        if header.base_sequence != expected {
            return out_of_order(expected);
        }
        if !header.is_transactional() && producer.txn_start.is_some() {
            return Err(AppendError::InvalidTransactionState {
                producer_id: header.producer_id,
                detail: "a batch outside the transaction came while it is open",
            });
        }
        Ok(None)
    }

    /// Refuses a batch of an epoch that is over.
    pub fn check_epoch(&self, header: &BatchHeader) -> Result<(), AppendError> {
        match self.producers.get(&header.producer_id) {
            Some(&Producer { epoch: current, .. }) if header.producer_epoch < current => {
                Err(AppendError::InvalidProducerEpoch { producer_id: header.producer_id, current, found: header.producer_epoch })
            }
            _ => Ok(()),
        }
    }

    /// Whether this producer, at this epoch, has written to a transaction that is open.
    pub fn has_open_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        self.producers.get(&producer_id).is_some_and(|producer| producer.epoch == epoch && producer.txn_start.is_some())
    }

    /// Begins to ask the coordinator whether this partition belongs to the producer's transaction (KIP-890). A marker
    /// that comes before the answer makes the returned guard worthless: the transaction it was asked about has ended.
    pub fn begin_verification(&mut self, producer_id: i64, epoch: i16) -> u64 {
        if let Some(known) = self.verifications.get(&producer_id)
            && known.epoch == epoch
        {
            return known.guard;
        }
        self.last_guard += 1;
        let verification = Verification { epoch, guard: self.last_guard, begun_at_ms: self.now_ms };
        self.verifications.insert(producer_id, verification);
        self.last_guard
    }

    /// Checks that a batch continues an open transaction or opens one that the coordinator has confirmed.
    pub fn check_verified(&self, header: &BatchHeader, guard: u64) -> Result<(), AppendError> {
        if !header.is_transactional() || self.has_open_transaction(header.producer_id, header.producer_epoch) {
            return Ok(());
        }
        let known = self.verifications.get(&header.producer_id);
        let is_valid = known.is_some_and(|known| (known.epoch, known.guard) == (header.producer_epoch, guard));
        if is_valid {
            return Ok(());
        }
        let detail = "the records are not part of a transaction that the coordinator knows";
        Err(AppendError::InvalidTransactionState { producer_id: header.producer_id, detail })
    }

    /// Notes a data batch that has been given its offsets; what is returned takes that back.
    pub fn append(&mut self, header: &BatchHeader, base_offset: i64) -> ProducerUndo {
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let before = self.producers.get(&header.producer_id).copied();
        let mut undo = ProducerUndo { producer_id: header.producer_id, before, opened_at: None };
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: RecentBatches::default(),
            last_timestamp_ms: -1,
            last_seen_ms: self.now_ms,
            coordinator_epoch: -1,
            txn_start: None,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches = RecentBatches::default();
        }
        if header.base_sequence != NO_SEQUENCE {
            producer.batches.push(BatchMeta {
                last_sequence: header.last_sequence(),
                last_offset,
                offset_delta: header.last_offset_delta,
                timestamp_ms: header.max_timestamp,
            });
        }
        producer.last_timestamp_ms = header.max_timestamp;
        producer.last_seen_ms = self.now_ms;
        if header.is_transactional() && producer.txn_start.is_none() {
            producer.txn_start = Some(base_offset);
            self.unstable.insert(base_offset, None);
            self.verifications.remove(&header.producer_id);
            undo.opened_at = Some(base_offset);
        }
        undo
    }

    /// Forgets a batch that was not written; batches are taken back in reverse order.
    pub fn undo(&mut self, undo: &ProducerUndo) {
        match undo.before {
            Some(before) => self.producers.insert(undo.producer_id, before),
            None => self.producers.remove(&undo.producer_id),
        };
        if let Some(first_offset) = undo.opened_at {
            self.unstable.remove(&first_offset);
        }
    }

    /// Checks that a marker is not a fenced coordinator's or producer's. Since transaction version 2 a marker carries the epoch
    /// of the producer's next transaction (KIP-890): where that one has begun already, the marker is a late repetition.
    pub fn check_marker(&self, marker: &TxnMarker) -> Result<(), AppendError> {
        let TxnMarker { producer_id, epoch, coordinator_epoch, .. } = *marker;
        let Some(producer) = self.producers.get(&producer_id) else { return Ok(()) };
        let is_repeated = marker.bumps_epoch && epoch == producer.epoch && producer.txn_start.is_some();
        if epoch < producer.epoch || is_repeated {
            return Err(AppendError::InvalidProducerEpoch { producer_id, current: producer.epoch, found: epoch });
        }
        if coordinator_epoch < producer.coordinator_epoch {
            return Err(AppendError::CoordinatorFenced { current: producer.coordinator_epoch, found: coordinator_epoch });
        }
        Ok(())
    }

    /// What was asked about the transaction that a marker ends is void; what was asked about the next one is not.
    pub fn end_verifications(&mut self, marker: &TxnMarker) {
        if let Some(known) = self.verifications.get(&marker.producer_id)
            && !(marker.bumps_epoch && known.epoch >= marker.epoch)
        {
            self.verifications.remove(&marker.producer_id);
        }
    }

    /// Notes a marker at `offset`; returns the transaction where it was aborted, with the last stable offset as it is
    /// once this transaction no longer counts.
    pub fn complete(&mut self, header: &BatchHeader, offset: i64, coordinator_epoch: i32, commit: bool) -> Option<AbortedTxn> {
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: RecentBatches::default(),
            last_timestamp_ms: -1,
            last_seen_ms: self.now_ms,
            coordinator_epoch: -1,
            txn_start: None,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches = RecentBatches::default();
        }
        producer.coordinator_epoch = coordinator_epoch;
        producer.last_timestamp_ms = header.max_timestamp;
        producer.last_seen_ms = self.now_ms;
        let first_offset = producer.txn_start.take()?;
        self.unstable.insert(first_offset, Some(offset));
        if commit {
            return None;
        }
        let next_open = self.unstable.iter().find(|(_, marker)| marker.is_none()).map(|(first, _)| *first);
        let last_stable_offset = next_open.unwrap_or(offset + 1);
        Some(AbortedTxn { producer_id: header.producer_id, first_offset, last_offset: offset, last_stable_offset })
    }

    /// The first offset a read_committed consumer may not see yet.
    pub fn last_stable_offset(&mut self, high_watermark: i64) -> i64 {
        while let Some((&first, &Some(marker))) = self.unstable.first_key_value() {
            if marker >= high_watermark {
                break;
            }
            self.unstable.remove(&first);
        }
        // Later transactions may be decided while an earlier one is open; they go once they come first.
        self.unstable.first_key_value().map_or(high_watermark, |(&first, _)| first.min(high_watermark))
    }

    /// Tells the time for what follows.
    pub fn set_now(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// Counts the expiration of all producers from now: what a log tells of them does not say when they wrote last.
    pub fn see_all(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.producers.values_mut().for_each(|producer| producer.last_seen_ms = now_ms);
    }

    /// Forgets producers without an open transaction that wrote nothing for `expiration_ms`, and questions to the
    /// coordinator that were never answered.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, producer| producer.txn_start.is_some() || now_ms - producer.last_seen_ms < expiration_ms);
        self.verifications.retain(|_, verification| now_ms - verification.begun_at_ms < expiration_ms);
    }

    /// The newest batch of every producer, which a cleaner has to leave in the log.
    pub fn last_of_each(&self) -> HashMap<i64, LastOfProducer> {
        let last = |producer: &Producer| LastOfProducer {
            epoch: producer.epoch,
            data_offset: producer.batches.last().map(|batch| batch.last_offset),
        };
        self.producers.iter().map(|(&id, producer)| (id, last(producer))).collect()
    }

    pub fn summaries(&self) -> Vec<ProducerSummary> {
        let mut summaries: Vec<_> = self
            .producers
            .iter()
            .map(|(&producer_id, producer)| ProducerSummary {
                producer_id,
                producer_epoch: producer.epoch,
                last_sequence: producer.batches.last().map_or(NO_SEQUENCE, |batch| batch.last_sequence),
                last_timestamp_ms: producer.last_timestamp_ms,
                coordinator_epoch: producer.coordinator_epoch,
                current_txn_start_offset: producer.txn_start.unwrap_or(-1),
            })
            .collect();
        summaries.sort_by_key(|summary| summary.producer_id);
        summaries
    }

    /// Kafka's ProducerSnapshot: version i16, CRC-32C of all after it, then the entries.
    pub fn encode_snapshot(&self) -> Vec<u8> {
        let mut ids: Vec<_> = self.producers.keys().copied().collect();
        ids.sort_unstable();
        let mut entries = (ids.len() as i32).to_be_bytes().to_vec();
        for id in ids {
            let Some(producer) = self.producers.get(&id) else { continue };
            let batch = producer.batches.last();
            entries.extend_from_slice(&id.to_be_bytes());
            entries.extend_from_slice(&producer.epoch.to_be_bytes());
            entries.extend_from_slice(&batch.map_or(NO_SEQUENCE, |batch| batch.last_sequence).to_be_bytes());
            entries.extend_from_slice(&batch.map_or(-1, |batch| batch.last_offset).to_be_bytes());
            entries.extend_from_slice(&batch.map_or(0, |batch| batch.offset_delta).to_be_bytes());
            entries.extend_from_slice(&producer.last_timestamp_ms.to_be_bytes());
            entries.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
            entries.extend_from_slice(&producer.txn_start.unwrap_or(-1).to_be_bytes());
        }
        let mut snapshot = SNAPSHOT_VERSION.to_be_bytes().to_vec();
        snapshot.extend_from_slice(&crc32c(&entries).to_be_bytes());
        snapshot.extend_from_slice(&entries);
        snapshot
    }

    /// Reads a snapshot; `None` where it is not whole, which is no harm: the log is read instead.
    pub fn decode_snapshot(bytes: &[u8]) -> Option<ProducerState> {
        const ENTRY_BYTES: usize = 46;
        let (version, rest) = bytes.split_first_chunk::<2>()?;
        let (crc, entries) = rest.split_first_chunk::<4>()?;
        if i16::from_be_bytes(*version) != SNAPSHOT_VERSION || u32::from_be_bytes(*crc) != crc32c(entries) {
            return None;
        }
        let (count, entries) = entries.split_first_chunk::<4>()?;
        if entries.len() != usize::try_from(i32::from_be_bytes(*count)).ok()?.checked_mul(ENTRY_BYTES)? {
            return None;
        }
        let mut state = ProducerState::default();
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            let i64_at = |at: usize| Some(i64::from_be_bytes(*entry.get(at..)?.first_chunk()?));
            let i32_at = |at: usize| Some(i32::from_be_bytes(*entry.get(at..)?.first_chunk()?));
            let batch =
                BatchMeta { last_sequence: i32_at(10)?, last_offset: i64_at(14)?, offset_delta: i32_at(22)?, timestamp_ms: i64_at(26)? };
            let mut batches = RecentBatches::default();
            if batch.last_sequence >= 0 {
                batches.push(batch);
            }
            let txn_start = Some(i64_at(38)?).filter(|offset| *offset >= 0);
            if let Some(first) = txn_start {
                state.unstable.insert(first, None);
            }
            let producer = Producer {
                epoch: i16::from_be_bytes(*entry.get(8..)?.first_chunk()?),
                last_timestamp_ms: batch.timestamp_ms,
                last_seen_ms: 0,
                batches,
                coordinator_epoch: i32_at(34)?,
                txn_start,
            };
            state.producers.insert(i64_at(0)?, producer);
        }
        Some(state)
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchProducer, RecordInput, build_batch};

    fn batch(epoch: i16, sequence: i32, count: i32, transactional: bool) -> BatchHeader {
        let record = RecordInput { key: None, value: None, timestamp_ms: Some(1), headers: Vec::new() };
        let producer = BatchProducer { producer_id: 7, producer_epoch: epoch, transactional };
        let bytes = build_batch(&vec![record; count as usize], Some(producer), 1);
        BatchHeader { base_sequence: sequence, ..BatchHeader::decode(&bytes).expect("a batch") }
    }

    #[test]
    fn each_of_the_last_five_batches_is_recognised_with_its_offset() {
        let mut state = ProducerState::default();
        for index in 0..6 {
            let header = batch(0, index * 2, 2, false);
            assert_eq!(state.check(&header), Ok(None));
            state.append(&header, 100 + i64::from(index) * 2);
        }
        for index in 1..6 {
            let base_offset = 100 + i64::from(index) * 2;
            let found = state.check(&batch(0, index * 2, 2, false));
            assert_eq!(found, Ok(Some(Duplicate { base_offset, last_offset: base_offset + 1 })));
        }
        assert!(matches!(state.check(&batch(0, 0, 2, false)), Err(AppendError::OutOfOrderSequence { expected: 12, .. })));
    }

    #[test]
    fn batches_that_were_not_written_leave_no_trace() {
        let mut state = ProducerState::default();
        for index in 0..6 {
            let _ = state.append(&batch(0, index, 1, false), i64::from(index));
        }
        let before = format!("{state:?}");
        let first = state.append(&batch(0, 6, 1, true), 6);
        let second = state.append(&batch(1, 0, 1, true), 7);
        let stranger = state.append(&BatchHeader { producer_id: 8, ..batch(0, 0, 1, true) }, 8);
        assert_eq!(state.last_stable_offset(9), 6);
        for undo in [stranger, second, first] {
            state.undo(&undo);
        }
        assert_eq!(format!("{state:?}"), before);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut state = ProducerState::default();
        state.append(&batch(0, i32::MAX - 1, 4, false), 0);
        assert_eq!(state.check(&batch(0, 2, 1, false)), Ok(None));
        assert_eq!(state.check(&batch(0, i32::MAX - 1, 4, false)), Ok(Some(Duplicate { base_offset: 0, last_offset: 3 })));
    }

    #[test]
    fn an_older_epoch_is_fenced_and_a_newer_one_begins_at_zero() {
        let mut state = ProducerState::default();
        state.append(&batch(3, 0, 1, false), 0);
        assert!(matches!(state.check(&batch(2, 1, 1, false)), Err(AppendError::InvalidProducerEpoch { current: 3, .. })));
        assert!(matches!(state.check(&batch(4, 5, 1, false)), Err(AppendError::OutOfOrderSequence { expected: 0, .. })));
        assert_eq!(state.check(&batch(4, 0, 1, false)), Ok(None));
    }

    #[test]
    fn a_marker_ends_what_was_asked_about_its_own_transaction_and_not_about_the_next() {
        let marker = |epoch, bumps_epoch| TxnMarker { producer_id: 7, epoch, coordinator_epoch: 0, commit: false, bumps_epoch };
        let first_write = |epoch| BatchHeader { producer_id: 7, ..batch(epoch, 0, 1, true) };
        for (asked_at, ended_by, survives) in [(3, marker(3, false), false), (3, marker(4, true), false), (4, marker(4, true), true)] {
            let mut state = ProducerState::default();
            let guard = state.begin_verification(7, asked_at);
            state.end_verifications(&ended_by);
            assert_eq!(state.check_verified(&first_write(asked_at), guard).is_ok(), survives, "{asked_at} {ended_by:?}");
        }
        // The next transaction has begun: the marker before it came twice.
        let mut state = ProducerState::default();
        let _ = state.append(&first_write(4), 20);
        assert!(matches!(state.check_marker(&marker(4, true)), Err(AppendError::InvalidProducerEpoch { current: 4, .. })));
        assert_eq!(state.check_marker(&marker(4, false)), Ok(()));
        assert_eq!(state.check_marker(&marker(5, true)), Ok(()));
    }

    #[test]
    fn a_later_transaction_that_is_aborted_first_tells_of_the_earlier_one_still_open() {
        let of = |producer_id, header: BatchHeader| BatchHeader { producer_id, ..header };
        let mut state = ProducerState::default();
        let _ = state.append(&of(1, batch(0, 0, 1, true)), 10);
        let _ = state.append(&of(2, batch(0, 0, 1, true)), 11);
        let second = state.complete(&of(2, batch(0, -1, 1, true)), 12, 0, false);
        assert_eq!(second.map(|txn| (txn.first_offset, txn.last_stable_offset)), Some((11, 10)));
        let first = state.complete(&of(1, batch(0, -1, 1, true)), 13, 0, false);
        assert_eq!(first.map(|txn| (txn.first_offset, txn.last_stable_offset)), Some((10, 14)));
    }

    #[test]
    fn an_open_transaction_holds_the_last_stable_offset() {
        let mut state = ProducerState::default();
        state.append(&batch(0, 0, 2, true), 10);
        assert_eq!(state.last_stable_offset(12), 10);
        let aborted = state.complete(&batch(0, -1, 1, true), 12, 0, false);
        assert_eq!(aborted.map(|txn| (txn.first_offset, txn.last_offset)), Some((10, 12)));
        assert_eq!(state.last_stable_offset(12), 10, "the marker itself is not committed yet");
        assert_eq!(state.last_stable_offset(13), 13);
    }

    #[test]
    fn an_aborted_transaction_notes_the_first_that_is_still_open() {
        let mut state = ProducerState::default();
        let of = |producer_id, header: BatchHeader| BatchHeader { producer_id, ..header };
        let _ = state.append(&of(1, batch(0, 0, 1, true)), 10);
        let _ = state.append(&of(2, batch(0, 0, 1, true)), 20);
        // A reader of 10..15 that stopped looking here would miss the transaction at 10.
        let aborted = state.complete(&of(2, batch(0, -1, 1, true)), 30, 0, false);
        assert_eq!(aborted.map(|txn| txn.last_stable_offset), Some(10));
        let aborted = state.complete(&of(1, batch(0, -1, 1, true)), 31, 0, false);
        assert_eq!(aborted.map(|txn| txn.last_stable_offset), Some(32));
    }

    #[test]
    fn a_producer_of_old_records_is_not_forgotten_while_it_writes() {
        let mut state = ProducerState::default();
        state.set_now(1_000_000);
        let header = batch(0, 0, 1, false); // its records are of 1970
        let _ = state.append(&header, 0);
        state.expire(1_000_999, 1_000);
        assert!(matches!(state.check(&header), Ok(Some(_))), "still deduplicated");
        state.expire(1_001_000, 1_000);
        assert_eq!(state.check(&header), Ok(None));
    }

    #[test]
    fn a_snapshot_brings_back_what_matters_and_a_damaged_one_nothing() {
        let mut state = ProducerState::default();
        state.append(&batch(2, 0, 3, true), 10);
        let snapshot = state.encode_snapshot();
        let mut back = ProducerState::decode_snapshot(&snapshot).expect("whole");
        assert_eq!(back.summaries(), state.summaries());
        assert_eq!(back.last_stable_offset(13), 10);
        for position in 0..snapshot.len() {
            let mut damaged = snapshot.clone();
            damaged[position] ^= 4;
            assert!(ProducerState::decode_snapshot(&damaged).is_none(), "byte {position}");
        }
    }
}
