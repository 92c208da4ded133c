//! Which threads fetch from which brokers.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::fetch_thread::FetchThread;
use super::fetcher::{Assignment, FetcherOptions};
use crate::Uuid;
use crate::log::LogManager;
use crate::partition::Role;

/// The names are Kafka's settings.
#[derive(Clone, Debug)]
pub struct ReplicationOptions {
    /// Connections to each broker whose partitions are followed.
    pub fetcher_count: usize,
    pub fetch_min_bytes: i32,
    /// Of one partition.
    pub fetch_max_bytes: i32,
    pub fetch_response_max_bytes: i32,
    pub fetch_wait_max_ms: i32,
    pub fetch_backoff: Duration,
    pub socket_timeout: Duration,
}

/// A broker, and which of the connections to it.
type Place = (i32, usize);

pub struct Replication {
    storage: Arc<LogManager>,
    options: ReplicationOptions,
    fetchers: Mutex<Fetchers>,
}

#[derive(Default)]
struct Fetchers {
    running: HashMap<Place, Arc<FetchThread>>,
    /// Told to stop, and not waited for yet.
    ending: Vec<Arc<FetchThread>>,
    stopped: bool,
}

impl Replication {
    /// Follows leaders from now on, as topics and cluster change.
    pub fn start(storage: Arc<LogManager>, options: ReplicationOptions) -> Arc<Replication> {
        let this = Arc::new(Replication { storage, options, fetchers: Mutex::default() });
        let weak = Arc::downgrade(&this);
        this.storage.on_change(move || {
            if let Some(this) = weak.upgrade() {
                this.refresh();
            }
        });
        this.refresh();
        this
    }

    /// Has every partition that is followed fetched by one thread, and no other.
    fn refresh(&self) {
        let mut wanted = self.wanted();
        let mut fetchers = self.fetchers.lock();
        if fetchers.stopped {
            return;
        }
        fetchers.ending.retain(|thread| !thread.has_ended());
        let idle: Vec<Place> = fetchers.running.keys().filter(|place| !wanted.contains_key(place)).copied().collect();
        for place in idle {
            if let Some(thread) = fetchers.running.remove(&place) {
                thread.stop();
                fetchers.ending.push(thread);
            }
        }
        for (place, assignments) in wanted.drain() {
            // One that ended by itself has met a fault of ours; another one goes on from where the logs end.
            if let Some(thread) = fetchers.running.get(&place).filter(|thread| !thread.has_ended()) {
                thread.assign(assignments);
                continue;
            }
            match FetchThread::start(place.0, self.storage.clone(), self.fetcher_options(place), self.options.socket_timeout) {
                Ok(thread) => {
                    thread.assign(assignments);
                    fetchers.running.insert(place, thread);
                }
                // Out of threads: the next change brings the next try.
                Err(_) => continue,
            }
        }
    }

    fn wanted(&self) -> HashMap<Place, Vec<Assignment>> {
        let mut wanted: HashMap<Place, Vec<Assignment>> = HashMap::new();
        let cluster = self.storage.cluster();
        if cluster.peers.is_empty() {
            return wanted;
        }
        let table = self.storage.topics().load();
        for topic in table.by_id.values() {
            for partition in topic.partitions.iter().flatten().filter(|partition| partition.role() == Role::Follower) {
                let standing = partition.standing();
                if cluster.peers.contains_key(&standing.leader) {
                    let place = (standing.leader, self.connection_of(topic.id, partition.index()));
                    let (partition, leader_epoch) = (partition.clone(), standing.leader_epoch);
                    wanted.entry(place).or_default().push(Assignment { topic_id: topic.id, partition, leader_epoch });
                }
            }
        }
        wanted
    }

    fn connection_of(&self, topic_id: Uuid, partition: i32) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((topic_id.0, partition));
        (hash % self.options.fetcher_count.max(1) as u64) as usize
    }

    fn fetcher_options(&self, (peer, connection): Place) -> FetcherOptions {
        FetcherOptions {
            client_id: format!("broker-{}-fetcher-{peer}-{connection}", self.storage.node_id()),
            min_bytes: self.options.fetch_min_bytes,
            max_bytes: self.options.fetch_max_bytes,
            response_max_bytes: self.options.fetch_response_max_bytes,
            wait_max_ms: self.options.fetch_wait_max_ms,
            backoff: self.options.fetch_backoff,
        }
    }

    /// Ends all threads; nothing is appended for a leader afterwards.
    pub fn stop(&self) {
        let mut fetchers = self.fetchers.lock();
        fetchers.stopped = true;
        let running: Vec<Arc<FetchThread>> = fetchers.running.drain().map(|(_, thread)| thread).collect();
        running.iter().for_each(|thread| thread.stop());
        let ending = std::mem::take(&mut fetchers.ending);
        drop(fetchers);
        running.iter().chain(&ending).for_each(|thread| thread.join());
    }
}

impl Drop for Replication {
    fn drop(&mut self) {
        self.stop();
    }
}
