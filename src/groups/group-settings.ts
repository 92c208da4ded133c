// What of the broker's configuration the group coordinator acts on, under Kafka's names.

export type GroupSettings = {
  /** `group.min.session.timeout.ms` */
  readonly groupMinSessionTimeoutMs: number
  /** `group.max.session.timeout.ms` */
  readonly groupMaxSessionTimeoutMs: number
  /** `group.initial.rebalance.delay.ms` */
  readonly groupInitialRebalanceDelayMs: number
  /** `group.max.size` */
  readonly groupMaxSize: number
  /** `offsets.retention.minutes`, in milliseconds */
  readonly offsetsRetentionMs: number
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckIntervalMs: number
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataMaxBytes: number
}

/** Kafka's defaults. */
export const DEFAULT_GROUP_SETTINGS: GroupSettings = {
  groupMinSessionTimeoutMs: 6_000,
  groupMaxSessionTimeoutMs: 1_800_000,
  groupInitialRebalanceDelayMs: 3_000,
  groupMaxSize: 2_147_483_647,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4_096,
}
