// How a member gets from the partitions it has to those it shall have, without two members ever having the same one:
// it first gives up what it shall not have any more, and only then takes what others have given up. KIP-848.

import type { Uuid } from '../../shared/uuid.ts'
import type { Assignment, OwnedPartitions } from './assignment.ts'
import { NO_PARTITIONS, ownedOf, partitionsOf } from './assignment.ts'

/**
 * STABLE: it has what its epoch's target says. UNREVOKED_PARTITIONS: it was told to give partitions up and has not
 * confirmed. UNRELEASED_PARTITIONS: it waits for partitions that others still have.
 */
export type MemberState = 'STABLE' | 'UNREVOKED_PARTITIONS' | 'UNRELEASED_PARTITIONS' | 'UNKNOWN'

export type CurrentAssignment = {
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly assigned: OwnedPartitions
  readonly pendingRevocation: OwnedPartitions
}

export type ReconcileInput = {
  readonly targetEpoch: number
  readonly target: Assignment
  /** What the member says it has; null where the request does not say. */
  readonly ownedByMember: Assignment | null
  /** Whether the member subscribes to the topic: one it does not subscribe to any more is given up whatever the target says. */
  isSubscribed(topicId: Uuid): boolean
  /** The subscription was changed by this request: give up at once what is not subscribed to any more. */
  readonly subscriptionChanged: boolean
  /** Whether any member has the partition or is giving it up. */
  isOwned(topicId: Uuid, partition: number): boolean
}

/** The member's next state; the very same object where nothing changes. Undefined for a member in a state that this version does not know. */
export function reconcile(current: CurrentAssignment, input: ReconcileInput): CurrentAssignment | undefined {
  switch (current.state) {
    case 'STABLE':
      if (current.memberEpoch !== input.targetEpoch) return next(current, input, current.memberEpoch)
      return input.subscriptionChanged ? giveUpUnsubscribed(current, input) : current
    case 'UNREVOKED_PARTITIONS':
      if (stillHas(input.ownedByMember, current.pendingRevocation)) return input.subscriptionChanged ? giveUpUnsubscribed(current, input) : current
      return next(current, input, current.memberEpoch)
    case 'UNRELEASED_PARTITIONS':
      return next(current, input, current.memberEpoch)
    case 'UNKNOWN':
      return input.ownedByMember?.size === 0 ? next(current, input, input.targetEpoch) : undefined
  }
}

function next(current: CurrentAssignment, input: ReconcileInput, memberEpoch: number): CurrentAssignment {
  const { target, targetEpoch, isOwned, isSubscribed } = input
  let hasUnreleased = false
  let hasNew = false
  const kept = new Map<Uuid, Map<number, number>>()
  const revoked = new Map<Uuid, Map<number, number>>()
  const complete = new Map<Uuid, Map<number, number>>()
  for (const topicId of new Set([...target.keys(), ...current.assigned.keys()])) {
    const wanted = isSubscribed(topicId) ? partitionsOf(target, topicId) : partitionsOf(undefined, topicId)
    const assigned = ownedOf(current.assigned, topicId)
    for (const [partition, epoch] of assigned) {
      if (!wanted.has(partition)) put(revoked, topicId, partition, epoch)
      else {
        put(kept, topicId, partition, epoch)
        put(complete, topicId, partition, epoch)
      }
    }
    for (const partition of wanted) {
      if (assigned.has(partition)) continue
      // What this member itself is giving up can come back to it.
      if (isOwned(topicId, partition) && !ownedOf(current.pendingRevocation, topicId).has(partition)) hasUnreleased = true
      else {
        hasNew = true
        put(complete, topicId, partition, targetEpoch)
      }
    }
  }
  const previousMemberEpoch = current.memberEpoch
  if (revoked.size > 0 && stillHas(input.ownedByMember, revoked)) {
    return { memberEpoch, previousMemberEpoch, state: 'UNREVOKED_PARTITIONS', assigned: kept, pendingRevocation: revoked }
  }
  const state = hasUnreleased ? 'UNRELEASED_PARTITIONS' : 'STABLE'
  return { memberEpoch: targetEpoch, previousMemberEpoch, state, assigned: hasNew ? complete : kept, pendingRevocation: NO_PARTITIONS }
}

function giveUpUnsubscribed(current: CurrentAssignment, { isSubscribed, ownedByMember }: ReconcileInput): CurrentAssignment {
  const kept = new Map(current.assigned)
  const revoked = new Map(current.pendingRevocation)
  for (const [topicId, partitions] of current.assigned) {
    if (isSubscribed(topicId)) continue
    kept.delete(topicId)
    revoked.set(topicId, new Map([...ownedOf(current.pendingRevocation, topicId), ...partitions]))
  }
  if (kept.size === current.assigned.size) return current
  const previousMemberEpoch = current.memberEpoch
  if (stillHas(ownedByMember, revoked)) return { ...current, previousMemberEpoch, state: 'UNREVOKED_PARTITIONS', assigned: kept, pendingRevocation: revoked }
  return { ...current, previousMemberEpoch, assigned: kept }
}

/** A member that does not say what it has may still have all. */
function stillHas(ownedByMember: Assignment | null, partitions: OwnedPartitions): boolean {
  if (ownedByMember === null) return true
  for (const [topicId, owned] of ownedByMember) {
    const pending = ownedOf(partitions, topicId)
    for (const partition of owned) if (pending.has(partition)) return true
  }
  return false
}

function put(partitions: Map<Uuid, Map<number, number>>, topicId: Uuid, partition: number, epoch: number): void {
  const known = partitions.get(topicId)
  if (known === undefined) partitions.set(topicId, new Map([[partition, epoch]]))
  else known.set(partition, epoch)
}
