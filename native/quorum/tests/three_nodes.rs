//! Nodes of one quorum in one process, over loopback, on simulated disks. Nothing sleeps: events are waited for.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millrace_core::env::{Env, Files, SimulatedFiles, SystemClock};
use millrace_core::record::{BATCH_OVERHEAD, BatchHeader, RecordIterator};
use millrace_quorum::{Event, EventQueue, Member, Options, ProposeError, Quorum};

const PATIENCE: Duration = Duration::from_secs(60);

fn dir() -> PathBuf {
    PathBuf::from("/q/__cluster_metadata-0")
}

struct Node {
    id: u64,
    files: SimulatedFiles,
    directory_id: [u8; 16],
    port: u16,
    quorum: Quorum,
    events: Arc<EventQueue>,
    woken: Receiver<()>,
    seen: Mutex<Vec<Event>>,
}

impl Node {
    fn start(id: u64, files: SimulatedFiles, directory_id: [u8; 16], port: u16, initial_voters: Vec<(u64, Member)>) -> Node {
        Node::start_with(id, files, directory_id, port, initial_voters, Vec::new())
    }

    fn start_with(
        id: u64,
        files: SimulatedFiles,
        directory_id: [u8; 16],
        port: u16,
        initial_voters: Vec<(u64, Member)>,
        bootstrap_servers: Vec<(String, u16)>,
    ) -> Node {
        files.create_dir_all(Path::new("/q")).unwrap();
        let (wake, woken) = channel();
        let wake = Mutex::new(wake);
        let events = EventQueue::new(move || {
            let _ = wake.lock().unwrap().send(());
        });
        let options = Options {
            node_id: id,
            cluster_id: [7; 16],
            directory_id,
            dir: dir(),
            listen: Some(("127.0.0.1".to_owned(), port)),
            initial_voters,
            advertised_host: "127.0.0.1".to_owned(),
            advertised_port: 0,
            replaces_former_self: !bootstrap_servers.is_empty(),
            bootstrap_servers,
            heartbeat_interval_ms: 100,
            election_timeout_min_ms: 500,
            election_timeout_max_ms: 1000,
            segment_size_max_bytes: 4096,
            kept_entry_count: 5,
        };
        let env = Env { clock: Arc::new(SystemClock::new()), files: Arc::new(files.clone()) };
        let quorum = Quorum::open(options, env, events.clone()).unwrap();
        Node { id, files, directory_id, port: quorum.port(), quorum, events, woken, seen: Mutex::default() }
    }

    /// Ends it as a power cut would, and starts it on what is left.
    fn restart(self, seed: u64) -> Node {
        self.quorum.close();
        self.files.crash(seed);
        Node::start(self.id, self.files.clone(), self.directory_id, self.port, Vec::new())
    }

    fn member(&self) -> Member {
        Member { directory_id: self.directory_id, host: "127.0.0.1".to_owned(), port: self.port }
    }

    fn fetch(&self) {
        let mut seen = self.seen.lock().unwrap();
        self.events.drain(|event| {
            seen.push(event.clone());
            true
        });
    }

    /// Waits until what was seen satisfies `found`.
    fn wait<T>(&self, what: &str, mut found: impl FnMut(&[Event]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.fetch();
            if let Some(result) = found(&self.seen.lock().unwrap()) {
                return result;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.woken.recv_timeout(left).is_ok(), "node {}: no {what} in time", self.id);
        }
    }

    fn leader(&self) -> Option<(u64, u64)> {
        self.fetch();
        let seen = self.seen.lock().unwrap();
        let last = seen.iter().rev().find_map(|event| match event {
            Event::LeaderChanged { leader, epoch } => Some((*leader, *epoch)),
            _ => None,
        });
        last.and_then(|(leader, epoch)| Some((leader?, epoch)))
    }

    /// The epoch in which this node leads, once it may act.
    fn wait_to_lead(&self) -> u64 {
        self.wait("leadership", |seen| {
            let leads = seen.iter().rev().find_map(|event| match event {
                Event::LeaderChanged { leader, epoch } => Some((*leader == Some(self.id)).then_some(*epoch)),
                _ => None,
            });
            let epoch = leads??;
            seen.contains(&Event::EpochStarted { epoch }).then_some(epoch)
        })
    }

    fn outcome(&self, token: u32) -> Result<i64, ProposeError> {
        self.wait("outcome", |seen| {
            seen.iter().find_map(|event| match event {
                Event::Done { token: done, outcome } if *done == token => Some(outcome.clone()),
                _ => None,
            })
        })
    }

    fn propose(&self, token: u32, epoch: u64, text: &str) -> Result<i64, ProposeError> {
        self.quorum.propose(token, epoch, vec![text.as_bytes().to_vec(), b"second".to_vec()]);
        self.outcome(token)
    }

    /// Committed records since the last snapshot, those of the snapshot first.
    fn values(seen: &[Event]) -> Vec<String> {
        let mut values = Vec::new();
        for event in seen {
            match event {
                Event::SnapshotBegin { .. } => values.clear(),
                Event::SnapshotBatch(batch) | Event::Committed(batch) => {
                    let records = RecordIterator::new(&batch[BATCH_OVERHEAD..]);
                    values.extend(records.map(|record| String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap()));
                }
                _ => {}
            }
        }
        values.retain(|value| value != "second");
        values
    }

    /// Waits until the first file of the log is gone. The quorum removes it on its own time and tells nobody, so the disk is asked.
    fn wait_for_purge(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.files.list(&dir()).unwrap().iter().any(|entry| entry.name == "00000000000000000000.log") {
            assert!(Instant::now() < deadline, "node {}: no purge in time", self.id);
            std::thread::yield_now();
        }
    }

    fn wait_for_values(&self, expected: &[&str]) {
        self.wait(&format!("{expected:?}"), |seen| (Node::values(seen) == expected).then_some(()));
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn directory(id: u64) -> [u8; 16] {
    [id as u8; 16]
}

fn three() -> Vec<Node> {
    let voters: Vec<(u64, Member)> =
        (1..=3).map(|id| (id, Member { directory_id: directory(id), host: "127.0.0.1".to_owned(), port: free_port() })).collect();
    voters.iter().map(|(id, member)| Node::start(*id, SimulatedFiles::new(), directory(*id), member.port, voters.clone())).collect()
}

/// Index of the node that leads and may act, and its epoch.
fn leader_of(nodes: &[Node]) -> (usize, u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for (at, node) in nodes.iter().enumerate() {
            if let Some((leader, epoch)) = node.leader()
                && leader == node.id
                && nodes.iter().all(|other| other.leader().is_none_or(|(_, known)| known <= epoch))
            {
                let epoch = node.wait_to_lead();
                return (at, epoch);
            }
        }
        assert!(Instant::now() < deadline, "nobody leads");
        std::thread::yield_now();
    }
}

#[test]
fn one_node_is_a_quorum_at_once_and_keeps_what_it_said() {
    let own = |port| vec![(1, Member { directory_id: directory(1), host: "127.0.0.1".to_owned(), port })];
    let started = Instant::now();
    let node = Node::start(1, SimulatedFiles::new(), directory(1), 0, own(0));
    let epoch = node.wait_to_lead();
    println!("one node leads after {:?}", started.elapsed());
    let first = node.propose(1, epoch, "a").unwrap();
    assert_eq!(node.propose(2, epoch, "b").unwrap(), first + 2);
    assert_eq!(node.propose(3, epoch + 1, "never"), Err(ProposeError::NotLeader { leader: Some(1) }));
    let node = node.restart(1);
    let later = node.wait_to_lead();
    assert!(later > epoch);
    node.wait_for_values(&["a", "b"]);
    assert_eq!(node.propose(4, epoch, "stale"), Err(ProposeError::NotLeader { leader: Some(1) }));
    let status = node.quorum.status();
    assert_eq!((status.leader, status.epoch, status.nodes.len()), (Some(1), later, 1));
    assert_eq!(status.high_watermark, status.nodes[0].log_end_offset);
}

#[test]
fn a_quorum_outlives_its_leaders() {
    let mut nodes = three();
    let mut expected: Vec<String> = Vec::new();
    for round in 0..3 {
        let (at, epoch) = leader_of(&nodes);
        for step in 0..5 {
            expected.push(format!("{round}.{step}"));
            nodes[at].propose(round * 100 + step, epoch, &format!("{round}.{step}")).unwrap();
        }
        let leader = nodes[at].id;
        let follower = nodes.iter().find(|node| node.id != leader).unwrap();
        assert_eq!(follower.propose(round * 100 + 50, epoch, "not mine"), Err(ProposeError::NotLeader { leader: Some(leader) }));
        let old = nodes.remove(at);
        old.quorum.close();
        let (next, next_epoch) = leader_of(&nodes);
        assert!(next_epoch > epoch);
        expected.push(format!("{round} with one away"));
        nodes[next].propose(round * 100 + 60, next_epoch, &format!("{round} with one away")).unwrap();
        nodes.push(old.restart(u64::from(round)));
        for node in &nodes {
            node.wait_for_values(&expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_voter_that_lost_its_disk_is_somebody_else() {
    let mut nodes = three();
    let (at, epoch) = leader_of(&nodes);
    nodes[at].propose(1, epoch, "before").unwrap();
    let lost = nodes.remove((at + 1) % 3);
    lost.quorum.close();
    let (at, epoch) = leader_of(&nodes);
    let blank = Node::start(lost.id, SimulatedFiles::new(), [99; 16], lost.port, Vec::new());
    nodes[at].propose(2, epoch, "without it").unwrap();
    // With another voter gone nobody may be elected or commit by the blank node's help.
    let other = nodes.remove(1 - at);
    other.quorum.close();
    let leader = nodes.remove(0);
    leader.quorum.propose(3, epoch, vec![b"too few".to_vec()]);
    let other = other.restart(5);
    leader.wait("the third", |seen| seen.iter().any(|event| matches!(event, Event::Done { token: 3, .. })).then_some(()));
    blank.fetch();
    assert_eq!(Node::values(&blank.seen.lock().unwrap()), Vec::<String>::new());
    // Under its new directory it is taken in again.
    let nodes = vec![leader, other];
    let (at, _) = leader_of(&nodes);
    let leader = &nodes[at];
    leader.quorum.remove_voter(10, blank.id, [99; 16]);
    assert!(matches!(leader.outcome(10), Err(ProposeError::Refused(_))));
    leader.quorum.remove_voter(11, blank.id, directory(blank.id));
    leader.outcome(11).unwrap();
    leader.quorum.add_voter(12, blank.id, blank.member());
    leader.outcome(12).unwrap();
    blank.wait("what was committed", |seen| Node::values(seen).contains(&"without it".to_owned()).then_some(()));
    assert_eq!(leader.quorum.status().nodes.iter().filter(|node| node.is_voter).count(), 3);
}

#[test]
fn a_voter_that_lost_its_disk_takes_its_own_place_without_a_vote() {
    let mut nodes = three();
    let (at, epoch) = leader_of(&nodes);
    nodes[at].propose(1, epoch, "before").unwrap();
    let lost = nodes.remove((at + 1) % 3);
    lost.quorum.close();
    let (at, _) = leader_of(&nodes);
    let servers = nodes.iter().map(|node| ("127.0.0.1".to_owned(), node.port)).collect();
    let blank = Node::start_with(lost.id, SimulatedFiles::new(), [99; 16], lost.port, Vec::new(), servers);
    blank.wait_for_values(&["before"]);
    let status = nodes[at].quorum.status();
    let noted: Vec<_> = status.nodes.iter().filter(|node| node.node_id == lost.id).map(|node| (node.is_voter, &node.member)).collect();
    assert_eq!(noted, [(false, &blank.member())]);
    nodes[at].quorum.add_voter(2, blank.id, blank.member());
    nodes[at].outcome(2).unwrap();
}

#[test]
fn a_node_that_is_far_behind_gets_a_snapshot() {
    let own = vec![(1, Member { directory_id: directory(1), host: "127.0.0.1".to_owned(), port: 0 })];
    let first = Node::start(1, SimulatedFiles::new(), directory(1), 0, own);
    let epoch = first.wait_to_lead();
    let mut last = 0;
    for step in 0..100 {
        last = first.propose(step, epoch, &format!("entry {step}")).unwrap() + 1;
    }
    first.quorum.save_snapshot(last, vec![b"all of it".to_vec()]);
    let second = Node::start(2, SimulatedFiles::new(), directory(2), 0, Vec::new());
    first.wait_for_purge();
    first.quorum.add_voter(1000, 2, second.member());
    first.outcome(1000).unwrap();
    first.propose(1001, epoch, "after").unwrap();
    second.wait_for_values(&["all of it", "after"]);
    let second = second.restart(3);
    second.wait_for_values(&["all of it", "after"]);
    let first = first.restart(4);
    first.wait_for_values(&["all of it", "after"]);
    let nodes = [first, second];
    let (at, epoch) = leader_of(&nodes);
    nodes[at].propose(1, epoch, "and on").unwrap();
    for node in &nodes {
        node.wait_for_values(&["all of it", "after", "and on"]);
    }
    let header = nodes[0].wait("a batch", |seen| {
        seen.iter().rev().find_map(|event| if let Event::Committed(batch) = event { BatchHeader::decode(batch).ok() } else { None })
    });
    assert_eq!(header.partition_leader_epoch as u64, epoch);
}

#[test]
fn a_node_finds_the_quorum_by_itself_and_again_after_it_moved() {
    let unknown_address = vec![(1, Member { directory_id: [0; 16], host: String::new(), port: 0 })];
    let first = Node::start(1, SimulatedFiles::new(), directory(1), free_port(), unknown_address);
    let epoch = first.wait_to_lead();
    first.propose(1, epoch, "before").unwrap();
    let servers = vec![("127.0.0.1".to_owned(), free_port()), ("127.0.0.1".to_owned(), first.port)];
    let found = millrace_quorum::find(&servers).unwrap();
    assert_eq!((found.cluster_id, found.node_id, found.leader.map(|(id, _)| id)), ([7; 16], 1, Some(1)));
    let second = Node::start_with(2, SimulatedFiles::new(), directory(2), 0, Vec::new(), servers.clone());
    second.wait_for_values(&["before"]);
    second.quorum.close();
    let moved = Node::start_with(2, second.files.clone(), directory(2), 0, Vec::new(), servers.clone());
    first.propose(2, epoch, "after").unwrap();
    moved.wait_for_values(&["before", "after"]);
    first.quorum.add_voter(3, 2, moved.member());
    first.outcome(3).unwrap();
    // A member with another disk is not taken for the voter; it is let in once the voter is removed.
    moved.quorum.close();
    let status = first.quorum.status();
    let members: Vec<&Member> = status.nodes.iter().map(|node| &node.member).collect();
    assert_eq!(members, [&first.member(), &moved.member()]);
}

#[test]
fn two_voters_of_a_new_quorum_learn_each_others_directories() {
    let voters: Vec<(u64, Member)> =
        (1..=3).map(|id| (id, Member { directory_id: [0; 16], host: "127.0.0.1".to_owned(), port: free_port() })).collect();
    let start = |id: u64, files: &SimulatedFiles, directory_id| {
        Node::start(id, files.clone(), directory_id, voters[id as usize - 1].1.port, voters.clone())
    };
    let files: Vec<SimulatedFiles> = (0..3).map(|_| SimulatedFiles::new()).collect();
    let mut nodes: Vec<Node> = (1..=3).map(|id| start(id, &files[id as usize - 1], directory(id))).collect();
    let (at, _) = leader_of(&nodes);
    let deadline = Instant::now() + PATIENCE;
    let known = |node: &Node| node.quorum.status().nodes.iter().all(|member| member.member.directory_id == directory(member.node_id));
    while !known(&nodes[at]) {
        assert!(Instant::now() < deadline, "directories are not known: {:?}", nodes[at].quorum.status());
        std::thread::yield_now();
    }
    // Somebody with the number and the address of a voter, but another disk, cannot help to elect or commit.
    let lost = nodes.remove((at + 1) % 3);
    lost.quorum.close();
    let impostor = start(lost.id, &SimulatedFiles::new(), [99; 16]);
    let (at, epoch) = leader_of(&nodes);
    nodes.remove(1 - at).quorum.close();
    nodes[0].quorum.propose(7, epoch, vec![b"too few".to_vec()]);
    impostor.wait("nothing", |seen| Node::values(seen).is_empty().then_some(()));
    assert_eq!(nodes[0].quorum.status().nodes.iter().filter(|node| node.is_voter).count(), 3);
    nodes[0].fetch();
    assert!(!nodes[0].seen.lock().unwrap().iter().any(|event| matches!(event, Event::Done { token: 7, .. })));
}

#[test]
fn a_voter_that_does_not_answer_is_not_counted() {
    let own = vec![(1, Member { directory_id: directory(1), host: "127.0.0.1".to_owned(), port: 0 })];
    let first = Node::start(1, SimulatedFiles::new(), directory(1), 0, own);
    let epoch = first.wait_to_lead();
    let nobody = Member { directory_id: directory(2), host: "127.0.0.1".to_owned(), port: free_port() };
    first.quorum.add_voter(1, 2, nobody);
    assert!(matches!(first.outcome(1), Err(ProposeError::Refused(_))));
    first.propose(2, epoch, "alone").unwrap();
    assert_eq!(first.quorum.status().nodes.len(), 1);
}
