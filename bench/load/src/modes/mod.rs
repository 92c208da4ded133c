//! One file per question asked of a broker. Each mode prints one JSON line.

pub mod fetch;
pub mod floor;
pub mod groups;
pub mod idle;
pub mod latency;
pub mod metadata;
pub mod produce;
pub mod rebalance;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::connection::Connection;
use crate::engine::{self, Load, Window};
use crate::tally::Tally;

/// Where a load goes and when it ends.
#[derive(Args, Clone)]
pub struct Target {
    /// Address of the broker
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub bootstrap: SocketAddr,
    /// Name of the topic; with several, the stem of their names
    #[arg(long, default_value = "load")]
    pub topic: String,
    #[arg(long, default_value_t = 1)]
    pub topics: usize,
    /// Partitions of each topic
    #[arg(long, default_value_t = 1)]
    pub partitions: usize,
    /// Settings of topics that are created, as key=value
    #[arg(long = "topic-config", value_parser = key_value)]
    pub topic_configs: Vec<(String, String)>,
    /// Take it that the topics exist
    #[arg(long)]
    pub no_create: bool,
}

/// How hard a closed loop presses and for how long.
#[derive(Args, Clone)]
pub struct Pressure {
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Requests in flight on each connection
    #[arg(long, default_value_t = 4)]
    pub depth: usize,
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Measured time
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub seconds: Duration,
    /// Time under load before the measured time
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub warm_up: Duration,
}

impl Target {
    pub fn topic_names(&self) -> Vec<String> {
        match self.topics {
            1 => vec![self.topic.clone()],
            count => (0..count).map(|index| format!("{}-{index}", self.topic)).collect(),
        }
    }

    /// Creates the topics unless told otherwise and waits for their leaders.
    pub fn prepare(&self) -> Result<Vec<String>> {
        let names = self.topic_names();
        if !self.no_create {
            Client::connect(self.bootstrap)?.prepare_topics(&names, self.partitions, &self.topic_configs)?;
        }
        Ok(names)
    }
}

impl Pressure {
    /// Shares the connections among the threads and runs one load, made by `load` for its thread's range of connections, on each.
    pub fn run<L: Load + Send>(
        &self,
        address: SocketAddr,
        mut load: impl FnMut(std::ops::Range<usize>) -> Result<L>,
    ) -> Result<Vec<Tally>> {
        let threads = self.threads.clamp(1, self.connections.max(1));
        let mut parts = Vec::new();
        for thread in 0..threads {
            let range = self.connections * thread / threads..self.connections * (thread + 1) / threads;
            let connections = range.clone().map(|_| Connection::connect(address)).collect::<Result<Vec<_>>>()?;
            parts.push((connections, load(range)?));
        }
        let window = Window::from_now(self.warm_up, self.seconds);
        std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .into_iter()
                .map(|(connections, mut load)| scope.spawn(move || engine::run(connections, &mut load, self.depth, window)))
                .collect();
            running.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a load thread panicked"))?).collect()
        })
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| "not a number of seconds".into())
}

/// A count with an optional k, M or G (powers of ten).
pub fn quantity(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1e3),
        Some(b'M') => (&text[..text.len() - 1], 1e6),
        Some(b'G') => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    digits.parse::<f64>().map(|number| (number * factor) as u64).map_err(|_| "not a count".into())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not key=value")?;
    Ok((key.into(), value.into()))
}
