//! Heartbeats and offset commits of members that have really joined their groups.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Pressure, Target};
use crate::client::Client;
use crate::connection::{Body, Connection};
use crate::engine::Load;
use crate::requests::{self, Api, Member, errors};
use crate::tally::Tally;

pub const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const SESSION_TIMEOUT_MS: i32 = 120_000;
/// Joining threads wait and do nothing else.
pub const JOIN_STACK_BYTES: usize = 256 << 10;

#[derive(Args, Clone)]
pub struct Groups {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub pressure: Pressure,
    #[arg(long, default_value_t = 200)]
    pub members: usize,
    #[arg(long, default_value_t = 4)]
    pub members_per_group: usize,
    /// Of so many requests one is an offset commit, the others are heartbeats; 0 for heartbeats alone
    #[arg(long, default_value_t = 2)]
    pub commit_every: u64,
    /// Start of the groups' names; a fresh one each time leaves no members of an earlier run
    #[arg(long, default_value = "load-group")]
    pub group: String,
}

impl Groups {
    pub fn run(&self) -> Result<Map<String, Value>> {
        let names = self.target.prepare()?;
        let topic = names.first().context("at least one topic")?;
        let began = Instant::now();
        let members = join(self.target.bootstrap, &self.group, self.members, self.members_per_group)?;
        let joined_in = began.elapsed().as_secs_f64();
        let connections = self.pressure.connections.max(1);
        let mut commits = 0;
        let tallies = self.pressure.run(self.target.bootstrap, |range: Range<usize>| {
            let members = range.map(|connection| members.iter().skip(connection).step_by(connections).cloned().collect()).collect();
            Ok(GroupLoad::new(topic, members, self.commit_every))
        })?;
        for tally in &tallies {
            commits += tally.records;
        }
        let mut summary = Tally::summary(&tallies)?;
        for irrelevant in ["records", "valueBytes", "wireBytes", "valueMegabytesPerSecond", "wireMegabytesPerSecond"] {
            summary.shift_remove(irrelevant);
        }
        let commits_per_second = summary.shift_remove("recordsPerSecond");
        summary.insert("commitsPerSecond".into(), commits_per_second.unwrap_or_default());
        summary.insert("commits".into(), json!(commits));
        summary.insert("members".into(), json!(members.len()));
        summary.insert("joinSeconds".into(), json!(joined_in));
        Ok(summary)
    }
}

/// Lets every member join at the same time, one thread each, until all stand in one generation of their group.
pub fn join(address: SocketAddr, stem: &str, members: usize, members_per_group: usize) -> Result<Vec<Member>> {
    await_coordinator(address, stem)?;
    let per_group = members_per_group.max(1);
    let group_sizes = (0..members).step_by(per_group).map(|first| per_group.min(members - first));
    let barriers: &Vec<Barrier> = &group_sizes.map(Barrier::new).collect();
    std::thread::scope(|scope| {
        let joining: Vec<_> = (0..members)
            .map(|index| {
                let member = Member { group: format!("{}-{}", stem, index / per_group), ..Member::default() };
                std::thread::Builder::new()
                    .stack_size(JOIN_STACK_BYTES)
                    .spawn_scoped(scope, move || join_one(address, member, &barriers[index / per_group]))
            })
            .collect::<Result<_, _>>()?;
        joining.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a joining thread panicked"))?).collect()
    })
}

/// The internal topic of groups is made on the first question for a coordinator.
pub fn await_coordinator(address: SocketAddr, group: &str) -> Result<()> {
    let deadline = Instant::now() + JOIN_TIMEOUT;
    let mut client = Client::connect(address)?;
    loop {
        let error = requests::read_coordinator(&mut client.call(Api::FIND_COORDINATOR, |out| requests::find_coordinator(group, out))?)?;
        match error {
            errors::NONE => return Ok(()),
            errors::COORDINATOR_NOT_AVAILABLE if Instant::now() < deadline => std::thread::sleep(RETRY_PAUSE),
            other => bail!("no coordinator: error {other}"),
        }
    }
}

fn join_one(address: SocketAddr, mut member: Member, group: &Barrier) -> Result<Member> {
    let outcome = Client::connect(address).and_then(|mut client| {
        let outcome = until_stable(&mut client, &mut member);
        outcome.map(|()| client)
    });
    group.wait();
    // A member that came late has moved the group to another generation; whoever finds out joins again.
    let mut client = outcome?;
    let deadline = Instant::now() + JOIN_TIMEOUT;
    loop {
        let error = requests::read_throttled_error(&mut client.call(Api::HEARTBEAT, |out| requests::heartbeat(&member, out))?)?;
        match error {
            errors::NONE => return Ok(member),
            errors::REBALANCE_IN_PROGRESS if Instant::now() < deadline => until_stable(&mut client, &mut member)?,
            other => bail!("heartbeat of a joined member: error {other}"),
        }
    }
}

fn until_stable(client: &mut Client, member: &mut Member) -> Result<()> {
    let deadline = Instant::now() + JOIN_TIMEOUT;
    while Instant::now() < deadline {
        let joined =
            requests::read_joined(&mut client.call(Api::JOIN_GROUP, |out| requests::join_group(member, SESSION_TIMEOUT_MS, out))?)?;
        member.id = joined.member_id;
        match joined.error {
            errors::NONE => member.generation = joined.generation,
            errors::MEMBER_ID_REQUIRED => continue,
            errors::COORDINATOR_LOAD_IN_PROGRESS
            | errors::COORDINATOR_NOT_AVAILABLE
            | errors::NOT_COORDINATOR
            | errors::REBALANCE_IN_PROGRESS => {
                std::thread::sleep(RETRY_PAUSE);
                continue;
            }
            other => bail!("JoinGroup: error {other}"),
        }
        let assigned: &[String] = if joined.leads { &joined.member_ids } else { &[] };
        let error = requests::read_throttled_error(&mut client.call(Api::SYNC_GROUP, |out| requests::sync_group(member, assigned, out))?)?;
        match error {
            errors::NONE => return Ok(()),
            errors::REBALANCE_IN_PROGRESS => {}
            other => bail!("SyncGroup: error {other}"),
        }
    }
    bail!("the group was not stable in {} s", JOIN_TIMEOUT.as_secs())
}

struct GroupLoad {
    topic: String,
    /// Members of each connection.
    members: Vec<Vec<Member>>,
    next_member: Vec<usize>,
    /// Whether each unanswered request of a connection is a commit.
    commits: Vec<VecDeque<bool>>,
    commit_every: u64,
    sent: u64,
}

impl GroupLoad {
    fn new(topic: &str, members: Vec<Vec<Member>>, commit_every: u64) -> GroupLoad {
        let connections = members.len();
        GroupLoad {
            topic: topic.into(),
            members,
            next_member: vec![0; connections],
            commits: vec![VecDeque::new(); connections],
            commit_every,
            sent: 0,
        }
    }
}

impl Load for GroupLoad {
    fn next(&mut self, index: usize, connection: &mut Connection) -> bool {
        let members = &self.members[index];
        if members.is_empty() {
            return false;
        }
        let member = &members[self.next_member[index]];
        let commits = self.commit_every > 0 && self.sent.is_multiple_of(self.commit_every);
        if commits {
            connection.queue(Api::OFFSET_COMMIT, |out| {
                requests::offset_commit(member, &self.topic, 0, self.sent as i64, out);
                Body::None
            });
        } else {
            connection.queue(Api::HEARTBEAT, |out| {
                requests::heartbeat(member, out);
                Body::None
            });
        }
        self.commits[index].push_back(commits);
        // A member's turn ends with its commit, so that each member sends both kinds.
        if commits || self.commit_every == 0 {
            self.next_member[index] = (self.next_member[index] + 1) % members.len();
        }
        self.sent += 1;
        true
    }

    fn answered(&mut self, index: usize, frame: &[u8], tally: &mut Tally) -> Result<()> {
        let was_commit = self.commits[index].pop_front().context("an answer to nothing")?;
        let (_, mut reader) = requests::response(if was_commit { Api::OFFSET_COMMIT } else { Api::HEARTBEAT }, frame)?;
        let error = if was_commit { requests::read_committed(&mut reader)? } else { requests::read_throttled_error(&mut reader)? };
        if error == errors::NONE {
            // Commits are what a group load counts as records.
            tally.records += u64::from(was_commit);
        } else {
            tally.count_error(error);
        }
        Ok(())
    }
}
