//! Responses on their way out: bytes, and ranges of log files between them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::net::SendFlags;

use crate::env::ReadableFile;

/// Records shorter than this are copied into the response: one system call then sends them with their header.
pub const INLINE_MAX_BYTES: usize = 32 * 1024;
/// How much of a file is read at a time where it cannot be sent straight from its descriptor.
const COPY_CHUNK_BYTES: usize = 256 * 1024;
/// A drained buffer up to this size stays with its connection; idle connections must cost next to nothing.
const KEEP_CAPACITY_BYTES: usize = 0;

struct FilePart {
    /// Where in `bytes` the file's part stands.
    at: usize,
    file: Arc<dyn ReadableFile>,
    position: u64,
    len: usize,
}

/// Bytes and file ranges in sending order.
#[derive(Default)]
pub struct Output {
    pub bytes: Vec<u8>,
    sent: usize,
    files: VecDeque<FilePart>,
    file_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All is sent.
    Done,
    /// The socket takes no more for now.
    Blocked,
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len() && self.files.is_empty()
    }

    /// Bytes of memory held; ranges of files cost none.
    pub fn buffered_len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Length on the wire of all that was put in and not yet sent.
    pub fn wire_len(&self) -> usize {
        self.buffered_len() + self.file_bytes
    }

    /// Places a range of a file after the bytes written so far. Short ranges are read at once.
    pub fn put_file(&mut self, file: Arc<dyn ReadableFile>, position: u64, len: usize) -> io::Result<()> {
        if len < INLINE_MAX_BYTES {
            let start = self.bytes.len();
            self.bytes.resize(start + len, 0);
            return file.read_exact_at(&mut self.bytes[start..], position);
        }
        self.file_bytes += len;
        self.files.push_back(FilePart { at: self.bytes.len(), file, position, len });
        Ok(())
    }

    /// Moves all of `other` to the end of this one.
    pub fn append(&mut self, other: &mut Output) {
        debug_assert_eq!(other.sent, 0);
        let offset = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.file_bytes += std::mem::take(&mut other.file_bytes);
        self.files.extend(other.files.drain(..).map(|part| FilePart { at: part.at + offset, ..part }));
    }

    /// Sends as much as the socket takes. `sent_bytes` grows by what left.
    pub fn send(&mut self, socket: &mio::net::TcpStream, sent_bytes: &mut u64) -> io::Result<Progress> {
        loop {
            let until = self.files.front().map_or(self.bytes.len(), |part| part.at);
            if self.sent < until {
                // More follows at once, so let the header travel in one packet with the records.
                let flags = if self.files.is_empty() { SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL | SendFlags::MORE };
                match rustix::net::send(socket, &self.bytes[self.sent..until], flags) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        self.sent += count;
                        *sent_bytes += count as u64;
                    }
                    Err(rustix::io::Errno::AGAIN) => return Ok(self.blocked()),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            } else if let Some(part) = self.files.front_mut() {
                match send_file_part(socket, part)? {
                    Some(count) => {
                        self.file_bytes -= count;
                        *sent_bytes += count as u64;
                        if part.len == 0 {
                            self.files.pop_front();
                        }
                    }
                    None => return Ok(self.blocked()),
                }
            } else {
                self.bytes.clear();
                self.sent = 0;
                if self.bytes.capacity() > KEEP_CAPACITY_BYTES {
                    self.bytes = Vec::new();
                }
                return Ok(Progress::Done);
            }
        }
    }

    /// Drops the sent half of a buffer that a slow peer lets grow.
    fn blocked(&mut self) -> Progress {
        if self.sent > 64 * 1024 && self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            for part in &mut self.files {
                part.at -= self.sent;
            }
            self.sent = 0;
        }
        Progress::Blocked
    }
}

/// Sends some of a file's range; `None` where the socket takes no more for now.
fn send_file_part(socket: &mio::net::TcpStream, part: &mut FilePart) -> io::Result<Option<usize>> {
    let sent = match part.file.as_fd() {
        #[cfg(target_os = "linux")]
        Some(fd) => {
            let mut offset = part.position;
            match rustix::fs::sendfile(socket, fd, Some(&mut offset), part.len) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "a log segment ends before its last batch")),
                Ok(count) => Some(count),
                Err(rustix::io::Errno::AGAIN) => None,
                Err(rustix::io::Errno::INTR) => Some(0),
                Err(errno) => return Err(errno.into()),
            }
        }
        _ => copy_file_part(socket, part)?,
    };
    if let Some(count) = sent {
        part.position += count as u64;
        part.len -= count;
    }
    Ok(sent)
}

fn copy_file_part(socket: impl AsFd, part: &FilePart) -> io::Result<Option<usize>> {
    let mut chunk = vec![0; part.len.min(COPY_CHUNK_BYTES)];
    part.file.read_exact_at(&mut chunk, part.position)?;
    match rustix::net::send(socket, &chunk, SendFlags::NOSIGNAL) {
        Ok(count) => Ok(Some(count)),
        Err(rustix::io::Errno::AGAIN) => Ok(None),
        Err(rustix::io::Errno::INTR) => Ok(Some(0)),
        Err(errno) => Err(errno.into()),
    }
}
