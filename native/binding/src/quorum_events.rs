//! What the quorum tells, packed for the control plane.
//!
//! An item is its size (u32, without itself), its kind (u8) and its content; see `src/native/quorum-inbox.ts`.

use millrace_core::record::{BATCH_OVERHEAD, BatchHeader, RecordIterator};
use millrace_quorum::{Event, EventQueue, ProposeError};

use crate::packing::Packer;

const COMMITTED: u8 = 0;
const EPOCH_STARTED: u8 = 1;
const LEADER_CHANGED: u8 = 2;
const SNAPSHOT_BEGIN: u8 = 3;
const SNAPSHOT_RECORDS: u8 = 4;
const SNAPSHOT_END: u8 = 5;
const DONE: u8 = 6;
const STOPPED: u8 = 7;
const LOG_CUT: u8 = 8;

const OK: u8 = 0;
const NOT_LEADER: u8 = 1;
const UNKNOWN: u8 = 2;
const REFUSED: u8 = 3;
const CLOSED: u8 = 4;

/// As `drain::drain`: the number of bytes written, or the size that the first item needs, negated.
pub fn drain(queue: &EventQueue, out: &mut [u8]) -> i64 {
    let mut written = 0;
    let mut missing = 0;
    let mut packer = Packer::default();
    queue.drain(|event| {
        packer.bytes.clear();
        pack(event, &mut packer);
        let size = packer.bytes.len();
        let Some(space) = out.get_mut(written..written + 4 + size) else {
            missing = 4 + size;
            return false;
        };
        let (head, content) = space.split_at_mut(4);
        head.copy_from_slice(&(size as u32).to_le_bytes());
        content.copy_from_slice(&packer.bytes);
        written += 4 + size;
        true
    });
    if written == 0 && missing > 0 { -(missing as i64) } else { written as i64 }
}

fn pack(event: &Event, packer: &mut Packer) {
    match event {
        Event::Committed(batch) => {
            packer.u8(COMMITTED);
            pack_batch(batch, packer);
        }
        Event::EpochStarted { epoch } => {
            packer.u8(EPOCH_STARTED);
            packer.u32(*epoch as u32);
        }
        Event::LeaderChanged { leader, epoch } => {
            packer.u8(LEADER_CHANGED);
            packer.i32(node(*leader));
            packer.u32(*epoch as u32);
        }
        Event::SnapshotBegin { end_offset, epoch } => {
            packer.u8(SNAPSHOT_BEGIN);
            packer.i64(*end_offset);
            packer.u32(*epoch as u32);
        }
        Event::SnapshotBatch(batch) => {
            packer.u8(SNAPSHOT_RECORDS);
            pack_batch(batch, packer);
        }
        Event::SnapshotEnd => packer.u8(SNAPSHOT_END),
        Event::Done { token, outcome } => {
            packer.u8(DONE);
            packer.u32(*token);
            pack_outcome(outcome, packer);
        }
        Event::LogCut { bytes } => {
            packer.u8(LOG_CUT);
            packer.f64(*bytes as f64);
        }
        Event::Stopped { message } => {
            packer.u8(STOPPED);
            packer.string(message);
        }
    }
}

/// Offset, epoch, and the values of the records, which were checked when the batch was read.
fn pack_batch(batch: &[u8], packer: &mut Packer) {
    let Ok(header) = BatchHeader::decode(batch) else { return };
    packer.i64(header.base_offset);
    packer.u32(header.partition_leader_epoch as u32);
    packer.u32(header.record_count as u32);
    for record in RecordIterator::new(&batch[BATCH_OVERHEAD..]).flatten() {
        packer.blob(record.value);
    }
}

fn pack_outcome(outcome: &Result<i64, ProposeError>, packer: &mut Packer) {
    let (code, number, message) = match outcome {
        Ok(offset) => (OK, *offset, String::new()),
        Err(ProposeError::NotLeader { leader }) => (NOT_LEADER, i64::from(node(*leader)), String::new()),
        Err(error @ ProposeError::Unknown) => (UNKNOWN, 0, error.to_string()),
        Err(error @ ProposeError::Refused(_)) => (REFUSED, 0, error.to_string()),
        Err(error @ ProposeError::Stopped(_)) => (CLOSED, 0, error.to_string()),
    };
    packer.u8(code);
    packer.i64(number);
    packer.string(&message);
}

fn node(id: Option<u64>) -> i32 {
    id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1)
}
