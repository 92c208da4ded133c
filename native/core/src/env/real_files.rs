//! The machine's file system. The only file of this module with `unsafe`: system calls the standard library lacks.
#![allow(unsafe_code)]

use std::fs;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::files::{DirEntry, DirLock, File, Files, ReadableFile, Space};

pub struct RealFiles;

struct RealFile(fs::File);

struct RealDirLock(#[allow(dead_code)] fs::File);

impl DirLock for RealDirLock {}

impl ReadableFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

impl File for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write_all_at(&self, mut slices: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
        // Leading empty slices would be taken for a file that accepts nothing.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let batch = slices.len().min(IOV_MAX);
            let written = write_vectored_at(&self.0, &slices[..batch], position)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            position += written as u64;
            IoSlice::advance_slices(&mut slices, written);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        // On macOS the standard library's sync_data is F_FULLFSYNC, as it has to be.
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, position: u64, len: u64) -> io::Result<()> {
        allocate(&self.0, position, len)
    }
}

/// What every POSIX system takes in one call.
const IOV_MAX: usize = 1024;

fn write_vectored_at(file: &fs::File, slices: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(position).map_err(|_| io::ErrorKind::InvalidInput)?;
    let count = libc::c_int::try_from(slices.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    loop {
        // SAFETY: IoSlice is guaranteed to have the layout of iovec, the slices outlive the call, count is their number.
        let written = unsafe { libc::pwritev(file.as_raw_fd(), slices.as_ptr().cast(), count, offset) };
        if let Ok(written) = usize::try_from(written) {
            return Ok(written);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &fs::File, position: u64, len: u64) -> io::Result<()> {
    let position = libc::off_t::try_from(position).map_err(|_| io::ErrorKind::InvalidInput)?;
    let len = libc::off_t::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: a system call on a descriptor we hold, without pointers.
    let result = unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, position, len) };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // The file system cannot do it: writes will allocate as they go.
        Some(libc::EOPNOTSUPP | libc::ENOSYS) => Ok(()),
        _ => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &fs::File, _position: u64, _len: u64) -> io::Result<()> {
    Ok(())
}

impl Files for RealFiles {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open_for_reading(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(fs::File::open(path)?)))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let elapsed = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(DirEntry { name, is_dir: entry.file_type()?.is_dir() });
            }
        }
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        // The usual case is a new directory in one that exists.
        match fs::create_dir(dir) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            Err(_) => fs::create_dir_all(dir),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    #[cfg(target_os = "linux")]
    fn sync_all(&self, dir: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(fs::File::open(dir)?)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync_all(&self, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.sync_all(&entry.path())?;
            } else {
                fs::File::open(entry.path())?.sync_all()?;
            }
        }
        self.sync_dir(dir)
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut stats = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path is a C string, the pointer is to a writable statvfs.
        if unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: statvfs returned success, so it has filled the structure.
        let stats = unsafe { stats.assume_init() };
        // The fields' widths differ between systems.
        #[allow(clippy::unnecessary_cast)]
        let (unit, total, usable) = (stats.f_frsize as u64, stats.f_blocks as u64, stats.f_bavail as u64);
        Ok(Space { total_bytes: total.saturating_mul(unit), usable_bytes: usable.saturating_mul(unit) })
    }

    fn open_files_max(&self) -> usize {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to a writable rlimit.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
        if known { usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX) } else { 0 }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        // The kind of lock that Kafka's broker takes on the same file; the other kind does not see it.
        match rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Box::new(RealDirLock(file))),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}
