//! Calls that may wait for a disk: they run on libuv's threads and resolve a promise.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use millrace_core::log::{self, CompactionSettings, LogManager};
use millrace_core::partition::{Isolation, OffsetSpec, Partition, StoredBatch};
use millrace_core::replication::Replication;
use millrace_core::server::Server;
use napi::bindgen_prelude::Buffer;
use napi::{Env, Result, Task};
use napi_derive::napi;

use crate::data_plane::Waker;
use crate::failure;
use crate::packing::Packer;

/// Decoded batches, packed as `src/native/stored-batches.ts` reads them.
pub struct ReadTask {
    pub partition: Arc<Partition>,
    pub offset: i64,
    pub max_bytes: usize,
}

impl Task for ReadTask {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> Result<Vec<u8>> {
        self.partition.load().map_err(|error| failure::unavailable(&error))?;
        let batches = self.partition.read_decoded(self.offset, self.max_bytes).map_err(|error| failure::read(&error))?;
        Ok(pack_batches(&batches))
    }

    fn resolve(&mut self, _: Env, output: Vec<u8>) -> Result<Buffer> {
        Ok(output.into())
    }
}

pub fn pack_batches(batches: &[StoredBatch]) -> Vec<u8> {
    let mut packer = Packer::default();
    packer.u32(batches.len() as u32);
    for batch in batches {
        pack_batch(batch, &mut packer);
    }
    packer.bytes
}

fn pack_batch(batch: &StoredBatch, packer: &mut Packer) {
    let header = &batch.header;
    packer.i64(header.base_offset);
    packer.i64(header.last_offset());
    packer.i32(header.partition_leader_epoch);
    packer.i64(header.producer_id);
    packer.i16(header.producer_epoch);
    packer.i32(header.base_sequence);
    packer.u8(u8::from(header.is_transactional()));
    packer.u8(match batch.control.map(|marker| marker.commit) {
        None => 0,
        Some(Some(true)) => 1,
        Some(Some(false)) => 2,
        Some(None) => 3,
    });
    packer.i32(batch.control.map_or(-1, |marker| marker.coordinator_epoch));
    packer.u8(header.codec().map_or(u8::MAX, |codec| codec as u8));
    packer.u32(header.size_in_bytes() as u32);
    packer.u32(batch.records.len() as u32);
    for record in &batch.records {
        packer.i64(record.offset);
        packer.i64(record.timestamp_ms);
        packer.blob(record.key.as_deref());
        packer.blob(record.value.as_deref());
        packer.u32(record.headers.len() as u32);
        for (key, value) in &record.headers {
            packer.string(key);
            packer.blob(value.as_deref());
        }
    }
}

/// Whole batches as they lie in the log, behind the offsets that bound them; see `src/native/raw-records.ts`.
pub struct ReadRawTask {
    pub partition: Arc<Partition>,
    pub offset: i64,
    pub max_bytes: u32,
    pub isolation: Isolation,
}

impl Task for ReadRawTask {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> Result<Vec<u8>> {
        self.partition.load().map_err(|error| failure::unavailable(&error))?;
        let shared = self.partition.read_shared(self.offset, self.max_bytes, self.isolation).map_err(|error| failure::read(&error))?;
        let read = shared.read;
        let mut packer = Packer::default();
        packer.i64(read.log_start_offset);
        packer.i64(read.high_watermark);
        packer.u32(read.aborted.len() as u32);
        for aborted in &read.aborted {
            packer.i64(aborted.producer_id);
            packer.i64(aborted.first_offset);
        }
        packer.u32(shared.waiting.len() as u32);
        for run in &shared.waiting {
            packer.i64(run.first_offset);
            packer.i64(run.last_offset);
            packer.i64(run.due_ms);
        }
        let mut packed = packer.bytes;
        if let Some(slice) = read.slice {
            let start = packed.len();
            packed.resize(start + slice.len as usize, 0);
            slice.file.read_exact_at(&mut packed[start..], slice.position).map_err(failure::other)?;
        }
        Ok(packed)
    }

    fn resolve(&mut self, _: Env, output: Vec<u8>) -> Result<Buffer> {
        Ok(output.into())
    }
}

/// Offset and timestamp of the first record at or after a time; empty where there is none.
pub struct OffsetForTimestampTask {
    pub partition: Arc<Partition>,
    pub timestamp_ms: i64,
}

impl Task for OffsetForTimestampTask {
    type Output = Vec<f64>;
    type JsValue = Vec<f64>;

    fn compute(&mut self) -> Result<Vec<f64>> {
        self.partition.load().map_err(|error| failure::unavailable(&error))?;
        let found = self.partition.offset_for(OffsetSpec::Timestamp(self.timestamp_ms));
        let found = found.map_err(|error| failure::read(&error))?;
        Ok(found.map_or_else(Vec::new, |(offset, timestamp, _)| vec![offset as f64, timestamp as f64]))
    }

    fn resolve(&mut self, _: Env, output: Vec<f64>) -> Result<Vec<f64>> {
        Ok(output)
    }
}

pub struct DeleteRecordsTask {
    pub storage: Arc<LogManager>,
    pub partition: Arc<Partition>,
    pub before_offset: i64,
}

impl Task for DeleteRecordsTask {
    type Output = i64;
    type JsValue = f64;

    fn compute(&mut self) -> Result<i64> {
        self.partition.load().map_err(|error| failure::unavailable(&error))?;
        let before_offset = match self.before_offset {
            // Everything that is committed, as DeleteRecords means it.
            -1 => self.partition.offsets().map_err(|error| failure::unavailable(&error))?.high_watermark,
            offset => offset,
        };
        let deleted = self.storage.delete_records(&self.partition, before_offset);
        deleted.map_err(|error| failure::delete_records(&error))
    }

    fn resolve(&mut self, _: Env, output: i64) -> Result<f64> {
        Ok(output as f64)
    }
}

pub struct RollTask {
    pub partition: Arc<Partition>,
}

impl Task for RollTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.partition.load().map_err(|error| failure::unavailable(&error))?;
        self.partition.roll().map_err(|error| failure::unavailable(&error))
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

#[napi(object, object_from_js = false)]
pub struct CompactionReport {
    pub bytes_read: f64,
    pub bytes_written: f64,
    pub records_read: f64,
    pub records_kept: f64,
}

/// One run of compaction over one log.
pub struct CompactTask {
    pub storage: Arc<LogManager>,
    pub partition: Arc<Partition>,
    pub settings: CompactionSettings,
}

impl Task for CompactTask {
    type Output = log::CompactionReport;
    type JsValue = CompactionReport;

    fn compute(&mut self) -> Result<Self::Output> {
        self.storage.compact(&self.partition, &self.settings).map_err(failure::other)
    }

    fn resolve(&mut self, _: Env, report: Self::Output) -> Result<CompactionReport> {
        Ok(CompactionReport {
            bytes_read: report.bytes_read as f64,
            bytes_written: report.bytes_written as f64,
            records_read: report.records_read as f64,
            records_kept: report.records_kept as f64,
        })
    }
}

/// Moves a replica to another log directory.
pub struct MoveTask {
    pub storage: Arc<LogManager>,
    pub partition: Arc<Partition>,
    pub log_dir: PathBuf,
}

impl Task for MoveTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.storage.move_replica(&self.partition, &self.log_dir).map_err(|error| failure::move_replica(&error))
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

#[napi(object, object_from_js = false)]
pub struct TopicSize {
    pub name: String,
    pub bytes: f64,
}

/// Bytes of the logs by topic.
pub struct TopicSizesTask {
    pub storage: Arc<LogManager>,
}

impl Task for TopicSizesTask {
    type Output = Vec<(Arc<str>, u64)>;
    type JsValue = Vec<TopicSize>;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(self.storage.topic_sizes())
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Vec<TopicSize>> {
        Ok(output.into_iter().map(|(name, bytes)| TopicSize { name: name.to_string(), bytes: bytes as f64 }).collect())
    }
}

/// Ends the threads, flushes and marks the stop as clean.
pub struct CloseTask {
    pub server: Arc<Server>,
    pub replication: Arc<Replication>,
    pub storage: Arc<LogManager>,
    pub waker: Waker,
}

impl Task for CloseTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.server.stop();
        self.replication.stop();
        self.storage.close().map_err(failure::other)
    }

    fn finally(self, _: Env) -> Result<()> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}
