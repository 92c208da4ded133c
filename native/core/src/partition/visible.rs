//! What readers see of a partition: where it ends for them while records wait for their time, and batches without what
//! has expired.

use super::delay::{LOOK_INLINE_MAX_BYTES, Look, WaitingRun};
use super::expiry::{ExpiringRead, read_unexpired};
use super::{Isolation, Partition, Read, ReadError, Slice};
use crate::log::{LogError, PartitionLog};

/// Where a partition ends for one reader.
pub(super) struct Visible {
    /// Nothing from here on is read.
    pub end: i64,
    /// The same as readers are told of it: no bound where nothing waits.
    pub end_told: i64,
    pub due_in_ms: Option<i64>,
}

/// A read of someone who may pass by what is not due.
pub struct SharedRead {
    pub read: Read,
    /// What of the range that was read is not due.
    pub waiting: Vec<WaitingRun>,
}

fn storage(error: &LogError) -> ReadError {
    ReadError::Storage(error.to_string())
}

impl Partition {
    /// Where the partition ends for readers of this kind.
    pub fn visible_end(&self, isolation: Isolation) -> Result<i64, ReadError> {
        let log = self.readable_log()?;
        let limit = match isolation {
            Isolation::LogEnd => log.log_end_offset(),
            Isolation::HighWatermark => self.high_watermark(),
            Isolation::LastStable => self.last_stable_offset(),
        };
        Ok(self.visible(&log, isolation, limit)?.end)
    }

    pub(super) fn visible(&self, log: &PartitionLog, isolation: Isolation, limit: i64) -> Result<Visible, ReadError> {
        let delay_max_ms = self.config.load().delivery_delay_max_ms;
        // Replicas copy what waits as everything else.
        let (Some(delay_max_ms), true) = (delay_max_ms, isolation != Isolation::LogEnd) else {
            return Ok(Visible { end: limit, end_told: i64::MAX, due_in_ms: None });
        };
        let look = self.look_at(log, delay_max_ms, LOOK_INLINE_MAX_BYTES);
        let end = self.delays.readable_end(&look, limit).map_err(|error| storage(&error))?;
        if end.is_behind {
            self.request_load();
        }
        let due_in_ms = end.due_ms.map(|due_ms| due_ms.saturating_sub(look.now_ms).max(0));
        Ok(Visible { end: end.offset, end_told: end.offset, due_in_ms })
    }

    fn look_at<'a>(&self, log: &'a PartitionLog, delay_max_ms: i64, bytes_max: usize) -> Look<'a> {
        Look { log, leader_epoch: self.leader_epoch(), delay_max_ms, now_ms: self.context.env.clock.now_ms(), bytes_max }
    }

    /// Looks at all that nobody has looked at, piece by piece, so that readers are not held up. Not for threads that serve clients.
    pub(super) fn look_at_waiting(&self) {
        let Some(log) = self.opened_log() else { return };
        while let Some(delay_max_ms) = self.config.load().delivery_delay_max_ms {
            let look = self.look_at(&log, delay_max_ms, LOOK_INLINE_MAX_BYTES);
            match self.delays.readable_end(&look, self.high_watermark()) {
                Ok(end) if end.is_behind => {}
                _ => break,
            }
        }
        self.wake_watchers();
    }

    /// Where compaction ends: what nobody could read yet supersedes nothing.
    pub fn compactable_end(&self) -> i64 {
        self.visible_end(Isolation::LastStable).unwrap_or(0)
    }

    pub(super) fn read_slice(
        &self,
        log: &PartitionLog,
        offset: i64,
        max_bytes: u32,
        limit: i64,
        isolation: Isolation,
        at_least_one: bool,
    ) -> Result<Option<Slice>, ReadError> {
        let slice = if self.config.load().record_ttl && isolation != Isolation::LogEnd {
            let now_ms = self.context.env.clock.now_ms();
            read_unexpired(log, &ExpiringRead { offset, max_bytes, limit, at_least_one, now_ms })
        } else {
            log.read(offset, max_bytes, limit, at_least_one)
        };
        slice.map_err(|error| storage(&error))
    }

    /// Whole batches for someone who may pass by what is not due, with what that is. Not for threads that serve clients.
    pub fn read_shared(&self, offset: i64, max_bytes: u32, isolation: Isolation) -> Result<SharedRead, ReadError> {
        let log = self.readable_log()?;
        let Some(delay_max_ms) = self.config.load().delivery_delay_max_ms else {
            let read = self.read(offset, max_bytes, isolation, true)?;
            return Ok(SharedRead { read, waiting: Vec::new() });
        };
        let (log_start_offset, log_end_offset) = (log.log_start_offset(), log.log_end_offset());
        let (high_watermark, last_stable_offset) = (self.high_watermark(), self.last_stable_offset());
        if offset < log_start_offset || offset > log_end_offset {
            return Err(ReadError::OffsetOutOfRange { offset, log_start_offset, log_end_offset });
        }
        let limit = if isolation == Isolation::LastStable { last_stable_offset } else { high_watermark };
        let look = self.look_at(&log, delay_max_ms, usize::MAX);
        let slice = self.read_slice(&log, offset, max_bytes, limit, isolation, true)?;
        let end = slice.as_ref().map_or(offset, |slice| slice.end_offset);
        let waiting = self.delays.waiting_in(&look, offset, end).map_err(|error| storage(&error))?;
        let aborted = match (&slice, isolation) {
            (Some(slice), Isolation::LastStable) => log.aborted(offset, slice.end_offset).map_err(|error| storage(&error))?,
            _ => Vec::new(),
        };
        let read = Read { high_watermark, last_stable_offset, log_start_offset, slice, aborted, due_in_ms: None };
        Ok(SharedRead { read, waiting })
    }
}
