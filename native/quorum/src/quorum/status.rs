//! Where the quorum stands, in Kafka's offsets.

use openraft::Instant;
use openraft::type_config::async_runtime::watch::WatchReceiver;

use super::Consensus;
use crate::log::LogFiles;
use crate::types::Member;

#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub leader: Option<u64>,
    pub epoch: u64,
    /// End of what is known to be committed.
    pub high_watermark: i64,
    pub nodes: Vec<NodeStatus>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NodeStatus {
    pub node_id: u64,
    pub member: Member,
    pub is_voter: bool,
    /// -1 where this node does not know it: only a leader knows of others.
    pub log_end_offset: i64,
    /// Milliseconds since the leader last heard from the node; -1 for unknown.
    pub last_heard_ms: i64,
    /// Has all that is committed.
    pub is_caught_up: bool,
}

pub fn of(raft: &Consensus, log: &LogFiles, own: u64) -> Status {
    let metrics = raft.metrics().borrow_watched().clone();
    // An entry that was purged is older than all that is here.
    let end_after = |index: u64| log.last_offset_of(index).map_or(log.start_offset(), |last| last + 1);
    let committed = metrics.local_committed.map(|id| id.index());
    let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
    let nodes = metrics.membership_config.nodes().map(|(node_id, member)| {
        let matched = metrics.replication.as_ref().and_then(|known| known.get(node_id)).copied().flatten();
        let heard = metrics.heartbeat.as_ref().and_then(|known| known.get(node_id)).and_then(Option::as_ref);
        let (log_end_offset, last_heard_ms, is_caught_up) = if *node_id == own {
            (log.end_offset(), 0, true)
        } else {
            let end = matched.map_or(-1, |id| end_after(id.index()));
            let is_caught_up = matched.is_some() && matched.map(|id| id.index()) >= committed;
            (end, heard.map_or(-1, |at| at.elapsed().as_millis() as i64), is_caught_up)
        };
        NodeStatus {
            node_id: *node_id,
            member: member.clone(),
            is_voter: voters.contains(node_id),
            log_end_offset,
            last_heard_ms,
            is_caught_up,
        }
    });
    Status {
        leader: metrics.current_leader,
        epoch: metrics.current_term,
        high_watermark: committed.map_or(log.start_offset(), end_after),
        nodes: nodes.collect(),
    }
}
