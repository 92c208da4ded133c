//! Writes the segment that takes the place of others: log, indexes and aborted transactions, under names that no reader
//! takes for a segment.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cleaned_path;
use crate::env::File;
use crate::log::AbortedTxn;
use crate::log::partition_log::LogError;
use crate::log::segment::{LogContext, SEGMENT_SUFFIXES, encode_aborted};
use crate::log::segment_index::{self, GrowingIndex};
use crate::record::BatchHeader;

const BUFFER_BYTES: usize = 1024 * 1024;
const INDEX_INTERVAL_BYTES: u32 = 4096;

pub struct SegmentWriter {
    context: LogContext,
    dir: PathBuf,
    base_offset: i64,
    file: Arc<dyn File>,
    written: u64,
    buffer: Vec<u8>,
    index: GrowingIndex,
}

impl SegmentWriter {
    pub fn create(context: &LogContext, dir: &Path, base_offset: i64) -> Result<SegmentWriter, LogError> {
        let path = cleaned_path(dir, base_offset, "log");
        let open = || {
            let file = context.env.files.open(&path, true)?;
            file.set_len(0)?;
            Ok(file)
        };
        Ok(SegmentWriter {
            file: open().map_err(|error| LogError::io(&path, error))?,
            context: context.clone(),
            dir: dir.to_owned(),
            base_offset,
            written: 0,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            index: GrowingIndex::default(),
        })
    }

    pub fn append(&mut self, header: &BatchHeader, batch: &[u8]) -> Result<(), LogError> {
        let position = self.written + self.buffer.len() as u64;
        if position + batch.len() as u64 > u64::from(u32::MAX >> 1) {
            let error = std::io::Error::other("a rewritten segment is larger than 2 GB");
            return Err(LogError::io(&cleaned_path(&self.dir, self.base_offset, "log"), error));
        }
        self.index.note_stored(self.base_offset, position, header, INDEX_INTERVAL_BYTES);
        if self.buffer.len() + batch.len() > BUFFER_BYTES {
            self.write()?;
        }
        self.buffer.extend_from_slice(batch);
        Ok(())
    }

    fn write(&mut self) -> Result<(), LogError> {
        let written = self.file.write_all_at(&mut [IoSlice::new(&self.buffer)], self.written);
        written.map_err(|error| LogError::io(&cleaned_path(&self.dir, self.base_offset, "log"), error))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes all files durable; returns the log's bytes.
    pub fn finish(&mut self, aborted: &[AbortedTxn]) -> Result<u64, LogError> {
        self.write()?;
        self.index.note_time();
        let io = |error| LogError::io(&self.dir, error);
        self.file.sync_data().map_err(io)?;
        let offsets = segment_index::encode_offsets(&self.index.offsets);
        let times = segment_index::encode_times(&self.index.times);
        // The list of aborted transactions is written even where it is empty: it takes the place of the old one.
        for (suffix, bytes) in [("index", offsets), ("timeindex", times), ("txnindex", encode_aborted(aborted))] {
            let write = || {
                let file = self.context.env.files.open(&cleaned_path(&self.dir, self.base_offset, suffix), true)?;
                file.set_len(0)?;
                file.write_all_at(&mut [IoSlice::new(&bytes)], 0)?;
                file.sync_data()
            };
            write().map_err(io)?;
        }
        Ok(self.written)
    }

    /// Removes what was written; what cannot be removed goes at the next start.
    pub fn discard(&self) {
        for suffix in SEGMENT_SUFFIXES {
            let _ = self.context.env.files.remove_file(&cleaned_path(&self.dir, self.base_offset, suffix));
        }
    }
}
