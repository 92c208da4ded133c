// The share protocol of one shard (KIP-932): ShareGroupHeartbeat and ShareGroupDescribe, and the end of sessions. What it
// decides becomes records; groups change when those are replayed.

import type { CoordinatorRecord, CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Timers } from '../../shared/timers.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { GroupConfig, GroupSettings } from '../group-settings.ts'
import type { Assignment } from '../modern/assignment.ts'
import { sameAssignment, toTopicPartitions } from '../modern/assignment.ts'
import { assignmentWaitMs, nextHeartbeatMs } from '../modern/assignment-interval.ts'
import { MemberTimers } from '../modern/member-timers.ts'
import { metadataHash } from '../modern/metadata-hash.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import { ShareGroup } from './share-group.ts'
import type { ShareMember } from './share-member.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, newShareMember, sameMetadata, sameNames, sortedNames } from './share-member.ts'
import { assignedPartitions, beginInitializing, difference, partitionsOf, union } from './share-partitions.ts'
import type { ShareTopic, ShareTopics } from './share-partitions.ts'
import { currentSharesRecord, shareGroupRecord, shareMemberRecord, shareMemberTombstones, sharePartitionsRecord, shareTargetEpochRecord, shareTargetRecord } from './share-records.ts'
import { assignShares, SIMPLE_ASSIGNOR_NAME } from './simple-assignor.ts'

export type ShareHeartbeatRequest = RequestOf<'ShareGroupHeartbeat'> & { readonly clientId: string; readonly clientHost: string }
export type ShareHeartbeatResponse = Encodable<ResponseOf<'ShareGroupHeartbeat'>>
export type DescribedShareGroup = NonNullable<Encodable<ResponseOf<'ShareGroupDescribe'>>['groups']>[number]
/** The response, and the partitions that the share coordinator is to be told of, with the epoch of their state. */
export type ShareHeartbeatResult = { readonly response: ShareHeartbeatResponse; readonly begun: ShareTopics; readonly stateEpoch: number }

export type ShareGroupsDeps = {
  readonly settings: GroupSettings
  readonly timers: Timers
  readonly logger: Logger
  readonly topics: TopicLookup
  groupConfig(groupId: string): GroupConfig
  nowMs(): number
  monotonicMs(): number
  groupOf(groupId: string): ShareGroup | undefined
  /** Runs `change` on the share group of that id in its turn; nothing where there is none (any more). */
  change(reason: string, groupId: string, change: (group: ShareGroup) => CoordinatorResult<void>): void
}

const NO_TARGET: Assignment = new Map<Uuid, Set<number>>()

export class ShareGroups {
  readonly #timers: MemberTimers
  readonly #deps: ShareGroupsDeps

  constructor(deps: ShareGroupsDeps) {
    this.#deps = deps
    this.#timers = new MemberTimers(deps.timers, () => deps.monotonicMs())
  }

  /** Members of a loaded group have one session to show that they are still there. */
  onLoaded(group: ShareGroup): void {
    for (const memberId of group.members.keys()) this.#extendSession(group.groupId, memberId)
  }

  onRemoved(group: ShareGroup): void {
    for (const memberId of group.members.keys()) this.#timers.cancel(group.groupId, memberId)
  }

  /** `group`: undefined for none. */
  heartbeat(group: ShareGroup | undefined, request: ShareHeartbeatRequest): CoordinatorResult<ShareHeartbeatResult> {
    const { groupId, memberId, memberEpoch } = request
    if (memberEpoch === LEAVE_EPOCH) return this.#leave(group, request)
    if (group === undefined && memberEpoch !== JOIN_EPOCH) throw new KafkaError('GROUP_ID_NOT_FOUND', `Share group ${groupId} not found.`)
    const current = group ?? new ShareGroup(groupId)
    const { shareMaxSize } = this.#deps.settings
    const known = current.members.get(memberId)
    if (current.members.size >= shareMaxSize && known === undefined) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', `The share group has reached its maximum capacity of ${shareMaxSize} members.`)
    }
    if (known === undefined && memberEpoch !== JOIN_EPOCH) throw unknownMember(groupId, memberId)
    if (known !== undefined) validateEpoch(known, memberEpoch)
    return this.#step(current, known, request)
  }

  describe(group: ShareGroup): DescribedShareGroup {
    const { topics } = this.#deps
    return {
      groupId: group.groupId,
      groupState: group.state,
      groupEpoch: group.groupEpoch,
      assignmentEpoch: group.assignmentEpoch,
      assignorName: SIMPLE_ASSIGNOR_NAME,
      members: [...group.members.values()].map(({ memberId, rackId, memberEpoch, clientId, clientHost, subscribedTopicNames, assigned }) => ({
        memberId, rackId, memberEpoch, clientId, clientHost, subscribedTopicNames,
        assignment: {
          topicPartitions: toTopicPartitions(assigned).flatMap(({ topicId, partitions }) => {
            const topic = topics.byId(topicId)
            return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions }]
          }),
        },
      })),
    }
  }

  #step(group: ShareGroup, known: ShareMember | undefined, request: ShareHeartbeatRequest): CoordinatorResult<ShareHeartbeatResult> {
    const { topics, logger } = this.#deps
    const { groupId, memberId } = request
    const records: CoordinatorRecord[] = []
    const before = known ?? newShareMember(memberId)
    const after = withRequest(before, request)
    if (known === undefined || !sameMetadata(before, after)) records.push(shareMemberRecord(groupId, after))
    const namesChanged = !sameNames(before.subscribedTopicNames, after.subscribedTopicNames)
    const members = new Map(group.members).set(memberId, after)
    const names = subscribedNames(members.values())

    const version = topics.version()
    let { groupEpoch } = group
    let bump = namesChanged || (groupEpoch <= group.assignmentEpoch && this.#hasNewlyInitialized(group, names, version))
    if (bump || group.checkedVersion !== version) {
      const hash = metadataHash(names, topics)
      bump ||= hash !== group.metadataHash
      if (bump) records.push(shareGroupRecord(groupId, ++groupEpoch, hash))
    }

    let target = group.targetOf(memberId)
    let targetEpoch = group.assignmentEpoch
    const needsTarget = groupEpoch > group.assignmentEpoch
    const waitMs = needsTarget ? this.#assignmentWaitMs(group) : 0
    if (needsTarget && waitMs === 0) {
      target = this.#assign(group, groupEpoch, members, records).get(memberId) ?? NO_TARGET
      targetEpoch = groupEpoch
      logger.info('a share group has a new assignment', { groupId, groupEpoch, memberCount: members.size })
    }

    const member = advance(after, targetEpoch, target, namesChanged, topics)
    if (member !== after) records.push(currentSharesRecord(groupId, memberId, member))
    this.#extendSession(groupId, memberId)

    const begun = this.#uninitialized(group, names)
    if (begun.size > 0) records.push(sharePartitionsRecord(groupId, beginInitializing(group.partitions, begun)))
    const showsAssignment = request.memberEpoch === JOIN_EPOCH || request.subscribedTopicNames !== null || !sameAssignment(before.assigned, member.assigned)
    return {
      records,
      response: {
        response: {
          memberId,
          memberEpoch: member.memberEpoch,
          heartbeatIntervalMs: nextHeartbeatMs(this.#deps.groupConfig(groupId).shareHeartbeatIntervalMs ?? this.#deps.settings.shareHeartbeatIntervalMs, waitMs),
          assignment: showsAssignment ? { topicPartitions: toTopicPartitions(member.assigned) } : null,
        },
        begun,
        stateEpoch: groupEpoch,
      },
      onCommitted: () => {
        // A group that these records made is another object than the one that decided.
        const committed = this.#deps.groupOf(groupId) ?? group
        committed.checkedVersion = version
        for (const topicId of begun.keys()) committed.initializingSinceMs.set(topicId, this.#deps.nowMs())
      },
    }
  }

  /** Whether partitions that members read have become ready since the target was computed. */
  #hasNewlyInitialized(group: ShareGroup, names: ReadonlySet<string>, version: bigint): boolean {
    const { partitions: current, assignmentEpoch, settledFor } = group
    if (group.isEmpty() || current.initialized.size === 0) return false
    // Every heartbeat asks, and groups may read many partitions. New names raise the epoch by themselves.
    if (settledFor?.partitions === current && settledFor.assignmentEpoch === assignmentEpoch && settledFor.version === version) return false
    const assigned = assignedPartitions(group.target.values())
    for (const [topicId, partitions] of this.#assignable(group)) {
      if (!names.has(this.#deps.topics.byId(topicId)?.name ?? '')) continue
      const given = assigned.get(topicId)
      if (given === undefined || given.size !== partitions.size || [...partitions].some((partition) => !given.has(partition))) return true
    }
    group.settledFor = { partitions: current, assignmentEpoch, version }
    return false
  }

  /** Initialized partitions of topics that exist. */
  #assignable(group: ShareGroup): Map<Uuid, ReadonlySet<number>> {
    const found = new Map<Uuid, ReadonlySet<number>>()
    for (const [topicId, { partitions }] of group.partitions.initialized) {
      const count = this.#deps.topics.byId(topicId)?.partitionCount ?? 0
      const existing = new Set([...partitions].filter((partition) => partition < count))
      if (existing.size > 0) found.set(topicId, existing)
    }
    return found
  }

  #assignmentWaitMs({ groupId, assignedAtMs }: ShareGroup): number {
    const intervalMs = this.#deps.groupConfig(groupId).shareAssignmentIntervalMs ?? this.#deps.settings.shareAssignmentIntervalMs
    return assignmentWaitMs(assignedAtMs, intervalMs, this.#deps.nowMs())
  }

  #assign(group: ShareGroup, groupEpoch: number, members: ReadonlyMap<string, ShareMember>, records: CoordinatorRecord[]): Map<string, Assignment> {
    const { topics, nowMs } = this.#deps
    const { groupId } = group
    const sharing = [...members.values()].map(({ memberId, subscribedTopicNames }) => ({ memberId, topicIds: topicIds(subscribedTopicNames, topics), target: group.targetOf(memberId) }))
    const targets = assignShares(sharing, this.#assignable(group))
    for (const [memberId, target] of targets) {
      const before = group.target.get(memberId)
      if (before === undefined || !sameAssignment(before, target)) records.push(shareTargetRecord(groupId, memberId, target))
    }
    records.push(shareTargetEpochRecord(groupId, groupEpoch, nowMs()))
    return targets
  }

  /** Partitions read that the share coordinator has not been told of, or has not answered for in time. */
  #uninitialized(group: ShareGroup, names: ReadonlySet<string>): ShareTopics {
    const { topics, settings, nowMs } = this.#deps
    const { initializing, initialized } = group.partitions
    const retryBeforeMs = nowMs() - settings.shareInitializeRetryIntervalMs
    const underway = new Map([...initializing].filter(([topicId]) => (group.initializingSinceMs.get(topicId) ?? -Infinity) > retryBeforeMs))
    const wanted = new Map<Uuid, ShareTopic>()
    for (const name of names) {
      const topic = topics.byName(name)
      if (topic === undefined || partitionsOf(initialized, topic.id).size >= topic.partitionCount) continue
      wanted.set(topic.id, { name, partitions: new Set(Array.from({ length: topic.partitionCount }, (_, partition) => partition)) })
    }
    return difference(wanted, union(initialized, underway))
  }

  #leave(group: ShareGroup | undefined, { groupId, memberId }: ShareHeartbeatRequest): CoordinatorResult<ShareHeartbeatResult> {
    if (group === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
    const member = group.members.get(memberId)
    if (member === undefined) throw unknownMember(groupId, memberId)
    return this.#remove(group, memberId, { response: { memberId, memberEpoch: LEAVE_EPOCH }, begun: new Map(), stateEpoch: group.groupEpoch })
  }

  #remove<R>(group: ShareGroup, memberId: string, response: R): CoordinatorResult<R> {
    const { groupId, groupEpoch } = group
    const others = [...group.members.values()].filter((member) => member.memberId !== memberId)
    return {
      records: [...shareMemberTombstones(groupId, memberId), shareGroupRecord(groupId, groupEpoch + 1, metadataHash(subscribedNames(others), this.#deps.topics))],
      response,
      onCommitted: () => this.#timers.cancel(groupId, memberId),
    }
  }

  #extendSession(groupId: string, memberId: string): void {
    const timeoutMs = this.#deps.groupConfig(groupId).shareSessionTimeoutMs ?? this.#deps.settings.shareSessionTimeoutMs
    this.#timers.extendSession(groupId, memberId, timeoutMs, () => {
      this.#deps.change('a member is fenced: its session has ended', groupId, (group) => {
        if (!group.members.has(memberId)) return { records: [], response: undefined }
        this.#deps.logger.info('a member is fenced', { groupId, memberId, reason: 'its session has ended' })
        return this.#remove(group, memberId, undefined)
      })
    })
  }
}

/** The member with the target of its group, as far as it subscribes to it; the very same object where nothing changes. */
function advance(member: ShareMember, targetEpoch: number, target: Assignment, namesChanged: boolean, topics: TopicLookup): ShareMember {
  const isThere = member.state === 'STABLE' && member.memberEpoch === targetEpoch
  if (isThere && !namesChanged) return member
  const assigned = new Map([...target].filter(([topicId]) => member.subscribedTopicNames.includes(topics.byId(topicId)?.name ?? '')))
  if (isThere) return sameAssignment(member.assigned, assigned) ? member : { ...member, assigned }
  return { ...member, memberEpoch: targetEpoch, previousMemberEpoch: member.memberEpoch, state: 'STABLE', assigned }
}

function withRequest(before: ShareMember, { rackId, clientId, clientHost, subscribedTopicNames }: ShareHeartbeatRequest): ShareMember {
  return { ...before, rackId: rackId ?? before.rackId, clientId, clientHost, subscribedTopicNames: subscribedTopicNames === null ? before.subscribedTopicNames : sortedNames(subscribedTopicNames) }
}

/** The epoch before is accepted too: the response that raised it may have been lost. */
function validateEpoch(member: ShareMember, memberEpoch: number): void {
  if (memberEpoch === JOIN_EPOCH || memberEpoch === member.memberEpoch || memberEpoch === member.previousMemberEpoch) return
  if (memberEpoch > member.memberEpoch) {
    throw new KafkaError('FENCED_MEMBER_EPOCH', `The share group member has a greater member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`)
  }
  throw new KafkaError('FENCED_MEMBER_EPOCH', `The share group member has a smaller member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}), and it does not match the previous member epoch (${member.previousMemberEpoch}). The member must abandon all its partitions and rejoin.`)
}

function subscribedNames(members: Iterable<ShareMember>): Set<string> {
  const names = new Set<string>()
  for (const { subscribedTopicNames } of members) for (const name of subscribedTopicNames) names.add(name)
  return names
}

function topicIds(names: readonly string[], topics: TopicLookup): Set<Uuid> {
  return new Set(names.flatMap((name) => topics.byName(name)?.id ?? []))
}

function unknownMember(groupId: string, memberId: string): KafkaError {
  return new KafkaError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${groupId}.`)
}
