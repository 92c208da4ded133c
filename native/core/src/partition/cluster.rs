//! What a replica knows of the brokers beside its own.

use std::collections::HashMap;

/// Another broker, on the listener that brokers reach each other on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
    /// With -1, as of a fenced broker, its replicas are not proposed for an ISR.
    pub broker_epoch: i64,
}

/// The cluster as the control plane describes it, beside topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// This broker's epoch; -1 until it is registered.
    pub broker_epoch: i64,
    /// All other registered brokers, fenced or not, by their id.
    pub peers: HashMap<i32, Peer>,
    /// KIP-966: the high watermark stands still while the ISR is smaller than `min.insync.replicas`.
    pub eligible_leader_replicas: bool,
}

impl Default for Cluster {
    /// A broker that is alone.
    fn default() -> Self {
        Cluster { broker_epoch: -1, peers: HashMap::new(), eligible_leader_replicas: false }
    }
}
