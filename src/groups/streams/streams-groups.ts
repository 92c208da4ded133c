// The streams protocol of one shard (KIP-1071): StreamsGroupHeartbeat and StreamsGroupDescribe, and the end of sessions and
// rebalance timeouts. What it decides becomes records; groups change when those are replayed.

import type { CoordinatorRecord, CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Timers } from '../../shared/timers.ts'
import { assignmentWaitMs, nextHeartbeatMs } from '../modern/assignment-interval.ts'
import { metadataHash } from '../modern/metadata-hash.ts'
import { MemberTimers } from '../modern/member-timers.ts'
import type { GroupConfig, GroupSettings } from '../group-settings.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import { assignTasks } from './sticky-assignor.ts'
import { describeStreamsGroup, partitionsByEndpoint } from './streams-description.ts'
import type { DescribedStreamsGroup } from './streams-description.ts'
import { StreamsGroup } from './streams-group.ts'
import type { KeyValue, StreamsMember } from './streams-member.ts'
import { newStreamsMember, sameKeyValues, sameMetadata, sortedKeyValues } from './streams-member.ts'
import { reconcileTasks } from './streams-reconcile.ts'
import { currentTasksRecord, streamsGroupRecord, streamsMemberRecord, streamsMemberTombstones, streamsTargetEpochRecord, streamsTargetRecord, topologyRecord } from './streams-records.ts'
import type { Tasks } from './tasks.ts'
import { fromTaskIds, isSubset, NO_TASKS, sameTargets, sameTasks, TASK_KINDS, toTaskIds } from './tasks.ts'
import type { ConfiguredTopology, InternalTopic, Topology } from './topology.ts'
import { configureTopology, topologyTopics } from './topology.ts'

export type StreamsHeartbeatRequest = RequestOf<'StreamsGroupHeartbeat'> & { readonly clientId: string; readonly clientHost: string }
export type StreamsHeartbeatResponse = Encodable<ResponseOf<'StreamsGroupHeartbeat'>>
/** The response, and the topics that the topology needs and the broker lacks. */
export type StreamsHeartbeatResult = { readonly response: StreamsHeartbeatResponse; readonly missingTopics: readonly InternalTopic[] }

export type StreamsGroupsDeps = {
  readonly settings: GroupSettings
  readonly timers: Timers
  readonly logger: Logger
  readonly topics: TopicLookup
  groupConfig(groupId: string): GroupConfig
  nowMs(): number
  monotonicMs(): number
  groupOf(groupId: string): StreamsGroup | undefined
  /** Runs `change` on the streams group of that id in its turn; nothing where there is none (any more). */
  change(reason: string, groupId: string, change: (group: StreamsGroup) => CoordinatorResult<void>): void
}

/** Numbers of the protocol for what a member is told besides its tasks. */
const STATUS = { STALE_TOPOLOGY: 0, MISSING_SOURCE_TOPICS: 1, INCORRECTLY_PARTITIONED_TOPICS: 2, MISSING_INTERNAL_TOPICS: 3, SHUTDOWN_APPLICATION: 4, ASSIGNMENT_DELAYED: 5 } as const
type Status = { statusCode: number; statusDetail: string }

const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1
/** Epoch of a group that has its first member: 1 is that of members who wait for the first assignment. */
const FIRST_GROUP_EPOCH = 2
const REBALANCE_DEADLINE = 'rebalance'

export class StreamsGroups {
  readonly #timers: MemberTimers
  readonly #deps: StreamsGroupsDeps

  constructor(deps: StreamsGroupsDeps) {
    this.#deps = deps
    this.#timers = new MemberTimers(deps.timers, () => deps.monotonicMs())
  }

  /** Members of a loaded group have one session to show that they are still there. */
  onLoaded(group: StreamsGroup): void {
    for (const member of group.members.values()) {
      this.#extendSession(group.groupId, member.memberId)
      this.#watchRevocation(group.groupId, member)
    }
  }

  onRemoved(group: StreamsGroup): void {
    for (const memberId of group.members.keys()) this.#timers.cancel(group.groupId, memberId)
  }

  /** `group`: undefined for none; `tombstones`: what removes an empty group of another kind that gives way. */
  heartbeat(group: StreamsGroup | undefined, request: StreamsHeartbeatRequest, tombstones: CoordinatorRecord[] = []): CoordinatorResult<StreamsHeartbeatResult> {
    const { groupId, memberId, memberEpoch } = request
    if (memberEpoch < JOIN_EPOCH) return this.#leave(group, request)
    if (group === undefined && memberEpoch !== JOIN_EPOCH) throw notFound(groupId)
    const current = group ?? new StreamsGroup(groupId)
    if (memberEpoch === JOIN_EPOCH && current.members.size >= this.#deps.settings.streamsMaxSize && !current.members.has(memberId)) {
      throw new KafkaError('GROUP_MAX_SIZE_REACHED', `The streams group has reached its maximum capacity of ${this.#deps.settings.streamsMaxSize} members.`)
    }
    const owned = ownedTasks(request)
    const known = current.members.get(memberId)
    if (known === undefined && memberEpoch !== JOIN_EPOCH) throw unknownMember(groupId, memberId)
    const before = known ?? newStreamsMember(memberId)
    if (known !== undefined) validateEpoch(known, memberEpoch, owned)
    return this.#step(current, before, request, owned, group === undefined, known === undefined, tombstones)
  }

  describe(group: StreamsGroup): DescribedStreamsGroup {
    return describeStreamsGroup(group)
  }

  #step(group: StreamsGroup, before: StreamsMember, request: StreamsHeartbeatRequest, owned: Tasks | null, isNewGroup: boolean, isNew: boolean, tombstones: CoordinatorRecord[]): CoordinatorResult<StreamsHeartbeatResult> {
    const { topics, logger, settings } = this.#deps
    const { groupId, memberId } = request
    const records = [...tombstones]
    const status: Status[] = []
    const after = withRequest(before, request)
    let bump = isNew || !sameMetadata(before, after)
    if (bump) records.push(streamsMemberRecord(groupId, after))

    const topology = this.#topology(group, request, records)
    if (group.topology !== null && after.topologyEpoch < topology.epoch) {
      status.push({ statusCode: STATUS.STALE_TOPOLOGY, statusDetail: `The member's topology epoch ${after.topologyEpoch} is behind the group's topology epoch ${topology.epoch}.` })
    }
    const version = topics.version()
    const isChecked = group.configured !== null && group.checkedVersion === version
    const configured = isChecked && group.configured !== null ? group.configured : configureTopology(topology, topics)
    const hash = isChecked ? group.metadataHash : metadataHash(topologyTopics(topology), topics)
    const validatedTopologyEpoch = configured.problem === null ? topology.epoch : -1
    if (configured.problem === null && owned !== null) validateTasks(configured, owned)
    const configs = this.#assignmentConfigs(groupId)
    bump ||= hash !== group.metadataHash || validatedTopologyEpoch !== group.validatedTopologyEpoch || !sameKeyValues(configs, group.lastAssignmentConfigs)
    let { groupEpoch } = group
    if (bump) {
      groupEpoch = groupEpoch === 0 ? FIRST_GROUP_EPOCH : groupEpoch + 1
      records.push(streamsGroupRecord(groupId, { epoch: groupEpoch, metadataHash: hash, validatedTopologyEpoch, lastAssignmentConfigs: configs }))
    }

    const members = new Map(group.members).set(memberId, after)
    const initialDelayMs = this.#deps.groupConfig(groupId).streamsInitialRebalanceDelayMs ?? settings.streamsInitialRebalanceDelayMs
    const assignsFromMs = group.isEmpty() ? this.#deps.monotonicMs() + initialDelayMs : group.assignsFromMs
    const isDelayed = assignsFromMs > this.#deps.monotonicMs()
    let target = group.targetOf(memberId)
    let targetEpoch = group.assignmentEpoch
    const needsTarget = groupEpoch > group.assignmentEpoch
    const waitMs = needsTarget && !isDelayed ? this.#assignmentWaitMs(group) : 0
    if (needsTarget && isDelayed) {
      // Instances of an application tend to start together; giving tasks to the first would only move them again.
      target = NO_TASKS
      targetEpoch = Math.max(1, group.assignmentEpoch)
      status.push({ statusCode: STATUS.ASSIGNMENT_DELAYED, statusDetail: 'Assignment delayed due to the configured initial rebalance delay.' })
    } else if (waitMs > 0) {
      status.push({ statusCode: STATUS.ASSIGNMENT_DELAYED, statusDetail: 'Assignment delayed due to the configured assignment interval.' })
    } else if (needsTarget) {
      const targets = this.#assign(group, groupEpoch, members, configured, records)
      target = targets.get(memberId) ?? NO_TASKS
      targetEpoch = groupEpoch
      logger.info('a streams group has a new assignment', { groupId, groupEpoch, memberCount: members.size })
    }

    const next = reconcileTasks(after, {
      targetEpoch, target, ownedByMember: owned,
      isActive: (subtopologyId, partition) => group.isActive(subtopologyId, partition),
      isInProcess: (subtopologyId, partition) => group.isInProcess(after.processId, subtopologyId, partition),
    })
    if (next === undefined) throw new KafkaError('FENCED_MEMBER_EPOCH', 'The streams group member is in a unknown state. The member must abandon all its tasks and rejoin.')
    const hasMoved = next !== after && !sameCurrent(next, after)
    const member = hasMoved ? { ...after, ...next } : after
    if (hasMoved) records.push(currentTasksRecord(groupId, memberId, member))
    this.#extendSession(groupId, memberId)
    if (request.shutdownApplication) group.shutdownRequestedBy = memberId

    const isJoining = request.memberEpoch === JOIN_EPOCH
    const showsTasks = isJoining || !sameTasks(before.assigned, member.assigned)
    if (showsTasks && member.userEndpoint !== null && !isNewGroup) group.endpointInformationEpoch++
    if (configured.problem !== null) status.push({ statusCode: STATUS[configured.problem.status], statusDetail: configured.problem.detail })
    if (group.shutdownRequestedBy !== null) {
      status.push({ statusCode: STATUS.SHUTDOWN_APPLICATION, statusDetail: `Streams group member ${group.shutdownRequestedBy} encountered a fatal error and requested a shutdown for the entire application.` })
    }
    const response: StreamsHeartbeatResponse = {
      memberId,
      memberEpoch: member.memberEpoch,
      heartbeatIntervalMs: nextHeartbeatMs(this.#deps.groupConfig(groupId).streamsHeartbeatIntervalMs ?? settings.streamsHeartbeatIntervalMs, waitMs),
      status,
      activeTasks: showsTasks ? toTaskIds(member.assigned.active) : null,
      standbyTasks: showsTasks ? toTaskIds(member.assigned.standby) : null,
      warmupTasks: showsTasks ? toTaskIds(member.assigned.warmup) : null,
      endpointInformationEpoch: group.endpointInformationEpoch,
      partitionsByUserEndpoint: group.endpointInformationEpoch === request.endpointInformationEpoch ? null : partitionsByEndpoint(members.set(memberId, member).values(), configured, topics),
    }
    return {
      records,
      response: { response, missingTopics: configured.missingTopics },
      onCommitted: () => this.#noteCommitted(groupId, group, member, { configured, version, assignsFromMs }),
    }
  }

  /** The soft state that goes with the records; a group that these made is another object than the one that decided. */
  #noteCommitted(groupId: string, decidedOn: StreamsGroup, member: StreamsMember, soft: { configured: ConfiguredTopology; version: bigint; assignsFromMs: number }): void {
    const group = this.#deps.groupOf(groupId) ?? decidedOn
    group.configured = soft.configured
    group.checkedVersion = soft.version
    group.assignsFromMs = soft.assignsFromMs
    group.shutdownRequestedBy = decidedOn.shutdownRequestedBy
    this.#watchRevocation(groupId, member)
  }

  #assignmentWaitMs({ groupId, assignedAtMs }: StreamsGroup): number {
    const intervalMs = this.#deps.groupConfig(groupId).streamsAssignmentIntervalMs ?? this.#deps.settings.streamsAssignmentIntervalMs
    return assignmentWaitMs(assignedAtMs, intervalMs, this.#deps.nowMs())
  }

  #assign(group: StreamsGroup, groupEpoch: number, members: ReadonlyMap<string, StreamsMember>, configured: ConfiguredTopology, records: CoordinatorRecord[]): Map<string, Tasks> {
    const { groupId } = group
    const taskMembers = [...members.values()].map(({ memberId, processId }) => ({ memberId, processId, target: group.targetOf(memberId) }))
    const canRun = configured.problem === null && configured.subtopologies !== null
    const targets = canRun ? assignTasks(taskMembers, configured.subtopologies.values(), this.#standbyReplicaCount(groupId)) : new Map<string, Tasks>()
    for (const memberId of members.keys()) {
      const target = targets.get(memberId) ?? NO_TASKS
      const before = group.target.get(memberId)
      if (before === undefined || !sameTargets(before, target)) records.push(streamsTargetRecord(groupId, memberId, target))
    }
    records.push(streamsTargetEpochRecord(groupId, groupEpoch, this.#deps.nowMs()))
    return targets
  }

  /** The group's topology with what the request brings; one that differs from the group's is refused, an older one is not looked at. */
  #topology(group: StreamsGroup, { topology, groupId, memberId }: StreamsHeartbeatRequest, records: CoordinatorRecord[]): Topology {
    if (topology === null) {
      if (group.topology === null) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'The topology is null and the group topology is also null.')
      return group.topology
    }
    const given = toTopology(topology)
    if (group.topology === null) {
      this.#deps.logger.info('a member brings the topology of its group', { groupId, memberId, topologyEpoch: given.epoch })
      records.push(topologyRecord(groupId, given))
      return given
    }
    if (group.topology.epoch <= given.epoch && !sameTopology(group.topology, given)) throw new KafkaError('INVALID_REQUEST', 'Topology updates are not supported yet.')
    return group.topology
  }

  #leave(group: StreamsGroup | undefined, { groupId, memberId, memberEpoch }: StreamsHeartbeatRequest): CoordinatorResult<StreamsHeartbeatResult> {
    const member = group?.members.get(memberId)
    if (group === undefined) throw notFound(groupId)
    if (member === undefined) throw unknownMember(groupId, memberId)
    return this.#remove(group, member, { response: { memberId, memberEpoch: LEAVE_EPOCH === memberEpoch ? LEAVE_EPOCH : memberEpoch }, missingTopics: [] })
  }

  #remove<R>(group: StreamsGroup, { memberId, userEndpoint }: StreamsMember, response: R): CoordinatorResult<R> {
    const { groupId, groupEpoch, metadataHash: hash, validatedTopologyEpoch, lastAssignmentConfigs } = group
    return {
      records: [...streamsMemberTombstones(groupId, memberId), streamsGroupRecord(groupId, { epoch: groupEpoch + 1, metadataHash: hash, validatedTopologyEpoch, lastAssignmentConfigs })],
      response,
      onCommitted: () => {
        this.#timers.cancel(groupId, memberId)
        if (userEndpoint !== null) group.endpointInformationEpoch++
      },
    }
  }

  #fenceLater(reason: string, groupId: string, memberId: string, isDue: (member: StreamsMember) => boolean): void {
    this.#deps.change(`a member is fenced: ${reason}`, groupId, (group) => {
      const member = group.members.get(memberId)
      if (member === undefined || !isDue(member)) return { records: [], response: undefined }
      this.#deps.logger.info('a member is fenced', { groupId, memberId, reason })
      return this.#remove(group, member, undefined)
    })
  }

  #extendSession(groupId: string, memberId: string): void {
    const timeoutMs = this.#deps.groupConfig(groupId).streamsSessionTimeoutMs ?? this.#deps.settings.streamsSessionTimeoutMs
    this.#timers.extendSession(groupId, memberId, timeoutMs, () => this.#fenceLater('its session has ended', groupId, memberId, () => true))
  }

  /** A member that was told to give tasks up has its own rebalance timeout to do so. */
  #watchRevocation(groupId: string, { memberId, memberEpoch, state, rebalanceTimeoutMs }: StreamsMember): void {
    if (state !== 'UNREVOKED_PARTITIONS') {
      this.#timers.cancelDeadline(REBALANCE_DEADLINE, groupId, memberId)
    } else if (!this.#timers.hasDeadline(REBALANCE_DEADLINE, groupId, memberId)) {
      this.#timers.setDeadline(REBALANCE_DEADLINE, groupId, memberId, rebalanceTimeoutMs, () =>
        this.#fenceLater('it has not given up its tasks in time', groupId, memberId, (member) => member.state === 'UNREVOKED_PARTITIONS' && member.memberEpoch === memberEpoch))
    }
  }

  #standbyReplicaCount(groupId: string): number {
    return this.#deps.groupConfig(groupId).streamsNumStandbyReplicas ?? this.#deps.settings.streamsNumStandbyReplicas
  }

  /** What the assignment depends on besides members and topics, as the log keeps it. */
  #assignmentConfigs(groupId: string): readonly KeyValue[] {
    return [{ key: 'num.standby.replicas', value: String(this.#standbyReplicaCount(groupId)) }]
  }
}

function withRequest(before: StreamsMember, request: StreamsHeartbeatRequest): StreamsMember {
  const { rackId, rebalanceTimeoutMs, topology, processId, clientTags, userEndpoint, clientId, clientHost } = request
  return {
    ...before,
    rackId: rackId ?? before.rackId,
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : rebalanceTimeoutMs,
    topologyEpoch: topology?.epoch ?? before.topologyEpoch,
    processId: processId ?? before.processId,
    userEndpoint: userEndpoint ?? before.userEndpoint,
    clientTags: clientTags === null ? before.clientTags : sortedKeyValues(clientTags),
    clientId,
    clientHost,
  }
}

function ownedTasks({ activeTasks, standbyTasks, warmupTasks }: StreamsHeartbeatRequest): Tasks | null {
  if (activeTasks === null || standbyTasks === null || warmupTasks === null) return null
  return { active: fromTaskIds(activeTasks), standby: fromTaskIds(standbyTasks), warmup: fromTaskIds(warmupTasks) }
}

/** An epoch behind is accepted where the response that raised it may have been lost. */
function validateEpoch(member: StreamsMember, memberEpoch: number, owned: Tasks | null): void {
  if (memberEpoch === member.memberEpoch || memberEpoch === JOIN_EPOCH) return
  const { active, standby, warmup } = member.assigned
  const mayHaveMissed = memberEpoch === member.previousMemberEpoch && owned !== null && isSubset(owned.active, active) && isSubset(owned.standby, standby) && isSubset(owned.warmup, warmup)
  if (memberEpoch < member.memberEpoch && mayHaveMissed) return
  const relation = memberEpoch > member.memberEpoch ? 'greater' : 'smaller'
  throw new KafkaError('FENCED_MEMBER_EPOCH', `The streams group member has a ${relation} member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its tasks and rejoin.`)
}

function validateTasks({ subtopologies }: ConfiguredTopology, owned: Tasks): void {
  for (const kind of TASK_KINDS) {
    for (const [subtopologyId, partitions] of owned[kind]) {
      const subtopology = subtopologies?.get(subtopologyId)
      if (subtopology === undefined) throw new KafkaError('INVALID_REQUEST', `Subtopology ${subtopologyId} does not exist in the topology.`)
      for (const partition of partitions) {
        if (partition < 0 || partition >= subtopology.taskCount) throw new KafkaError('INVALID_REQUEST', `Task ${partition} for subtopology ${subtopologyId} is invalid. Number of tasks for this subtopology: ${subtopology.taskCount}`)
      }
    }
  }
}

function sameCurrent(one: Pick<StreamsMember, 'memberEpoch' | 'previousMemberEpoch' | 'state' | 'assigned' | 'pendingRevocation'>, other: typeof one): boolean {
  return one.memberEpoch === other.memberEpoch && one.previousMemberEpoch === other.previousMemberEpoch && one.state === other.state &&
    sameTasks(one.assigned, other.assigned) && sameTasks(one.pendingRevocation, other.pendingRevocation)
}

/** Everything sorted, so that two tellings of the same topology are the same. */
function toTopology({ epoch, subtopologies }: NonNullable<StreamsHeartbeatRequest['topology']>): Topology {
  return {
    epoch,
    subtopologies: [...subtopologies].sort(byKey(({ subtopologyId }) => subtopologyId)).map((subtopology) => {
      const sourceTopics = [...subtopology.sourceTopics].sort()
      const sourceTopicRegex = [...subtopology.sourceTopicRegex].sort()
      const repartitionSourceTopics = sortedTopics(subtopology.repartitionSourceTopics)
      return {
        subtopologyId: subtopology.subtopologyId,
        sourceTopics,
        sourceTopicRegex,
        stateChangelogTopics: sortedTopics(subtopology.stateChangelogTopics),
        repartitionSinkTopics: [...subtopology.repartitionSinkTopics].sort(),
        repartitionSourceTopics,
        copartitionGroups: subtopology.copartitionGroups.map((group) => ({
          sourceTopics: group.sourceTopics.map((index) => sourceTopics.indexOf(subtopology.sourceTopics[index] ?? '')),
          sourceTopicRegex: group.sourceTopicRegex.map((index) => sourceTopicRegex.indexOf(subtopology.sourceTopicRegex[index] ?? '')),
          repartitionSourceTopics: group.repartitionSourceTopics.map((index) => repartitionSourceTopics.findIndex(({ name }) => name === subtopology.repartitionSourceTopics[index]?.name)),
        })),
      }
    }),
  }
}

function sortedTopics<T extends { name: string; topicConfigs: { key: string; value: string }[] }>(topics: readonly T[]): T[] {
  return topics.map((topic) => ({ ...topic, topicConfigs: [...topic.topicConfigs].sort(byKey(({ key }) => key)) })).sort(byKey(({ name }) => name))
}

function byKey<T>(keyOf: (value: T) => string): (one: T, other: T) => number {
  return (one, other) => (keyOf(one) < keyOf(other) ? -1 : keyOf(one) > keyOf(other) ? 1 : 0)
}

function sameTopology(one: Topology, other: Topology): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function notFound(groupId: string): KafkaError {
  return new KafkaError('GROUP_ID_NOT_FOUND', `Streams group ${groupId} not found.`)
}

function unknownMember(groupId: string, memberId: string): KafkaError {
  return new KafkaError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${groupId}.`)
}
