//! Everything on the byte path of the broker. Knows nothing of Node.
//!
//! Imports point one way: `record, env ← log ← partition ← replication ← server` and `protocol ← replication, server`. `simulation` is for tests, and nothing imports it.

pub mod env;
pub mod log;
pub mod partition;
pub mod protocol;
pub mod record;
pub mod replication;
pub mod server;
pub mod simulation;

pub use log::Uuid;
