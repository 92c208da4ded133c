//! Small text files beside the logs: offsets per partition, leader epochs, meta.properties.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use super::Uuid;
use crate::env::{Durability, Files, replace_file, write_atomically};

pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
pub const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";
pub const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// Offset by topic and partition.
pub type Offsets = HashMap<(String, i32), i64>;

fn broken(path: &Path, detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {detail}", path.display()))
}

/// Lines of numbers and names after a version 0 and a count; no file is an empty list.
fn read_entries(files: &dyn Files, path: &Path) -> io::Result<Vec<Vec<String>>> {
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8(bytes).map_err(|_| broken(path, "is not text"))?;
    let mut lines = text.lines();
    if lines.next() != Some("0") {
        return Err(broken(path, "has another version than 0"));
    }
    let count = lines.next().and_then(|line| line.parse::<usize>().ok()).ok_or_else(|| broken(path, "has no count"))?;
    let entries: Vec<Vec<String>> = lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    if entries.len() != count {
        return Err(broken(path, "has another number of lines than it announces"));
    }
    Ok(entries)
}

/// Reads `topic partition offset` lines. A damaged file is an error, never an empty list.
pub fn read_offsets(files: &dyn Files, path: &Path) -> io::Result<Offsets> {
    read_entries(files, path)?
        .into_iter()
        .map(|entry| match entry.as_slice() {
            [topic, partition, offset] => match (partition.parse(), offset.parse()) {
                (Ok(partition), Ok(offset)) => Ok(((topic.clone(), partition), offset)),
                _ => Err(broken(path, "has a line that is not topic, partition and offset")),
            },
            _ => Err(broken(path, "has a line that is not topic, partition and offset")),
        })
        .collect()
}

pub fn write_offsets(files: &dyn Files, path: &Path, offsets: &Offsets) -> io::Result<()> {
    let sorted: BTreeMap<_, _> = offsets.iter().collect();
    let mut text = format!("0\n{}\n", sorted.len());
    for ((topic, partition), offset) in sorted {
        text.push_str(&format!("{topic} {partition} {offset}\n"));
    }
    write_atomically(files, path, text.as_bytes())
}

/// Leader epochs and the offset at which each began, ascending.
pub fn read_epochs(files: &dyn Files, path: &Path) -> io::Result<Vec<(i32, i64)>> {
    read_entries(files, path)?
        .into_iter()
        .map(|entry| match entry.as_slice() {
            [epoch, offset] => match (epoch.parse(), offset.parse()) {
                (Ok(epoch), Ok(offset)) => Ok((epoch, offset)),
                _ => Err(broken(path, "has a line that is not epoch and offset")),
            },
            _ => Err(broken(path, "has a line that is not epoch and offset")),
        })
        .collect()
}

pub fn write_epochs(files: &dyn Files, path: &Path, epochs: &[(i32, i64)], durability: Durability) -> io::Result<()> {
    let mut text = format!("0\n{}\n", epochs.len());
    for (epoch, offset) in epochs {
        text.push_str(&format!("{epoch} {offset}\n"));
    }
    replace_file(files, path, text.as_bytes(), durability)
}

/// The topic id in a `partition.metadata` file; `None` where the file is missing or says nothing.
pub fn read_topic_id(files: &dyn Files, path: &Path) -> io::Result<Option<Uuid>> {
    let properties = read_properties(files, path)?;
    Ok(properties.and_then(|properties| Uuid::parse(properties.get("topic_id")?)))
}

/// `key=value` or `key: value` lines; comments begin with `#`.
pub fn read_properties(files: &dyn Files, path: &Path) -> io::Result<Option<HashMap<String, String>>> {
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8(bytes).map_err(|_| broken(path, "is not text"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(Some(
        lines.filter_map(|line| line.split_once(['=', ':'])).map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect(),
    ))
}
