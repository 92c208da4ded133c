// The classic protocol of one shard: JoinGroup, SyncGroup, Heartbeat and LeaveGroup to groups of type classic, and the
// end of members' sessions.

import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { GroupMetadataValue } from '../../protocol/messages.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Timers } from '../../shared/timers.ts'
import type { GroupSettings } from '../group-settings.ts'
import { operationErrorName } from '../operation-errors.ts'
import { ClassicGroup } from './classic-group.ts'
import type { JoinAnswer, JoinRequest } from './classic-join.ts'
import { ClassicJoin } from './classic-join.ts'
import type { SyncResponse } from './classic-member.ts'
import { ClassicMember, NO_ASSIGNMENT } from './classic-member.ts'
import type { ClassicChange } from './classic-rebalance.ts'
import { ClassicRebalance, NO_CHANGE } from './classic-rebalance.ts'
import { ClassicSessions } from './classic-sessions.ts'

export type SyncAnswer = (response: SyncResponse) => void
export type LeavingMember = RequestOf<'LeaveGroup'>['members'][number]
export type LeftMember = NonNullable<Encodable<ResponseOf<'LeaveGroup'>>['members']>[number]

export type ClassicGroupsDeps = {
  readonly settings: GroupSettings
  readonly timers: Timers
  readonly logger: Logger
  nowMs(): number
  monotonicMs(): number
  /** Runs `change` on the classic group of that id in its turn; nothing where there is none (any more). */
  change(reason: string, groupId: string, change: (group: ClassicGroup) => ClassicChange): void
}

export class ClassicGroups {
  readonly #deps: ClassicGroupsDeps
  readonly #sessions: ClassicSessions
  readonly #rebalance: ClassicRebalance
  readonly #join: ClassicJoin

  constructor(deps: ClassicGroupsDeps) {
    this.#deps = deps
    this.#sessions = new ClassicSessions({
      ...deps,
      onExpired: (groupId, memberId) => deps.change('a session has ended', groupId, (group) => this.#expireSession(group, memberId)),
    })
    this.#rebalance = new ClassicRebalance({ ...deps, sessions: this.#sessions })
    this.#join = new ClassicJoin({ settings: deps.settings, sessions: this.#sessions, rebalance: this.#rebalance })
  }

  /** The group as a record of the log has it: Stable with its members, or Empty. */
  fromRecord(groupId: string, value: GroupMetadataValue): ClassicGroup {
    const group = new ClassicGroup(groupId)
    group.generationId = value.generation
    group.protocolType = value.protocolType
    group.protocolName = value.protocol
    group.stateTimestampMs = value.currentStateTimestamp === -1n ? null : Number(value.currentStateTimestamp)
    group.state = value.members.length > 0 ? 'Stable' : 'Empty'
    for (const member of value.members) {
      group.add(new ClassicMember({
        ...member,
        rebalanceTimeoutMs: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
        sessionTimeoutMs: member.sessionTimeout,
        protocols: [{ name: value.protocol ?? '', metadata: member.subscription }],
      }), value.protocolType)
    }
    group.leaderId = value.leader
    group.updateSubscribedTopics()
    return group
  }

  /** Members of a loaded group have one session timeout to show that they are still there. */
  onLoaded(group: ClassicGroup): void {
    for (const member of group.members.values()) this.#sessions.extend(group, member)
    if (group.members.size <= this.#deps.settings.groupMaxSize) return
    this.#deps.change('the group is larger than group.max.size', group.groupId, (current) => this.#rebalance.prepareOrMaybeComplete(current, 'the group is larger than group.max.size'))
  }

  /** A group that was a consumer group until now: its members go on, and agree on assignments again. */
  onDowngraded(group: ClassicGroup): void {
    for (const member of group.members.values()) this.#sessions.extend(group, member)
    this.#deps.change('the group moves to the classic protocol', group.groupId, (current) => this.#rebalance.prepareOrMaybeComplete(current, 'the group moves to the classic protocol'))
  }

  /** The group's shard, or the group itself, is gone: nobody waits here any longer. */
  onUnloaded(group: ClassicGroup, error: ErrorName): void {
    this.#rebalance.cancelTimers(group)
    for (const member of group.members.values()) {
      group.answerJoin(member, { errorCode: errorCode(error), memberId: member.memberId })
      member.answerSync({ errorCode: errorCode(error) })
    }
  }

  join(group: ClassicGroup, request: JoinRequest, answer: JoinAnswer): ClassicChange {
    return this.#join.join(group, request, answer)
  }

  sync(group: ClassicGroup, request: RequestOf<'SyncGroup'>, answer: SyncAnswer): ClassicChange {
    const { memberId } = request
    const error = this.#validateSync(group, request)
    const member = group.members.get(memberId)
    if (error !== 'NONE' || member === undefined) {
      answer({ errorCode: errorCode(error) })
      return NO_CHANGE
    }
    this.#rebalance.onSync(group, memberId)
    if (group.state === 'Stable') {
      answer({ errorCode: 0, protocolType: group.protocolType, protocolName: group.protocolName, assignment: member.assignment })
      return NO_CHANGE
    }
    member.awaitingSync = answer
    return group.isLeader(memberId) ? this.#takeAssignments(group, request) : NO_CHANGE
  }

  /** Extends the member's session; REBALANCE_IN_PROGRESS tells it to join again. */
  heartbeat(group: ClassicGroup, request: RequestOf<'Heartbeat'>): ErrorName {
    const error = group.validateMember(request.memberId, request.groupInstanceId)
    if (error !== 'NONE') return error
    if (request.generationId !== group.generationId) return 'ILLEGAL_GENERATION'
    this.extendSession(group, request.memberId)
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  extendSession(group: ClassicGroup, memberId: string): void {
    const member = group.members.get(memberId)
    if (member !== undefined) this.#sessions.extend(group, member)
  }

  leave(group: ClassicGroup, leaving: readonly LeavingMember[]): { change: ClassicChange; members: LeftMember[] } {
    const members = leaving.map(({ memberId, groupInstanceId, reason }) => {
      const error = this.#leaveOne(group, memberId, groupInstanceId)
      if (error === 'NONE') this.#deps.logger.info('a member leaves its group', { groupId: group.groupId, memberId, groupInstanceId, reason })
      return { memberId, groupInstanceId, errorCode: errorCode(error) }
    })
    if (!members.some((member) => member.errorCode === 0) || group.state === 'Empty') return { change: NO_CHANGE, members }
    return { change: this.#rebalance.prepareOrMaybeComplete(group, 'members leave'), members }
  }

  #leaveOne(group: ClassicGroup, memberId: string, groupInstanceId: string | null): ErrorName {
    // Without a member id it is the Admin client, removing a static member by its instance id.
    const current = memberId === '' && groupInstanceId !== null ? group.staticMembers.get(groupInstanceId) : memberId
    if (current === undefined) return 'UNKNOWN_MEMBER_ID'
    if (!group.pendingJoinMembers.has(current)) {
      const error = group.validateMember(current, groupInstanceId)
      if (error !== 'NONE') return error
    }
    this.#remove(group, current)
    return 'NONE'
  }

  #validateSync(group: ClassicGroup, request: RequestOf<'SyncGroup'>): ErrorName {
    if (group.state === 'Empty') return 'UNKNOWN_MEMBER_ID'
    const error = group.validateMember(request.memberId, request.groupInstanceId)
    if (error !== 'NONE') return error
    if (request.generationId !== group.generationId) return 'ILLEGAL_GENERATION'
    const { protocolType, protocolName } = request
    if ((protocolType !== null && protocolType !== group.protocolType) || (protocolName !== null && group.protocolName !== null && protocolName !== group.protocolName)) {
      return 'INCONSISTENT_GROUP_PROTOCOL'
    }
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  /** The leader's decision counts once it is in the log, and only if no rebalance has begun meanwhile. */
  #takeAssignments(group: ClassicGroup, request: RequestOf<'SyncGroup'>): ClassicChange {
    const { generationId } = group
    const assignments = new Map<string, Uint8Array>()
    for (const memberId of group.members.keys()) assignments.set(memberId, NO_ASSIGNMENT)
    for (const { memberId, assignment } of request.assignments) assignments.set(memberId, assignment)
    const isCurrent = (): boolean => group.state === 'CompletingRebalance' && group.generationId === generationId
    return {
      records: [group.metadataRecord(assignments)],
      onCommitted: () => {
        if (!isCurrent()) return
        this.#rebalance.propagateAssignments(group, assignments)
        group.transitionTo('Stable', this.#deps.nowMs())
      },
      onFailed: (error) => {
        if (!isCurrent()) return
        this.#rebalance.resetAssignments(group, operationErrorName(error))
        this.#deps.change('the assignments could not be stored', group.groupId, (current) => this.#rebalance.prepareOrMaybeComplete(current, 'the assignments could not be stored'))
      },
    }
  }

  #expireSession(group: ClassicGroup, memberId: string): ClassicChange {
    if (group.pendingJoinMembers.has(memberId)) {
      group.remove(memberId)
      return group.state === 'PreparingRebalance' && group.hasAllMembersJoined() ? this.#rebalance.completeJoin(group) : NO_CHANGE
    }
    const member = group.members.get(memberId)
    const isAlive = member === undefined || member.sessionEndsAtMs > this.#deps.monotonicMs() || member.satisfiesHeartbeat()
    if (isAlive) return NO_CHANGE
    this.#deps.logger.info('the session of a member has ended', { groupId: group.groupId, memberId })
    this.#remove(group, memberId)
    if (group.state === 'PreparingRebalance') return group.hasAllMembersJoined() ? this.#rebalance.completeJoin(group) : NO_CHANGE
    return group.state === 'Empty' ? NO_CHANGE : this.#rebalance.prepareOrMaybeComplete(group, 'the session of a member has ended')
  }

  /** A parked join of the member is told that the member is unknown, so that a client that still lives joins anew. */
  #remove(group: ClassicGroup, memberId: string): void {
    this.#sessions.cancel(group, memberId)
    const member = group.members.get(memberId)
    if (member !== undefined) {
      group.answerJoin(member, { errorCode: errorCode('UNKNOWN_MEMBER_ID'), memberId: '' })
      member.answerSync({ errorCode: errorCode('UNKNOWN_MEMBER_ID') })
    }
    group.remove(memberId)
  }
}
