// Sets of partitions by topic, as the modern kinds of groups pass them around: for streams groups the "topic" is a
// subtopology and a partition is a task.

import type { Uuid } from '../../shared/uuid.ts'

/** What a member shall have. */
export type Assignment = ReadonlyMap<Uuid, ReadonlySet<number>>
/** What a member has: each partition with the epoch in which it was given. */
export type OwnedPartitions = ReadonlyMap<Uuid, ReadonlyMap<number, number>>

export const NO_PARTITIONS: ReadonlyMap<Uuid, never> = new Map<Uuid, never>()
const NONE: ReadonlySet<number> = new Set<number>()
const NONE_OWNED: ReadonlyMap<number, number> = new Map<number, number>()

export type TopicPartitions = { topicId: Uuid; partitions: number[] }
type StoredPartitions = { topicId: Uuid; partitions: readonly number[]; assignmentEpochs: readonly number[] | null }

export function partitionsOf(assignment: Assignment | undefined, topicId: Uuid): ReadonlySet<number> {
  return assignment?.get(topicId) ?? NONE
}

export function ownedOf(owned: OwnedPartitions, topicId: Uuid): ReadonlyMap<number, number> {
  return owned.get(topicId) ?? NONE_OWNED
}

/** In the order of topics and partitions that the map happens to have, partitions sorted. */
export function toTopicPartitions(partitions: Assignment | OwnedPartitions): TopicPartitions[] {
  return [...partitions].map(([topicId, each]) => ({ topicId, partitions: sorted(each.keys()) }))
}

export function fromTopicPartitions(topicPartitions: readonly { readonly topicId: Uuid; readonly partitions: readonly number[] }[]): Assignment {
  const assignment = new Map<Uuid, Set<number>>()
  for (const { topicId, partitions } of topicPartitions) {
    const known = assignment.get(topicId)
    if (known === undefined) assignment.set(topicId, new Set(partitions))
    else for (const partition of partitions) known.add(partition)
  }
  return assignment
}

export function ownedToRecord(owned: OwnedPartitions): { topicId: Uuid; partitions: number[]; assignmentEpochs: number[] }[] {
  return [...owned].map(([topicId, partitions]) => {
    const ids = sorted(partitions.keys())
    return { topicId, partitions: ids, assignmentEpochs: ids.map((partition) => partitions.get(partition) ?? 0) }
  })
}

/** Records of older brokers have no epochs: then the member's own counts for all. */
export function ownedFromRecord(stored: readonly StoredPartitions[], memberEpoch: number): OwnedPartitions {
  return new Map(stored.map(({ topicId, partitions, assignmentEpochs }) => [topicId, new Map(partitions.map((partition, index) => [partition, assignmentEpochs?.[index] ?? memberEpoch]))]))
}

export function sameAssignment(one: Assignment, other: Assignment): boolean {
  if (one === other) return true
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

/** Whether the same partitions are owned, whatever their epochs. */
export function sameOwned(one: OwnedPartitions, other: OwnedPartitions): boolean {
  if (one === other) return true
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions.keys()) if (!others.has(partition)) return false
  }
  return true
}

function sorted(partitions: Iterable<number>): number[] {
  return [...partitions].sort((one, other) => one - other)
}
