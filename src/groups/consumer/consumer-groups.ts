// The consumer protocol of one shard: ConsumerGroupHeartbeat and ConsumerGroupDescribe, and the end of sessions and
// rebalance timeouts. What it decides becomes records; groups change when those are replayed.

import type { CoordinatorRecord, CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Timers } from '../../shared/timers.ts'
import { randomUuid } from '../../shared/uuid.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import type { Assignment } from '../modern/assignment.ts'
import { fromTopicPartitions, ownedOf, sameOwned, toTopicPartitions } from '../modern/assignment.ts'
import { nextHeartbeatMs } from '../modern/assignment-interval.ts'
import { MemberTimers } from '../modern/member-timers.ts'
import { metadataHash } from '../modern/metadata-hash.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { Assignor } from './assignors/assignor.ts'
import { describeConsumerGroup } from './consumer-description.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, newMember, STATIC_LEAVE_EPOCH, topicNames } from './consumer-member.ts'
import { isUsed, progress } from './consumer-progress.ts'
import type { ProgressDeps } from './consumer-progress.ts'
import { currentAssignmentRecord, groupRecord, memberTombstones, regexTombstone } from './consumer-records.ts'
import { canDowngrade, downgrade, upgrade } from './migration.ts'
import { preferredAssignor, subscribedNames } from './target-assignment.ts'

export type ConsumerHeartbeatRequest = RequestOf<'ConsumerGroupHeartbeat'> & { readonly clientId: string; readonly clientHost: string }
export type ConsumerHeartbeatResponse = Encodable<ResponseOf<'ConsumerGroupHeartbeat'>>
export type DescribedConsumerGroup = NonNullable<Encodable<ResponseOf<'ConsumerGroupDescribe'>>['groups']>[number]

export type ConsumerGroupsDeps = ProgressDeps & {
  readonly timers: Timers
  readonly logger: Logger
  readonly topics: TopicLookup
  readonly assignors: readonly Assignor[]
  nowMs(): number
  monotonicMs(): number
  /** Runs `change` on the consumer group of that id in its turn; nothing where there is none (any more). */
  change(reason: string, groupId: string, change: (group: ConsumerGroup) => CoordinatorResult<void>): void
  /** A downgrade is committed: the group goes on as a classic one. */
  onDowngraded(group: ClassicGroup): void
}

const REBALANCE_DEADLINE = 'rebalance'

export class ConsumerGroups {
  readonly timers: MemberTimers
  readonly #deps: ConsumerGroupsDeps

  constructor(deps: ConsumerGroupsDeps) {
    this.#deps = deps
    this.timers = new MemberTimers(deps.timers, () => deps.monotonicMs())
  }

  /** Members of a loaded group have one session to show that they are still there. */
  onLoaded(group: ConsumerGroup): void {
    for (const member of group.members.values()) {
      this.extendSession(group, member)
      this.#watchRevocation(group, member)
    }
  }

  onRemoved(group: ConsumerGroup): void {
    for (const memberId of group.members.keys()) this.timers.cancel(group.groupId, memberId)
  }

  /** `group`: the consumer group, a classic one that may become one, or undefined for none. */
  heartbeat(group: ConsumerGroup | ClassicGroup | undefined, request: ConsumerHeartbeatRequest): CoordinatorResult<ConsumerHeartbeatResponse> {
    const { memberEpoch, groupId } = request
    if (memberEpoch === LEAVE_EPOCH || memberEpoch === STATIC_LEAVE_EPOCH) return this.#leave(existing(group, groupId), request)
    const { records, group: current } = this.#groupFor(group, request)
    if (current.members.size >= this.#deps.settings.consumerMaxSize && (request.memberId === '' || !current.members.has(request.memberId))) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', `The consumer group has reached its maximum capacity of ${this.#deps.settings.consumerMaxSize} members.`)
    }
    const ownedByMember = request.topicPartitions === null ? null : fromTopicPartitions(request.topicPartitions)
    const { before, isNew, replaced } = subscribe(current, request, ownedByMember)
    const after = withRequest(before, request)
    const result = progress(this.#deps, { group: current, before, after, isNew, replaced, ownedByMember, nowMs: this.#deps.nowMs() })
    const { member } = result
    const isFull = memberEpoch === JOIN_EPOCH || (request.rebalanceTimeoutMs !== -1 && request.subscribedTopicNames !== null && ownedByMember !== null)
    const hasChanged = isFull || !sameOwned(before.assigned, member.assigned)
    this.extendSession(current, member)
    return {
      records: [...records, ...result.records],
      response: {
        memberId: member.memberId,
        memberEpoch: member.memberEpoch,
        heartbeatIntervalMs: nextHeartbeatMs(this.#deps.groupConfig(groupId).consumerHeartbeatIntervalMs ?? this.#deps.settings.consumerHeartbeatIntervalMs, result.waitMs),
        assignment: hasChanged ? { topicPartitions: toTopicPartitions(member.assigned) } : null,
      },
      onCommitted: () => {
        result.onCommitted()
        if (replaced !== null) this.timers.cancel(groupId, replaced.memberId)
        if (current !== group) for (const other of current.members.values()) this.extendSession(current, other)
        this.#watchRevocation(current, member)
      },
    }
  }

  describe(group: ConsumerGroup): DescribedConsumerGroup {
    return describeConsumerGroup(group, this.#deps.topics, preferredAssignor(group.members.values(), this.#deps.assignors)?.name ?? '')
  }

  extendSession(group: ConsumerGroup, member: ConsumerMember): void {
    const { groupId } = group
    const { memberId } = member
    const timeoutMs = member.classic?.sessionTimeoutMs ?? this.#deps.groupConfig(groupId).consumerSessionTimeoutMs ?? this.#deps.settings.consumerSessionTimeoutMs
    this.timers.extendSession(groupId, memberId, timeoutMs, () => this.fenceLater('its session has ended', groupId, memberId))
  }

  /** Takes the member out of the group in its turn, if it is still as `isDue` says. */
  fenceLater(reason: string, groupId: string, memberId: string, isDue: (member: ConsumerMember) => boolean = () => true): void {
    this.#deps.change(`a member is fenced: ${reason}`, groupId, (group) => {
      const member = group.members.get(memberId)
      if (member === undefined || !isDue(member)) return { records: [], response: undefined }
      this.#deps.logger.info('a member is fenced', { groupId, memberId, reason })
      return this.remove(group, [member], undefined)
    })
  }

  /** Takes members out: the group moves back to the classic protocol where only members of that are left. */
  remove<R>(group: ConsumerGroup, members: readonly ConsumerMember[], response: R): CoordinatorResult<R> {
    const { groupId } = group
    const cancelTimers = (): void => { for (const { memberId } of members) this.timers.cancel(groupId, memberId) }
    if (canDowngrade(group, members, null, this.#deps)) {
      const { classic, records } = downgrade(group, members, null, this.#deps)
      return { records, response, onCommitted: () => { cancelTimers(); this.#deps.onDowngraded(classic) } }
    }
    const gone = new Set(members.map(({ memberId }) => memberId))
    const expressions = new Set(members.map((member) => member.subscribedTopicRegex).filter((expression) => group.regexes.has(expression) && !isUsed(group, expression, gone)))
    const left = [...group.members.values()].filter(({ memberId }) => !gone.has(memberId))
    const records: CoordinatorRecord[] = [
      ...members.flatMap(({ memberId }) => memberTombstones(groupId, memberId)),
      ...[...expressions].map((expression) => regexTombstone(groupId, expression)),
      groupRecord(groupId, group.groupEpoch + 1, metadataHash(subscribedNames(left, group.regexes), this.#deps.topics)),
    ]
    return { records, response, onCommitted: cancelTimers }
  }

  #groupFor(group: ConsumerGroup | ClassicGroup | undefined, request: ConsumerHeartbeatRequest): { group: ConsumerGroup; records: CoordinatorRecord[] } {
    if (group?.type === 'consumer') return { group, records: [] }
    if (request.memberEpoch !== JOIN_EPOCH) throw notFound(request.groupId, group)
    if (group === undefined) return { group: new ConsumerGroup(request.groupId), records: [] }
    const upgraded = upgrade(group, this.#deps)
    if (upgraded === undefined) throw notFound(request.groupId, group)
    return upgraded
  }

  #leave(group: ConsumerGroup, { memberId, memberEpoch, instanceId, groupId }: ConsumerHeartbeatRequest): CoordinatorResult<ConsumerHeartbeatResponse> {
    const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
    if (member === undefined) throw unknownMember(groupId, memberId, instanceId)
    if (instanceId !== null) throwIfFenced(member, memberId, instanceId)
    const response = { memberId, memberEpoch }
    if (memberEpoch === LEAVE_EPOCH || instanceId === null) return this.remove(group, [member], response)
    const leaving: ConsumerMember = { ...member, memberEpoch: STATIC_LEAVE_EPOCH, pendingRevocation: new Map() }
    return { records: [currentAssignmentRecord(groupId, member.memberId, leaving)], response, onCommitted: () => this.timers.cancelDeadline(REBALANCE_DEADLINE, groupId, memberId) }
  }

  /** A member that was told to give partitions up has its own rebalance timeout to do so. */
  #watchRevocation(group: ConsumerGroup, { memberId, memberEpoch, state, classic, rebalanceTimeoutMs }: ConsumerMember): void {
    const { groupId } = group
    if (classic !== null) return
    if (state !== 'UNREVOKED_PARTITIONS') {
      this.timers.cancelDeadline(REBALANCE_DEADLINE, groupId, memberId)
    } else if (!this.timers.hasDeadline(REBALANCE_DEADLINE, groupId, memberId)) {
      this.timers.setDeadline(REBALANCE_DEADLINE, groupId, memberId, rebalanceTimeoutMs, () =>
        this.fenceLater('it has not given up its partitions in time', groupId, memberId, (member) => member.state === 'UNREVOKED_PARTITIONS' && member.memberEpoch === memberEpoch))
    }
  }
}

function existing(group: ConsumerGroup | ClassicGroup | undefined, groupId: string): ConsumerGroup {
  if (group?.type === 'consumer') return group
  throw notFound(groupId, group)
}

function notFound(groupId: string, group: ClassicGroup | undefined): KafkaError {
  return new KafkaError('GROUP_ID_NOT_FOUND', group === undefined ? `Consumer group ${groupId} not found.` : `Group ${groupId} is not a consumer group.`)
}

export function unknownMember(groupId: string, memberId: string, instanceId: string | null): KafkaError {
  return new KafkaError('UNKNOWN_MEMBER_ID', instanceId === null ? `Member ${memberId} is not a member of group ${groupId}.` : `Instance id ${instanceId} is unknown.`)
}

export function throwIfFenced(member: ConsumerMember, memberId: string, instanceId: string): void {
  if (member.memberId !== memberId) throw new KafkaError('FENCED_INSTANCE_ID', `Static member ${memberId} with instance id ${instanceId} was fenced by member ${member.memberId}.`)
}

type Subscribed = { before: ConsumerMember; isNew: boolean; replaced: ConsumerMember | null }

/** The member that sent the request, as it was before. */
function subscribe(group: ConsumerGroup, request: ConsumerHeartbeatRequest, ownedByMember: Assignment | null): Subscribed {
  const { memberEpoch, instanceId, groupId } = request
  const memberId = request.memberId === '' ? randomUuid() : request.memberId
  const joins = memberEpoch === JOIN_EPOCH
  const known = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (known === undefined) {
    if (!joins) throw unknownMember(groupId, memberId, instanceId)
    const created = group.members.get(memberId) ?? newMember(memberId)
    return { before: created, isNew: !group.members.has(memberId), replaced: null }
  }
  if (instanceId !== null && joins) {
    if (known.memberId === memberId && known.classic === null) {
      validateEpoch(known, memberEpoch, ownedByMember)
      return { before: known, isNew: false, replaced: null }
    }
    return replaceStatic(known, memberId, instanceId)
  }
  if (instanceId !== null) throwIfFenced(known, memberId, instanceId)
  validateEpoch(known, memberEpoch, ownedByMember)
  return { before: known, isNew: false, replaced: null }
}

/** A static member may be replaced once it has left; one of the classic protocol at any time, as that protocol has it. */
function replaceStatic(known: ConsumerMember, memberId: string, instanceId: string): Subscribed {
  if (known.classic === null && known.memberEpoch !== STATIC_LEAVE_EPOCH) {
    throw new KafkaError('UNRELEASED_INSTANCE_ID', `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${known.memberId} member.`)
  }
  return { before: { ...known, memberId, memberEpoch: JOIN_EPOCH, previousMemberEpoch: JOIN_EPOCH }, isNew: false, replaced: known }
}

/** An epoch behind is accepted where the response that raised it may have been lost. */
function validateEpoch(member: ConsumerMember, memberEpoch: number, ownedByMember: Assignment | null): void {
  if (memberEpoch === member.memberEpoch || memberEpoch === JOIN_EPOCH) return
  const mayHaveMissed = memberEpoch === member.previousMemberEpoch && ownedByMember !== null && isSubset(ownedByMember, member)
  if (memberEpoch < member.memberEpoch && mayHaveMissed) return
  const relation = memberEpoch > member.memberEpoch ? 'greater' : 'smaller'
  throw new KafkaError('FENCED_MEMBER_EPOCH', `The consumer group member has a ${relation} member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`)
}

function isSubset(owned: Assignment, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of owned) {
    for (const partition of partitions) if (!ownedOf(member.assigned, topicId).has(partition)) return false
  }
  return true
}

/** What a request leaves out stays as it is. */
function withRequest(before: ConsumerMember, request: ConsumerHeartbeatRequest): ConsumerMember {
  const { instanceId, rackId, rebalanceTimeoutMs, serverAssignor, subscribedTopicNames, subscribedTopicRegex, clientId, clientHost } = request
  return {
    ...before,
    instanceId: instanceId ?? before.instanceId,
    rackId: rackId ?? before.rackId,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : rebalanceTimeoutMs,
    serverAssignor: serverAssignor ?? before.serverAssignor,
    subscribedTopicNames: subscribedTopicNames === null ? before.subscribedTopicNames : topicNames(subscribedTopicNames),
    subscribedTopicRegex: subscribedTopicRegex ?? before.subscribedTopicRegex,
    clientId,
    clientHost,
    classic: null,
  }
}

