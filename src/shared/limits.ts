// Bounds that hold for the whole control plane; each is checked before memory is taken for what it bounds.

export const INT16_MAX = 32_767
export const INT32_MAX = 2_147_483_647
export const INT32_MIN = -2_147_483_648
export const INT64_MAX = 9_223_372_036_854_775_807n
export const INT64_MIN = -9_223_372_036_854_775_808n

/** Kafka's longest topic name: the name plus `-NNNNN` and a suffix must fit a file name. */
export const TOPIC_NAME_LENGTH_MAX = 249
/** Partitions that one request may create in all. */
export const PARTITIONS_PER_REQUEST_MAX = 10_000
/** Metadata records that one request of a user may lead to, as in Kafka's controller. */
export const RECORDS_PER_OPERATION_MAX = 10_000
/** Requests handed to control-plane handlers and not yet answered; beyond it connections are closed. */
export const REQUESTS_IN_FLIGHT_MAX = 100_000
