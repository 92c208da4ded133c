//! Listening sockets, and how many connections there may be.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};

use super::ServerOptions;

const BACKLOG: i32 = 1024;

/// A bound socket and the number by which the control plane knows its listener.
pub struct ListenerSpec {
    pub index: u8,
    pub socket: TcpListener,
}

/// A connection on its way to the thread that will own it.
pub struct Accepted {
    pub listener: u8,
    pub stream: TcpStream,
    pub peer: SocketAddr,
}

pub fn bind(host: &str, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match bind_address(address) {
            Ok(listener) => {
                let bound = listener.local_addr()?;
                return Ok((listener, bound));
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn bind_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    TooMany,
    TooManyFromAddress,
}

/// Counts open connections, in all and by address, against `max.connections` and `max.connections.per.ip`.
#[derive(Default)]
pub struct ConnectionCounts {
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    pub accepted: AtomicU64,
    pub rejected: AtomicU64,
}

impl ConnectionCounts {
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn admit(&self, address: IpAddr, options: &ServerOptions) -> Result<(), Rejection> {
        let mut by_address = self.by_address.lock();
        if self.open() >= options.connections_max {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(Rejection::TooMany);
        }
        let count = by_address.entry(address).or_insert(0);
        if *count >= options.connections_max_per_ip {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(Rejection::TooManyFromAddress);
        }
        *count += 1;
        self.open.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub fn release(&self, address: IpAddr) {
        let mut by_address = self.by_address.lock();
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
