//! Requests and facts, packed for the control plane.
//!
//! An item is its size (u32, without itself), its kind (u8) and its content; see `src/native/inbox.ts`.

use millrace_core::server::forward::{Fact, ForwardQueue, Item};

use crate::packing::Packer;

const REQUEST: u8 = 0;
const VERIFICATION: u8 = 1;
const APPEND_DONE: u8 = 2;
const CONNECTION_CLOSED: u8 = 3;
const PARTITION_FAILED: u8 = 4;
const PARTITION_LOADED: u8 = 5;
const LOG_DIR_FAILED: u8 = 6;
const PARTITION_ADVANCED: u8 = 7;
const ISR_PROPOSED: u8 = 8;
const PARTITION_TRUNCATED: u8 = 9;
const REPLICA_STALLED: u8 = 10;

/// Packs what is queued into `out`. Returns the number of bytes written, or, where even the first item does not fit,
/// the size that it needs, negated.
pub fn drain(queue: &ForwardQueue, out: &mut [u8]) -> i64 {
    let mut written = 0;
    let mut missing = 0;
    let mut packer = Packer::default();
    queue.drain(|item| {
        // A request's frame is copied once, to its final place.
        let frame = pack(item, &mut packer);
        let size = packer.bytes.len() + frame.len();
        let Some(space) = out.get_mut(written..written + 4 + size) else {
            missing = 4 + size;
            return false;
        };
        let (head, frame_space) = space.split_at_mut(4 + packer.bytes.len());
        head[..4].copy_from_slice(&(size as u32).to_le_bytes());
        head[4..].copy_from_slice(&packer.bytes);
        frame_space.copy_from_slice(frame);
        written += 4 + size;
        true
    });
    if written == 0 && missing > 0 { -(missing as i64) } else { written as i64 }
}

fn pack<'a>(item: &'a Item, packer: &mut Packer) -> &'a [u8] {
    packer.bytes.clear();
    match item {
        Item::Request(request) => {
            packer.u8(REQUEST);
            packer.u8(request.listener);
            packer.f64(request.request.as_number());
            packer.string(&request.peer.ip().to_canonical().to_string());
            return &request.frame;
        }
        Item::Verify(verification) => {
            packer.u8(VERIFICATION);
            packer.f64(verification.request.as_number());
            packer.string(&verification.transactional_id);
            packer.i64(verification.producer_id);
            packer.i16(verification.producer_epoch);
            packer.i16(verification.produce_version);
            packer.i32(verification.partitions.len() as i32);
            for (topic, partition) in &verification.partitions {
                packer.string(topic);
                packer.i32(*partition);
            }
        }
        Item::Fact(fact) => pack_fact(fact, packer),
    }
    &[]
}

fn pack_fact(fact: &Fact, packer: &mut Packer) {
    match fact {
        Fact::AppendDone { token, error, base_offset } => {
            packer.u8(APPEND_DONE);
            packer.u32(*token);
            packer.i16(*error);
            packer.i64(*base_offset);
        }
        Fact::ConnectionClosed { listener, peer, reason } => {
            packer.u8(CONNECTION_CLOSED);
            packer.u8(*listener);
            packer.string(&peer.to_string());
            packer.string(reason);
        }
        Fact::PartitionFailed { topic, partition, message } => {
            packer.u8(PARTITION_FAILED);
            packer.string(topic);
            packer.i32(*partition);
            packer.string(message);
        }
        Fact::PartitionLoaded { topic, partition, recovered_bytes, truncated_bytes } => {
            packer.u8(PARTITION_LOADED);
            packer.string(topic);
            packer.i32(*partition);
            packer.f64(*recovered_bytes as f64);
            packer.f64(*truncated_bytes as f64);
        }
        Fact::IsrProposed { topic, topic_id, partition, leader_epoch, partition_epoch, isr, recovered } => {
            packer.u8(ISR_PROPOSED);
            packer.string(topic);
            packer.string(&topic_id.to_string());
            packer.i32(*partition);
            packer.i32(*leader_epoch);
            packer.i32(*partition_epoch);
            packer.u8(u8::from(*recovered));
            packer.i32(isr.len() as i32);
            for (broker_id, broker_epoch) in isr {
                packer.i32(*broker_id);
                packer.f64(*broker_epoch as f64);
            }
        }
        Fact::PartitionTruncated { topic, partition, from_offset, to_offset } => {
            packer.u8(PARTITION_TRUNCATED);
            packer.string(topic);
            packer.i32(*partition);
            packer.f64(*from_offset as f64);
            packer.f64(*to_offset as f64);
        }
        Fact::ReplicaStalled { topic, partition, leader, error, reason } => {
            packer.u8(REPLICA_STALLED);
            packer.string(topic);
            packer.i32(*partition);
            packer.i32(*leader);
            packer.i16(*error);
            packer.string(reason);
        }
        Fact::PartitionAdvanced { watch } => {
            packer.u8(PARTITION_ADVANCED);
            packer.f64(*watch as f64);
        }
        Fact::LogDirFailed { path, message } => {
            packer.u8(LOG_DIR_FAILED);
            packer.string(path);
            packer.string(message);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_does_not_fit_stays_and_its_size_is_told() {
        let queue = ForwardQueue::new(Vec::new(), || {});
        let message = "x".repeat(100);
        queue.push_fact(Fact::LogDirFailed { path: "a".to_owned(), message });
        let needed = drain(&queue, &mut [0; 16]);
        assert_eq!(needed, -(4 + 1 + 5 + 104));
        let mut out = vec![0; needed.unsigned_abs() as usize];
        assert_eq!(drain(&queue, &mut out), -needed);
        assert_eq!(drain(&queue, &mut out), 0);
        assert_eq!(out[4], LOG_DIR_FAILED);
    }
}
