//! Long-polling fetches from the earliest offset on; what arrives is counted and thrown away.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Pressure, Target, quantity};
use crate::batch;
use crate::connection::{Body, Connection};
use crate::engine::Load;
use crate::requests::{self, Api, FetchLimits, errors};
use crate::tally::{Tally, rounded};

#[derive(Args, Clone)]
pub struct Fetch {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub pressure: Pressure,
    /// Bytes of a record's value, to tell the data from its framing
    #[arg(long, default_value_t = 1024)]
    pub record_size: usize,
    #[arg(long, default_value_t = 500)]
    pub max_wait_ms: i32,
    #[arg(long, default_value_t = 1)]
    pub min_bytes: i32,
    #[arg(long, default_value_t = 52_428_800)]
    pub max_bytes: i32,
    #[arg(long, default_value_t = 1_048_576)]
    pub partition_max_bytes: i32,
    /// End after so many bytes of record values
    #[arg(long, default_value = "1000G", value_parser = quantity)]
    pub bytes: u64,
    /// Begin again at the start when the end of a partition is reached, so that a load lasts
    #[arg(long)]
    pub again: bool,
    /// Check the CRC of what arrives (costs this side some time)
    #[arg(long)]
    pub verify: bool,
}

impl Fetch {
    pub fn run(&self) -> Result<Map<String, Value>> {
        let names = self.target.prepare()?;
        let tallies = self.load(&names)?;
        let batch_overhead = tallies.iter().map(|tally| tally.wire_bytes - tally.value_bytes).sum::<u64>();
        let mut summary = Tally::summary(&tallies)?;
        summary.insert("framingMegabytes".into(), json!(rounded(batch_overhead as f64 / 1e6)));
        Ok(summary)
    }

    /// The load alone. Partitions are shared out among the connections; where there are fewer partitions, several connections read the same one.
    pub fn load(&self, names: &[String]) -> Result<Vec<Tally>> {
        let partitions: Vec<(usize, i32)> =
            (0..names.len()).flat_map(|topic| (0..self.target.partitions as i32).map(move |partition| (topic, partition))).collect();
        let connections = self.pressure.connections.max(1);
        let share = |connection: usize| -> Vec<(usize, i32)> {
            if connections >= partitions.len() {
                return vec![partitions[connection % partitions.len()]];
            }
            partitions.iter().copied().skip(connection).step_by(connections).collect()
        };
        // A second fetch could not know the offset that the first will end at.
        let pressure = Pressure { depth: 1, ..self.pressure.clone() };
        pressure.run(self.target.bootstrap, |range| {
            Ok(FetchLoad {
                options: self.clone(),
                names: names.to_vec(),
                offsets: range.clone().map(|connection| share(connection).into_iter().map(|key| (key, 0)).collect()).collect(),
                value_bytes_left: self.bytes * range.len() as u64 / connections as u64,
                range,
            })
        })
    }
}

struct FetchLoad {
    options: Fetch,
    names: Vec<String>,
    /// Next offset of every (topic, partition), per connection.
    offsets: Vec<HashMap<(usize, i32), i64>>,
    value_bytes_left: u64,
    range: Range<usize>,
}

impl Load for FetchLoad {
    fn next(&mut self, index: usize, connection: &mut Connection) -> bool {
        if self.value_bytes_left == 0 {
            return false;
        }
        let mut by_topic: Vec<Vec<(i32, i64)>> = vec![Vec::new(); self.names.len()];
        for (&(topic, partition), &offset) in &self.offsets[index] {
            by_topic[topic].push((partition, offset));
        }
        let named: Vec<_> =
            self.names.iter().map(String::as_str).zip(by_topic.iter().map(Vec::as_slice)).filter(|(_, list)| !list.is_empty()).collect();
        let options = &self.options;
        let limits = FetchLimits {
            // Who begins again must not first wait at the end for what nobody writes.
            wait_ms: if options.again { 0 } else { options.max_wait_ms },
            min_bytes: options.min_bytes,
            max_bytes: options.max_bytes,
            partition_max_bytes: options.partition_max_bytes,
        };
        connection.queue(Api::FETCH, |out| {
            requests::fetch(limits, named.into_iter(), out);
            Body::None
        });
        true
    }

    fn answered(&mut self, index: usize, frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (_, mut reader) = requests::response(Api::FETCH, frame)?;
        let mut failed_crcs = 0;
        let mut received = 0;
        let offsets = &mut self.offsets[index];
        let error = requests::read_fetched(&mut reader, |fetched| {
            let topic = self.names.iter().position(|name| name.as_bytes() == fetched.topic).unwrap_or(usize::MAX);
            let Some(offset) = offsets.get_mut(&(topic, fetched.partition)) else { return };
            match fetched.error {
                errors::NONE => {}
                errors::OFFSET_OUT_OF_RANGE => {
                    *offset = fetched.log_start_offset.max(0);
                    tally.count_error(fetched.error);
                }
                other => tally.count_error(other),
            }
            if fetched.records.is_empty() && self.options.again {
                *offset = 0;
            }
            for batch in batch::batches(fetched.records) {
                *offset = batch.next_offset;
                tally.records += batch.record_count;
                tally.wire_bytes += batch.bytes.len() as u64;
                received += batch.record_count * self.options.record_size as u64;
                failed_crcs += u64::from(self.options.verify && !batch::crc_holds(batch.bytes));
            }
        })?;
        if error != errors::NONE {
            tally.count_error(error);
        }
        tally.value_bytes += received;
        self.value_bytes_left = self.value_bytes_left.saturating_sub(received);
        ensure!(failed_crcs == 0, "{failed_crcs} batches arrived with a wrong CRC on connection {}", self.range.start + index);
        Ok(())
    }
}
