// KIP-73's throttles around a wave, as changes of configs: on the brokers how fast, on the topics for which replicas. They
// are set as Kafka's own reassignment tool sets them: the leader's side for the replicas that were there before, the
// follower's for those that come.

import type { BalancedPartition } from './balancer-state.ts'
import type { Wave } from './wave.ts'

export const LEADER_RATE = 'leader.replication.throttled.rate'
export const FOLLOWER_RATE = 'follower.replication.throttled.rate'
export const LEADER_REPLICAS = 'leader.replication.throttled.replicas'
export const FOLLOWER_REPLICAS = 'follower.replication.throttled.replicas'

/** Values by name for one broker or topic; null gives the default back. */
export type ResourceConfigs = { readonly type: 'broker' | 'topic'; readonly name: string; readonly values: Readonly<Record<string, string | null>> }

/** What to set before a wave begins. `before` are the partitions as they are. */
export function throttleOf(wave: Wave, before: readonly BalancedPartition[], bytesPerSecond: number): ResourceConfigs[] {
  const current = new Map(before.map((partition) => [`${partition.topic}-${partition.partition}`, partition.replicas]))
  const brokers = new Set<number>()
  const topics = new Map<string, { leaders: string[]; followers: string[] }>()
  for (const { topic, partition, replicas } of wave.targets) {
    const old = current.get(`${topic}-${partition}`) ?? []
    const coming = replicas.filter((replica) => !old.includes(replica))
    if (coming.length === 0) continue
    const lists = topics.get(topic) ?? { leaders: [], followers: [] }
    topics.set(topic, lists)
    lists.leaders.push(...old.map((replica) => `${partition}:${replica}`))
    lists.followers.push(...coming.map((replica) => `${partition}:${replica}`))
    for (const broker of [...old, ...coming]) brokers.add(broker)
  }
  const rate = String(bytesPerSecond)
  return [
    ...[...topics].map(([name, { leaders, followers }]): ResourceConfigs => ({ type: 'topic', name, values: { [LEADER_REPLICAS]: leaders.join(','), [FOLLOWER_REPLICAS]: followers.join(',') } })),
    ...[...brokers].sort((a, b) => a - b).map((id): ResourceConfigs => ({ type: 'broker', name: String(id), values: { [LEADER_RATE]: rate, [FOLLOWER_RATE]: rate } })),
  ]
}

/** What takes a throttle away again. */
export function withoutThrottle(throttle: readonly ResourceConfigs[]): ResourceConfigs[] {
  return throttle.map(({ type, name, values }) => ({ type, name, values: Object.fromEntries(Object.keys(values).map((key) => [key, null])) }))
}
