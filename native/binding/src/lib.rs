//! The bridge between the data plane and JavaScript: what crosses, how it is packed, and nothing else.
//!
//! Requests and facts cross in one packed buffer per turn of the event loop, responses in one buffer back; single calls
//! that touch the disk for long run on libuv's threads. `src/native.ts` is the only reader of what is packed here.

mod appends;
mod codec;
mod data_plane;
mod drain;
mod failure;
mod metrics;
mod options;
mod packing;
mod quorum_events;
mod quorum_node;
mod simulated_replicas;
mod tasks;
