// The way of a classic group from one generation to the next: who starts it, who is waited for, who is left behind.

import type { CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Timers } from '../../shared/timers.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember, JoinResponse } from './classic-member.ts'
import { NO_ASSIGNMENT } from './classic-member.ts'
import type { ClassicSessions } from './classic-sessions.ts'

/** What an operation on a classic group leaves to be written; its answers go through the parked requests. */
export type ClassicChange = Omit<CoordinatorResult<void>, 'response'>

export const NO_CHANGE: ClassicChange = { records: [] }

export type ClassicRebalanceDeps = {
  readonly settings: GroupSettings
  readonly sessions: ClassicSessions
  readonly timers: Timers
  readonly logger: Logger
  nowMs(): number
  /** Runs `change` on the group in its turn, if it is still there. */
  change(reason: string, groupId: string, change: (group: ClassicGroup) => ClassicChange): void
}

export class ClassicRebalance {
  readonly #deps: ClassicRebalanceDeps

  constructor(deps: ClassicRebalanceDeps) {
    this.#deps = deps
  }

  /** Starts a rebalance, or, where one is under way, ends its join phase if everybody is there now. */
  prepareOrMaybeComplete(group: ClassicGroup, reason: string): ClassicChange {
    return group.canRebalance() ? this.prepare(group, reason) : this.maybeCompleteJoin(group)
  }

  prepare(group: ClassicGroup, reason: string): ClassicChange {
    if (group.state === 'CompletingRebalance') this.resetAssignments(group, 'REBALANCE_IN_PROGRESS')
    this.cancelSyncDeadline(group)
    const isInitial = group.state === 'Empty'
    group.transitionTo('PreparingRebalance', this.#deps.nowMs())
    this.#deps.logger.debug('prepares a rebalance', { groupId: group.groupId, generationId: group.generationId, memberCount: group.members.size, reason })
    if (isInitial) {
      // The first members of a group tend to start together; waiting for all of them saves a rebalance for each.
      const { groupInitialRebalanceDelayMs: delayMs } = this.#deps.settings
      this.#scheduleInitialCompletion(group, delayMs, Math.max(group.rebalanceTimeoutMs() - delayMs, 0))
      return NO_CHANGE
    }
    if (group.hasAllMembersJoined()) return this.completeJoin(group)
    this.#scheduleCompletion(group)
    return NO_CHANGE
  }

  /** An initial rebalance ends by its delay alone. */
  maybeCompleteJoin(group: ClassicGroup): ClassicChange {
    const isInitial = group.previousState === 'Empty'
    return group.state === 'PreparingRebalance' && !isInitial && group.hasAllMembersJoined() ? this.completeJoin(group) : NO_CHANGE
  }

  /** Begins the next generation with the members that are there. Static members stay though they have not joined again. */
  completeJoin(group: ClassicGroup): ClassicChange {
    const { timers, sessions, logger } = this.#deps
    timers.cancel(joinKey(group))
    const missing = [...group.members.values()].filter((member) => member.awaitingJoin === null && member.groupInstanceId === null)
    for (const { memberId } of missing) {
      sessions.cancel(group, memberId)
      group.remove(memberId)
    }
    if (group.members.size > 0 && !group.maybeElectJoinedLeader()) {
      // Only static members are left and none has come back: their sessions decide how long to wait.
      this.#scheduleCompletion(group)
      return NO_CHANGE
    }
    group.beginGeneration(this.#deps.nowMs())
    logger.info(group.state === 'Empty' ? 'a group is empty now' : 'a group has a new generation', {
      groupId: group.groupId, generationId: group.generationId, memberCount: group.members.size, missingCount: missing.length,
    })
    if (group.state === 'Empty') return { records: [group.metadataRecord(null)] }
    for (const member of group.members.values()) {
      group.answerJoin(member, joinResponse(group, member))
      sessions.extend(group, member)
      member.isNew = false
      group.pendingSyncMembers.add(member.memberId)
    }
    this.#scheduleSyncDeadline(group)
    return NO_CHANGE
  }

  /** Hands everyone what the leader decided. */
  propagateAssignments(group: ClassicGroup, assignments: ReadonlyMap<string, Uint8Array>): void {
    for (const member of group.members.values()) member.assignment = assignments.get(member.memberId) ?? NO_ASSIGNMENT
    this.#answerSyncs(group, 'NONE')
  }

  resetAssignments(group: ClassicGroup, error: ErrorName): void {
    for (const member of group.members.values()) member.assignment = NO_ASSIGNMENT
    this.#answerSyncs(group, error)
  }

  cancelSyncDeadline(group: ClassicGroup): void {
    group.pendingSyncMembers.clear()
    this.#deps.timers.cancel(syncKey(group))
  }

  /** The member has sent SyncGroup; once all have, nobody needs to be waited for. */
  onSync(group: ClassicGroup, memberId: string): void {
    group.pendingSyncMembers.delete(memberId)
    if (group.pendingSyncMembers.size === 0) this.#deps.timers.cancel(syncKey(group))
  }

  cancelTimers(group: ClassicGroup): void {
    this.#deps.timers.cancel(joinKey(group))
    this.#deps.timers.cancel(syncKey(group))
    for (const memberId of [...group.members.keys(), ...group.pendingJoinMembers]) this.#deps.sessions.cancel(group, memberId)
  }

  #answerSyncs(group: ClassicGroup, error: ErrorName): void {
    const named = error === 'NONE'
    for (const member of group.members.values()) {
      const answered = member.answerSync({
        errorCode: errorCode(error),
        protocolType: named ? group.protocolType : null,
        protocolName: named ? group.protocolName : null,
        assignment: member.assignment,
      })
      // A session that ended while the request was parked was let pass; from now on it counts again.
      if (answered) this.#deps.sessions.extend(group, member)
    }
  }

  #scheduleInitialCompletion(group: ClassicGroup, delayMs: number, remainingMs: number): void {
    this.#inJoinPhase(group, joinKey(group), delayMs, 'the initial rebalance delay has passed', (current) => {
      if (!current.newMemberAdded || remainingMs === 0) return this.completeJoin(current)
      current.newMemberAdded = false
      const nextDelayMs = Math.min(this.#deps.settings.groupInitialRebalanceDelayMs, remainingMs)
      this.#scheduleInitialCompletion(current, nextDelayMs, Math.max(remainingMs - delayMs, 0))
      return NO_CHANGE
    })
  }

  #scheduleCompletion(group: ClassicGroup): void {
    this.#inJoinPhase(group, joinKey(group), group.rebalanceTimeoutMs(), 'the rebalance timeout has passed', (current) => this.completeJoin(current))
  }

  #inJoinPhase(group: ClassicGroup, key: string, delayMs: number, reason: string, change: (group: ClassicGroup) => ClassicChange): void {
    const { generationId } = group
    this.#deps.timers.set(key, delayMs, () => this.#deps.change(reason, group.groupId, (current) =>
      current === group && current.state === 'PreparingRebalance' && current.generationId === generationId ? change(current) : NO_CHANGE))
  }

  /** Members that join but never sync would be given partitions that nobody reads. */
  #scheduleSyncDeadline(group: ClassicGroup): void {
    const { generationId } = group
    const expire = (current: ClassicGroup): ClassicChange => {
      const isCurrent = current === group && current.generationId === generationId
      if (!isCurrent || current.state === 'Empty' || current.state === 'PreparingRebalance' || current.pendingSyncMembers.size === 0) return NO_CHANGE
      for (const memberId of [...current.pendingSyncMembers]) {
        this.#deps.sessions.cancel(current, memberId)
        current.remove(memberId)
      }
      return this.prepare(current, 'members have not sent their sync requests')
    }
    this.#deps.timers.set(syncKey(group), group.rebalanceTimeoutMs(), () => this.#deps.change('the sync timeout has passed', group.groupId, expire))
  }
}

/** What a member learns of the current generation; only the leader is told who the others are. */
export function joinResponse(group: ClassicGroup, member: ClassicMember): JoinResponse {
  return {
    errorCode: 0,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId: member.memberId,
    members: group.isLeader(member.memberId) ? membersForLeader(group) : [],
  }
}

export function membersForLeader(group: ClassicGroup): NonNullable<JoinResponse['members']> {
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: member.metadata(group.protocolName),
  }))
}

const joinKey = (group: ClassicGroup): string => `join-${group.groupId}`
const syncKey = (group: ClassicGroup): string => `sync-${group.groupId}`
