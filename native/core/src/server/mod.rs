//! Client connections: sockets, frames, and the APIs that are answered without the control plane.
//!
//! A connection belongs to one thread for its whole life. A thread reads what its sockets hold into one arena, gathers
//! the Produce parts of a round so that each partition is written once, answers, and writes the responses in the order
//! of the requests. Everything else goes to the control plane through [`forward`]; nothing here waits for its answer.
//!
//! What decides about topics, leaders and permissions is absent on purpose: this module acts on the topic table that
//! the storage publishes.

pub mod connection;
pub mod fetch_session;
pub mod forward;
pub mod handlers;
pub mod listener;
pub mod mailbox;
pub mod metrics;
pub mod output;
mod reactor;
mod round;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::log::LogManager;
use fetch_session::FetchSessions;
use forward::{ControlResponse, ForwardQueue};
use listener::{ConnectionCounts, ListenerSpec};
use mailbox::{Mail, Mailbox};
use metrics::ThreadMetrics;

/// Limits and sizes, in bytes and milliseconds; the names are Kafka's settings.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub node_id: i32,
    pub thread_count: usize,
    pub request_size_max_bytes: usize,
    pub connections_max: usize,
    pub connections_max_per_ip: usize,
    pub connection_idle_max: Duration,
    pub fetch_sessions_max: usize,
    pub fetch_size_max_bytes: usize,
    /// Where this broker stands.
    pub rack: Option<String>,
    /// Consumers are sent to a replica in their rack (KIP-392).
    pub rack_aware_reads: bool,
}

/// What all threads see.
pub struct Shared {
    pub options: ServerOptions,
    pub storage: Arc<LogManager>,
    pub forward: ForwardQueue,
    pub sessions: FetchSessions,
    pub counts: ConnectionCounts,
    pub mailboxes: Vec<Arc<Mailbox>>,
    pub metrics: Vec<Arc<ThreadMetrics>>,
    /// Set once the server stops accepting and drains.
    pub stopping: AtomicBool,
    next_thread: AtomicUsize,
}

impl Shared {
    pub fn new(
        options: ServerOptions,
        storage: Arc<LogManager>,
        mailboxes: Vec<Arc<Mailbox>>,
        wake_control: impl Fn() + Send + Sync + 'static,
    ) -> Shared {
        Shared {
            sessions: FetchSessions::new(options.fetch_sessions_max),
            metrics: mailboxes.iter().map(|_| Arc::new(ThreadMetrics::default())).collect(),
            forward: ForwardQueue::new(mailboxes.clone(), wake_control),
            counts: ConnectionCounts::default(),
            stopping: AtomicBool::new(false),
            next_thread: AtomicUsize::new(0),
            options,
            storage,
            mailboxes,
        }
    }

    /// The thread that takes the next accepted connection.
    pub fn pick_thread(&self) -> usize {
        self.next_thread.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: std::io::Error },
    #[error("cannot start a data-plane thread: {0}")]
    Thread(std::io::Error),
}

/// The running threads.
pub struct Server {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How long connections may take to receive what was already answered when the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(2);

impl Server {
    /// Starts the threads. `wake_control` is called from any of them when the control plane has something to drain; it
    /// must not block.
    pub fn start(
        options: ServerOptions,
        storage: Arc<LogManager>,
        wake_control: impl Fn() + Send + Sync + 'static,
    ) -> Result<Server, ServerError> {
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..options.thread_count {
            let poll = mio::Poll::new().map_err(ServerError::Thread)?;
            mailboxes.push(Arc::new(Mailbox::new(poll.registry()).map_err(ServerError::Thread)?));
            polls.push(poll);
        }
        let shared = Arc::new(Shared::new(options, storage, mailboxes, wake_control));
        let mut threads = Vec::new();
        for (index, poll) in polls.into_iter().enumerate() {
            let shared = shared.clone();
            let thread = std::thread::Builder::new()
                .name(format!("millrace-net-{index}"))
                .spawn(move || reactor::run(index, poll, shared))
                .map_err(ServerError::Thread)?;
            threads.push(thread);
        }
        Ok(Server { shared, threads: Mutex::new(threads) })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Binds an address and starts accepting; port 0 picks a free one. Returns what was bound.
    pub fn listen(&self, index: u8, host: &str, port: u16) -> Result<SocketAddr, ServerError> {
        let (socket, address) =
            listener::bind(host, port).map_err(|source| ServerError::Listen { address: format!("{host}:{port}"), source })?;
        self.shared.mailboxes[0].post(Mail::Listen(ListenerSpec { index, socket }));
        Ok(address)
    }

    /// Hands responses of the control plane to the threads that own their connections.
    pub fn respond(&self, responses: impl Iterator<Item = ControlResponse>) {
        let mut by_thread: Vec<Vec<ControlResponse>> = self.shared.mailboxes.iter().map(|_| Vec::new()).collect();
        for response in responses {
            if let Some(list) = by_thread.get_mut(response.request.thread()) {
                list.push(response);
            }
        }
        for (mailbox, list) in self.shared.mailboxes.iter().zip(by_thread) {
            if !list.is_empty() {
                mailbox.post(Mail::Responses(list));
            }
        }
    }

    /// Stops accepting, lets what is answered leave, closes all connections and ends the threads.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        let deadline = Instant::now() + DRAIN_TIME;
        for mailbox in &self.shared.mailboxes {
            mailbox.post(Mail::Stop { deadline });
        }
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join(); // a panic in a thread was reported when it happened
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
