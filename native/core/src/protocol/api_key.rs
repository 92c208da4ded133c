//! Which APIs the data plane answers itself, and in which versions; and behind which of the others a connection waits.

/// An API that never leaves the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKey {
    Produce,
    Fetch,
    ListOffsets,
    OffsetForLeaderEpoch,
}

impl ApiKey {
    /// The data-plane API of a wire key; `None` is the control plane's to answer.
    pub fn from_wire(key: i16) -> Option<ApiKey> {
        match key {
            0 => Some(ApiKey::Produce),
            1 => Some(ApiKey::Fetch),
            2 => Some(ApiKey::ListOffsets),
            23 => Some(ApiKey::OffsetForLeaderEpoch),
            _ => None,
        }
    }

    /// Lowest and highest version that is answered.
    pub fn versions(self) -> (i16, i16) {
        match self {
            ApiKey::Produce => (3, 13),
            ApiKey::Fetch => (4, 18),
            ApiKey::ListOffsets => (1, 11),
            ApiKey::OffsetForLeaderEpoch => (2, 4),
        }
    }

    pub fn supports(self, version: i16) -> bool {
        let (lowest, highest) = self.versions();
        (lowest..=highest).contains(&version)
    }

    /// First version with compact strings and tagged fields (KIP-482).
    pub fn flexible_from(self) -> i16 {
        match self {
            ApiKey::Produce => 9,
            ApiKey::Fetch => 12,
            ApiKey::ListOffsets => 6,
            ApiKey::OffsetForLeaderEpoch => 4,
        }
    }

    pub fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }
}

/// Whether a connection's next request is handled only after the answer to this one, which is the control plane's.
///
/// Kafka handles one request of a connection at a time, and clients rely on it: earliest offsets asked for right behind a
/// DeleteRecords, committed offsets right behind a commit. What brokers alone ask of each other is not ordered that way:
/// each of those requests stands for itself, and many are under way on one connection.
pub fn is_waited_for(key: i16, version: i16) -> bool {
    let between_brokers = match key {
        24 => version >= 4,        // AddPartitionsToTxn, as a broker verifies with it
        27 | 56 | 63 | 67 => true, // WriteTxnMarkers, AlterPartition, BrokerHeartbeat, AllocateProducerIds
        83..=87 => true,           // the states of share groups
        _ => false,
    };
    !between_brokers
}
