// A group of Kafka Streams instances whose tasks the coordinator assigns (KIP-1071). It has the epochs of a consumer group,
// and a topology, which must have been found to fit the broker's topics before tasks are given out. Hard state only but for
// the fields that say otherwise, changed by replay alone.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { Committer, Group } from '../group.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { ownedOf } from '../modern/assignment.ts'
import type { CommittedOffset } from '../offsets/offset-store.ts'
import type { CurrentTasks, KeyValue, StreamsMember, StreamsMemberMetadata } from './streams-member.ts'
import { NEW_CURRENT_TASKS, newStreamsMember } from './streams-member.ts'
import type { StreamsGroupValue } from './streams-records.ts'
import { streamsGroupTombstones, streamsMemberTombstones } from './streams-records.ts'
import type { OwnedTasks, Tasks } from './tasks.ts'
import { NO_TASKS, subtopologyKey, TASK_KINDS } from './tasks.ts'
import type { ConfiguredTopology, Topology } from './topology.ts'
import { topologyTopics } from './topology.ts'

export type StreamsState = 'Empty' | 'NotReady' | 'Assigning' | 'Reconciling' | 'Stable'

const LEAVE_EPOCH = -1

export class StreamsGroup implements Group {
  readonly type = 'streams'
  readonly protocolType = 'streams'
  readonly groupId: string
  groupEpoch = 0
  /** Tells whether the topology's topics are as they were when the group epoch was last raised. */
  metadataHash = 0n
  /** Epoch of the topology that was found to fit the topics; -1 for none. */
  validatedTopologyEpoch = -1
  /** The settings that the last assignment was made with. */
  lastAssignmentConfigs: readonly KeyValue[] = []
  assignmentEpoch = 0
  /** When the target was computed; 0 for never. */
  assignedAtMs = 0
  topology: Topology | null = null
  readonly members = new Map<string, StreamsMember>()
  readonly target = new Map<string, Tasks>()
  /** What the topics make of the topology, and the version of topics it was made for; soft state. */
  configured: ConfiguredTopology | null = null
  checkedVersion: bigint | null = null
  /** Raised whenever a member with an endpoint has other tasks; soft state. */
  endpointInformationEpoch = 0
  /** The member that wants the whole application to stop; soft state. */
  shutdownRequestedBy: string | null = null
  /** New groups give nothing out until then, monotonic; soft state. */
  assignsFromMs = 0
  readonly #activeOwners = new Map<string, string>()
  /** Members that have the task as any kind, by task. */
  readonly #holders = new Map<string, Set<string>>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): StreamsState {
    if (this.members.size === 0) return 'Empty'
    if (this.topology === null || this.topology.epoch !== this.validatedTopologyEpoch) return 'NotReady'
    if (this.groupEpoch > this.assignmentEpoch) return 'Assigning'
    for (const { state, memberEpoch } of this.members.values()) if (state !== 'STABLE' || memberEpoch !== this.assignmentEpoch) return 'Reconciling'
    return 'Stable'
  }

  isEmpty(): boolean { return this.members.size === 0 }

  targetOf(memberId: string): Tasks {
    return this.target.get(memberId) ?? NO_TASKS
  }

  isActive(subtopologyId: Uuid, partition: number): boolean {
    return this.#activeOwners.has(keyOf(subtopologyId, partition))
  }

  isInProcess(processId: string, subtopologyId: Uuid, partition: number): boolean {
    for (const memberId of this.#holders.get(keyOf(subtopologyId, partition)) ?? []) if (this.members.get(memberId)?.processId === processId) return true
    return false
  }

  // ---- replay ----

  replayGroup({ epoch, metadataHash, validatedTopologyEpoch, lastAssignmentConfigs }: StreamsGroupValue): void {
    this.groupEpoch = epoch
    this.metadataHash = metadataHash
    this.validatedTopologyEpoch = validatedTopologyEpoch
    this.lastAssignmentConfigs = lastAssignmentConfigs
  }

  replayTopology(topology: Topology | null): void {
    this.topology = topology
    this.configured = null
    this.checkedVersion = null
  }

  replayMember(memberId: string, metadata: StreamsMemberMetadata | null): void {
    if (metadata === null) {
      this.members.delete(memberId)
      if (this.shutdownRequestedBy !== null && this.members.size === 0) this.shutdownRequestedBy = null
      return
    }
    this.members.set(memberId, { ...(this.members.get(memberId) ?? newStreamsMember(memberId)), ...metadata })
  }

  replayCurrentTasks(memberId: string, current: CurrentTasks | null): void {
    const existing = this.members.get(memberId)
    if (existing !== undefined) {
      this.#release(memberId, existing.assigned)
      this.#release(memberId, existing.pendingRevocation)
    }
    if (current === null) {
      if (existing !== undefined) this.members.set(memberId, { ...existing, ...NEW_CURRENT_TASKS, memberEpoch: LEAVE_EPOCH, previousMemberEpoch: LEAVE_EPOCH })
      return
    }
    this.members.set(memberId, { ...(existing ?? newStreamsMember(memberId)), ...current })
    this.#own(memberId, current.assigned)
    this.#own(memberId, current.pendingRevocation)
  }

  replayTarget(memberId: string, target: Tasks | null): void {
    if (target === null) this.target.delete(memberId)
    else this.target.set(memberId, target)
  }

  #own(memberId: string, tasks: OwnedTasks): void {
    for (const key of keysOf(tasks.active)) this.#activeOwners.set(key, memberId)
    for (const kind of TASK_KINDS) {
      for (const key of keysOf(tasks[kind])) {
        const holders = this.#holders.get(key)
        if (holders === undefined) this.#holders.set(key, new Set([memberId]))
        else holders.add(memberId)
      }
    }
  }

  #release(memberId: string, tasks: OwnedTasks): void {
    for (const key of keysOf(tasks.active)) if (this.#activeOwners.get(key) === memberId) this.#activeOwners.delete(key)
    for (const kind of TASK_KINDS) {
      for (const key of keysOf(tasks[kind])) {
        const holders = this.#holders.get(key)
        if (holders?.delete(memberId) === true && holders.size === 0) this.#holders.delete(key)
      }
    }
  }

  // ---- what offsets ask ----

  validateOffsetCommit({ memberId, generationIdOrMemberEpoch: epoch }: Committer, committed: readonly { topicId: Uuid; topic: string; partition: number }[]): ErrorName {
    if (epoch < 0 && this.isEmpty()) return 'NONE'
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (epoch === member.memberEpoch) return 'NONE'
    if (epoch > member.memberEpoch) return 'STALE_MEMBER_EPOCH'
    // KIP-1251: an epoch that the member had when it already ran the task is as good as the current one.
    return committed.every(({ topic, partition }) => this.#runsSince(member, topic, partition, epoch)) ? 'NONE' : 'STALE_MEMBER_EPOCH'
  }

  #runsSince({ assigned, pendingRevocation }: StreamsMember, topic: string, partition: number, epoch: number): boolean {
    const subtopology = this.topology?.subtopologies.find(({ sourceTopics, repartitionSourceTopics }) => sourceTopics.includes(topic) || repartitionSourceTopics.some(({ name }) => name === topic))
    if (subtopology === undefined) return false
    const id = subtopologyKey(subtopology.subtopologyId)
    const since = ownedOf(assigned.active, id).get(partition) ?? ownedOf(pendingRevocation.active, id).get(partition)
    return since !== undefined && epoch >= since
  }

  validateOffsetFetch(memberId: string, memberEpoch: number): ErrorName {
    if (memberId === '' && memberEpoch < 0) return 'NONE'
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return memberEpoch === member.memberEpoch ? 'NONE' : 'STALE_MEMBER_EPOCH'
  }

  validateOffsetDelete(): ErrorName { return 'NONE' }

  validateDelete(): ErrorName { return this.isEmpty() ? 'NONE' : 'NON_EMPTY_GROUP' }

  isSubscribedToTopic(topic: string): boolean {
    return !this.isEmpty() && this.topology !== null && topologyTopics(this.topology).has(topic)
  }

  retentionStartMs(offset: CommittedOffset): number { return offset.commitTimestampMs }

  tombstones(): CoordinatorRecord[] {
    return [...[...this.members.keys()].flatMap((memberId) => streamsMemberTombstones(this.groupId, memberId)), ...streamsGroupTombstones(this.groupId)]
  }
}

function keyOf(subtopologyId: string, partition: number): string {
  return `${partition}-${subtopologyId}`
}

function keysOf(tasks: Assignment | OwnedPartitions): string[] {
  return [...tasks].flatMap(([subtopologyId, partitions]) => [...partitions.keys()].map((partition) => keyOf(subtopologyId, partition)))
}
