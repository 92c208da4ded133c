//! How long a group takes to become stable when all of its members are new: each has what it shall have and knows it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::groups::{JOIN_STACK_BYTES, JOIN_TIMEOUT, await_coordinator, join};
use super::{Target, seconds};
use crate::client::Client;
use crate::requests::{self, Api, Assignment, errors};
use crate::tally::rounded;

#[derive(Args, Clone)]
pub struct Rebalance {
    #[command(flatten)]
    pub target: Target,
    #[arg(long, default_value_t = 1000)]
    pub members: usize,
    #[arg(long, value_enum, default_value_t = Protocol::Consumer)]
    pub protocol: Protocol,
    #[arg(long, default_value = "load-rebalance")]
    pub group: String,
    /// How long a member of the consumer protocol that has nothing to say waits before its next heartbeat
    #[arg(long, default_value = "0.2", value_parser = seconds)]
    pub pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// Members agree through JoinGroup and SyncGroup
    Classic,
    /// The coordinator assigns through heartbeats
    Consumer,
}

impl Rebalance {
    /// Every member has a connection and a thread of its own; all begin at the same time.
    pub fn run(&self) -> Result<Map<String, Value>> {
        let names = self.target.prepare()?;
        let topic = names.first().context("at least one topic")?;
        await_coordinator(self.target.bootstrap, &self.group)?;
        let began = Instant::now();
        let heartbeats = match self.protocol {
            Protocol::Classic => {
                join(self.target.bootstrap, &self.group, self.members, self.members)?;
                None
            }
            Protocol::Consumer => Some(self.join_by_heartbeats(topic)?),
        };
        let mut summary = Map::new();
        summary.insert("members".into(), json!(self.members));
        summary.insert("stableSeconds".into(), json!(rounded(began.elapsed().as_secs_f64())));
        if let Some(heartbeats) = heartbeats {
            summary.insert("heartbeats".into(), json!(heartbeats));
        }
        Ok(summary)
    }

    /// How many heartbeats it took.
    fn join_by_heartbeats(&self, topic: &str) -> Result<u64> {
        let board = &Mutex::new(Board::new(self.members, self.target.partitions));
        std::thread::scope(|scope| {
            let members: Vec<_> = (0..self.members)
                .map(|index| {
                    std::thread::Builder::new()
                        .stack_size(JOIN_STACK_BYTES)
                        .spawn_scoped(scope, move || self.heartbeat_until_stable(index, topic, board))
                })
                .collect::<Result<_, _>>()?;
            members.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a member's thread panicked"))?).sum()
        })
    }

    fn heartbeat_until_stable(&self, index: usize, topic: &str, board: &Mutex<Board>) -> Result<u64> {
        let mut client = Client::connect(self.target.bootstrap)?;
        let deadline = Instant::now() + JOIN_TIMEOUT;
        let id = format!("member-{index}");
        let (mut epoch, mut owned, mut heartbeats) = (0, Assignment::new(), 0);
        let mut changed = true;
        while Instant::now() < deadline {
            let (named, told) = ((epoch == 0).then_some(topic), changed.then_some(&owned));
            let answer = requests::read_consumer_heartbeat(&mut client.call(Api::CONSUMER_GROUP_HEARTBEAT, |out| {
                requests::consumer_heartbeat(&self.group, &id, epoch, named, told, out);
            })?)?;
            heartbeats += 1;
            match answer.error {
                errors::NONE => {}
                errors::COORDINATOR_LOAD_IN_PROGRESS | errors::COORDINATOR_NOT_AVAILABLE | errors::NOT_COORDINATOR => {
                    std::thread::sleep(self.pause);
                    continue;
                }
                other => bail!("ConsumerGroupHeartbeat: error {other}"),
            }
            changed = answer.assignment.is_some();
            if let Some(assignment) = answer.assignment {
                owned = assignment;
            }
            epoch = answer.epoch;
            // A member that must still tell what it has is not where the coordinator wants it.
            let is_settled = !changed;
            let partition_count = owned.iter().map(|(_, partitions)| partitions.len()).sum();
            if lock(board).tell(index, is_settled.then_some((epoch, partition_count))) {
                return Ok(heartbeats);
            }
            if !changed {
                std::thread::sleep(self.pause);
            }
        }
        bail!("the group was not stable in {} s", JOIN_TIMEOUT.as_secs())
    }
}

fn lock(board: &Mutex<Board>) -> std::sync::MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where all members stand. The group is stable once all are in one epoch and have all partitions among them, none more than
/// one more than another: a coordinator may give all to the first member before it looks at the others.
struct Board {
    /// Epoch and number of partitions of each member that is settled.
    members: Vec<Option<(i32, usize)>>,
    partition_count: usize,
    is_stable: bool,
}

impl Board {
    fn new(members: usize, partition_count: usize) -> Board {
        Board { members: vec![None; members], partition_count, is_stable: false }
    }

    /// Takes what a member knows; whether the group is stable.
    fn tell(&mut self, index: usize, standing: Option<(i32, usize)>) -> bool {
        self.members[index] = standing;
        let Some((epoch, _)) = standing else { return self.is_stable };
        let (mut owned, mut least, mut most) = (0, usize::MAX, 0);
        let agree = self.members.iter().all(|member| {
            member.is_some_and(|(theirs, count)| {
                owned += count;
                least = least.min(count);
                most = most.max(count);
                theirs == epoch
            })
        });
        self.is_stable |= agree && owned == self.partition_count && most - least <= 1;
        self.is_stable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_stable_once_all_are_in_one_epoch_and_own_all() {
        let mut board = Board::new(2, 4);
        assert!(!board.tell(0, Some((1, 4))));
        assert!(!board.tell(1, Some((2, 0))));
        assert!(!board.tell(0, Some((2, 2))));
        assert!(!board.tell(1, None));
        assert!(!board.tell(1, Some((2, 0))));
        assert!(!board.tell(0, Some((2, 4))), "the other has nothing yet");
        assert!(!board.tell(0, Some((2, 2))));
        assert!(board.tell(1, Some((2, 2))));
        assert!(board.tell(0, Some((3, 0))), "what was stable once has been measured");
    }
}
