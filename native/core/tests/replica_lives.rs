//! Random lives of three replicas: brokers come and go, leaders are elected from the ISR, and what was acknowledged stays.
//! `LIVES_COUNT` asks for more of them, `LIVES_SEED` for one.
#![allow(clippy::unwrap_used)]

use millrace_core::log::LogConfig;
use millrace_core::partition::{Appended, Commit, Partition};

#[path = "support/mod.rs"]
mod support;

#[path = "support/replicas.rs"]
mod replicas;

use replicas::{Replicas, until};
use support::Random;

const STEPS: u64 = 25;

struct Life {
    replicas: Replicas,
    random: Random,
    next_value: u32,
    acknowledged: Vec<String>,
    /// What a leader took and had not committed yet, with its epoch's leader.
    waiting: Vec<(i32, Appended, String)>,
}

impl Life {
    fn leader(&self) -> i32 {
        self.replicas.metadata().spec.leader
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0 => self.kill(),
            1 | 2 => self.start(),
            3 => self.elect(),
            _ => self.produce(),
        }
        self.collect();
    }

    fn produce(&mut self) {
        let leader = self.leader();
        if !self.replicas.is_running(leader) {
            return;
        }
        for _ in 0..=self.random.below(5) {
            let value = format!("value {}", self.next_value);
            self.next_value += 1;
            if let Ok(appended) = self.replicas.append(leader, &value) {
                self.waiting.push((leader, appended, value));
            }
        }
        if self.random.below(2) == 0
            && let Some((_, last, _)) = self.waiting.last().cloned()
        {
            let partition = self.replicas.partition(leader);
            until(&partition, "the records are committed or lost", || partition.commit_of(&last) != Commit::Pending);
        }
    }

    /// Notes what was committed meanwhile, as a client would be told.
    fn collect(&mut self) {
        let replicas = &self.replicas;
        let mut done = Vec::new();
        self.waiting.retain(|(leader, appended, value)| {
            if !replicas.is_running(*leader) {
                return false;
            }
            let commit = Partition::commit_of(&replicas.partition(*leader), appended);
            if commit == Commit::Done {
                done.push((appended.base_offset, value.clone()));
            }
            commit == Commit::Pending
        });
        self.acknowledged.extend(done.into_iter().map(|(_, value)| value));
    }

    fn kill(&mut self) {
        let id = 1 + self.random.below(3) as i32;
        let running = (1..=3).filter(|id| self.replicas.is_running(*id)).count();
        if !self.replicas.is_running(id) || running == 1 {
            return;
        }
        self.collect();
        self.waiting.retain(|(leader, ..)| *leader != id);
        if self.random.below(2) == 0 {
            self.replicas.close(id);
        } else {
            self.replicas.kill(id);
        }
        if self.leader() == id {
            self.elect();
        }
    }

    fn start(&mut self) {
        let Some(id) = (1..=3).find(|id| !self.replicas.is_running(*id)) else { return };
        self.replicas.start(id);
        let leader = self.leader();
        if !self.replicas.is_running(leader) {
            self.elect();
        }
    }

    /// Only who is in sync may lead; where nobody is there who is, the partition waits.
    fn elect(&mut self) {
        let isr = self.replicas.metadata().spec.isr;
        let candidates: Vec<i32> = isr.iter().copied().filter(|id| self.replicas.is_running(*id)).collect();
        if candidates.is_empty() {
            return;
        }
        let leader = candidates[self.random.below(candidates.len() as u64) as usize];
        self.replicas.elect_in_sync(leader, &candidates);
    }
}

fn live(seed: u64) {
    let config = LogConfig { segment_bytes: 500, ..LogConfig::default() };
    let replicas = Replicas::new(&format!("life-{seed}"), config);
    (1..=3).for_each(|id| replicas.start(id));
    let mut life = Life { replicas, random: Random(seed), next_value: 0, acknowledged: Vec::new(), waiting: Vec::new() };
    for _ in 0..STEPS {
        life.step();
    }
    (1..=3).filter(|id| !life.replicas.is_running(*id)).collect::<Vec<_>>().into_iter().for_each(|id| life.replicas.start(id));
    if life.leader() == -1 || !life.replicas.metadata().spec.isr.contains(&life.leader()) {
        life.elect();
    }
    let leader = life.leader();
    life.replicas.until_isr(leader, &[1, 2, 3]);
    assert_eq!(life.replicas.produce(leader, "the last"), Commit::Done, "seed {seed}");
    let values = replicas::values(&life.replicas.partition(leader));
    for id in 1..=3 {
        assert_eq!(replicas::values(&life.replicas.partition(id)), values, "seed {seed}, broker {id}");
    }
    let mut rest = values.iter();
    for acknowledged in &life.acknowledged {
        assert!(rest.any(|value| value == acknowledged), "seed {seed}: {acknowledged} is lost or out of order: {values:?}");
    }
}

#[test]
fn what_was_acknowledged_outlives_leaders() {
    let seeds = match std::env::var("LIVES_SEED") {
        Ok(seed) => seed.parse().unwrap()..seed.parse::<u64>().unwrap() + 1,
        Err(_) => 0..std::env::var("LIVES_COUNT").map_or(4, |count| count.parse().unwrap()),
    };
    seeds.for_each(live);
}
