//! Counters of all threads, added up.

use std::sync::atomic::{AtomicU64, Ordering};

use millrace_core::server::Shared;
use millrace_core::server::metrics::{ApiCounters, BUCKET_COUNT, ThreadMetrics};
use napi_derive::napi;

#[napi(object, object_from_js = false)]
pub struct ApiMetrics {
    pub api_key: u32,
    pub request_count: f64,
    pub error_count: f64,
    pub request_bytes: f64,
    pub response_bytes: f64,
    pub latency_buckets: Vec<f64>,
    pub latency_sum_micros: f64,
}

#[napi(object, object_from_js = false)]
pub struct TopicMetrics {
    pub name: String,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub records_in: f64,
}

#[napi(object, object_from_js = false)]
pub struct DataPlaneMetrics {
    pub connection_count: f64,
    pub connections_accepted: f64,
    pub connections_rejected: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub records_in: f64,
    pub batches_in: f64,
    pub fetch_session_count: f64,
    pub parked_fetch_count: f64,
    pub apis: Vec<ApiMetrics>,
    pub topics: Vec<TopicMetrics>,
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub fn snapshot(shared: &Shared) -> DataPlaneMetrics {
    let sum = |pick: fn(&ThreadMetrics) -> &AtomicU64| shared.metrics.iter().map(|thread| read(pick(thread))).sum::<u64>() as f64;
    let api_count = shared.metrics.first().map_or(0, |thread| thread.apis.len());
    let apis = (0..api_count).filter_map(|key| api_metrics(shared, key)).collect();
    let topics = shared.storage.topics().load();
    let busy = topics.by_name.values().filter(|topic| read(&topic.bytes_in) > 0 || read(&topic.bytes_out) > 0);
    let topics = busy.map(|topic| TopicMetrics {
        name: topic.name.to_string(),
        bytes_in: read(&topic.bytes_in) as f64,
        bytes_out: read(&topic.bytes_out) as f64,
        records_in: read(&topic.records_in) as f64,
    });
    DataPlaneMetrics {
        connection_count: shared.counts.open() as f64,
        connections_accepted: read(&shared.counts.accepted) as f64,
        connections_rejected: read(&shared.counts.rejected) as f64,
        bytes_in: sum(|thread| &thread.bytes_in),
        bytes_out: sum(|thread| &thread.bytes_out),
        records_in: sum(|thread| &thread.records_in),
        batches_in: sum(|thread| &thread.batches_in),
        fetch_session_count: shared.sessions.len() as f64,
        parked_fetch_count: sum(|thread| &thread.parked_fetches),
        apis,
        topics: topics.collect(),
    }
}

fn api_metrics(shared: &Shared, key: usize) -> Option<ApiMetrics> {
    let sum =
        |pick: &dyn Fn(&ApiCounters) -> u64| shared.metrics.iter().filter_map(|thread| thread.apis.get(key)).map(pick).sum::<u64>() as f64;
    let request_count = sum(&|api| read(&api.requests));
    (request_count > 0.0).then(|| ApiMetrics {
        api_key: key as u32,
        request_count,
        error_count: sum(&|api| read(&api.errors)),
        request_bytes: sum(&|api| read(&api.request_bytes)),
        response_bytes: sum(&|api| read(&api.response_bytes)),
        latency_buckets: (0..BUCKET_COUNT).map(|bucket| sum(&|api| read(&api.latency_buckets[bucket]))).collect(),
        latency_sum_micros: sum(&|api| read(&api.latency_sum_micros)),
    })
}
