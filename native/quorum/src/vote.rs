//! The vote file: which epoch this node is in, for whom it voted, and whether that one leads.
//!
//! It is not named `quorum-state` on purpose: that name says that Apache Kafka's consensus wrote beside this log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_core::env::{self, Files};

use crate::error::QuorumError;
use crate::types::Vote;

const NAME: &str = "quorum-vote";

pub struct VoteFile {
    files: Arc<dyn Files>,
    path: PathBuf,
    current: Option<Vote>,
}

impl VoteFile {
    /// A damaged vote is an error: a node that forgot its vote could vote twice.
    pub fn open(files: Arc<dyn Files>, dir: &Path) -> Result<VoteFile, QuorumError> {
        let path = dir.join(NAME);
        let current = match files.exists(&path).map_err(QuorumError::io(&path))? {
            false => None,
            true => {
                let content = files.read(&path).map_err(QuorumError::io(&path))?;
                let vote = unseal(&content).and_then(|numbers| vote_of(&numbers));
                Some(vote.ok_or_else(|| QuorumError::damaged(&path, 0, "not a vote"))?)
            }
        };
        Ok(VoteFile { files, path, current })
    }

    pub fn current(&self) -> Option<Vote> {
        self.current
    }

    /// On disk when this returns.
    pub fn save(&mut self, vote: &Vote) -> io::Result<()> {
        let content = seal(&[vote.leader_id.term as i64, vote.leader_id.voted_for as i64, i64::from(vote.committed)]);
        env::write_atomically(&*self.files, &self.path, &content)?;
        self.current = Some(*vote);
        Ok(())
    }
}

fn vote_of(numbers: &[i64]) -> Option<Vote> {
    let &[term, node, committed] = numbers else { return None };
    let (term, node) = (u64::try_from(term).ok()?, u64::try_from(node).ok()?);
    Some(if committed == 1 { Vote::new_committed(term, node) } else { Vote::new(term, node) })
}

/// A small file of numbers that notices damage: a version, the numbers, and a checksum of the lines before it.
pub fn seal(numbers: &[i64]) -> Vec<u8> {
    let mut text = "0\n".to_owned();
    for number in numbers {
        text.push_str(&format!("{number}\n"));
    }
    let checksum = checksum(text.as_bytes());
    text.push_str(&format!("{checksum:08x}\n"));
    text.into_bytes()
}

/// The numbers, or `None` where the content is not as it was written.
pub fn unseal(content: &[u8]) -> Option<Vec<i64>> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('\n')?;
    let (body, sum) = text.rsplit_once('\n')?;
    if format!("{:08x}", checksum(format!("{body}\n").as_bytes())) != sum {
        return None;
    }
    let mut lines = body.split('\n');
    if lines.next() != Some("0") {
        return None;
    }
    lines.map(|line| line.parse().ok()).collect()
}

fn checksum(bytes: &[u8]) -> u32 {
    // FNV-1a: the content is a few lines, and a checksum of batches expects a batch's layout.
    bytes.iter().fold(0x811c_9dc5, |sum: u32, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use millrace_core::env::SimulatedFiles;

    use super::*;

    #[test]
    fn every_flipped_bit_of_a_sealed_file_is_noticed() {
        let sealed = seal(&[7, -1, i64::MAX]);
        assert_eq!(unseal(&sealed), Some(vec![7, -1, i64::MAX]));
        for at in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(unseal(&damaged), None, "bit {at}");
        }
    }

    #[test]
    fn a_vote_survives_a_crash_at_once() {
        for seed in 0..50 {
            let files = SimulatedFiles::new();
            let dir = Path::new("/q");
            files.create_dir_all(dir).unwrap();
            files.sync_dir(Path::new("/")).unwrap();
            let mut file = VoteFile::open(Arc::new(files.clone()), dir).unwrap();
            file.save(&Vote::new(3, 1)).unwrap();
            file.save(&Vote::new_committed(3, 1)).unwrap();
            files.crash(seed);
            let file = VoteFile::open(Arc::new(files.clone()), dir).unwrap();
            assert_eq!(file.current(), Some(Vote::new_committed(3, 1)));
        }
    }
}
