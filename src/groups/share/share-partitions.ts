// How far the share coordinator is with the partitions that a share group reads: a partition is first initializing, then
// initialized, and only then given to members; a topic whose state is being removed is deleting.

import type { Uuid } from '../../shared/uuid.ts'
import type { Assignment } from '../modern/assignment.ts'

export type ShareTopic = { readonly name: string; readonly partitions: ReadonlySet<number> }
export type ShareTopics = ReadonlyMap<Uuid, ShareTopic>

/** Never changed: what a record says is a new value. */
export type SharePartitions = {
  readonly initializing: ShareTopics
  readonly initialized: ShareTopics
  /** Topic id to name. */
  readonly deleting: ReadonlyMap<Uuid, string>
}

const NONE: ReadonlySet<number> = new Set<number>()
export const NO_SHARE_TOPICS: ShareTopics = new Map<Uuid, ShareTopic>()
export const NO_SHARE_PARTITIONS: SharePartitions = { initializing: NO_SHARE_TOPICS, initialized: NO_SHARE_TOPICS, deleting: new Map<Uuid, string>() }

/** Partitions whose initialization begins; a topic that comes back is deleted no more. */
export function beginInitializing(current: SharePartitions, begun: ShareTopics): SharePartitions {
  const deleting = new Map(current.deleting)
  for (const topicId of begun.keys()) deleting.delete(topicId)
  return { ...current, initializing: union(current.initializing, begun), deleting }
}

export function finishInitializing(current: SharePartitions, done: ShareTopics): SharePartitions {
  return { ...current, initializing: difference(current.initializing, done), initialized: union(current.initialized, done) }
}

/** The share coordinator has failed: they begin again with the next heartbeat. */
export function giveUpInitializing(current: SharePartitions, failed: ShareTopics): SharePartitions {
  return { ...current, initializing: difference(current.initializing, failed) }
}

/** What is initialized of the topics; what is only being initialized goes on. */
export function beginDeleting(current: SharePartitions, topicIds: Iterable<Uuid>): SharePartitions {
  const initialized = new Map(current.initialized)
  const deleting = new Map(current.deleting)
  for (const topicId of topicIds) {
    const topic = initialized.get(topicId)
    if (topic === undefined) continue
    initialized.delete(topicId)
    deleting.set(topicId, topic.name)
  }
  return { ...current, initialized, deleting }
}

export function finishDeleting(current: SharePartitions, topicIds: Iterable<Uuid>): SharePartitions {
  const deleting = new Map(current.deleting)
  for (const topicId of topicIds) deleting.delete(topicId)
  return { ...current, deleting }
}

/** Everything that has state or is about to have it, on its way out. */
export function beginDeletingAll({ initializing, initialized, deleting }: SharePartitions): SharePartitions {
  const all = new Map(deleting)
  for (const [topicId, { name }] of [...initializing, ...initialized]) all.set(topicId, name)
  return { ...NO_SHARE_PARTITIONS, deleting: all }
}

/** The topics are gone, and their state with them; the very same object where none of them was known. */
export function withoutTopics(current: SharePartitions, topicIds: ReadonlySet<Uuid>): SharePartitions {
  const { initializing, initialized, deleting } = current
  const isKept = ([topicId]: readonly [Uuid, unknown]): boolean => !topicIds.has(topicId)
  const next = { initializing: new Map([...initializing].filter(isKept)), initialized: new Map([...initialized].filter(isKept)), deleting: new Map([...deleting].filter(isKept)) }
  const isSame = next.initializing.size === initializing.size && next.initialized.size === initialized.size && next.deleting.size === deleting.size
  return isSame ? current : next
}

export function union(one: ShareTopics, other: ShareTopics): ShareTopics {
  if (other.size === 0) return one
  const all = new Map(one)
  for (const [topicId, { name, partitions }] of other) all.set(topicId, { name, partitions: new Set([...partitionsOf(one, topicId), ...partitions]) })
  return all
}

export function difference(from: ShareTopics, taken: ShareTopics): ShareTopics {
  const left = new Map<Uuid, ShareTopic>()
  for (const [topicId, { name, partitions }] of from) {
    const without = partitionsOf(taken, topicId)
    const rest = new Set([...partitions].filter((partition) => !without.has(partition)))
    if (rest.size > 0) left.set(topicId, { name, partitions: rest })
  }
  return left
}

export function partitionsOf(topics: ShareTopics, topicId: Uuid): ReadonlySet<number> {
  return topics.get(topicId)?.partitions ?? NONE
}

/** Every partition that any of the members shall have, by topic. */
export function assignedPartitions(targets: Iterable<Assignment>): Map<Uuid, Set<number>> {
  const assigned = new Map<Uuid, Set<number>>()
  for (const target of targets) {
    for (const [topicId, partitions] of target) {
      const known = assigned.get(topicId)
      if (known === undefined) assigned.set(topicId, new Set(partitions))
      else for (const partition of partitions) known.add(partition)
    }
  }
  return assigned
}
