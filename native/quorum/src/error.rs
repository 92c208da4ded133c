//! What can keep a quorum from starting, and a proposal from being committed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum QuorumError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Nothing is changed on disk when this is found.
    #[error("{path} is damaged at byte {position}: {reason}")]
    Damaged { path: PathBuf, position: u64, reason: String },
    #[error("the metadata log holds {0} batches and no voters; it can only be continued by one voter")]
    ManyVotersForOldLog(usize),
    #[error("{0}")]
    Consensus(String),
}

impl QuorumError {
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> QuorumError {
        let path = path.into();
        move |source| QuorumError::Io { path, source }
    }

    pub fn damaged(path: impl Into<PathBuf>, position: u64, reason: impl Into<String>) -> QuorumError {
        QuorumError::Damaged { path: path.into(), position, reason: reason.into() }
    }
}

impl From<QuorumError> for io::Error {
    fn from(error: QuorumError) -> io::Error {
        match error {
            QuorumError::Io { source, .. } => source,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// Why a proposal or a change of voters was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// Nothing was or will be appended.
    #[error("node {leader:?} leads the metadata quorum")]
    NotLeader { leader: Option<u64> },
    /// Another node leads now, and may or may not have what was proposed.
    #[error("the metadata quorum changed its leader before it was known whether this was committed")]
    Unknown,
    /// Another change of voters is under way, or this one is impossible.
    #[error("{0}")]
    Refused(String),
    #[error("the metadata quorum stopped: {0}")]
    Stopped(String),
}
