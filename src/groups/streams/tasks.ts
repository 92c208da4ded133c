// Tasks of a streams group: a task is a partition of a subtopology, run as active by one member, and kept up to date as a
// standby or warmed up by others.

import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { fromTopicPartitions, NO_PARTITIONS, ownedFromRecord, sameAssignment, sameOwned } from '../modern/assignment.ts'
import type { Uuid } from '../../shared/uuid.ts'

/** Keyed by subtopology id in place of a topic id. */
export type Tasks = { readonly active: Assignment; readonly standby: Assignment; readonly warmup: Assignment }
/** Active tasks with the epoch in which they were given. */
export type OwnedTasks = { readonly active: OwnedPartitions; readonly standby: Assignment; readonly warmup: Assignment }

export type TaskIds = { subtopologyId: string; partitions: number[] }
type StoredTaskIds = { readonly subtopologyId: string; readonly partitions: readonly number[]; readonly assignmentEpochs: readonly number[] | null }

export const NO_TASKS: OwnedTasks & Tasks = { active: NO_PARTITIONS, standby: NO_PARTITIONS, warmup: NO_PARTITIONS }
export const TASK_KINDS = ['active', 'standby', 'warmup'] as const
export type TaskKind = (typeof TASK_KINDS)[number]

/** Assignments are shared with the kinds of groups whose partitions belong to topics. */
export const subtopologyKey = (subtopologyId: string): Uuid => subtopologyId as Uuid

export function fromTaskIds(taskIds: readonly { readonly subtopologyId: string; readonly partitions: readonly number[] }[]): Assignment {
  return fromTopicPartitions(taskIds.map(({ subtopologyId, partitions }) => ({ topicId: subtopologyKey(subtopologyId), partitions })))
}

export function toTaskIds(tasks: Assignment | OwnedPartitions): TaskIds[] {
  return [...tasks].map(([subtopologyId, partitions]) => ({ subtopologyId, partitions: [...partitions.keys()].sort((one, other) => one - other) }))
}

export function activeToRecord(active: OwnedPartitions): { subtopologyId: string; partitions: number[]; assignmentEpochs: number[] }[] {
  return toTaskIds(active).map((taskIds) => ({ ...taskIds, assignmentEpochs: taskIds.partitions.map((partition) => active.get(subtopologyKey(taskIds.subtopologyId))?.get(partition) ?? 0) }))
}

export function activeFromRecord(stored: readonly StoredTaskIds[], memberEpoch: number): OwnedPartitions {
  return ownedFromRecord(stored.map(({ subtopologyId, partitions, assignmentEpochs }) => ({ topicId: subtopologyKey(subtopologyId), partitions, assignmentEpochs })), memberEpoch)
}

/** Whether the same tasks are owned, whatever the epochs. */
export function sameTasks(one: OwnedTasks, other: OwnedTasks): boolean {
  return one === other || (sameOwned(one.active, other.active) && sameAssignment(one.standby, other.standby) && sameAssignment(one.warmup, other.warmup))
}

export function sameTargets(one: Tasks, other: Tasks): boolean {
  return TASK_KINDS.every((kind) => sameAssignment(one[kind], other[kind]))
}

/** Whether any task is in both. */
export function overlaps(one: Assignment | OwnedPartitions, other: Assignment | OwnedPartitions): boolean {
  for (const [subtopologyId, partitions] of one) {
    const others = other.get(subtopologyId)
    if (others === undefined) continue
    for (const partition of partitions.keys()) if (others.has(partition)) return true
  }
  return false
}

export function isSubset(part: Assignment, whole: Assignment | OwnedPartitions): boolean {
  for (const [subtopologyId, partitions] of part) {
    const others = whole.get(subtopologyId)
    for (const partition of partitions) if (others?.has(partition) !== true) return false
  }
  return true
}
