// What of the broker's settings each coordinator acts on.

import type { BrokerSettingName, BrokerSettings } from '../config/broker-settings.ts'
import { brokerText } from '../config/config-layers.ts'
import type { ConfigLayers, ConfigTexts } from '../config/config-layers.ts'
import { parseAutoOffsetReset } from '../config/auto-offset-reset.ts'
import type { GroupSettingName } from '../config/group-config-settings.ts'
import type { GroupConfig, GroupSettings } from '../groups/group-settings.ts'
import type { ShareGroupSettings } from '../share/share-deps.ts'
import type { BalancerSettings } from './balancer-runner.ts'
import type { CompactionSettings } from './compaction-runner.ts'
import type { TransactionSettings } from '../transactions/transaction-coordinator.ts'

const MINUTE_MS = 60_000

/** As they stand while the broker runs. */
export function balancerSettings(layers: ConfigLayers): BalancerSettings {
  const text = (name: BalancerSettingName): string => brokerText(layers, name) ?? ''
  return {
    enabled: text('balancer.enable').trim().toLowerCase() === 'true',
    intervalMs: Number(text('balancer.interval.ms')),
    thresholds: { imbalance: Number(text('balancer.imbalance.percentage')) / 100, imbalanceBytes: Number(text('balancer.imbalance.bytes')) },
    partitionsMax: Number(text('balancer.moves.max')),
    bytesMax: Number(text('balancer.moves.bytes.max')),
    bytesPerSecond: Number(text('balancer.throttle.bytes.per.second')),
  }
}

/** As they stand while the broker runs. */
export function compactionSettings(layers: ConfigLayers): CompactionSettings {
  return {
    backoffMs: Number(brokerText(layers, 'log.cleaner.backoff.ms')),
    mapMemoryBytes: Number(brokerText(layers, 'log.cleaner.dedupe.buffer.size')),
    bytesPerSecond: Number(brokerText(layers, 'log.cleaner.io.max.bytes.per.second')),
  }
}

type BalancerSettingName = Extract<BrokerSettingName, `balancer.${string}`>

export function groupSettings(settings: BrokerSettings): GroupSettings {
  return {
    groupMinSessionTimeoutMs: settings['group.min.session.timeout.ms'],
    groupMaxSessionTimeoutMs: settings['group.max.session.timeout.ms'],
    groupInitialRebalanceDelayMs: settings['group.initial.rebalance.delay.ms'],
    groupMaxSize: settings['group.max.size'],
    offsetsCommitTimeoutMs: settings['offsets.commit.timeout.ms'],
    offsetsRetentionMs: settings['offsets.retention.minutes'] * MINUTE_MS,
    offsetsRetentionCheckIntervalMs: settings['offsets.retention.check.interval.ms'],
    offsetMetadataMaxBytes: settings['offset.metadata.max.bytes'],
    consumerSessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
    consumerHeartbeatIntervalMs: settings['group.consumer.heartbeat.interval.ms'],
    consumerAssignmentIntervalMs: settings['group.consumer.assignment.interval.ms'],
    consumerMaxSize: settings['group.consumer.max.size'],
    consumerAssignors: settings['group.consumer.assignors'],
    consumerMigrationPolicy: settings['group.consumer.migration.policy'],
    streamsSessionTimeoutMs: settings['group.streams.session.timeout.ms'],
    streamsHeartbeatIntervalMs: settings['group.streams.heartbeat.interval.ms'],
    streamsAssignmentIntervalMs: settings['group.streams.assignment.interval.ms'],
    streamsMaxSize: settings['group.streams.max.size'],
    streamsNumStandbyReplicas: settings['group.streams.num.standby.replicas'],
    streamsInitialRebalanceDelayMs: settings['group.streams.initial.rebalance.delay.ms'],
    shareSessionTimeoutMs: settings['group.share.session.timeout.ms'],
    shareHeartbeatIntervalMs: settings['group.share.heartbeat.interval.ms'],
    shareMaxSize: settings['group.share.max.size'],
    shareAssignmentIntervalMs: settings['group.share.assignment.interval.ms'],
    shareInitializeRetryIntervalMs: settings['group.share.initialize.retry.interval.ms'],
  }
}

/** What is set for one group alone, or was changed for the broker while it runs. */
export function groupConfig(texts: ConfigTexts, { dynamicBroker, dynamicDefault }: Pick<ConfigLayers, 'dynamicBroker' | 'dynamicDefault'>): GroupConfig {
  if (texts.size + dynamicBroker.size + dynamicDefault.size === 0) return NO_GROUP_CONFIG
  const of = <Name extends keyof GroupConfig>(name: Name, setting: GroupSettingName): GroupConfig => {
    const behind = `group.${setting}`
    const text = texts.get(setting) ?? dynamicBroker.get(behind) ?? dynamicDefault.get(behind)
    return text === undefined ? {} : { [name]: Number(text) }
  }
  return {
    ...of('consumerSessionTimeoutMs', 'consumer.session.timeout.ms'),
    ...of('consumerHeartbeatIntervalMs', 'consumer.heartbeat.interval.ms'),
    ...of('consumerAssignmentIntervalMs', 'consumer.assignment.interval.ms'),
    ...of('streamsSessionTimeoutMs', 'streams.session.timeout.ms'),
    ...of('streamsHeartbeatIntervalMs', 'streams.heartbeat.interval.ms'),
    ...of('streamsAssignmentIntervalMs', 'streams.assignment.interval.ms'),
    ...of('streamsNumStandbyReplicas', 'streams.num.standby.replicas'),
    ...of('streamsInitialRebalanceDelayMs', 'streams.initial.rebalance.delay.ms'),
    ...of('shareSessionTimeoutMs', 'share.session.timeout.ms'),
    ...of('shareHeartbeatIntervalMs', 'share.heartbeat.interval.ms'),
    ...of('shareAssignmentIntervalMs', 'share.assignment.interval.ms'),
  }
}

const NO_GROUP_CONFIG: GroupConfig = {}

/** What holds for the records of one share group: its own settings before the broker's. */
export function shareGroupSettings(settings: BrokerSettings, texts: ConfigTexts): ShareGroupSettings {
  const own = (name: GroupSettingName, fallback: number): number => Number(texts.get(name) ?? fallback)
  return {
    autoOffsetReset: parseAutoOffsetReset(texts.get('share.auto.offset.reset') ?? '') ?? { strategy: 'latest' },
    isolation: texts.get('share.isolation.level') === 'read_committed' ? 'read_committed' : 'read_uncommitted',
    lockDurationMs: own('share.record.lock.duration.ms', settings['group.share.record.lock.duration.ms']),
    deliveryCountLimit: own('share.delivery.count.limit', settings['group.share.delivery.count.limit']),
    recordLocksMax: own('share.partition.max.record.locks', settings['group.share.partition.max.record.locks']),
    allowsRenewal: texts.get('share.renew.acknowledge.enable')?.trim().toLowerCase() !== 'false',
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
