//! A log from before there was a quorum: it is taken as it is, and its only node becomes the first voter.

use openraft::entry::RaftEntry;
use openraft::{EntryPayload, Membership};

use crate::entry;
use crate::error::QuorumError;
use crate::storage::Storage;
use crate::types::{Entry, Member, Vote, log_id};

/// Adds the entry that a new quorum begins with at the log's end, where the log has entries and none of them names voters.
pub fn continue_old_log(storage: &Storage, node_id: u64, initial_voters: &[(u64, Member)]) -> Result<(), QuorumError> {
    let mut log = storage.log.lock();
    let mut vote = storage.vote.lock();
    if vote.current().is_some() || log.len() == 0 || log.purged().is_some() || initial_voters.is_empty() {
        return Ok(());
    }
    let last_term = log.place(log.end_index() - 1).map_or(0, |place| place.term);
    let mut names_voters = false;
    for index in 0..log.end_index() {
        let Some(batch) = log.read(index).map_err(QuorumError::io("metadata log"))? else { continue };
        let entry = entry::decode(index, batch).map_err(QuorumError::io("metadata log"))?;
        names_voters |= matches!(entry.payload, EntryPayload::Membership(_));
    }
    if !names_voters {
        if initial_voters.len() > 1 {
            return Err(QuorumError::ManyVotersForOldLog(log.len()));
        }
        let voters = initial_voters.iter().map(|(id, _)| *id).collect();
        let nodes = initial_voters.iter().cloned().collect::<std::collections::BTreeMap<u64, Member>>();
        let membership = Membership::new(vec![voters], nodes).map_err(|error| QuorumError::Consensus(error.to_string()))?;
        let index = log.end_index();
        let entry = Entry::new(log_id(last_term, index), EntryPayload::Membership(membership));
        let batch = entry::encode(&entry, -1).map_err(QuorumError::io("metadata log"))?;
        log.append(index, vec![batch]).map_err(QuorumError::io("metadata log"))?;
    }
    // After the entry: as long as there is no vote, this is done again.
    vote.save(&Vote::new(last_term, node_id)).map_err(QuorumError::io("vote"))
}
