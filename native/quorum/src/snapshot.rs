//! Snapshots as files in Kafka's format: a header record, batches of the state's records, a footer record.
//!
//! A snapshot is named after the offset it ends before and its epoch. It is written under another name, synced, and only
//! then renamed; one that is there and cannot be read is an error, never a reason to delete it.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_core::env::{Files, ReadableFile};
use millrace_core::record::{self, BATCH_OVERHEAD, BatchHeader, RecordIterator};

use crate::entry::{self, BATCH_SIZE_MAX_BYTES};
use crate::error::QuorumError;
use crate::types::{SnapshotMeta, term_of};

const SUFFIX: &str = ".checkpoint";
/// Of files that are being written.
const PART_SUFFIX: &str = ".part";
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
/// The record header that tells consensus where the snapshot stands.
const META_HEADER: &str = "snapshot";

/// An open snapshot; reading it goes on when its file was replaced by a newer one.
#[derive(Clone)]
pub struct SnapshotFile {
    pub file: Arc<dyn ReadableFile>,
    pub path: PathBuf,
    pub size: u64,
    /// Offset of the first record that is not in the snapshot's state.
    pub end_offset: i64,
}

pub struct Current {
    pub meta: SnapshotMeta,
    pub data: SnapshotFile,
}

pub struct SnapshotStore {
    files: Arc<dyn Files>,
    dir: PathBuf,
    current: Option<Current>,
}

impl SnapshotStore {
    /// Reads the newest snapshot whole and removes what an interrupted one left.
    pub fn open(files: Arc<dyn Files>, dir: &Path) -> Result<SnapshotStore, QuorumError> {
        let names: Vec<String> = files.list(dir).map_err(QuorumError::io(dir))?.into_iter().map(|entry| entry.name).collect();
        for name in names.iter().filter(|name| name.ends_with(PART_SUFFIX)) {
            let path = dir.join(name);
            files.remove_file(&path).map_err(QuorumError::io(&path))?;
        }
        let mut found: Vec<(i64, u64, &String)> =
            names.iter().filter_map(|name| parse_name(name).map(|(end, epoch)| (end, epoch, name))).collect();
        found.sort_unstable();
        let mut store = SnapshotStore { files, dir: dir.to_owned(), current: None };
        if let Some((end_offset, _, name)) = found.pop() {
            let path = dir.join(name);
            let data = store.open_file(path.clone(), end_offset).map_err(QuorumError::io(&path))?;
            let meta = data.verify().map_err(|error| QuorumError::damaged(&path, 0, error.to_string()))?;
            store.current = Some(Current { meta, data });
            for (_, _, older) in found {
                let path = dir.join(older);
                store.files.remove_file(&path).map_err(QuorumError::io(&path))?;
            }
        }
        Ok(store)
    }

    pub fn current(&self) -> Option<&Current> {
        self.current.as_ref()
    }

    /// Writes a snapshot of these data batches and makes it the current one.
    pub fn create(
        &mut self,
        meta: &SnapshotMeta,
        end_offset: i64,
        batches: impl Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<SnapshotFile> {
        let epoch = meta.last_log_id.as_ref().map_or(0, term_of);
        let path = self.dir.join(format!("{end_offset:020}-{epoch:010}{SUFFIX}"));
        let part = self.part_path("new");
        let file = self.files.open(&part, true)?;
        file.set_len(0)?;
        let exact = postcard::to_stdvec(meta).map_err(io::Error::other)?;
        let head = record::build_control(SNAPSHOT_HEADER, &[0; 11], &[(META_HEADER, &exact)], None, 0);
        let foot = record::build_control(SNAPSHOT_FOOTER, &[0; 3], &[], None, 0);
        let epoch = i32::try_from(epoch).map_err(io::Error::other)?;
        let (mut position, mut offset) = (0, 0);
        for batch in std::iter::once(Ok(head)).chain(batches).chain(std::iter::once(Ok(foot))) {
            let mut batch = batch?;
            record::set_base_offset_and_leader_epoch(&mut batch, offset, epoch);
            offset = BatchHeader::decode(&batch).map_err(io::Error::other)?.last_offset() + 1;
            file.write_all_at(&mut [IoSlice::new(&batch)], position)?;
            position += batch.len() as u64;
        }
        file.sync_data()?;
        self.files.rename(&part, &path)?;
        self.files.sync_dir(&self.dir)?;
        let data = SnapshotFile { file, path: path.clone(), size: position, end_offset };
        let older = self.current.replace(Current { meta: meta.clone(), data: data.clone() });
        if let Some(older) = older.filter(|older| older.data.path != path) {
            self.files.remove_file(&older.data.path)?;
        }
        Ok(data)
    }

    /// A file for what is being received, removed at the next start if nothing becomes of it.
    pub fn begin_part(&self, name: &str) -> io::Result<(PathBuf, Arc<dyn millrace_core::env::File>)> {
        let path = self.part_path(name);
        let file = self.files.open(&path, true)?;
        file.set_len(0)?;
        Ok((path, file))
    }

    pub fn remove_part(&self, path: &Path) -> io::Result<()> {
        self.files.remove_file(path)
    }

    fn part_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{PART_SUFFIX}"))
    }

    fn open_file(&self, path: PathBuf, end_offset: i64) -> io::Result<SnapshotFile> {
        let file = self.files.open_for_reading(&path)?;
        let size = self.files.size(&path)?;
        Ok(SnapshotFile { file, path, size, end_offset })
    }
}

impl SnapshotFile {
    /// All data batches, each checked.
    pub fn batches(&self) -> impl Iterator<Item = io::Result<Vec<u8>>> + '_ {
        self.all_batches().filter(|batch| !matches!(batch, Ok(batch) if is_control(batch)))
    }

    fn all_batches(&self) -> impl Iterator<Item = io::Result<Vec<u8>>> + '_ {
        let mut position = 0;
        std::iter::from_fn(move || {
            if position >= self.size {
                return None;
            }
            let batch = self.batch_at(position);
            position = batch.as_ref().map_or(self.size, |batch| position + batch.len() as u64);
            Some(batch)
        })
    }

    fn batch_at(&self, position: u64) -> io::Result<Vec<u8>> {
        let mut head = [0; BATCH_OVERHEAD];
        self.file.read_exact_at(&mut head, position)?;
        let length = BatchHeader::decode(&head).map_err(io::Error::other)?.size_in_bytes();
        if length > BATCH_SIZE_MAX_BYTES {
            return Err(io::Error::other(format!("a batch of {length} bytes")));
        }
        let mut batch = vec![0; length];
        self.file.read_exact_at(&mut batch, position)?;
        entry::check(&batch).map_err(io::Error::other)?;
        Ok(batch)
    }

    /// Reads everything; fails where a batch, the header or the footer is missing or damaged.
    pub fn verify(&self) -> io::Result<SnapshotMeta> {
        let mut meta = None;
        let mut has_footer = false;
        for (at, batch) in self.all_batches().enumerate() {
            let batch = batch?;
            match control_kind(&batch)? {
                Some(SNAPSHOT_HEADER) if at == 0 => meta = read_meta(&batch)?,
                Some(SNAPSHOT_FOOTER) => has_footer = true,
                _ if has_footer || at == 0 => return Err(io::Error::other("records outside of the snapshot")),
                _ => {}
            }
        }
        match meta {
            Some(meta) if has_footer => Ok(meta),
            Some(_) => Err(io::Error::other("the snapshot has no end")),
            None => Err(io::Error::other("the snapshot does not say where it stands")),
        }
    }
}

fn is_control(batch: &[u8]) -> bool {
    BatchHeader::decode(batch).is_ok_and(|header| header.is_control())
}

fn control_kind(batch: &[u8]) -> io::Result<Option<i16>> {
    if !is_control(batch) {
        return Ok(None);
    }
    let record = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next().and_then(Result::ok);
    let kind = record.and_then(|record| record.key).and_then(|key| key.get(2..4)).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
    kind.map(Some).ok_or_else(|| io::Error::other("a control batch without a type"))
}

fn read_meta(batch: &[u8]) -> io::Result<Option<SnapshotMeta>> {
    let Some(Ok(record)) = RecordIterator::new(&batch[BATCH_OVERHEAD..]).next() else { return Ok(None) };
    let exact = record.headers().find(|(key, _)| *key == META_HEADER.as_bytes()).and_then(|(_, value)| value);
    exact.map(postcard::from_bytes).transpose().map_err(io::Error::other)
}

/// End offset and epoch.
fn parse_name(name: &str) -> Option<(i64, u64)> {
    let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((offset.parse().ok()?, epoch.parse().ok()?))
}
