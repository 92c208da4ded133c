//! What a thread counts. Each thread writes its own counters; readers add them up.

use std::sync::atomic::{AtomicU64, Ordering};

/// Keys 0 to 94 of the protocol; anything above shares the last place.
pub const API_COUNT: usize = 96;
/// Bucket `i` counts latencies of at most 2^i microseconds; the last takes the rest.
pub const BUCKET_COUNT: usize = 27;

#[derive(Default)]
pub struct ApiCounters {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub request_bytes: AtomicU64,
    pub response_bytes: AtomicU64,
    pub latency_sum_micros: AtomicU64,
    pub latency_buckets: [AtomicU64; BUCKET_COUNT],
}

pub struct ThreadMetrics {
    pub apis: Vec<ApiCounters>,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub records_in: AtomicU64,
    pub batches_in: AtomicU64,
    pub parked_fetches: AtomicU64,
}

impl Default for ThreadMetrics {
    fn default() -> Self {
        ThreadMetrics {
            apis: (0..API_COUNT).map(|_| ApiCounters::default()).collect(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            records_in: AtomicU64::new(0),
            batches_in: AtomicU64::new(0),
            parked_fetches: AtomicU64::new(0),
        }
    }
}

/// Adds to a counter that only this thread writes: no locked instruction is needed.
pub fn add(counter: &AtomicU64, value: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(value), Ordering::Relaxed);
}

impl ThreadMetrics {
    fn api(&self, key: i16) -> &ApiCounters {
        &self.apis[usize::try_from(key).unwrap_or(API_COUNT).min(API_COUNT - 1)]
    }

    pub fn request(&self, key: i16, bytes: usize) {
        let api = self.api(key);
        add(&api.requests, 1);
        add(&api.request_bytes, bytes as u64);
    }

    pub fn response(&self, key: i16, bytes: usize, micros: u64) {
        let api = self.api(key);
        add(&api.response_bytes, bytes as u64);
        add(&api.latency_sum_micros, micros);
        let bucket = (u64::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
        add(&api.latency_buckets[bucket.min(BUCKET_COUNT - 1)], 1);
    }

    pub fn error(&self, key: i16) {
        add(&self.api(key).errors, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_falls_into_the_bucket_of_its_power_of_two() {
        let metrics = ThreadMetrics::default();
        for micros in [0, 1, 2, 3, 4, 5, 1 << 40] {
            metrics.response(0, 0, micros);
        }
        let buckets = &metrics.apis[0].latency_buckets;
        let counts: Vec<u64> = buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        assert_eq!(&counts[..5], [2, 1, 2, 1, 0]);
        assert_eq!(counts[BUCKET_COUNT - 1], 1);
    }
}
