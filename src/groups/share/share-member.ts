// One member of a share group, as the log has it. Never changed: what a request or a record changes is a new value.

import type { Uuid } from '../../shared/uuid.ts'
import type { Assignment } from '../modern/assignment.ts'
import type { MemberState } from '../modern/reconcile.ts'

export const JOIN_EPOCH = 0
export const LEAVE_EPOCH = -1

export type ShareMemberMetadata = {
  readonly memberId: string
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly subscribedTopicNames: readonly string[]
}

/** What it reads. Several members may have the same partition, so nobody ever waits for another to give one up. */
export type CurrentShares = {
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: MemberState
  readonly assigned: Assignment
}

export type ShareMember = ShareMemberMetadata & CurrentShares

const NO_PARTITIONS: Assignment = new Map<Uuid, Set<number>>()

export const NEW_CURRENT_SHARES: CurrentShares = { memberEpoch: JOIN_EPOCH, previousMemberEpoch: -1, state: 'STABLE', assigned: NO_PARTITIONS }

export function newShareMember(memberId: string): ShareMember {
  return { memberId, rackId: null, clientId: '', clientHost: '', subscribedTopicNames: [], ...NEW_CURRENT_SHARES }
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index])
}

export function sameMetadata(one: ShareMemberMetadata, other: ShareMemberMetadata): boolean {
  return one.rackId === other.rackId && one.clientId === other.clientId && one.clientHost === other.clientHost && sameNames(one.subscribedTopicNames, other.subscribedTopicNames)
}

export function sortedNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}
