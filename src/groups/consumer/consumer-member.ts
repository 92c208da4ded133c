// One member of a consumer group, as the log has it. Never changed: what a request or a record changes is a new value.

import type { CurrentAssignment } from '../modern/reconcile.ts'
import { NO_PARTITIONS } from '../modern/assignment.ts'
import type { MemberProtocol } from '../classic/classic-member.ts'

/** What a member of the classic protocol has told; the group serves it in that protocol's words. */
export type ClassicMemberMetadata = { readonly sessionTimeoutMs: number; readonly supportedProtocols: readonly MemberProtocol[] }

export type MemberSubscription = {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly subscribedTopicNames: readonly string[]
  /** '' for none. */
  readonly subscribedTopicRegex: string
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** Null for a member of the consumer protocol. */
  readonly classic: ClassicMemberMetadata | null
}

export type ConsumerMember = MemberSubscription & CurrentAssignment

/** Epoch of a member that is joining. */
export const JOIN_EPOCH = 0
/** Epoch with which a member leaves for good. */
export const LEAVE_EPOCH = -1
/** Epoch with which a static member leaves and keeps its place for the time of its session. */
export const STATIC_LEAVE_EPOCH = -2

export const NEW_CURRENT_ASSIGNMENT: CurrentAssignment = { memberEpoch: JOIN_EPOCH, previousMemberEpoch: JOIN_EPOCH, state: 'STABLE', assigned: NO_PARTITIONS, pendingRevocation: NO_PARTITIONS }

export function newMember(memberId: string): ConsumerMember {
  return {
    memberId, instanceId: null, rackId: null, clientId: '', clientHost: '', subscribedTopicNames: [], subscribedTopicRegex: '', rebalanceTimeoutMs: -1, serverAssignor: null, classic: null,
    ...NEW_CURRENT_ASSIGNMENT,
  }
}

export function topicNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

export function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((name, index) => name === other[index]))
}

export function sameSubscription(one: MemberSubscription, other: MemberSubscription): boolean {
  return one.memberId === other.memberId && one.instanceId === other.instanceId && one.rackId === other.rackId && one.clientId === other.clientId &&
    one.clientHost === other.clientHost && sameNames(one.subscribedTopicNames, other.subscribedTopicNames) && one.subscribedTopicRegex === other.subscribedTopicRegex &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs && one.serverAssignor === other.serverAssignor && sameClassic(one.classic, other.classic)
}

function sameClassic(one: ClassicMemberMetadata | null, other: ClassicMemberMetadata | null): boolean {
  if (one === other) return true
  if (one === null || other === null || one.sessionTimeoutMs !== other.sessionTimeoutMs || one.supportedProtocols.length !== other.supportedProtocols.length) return false
  return one.supportedProtocols.every(({ name, metadata }, index) => {
    const counterpart = other.supportedProtocols[index]
    return counterpart !== undefined && counterpart.name === name && Buffer.compare(counterpart.metadata, metadata) === 0
  })
}
