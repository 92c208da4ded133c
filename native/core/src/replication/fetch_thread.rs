//! One thread and one connection that carry a fetcher's requests to a broker and its answers back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::fetcher::{Assignment, Fetcher, FetcherOptions, Next};
use crate::log::LogManager;

/// A response is at most what was asked for and one batch more; nothing above this is believed.
const RESPONSE_MAX_BYTES: u32 = 512 * 1024 * 1024;
/// Buffers up to this size stay between responses.
const KEEP_CAPACITY_BYTES: usize = 16 * 1024 * 1024;
/// However long requests may take, a connection is there sooner or not at all.
const CONNECT_MAX: Duration = Duration::from_secs(5);

pub struct FetchThread {
    /// Whom it fetches from.
    peer: i32,
    storage: Arc<LogManager>,
    socket_timeout: Duration,
    state: Mutex<State>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    assigned: Option<Vec<Assignment>>,
    stopping: bool,
    /// Of the connection that is waited on, so that a stop need not wait for an answer.
    socket: Option<TcpStream>,
}

struct Connection {
    stream: TcpStream,
    address: (String, u16),
}

impl FetchThread {
    pub fn start(peer: i32, storage: Arc<LogManager>, options: FetcherOptions, socket_timeout: Duration) -> io::Result<Arc<FetchThread>> {
        let name = options.client_id.clone();
        let fetcher = Fetcher::new(options, storage.clone());
        let (state, changed, thread) = (Mutex::default(), Condvar::new(), Mutex::default());
        let this = Arc::new(FetchThread { peer, storage, socket_timeout, state, changed, thread });
        let running = this.clone();
        let handle = std::thread::Builder::new().name(name).spawn(move || running.run(fetcher))?;
        *this.thread.lock() = Some(handle);
        Ok(this)
    }

    pub fn assign(&self, assignments: Vec<Assignment>) {
        self.state.lock().assigned = Some(assignments);
        self.changed.notify_all();
    }

    /// Has the thread end soon; see [`FetchThread::join`].
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        if let Some(socket) = &state.socket {
            let _ = socket.shutdown(Shutdown::Both); // it may be closed already
        }
        self.changed.notify_all();
    }

    pub fn has_ended(&self) -> bool {
        self.thread.lock().as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub fn join(&self) {
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join(); // a panic was printed when it happened
        }
    }

    fn run(&self, mut fetcher: Fetcher) {
        let clock = self.storage.env().clock.clone();
        let mut connection = None;
        let mut response = Vec::new();
        loop {
            {
                let mut state = self.state.lock();
                if state.stopping {
                    return;
                }
                if let Some(assigned) = state.assigned.take() {
                    fetcher.assign(&assigned);
                }
            }
            match fetcher.next(clock.monotonic()) {
                Next::Wait(until) => self.wait(until.saturating_sub(clock.monotonic())),
                Next::Send(frame) => {
                    let answered = self.exchange(&mut connection, &frame, &mut response);
                    if self.state.lock().stopping {
                        return;
                    }
                    let now = clock.monotonic();
                    if answered.is_err() || fetcher.on_response(&response, now).is_err() {
                        connection = None;
                        self.state.lock().socket = None;
                        fetcher.on_disconnect(now);
                    }
                }
            }
            if response.capacity() > KEEP_CAPACITY_BYTES {
                response = Vec::new();
            }
        }
    }

    fn wait(&self, timeout: Duration) {
        let mut state = self.state.lock();
        if !state.stopping && state.assigned.is_none() {
            self.changed.wait_for(&mut state, timeout);
        }
    }

    /// Sends a frame and reads the answer, without its size.
    fn exchange(&self, connection: &mut Option<Connection>, frame: &[u8], response: &mut Vec<u8>) -> io::Result<()> {
        let cluster = self.storage.cluster();
        let peer = cluster.peers.get(&self.peer).ok_or(io::ErrorKind::NotFound)?;
        let address = (peer.host.clone(), peer.port);
        if connection.as_ref().is_some_and(|connection| connection.address != address) {
            *connection = None;
        }
        let Connection { stream, .. } = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect(address)?),
        };
        stream.write_all(frame)?;
        let mut size = [0; 4];
        stream.read_exact(&mut size)?;
        let size = u32::from_be_bytes(size);
        if size > RESPONSE_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a response of {size} bytes is too large")));
        }
        response.clear();
        // Grows as bytes come, never ahead of them.
        stream.take(u64::from(size)).read_to_end(response)?;
        if response.len() < size as usize { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn connect(&self, address: (String, u16)) -> io::Result<Connection> {
        let timeout = self.socket_timeout.clamp(Duration::from_millis(1), CONNECT_MAX);
        let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the host name has no address"));
        for resolved in (address.0.as_str(), address.1).to_socket_addrs()? {
            outcome = TcpStream::connect_timeout(&resolved, timeout);
            if outcome.is_ok() {
                break;
            }
        }
        let stream = outcome?;
        stream.set_nodelay(true)?;
        let timeout = self.socket_timeout.max(Duration::from_millis(1));
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let mut state = self.state.lock();
        state.socket = Some(stream.try_clone()?);
        if state.stopping {
            return Err(io::ErrorKind::Interrupted.into());
        }
        drop(state);
        Ok(Connection { stream, address })
    }
}
