// A group as tools and metrics see it: who is in it, and how far it has come.

import { decodeRecordBody, MalformedMessage } from '../protocol/codec.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { namedPartitions } from './consumer/consumer-description.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import type { Group, GroupType } from './group.ts'
import type { OffsetStore } from './offsets/offset-store.ts'
import { ShareGroup } from './share/share-group.ts'
import { SIMPLE_ASSIGNOR_NAME } from './share/simple-assignor.ts'
import { StreamsGroup } from './streams/streams-group.ts'
import { toTaskIds } from './streams/tasks.ts'
import { inputTopics } from './streams/topology.ts'
import type { TopicLookup } from './topic-lookup.ts'

export type GroupMemberSummary = {
  memberId: string
  groupInstanceId: string | null
  clientId: string
  clientHost: string
  /** Partitions it reads; empty where its protocol does not tell. */
  assignment: { topic: string; partitions: number[] }[]
}
export type GroupOffsetSummary = { topic: string; partition: number; offset: bigint; leaderEpoch: number; metadata: string; commitTimestampMs: number }
export type GroupSummary = {
  groupId: string
  type: GroupType
  state: string
  protocolType: string
  /** The assignment strategy in use, null for none. */
  protocolName: string | null
  /** Generation or group epoch. */
  epoch: number
  members: GroupMemberSummary[]
  offsets: GroupOffsetSummary[]
}

export function summarizeGroup(group: Group, store: OffsetStore, topics: TopicLookup): GroupSummary {
  const { groupId, type, state, protocolType } = group
  const offsets: GroupOffsetSummary[] = []
  for (const [topic, partitions] of store.ofGroup(groupId) ?? []) {
    for (const [partition, { offset, leaderEpoch, metadata, commitTimestampMs }] of partitions) offsets.push({ topic, partition, offset, leaderEpoch, metadata, commitTimestampMs })
  }
  return { groupId, type, state, protocolType, ...membersOf(group, topics), offsets }
}

function membersOf(group: Group, topics: TopicLookup): Pick<GroupSummary, 'protocolName' | 'epoch' | 'members'> {
  if (group instanceof ConsumerGroup) return membersOfConsumerGroup(group, topics)
  if (group instanceof StreamsGroup) return membersOfStreamsGroup(group)
  if (group instanceof ShareGroup) return membersOfShareGroup(group, topics)
  if (!(group instanceof ClassicGroup)) return { protocolName: null, epoch: 0, members: [] }
  const members = [...group.members.values()].map(({ memberId, groupInstanceId, clientId, clientHost, assignment }) => ({
    memberId, groupInstanceId, clientId, clientHost,
    assignment: group.usesConsumerProtocol() ? readAssignment(assignment) : [],
  }))
  return { protocolName: group.protocolName, epoch: group.generationId, members }
}

function membersOfConsumerGroup(group: ConsumerGroup, topics: TopicLookup): Pick<GroupSummary, 'protocolName' | 'epoch' | 'members'> {
  const members = [...group.members.values()].map(({ memberId, instanceId, clientId, clientHost, assigned }) => ({
    memberId, groupInstanceId: instanceId, clientId, clientHost,
    assignment: namedPartitions(assigned, topics).map(({ topicName, partitions }) => ({ topic: topicName, partitions })),
  }))
  return { protocolName: null, epoch: group.groupEpoch, members }
}

/** A task reads its partition of each of the subtopology's input topics. */
function membersOfStreamsGroup(group: StreamsGroup): Pick<GroupSummary, 'protocolName' | 'epoch' | 'members'> {
  const inputs = new Map(group.topology?.subtopologies.map((subtopology) => [subtopology.subtopologyId, inputTopics(subtopology)]))
  const members = [...group.members.values()].map(({ memberId, instanceId, clientId, clientHost, assigned }) => ({
    memberId, groupInstanceId: instanceId, clientId, clientHost,
    assignment: toTaskIds(assigned.active).flatMap(({ subtopologyId, partitions }) => (inputs.get(subtopologyId) ?? []).map((topic) => ({ topic, partitions }))),
  }))
  return { protocolName: null, epoch: group.groupEpoch, members }
}

function membersOfShareGroup(group: ShareGroup, topics: TopicLookup): Pick<GroupSummary, 'protocolName' | 'epoch' | 'members'> {
  const members = [...group.members.values()].map(({ memberId, clientId, clientHost, assigned }) => ({
    memberId, groupInstanceId: null, clientId, clientHost,
    assignment: namedPartitions(assigned, topics).map(({ topicName, partitions }) => ({ topic: topicName, partitions })),
  }))
  return { protocolName: SIMPLE_ASSIGNOR_NAME, epoch: group.groupEpoch, members }
}

/** An assignment of the consumer protocol; all later versions start with version 0's fields. */
function readAssignment(assignment: Uint8Array): { topic: string; partitions: number[] }[] {
  if (assignment.length < 2) return []
  try {
    return decodeRecordBody('ConsumerProtocolAssignment', 0, assignment.subarray(2)).assignedPartitions
  } catch (error) {
    if (error instanceof MalformedMessage) return []
    throw error
  }
}
