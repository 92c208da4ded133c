//! One replica of a partition: its log's life, what is appended for clients, and what is read. See `leading` and
//! `following` for what it does with the other replicas.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use super::append::{Placement, ReadyBatch, place, validate_all};
use super::delay::DelayGate;
use super::leading::Place;
use super::stored::{StoredBatch, decode_batch};
use super::{AppendEntry, AppendError, Appended, Cluster, EpochError, PartitionUnavailable, ReadError, Slice, Standing};
use crate::env::write_in_place;
use crate::log::fresh_number;
use crate::log::{
    AbortedTxn, AppendFailure, FlushMark, LogConfig, LogError, PartitionLog, ProducerSummary, ScanEnd, SegmentSummary, TxnMarker,
};
use crate::log::{LoadPlan, LoadReport, LogContext, StorageFact, Uuid, checkpoint, load_log, plan_load};
use crate::record::{self, BatchHeader, BatchProducer, RecordInput, build_batch, build_marker};

/// Told when a partition that somebody watches has moved on.
pub trait Wake: Send + Sync {
    /// Must not block; `key` is what was given to [`Partition::watch`].
    fn wake(&self, key: u64);
}

/// What a partition may ask of the place where it lives. No call blocks.
pub trait Home: Send + Sync {
    /// Has [`Partition::flush`] called soon, by another thread.
    fn request_flush(&self, partition: Arc<Partition>);
    /// Has [`Partition::load_in_background`] called soon, by another thread.
    fn request_load(&self, partition: Arc<Partition>);
    fn report(&self, fact: StorageFact);
    /// Whether clients' records are refused for lack of space.
    fn is_full(&self) -> bool;
    /// A write found no space.
    fn note_full(&self);
    fn cluster(&self) -> Arc<Cluster>;
    /// Has a later start verify the log from this offset on, durably.
    fn lower_recovery_point(&self, topic: &str, partition: i32, offset: i64) -> std::io::Result<()>;
    /// Makes a new log start durable.
    fn write_log_start(&self, topic: &str, partition: i32, offset: i64) -> std::io::Result<()>;
    /// What was remembered of a partition of this name was about another one.
    fn begin_anew(&self, topic: &str, partition: i32);
    /// The partition lies in another log directory now.
    fn moved_to(&self, log_dir: &Path);
    /// Has files removed once nobody can be reading them any more.
    fn remove_later(&self, files: Vec<PathBuf>);
}

/// What a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    LogEnd,
    HighWatermark,
    LastStable,
}

/// What ListOffsets can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    Latest(Isolation),
    Earliest,
    MaxTimestamp,
    EarliestLocal,
    LatestTiered,
    EarliestPendingUpload,
    /// Milliseconds since 1970.
    Timestamp(i64),
}

pub type AbortedRange = AbortedTxn;

/// The answer to a read; `slice` is absent where there is nothing to read yet.
pub struct Read {
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub slice: Option<Slice>,
    pub aborted: Vec<AbortedRange>,
    /// How long the next batch has to wait for its time, where it waits for that alone.
    pub due_in_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_end_offset: i64,
    pub leader_epoch: i32,
    pub size_bytes: u64,
    pub segment_count: usize,
    pub log_dir: PathBuf,
}

/// What a partition needs to open its log when it is first touched.
pub struct PartitionOptions {
    pub topic: Arc<str>,
    pub topic_id: Uuid,
    pub index: i32,
    /// Of the partition itself, until it is moved.
    pub dir: PathBuf,
    pub log_start_checkpoint: Option<i64>,
    /// `None` after a clean stop.
    pub recover_from: Option<i64>,
    /// By the checkpoint; where there is none, nothing is known to be committed.
    pub high_watermark_checkpoint: Option<i64>,
    pub node_id: i32,
    pub standing: Standing,
    /// `replica.lag.time.max.ms`
    pub replica_lag_max: Duration,
}

/// A log with no more than this to verify is opened by whoever touches it first; any other by a thread for that.
const INLINE_VERIFY_MAX_BYTES: u64 = 4 * 1024 * 1024;

pub(super) enum State {
    Unloaded,
    /// A thread is at it, or has been asked to.
    Loading,
    Online(Arc<PartitionLog>),
    /// Stopped for writing; what was committed before is still read where the log could be opened.
    Failed(Arc<str>, Option<Arc<PartitionLog>>),
    Deleted,
}

/// The place is locked last: whoever holds it takes no other lock.
pub struct Partition {
    pub(super) options: PartitionOptions,
    pub(super) context: LogContext,
    /// Of the partition itself.
    pub(super) dir: ArcSwap<PathBuf>,
    pub(super) config: Arc<ArcSwap<LogConfig>>,
    pub(super) state: RwLock<State>,
    /// Changed with the place and, where the log is open, its writer locked: who writes and has looked at it can rely on it.
    pub(super) role: AtomicU8,
    pub(super) leader_epoch: AtomicI32,
    /// The leader epoch since which this broker leads without a break; `i32::MAX` while it does not.
    pub(super) leads_since: AtomicI32,
    pub(super) place: Mutex<Place>,
    pub(super) high_watermark: AtomicI64,
    pub(super) last_stable_offset: AtomicI64,
    /// One entry per waker and key. The count lets an append see that nobody waits without taking the lock.
    watchers: Mutex<Vec<(Arc<dyn Wake>, u64)>>,
    watcher_count: AtomicUsize,
    /// Whether the group commit thread has been asked to flush.
    pub(crate) flush_requested: AtomicBool,
    /// Held by the thread that opens the log.
    loading: Mutex<()>,
    load_requested: AtomicBool,
    /// Held by the thread that compacts the log.
    pub(crate) compacting: Mutex<()>,
    /// Held by the thread that moves the log to another directory.
    pub(super) moving: Mutex<()>,
    /// Batches that wait for their time.
    pub(super) delays: DelayGate,
    pub(super) home: Box<dyn Home>,
    this: Weak<Partition>,
}

impl Partition {
    pub fn new(options: PartitionOptions, context: LogContext, config: Arc<ArcSwap<LogConfig>>, home: Box<dyn Home>) -> Arc<Partition> {
        let place = Place::new(options.node_id, options.standing.clone(), context.env.clock.monotonic());
        let role = options.standing.role_of(options.node_id);
        let leader_epoch = options.standing.leader_epoch;
        Arc::new_cyclic(|this| Partition {
            role: AtomicU8::new(role as u8),
            leader_epoch: AtomicI32::new(leader_epoch),
            leads_since: AtomicI32::new(if role.leads() { leader_epoch } else { i32::MAX }),
            place: Mutex::new(place),
            dir: ArcSwap::from_pointee(options.dir.clone()),
            moving: Mutex::new(()),
            options,
            context,
            config,
            state: RwLock::new(State::Unloaded),
            high_watermark: AtomicI64::new(0),
            last_stable_offset: AtomicI64::new(0),
            watchers: Mutex::default(),
            watcher_count: AtomicUsize::new(0),
            flush_requested: AtomicBool::new(false),
            loading: Mutex::new(()),
            load_requested: AtomicBool::new(false),
            compacting: Mutex::new(()),
            delays: DelayGate::default(),
            home,
            this: this.clone(),
        })
    }

    pub fn topic(&self) -> &Arc<str> {
        &self.options.topic
    }

    pub fn index(&self) -> i32 {
        self.options.index
    }

    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    pub fn dir(&self) -> Arc<PathBuf> {
        self.dir.load_full()
    }

    // ---- life ---------------------------------------------------------------------------------------------------

    /// The log. One that is not open yet is opened now where that is quick, else by a thread for that, and the
    /// partition is loading meanwhile.
    pub fn log(&self) -> Result<Arc<PartitionLog>, PartitionUnavailable> {
        match self.look() {
            Err(PartitionUnavailable::Loading) => self.touch(),
            found => found,
        }
    }

    fn look(&self) -> Result<Arc<PartitionLog>, PartitionUnavailable> {
        match &*self.state.read() {
            State::Online(log) => Ok(log.clone()),
            State::Failed(reason, _) => Err(PartitionUnavailable::Failed(reason.clone())),
            State::Deleted => Err(PartitionUnavailable::Deleted),
            State::Unloaded | State::Loading => Err(PartitionUnavailable::Loading),
        }
    }

    fn touch(&self) -> Result<Arc<PartitionLog>, PartitionUnavailable> {
        if self.open_if_quick() {
            return self.look();
        }
        self.request_load();
        Err(PartitionUnavailable::Loading)
    }

    /// Opens a log that nobody has begun to open where that takes no time to speak of; others wait for that long. False
    /// where it does, or where somebody is at it.
    fn open_if_quick(&self) -> bool {
        let mut state = self.state.write();
        match &*state {
            State::Unloaded => {}
            State::Loading => return false,
            State::Online(_) | State::Failed(..) | State::Deleted => return true,
        }
        let plan = self.plan();
        if plan.as_ref().is_ok_and(|plan| plan.unverified_bytes > INLINE_VERIFY_MAX_BYTES) {
            *state = State::Loading;
            return false;
        }
        let (opened, fact) = self.open(plan);
        *state = opened;
        drop(state);
        self.tell(fact);
        true
    }

    /// The log, opened by this thread or waited for where another is at it. Not for threads that serve clients.
    pub fn load(&self) -> Result<Arc<PartitionLog>, PartitionUnavailable> {
        match self.look() {
            Err(PartitionUnavailable::Loading) => {
                self.load_in_background();
                self.look()
            }
            found => found,
        }
    }

    /// Opens the log where that was not done yet.
    pub fn load_in_background(&self) {
        let _one_at_a_time = self.loading.lock();
        self.load_requested.store(false, Ordering::Release);
        if self.open_if_quick() {
            self.look_at_waiting();
            return;
        }
        let (opened, fact) = self.open(self.plan());
        {
            let mut state = self.state.write();
            if let State::Deleted = &*state {
                return;
            }
            *state = opened;
        }
        self.tell(fact);
        self.wake_watchers();
    }

    /// The log where it is open; where it is not, it will be soon.
    pub fn open_or_request(&self) -> Option<Arc<PartitionLog>> {
        let opened = self.opened_log();
        if opened.is_none() && matches!(self.look(), Err(PartitionUnavailable::Loading)) {
            self.request_load();
        }
        opened
    }

    pub(super) fn request_load(&self) {
        if !self.load_requested.swap(true, Ordering::AcqRel)
            && let Some(this) = self.this.upgrade()
        {
            self.home.request_load(this);
        }
    }

    fn tell(&self, fact: Option<StorageFact>) {
        if let Some(fact) = fact {
            self.home.report(fact);
        }
    }

    fn plan(&self) -> Result<LoadPlan, LogError> {
        let options = &self.options;
        if self.is_of_another_topic()? {
            self.set_aside()?;
            return plan_load(&self.context.env, &options.dir, None, None);
        }
        plan_load(&self.context.env, &options.dir, options.log_start_checkpoint, options.recover_from)
    }

    /// What lies there is of a topic that had the same name, and went while this broker did not listen: it is kept under
    /// another name, and this partition begins anew.
    fn set_aside(&self) -> Result<(), LogError> {
        let (files, dir) = (&*self.context.env.files, &self.options.dir);
        let stray = PathBuf::from(format!("{}.{:016x}-stray", dir.display(), fresh_number(&self.context.env)));
        let renamed = files.rename(dir, &stray).and_then(|()| files.create_dir_all(dir));
        let parent = dir.parent().map(PathBuf::from).unwrap_or_default();
        renamed.and_then(|()| files.sync_dir(&parent)).map_err(|error| LogError::io(dir, error))?;
        self.home.begin_anew(self.topic(), self.index());
        self.is_of_another_topic().map(|_| ())
    }

    /// Whether the directory says so; one that says nothing is this partition's from now on.
    fn is_of_another_topic(&self) -> Result<bool, LogError> {
        let path = self.options.dir.join("partition.metadata");
        let io = |error| LogError::io(&path, error);
        match checkpoint::read_topic_id(&*self.context.env.files, &path).map_err(io)? {
            Some(id) => Ok(id != self.options.topic_id),
            None => {
                let metadata = format!("version: 0\ntopic_id: {}", self.options.topic_id);
                match write_in_place(&*self.context.env.files, &path, metadata.as_bytes()) {
                    // A file that is missing or torn is written when the log is opened the next time.
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(false),
                    written => written.map(|()| false).map_err(io),
                }
            }
        }
    }

    /// Opens the log; a fact is told where that is news to somebody.
    fn open(&self, plan: Result<LoadPlan, LogError>) -> (State, Option<StorageFact>) {
        let config = self.config.load();
        match plan.and_then(|plan| load_log(&self.context, &self.options.dir, &config, &plan)) {
            Ok((log, report)) => {
                self.take_up(&log, &config);
                let fact = (report != LoadReport::default()).then(|| self.loaded(report));
                (State::Online(Arc::new(log)), fact)
            }
            Err(error) => {
                let reason = error.to_string();
                (State::Failed(reason.as_str().into(), None), Some(self.failed(reason)))
            }
        }
    }

    fn loaded(&self, report: LoadReport) -> StorageFact {
        StorageFact::PartitionLoaded {
            topic: self.topic().clone(),
            partition: self.index(),
            recovered_bytes: report.recovered_bytes,
            truncated_bytes: report.truncated_bytes,
        }
    }

    fn failed(&self, message: String) -> StorageFact {
        StorageFact::PartitionFailed { topic: self.topic().clone(), partition: self.index(), message }
    }

    /// The log where it is already open, even of a failed partition.
    pub fn opened_log(&self) -> Option<Arc<PartitionLog>> {
        match &*self.state.read() {
            State::Online(log) | State::Failed(_, Some(log)) => Some(log.clone()),
            State::Unloaded | State::Loading | State::Failed(_, None) | State::Deleted => None,
        }
    }

    pub(super) fn readable_log(&self) -> Result<Arc<PartitionLog>, PartitionUnavailable> {
        match self.log() {
            Err(PartitionUnavailable::Failed(reason)) => self.opened_log().ok_or(PartitionUnavailable::Failed(reason)),
            other => other,
        }
    }

    /// Why the partition takes no writes; `None` while it does.
    pub fn unavailable(&self) -> Option<PartitionUnavailable> {
        match &*self.state.read() {
            State::Unloaded | State::Loading | State::Online(_) => None,
            State::Failed(reason, _) => Some(PartitionUnavailable::Failed(reason.clone())),
            State::Deleted => Some(PartitionUnavailable::Deleted),
        }
    }

    /// Stops the partition for writing: the disk or an invariant cannot be relied on any more.
    pub fn fail(&self, reason: &str) {
        let mut state = self.state.write();
        let log = match &*state {
            State::Online(log) => Some(log.clone()),
            State::Unloaded | State::Loading => None,
            State::Failed(..) | State::Deleted => return,
        };
        *state = State::Failed(reason.into(), log);
        drop(state);
        self.home.report(self.failed(reason.to_owned()));
        self.wake_watchers();
    }

    pub fn delete(&self) {
        *self.state.write() = State::Deleted;
        self.wake_watchers();
    }

    /// Whether the log lay there after an unclean stop and was not opened since.
    pub fn needs_recovery(&self) -> bool {
        self.options.recover_from.is_some() && self.opened_log().is_none()
    }

    // ---- positions ----------------------------------------------------------------------------------------------

    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch.load(Ordering::Acquire)
    }

    pub fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    pub fn last_stable_offset(&self) -> i64 {
        self.last_stable_offset.load(Ordering::Acquire)
    }

    pub fn log_start_offset(&self) -> i64 {
        self.readable_log().map_or(-1, |log| log.log_start_offset())
    }

    pub fn log_end_offset(&self) -> i64 {
        self.readable_log().map_or(-1, |log| log.log_end_offset())
    }

    pub fn offsets(&self) -> Result<PartitionOffsets, PartitionUnavailable> {
        Ok(self.offsets_of(&*self.readable_log()?))
    }

    fn offsets_of(&self, log: &PartitionLog) -> PartitionOffsets {
        PartitionOffsets {
            log_start_offset: log.log_start_offset(),
            high_watermark: self.high_watermark(),
            last_stable_offset: self.last_stable_offset(),
            log_end_offset: log.log_end_offset(),
            leader_epoch: self.leader_epoch(),
            size_bytes: log.size_bytes(),
            segment_count: log.segment_count(),
            log_dir: self.dir().parent().map(PathBuf::from).unwrap_or_default(),
        }
    }

    /// Has `waker` told once when the high watermark advances or the partition stops. Look again after calling this:
    /// what happened before is not told.
    pub fn watch(&self, waker: &Arc<dyn Wake>, key: u64) {
        let mut watchers = self.watchers.lock();
        if !watchers.iter().any(|(other, other_key)| *other_key == key && Arc::ptr_eq(other, waker)) {
            watchers.push((waker.clone(), key));
            self.watcher_count.store(watchers.len(), Ordering::SeqCst);
        }
    }

    pub(super) fn wake_watchers(&self) {
        if self.watcher_count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let watchers = std::mem::take(&mut *self.watchers.lock());
        self.watcher_count.store(0, Ordering::SeqCst);
        for (waker, key) in watchers {
            waker.wake(key);
        }
    }

    // ---- writing ------------------------------------------------------------------------------------------------

    /// Appends the records of several requests with one write; every entry's `result` is set.
    pub fn append(&self, entries: &mut [AppendEntry<'_>], now_ms: i64) {
        if let Err(not_leader) = self.check_leads() {
            return fail_all(entries, &AppendError::Unavailable(not_leader));
        }
        if self.home.is_full() {
            return fail_all(entries, &AppendError::StorageFull);
        }
        let config = self.config.load();
        let validated = validate_all(entries, &config, now_ms);
        let log = match self.log() {
            Ok(log) => log,
            Err(unavailable) => return fail_all(entries, &AppendError::Unavailable(unavailable)),
        };
        let mut writer = log.writer();
        if let Some(unavailable) = writer.unavailable().or_else(|| self.unavailable()).or_else(|| self.check_leads().err()) {
            return fail_all(entries, &AppendError::Unavailable(unavailable));
        }
        let (in_sync, required) = self.in_sync_and_required(&config);
        writer.producers.set_now(now_ms);
        let mut placement = Placement {
            next_offset: log.log_end_offset(),
            leader_epoch: self.leader_epoch(),
            log_start_offset: log.log_start_offset(),
            producers: &mut writer.producers,
            config: &config,
            now_ms,
            ready: Vec::with_capacity(entries.len()),
        };
        for (index, (entry, batches)) in entries.iter_mut().zip(validated).enumerate() {
            entry.result = batches.and_then(|batches| {
                if entry.acks == -1 && in_sync < required {
                    return Err(AppendError::NotEnoughReplicas { in_sync, required });
                }
                place(&mut placement, index, entry, batches)
            });
        }
        let ready = placement.ready;
        let epoch = placement.leader_epoch;
        let placed = placed_batches(&ready, entries);
        let outcome = log.append(&mut writer, &placed, epoch, &config);
        drop(placed);
        if let Err(failure) = outcome {
            if !failure.error.is_storage_full() {
                drop(writer);
                return self.fail_append(&log, entries, &failure.error);
            }
            self.home.note_full();
            let unwritten = ready[failure.written_count..].iter().rev();
            unwritten.filter_map(|batch| batch.undo.as_ref()).for_each(|undo| writer.producers.undo(undo));
            refuse_unwritten(&log, entries, &AppendError::StorageFull);
        }
        self.finish_append(&log, &config, &mut writer.producers);
        drop(writer);
        self.wake_watchers();
    }

    /// What a transactional batch needs confirmed before it is appended: producer id, epoch and the guard to append it
    /// with; `None` where its transaction has begun in this partition already, or where it is no such batch.
    pub fn begin_verification(&self, records: &[u8]) -> Option<(i64, i16, u64)> {
        let header = BatchHeader::decode(records).ok()?;
        if !header.is_transactional() || header.is_control() {
            return None;
        }
        let log = self.log().ok()?;
        let producers = &mut log.writer().producers;
        if producers.has_open_transaction(header.producer_id, header.producer_epoch) {
            return None;
        }
        producers.set_now(self.context.env.clock.now_ms());
        let guard = producers.begin_verification(header.producer_id, header.producer_epoch);
        Some((header.producer_id, header.producer_epoch, guard))
    }

    /// A write failed for good; what it did not get into the log is refused.
    fn fail_append(&self, log: &PartitionLog, entries: &mut [AppendEntry<'_>], error: &LogError) {
        let failed = AppendError::Unavailable(self.failed_by(error));
        refuse_unwritten(log, entries, &failed);
    }

    fn finish_append(&self, log: &PartitionLog, config: &LogConfig, producers: &mut crate::log::ProducerState) {
        self.advance(log, config, producers);
        if (config.commits_by_flush() || log.flush_is_due(config))
            && !self.flush_requested.swap(true, Ordering::AcqRel)
            && let Some(this) = self.this.upgrade()
        {
            self.home.request_flush(this);
        }
    }

    /// Appends one batch of the broker's own.
    pub fn append_records(&self, records: &[RecordInput], producer: Option<BatchProducer>, now_ms: i64) -> Result<Appended, AppendError> {
        if records.is_empty() {
            return Err(AppendError::InvalidBatch("a batch needs at least one record".to_owned()));
        }
        if self.home.is_full() {
            return Err(AppendError::StorageFull);
        }
        self.append_own(build_batch(records, producer, now_ms), None, now_ms)
    }

    /// Appends a transaction marker (KIP-98).
    pub fn append_marker(&self, marker: &TxnMarker, now_ms: i64) -> Result<Appended, AppendError> {
        let batch = build_marker(marker.producer_id, marker.epoch, marker.coordinator_epoch, marker.commit, now_ms);
        self.append_own(batch, Some(marker), now_ms)
    }

    fn append_own(&self, mut batch: Vec<u8>, marker: Option<&TxnMarker>, now_ms: i64) -> Result<Appended, AppendError> {
        self.check_leads()?;
        let log = self.log()?;
        let config = self.config.load();
        let header = BatchHeader::decode(&batch).map_err(|error| AppendError::CorruptBatch(error.to_string()))?;
        let mut writer = log.writer();
        if let Some(unavailable) = writer.unavailable() {
            return Err(unavailable.into());
        }
        self.check_leads()?;
        let (in_sync, required) = self.in_sync_and_required(&config);
        if in_sync < required {
            return Err(AppendError::NotEnoughReplicas { in_sync, required });
        }
        writer.producers.set_now(now_ms);
        match marker {
            Some(marker) => writer.producers.check_marker(marker)?,
            // Whoever confirmed that the transaction was open did so before this: its end may have come in between (KIP-890).
            None => writer.producers.check_epoch(&header)?,
        }
        let base_offset = log.log_end_offset();
        let epoch = self.leader_epoch();
        crate::record::set_base_offset_and_leader_epoch(&mut batch, base_offset, epoch);
        let placed = crate::log::PlacedBatch { header, base_offset, max_timestamp: header.max_timestamp, bytes: &batch, undo: None };
        let outcome = log.append(&mut writer, &[placed], epoch, &config);
        if let Err(AppendFailure { error, .. }) = outcome {
            drop(writer);
            if error.is_storage_full() {
                self.home.note_full();
                return Err(AppendError::StorageFull);
            }
            return Err(AppendError::Unavailable(self.failed_by(&error)));
        }
        if let Some(marker) = marker {
            writer.producers.end_verifications(marker);
            let aborted = writer.producers.complete(&header, base_offset, marker.coordinator_epoch, marker.commit);
            if let Some(txn) = aborted {
                log.note_aborted(txn);
            }
        } else if header.has_producer_id() {
            let _ = writer.producers.append(&header, base_offset); // written: never taken back
        }
        self.finish_append(&log, &config, &mut writer.producers);
        drop(writer);
        self.wake_watchers();
        Ok(Appended {
            base_offset,
            end_offset: base_offset + i64::from(header.last_offset_delta) + 1,
            log_append_time_ms: -1,
            log_start_offset: log.log_start_offset(),
            leader_epoch: epoch,
            duplicate: false,
        })
    }

    /// Makes all that is appended durable; an error stops the partition, since nothing earlier is certain any more. Where
    /// only space is lacking for the files beside the log, it is tried again later.
    pub fn flush(&self) -> Result<(), PartitionUnavailable> {
        self.flush_requested.store(false, Ordering::Release);
        let Some(log) = self.opened_log() else { return Ok(()) };
        log.flush().map_err(|error| self.failed_by(&error))?;
        let config = self.config.load();
        self.advance(&log, &config, &mut log.writer().producers);
        self.wake_watchers();
        Ok(())
    }

    pub fn has_unflushed(&self) -> bool {
        self.opened_log().is_some_and(|log| log.recovery_point() < log.log_end_offset())
    }

    /// Prepares for a sync of the whole directory; returns what to give to [`Partition::finish_flush`] after it.
    pub fn begin_flush(&self) -> Option<FlushMark> {
        self.opened_log()?.begin_flush().ok()
    }

    /// The directory was synced.
    pub fn finish_flush(&self, mark: FlushMark) {
        let Some(log) = self.opened_log() else { return };
        log.finish_flush(mark);
        self.advance(&log, &self.config.load(), &mut log.writer().producers);
        self.wake_watchers();
    }

    pub fn flush_is_due(&self) -> bool {
        self.opened_log().is_some_and(|log| log.flush_is_due(&self.config.load()))
    }

    /// Makes all that is appended durable, with what shortens a later recovery.
    pub fn checkpoint(&self) -> Result<(), PartitionUnavailable> {
        self.flush()?;
        let Some(log) = self.opened_log() else { return Ok(()) };
        log.checkpoint_indexes().map_err(|error| self.failed_by(&error))
    }

    pub fn roll(&self) -> Result<(), PartitionUnavailable> {
        self.log()?.roll().map_err(|error| self.failed_by(&error))
    }

    /// Stops the partition for an error of its log; a full disk alone does not.
    pub(super) fn failed_by(&self, error: &LogError) -> PartitionUnavailable {
        let reason = error.to_string();
        if error.is_storage_full() {
            self.home.note_full();
        } else {
            self.fail(&reason);
        }
        PartitionUnavailable::Failed(reason.into())
    }

    /// Drops what lies below an offset whose durability as log start the caller has seen to.
    pub fn drop_before(&self, offset: i64) -> Result<Vec<PathBuf>, PartitionUnavailable> {
        let removed = self.log()?.drop_before(offset).map_err(|error| self.failed_by(&error))?;
        self.wake_watchers();
        Ok(removed)
    }

    // ---- reading ------------------------------------------------------------------------------------------------

    /// Whole batches from the one that holds `offset`, at most `max_bytes` but one batch in any case where
    /// `at_least_one` is set.
    pub fn read(&self, offset: i64, max_bytes: u32, isolation: Isolation, at_least_one: bool) -> Result<Read, ReadError> {
        let log = self.readable_log()?;
        let (log_start_offset, log_end_offset) = (log.log_start_offset(), log.log_end_offset());
        let (high_watermark, last_stable_offset) = (self.high_watermark(), self.last_stable_offset());
        if offset < log_start_offset || offset > log_end_offset {
            return Err(ReadError::OffsetOutOfRange { offset, log_start_offset, log_end_offset });
        }
        let limit = match isolation {
            Isolation::LogEnd => log_end_offset,
            Isolation::HighWatermark => high_watermark,
            Isolation::LastStable => last_stable_offset,
        };
        let visible = self.visible(&log, isolation, limit)?;
        let slice = self.read_slice(&log, offset, max_bytes, visible.end, isolation, at_least_one)?;
        let (high_watermark, last_stable_offset) = (high_watermark.min(visible.end_told), last_stable_offset.min(visible.end_told));
        let aborted = match (&slice, isolation) {
            (Some(slice), Isolation::LastStable) => {
                log.aborted(offset, slice.end_offset).map_err(|error| ReadError::Storage(error.to_string()))?
            }
            _ => Vec::new(),
        };
        Ok(Read { high_watermark, last_stable_offset, log_start_offset, slice, aborted, due_in_ms: visible.due_in_ms })
    }

    /// Batches with their records, from the one that holds `offset`, up to about `max_bytes` and the high watermark. Fails
    /// where one of them is damaged.
    pub fn read_decoded(&self, offset: i64, max_bytes: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let log = self.readable_log()?;
        let limit = self.high_watermark();
        let mut batches = Vec::new();
        let mut bytes = 0;
        let mut problem = None;
        let offset = offset.max(log.log_start_offset());
        let mut next_offset = offset;
        let end = log.scan_from(offset, |header, batch| {
            if header.base_offset >= limit {
                return false;
            }
            next_offset = header.last_offset() + 1;
            // Closed segments are not verified when a log is opened; a wrong bit in them shows here.
            let is_whole = record::checksum(batch) == header.crc;
            match is_whole.then(|| decode_batch(header, batch)).unwrap_or_else(|| Err("its checksum does not hold".to_owned())) {
                Ok(decoded) => batches.push(decoded),
                Err(message) => problem = Some(format!("the batch at offset {}: {message}", header.base_offset)),
            }
            bytes += batch.len();
            problem.is_none() && bytes < max_bytes
        });
        if let ScanEnd::Torn { reason, .. } = end.map_err(|error| ReadError::Storage(error.to_string()))?
            && next_offset < limit
        {
            problem = Some(format!("the batch at offset {next_offset}: {reason}"));
        }
        problem.map_or(Ok(batches), |message| Err(ReadError::Storage(message)))
    }

    /// Offset, timestamp and leader epoch; `None` where no record answers the question.
    pub fn offset_for(&self, spec: OffsetSpec) -> Result<Option<(i64, i64, i32)>, ReadError> {
        let log = self.readable_log()?;
        let storage = |error: LogError| ReadError::Storage(error.to_string());
        Ok(match spec {
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => {
                let offset = log.log_start_offset();
                Some((offset, -1, log.epoch_at(offset).max(self.epoch_if_empty(&log))))
            }
            OffsetSpec::Latest(isolation) => {
                if isolation != Isolation::LogEnd {
                    self.check_epoch_is_committed()?;
                }
                Some((self.visible_end(isolation)?, -1, self.leader_epoch()))
            }
            OffsetSpec::MaxTimestamp => log.find_max_timestamp().map_err(storage)?,
            OffsetSpec::Timestamp(timestamp) => log.find_by_time(timestamp).map_err(storage)?,
            // Nothing is ever moved to remote storage.
            OffsetSpec::LatestTiered => Some((-1, -1, -1)),
            OffsetSpec::EarliestPendingUpload => Some((-1, -1, -1)),
        })
    }

    fn epoch_if_empty(&self, log: &PartitionLog) -> i32 {
        if log.log_end_offset() == log.log_start_offset() { self.leader_epoch() } else { -1 }
    }

    /// Compares a client's view of the leader epoch (KIP-320); -1 is no view.
    pub fn check_leader_epoch(&self, requested: i32) -> Result<(), EpochError> {
        let current = self.leader_epoch();
        match requested {
            -1 => Ok(()),
            older if older < current => Err(EpochError::Fenced),
            newer if newer > current => Err(EpochError::Unknown),
            _ => Ok(()),
        }
    }

    pub fn end_offset_for_epoch(&self, epoch: i32) -> (i32, i64) {
        self.readable_log().map_or((-1, -1), |log| log.end_offset_for_epoch(epoch))
    }

    /// Where a fetcher's log parts from this one, if it does (KIP-595). Where this log does not know so old an epoch
    /// any more, or one so new yet, the offset is none of its own.
    pub fn diverging_epoch(&self, last_fetched_epoch: i32, fetch_offset: i64) -> Result<Option<(i32, i64)>, ReadError> {
        let log = self.readable_log()?;
        let (epoch, end_offset) = log.end_offset_for_epoch(last_fetched_epoch);
        let (log_start_offset, log_end_offset) = (log.log_start_offset(), log.log_end_offset());
        if epoch < 0 || end_offset < 0 || fetch_offset < log_start_offset {
            return Err(ReadError::OffsetOutOfRange { offset: fetch_offset, log_start_offset, log_end_offset });
        }
        Ok((epoch < last_fetched_epoch || end_offset < fetch_offset).then_some((epoch, end_offset)))
    }

    pub fn segments(&self) -> Result<Vec<SegmentSummary>, PartitionUnavailable> {
        Ok(self.readable_log()?.segment_summaries())
    }

    pub fn producers(&self) -> Result<Vec<ProducerSummary>, PartitionUnavailable> {
        Ok(self.readable_log()?.producer_summaries())
    }

    pub fn expire_producers(&self, now_ms: i64, expiration_ms: i64) {
        if let Some(log) = self.opened_log() {
            log.writer().producers.expire(now_ms, expiration_ms);
        }
    }
}

fn fail_all(entries: &mut [AppendEntry<'_>], error: &AppendError) {
    for entry in entries {
        entry.result = Err(error.clone());
    }
}

/// Takes back answers whose records did not get into the log, those of repeated batches in the same round as well.
fn refuse_unwritten(log: &PartitionLog, entries: &mut [AppendEntry<'_>], error: &AppendError) {
    let log_end = log.log_end_offset();
    for entry in entries.iter_mut().filter(|entry| entry.result.as_ref().is_ok_and(|appended| appended.end_offset > log_end)) {
        entry.result = Err(error.clone());
    }
}

/// The ready batches with the bytes they have in their entries or of their own.
fn placed_batches<'a>(ready: &'a [ReadyBatch], entries: &'a [AppendEntry<'_>]) -> Vec<crate::log::PlacedBatch<'a>> {
    ready
        .iter()
        .map(|batch| crate::log::PlacedBatch {
            header: batch.header,
            base_offset: batch.base_offset,
            max_timestamp: batch.max_timestamp,
            undo: batch.undo,
            bytes: match &batch.recompressed {
                Some(bytes) => bytes,
                None => &entries[batch.entry].records[batch.start..batch.start + batch.header.size_in_bytes()],
            },
        })
        .collect()
}
