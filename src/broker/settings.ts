// What of the broker's settings each coordinator acts on.

import type { BrokerSettings } from '../config/broker-settings.ts'
import type { GroupSettings } from '../groups/group-settings.ts'
import type { TransactionSettings } from '../transactions/transaction-coordinator.ts'

const MINUTE_MS = 60_000

export function groupSettings(settings: BrokerSettings): GroupSettings {
  return {
    groupMinSessionTimeoutMs: settings['group.min.session.timeout.ms'],
    groupMaxSessionTimeoutMs: settings['group.max.session.timeout.ms'],
    groupInitialRebalanceDelayMs: settings['group.initial.rebalance.delay.ms'],
    groupMaxSize: settings['group.max.size'],
    offsetsRetentionMs: settings['offsets.retention.minutes'] * MINUTE_MS,
    offsetsRetentionCheckIntervalMs: settings['offsets.retention.check.interval.ms'],
    offsetMetadataMaxBytes: settings['offset.metadata.max.bytes'],
    consumerSessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
    consumerHeartbeatIntervalMs: settings['group.consumer.heartbeat.interval.ms'],
    consumerMaxSize: settings['group.consumer.max.size'],
    consumerAssignors: settings['group.consumer.assignors'],
    consumerMigrationPolicy: settings['group.consumer.migration.policy'],
    streamsSessionTimeoutMs: settings['group.streams.session.timeout.ms'],
    streamsHeartbeatIntervalMs: settings['group.streams.heartbeat.interval.ms'],
    streamsMaxSize: settings['group.streams.max.size'],
    streamsNumStandbyReplicas: settings['group.streams.num.standby.replicas'],
    streamsInitialRebalanceDelayMs: settings['group.streams.initial.rebalance.delay.ms'],
  }
}

export function transactionSettings(settings: BrokerSettings): TransactionSettings {
  return {
    transactionMaxTimeoutMs: settings['transaction.max.timeout.ms'],
    transactionalIdExpirationMs: settings['transactional.id.expiration.ms'],
    abortTimedOutIntervalMs: settings['transaction.abort.timed.out.transaction.cleanup.interval.ms'],
    removeExpiredIntervalMs: settings['transaction.remove.expired.transaction.cleanup.interval.ms'],
  }
}
