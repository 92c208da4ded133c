//! A non-blocking connection: frames to send are a small head of their own, a shared body and a constant tail, written
//! with one system call for as many as the socket takes; answers are cut out of one buffer.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;

use crate::requests::{self, Api, PRODUCE_TAIL};

const SLICES_PER_WRITE: usize = 48;
const READ_SIZE_MIN: usize = 64 << 10;
const FRAME_SIZE_MAX: usize = 256 << 20;

/// What follows the head of a frame.
pub enum Body {
    None,
    /// The bytes of a Produce request's batch; the request's closing tags follow.
    Batch(Arc<[u8]>),
}

struct Frame {
    head: Vec<u8>,
    body: Body,
}

impl Frame {
    fn slices(&self) -> [&[u8]; 3] {
        match &self.body {
            Body::None => [&self.head, &[], &[]],
            Body::Batch(batch) => [&self.head, batch, PRODUCE_TAIL],
        }
    }

    fn size(&self) -> usize {
        self.slices().iter().map(|slice| slice.len()).sum()
    }
}

pub struct Connection {
    pub stream: TcpStream,
    unsent: VecDeque<Frame>,
    /// Bytes of the first unsent frame that the socket has taken already.
    sent_of_first: usize,
    spare_heads: Vec<Vec<u8>>,
    /// Bytes `received_from..received_to` were read and not yet cut into frames.
    received: Vec<u8>,
    received_from: usize,
    received_to: usize,
    next_correlation_id: i32,
}

impl Connection {
    pub fn connect(address: SocketAddr) -> Result<Connection> {
        let stream = std::net::TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream: TcpStream::from_std(stream),
            unsent: VecDeque::new(),
            sent_of_first: 0,
            spare_heads: Vec::new(),
            received: vec![0; READ_SIZE_MIN],
            received_from: 0,
            received_to: 0,
            next_correlation_id: 0,
        })
    }

    /// Queues a request; `fill` writes what follows the header and says which body closes the frame. Returns its correlation id.
    pub fn queue(&mut self, api: Api, fill: impl FnOnce(&mut Vec<u8>) -> Body) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        let mut head = self.spare_heads.pop().unwrap_or_default();
        head.clear();
        head.extend_from_slice(&[0; 4]);
        requests::header(api, correlation_id, &mut head);
        let body = fill(&mut head);
        let mut frame = Frame { head, body };
        let size = (frame.size() - 4) as i32;
        frame.head[..4].copy_from_slice(&size.to_be_bytes());
        self.unsent.push_back(frame);
        correlation_id
    }

    /// Writes until the queue is empty or the socket is full.
    pub fn flush(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let mut used = 0;
            let mut skip = self.sent_of_first;
            for frame in &self.unsent {
                for slice in frame.slices() {
                    let skipped = skip.min(slice.len());
                    skip -= skipped;
                    if skipped < slice.len() && used < SLICES_PER_WRITE {
                        slices[used] = IoSlice::new(&slice[skipped..]);
                        used += 1;
                    }
                }
                if used + 3 > SLICES_PER_WRITE {
                    break;
                }
            }
            match self.stream.write_vectored(&slices[..used]) {
                Ok(0) => bail!("the broker closed a connection"),
                Ok(written) => self.sent(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("writing failed"),
            }
        }
        Ok(())
    }

    fn sent(&mut self, written: usize) {
        let mut left = self.sent_of_first + written;
        while let Some(size) = self.unsent.front().map(Frame::size)
            && left >= size
        {
            left -= size;
            if let Some(frame) = self.unsent.pop_front() {
                self.spare_heads.push(frame.head);
            }
        }
        self.sent_of_first = left;
    }

    /// Reads once. False when the socket has nothing more for now.
    pub fn receive(&mut self) -> Result<bool> {
        self.make_room()?;
        loop {
            match self.stream.read(&mut self.received[self.received_to..]) {
                Ok(0) => bail!("the broker closed a connection"),
                Ok(count) => {
                    let asked = self.received.len() - self.received_to;
                    self.received_to += count;
                    return Ok(count == asked);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading failed"),
            }
        }
    }

    /// The next whole frame without its size, if one has been received.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        let Some(size) = self.pending_frame_size()? else { return Ok(None) };
        if self.received_to - self.received_from < 4 + size {
            return Ok(None);
        }
        let from = self.received_from + 4;
        self.received_from = from + size;
        Ok(Some(&self.received[from..from + size]))
    }

    fn pending_frame_size(&self) -> Result<Option<usize>> {
        let pending = &self.received[self.received_from..self.received_to];
        let Some(size) = pending.first_chunk::<4>() else { return Ok(None) };
        let size = usize::try_from(i32::from_be_bytes(*size))?;
        ensure!(size <= FRAME_SIZE_MAX, "an answer of {size} bytes");
        Ok(Some(size))
    }

    fn make_room(&mut self) -> Result<()> {
        if self.received_from == self.received_to {
            self.received_from = 0;
            self.received_to = 0;
        }
        let wanted = self.pending_frame_size()?.map_or(READ_SIZE_MIN, |size| size + 4);
        if self.received.len() - self.received_from < wanted || self.received_to == self.received.len() {
            self.received.copy_within(self.received_from..self.received_to, 0);
            self.received_to -= self.received_from;
            self.received_from = 0;
            if self.received.len() < wanted {
                self.received.resize(wanted, 0);
            }
        }
        Ok(())
    }
}
