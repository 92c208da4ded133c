//! Delayed delivery: which batches of a partition wait for their time, and where the partition ends for consumers until then.
//!
//! All of it is derived from the log. What was not looked at yet is not readable, so nothing has to be told of appends,
//! truncations or restarts: a new leader epoch begins anew.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::log::{LogError, PartitionLog};
use crate::record::timing;

/// Runs of waiting batches that are kept apart; what comes beyond waits for the latest of it.
const RUNS_MAX: usize = 1 << 20;
/// What the thread that serves a reader looks at in one go.
pub const LOOK_INLINE_MAX_BYTES: usize = 1024 * 1024;

/// Neighbouring batches that become due at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingRun {
    pub first_offset: i64,
    pub last_offset: i64,
    pub due_ms: i64,
}

/// Where a partition ends for consumers, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadableEnd {
    pub offset: i64,
    /// When it moves on by itself.
    pub due_ms: Option<i64>,
    /// There is more to look at than a reader may wait for.
    pub is_behind: bool,
}

/// What is known of one partition's waiting batches.
///
/// Invariant: runs ascend, do not overlap, and lie below `looked_to`.
#[derive(Debug)]
struct Waiting {
    leader_epoch: i32,
    /// All batches below it were looked at.
    looked_to: i64,
    runs: VecDeque<WaitingRun>,
}

impl Waiting {
    fn note(&mut self, first_offset: i64, last_offset: i64, due_ms: i64, now_ms: i64) {
        self.looked_to = last_offset + 1;
        if due_ms <= now_ms {
            return;
        }
        let is_full = self.runs.len() >= RUNS_MAX;
        match self.runs.back_mut() {
            Some(run) if is_full || run.due_ms == due_ms && run.last_offset + 1 == first_offset => {
                run.last_offset = last_offset;
                run.due_ms = run.due_ms.max(due_ms);
            }
            _ => self.runs.push_back(WaitingRun { first_offset, last_offset, due_ms }),
        }
    }

    /// Drops runs whose time has come, from the front: those behind one that waits go when they get there.
    fn pass(&mut self, now_ms: i64) {
        while self.runs.front().is_some_and(|run| run.due_ms <= now_ms) {
            self.runs.pop_front();
        }
        if self.runs.is_empty() {
            self.runs = VecDeque::new();
        }
    }
}

/// A look at a log by someone who wants to read up to `limit`.
pub struct Look<'a> {
    pub log: &'a PartitionLog,
    pub leader_epoch: i32,
    /// Records are put off by no more than this.
    pub delay_max_ms: i64,
    pub now_ms: i64,
    /// How much of the log may be looked at now.
    pub bytes_max: usize,
}

/// The waiting batches of one partition; nothing until somebody asks.
#[derive(Default)]
pub struct DelayGate(Mutex<Option<Box<Waiting>>>);

impl DelayGate {
    /// Where a log ends for consumers, `limit` at most.
    pub fn readable_end(&self, look: &Look<'_>, limit: i64) -> Result<ReadableEnd, LogError> {
        let mut slot = self.0.lock();
        let waiting = look_on(&mut slot, look, limit)?;
        waiting.pass(look.now_ms);
        let is_behind = waiting.looked_to < limit;
        Ok(match waiting.runs.front() {
            Some(run) if run.first_offset < limit => ReadableEnd { offset: run.first_offset, due_ms: Some(run.due_ms), is_behind: false },
            _ => ReadableEnd { offset: limit.min(waiting.looked_to), due_ms: None, is_behind },
        })
    }

    /// Runs in `from..to` that wait, for readers who may pass them by.
    pub fn waiting_in(&self, look: &Look<'_>, from: i64, to: i64) -> Result<Vec<WaitingRun>, LogError> {
        let mut slot = self.0.lock();
        let waiting = look_on(&mut slot, look, to)?;
        waiting.pass(look.now_ms);
        let begin = waiting.runs.partition_point(|run| run.last_offset < from);
        let runs = waiting.runs.iter().skip(begin).take_while(|run| run.first_offset < to);
        Ok(runs.filter(|run| run.due_ms > look.now_ms).copied().collect())
    }
}

/// Looks at the batches below `limit` that nobody has looked at, as far as the bytes reach.
fn look_on<'a>(slot: &'a mut Option<Box<Waiting>>, look: &Look<'_>, limit: i64) -> Result<&'a mut Waiting, LogError> {
    // With an earlier leader's end of the log may have gone what was known of it.
    let known = slot.take().filter(|waiting| waiting.leader_epoch == look.leader_epoch);
    let waiting = slot.insert(known.unwrap_or_else(|| {
        let looked_to = first_of_interest(look);
        Box::new(Waiting { leader_epoch: look.leader_epoch, looked_to, runs: VecDeque::new() })
    }));
    let from = waiting.looked_to.max(look.log.log_start_offset());
    if from >= limit {
        return Ok(waiting);
    }
    let mut plain = Vec::new();
    let mut bytes = 0;
    let mut ended = true;
    look.log.scan_from(from, |header, batch| {
        if header.base_offset >= limit || bytes >= look.bytes_max {
            ended = header.base_offset >= limit;
            return false;
        }
        bytes += batch.len();
        // What cannot be read says nothing of a delay; readers find out for themselves. Nor does what lies beyond the
        // bound: nobody checked it when it was written, and it must not close the partition.
        let due_ms = timing::batch_deliver_at_ms(header, batch, &mut plain).unwrap_or(0);
        let due_ms = if due_ms.saturating_sub(look.now_ms) > look.delay_max_ms { 0 } else { due_ms };
        waiting.note(header.base_offset, header.last_offset(), due_ms, look.now_ms);
        true
    })?;
    if ended {
        waiting.looked_to = waiting.looked_to.max(limit); // gaps that compaction left
    }
    Ok(waiting)
}

/// No segment that was not written to for as long as records may be delayed holds one that still waits.
fn first_of_interest(look: &Look<'_>) -> i64 {
    let since_ms = look.now_ms.saturating_sub(look.delay_max_ms);
    let segments = look.log.segment_summaries();
    let first = segments.iter().find(|segment| segment.active || segment.last_modified_ms <= 0 || segment.last_modified_ms >= since_ms);
    first.map_or(0, |segment| segment.base_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        Waiting { leader_epoch: 0, looked_to: 0, runs: VecDeque::new() }
    }

    fn run(first_offset: i64, last_offset: i64, due_ms: i64) -> WaitingRun {
        WaitingRun { first_offset, last_offset, due_ms }
    }

    #[test]
    fn neighbours_of_one_time_are_one_run_and_what_is_due_is_none() {
        let mut waiting = waiting();
        for (first, last, due) in [(0, 1, 50), (2, 2, 0), (3, 3, 200), (4, 9, 200), (10, 10, 300), (11, 11, 100), (13, 13, 300)] {
            waiting.note(first, last, due, 100);
        }
        assert_eq!(waiting.runs, [run(3, 9, 200), run(10, 10, 300), run(13, 13, 300)]);
        assert_eq!(waiting.looked_to, 14);
    }

    #[test]
    fn a_run_behind_one_that_waits_longer_goes_with_it() {
        let mut waiting = waiting();
        waiting.note(0, 0, 300, 100);
        waiting.note(1, 1, 200, 100);
        waiting.pass(250);
        assert_eq!(waiting.runs, [run(0, 0, 300), run(1, 1, 200)]);
        waiting.pass(300);
        assert_eq!(waiting.runs, []);
    }

    #[test]
    fn runs_have_a_limit_and_what_is_beyond_waits_longest() {
        let mut waiting = waiting();
        for offset in 0..RUNS_MAX as i64 {
            waiting.note(offset * 2, offset * 2, 1_000 + offset, 0);
        }
        let beyond = RUNS_MAX as i64 * 2;
        waiting.note(beyond, beyond, 5, 0);
        waiting.note(beyond + 1, beyond + 1, 9_000_000, 0);
        assert_eq!(waiting.runs.len(), RUNS_MAX);
        assert_eq!(waiting.runs.back(), Some(&run(beyond - 2, beyond + 1, 9_000_000)));
    }
}
