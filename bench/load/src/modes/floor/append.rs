//! Receive, CRC-32C, write: one thread, one epoll, one `pwritev` for all frames of one read, space reserved ahead.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::fs::FallocateFlags;

use super::{TOPIC, thread_cpu_time};
use crate::batch;
use crate::requests::{self, Api, PRODUCE_TAIL};
use crate::wire::{Reader, Writer};

const BUFFER_SIZE: usize = 1 << 20;
const RESERVE_STEP: u64 = 64 << 20;
const SEGMENT_SIZE: u64 = 1 << 30;

/// Serves so many connections until they are closed; returns the thread's processor time. Without a directory nothing is written.
pub fn run(listener: TcpListener, connection_count: usize, dir: Option<&Path>) -> Result<Duration> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    for index in 0..connection_count {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        connections.push(Some(Connection { stream, buffer: vec![0; BUFFER_SIZE], filled: 0, answers: Vec::new() }));
    }
    let began = thread_cpu_time();
    let mut segment = dir.map(Segment::create).transpose()?;
    let mut events = Events::with_capacity(1024);
    let mut open_count = connection_count;
    while open_count > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let slot = &mut connections[event.token().0];
            let Some(connection) = slot else { continue };
            if !connection.serve(&mut segment)? {
                *slot = None;
                open_count -= 1;
            }
        }
    }
    Ok(thread_cpu_time() - began)
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    answers: Vec<u8>,
}

impl Connection {
    /// Takes in all there is; false when the peer has gone.
    fn serve(&mut self, segment: &mut Option<Segment>) -> Result<bool> {
        loop {
            let room = self.buffer.len() - self.filled;
            let count = match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            self.filled += count;
            self.take_frames(segment)?;
            if count < room {
                return Ok(true);
            }
        }
    }

    fn take_frames(&mut self, segment: &mut Option<Segment>) -> Result<()> {
        let mut batches = Vec::new();
        let mut at = 0;
        self.answers.clear();
        while let Some(size) = self.buffer[at..self.filled].first_chunk::<4>() {
            let end = at + 4 + usize::try_from(i32::from_be_bytes(*size))?;
            if end > self.filled {
                break;
            }
            let (correlation_id, batch) = batch_of(&self.buffer[at + 4..end])?;
            ensure!(batch::crc_holds(batch), "a batch arrived with a wrong CRC");
            batches.push(IoSlice::new(batch));
            answer(correlation_id, &mut self.answers);
            at = end;
        }
        if let Some(segment) = segment {
            segment.append(&batches)?;
        }
        self.buffer.copy_within(at..self.filled, 0);
        self.filled -= at;
        // Answers are a few dozen bytes each: a socket that cannot take them has a peer that does not read.
        self.stream.write_all(&self.answers).context("answering failed")
    }
}

/// Correlation id and batch of a Produce request, which this load always lays out in the same way.
fn batch_of(frame: &[u8]) -> Result<(i32, &[u8])> {
    let mut reader = Reader(frame);
    reader.i32()?;
    let correlation_id = reader.i32()?;
    let client_id = reader.i16()?;
    reader.take(client_id as usize + 1)?;
    reader.bytes()?;
    reader.take(6)?;
    reader.compact_length()?;
    reader.bytes()?;
    reader.compact_length()?;
    reader.i32()?;
    let batch = reader.bytes()?;
    ensure!(reader.0 == PRODUCE_TAIL, "not a Produce request of this load");
    Ok((correlation_id, batch))
}

fn answer(correlation_id: i32, out: &mut Vec<u8>) {
    let at = out.len();
    Writer(out).i32(0).i32(correlation_id).tags();
    Writer(out).compact_length(1).string(TOPIC).compact_length(1);
    Writer(out).i32(0).i16(requests::errors::NONE).i64(0).i64(-1).i64(0).compact_length(0).null().tags().tags().i32(0).tags();
    let size = (out.len() - at - 4) as i32;
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
    debug_assert!(requests::response(Api::PRODUCE, &out[at + 4..]).is_ok());
}

struct Segment {
    /// Files are deleted as they are made: the space goes back when the last one is closed.
    files: Vec<File>,
    dir: std::path::PathBuf,
    position: u64,
    reserved: u64,
}

impl Segment {
    fn create(dir: &Path) -> Result<Segment> {
        Ok(Segment { files: vec![unlinked_file(dir)?], dir: dir.into(), position: 0, reserved: 0 })
    }

    fn append(&mut self, batches: &[IoSlice<'_>]) -> Result<()> {
        let size = batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
        if self.position + size > SEGMENT_SIZE {
            self.files.push(unlinked_file(&self.dir)?);
            self.position = 0;
            self.reserved = 0;
        }
        let file = self.files.last().context("a segment has a file")?;
        if self.position + size > self.reserved {
            rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, self.reserved, RESERVE_STEP)?;
            self.reserved += RESERVE_STEP;
        }
        if size > 0 {
            let written = rustix::io::pwritev(file, batches, self.position)?;
            ensure!(written as u64 == size, "the file took {written} of {size} bytes");
        }
        self.position += size;
        Ok(())
    }
}

pub fn unlinked_file(dir: &Path) -> Result<File> {
    let path = dir.join(format!("floor-{}.tmp", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
