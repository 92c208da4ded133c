// JoinGroup to a classic group: a new member, a known one, or a static one that has come back. What is answered depends
// on what the join changes; where it changes the generation, the request is parked until that begins.

import { randomUUID } from 'node:crypto'
import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { RequestOf } from '../../protocol/api-keys.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { JoinResponse } from './classic-member.ts'
import { ClassicMember } from './classic-member.ts'
import type { ClassicChange, ClassicRebalance } from './classic-rebalance.ts'
import { joinResponse, membersForLeader, NO_CHANGE } from './classic-rebalance.ts'
import type { ClassicSessions } from './classic-sessions.ts'

/** From this version on a dynamic member is first given an id to join with (KIP-394). */
const MEMBER_ID_REQUIRED_VERSION = 4
/** From this version on a static leader can be told to keep the assignment (KIP-814). */
const SKIP_ASSIGNMENT_VERSION = 9
/** How long a new member, which cannot send heartbeats yet, may wait for its first generation. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000

/** A JoinGroup request with what it does not say itself; `rebalanceTimeoutMs` is filled in for version 0. */
export type JoinRequest = RequestOf<'JoinGroup'> & { readonly apiVersion: number; readonly clientId: string; readonly clientHost: string }
export type JoinAnswer = (response: JoinResponse) => void

export type ClassicJoinDeps = {
  readonly settings: GroupSettings
  readonly sessions: ClassicSessions
  readonly rebalance: ClassicRebalance
}

export class ClassicJoin {
  readonly #deps: ClassicJoinDeps

  constructor(deps: ClassicJoinDeps) {
    this.#deps = deps
  }

  join(group: ClassicGroup, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    const { memberId } = request
    if (!this.#accepts(group, memberId)) {
      this.#forget(group, memberId)
      return refuse(answer, '', 'GROUP_MAX_SIZE_REACHED')
    }
    if (!group.supportsProtocols(request.protocolType, request.protocols)) return refuse(answer, memberId, 'INCONSISTENT_GROUP_PROTOCOL')
    if (memberId === '') return this.#joinNew(group, request, answer)
    if (group.pendingJoinMembers.has(memberId)) {
      // An id is only ever given out to dynamic members.
      return request.groupInstanceId === null ? this.#add(group, request, memberId, answer) : refuse(answer, memberId, 'UNKNOWN_MEMBER_ID')
    }
    const error = group.validateMember(memberId, request.groupInstanceId)
    const member = group.members.get(memberId)
    if (error !== 'NONE' || member === undefined) return refuse(answer, memberId, error === 'NONE' ? 'UNKNOWN_MEMBER_ID' : error)
    return this.#joinAgain(group, member, request, answer)
  }

  #joinNew(group: ClassicGroup, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    const { groupInstanceId } = request
    const memberId = `${groupInstanceId ?? request.clientId}-${randomUUID()}`
    if (groupInstanceId === null && request.apiVersion >= MEMBER_ID_REQUIRED_VERSION) {
      group.pendingJoinMembers.add(memberId)
      this.#deps.sessions.awaitJoin(group, memberId, request.sessionTimeoutMs)
      return refuse(answer, memberId, 'MEMBER_ID_REQUIRED')
    }
    const existing = groupInstanceId === null ? undefined : group.members.get(group.staticMembers.get(groupInstanceId) ?? '')
    return existing === undefined ? this.#add(group, request, memberId, answer) : this.#replaceStatic(group, existing, memberId, request, answer)
  }

  #add(group: ClassicGroup, request: JoinRequest, memberId: string, answer: JoinAnswer): ClassicChange {
    const member = new ClassicMember({ ...request, memberId })
    member.isNew = true
    if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true
    this.#deps.sessions.cancel(group, memberId)
    group.add(member, request.protocolType)
    group.awaitJoin(member, answer)
    this.#deps.sessions.extend(group, member, NEW_MEMBER_JOIN_TIMEOUT_MS)
    return this.#deps.rebalance.prepareOrMaybeComplete(group, reasonOf(request, 'a member joins'))
  }

  #joinAgain(group: ClassicGroup, member: ClassicMember, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    const isUnchanged = member.hasProtocols(request.protocols)
    switch (group.state) {
      case 'PreparingRebalance':
        return this.#updateAndRebalance(group, member, request, answer)
      case 'CompletingRebalance':
        // The answer to its first join may have been lost on the way.
        if (isUnchanged) break
        return this.#updateAndRebalance(group, member, request, answer)
      case 'Stable':
        // A leader joins again for changes that no metadata shows, such as a topic's new partitions.
        if (isUnchanged && !group.isLeader(member.memberId)) break
        return this.#updateAndRebalance(group, member, request, answer)
      case 'Empty':
        return refuse(answer, member.memberId, 'UNKNOWN_MEMBER_ID')
    }
    answer(joinResponse(group, member))
    return NO_CHANGE
  }

  #updateAndRebalance(group: ClassicGroup, member: ClassicMember, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    group.updateMember(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs)
    group.awaitJoin(member, answer)
    return this.#deps.rebalance.prepareOrMaybeComplete(group, reasonOf(request, 'a member joins again'))
  }

  /** A static member that was restarted keeps its place, without a rebalance where that changes nothing for the others. */
  #replaceStatic(group: ClassicGroup, oldMember: ClassicMember, memberId: string, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    const { sessions, rebalance } = this.#deps
    const leaderBefore = group.leaderId
    const replace = (from: ClassicMember, to: ClassicMember): void => {
      sessions.cancel(group, from.memberId)
      group.replaceStaticMember(from, to)
      sessions.extend(group, to)
    }
    const member = new ClassicMember({ ...oldMember, memberId })
    replace(oldMember, member)
    group.updateMember(member, request.protocols, request.rebalanceTimeoutMs, request.sessionTimeoutMs)
    group.awaitJoin(member, answer)
    if (group.state === 'CompletingRebalance') return rebalance.prepare(group, reasonOf(request, 'a static member replaces one whose id the leader may know'))
    if (group.state !== 'Stable') return rebalance.maybeCompleteJoin(group)
    if (group.selectProtocol() !== group.protocolName) return rebalance.prepareOrMaybeComplete(group, reasonOf(request, 'a static member changes the protocol'))
    return {
      records: [group.metadataRecord(null)],
      onCommitted: () => group.answerJoin(member, staticJoinResponse(group, member, request.apiVersion, leaderBefore)),
      onFailed: () => {
        group.awaitJoin(member, null)
        group.updateMember(member, oldMember.protocols, oldMember.rebalanceTimeoutMs, oldMember.sessionTimeoutMs)
        replace(member, new ClassicMember({ ...oldMember }))
      },
    }
  }

  /** A group above its limit (it may have been lowered) loses the members that join last. */
  #accepts(group: ClassicGroup, memberId: string): boolean {
    const { groupMaxSize } = this.#deps.settings
    switch (group.state) {
      case 'Empty': return true
      case 'PreparingRebalance': return (group.members.get(memberId)?.awaitingJoin ?? null) !== null || group.awaitingJoinCount < groupMaxSize
      default: return group.members.has(memberId) || group.members.size < groupMaxSize
    }
  }

  #forget(group: ClassicGroup, memberId: string): void {
    this.#deps.sessions.cancel(group, memberId)
    group.remove(memberId)
  }
}

/** Older clients would take the leader's role anew if they were told that they lead: they are told who led before. */
function staticJoinResponse(group: ClassicGroup, member: ClassicMember, apiVersion: number, leaderBefore: string | null): JoinResponse {
  const response = { ...joinResponse(group, member), members: [] }
  if (apiVersion < SKIP_ASSIGNMENT_VERSION) return { ...response, leader: leaderBefore ?? '' }
  const isLeader = group.isLeader(member.memberId)
  return { ...response, members: isLeader ? membersForLeader(group) : [], skipAssignment: isLeader }
}

function refuse(answer: JoinAnswer, memberId: string, error: ErrorName): ClassicChange {
  answer({ errorCode: errorCode(error), memberId })
  return NO_CHANGE
}

function reasonOf(request: JoinRequest, what: string): string {
  return request.reason === null || request.reason === '' ? what : `${what}: ${request.reason}`
}
