//! What the files alone do not tell: how many entries were before the first, and up to where everything was synced.

use std::io;
use std::path::Path;

use millrace_core::env::{self, Files};

use crate::error::QuorumError;
use crate::vote::{seal, unseal};

const NAME: &str = "quorum-log-checkpoint";

/// The last entry that is no longer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    pub index: u64,
    pub term: u64,
    pub last_offset: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    pub purged: Option<Purged>,
    /// Everything below was synced: damage there is no unfinished write.
    pub recovery_offset: i64,
}

impl Checkpoint {
    pub fn read(files: &dyn Files, dir: &Path) -> Result<Option<Checkpoint>, QuorumError> {
        let path = dir.join(NAME);
        if !files.exists(&path).map_err(QuorumError::io(&path))? {
            return Ok(None);
        }
        let content = files.read(&path).map_err(QuorumError::io(&path))?;
        let numbers = unseal(&content).filter(|numbers| numbers.len() == 4);
        let numbers = numbers.ok_or_else(|| QuorumError::damaged(&path, 0, "not a checkpoint"))?;
        let purged = match (u64::try_from(numbers[0]), u64::try_from(numbers[1])) {
            (Ok(index), Ok(term)) => Some(Purged { index, term, last_offset: numbers[2] }),
            _ => None,
        };
        Ok(Some(Checkpoint { purged, recovery_offset: numbers[3] }))
    }

    pub fn write(&self, files: &dyn Files, dir: &Path) -> io::Result<()> {
        let [index, term, last_offset] =
            self.purged.map_or([-1; 3], |purged| [purged.index as i64, purged.term as i64, purged.last_offset]);
        env::write_atomically(files, &dir.join(NAME), &seal(&[index, term, last_offset, self.recovery_offset]))
    }
}
