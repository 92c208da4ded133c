// How a member of a streams group gets from the tasks it has to those it shall have. A task is active in one member at a
// time, and a process, whose members share one state directory, has a task once at a time, as whatever kind.

import type { Uuid } from '../../shared/uuid.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { ownedOf, partitionsOf } from '../modern/assignment.ts'
import type { CurrentTasks } from './streams-member.ts'
import type { OwnedTasks, Tasks } from './tasks.ts'
import { NO_TASKS, overlaps } from './tasks.ts'

export type StreamsReconcileInput = {
  readonly targetEpoch: number
  readonly target: Tasks
  /** What the member says it has; null where the request does not say. */
  readonly ownedByMember: Tasks | null
  /** Whether any member runs the task or is giving it up. */
  isActive(subtopologyId: Uuid, partition: number): boolean
  /** Whether the member's process has the task as any kind, or is giving it up. */
  isInProcess(subtopologyId: Uuid, partition: number): boolean
}

/** The member's next state; the very same object where nothing changes. Undefined for a member in a state that this version does not know. */
export function reconcileTasks(current: CurrentTasks, input: StreamsReconcileInput): CurrentTasks | undefined {
  switch (current.state) {
    case 'STABLE':
      return current.memberEpoch === input.targetEpoch ? current : next(current, input, current.memberEpoch)
    case 'UNREVOKED_PARTITIONS':
      return stillHas(input.ownedByMember, current.pendingRevocation) ? current : next(current, input, current.memberEpoch + 1)
    case 'UNRELEASED_PARTITIONS':
      return next(current, input, current.memberEpoch)
    case 'UNKNOWN': {
      const { ownedByMember } = input
      const hasNone = ownedByMember !== null && ownedByMember.active.size + ownedByMember.standby.size + ownedByMember.warmup.size === 0
      return hasNone ? next(current, input, input.targetEpoch) : undefined
    }
  }
}

type Difference = { kept: Map<Uuid, Map<number, number>>; revoked: Map<Uuid, Map<number, number>>; added: Map<Uuid, Map<number, number>>; hasUnreleased: boolean }

function next(current: CurrentTasks, input: StreamsReconcileInput, memberEpoch: number): CurrentTasks {
  const { target, targetEpoch, isActive, isInProcess } = input
  const active = difference(current.assigned.active, target.active, targetEpoch, (subtopologyId, partition) => isActive(subtopologyId, partition) || isInProcess(subtopologyId, partition))
  const standby = difference(withEpochs(current.assigned.standby), target.standby, targetEpoch, isInProcess)
  const warmup = difference(withEpochs(current.assigned.warmup), target.warmup, targetEpoch, isInProcess)
  const previousMemberEpoch = current.memberEpoch
  const revoked: OwnedTasks = { active: active.revoked, standby: withoutEpochs(standby.revoked), warmup: withoutEpochs(warmup.revoked) }
  if (!isNone(revoked) && stillHas(input.ownedByMember, revoked)) {
    const kept = { active: active.kept, standby: withoutEpochs(standby.kept), warmup: withoutEpochs(warmup.kept) }
    return { memberEpoch, previousMemberEpoch, state: 'UNREVOKED_PARTITIONS', assigned: kept, pendingRevocation: revoked }
  }
  const assigned = { active: merged(active), standby: withoutEpochs(merged(standby)), warmup: withoutEpochs(merged(warmup)) }
  const hasUnreleased = active.hasUnreleased || standby.hasUnreleased || warmup.hasUnreleased
  return { memberEpoch: targetEpoch, previousMemberEpoch, state: hasUnreleased ? 'UNRELEASED_PARTITIONS' : 'STABLE', assigned, pendingRevocation: NO_TASKS }
}

function difference(current: OwnedPartitions, target: Assignment, targetEpoch: number, isUnreleased: (subtopologyId: Uuid, partition: number) => boolean): Difference {
  const result: Difference = { kept: new Map(), revoked: new Map(), added: new Map(), hasUnreleased: false }
  for (const subtopologyId of new Set([...target.keys(), ...current.keys()])) {
    const wanted = partitionsOf(target, subtopologyId)
    const assigned = ownedOf(current, subtopologyId)
    for (const [partition, epoch] of assigned) put(wanted.has(partition) ? result.kept : result.revoked, subtopologyId, partition, epoch)
    for (const partition of wanted) {
      if (assigned.has(partition)) continue
      if (isUnreleased(subtopologyId, partition)) result.hasUnreleased = true
      else put(result.added, subtopologyId, partition, targetEpoch)
    }
  }
  return result
}

function merged({ kept, added }: Difference): OwnedPartitions {
  const both = new Map([...kept].map(([subtopologyId, partitions]) => [subtopologyId, new Map(partitions)]))
  for (const [subtopologyId, partitions] of added) for (const [partition, epoch] of partitions) put(both, subtopologyId, partition, epoch)
  return both
}

function stillHas(ownedByMember: Tasks | null, tasks: OwnedTasks): boolean {
  if (ownedByMember === null) return true
  return overlaps(ownedByMember.active, tasks.active) || overlaps(ownedByMember.standby, tasks.standby) || overlaps(ownedByMember.warmup, tasks.warmup)
}

function isNone({ active, standby, warmup }: OwnedTasks): boolean {
  return active.size + standby.size + warmup.size === 0
}

function withEpochs(tasks: Assignment): OwnedPartitions {
  return new Map([...tasks].map(([subtopologyId, partitions]) => [subtopologyId, new Map([...partitions].map((partition) => [partition, 0]))]))
}

function withoutEpochs(tasks: OwnedPartitions): Assignment {
  return new Map([...tasks].map(([subtopologyId, partitions]) => [subtopologyId, new Set(partitions.keys())]))
}

function put(tasks: Map<Uuid, Map<number, number>>, subtopologyId: Uuid, partition: number, epoch: number): void {
  const known = tasks.get(subtopologyId)
  if (known === undefined) tasks.set(subtopologyId, new Map([[partition, epoch]]))
  else known.set(partition, epoch)
}
