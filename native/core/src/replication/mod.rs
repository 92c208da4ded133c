//! The follower's side of replication: fetches what leaders have and puts it into this broker's logs.
//!
//! [`Fetcher`] decides what to ask a leader for and what its answers mean; it knows no socket and no clock. A
//! [`FetchThread`] carries its requests to one broker over one connection; [`Replication`] has as many of them as the
//! partitions that this broker follows need.

mod fetch_thread;
mod fetcher;
mod fetchers;

pub use fetcher::{Assignment, Fetcher, FetcherOptions, Next};
pub use fetchers::{Replication, ReplicationOptions};
