//! A file system in memory that can do to a log what disks and crashes do: lose or tear what was not synced, fill up,
//! fail, and flip bits. Everything random follows from a seed.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::files::{DirEntry, DirLock, File, Files, ReadableFile, Space};

/// A disk writes this much in one piece or not at all.
const SECTOR_BYTES: u64 = 512;

/// Clones share one disk.
#[derive(Clone, Default)]
pub struct SimulatedFiles {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    /// Content by file number; a name refers to it, as to an inode.
    contents: Vec<Content>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    /// Renames of directories that are not durable yet, in order: each happens as a whole, with all that is inside.
    moved_dirs: Vec<(PathBuf, PathBuf)>,
    locks: Vec<PathBuf>,
    /// Grows with each crash: handles of earlier lives are worthless.
    life: u64,
    capacity_bytes: Option<u64>,
    /// Changes that still happen before all fail.
    changes_left: Option<u64>,
    failing_syncs: u32,
    failing_writes: u32,
    sync_count: u64,
    open_count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    Write { position: u64, bytes: Vec<u8> },
    SetLen(u64),
}

impl SimulatedFiles {
    pub fn new() -> SimulatedFiles {
        SimulatedFiles::default()
    }

    /// Sets how many bytes all files together may hold; writes beyond get part of the way and fail with `StorageFull`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().capacity_bytes = bytes;
    }

    /// Lets the next `count` syncs of files fail, and forgets what they should have made durable, as Linux does.
    pub fn fail_syncs(&self, count: u32) {
        self.disk.lock().failing_syncs = count;
    }

    /// Lets the next `count` writes fail before they write anything.
    pub fn fail_writes(&self, count: u32) {
        self.disk.lock().failing_writes = count;
    }

    /// Lets every change after the next `count` fail, as for a process that is about to die; a kill or crash ends it.
    pub fn stop_after(&self, count: u64) {
        self.disk.lock().changes_left = Some(count);
    }

    /// Whether changes fail now.
    pub fn is_stopped(&self) -> bool {
        self.disk.lock().changes_left == Some(0)
    }

    pub fn sync_count(&self) -> u64 {
        self.disk.lock().sync_count
    }

    /// How many files are open now.
    pub fn open_count(&self) -> u64 {
        self.disk.lock().open_count
    }

    /// Inverts one bit of a file, on the medium as well.
    pub fn flip_bit(&self, path: &Path, position: u64, bit: u8) {
        let mut disk = self.disk.lock();
        let Some(Node::File(number)) = disk.names.get(path).copied() else { return };
        let content = &mut disk.contents[number];
        for bytes in [&mut content.bytes, &mut content.durable] {
            if let Some(byte) = bytes.get_mut(position as usize) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Kills the process alone: what was written stays, handles and locks go.
    pub fn kill(&self) {
        let mut disk = self.disk.lock();
        disk.life += 1;
        disk.changes_left = None;
        disk.open_count = 0;
        disk.locks.clear();
    }

    /// Cuts the power. Of what was not synced some sectors, lengths and names survive, by the seed.
    pub fn crash(&self, seed: u64) {
        let mut random = Random(seed);
        let mut disk = self.disk.lock();
        let Disk { contents, names, durable_names, moved_dirs, .. } = &mut *disk;
        if !moved_dirs.is_empty() {
            let kept = (random.next() % (moved_dirs.len() as u64 + 1)) as usize;
            moved_dirs.drain(kept..).rev().for_each(|(from, to)| move_names(names, &to, &from));
            moved_dirs.drain(..).for_each(|(from, to)| move_names(durable_names, &from, &to));
        }
        for content in contents.iter_mut() {
            content.settle(&mut random);
        }
        let unsynced: Vec<_> = names.iter().map(|(path, node)| (path.clone(), *node)).collect();
        for (path, node) in unsynced {
            if durable_names.get(&path) == Some(&node) || random.chance(2) {
                continue;
            }
            // A rename is one change: the old name goes when the new one comes.
            let is_old_name = |old: &&PathBuf| durable_names.get(*old) == Some(&node) && names.get(*old) != Some(&node);
            if node != Node::Dir
                && let Some(old) = durable_names.keys().find(is_old_name).cloned()
            {
                durable_names.remove(&old);
            }
            durable_names.insert(path, node);
        }
        let is_removed = |path: &&PathBuf, node: &Node| {
            !names.contains_key(*path) && !names.values().any(|current| *node != Node::Dir && current == node)
        };
        let removed: Vec<_> = durable_names.iter().filter(|(path, node)| is_removed(path, node)).map(|(path, _)| path.clone()).collect();
        for path in removed {
            if random.chance(2) {
                durable_names.remove(&path);
            }
        }
        let all = durable_names.clone();
        durable_names.retain(|path, _| has_parent(&all, path));
        *names = durable_names.clone();
        disk.life += 1;
        disk.changes_left = None;
        disk.open_count = 0;
        disk.locks.clear();
    }
}

/// Renames a directory with all that is inside.
fn move_names(names: &mut BTreeMap<PathBuf, Node>, from: &Path, to: &Path) {
    let inside: Vec<_> = names.keys().filter(|path| path.starts_with(from)).cloned().collect();
    for path in inside {
        let (Some(node), Ok(rest)) = (names.remove(&path), path.strip_prefix(from)) else { continue };
        let moved = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
        names.insert(moved, node);
    }
}

fn has_parent(names: &BTreeMap<PathBuf, Node>, path: &Path) -> bool {
    path.ancestors().skip(1).all(|dir| dir.parent().is_none() || names.get(dir) == Some(&Node::Dir))
}

/// SplitMix64: plain, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True once in `of` times.
    fn chance(&mut self, of: u64) -> bool {
        self.next().is_multiple_of(of)
    }
}

impl Content {
    fn write(&mut self, position: u64, bytes: &[u8]) {
        write_into(&mut self.bytes, position, bytes);
        self.unsynced.push(Change::Write { position, bytes: bytes.to_vec() });
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.unsynced.clear();
    }

    /// Decides what a power cut leaves: nothing of the unsynced, all of it, or some sectors of it.
    fn settle(&mut self, random: &mut Random) {
        let fate = random.next() % 3;
        for change in self.unsynced.drain(..) {
            match (fate, change) {
                (0, _) => {}
                (1, Change::Write { position, bytes }) => write_into(&mut self.durable, position, &bytes),
                (_, Change::Write { position, bytes }) => tear_into(&mut self.durable, position, &bytes, random),
                (_, Change::SetLen(len)) => {
                    if fate == 1 || random.chance(2) {
                        self.durable.resize(len as usize, 0);
                    }
                }
            }
        }
        self.bytes.clone_from(&self.durable);
    }
}

fn write_into(file: &mut Vec<u8>, position: u64, bytes: &[u8]) {
    let (start, end) = (position as usize, position as usize + bytes.len());
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(bytes);
}

/// Writes some of the sectors; the length may grow without the bytes.
fn tear_into(file: &mut Vec<u8>, position: u64, bytes: &[u8], random: &mut Random) {
    let mut at = 0;
    while at < bytes.len() {
        let to_boundary = SECTOR_BYTES - (position + at as u64) % SECTOR_BYTES;
        let len = (to_boundary as usize).min(bytes.len() - at);
        if !random.chance(3) {
            write_into(file, position + at as u64, &bytes[at..at + len]);
        }
        at += len;
    }
}

struct SimulatedFile {
    disk: Arc<Mutex<Disk>>,
    number: usize,
    life: u64,
}

struct SimulatedLock {
    disk: Arc<Mutex<Disk>>,
    path: PathBuf,
    life: u64,
}

impl DirLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.life == self.life {
            disk.locks.retain(|path| *path != self.path);
        }
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.life == self.life {
            disk.open_count -= 1;
        }
    }
}

impl SimulatedFile {
    fn with<T>(&self, operation: impl FnOnce(&mut Disk, usize) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.lock();
        if disk.life != self.life {
            return Err(io::Error::other("the process that opened this file is gone"));
        }
        operation(&mut disk, self.number)
    }
}

impl ReadableFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|disk, number| {
            let bytes = disk.contents[number].bytes.get(position as usize..).unwrap_or_default();
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl File for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        self.with(|disk, number| Ok(disk.contents[number].bytes.len() as u64))
    }

    fn write_all_at(&self, slices: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        self.with(|disk, number| {
            disk.change()?;
            if disk.failing_writes > 0 {
                disk.failing_writes -= 1;
                return Err(io::Error::other("simulated write error"));
            }
            let bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
            let room = disk.room_for(number, position, bytes.len() as u64);
            disk.contents[number].write(position, &bytes[..room as usize]);
            if room < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|disk, number| {
            disk.change()?;
            disk.sync_count += 1;
            if disk.failing_syncs > 0 {
                disk.failing_syncs -= 1;
                disk.contents[number].unsynced.clear();
                return Err(io::Error::other("simulated fsync error"));
            }
            disk.contents[number].sync();
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|disk, number| {
            disk.change()?;
            let content = &mut disk.contents[number];
            content.bytes.resize(len as usize, 0);
            content.unsynced.push(Change::SetLen(len));
            Ok(())
        })
    }

    fn allocate(&self, _position: u64, _len: u64) -> io::Result<()> {
        self.with(|_, _| Ok(()))
    }
}

impl Disk {
    /// Called before every change.
    fn change(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => Err(io::Error::other("the simulated process is dying")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn used_bytes(&self) -> u64 {
        let numbers = self.names.values().filter_map(|node| match node {
            Node::File(number) => Some(*number),
            Node::Dir => None,
        });
        numbers.map(|number| self.contents[number].bytes.len() as u64).sum()
    }

    /// How much of a write fits.
    fn room_for(&self, number: usize, position: u64, len: u64) -> u64 {
        let Some(capacity) = self.capacity_bytes else { return len };
        let size = self.contents[number].bytes.len() as u64;
        let overwritten = size.saturating_sub(position).min(len);
        len.min(overwritten + capacity.saturating_sub(self.used_bytes()))
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(number)) => Ok(*number),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open(&mut self, shared: &Arc<Mutex<Disk>>, number: usize) -> Arc<dyn File> {
        self.open_count += 1;
        Arc::new(SimulatedFile { disk: shared.clone(), number, life: self.life })
    }
}

impl Files for SimulatedFiles {
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn File>> {
        let mut disk = self.disk.lock();
        let number = match disk.file(path) {
            Ok(number) => number,
            Err(_) if create && has_parent(&disk.names, path) => {
                disk.change()?;
                disk.contents.push(Content::default());
                let number = disk.contents.len() - 1;
                disk.names.insert(path.to_owned(), Node::File(number));
                number
            }
            Err(error) => return Err(error),
        };
        Ok(disk.open(&self.disk, number))
    }

    fn open_for_reading(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Files::open(self, path, false)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.disk.lock().names.contains_key(path))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let disk = self.disk.lock();
        Ok(disk.contents[disk.file(path)?].bytes.clone())
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        self.disk.lock().file(path).map(|_| 0)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        let disk = self.disk.lock();
        Ok(disk.contents[disk.file(path)?].bytes.len() as u64)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let disk = self.disk.lock();
        if disk.names.get(dir) != Some(&Node::Dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let children = disk.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, node): (&PathBuf, &Node)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some(DirEntry { name, is_dir: *node == Node::Dir })
        };
        Ok(children.filter_map(entry).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        for ancestor in dir.ancestors().filter(|path| path.parent().is_some()) {
            disk.names.entry(ancestor.to_owned()).or_insert(Node::Dir);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.change()?;
        let node = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), node);
        if node == Node::Dir {
            move_names(&mut disk.names, from, to);
            disk.moved_dirs.push((from.to_owned(), to.to_owned()));
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.file(path)?;
        disk.change()?;
        disk.names.remove(path);
        Ok(())
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if disk.names.get(dir) != Some(&Node::Dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.names.retain(|path, _| !path.starts_with(dir));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.change()?;
        let Disk { names, durable_names, moved_dirs, .. } = &mut *disk;
        for (from, to) in moved_dirs.extract_if(.., |(from, to)| from.parent() == Some(dir) || to.parent() == Some(dir)) {
            move_names(durable_names, &from, &to);
        }
        durable_names.retain(|path, _| path.parent() != Some(dir) || names.contains_key(path));
        let children = names.iter().filter(|(path, _)| path.parent() == Some(dir));
        durable_names.extend(children.map(|(path, node)| (path.clone(), *node)));
        // A directory that is synced is there.
        for ancestor in dir.ancestors().filter(|path| path.parent().is_some()) {
            durable_names.insert(ancestor.to_owned(), Node::Dir);
        }
        Ok(())
    }

    fn sync_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let Disk { names, durable_names, contents, moved_dirs, .. } = &mut *disk;
        for (from, to) in moved_dirs.drain(..) {
            move_names(durable_names, &from, &to);
        }
        durable_names.retain(|path, _| !path.starts_with(dir) || names.contains_key(path));
        for (path, node) in names.iter().filter(|(path, _)| path.starts_with(dir)) {
            durable_names.insert(path.clone(), *node);
            if let Node::File(number) = node {
                contents[*number].sync();
            }
        }
        Ok(())
    }

    fn space(&self, _dir: &Path) -> io::Result<Space> {
        let disk = self.disk.lock();
        let total_bytes = disk.capacity_bytes.unwrap_or(1 << 40);
        Ok(Space { total_bytes, usable_bytes: total_bytes.saturating_sub(disk.used_bytes()) })
    }

    fn open_files_max(&self) -> usize {
        // Few, so that tests see files closed and opened again.
        48
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        let mut disk = self.disk.lock();
        if disk.locks.iter().any(|held| held == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        disk.locks.push(path.to_owned());
        Ok(Box::new(SimulatedLock { disk: self.disk.clone(), path: path.to_owned(), life: disk.life }))
    }
}
