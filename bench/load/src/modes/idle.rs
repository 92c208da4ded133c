//! Connections that have introduced themselves and then say nothing.

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use super::seconds;
use crate::client::Client;
use crate::requests::{Api, errors};
use crate::tally::rounded;

#[derive(Args, Clone)]
pub struct Idle {
    /// Address of the broker
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub bootstrap: SocketAddr,
    #[arg(long, default_value_t = 5000)]
    pub connections: usize,
    /// How long to hold them at most; standard input closing ends it sooner
    #[arg(long, default_value = "60", value_parser = seconds)]
    pub hold: Duration,
}

impl Idle {
    /// Prints its line as soon as all connections stand, since what is measured is the broker while they are held.
    pub fn run(&self, print: impl FnOnce(&Map<String, Value>)) -> Result<()> {
        let began = Instant::now();
        let mut held = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let mut client = Client::connect(self.bootstrap)?;
            let error = client.call(Api::API_VERSIONS, |_| {})?.i16()?;
            ensure!(error == errors::NONE, "ApiVersions was answered with error {error}");
            held.push(client);
        }
        let mut summary = Map::new();
        summary.insert("connections".into(), json!(held.len()));
        summary.insert("seconds".into(), json!(rounded(began.elapsed().as_secs_f64())));
        print(&summary);
        let (closed, is_closed) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let outcome = std::io::stdin().read_to_end(&mut Vec::new());
            // The receiver is gone when the hold was over first.
            let _ = closed.send(outcome);
        });
        // Both ways of ending are fine: the time is over, or standard input closed.
        let _ = is_closed.recv_timeout(self.hold);
        Ok(())
    }
}
