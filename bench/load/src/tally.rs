//! What a load counted: all of it, and the part between warm-up and end that rates are made of.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::engine::Window;

#[derive(Clone, Copy, Default)]
struct Mark {
    requests: u64,
    records: u64,
    value_bytes: u64,
    wire_bytes: u64,
}

pub struct Tally {
    pub window: Window,
    pub requests: u64,
    pub records: u64,
    /// Bytes of record values, what a user would call the data.
    pub value_bytes: u64,
    /// Bytes of whole batches.
    pub wire_bytes: u64,
    pub errors: BTreeMap<i16, u64>,
    /// Microseconds from queueing a request to its answer. In a closed loop this says how deep the pipeline is, not what an open one would feel.
    pub latency: Histogram<u64>,
    warm: Option<(Instant, Mark)>,
    ended: Option<(Instant, Mark)>,
}

impl Tally {
    pub fn new(window: Window) -> Tally {
        Tally {
            window,
            requests: 0,
            records: 0,
            value_bytes: 0,
            wire_bytes: 0,
            errors: BTreeMap::new(),
            latency: microseconds(),
            warm: None,
            ended: None,
        }
    }

    fn mark(&self) -> Mark {
        Mark { requests: self.requests, records: self.records, value_bytes: self.value_bytes, wire_bytes: self.wire_bytes }
    }

    /// Tells that something is counted at `now`; called before the counting.
    pub fn at(&mut self, now: Instant) {
        if self.warm.is_none() && now >= self.window.warm_at {
            self.warm = Some((now, self.mark()));
        }
        if self.ended.is_none() && now >= self.window.end_at {
            self.ended = Some((now, self.mark()));
        }
    }

    /// Closes the window where the work ran out before the time.
    pub fn end(&mut self, now: Instant) {
        self.at(now);
        if self.ended.is_none() {
            self.ended = Some((now, self.mark()));
        }
    }

    pub fn count_error(&mut self, code: i16) {
        *self.errors.entry(code).or_default() += 1;
    }

    /// One JSON object of several threads' tallies: totals, then rates within the window.
    pub fn summary(tallies: &[Tally]) -> Result<Map<String, Value>> {
        let total = |field: fn(&Tally) -> u64| tallies.iter().map(field).sum::<u64>();
        let rate = |field: fn(&Mark) -> u64| tallies.iter().map(|tally| tally.rate(field)).sum::<f64>();
        let mut latency = microseconds();
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for tally in tallies {
            latency.add(&tally.latency)?;
            for (code, count) in &tally.errors {
                *errors.entry(code.to_string()).or_default() += count;
            }
        }
        let mut summary = Map::new();
        summary.insert("requests".into(), json!(total(|tally| tally.requests)));
        summary.insert("records".into(), json!(total(|tally| tally.records)));
        summary.insert("valueBytes".into(), json!(total(|tally| tally.value_bytes)));
        summary.insert("wireBytes".into(), json!(total(|tally| tally.wire_bytes)));
        summary.insert("errors".into(), json!(errors));
        summary.insert("requestsPerSecond".into(), json!(rate(|mark| mark.requests).round()));
        summary.insert("recordsPerSecond".into(), json!(rate(|mark| mark.records).round()));
        summary.insert("valueMegabytesPerSecond".into(), json!(rounded(rate(|mark| mark.value_bytes) / 1e6)));
        summary.insert("wireMegabytesPerSecond".into(), json!(rounded(rate(|mark| mark.wire_bytes) / 1e6)));
        summary.insert("closedLoopLatencyMicros".into(), percentiles(&latency));
        Ok(summary)
    }

    fn rate(&self, field: fn(&Mark) -> u64) -> f64 {
        match (&self.warm, &self.ended) {
            (Some((from, warm)), Some((to, end))) if to > from => (field(end) - field(warm)) as f64 / (*to - *from).as_secs_f64(),
            _ => 0.0,
        }
    }
}

pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A histogram of up to a minute and more, three digits exact.
pub fn microseconds() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are constant and valid");
    histogram.auto(true);
    histogram
}

pub fn percentiles(histogram: &Histogram<u64>) -> Value {
    json!({
        "p50": histogram.value_at_quantile(0.5),
        "p99": histogram.value_at_quantile(0.99),
        "p99.9": histogram.value_at_quantile(0.999),
        "max": histogram.max(),
        "count": histogram.len(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_leave_out_warm_up_and_what_comes_after_the_end() {
        let start = Instant::now();
        let second = |count: u64| start + Duration::from_secs(count);
        let mut tally = Tally::new(Window { warm_at: second(1), end_at: second(3) });
        for (at, requests) in [(0, 100), (1, 10), (2, 30), (3, 500)] {
            tally.at(second(at));
            tally.requests += requests;
        }
        tally.end(second(4));
        let summary = Tally::summary(&[tally]).expect("a summary");
        assert_eq!(summary["requests"], 640);
        assert_eq!(summary["requestsPerSecond"], 20.0);
    }
}
