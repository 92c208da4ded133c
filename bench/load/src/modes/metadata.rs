//! How long a broker that is being started takes to answer its first Metadata request.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::seconds;
use crate::client::Client;
use crate::requests::Metadata;
use crate::tally::rounded;

const PAUSE: Duration = Duration::from_millis(2);

#[derive(Args, Clone)]
pub struct FirstMetadata {
    /// Address of the broker
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub bootstrap: SocketAddr,
    /// Partitions with a leader that an answer must name before it counts
    #[arg(long, default_value_t = 0)]
    pub partitions: usize,
    #[arg(long, default_value = "120", value_parser = seconds)]
    pub timeout: Duration,
}

impl FirstMetadata {
    /// Times are from the start of this process; `unixNanos` lets a caller count from another moment.
    pub fn run(&self) -> Result<Map<String, Value>> {
        let began = Instant::now();
        let mut attempts = 0;
        let metadata = loop {
            attempts += 1;
            match self.attempt() {
                Ok(Some(metadata)) => break metadata,
                Err(error) if began.elapsed() > self.timeout => return Err(error.context("no Metadata answer in time")),
                Ok(None) if began.elapsed() > self.timeout => bail!("Metadata does not name {} led partitions", self.partitions),
                _ => std::thread::sleep(PAUSE),
            }
        };
        let answered_at = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
        let mut summary = Map::new();
        summary.insert("seconds".into(), json!(rounded(began.elapsed().as_secs_f64())));
        summary.insert("unixNanos".into(), json!(answered_at.as_nanos().to_string()));
        summary.insert("attempts".into(), json!(attempts));
        summary.insert("brokers".into(), json!(metadata.broker_count));
        summary.insert("ledPartitions".into(), json!(metadata.led_partition_count));
        Ok(summary)
    }

    fn attempt(&self) -> Result<Option<Metadata>> {
        let metadata = Client::connect(self.bootstrap)?.metadata(None)?;
        let complete = metadata.broker_count > 0 && metadata.led_partition_count >= self.partitions;
        Ok(complete.then_some(metadata))
    }
}
