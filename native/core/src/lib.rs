//! Everything on the byte path of the broker. Knows nothing of Node.
//!
//! Imports point one way: `record, env ← log ← partition ← server`.

pub mod env;
pub mod log;
pub mod partition;
pub mod record;
