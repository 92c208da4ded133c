// Settings that one group may have of its own; behind most of them stands the broker's setting of the same kind.

import { parseAutoOffsetReset } from './auto-offset-reset.ts'
import { isBrokerSetting } from './broker-settings.ts'
import { atLeast, bool, int, oneOf, string } from './config-key.ts'
import type { Check, ConfigKey } from './config-key.ts'

const own = (behind: string, fallback: number, least: number): ConfigKey<number> => int(fallback, { check: atLeast(least), doc: `For this group, in place of the broker's ${behind}.` })

const autoOffsetReset: Check = (value) => parseAutoOffsetReset(value as string) === undefined
  ? `Invalid value \`${String(value)}\` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.`
  : undefined

const deadLetterTopicName: Check = (value) => {
  if (value === '') return undefined
  if (String(value).startsWith('__')) return 'an internal topic takes no dead letters'
  return /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/.test(String(value)) ? undefined : 'this is no name of a topic'
}

/** A group's setting, with the broker's behind it. */
export const GROUP_SETTINGS = {
  // Of KIP-1191, which Kafka 4.3 does not have yet.
  'errors.deadletterqueue.copy.record.enable': bool(false, 'Whether key and value of a record that a share group gives up go to its dead-letter queue, not only where the record is.'),
  'errors.deadletterqueue.topic.name': string('', { check: deadLetterTopicName, doc: 'The topic that records go to which a share group gives up; empty for none.' }),
  'consumer.assignment.interval.ms': own('group.consumer.assignment.interval.ms', 200, 0),
  'consumer.heartbeat.interval.ms': own('group.consumer.heartbeat.interval.ms', 5000, 1),
  'consumer.session.timeout.ms': own('group.consumer.session.timeout.ms', 45_000, 1),
  'share.assignment.interval.ms': own('group.share.assignment.interval.ms', 0, 0),
  'share.auto.offset.reset': string('latest', { check: autoOffsetReset, doc: 'Where a share group begins in a partition that it has not read: earliest, latest or by_duration:<PnDTnHnMn.nS>.' }),
  'share.delivery.count.limit': own('group.share.delivery.count.limit', 5, 2),
  'share.heartbeat.interval.ms': own('group.share.heartbeat.interval.ms', 5000, 1),
  'share.isolation.level': string('read_uncommitted', { check: oneOf('read_committed', 'read_uncommitted'), doc: 'Whether a share group reads records of transactions that are open or aborted.' }),
  'share.partition.max.record.locks': own('group.share.partition.max.record.locks', 2000, 100),
  'share.record.lock.duration.ms': own('group.share.record.lock.duration.ms', 30_000, 1000),
  'share.renew.acknowledge.enable': bool(true, 'Whether members of a share group may ask for more time for a record.'),
  'share.session.timeout.ms': own('group.share.session.timeout.ms', 45_000, 1),
  'streams.assignment.interval.ms': own('group.streams.assignment.interval.ms', 0, 0),
  'streams.heartbeat.interval.ms': own('group.streams.heartbeat.interval.ms', 5000, 1),
  'streams.initial.rebalance.delay.ms': own('group.streams.initial.rebalance.delay.ms', 3000, 0),
  'streams.num.standby.replicas': own('group.streams.num.standby.replicas', 0, 0),
  'streams.session.timeout.ms': own('group.streams.session.timeout.ms', 45_000, 1),
} as const

export type GroupSettingName = keyof typeof GROUP_SETTINGS

/** Those that only a group has. */
const WITHOUT_SYNONYM: ReadonlySet<string> = new Set<GroupSettingName>(['errors.deadletterqueue.copy.record.enable', 'errors.deadletterqueue.topic.name', 'share.auto.offset.reset', 'share.isolation.level', 'share.renew.acknowledge.enable'])
/** In the order in which Kafka looks at them. The broker's `group.*.min.*` and `group.*.max.*` keep these within bounds. */
const BOUNDED: readonly GroupSettingName[] = [
  'consumer.heartbeat.interval.ms', 'consumer.session.timeout.ms', 'consumer.assignment.interval.ms',
  'share.heartbeat.interval.ms', 'share.session.timeout.ms', 'share.record.lock.duration.ms', 'share.delivery.count.limit', 'share.partition.max.record.locks', 'share.assignment.interval.ms',
  'streams.heartbeat.interval.ms', 'streams.session.timeout.ms', 'streams.num.standby.replicas', 'streams.assignment.interval.ms',
]
/** What stands in the names of the bounds where that is not the setting's own name. */
const BOUND_NAMES: ReadonlyMap<string, string> = new Map<GroupSettingName, string>([['streams.num.standby.replicas', 'standby.replicas']])
const WITH_SESSIONS = ['consumer', 'share', 'streams'] as const

export function isGroupSetting(name: string): name is GroupSettingName {
  return Object.hasOwn(GROUP_SETTINGS, name)
}

/** The broker's setting behind a group's; null for none. */
export function groupSynonym(name: string): string | null {
  return WITHOUT_SYNONYM.has(name) ? null : `group.${name}`
}

/** What is wrong with a group's values where the broker's settings are as `brokerText` says; undefined where nothing is. */
export function outOfBounds(texts: ReadonlyMap<string, string>, brokerText: (name: string) => string): string | undefined {
  for (const name of BOUNDED) {
    const text = texts.get(name)
    if (text === undefined) continue
    const [kind, ...rest] = name.split('.')
    const bound = BOUND_NAMES.get(name) ?? rest.join('.')
    const [min, max] = [`group.${kind}.min.${bound}`, `group.${kind}.max.${bound}`]
    if (isBrokerSetting(min) && Number(text) < Number(brokerText(min))) return `${name} must be greater than or equal to ${min}`
    if (Number(text) > Number(brokerText(max))) return `${name} must be less than or equal to ${max}`
  }
  for (const kind of WITH_SESSIONS) {
    const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
    if (!texts.has(session) && !texts.has(heartbeat)) continue
    const inForce = (name: string): number => Number(texts.get(name) ?? brokerText(`group.${name}`))
    if (inForce(session) <= inForce(heartbeat)) return `${session} must be greater than ${heartbeat}`
  }
  return undefined
}
