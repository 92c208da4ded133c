import type { ApiCaller } from '../../broker/api.ts'
import type { Group, GroupOffset, GroupSummary, ResetOffset } from '../schemas/groups.ts'
import { findOffsets, groupByTopic, LATEST, partitionKey } from './offsets.ts'
import { expectNoError, jsonInteger } from './outcome.ts'

/** A share group and its members. Throws GROUP_ID_NOT_FOUND. */
export async function describeShareGroup(caller: ApiCaller, summary: GroupSummary): Promise<Omit<Group, 'offsets' | 'lag' | 'coordinator'>> {
  const response = await caller.call('ShareGroupDescribe', { groupIds: [summary.groupId] })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, group?.errorMessage, `group ${summary.groupId}`)
  return {
    ...summary,
    state: group!.groupState,
    assignor: group!.assignorName,
    epoch: group!.groupEpoch,
    members: group!.members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: null,
      clientId: member.clientId,
      host: member.clientHost,
      memberEpoch: member.memberEpoch,
      assignment: member.assignment.topicPartitions.map(({ topicName, partitions }) => ({ topic: topicName, partitions })),
    })),
  }
}

/** Where the group is in each partition that it has begun to read: all before the offset is done with. Several members may read one, so none is named. */
export async function describeShareOffsets(caller: ApiCaller, groupId: string): Promise<GroupOffset[]> {
  const response = await caller.call('DescribeShareGroupOffsets', { groups: [{ groupId, topics: null }] })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, group?.errorMessage, `offsets of group ${groupId}`)
  const partitions = group!.topics.flatMap(({ topicName, partitions: listed }) => listed.map(({ partitionIndex, startOffset, lag }) => ({ topic: topicName, partition: partitionIndex, startOffset, recordLag: lag })))
  const ends = await findOffsets(caller, partitions.map(({ topic, partition }) => ({ topic, partition, timestampMs: LATEST })))
  const endByKey = new Map(ends.map(end => [partitionKey(end.topic, end.partition), end.offset]))
  return partitions.map(({ topic, partition, startOffset, recordLag }): GroupOffset => {
    const logEndOffset = endByKey.get(partitionKey(topic, partition)) ?? null
    return {
      topic,
      partition,
      committedOffset: startOffset < 0n ? null : jsonInteger(startOffset),
      logEndOffset: logEndOffset === null ? null : jsonInteger(logEndOffset),
      lag: recordLag < 0n ? null : jsonInteger(recordLag),
      lagSeconds: null,
      metadata: '',
      memberId: null,
      clientId: null,
      host: null,
    }
  }).sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** Sets where the group begins in these partitions; what was before is done with. Throws NON_EMPTY_GROUP while it has members. */
export async function alterShareOffsets(caller: ApiCaller, groupId: string, offsets: readonly ResetOffset[]): Promise<void> {
  const topics = groupByTopic(offsets, ({ partition, newOffset }) => ({ partitionIndex: partition, startOffset: BigInt(newOffset) }))
  const response = await caller.call('AlterShareGroupOffsets', { groupId, topics: topics.map(({ topic, partitions }) => ({ topicName: topic, partitions })) })
  expectNoError(response.errorCode, response.errorMessage, `group ${groupId}`)
  for (const { topicName, partitions } of response.responses) {
    for (const { partitionIndex, errorCode, errorMessage } of partitions) expectNoError(errorCode, errorMessage, `group ${groupId}, partition ${topicName}-${partitionIndex}`)
  }
}
