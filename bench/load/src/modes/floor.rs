//! What this machine can do at best: a server thread that does the least a broker must do, under the very load that
//! brokers get. It knows the frames it will be sent, checks nothing but the CRC, and writes to one file.
//!
//! `append`: receive, CRC-32C, write. `sendfile` and `pread`: answer fetches out of a file in either way.

mod append;
mod serve;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::fetch::Fetch;
use super::produce::{Batches, Produce, Spread};
use super::{Pressure, Target, quantity};
use crate::tally::{Tally, rounded};

const TOPIC: &str = "floor";

#[derive(Args, Clone)]
pub struct Floor {
    #[arg(value_enum)]
    pub what: What,
    #[command(flatten)]
    pub pressure: Pressure,
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    #[arg(long, default_value_t = 16384)]
    pub batch_size: usize,
    /// End after so many bytes of record values
    #[arg(long, default_value = "8G", value_parser = quantity)]
    pub bytes: u64,
    /// Where the file is made; it should be the disk that brokers are measured on
    #[arg(long, default_value = ".")]
    pub dir: PathBuf,
    /// Bytes of the files that fetches are answered from, together
    #[arg(long, default_value = "1G", value_parser = quantity)]
    pub file_size: u64,
    /// Of `append`, leave out the write
    #[arg(long)]
    pub no_write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    Append,
    Sendfile,
    Pread,
}

impl Floor {
    pub fn run(&self) -> Result<Map<String, Value>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let target = Target {
            bootstrap: listener.local_addr()?,
            topic: TOPIC.into(),
            topics: 1,
            partitions: 1,
            topic_configs: Vec::new(),
            no_create: true,
        };
        let names = [TOPIC.to_string()];
        let (tallies, cpu) = match self.what {
            What::Append => self.append(listener, target, &names)?,
            What::Sendfile | What::Pread => self.serve(listener, target, &names)?,
        };
        let value_bytes = tallies.iter().map(|tally| tally.value_bytes).sum::<u64>();
        let mut summary = Tally::summary(&tallies)?;
        summary.insert("serverCpuSeconds".into(), json!(rounded(cpu.as_secs_f64())));
        summary.insert("serverCpuSecondsPerGigabyte".into(), json!(rounded(cpu.as_secs_f64() / (value_bytes as f64 / 1e9))));
        Ok(summary)
    }

    fn append(&self, listener: TcpListener, target: Target, names: &[String]) -> Result<(Vec<Tally>, Duration)> {
        let load = Produce {
            target,
            pressure: self.pressure.clone(),
            record_size: self.record_size,
            batch_size: self.batch_size,
            acks: -1,
            bytes: self.bytes,
            spread: Spread::Pinned,
            batches: Batches::Same,
            keys: 1,
        };
        std::thread::scope(|scope| {
            let server = scope.spawn(|| append::run(listener, self.pressure.connections, (!self.no_write).then_some(self.dir.as_path())));
            // The load's connections end with it, and the server with them.
            let tallies = load.load(names);
            let cpu = server.join().ok().context("the floor's thread panicked")?;
            Ok((tallies?, cpu?))
        })
    }

    fn serve(&self, listener: TcpListener, target: Target, names: &[String]) -> Result<(Vec<Tally>, Duration)> {
        let partition_max_bytes = 1 << 20;
        let load = Fetch {
            target,
            pressure: self.pressure.clone(),
            record_size: self.record_size,
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 52_428_800,
            partition_max_bytes,
            bytes: self.bytes,
            again: true,
            verify: false,
        };
        let connections = self.pressure.connections.max(1);
        let size = self.file_size / connections as u64;
        let files =
            serve::BatchFile::create_many(&self.dir, connections, self.record_size, self.batch_size, size, partition_max_bytes as usize)?;
        std::thread::scope(|scope| {
            let server = scope.spawn(|| serve::run(listener, &files, self.what == What::Sendfile));
            let tallies = load.load(names);
            let cpu = server.join().ok().context("the floor's thread panicked")?;
            Ok((tallies?, cpu?))
        })
    }
}

/// Processor time of the calling thread since it began.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
