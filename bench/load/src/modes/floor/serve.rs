//! A file to a socket: fetches answered with a header and a slice of whole batches, by `sendfile` or `pread` and `write`.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::append::unlinked_file;
use super::{TOPIC, thread_cpu_time};
use crate::batch;
use crate::requests::{Api, errors};
use crate::wire::{Reader, Writer};

/// A file of equal batches, so that an offset says where its batch lies.
pub struct BatchFile {
    file: File,
    batch_size: usize,
    record_count: i64,
    batch_count: i64,
    batches_per_answer: i64,
}

impl BatchFile {
    /// Makes files that were written as logs are: batch by batch, all of them in turns. How large the pieces of a file were
    /// when they were written decides how its pages lie in memory, and that how fast they leave.
    pub fn create_many(
        dir: &Path,
        file_count: usize,
        record_size: usize,
        batch_size: usize,
        file_size: u64,
        answer_size: usize,
    ) -> Result<Vec<BatchFile>> {
        let record_count = batch::records_per_batch(record_size, batch_size) as i64;
        let mut batch = batch::build(record_size, record_count as usize);
        let batch_count = (file_size as i64 / batch.len() as i64).max(1);
        let mut files = (0..file_count).map(|_| unlinked_file(dir)).collect::<Result<Vec<_>>>()?;
        for index in 0..batch_count {
            batch[..8].copy_from_slice(&(index * record_count).to_be_bytes());
            for file in &mut files {
                file.write_all(&batch)?;
            }
        }
        let batches_per_answer = (answer_size / batch.len()).max(1) as i64;
        Ok(files
            .into_iter()
            .map(|file| BatchFile { file, batch_size: batch.len(), record_count, batch_count, batches_per_answer })
            .collect())
    }

    /// Where the batches for a fetch from this offset lie: position and size. Empty at the end.
    fn slice(&self, offset: i64) -> (u64, usize) {
        let first = (offset / self.record_count).clamp(0, self.batch_count);
        let count = self.batches_per_answer.min(self.batch_count - first);
        (first as u64 * self.batch_size as u64, count as usize * self.batch_size)
    }
}

/// Serves each connection on a thread of its own, from a file of its own as each reads a partition of its own, until it
/// is closed; returns the threads' processor time together.
pub fn run(listener: TcpListener, files: &[BatchFile], sendfile: bool) -> Result<Duration> {
    let streams = files.iter().map(|_| listener.accept().map(|(stream, _)| stream)).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        let serving: Vec<_> =
            streams.into_iter().zip(files).map(|(stream, file)| scope.spawn(move || serve(stream, file, sendfile))).collect();
        serving.into_iter().map(|thread| thread.join().ok().context("a serving thread panicked")?).sum()
    })
}

fn serve(mut stream: TcpStream, file: &BatchFile, sendfile: bool) -> Result<Duration> {
    stream.set_nodelay(true)?;
    let began = thread_cpu_time();
    let mut request = Vec::new();
    let mut head = Vec::new();
    let mut buffer = Vec::new();
    let mut size = [0; 4];
    while stream.read_exact(&mut size).is_ok() {
        request.resize(usize::try_from(i32::from_be_bytes(size))?, 0);
        stream.read_exact(&mut request)?;
        let (correlation_id, offset) = fetch_of(&request)?;
        let (mut position, mut left) = file.slice(offset);
        answer_head(correlation_id, left, &mut head);
        stream.write_all(&head)?;
        if sendfile {
            while left > 0 {
                let sent = rustix::fs::sendfile(&stream, &file.file, Some(&mut position), left)?;
                ensure!(sent > 0, "the file ended early");
                left -= sent;
            }
        } else {
            buffer.resize(left, 0);
            file.file.read_exact_at(&mut buffer, position)?;
            stream.write_all(&buffer)?;
        }
        stream.write_all(ANSWER_TAIL)?;
    }
    Ok(thread_cpu_time() - began)
}

/// The empty tagged fields of partition, topic and response.
const ANSWER_TAIL: &[u8] = &[0, 0, 0];

/// Correlation id and fetch offset of a request of this load: one topic, one partition.
fn fetch_of(frame: &[u8]) -> Result<(i32, i64)> {
    let mut reader = Reader(frame);
    ensure!((reader.i16()?, reader.i16()?) == (Api::FETCH.0, Api::FETCH.1), "not a Fetch request of this load");
    let correlation_id = reader.i32()?;
    let client_id = reader.i16()?;
    reader.take(client_id as usize + 1)?;
    reader.take(4 * 4 + 1 + 4 + 4)?;
    reader.compact_length()?;
    reader.bytes()?;
    reader.compact_length()?;
    reader.take(8)?;
    Ok((correlation_id, reader.i64()?))
}

fn answer_head(correlation_id: i32, records_size: usize, out: &mut Vec<u8>) {
    out.clear();
    Writer(out).i32(0).i32(correlation_id).tags().i32(0).i16(errors::NONE).i32(0);
    Writer(out).compact_length(1).string(TOPIC).compact_length(1);
    Writer(out).i32(0).i16(errors::NONE).i64(i64::MAX).i64(i64::MAX).i64(0).null().i32(-1).compact_length(records_size);
    let size = (out.len() - 4 + records_size + ANSWER_TAIL.len()) as i32;
    out[..4].copy_from_slice(&size.to_be_bytes());
}
