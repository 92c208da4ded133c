// Settings that one group may have of its own; the broker's setting of the same kind stands behind each.

import { atLeast, int } from './config-key.ts'
import type { ConfigKey } from './config-key.ts'

const own = (behind: string, fallback: number, least: number): ConfigKey<number> => int(fallback, { check: atLeast(least), doc: `For this group, in place of the broker's ${behind}.` })

/** A group's setting, with the broker's behind it. */
export const GROUP_SETTINGS = {
  'consumer.heartbeat.interval.ms': own('group.consumer.heartbeat.interval.ms', 5000, 1),
  'consumer.session.timeout.ms': own('group.consumer.session.timeout.ms', 45_000, 1),
  'share.assignment.interval.ms': own('group.share.assignment.interval.ms', 1000, 0),
  'share.heartbeat.interval.ms': own('group.share.heartbeat.interval.ms', 5000, 1),
  'share.session.timeout.ms': own('group.share.session.timeout.ms', 45_000, 1),
  'streams.heartbeat.interval.ms': own('group.streams.heartbeat.interval.ms', 5000, 1),
  'streams.initial.rebalance.delay.ms': own('group.streams.initial.rebalance.delay.ms', 3000, 0),
  'streams.num.standby.replicas': own('group.streams.num.standby.replicas', 0, 0),
  'streams.session.timeout.ms': own('group.streams.session.timeout.ms', 45_000, 1),
} as const

export type GroupSettingName = keyof typeof GROUP_SETTINGS

export function isGroupSetting(name: string): name is GroupSettingName {
  return Object.hasOwn(GROUP_SETTINGS, name)
}

/** The broker's setting behind a group's. */
export function groupSynonym(name: string): string {
  return `group.${name}`
}
