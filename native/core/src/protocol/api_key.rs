//! Which APIs the data plane answers itself, and in which versions.

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
