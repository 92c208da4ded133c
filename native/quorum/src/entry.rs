//! Entries as record batches of Kafka's format.
//!
//! A leader's first entry is KRaft's leader change, a change of voters KRaft's voters record, so that Kafka's tools can
//! read the log. What consensus needs beyond that (both halves of a change of voters) is in a record header, which they
//! pass over.

use std::io;

use millrace_core::record::{self, BATCH_OVERHEAD, BatchHeader, RecordIterator};
use openraft::EntryPayload;
use openraft::entry::RaftEntry;

use crate::types::{Batch, Entry, Member, Membership, log_id};

/// Larger batches are neither proposed nor read.
pub const BATCH_SIZE_MAX_BYTES: usize = 16 * 1024 * 1024;

const LEADER_CHANGE: i16 = 2;
const VOTERS: i16 = 6;
const MEMBERSHIP_HEADER: &str = "membership";
/// An entry of consensus is the same on all nodes, so it carries no node's time.
const NO_TIME: i64 = record::NO_TIMESTAMP;

/// The entry's batch, with its epoch but not yet its offset. `leader` is written into a leader change, -1 for unknown.
pub fn encode(entry: &Entry, leader: i64) -> io::Result<Vec<u8>> {
    let mut batch = match &entry.payload {
        EntryPayload::Normal(batch) => batch.0.to_vec(),
        EntryPayload::Blank => record::build_control(LEADER_CHANGE, &leader_change(leader), &[], None, NO_TIME),
        EntryPayload::Membership(membership) => {
            let exact = postcard::to_stdvec(membership).map_err(io::Error::other)?;
            record::build_control(VOTERS, &voters(membership)?, &[(MEMBERSHIP_HEADER, &exact)], None, NO_TIME)
        }
    };
    let (term, _) = entry.log_id_parts();
    let epoch = i32::try_from(term.term).map_err(|_| io::Error::other("there are no epochs left"))?;
    record::set_base_offset_and_leader_epoch(&mut batch, 0, epoch);
    Ok(batch)
}

/// The entry that was written as `batch`.
pub fn decode(index: u64, batch: Vec<u8>) -> io::Result<Entry> {
    let header = check(&batch).map_err(invalid)?;
    let term = u64::try_from(header.partition_leader_epoch).map_err(|_| invalid("a batch with a negative epoch"))?;
    let payload = match control(&header, &batch)? {
        None => EntryPayload::Normal(Batch(batch.into())),
        Some(Control::Membership(membership)) => EntryPayload::Membership(membership),
        Some(Control::Other) => EntryPayload::Blank,
    };
    Ok(Entry::new(log_id(term, index), payload))
}

enum Control {
    Membership(Membership),
    Other,
}

fn control(header: &BatchHeader, batch: &[u8]) -> io::Result<Option<Control>> {
    if !header.is_control() {
        return Ok(None);
    }
    let record = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next();
    let record = record.ok_or_else(|| invalid("an empty control batch"))?.map_err(invalid)?;
    let kind = record.key.and_then(|key| key.get(2..4)).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
    let exact = record.headers().find(|(key, _)| *key == MEMBERSHIP_HEADER.as_bytes()).and_then(|(_, value)| value);
    match (kind, exact) {
        (Some(VOTERS), Some(exact)) => Ok(Some(Control::Membership(postcard::from_bytes(exact).map_err(invalid)?))),
        _ => Ok(Some(Control::Other)),
    }
}

/// Length, checksum and counts of a whole batch.
pub fn check(batch: &[u8]) -> Result<BatchHeader, String> {
    let header = BatchHeader::decode(batch).map_err(|error| error.to_string())?;
    if header.size_in_bytes() != batch.len() {
        return Err(format!("a batch of {} bytes in {}", header.size_in_bytes(), batch.len()));
    }
    if header.crc != record::checksum(batch) {
        return Err("the checksum does not hold".to_owned());
    }
    if header.last_offset_delta < 0 || header.record_count < 1 {
        return Err("a batch without records".to_owned());
    }
    Ok(header)
}

/// KRaft's LeaderChangeMessage, version 0, which names no voters.
fn leader_change(leader: i64) -> Vec<u8> {
    let leader = i32::try_from(leader).unwrap_or(-1);
    let mut value = vec![0, 0];
    value.extend_from_slice(&leader.to_be_bytes());
    value.extend_from_slice(&[1, 1, 0]);
    value
}

/// KRaft's VotersRecord, version 0, of the voters after a change.
fn voters(membership: &Membership) -> io::Result<Vec<u8>> {
    let last = membership.get_joint_config().last();
    let voters: Vec<(u64, &Member)> =
        last.into_iter().flatten().filter_map(|id| membership.get_node(id).map(|member| (*id, member))).collect();
    let mut value = vec![0, 0];
    write_length(&mut value, voters.len());
    for (id, member) in voters {
        let id = i32::try_from(id).map_err(|_| invalid("a node id above 2^31-1"))?;
        value.extend_from_slice(&id.to_be_bytes());
        value.extend_from_slice(&member.directory_id);
        write_length(&mut value, 1);
        write_string(&mut value, "CONTROLLER");
        write_string(&mut value, &member.host);
        value.extend_from_slice(&member.port.to_be_bytes());
        value.extend_from_slice(&[0, 0, 0, 0, 1, 0, 0]); // endpoint's tags, versions 0 to 1, two more ends of tags
    }
    value.push(0);
    Ok(value)
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    write_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Kafka's compact lengths: one more than the length, 7 bits at a time.
fn write_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length + 1;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
