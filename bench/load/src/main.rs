//! A raw Kafka load generator: sends pre-built batches over few system calls, so that the broker is what is measured.
//! It shares no code with the broker. Every mode ends by time or by count and prints one line of JSON; an error goes to
//! standard error with exit status 1.
//!
//! | module | what it holds |
//! |---|---|
//! | `wire`, `batch`, `requests` | the protocol, as much of it as a load needs |
//! | `client` | a blocking connection for set-up |
//! | `connection`, `engine`, `tally` | a pipelined connection, the closed loop, what it counts |
//! | `modes` | one file per question asked of a broker, and `floor`, which asks the machine |

mod batch;
mod client;
mod connection;
mod engine;
mod modes;
mod requests;
mod tally;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::{Map, Value};

use modes::produce::Spread;

#[derive(Parser)]
#[command(
    name = "millrace-load",
    about = "Puts one kind of load on a Kafka broker and prints what it measured as one line of JSON",
    version
)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Pre-built batches as fast as they are answered
    Produce(modes::produce::Produce),
    /// The same, each request to the next of all partitions
    Roundrobin(modes::produce::Produce),
    /// Long-polling fetches, contents thrown away
    Fetch(modes::fetch::Fetch),
    /// Connections that are held and say nothing
    Idle(modes::idle::Idle),
    /// Heartbeats and offset commits of joined group members
    Groups(modes::groups::Groups),
    /// Time until a group of many new members is stable
    Rebalance(modes::rebalance::Rebalance),
    /// Open-loop latency at a fixed rate, to the answer and to a consumer
    Latency(modes::latency::Latency),
    /// Time until a starting broker answers Metadata
    Metadata(modes::metadata::FirstMetadata),
    /// This machine's own floor under the same load
    Floor(modes::floor::Floor),
}

fn main() -> ExitCode {
    match Cli::parse().mode.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Mode {
    fn run(self) -> Result<()> {
        raise_open_file_limit()?;
        let (name, summary) = match self {
            Mode::Produce(produce) => ("produce", produce.run()?),
            Mode::Roundrobin(mut produce) => {
                produce.spread = Spread::Cycle;
                ("roundrobin", produce.run()?)
            }
            Mode::Fetch(fetch) => ("fetch", fetch.run()?),
            Mode::Idle(idle) => return idle.run(|summary| print("idle", summary)),
            Mode::Groups(groups) => ("groups", groups.run()?),
            Mode::Rebalance(rebalance) => ("rebalance", rebalance.run()?),
            Mode::Latency(latency) => ("latency", latency.run()?),
            Mode::Metadata(metadata) => ("metadata", metadata.run()?),
            Mode::Floor(floor) => ("floor", floor.run()?),
        };
        print(name, &summary);
        Ok(())
    }
}

fn print(mode: &str, summary: &Map<String, Value>) {
    let mut line = Map::new();
    line.insert("mode".into(), mode.into());
    line.extend(summary.clone());
    println!("{}", Value::Object(line));
}

/// Thousands of connections need as many descriptors.
fn raise_open_file_limit() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
