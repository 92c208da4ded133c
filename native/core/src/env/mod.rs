//!
//! Nothing here knows of records or logs. What only one operating system has stays behind these traits.

mod clock;
mod files;
mod real_files;
mod simulated_files;

use std::sync::Arc;

pub use clock::{Clock, ManualClock, SystemClock};
pub use files::{DirEntry, DirLock, Durability, File, Files, ReadableFile, Space, replace_file, write_atomically, write_in_place};
pub use real_files::RealFiles;
pub use simulated_files::SimulatedFiles;

/// Everything a log may touch outside its own memory.
#[derive(Clone)]
pub struct Env {
    pub clock: Arc<dyn Clock>,
    pub files: Arc<dyn Files>,
}

impl Env {
    /// The machine's own clock and file system.
    pub fn real() -> Env {
        Env { clock: Arc::new(SystemClock::new()), files: Arc::new(RealFiles) }
    }
}
