//! Kafka's error codes, as far as the data plane answers with them. The full table is the control plane's.

/// A code in a response; `None` is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum ErrorCode {
    UnknownServerError = -1,
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    LeaderNotAvailable = 5,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    MessageTooLarge = 10,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    NotCoordinator = 16,
    InvalidTopicException = 17,
    RecordListTooLarge = 18,
    NotEnoughReplicas = 19,
    NotEnoughReplicasAfterAppend = 20,
    InvalidRequiredAcks = 21,
    InvalidTimestamp = 32,
    UnsupportedVersion = 35,
    InvalidRequest = 42,
    UnsupportedForMessageFormat = 43,
    OutOfOrderSequenceNumber = 45,
    DuplicateSequenceNumber = 46,
    InvalidProducerEpoch = 47,
    InvalidTxnState = 48,
    InvalidProducerIdMapping = 49,
    ConcurrentTransactions = 51,
    TransactionCoordinatorFenced = 52,
    TransactionalIdAuthorizationFailed = 53,
    KafkaStorageError = 56,
    LogDirNotFound = 57,
    UnknownProducerId = 59,
    FetchSessionIdNotFound = 70,
    InvalidFetchSessionEpoch = 71,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    OffsetNotAvailable = 78,
    InvalidRecord = 87,
    ThrottlingQuotaExceeded = 89,
    ProducerFenced = 90,
    UnknownTopicId = 100,
    InconsistentTopicId = 103,
    FetchSessionTopicIdError = 106,
    TransactionAbortable = 120,
}

impl ErrorCode {
    pub fn code(self) -> i16 {
        self as i16
    }

    /// What a transaction coordinator's code means to a producer; anything else is a fault of the broker.
    pub fn from_coordinator(code: i16) -> ErrorCode {
        use ErrorCode::*;
        let known = [
            None,
            CoordinatorLoadInProgress,
            CoordinatorNotAvailable,
            NotCoordinator,
            UnknownTopicOrPartition,
            NotEnoughReplicas,
            InvalidProducerEpoch,
            InvalidTxnState,
            InvalidProducerIdMapping,
            ConcurrentTransactions,
            ProducerFenced,
            TransactionAbortable,
        ];
        known.into_iter().find(|known| known.code() == code).unwrap_or(UnknownServerError)
    }
}
