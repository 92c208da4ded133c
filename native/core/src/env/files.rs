//! What logs ask of a file system. Paths are absolute; every error is the operating system's own.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

/// A file that can be read at any position by several threads at once.
pub trait ReadableFile: Send + Sync {
    /// Reads at `position` until `buffer` is full or the file ends; returns how much was read.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// The descriptor for calls that send a file straight to a socket; `None` where there is none.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// Fills the whole buffer, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        if self.read_at(buffer, position)? == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// An open file. Dropping it closes it and reports nothing: `sync_data` first where that matters.
pub trait File: ReadableFile {
    fn size(&self) -> io::Result<u64>;
    /// Writes all slices one after the other at `position`, in one system call where that is possible.
    fn write_all_at(&self, slices: &mut [IoSlice<'_>], position: u64) -> io::Result<()>;
    /// Returns once content and size are on the medium. After an error nothing may be assumed of any earlier write.
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts or extends the file; also gives back what `allocate` reserved beyond the new end.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Reserves space in `position..position + len` without changing the file's length; a hint that may do nothing.
    fn allocate(&self, position: u64, len: u64) -> io::Result<()>;
}

pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
}

/// Of the file system that holds a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

/// Held as long as the directory is ours; dropping it gives it back.
pub trait DirLock: Send + Sync {}

pub trait Files: Send + Sync {
    /// Opens for reading and writing; creates an empty file when `create` is set and there is none.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>>;
    fn open_for_reading(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Whole content; `NotFound` where there is no file. Only for files known to be small.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Last modification in milliseconds since 1970.
    fn modified_ms(&self, path: &Path) -> io::Result<i64>;
    fn size(&self, path: &Path) -> io::Result<u64>;
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes everything below `dir` durable, files and names.
    fn sync_all(&self, dir: &Path) -> io::Result<()>;
    fn space(&self, dir: &Path) -> io::Result<Space>;
    /// How many files this process may have open.
    fn open_files_max(&self) -> usize;
    /// Takes the file at `path` as a lock; `WouldBlock` when another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>>;
}

/// When what is written has to be on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Now,
    /// The caller has it made durable, with [`Files::sync_all`].
    Later,
}

/// Replaces `path` so that after a crash it holds either the old or the new content, whole.
pub fn write_atomically(files: &dyn Files, path: &Path, content: &[u8]) -> io::Result<()> {
    replace_file(files, path, content, Durability::Now)
}

/// Replaces `path` at once for all who read it; what a crash leaves depends on `durability`.
pub fn replace_file(files: &dyn Files, path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    let file = files.open(temporary, true)?;
    file.set_len(0)?;
    file.write_all_at(&mut [IoSlice::new(content)], 0)?;
    if durability == Durability::Now {
        file.sync_data()?;
    }
    drop(file);
    files.rename(temporary, path)?;
    match path.parent() {
        Some(parent) if durability == Durability::Now => files.sync_dir(parent),
        _ => Ok(()),
    }
}

/// Writes a file that can be made again when a crash leaves it missing or torn.
pub fn write_in_place(files: &dyn Files, path: &Path, content: &[u8]) -> io::Result<()> {
    let file = files.open(path, true)?;
    file.set_len(0)?;
    file.write_all_at(&mut [IoSlice::new(content)], 0)
}
