import type { ApiCaller } from '../../broker/api.ts'
import { decodeRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Group, GroupMember, GroupOffset, GroupSummary } from '../schemas/groups.ts'
import { fetchGroupOffsets, type CommittedOffset } from './group-offsets.ts'
import { findOffsets, LATEST, partitionKey, type FoundOffset } from './offsets.ts'
import { expectNoError, jsonInteger } from './outcome.ts'
import { describeShareGroup, describeShareOffsets } from './share-groups.ts'
import { describeStreamsGroup } from './streams-groups.ts'

/** Tells how old the record at an offset is; null where it cannot be told. */
export type RecordAge = (topic: string, partition: number, offset: bigint) => Promise<number | null>

type GroupDescription = Omit<Group, 'offsets' | 'lag' | 'coordinator'>

/** Every group of the cluster, by id. */
export async function listGroups(caller: ApiCaller): Promise<GroupSummary[]> {
  const response = await caller.call('ListGroups', {})
  expectNoError(response.errorCode, null, 'groups')
  return response.groups
    .map(group => ({ groupId: group.groupId, type: titleCase(group.groupType || 'classic'), state: group.groupState, protocolType: group.protocolType }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** A group with its members and, for each partition it has committed or is assigned, offset and lag. Throws GROUP_ID_NOT_FOUND. */
export async function describeGroup(caller: ApiCaller, groupId: string, recordAge: RecordAge = async () => null): Promise<Group> {
  const summary = (await listGroups(caller)).find(group => group.groupId === groupId)
  if (summary === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `group ${groupId} does not exist`)
  const description = await describeMembers(caller, summary)
  const coordinator = await findCoordinator(caller, groupId)
  const offsets = summary.type === 'Share'
    ? await describeShareOffsets(caller, groupId)
    : await describeOffsets(caller, description.members, await fetchGroupOffsets(caller, groupId), recordAge)
  return { ...description, coordinator, offsets, lag: offsets.reduce((sum, { lag }) => sum + (lag ?? 0), 0) }
}

export async function deleteGroups(caller: ApiCaller, groupIds: readonly string[]): Promise<void> {
  const response = await caller.call('DeleteGroups', { groupsNames: [...groupIds] })
  for (const result of response.results) expectNoError(result.errorCode, result.errorMessage, `group ${result.groupId}`)
}

export async function findCoordinator(caller: ApiCaller, groupId: string): Promise<number> {
  const response = await caller.call('FindCoordinator', { keyType: 0, coordinatorKeys: [groupId] })
  const [coordinator] = response.coordinators
  expectNoError(coordinator?.errorCode ?? -1, coordinator?.errorMessage, `coordinator of group ${groupId}`)
  return coordinator!.nodeId
}

function describeMembers(caller: ApiCaller, summary: GroupSummary): Promise<GroupDescription> {
  if (summary.type === 'Share') return describeShareGroup(caller, summary)
  if (summary.type === 'Streams') return describeStreamsGroup(caller, summary)
  return summary.type === 'Consumer' ? describeConsumerGroup(caller, summary) : describeClassicGroup(caller, summary)
}

async function describeClassicGroup(caller: ApiCaller, summary: GroupSummary): Promise<GroupDescription> {
  const response = await caller.call('DescribeGroups', { groups: [summary.groupId] })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, group?.errorMessage, `group ${summary.groupId}`)
  return {
    ...summary,
    state: group!.groupState,
    assignor: group!.protocolData,
    epoch: null,
    members: group!.members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      memberEpoch: null,
      assignment: summary.protocolType === 'consumer' ? decodeAssignment(member.memberAssignment) : [],
    })),
  }
}

async function describeConsumerGroup(caller: ApiCaller, summary: GroupSummary): Promise<GroupDescription> {
  const response = await caller.call('ConsumerGroupDescribe', { groupIds: [summary.groupId] })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, group?.errorMessage, `group ${summary.groupId}`)
  return {
    ...summary,
    state: group!.groupState,
    assignor: group!.assignorName,
    epoch: group!.groupEpoch,
    members: group!.members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost,
      memberEpoch: member.memberEpoch,
      assignment: member.assignment.topicPartitions.map(({ topicName, partitions }) => ({ topic: topicName, partitions })),
    })),
  }
}

/** Members choose what they send: an assignment that is not the consumer protocol's is shown as none. */
function decodeAssignment(bytes: Uint8Array): GroupMember['assignment'] {
  if (bytes.length === 0) return []
  try {
    return decodeRecord('ConsumerProtocolAssignment', bytes).assignedPartitions.map(({ topic, partitions }) => ({ topic, partitions }))
  } catch {
    return []
  }
}

async function describeOffsets(caller: ApiCaller, members: readonly GroupMember[], committed: readonly CommittedOffset[], recordAge: RecordAge): Promise<GroupOffset[]> {
  const owners = new Map(members.flatMap(member =>
    member.assignment.flatMap(({ topic, partitions }) => partitions.map(partition => [partitionKey(topic, partition), { member, topic, partition }]))))
  const committedByKey = new Map(committed.map(offset => [partitionKey(offset.topic, offset.partition), offset]))
  const partitions = [...committed, ...[...owners].filter(([key]) => !committedByKey.has(key)).map(([, owner]) => owner)]
  const ends = await findOffsets(caller, partitions.map(({ topic, partition }) => ({ topic, partition, timestampMs: LATEST })))
  const offsets = await Promise.all(ends.map(async end => {
    const key = partitionKey(end.topic, end.partition)
    return describeOffset(end, committedByKey.get(key), owners.get(key)?.member, recordAge)
  }))
  return offsets.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

async function describeOffset(end: FoundOffset, committed: CommittedOffset | undefined, member: GroupMember | undefined, recordAge: RecordAge): Promise<GroupOffset> {
  const { topic, partition } = end
  const position = committed?.offset ?? null
  const lag = position === null || end.offset === null ? null : end.offset > position ? end.offset - position : 0n
  return {
    topic,
    partition,
    committedOffset: position === null ? null : jsonInteger(position),
    logEndOffset: end.offset === null ? null : jsonInteger(end.offset),
    lag: lag === null ? null : jsonInteger(lag),
    lagSeconds: lag === null ? null : lag === 0n ? 0 : await recordAge(topic, partition, position!),
    metadata: committed?.metadata ?? '',
    memberId: member?.memberId ?? null,
    clientId: member?.clientId ?? null,
    host: member?.host ?? null,
  }
}

/** ListGroups says "consumer" or "Consumer" depending on the release. */
function titleCase(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1).toLowerCase()
}
