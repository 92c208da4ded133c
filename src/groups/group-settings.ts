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
  /** `offsets.commit.timeout.ms`: how long any write of the coordinator is waited for */
  readonly offsetsCommitTimeoutMs: number
  /** `offsets.retention.minutes`, in milliseconds */
  readonly offsetsRetentionMs: number
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsRetentionCheckIntervalMs: number
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataMaxBytes: number
  /** `group.consumer.session.timeout.ms` */
  readonly consumerSessionTimeoutMs: number
  /** `group.consumer.heartbeat.interval.ms` */
  readonly consumerHeartbeatIntervalMs: number
  /** `group.consumer.assignment.interval.ms` */
  readonly consumerAssignmentIntervalMs: number
  /** `group.consumer.max.size` */
  readonly consumerMaxSize: number
  /** `group.consumer.assignors`, by name; the first is used where members do not say */
  readonly consumerAssignors: readonly string[]
  /** `group.consumer.migration.policy` */
  readonly consumerMigrationPolicy: MigrationPolicy
  /** `group.streams.session.timeout.ms` */
  readonly streamsSessionTimeoutMs: number
  /** `group.streams.heartbeat.interval.ms` */
  readonly streamsHeartbeatIntervalMs: number
  /** `group.streams.assignment.interval.ms` */
  readonly streamsAssignmentIntervalMs: number
  /** `group.streams.max.size` */
  readonly streamsMaxSize: number
  /** `group.streams.num.standby.replicas` */
  readonly streamsNumStandbyReplicas: number
  /** `group.streams.initial.rebalance.delay.ms` */
  readonly streamsInitialRebalanceDelayMs: number
  /** `group.share.session.timeout.ms` */
  readonly shareSessionTimeoutMs: number
  /** `group.share.heartbeat.interval.ms` */
  readonly shareHeartbeatIntervalMs: number
  /** `group.share.max.size` */
  readonly shareMaxSize: number
  /** `group.share.assignment.interval.ms` */
  readonly shareAssignmentIntervalMs: number
  /** `group.share.initialize.retry.interval.ms` */
  readonly shareInitializeRetryIntervalMs: number
}

/** Whether groups move to the consumer protocol with the first member of that (upgrade), and back with the last one (downgrade). */
export type MigrationPolicy = 'disabled' | 'upgrade' | 'downgrade' | 'bidirectional'

/** What may be set for one group (`kafka-configs --entity-type groups`). */
export type GroupConfig = {
  /** `consumer.session.timeout.ms` */
  readonly consumerSessionTimeoutMs?: number
  /** `consumer.heartbeat.interval.ms` */
  readonly consumerHeartbeatIntervalMs?: number
  /** `consumer.assignment.interval.ms` */
  readonly consumerAssignmentIntervalMs?: number
  /** `streams.session.timeout.ms` */
  readonly streamsSessionTimeoutMs?: number
  /** `streams.heartbeat.interval.ms` */
  readonly streamsHeartbeatIntervalMs?: number
  /** `streams.assignment.interval.ms` */
  readonly streamsAssignmentIntervalMs?: number
  /** `streams.num.standby.replicas` */
  readonly streamsNumStandbyReplicas?: number
  /** `streams.initial.rebalance.delay.ms` */
  readonly streamsInitialRebalanceDelayMs?: number
  /** `share.session.timeout.ms` */
  readonly shareSessionTimeoutMs?: number
  /** `share.heartbeat.interval.ms` */
  readonly shareHeartbeatIntervalMs?: number
  /** `share.assignment.interval.ms` */
  readonly shareAssignmentIntervalMs?: number
}

/** Kafka's defaults, but for the intervals between assignments (decision 0013). */
export const DEFAULT_GROUP_SETTINGS: GroupSettings = {
  groupMinSessionTimeoutMs: 6_000,
  groupMaxSessionTimeoutMs: 1_800_000,
  groupInitialRebalanceDelayMs: 3_000,
  groupMaxSize: 2_147_483_647,
  offsetsCommitTimeoutMs: 5_000,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4_096,
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5_000,
  consumerAssignmentIntervalMs: 0,
  consumerMaxSize: 2_147_483_647,
  consumerAssignors: ['uniform', 'range'],
  consumerMigrationPolicy: 'bidirectional',
  streamsSessionTimeoutMs: 45_000,
  streamsHeartbeatIntervalMs: 5_000,
  streamsAssignmentIntervalMs: 0,
  streamsMaxSize: 2_147_483_647,
  streamsNumStandbyReplicas: 0,
  streamsInitialRebalanceDelayMs: 3_000,
  shareSessionTimeoutMs: 45_000,
  shareHeartbeatIntervalMs: 5_000,
  shareMaxSize: 200,
  shareAssignmentIntervalMs: 0,
  shareInitializeRetryIntervalMs: 30_000,
}
