// Talks of members of share groups (KIP-932). Besides the settings of the other talks both sides have
// group.share.session.timeout.ms=1000 and group.share.heartbeat.interval.ms=100 (with the least values of both as low),
// group.share.assignment.interval.ms=0 and group.share.max.size=4. `__share_group_state` must be there: record twice.

import type { RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import type { Talk, Talker } from '../../support/group-talk.ts'

type Request = RequestOf<'ShareGroupHeartbeat'>

/** Long enough for the share coordinator to have initialized what a heartbeat has begun to read. */
const INITIALIZED_MS = 400

const beat = (talker: Talker, step: string, memberId: string, memberEpoch: number, body: Partial<Request> = {}): Promise<ResponseOf<'ShareGroupHeartbeat'>> =>
  talker.send(step, 'ShareGroupHeartbeat', 1, { groupId: talker.groupId, memberId, memberEpoch, rackId: null, subscribedTopicNames: null, ...body })
const join = (talker: Talker, who: string, names: string[] = ['alpha'], body: Partial<Request> = {}): Promise<ResponseOf<'ShareGroupHeartbeat'>> =>
  beat(talker, `${who} joins`, who, 0, { subscribedTopicNames: names, ...body })
const describe = (talker: Talker, step: string): Promise<ResponseOf<'ShareGroupDescribe'>> =>
  talker.send(step, 'ShareGroupDescribe', 1, { groupIds: [talker.groupId], includeAuthorizedOperations: true })
const listed = async (talker: Talker, step: string): Promise<void> => {
  await talker.send(step, 'DescribeShareGroupOffsets', 1, { groups: [{ groupId: talker.groupId, topics: null }] })
}
/** Joins and beats until the member has its partitions. */
async function settle(talker: Talker, who: string, names: string[] = ['alpha']): Promise<void> {
  await join(talker, who, names)
  await talker.pass(INITIALIZED_MS)
  await beat(talker, `${who} gets its partitions`, who, 2)
}

export const SHARE_TALKS: readonly Talk[] = [
  {
    name: 'refused-shares',
    run: async (talker) => {
      const other = { groupId: 'nobody' }
      await join(talker, 'a', ['alpha'], { groupId: '' })
      await beat(talker, 'no member id', '', 0, { subscribedTopicNames: ['alpha'] })
      await join(talker, 'a', ['alpha'], { rackId: '' })
      await join(talker, 'a', [])
      await beat(talker, 'joins without names', 'a', 0)
      await beat(talker, 'an epoch that is none', 'a', -2)
      await beat(talker, 'an epoch far below', 'a', -3)
      await beat(talker, 'no group', 'a', 2, other)
      await beat(talker, 'leaves no group', 'a', -1, other)
      await talker.send('describe nothing', 'ShareGroupDescribe', 1, { groupIds: ['', 'nobody'], includeAuthorizedOperations: true })
      await talker.send('offsets of nothing', 'DescribeShareGroupOffsets', 1, { groups: [{ groupId: 'nobody', topics: null }, { groupId: 'nobody', topics: [{ topicName: 'alpha', partitions: [0] }, { topicName: 'nowhere', partitions: [0] }] }] })
      await talker.send('offsets of no group', 'DescribeShareGroupOffsets', 0, { groups: [{ groupId: '', topics: null }] })
      await talker.send('alter no group', 'AlterShareGroupOffsets', 0, { groupId: '', topics: [] })
      await talker.send('delete offsets of no group', 'DeleteShareGroupOffsets', 0, { groupId: '', topics: [] })
      await talker.send('delete offsets of nobody', 'DeleteShareGroupOffsets', 0, { groupId: 'nobody', topics: [{ topicName: 'alpha' }] })
    },
  },
  {
    name: 'one-share',
    run: async (talker) => {
      await join(talker, 'a')
      await describe(talker, 'not initialized')
      await talker.pass(INITIALIZED_MS)
      await beat(talker, 'beats', 'a', 2)
      await describe(talker, 'stable')
      await beat(talker, 'with the epoch before', 'a', 2)
      await beat(talker, 'with names', 'a', 3, { subscribedTopicNames: ['alpha'] })
      await beat(talker, 'a future epoch', 'a', 5)
      await beat(talker, 'a stranger', 'z', 2)
      await beat(talker, 'a stranger leaves', 'z', -1)
      await beat(talker, 'joins again', 'a', 0, { subscribedTopicNames: ['alpha'] })
      await listed(talker, 'its offsets')
      await talker.send('as a classic group', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await talker.send('as a consumer group', 'ConsumerGroupDescribe', 1, { groupIds: [talker.groupId] })
      await talker.send('as a streams group', 'StreamsGroupDescribe', 0, { groupIds: [talker.groupId] })
      await talker.send('a consumer joins', 'ConsumerGroupHeartbeat', 1, { groupId: talker.groupId, memberId: 'c', memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['alpha'], topicPartitions: [] })
      await talker.send('a classic member asks for an id', 'JoinGroup', 9, { groupId: talker.groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array() }] })
      await talker.send('commits', 'OffsetCommit', 9, { groupId: talker.groupId, memberId: 'a', generationIdOrMemberEpoch: 3, groupInstanceId: null, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }] }] })
      await talker.send('an administrator commits', 'OffsetCommit', 9, { groupId: talker.groupId, memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: null, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }] }] })
      await talker.send('fetches offsets', 'OffsetFetch', 9, { groups: [{ groupId: talker.groupId, topics: null }] })
      await talker.send('deletes an offset', 'OffsetDelete', 0, { groupId: talker.groupId, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0 }] }] })
      await talker.send('delete the group with members', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await talker.send('alter its offsets with members', 'AlterShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName: 'alpha', partitions: [{ partitionIndex: 0, startOffset: 3n }] }] })
      await talker.send('delete its offsets with members', 'DeleteShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName: 'alpha' }] })
      await beat(talker, 'leaves', 'a', -1)
      await describe(talker, 'empty')
      await beat(talker, 'leaves again', 'a', -1)
      await talker.send('delete the group', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await describe(talker, 'gone')
      await listed(talker, 'no offsets')
    },
  },
  {
    name: 'subscriptions',
    run: async (talker) => {
      await settle(talker, 'a', ['gamma'])
      await beat(talker, 'adds a topic', 'a', 3, { subscribedTopicNames: ['gamma', 'beta', 'gamma'] })
      await talker.pass(INITIALIZED_MS)
      await beat(talker, 'has both', 'a', 4)
      await beat(talker, 'drops one', 'a', 5, { subscribedTopicNames: ['beta'] })
      await describe(talker, 'one left')
      await beat(talker, 'reads what is not there', 'a', 6, { subscribedTopicNames: ['nowhere'] })
      await beat(talker, 'reads nothing', 'a', 7, { subscribedTopicNames: [] })
      await describe(talker, 'nothing')
      await beat(talker, 'says where it is', 'a', 8, { rackId: 'here' })
      await describe(talker, 'somewhere')
    },
  },
  {
    name: 'many-members',
    run: async (talker) => {
      await settle(talker, 'a', ['gamma'])
      await join(talker, 'b', ['gamma'])
      await join(talker, 'c', ['gamma'])
      await beat(talker, 'a beats', 'a', 3)
      await describe(talker, 'all have the same')
      await join(talker, 'd', ['gamma'])
      await join(talker, 'e', ['gamma'])
      await beat(talker, 'a is too late for an epoch', 'a', 2)
      await beat(talker, 'b leaves', 'b', -1)
      await beat(talker, 'a beats', 'a', 5)
      await describe(talker, 'three are left')
      await talker.pass(600)
      await beat(talker, 'a beats', 'a', 7)
      await talker.pass(600)
      await describe(talker, 'the others are out')
      await talker.send('beats in time', 'ShareGroupHeartbeat', 1, { groupId: talker.groupId, memberId: 'a', memberEpoch: 7 })
    },
  },
  {
    name: 'share-offsets',
    run: async (talker) => {
      const alter = (step: string, topicName: string, partitions: [number, bigint][]): Promise<ResponseOf<'AlterShareGroupOffsets'>> =>
        talker.send(step, 'AlterShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName, partitions: partitions.map(([partitionIndex, startOffset]) => ({ partitionIndex, startOffset })) }] })
      const remove = (step: string, topicName: string): Promise<ResponseOf<'DeleteShareGroupOffsets'>> =>
        talker.send(step, 'DeleteShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName }] })
      await alter('of a group that is not there yet', 'gamma', [[0, 0n]])
      await describe(talker, 'an empty group')
      await listed(talker, 'set')
      await alter('of what is not there', 'nowhere', [[0, 0n]])
      await alter('of a partition that is not there', 'gamma', [[0, 0n], [7, 1n]])
      await talker.send('one by one', 'DescribeShareGroupOffsets', 0, { groups: [{ groupId: talker.groupId, topics: [{ topicName: 'gamma', partitions: [0, 7] }, { topicName: 'alpha', partitions: [1] }] }] })
      await join(talker, 'a', ['gamma', 'beta'])
      await describe(talker, 'has what was set')
      await talker.pass(INITIALIZED_MS)
      await beat(talker, 'has all', 'a', 2)
      await listed(talker, 'some set')
      await beat(talker, 'leaves', 'a', -1)
      await remove('what is not there', 'nowhere')
      await remove('what it never read', 'alpha')
      await remove('one topic', 'gamma')
      await listed(talker, 'one left')
      await remove('one topic again', 'gamma')
      await join(talker, 'a', ['gamma', 'beta'])
      await talker.pass(INITIALIZED_MS)
      await listed(talker, 'both again')
    },
  },
  {
    name: 'kinds-of-groups',
    run: async (talker) => {
      await talker.send('offsets alone', 'OffsetCommit', 9, { groupId: talker.groupId, memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: null, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }] }] })
      await join(talker, 'a')
      await beat(talker, 'a beats', 'a', 1)
      await beat(talker, 'a leaves', 'a', -1)
      await describe(talker, 'not a share group')
      await talker.send('alter', 'AlterShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName: 'alpha', partitions: [{ partitionIndex: 0, startOffset: 3n }] }] })
      await talker.send('delete offsets', 'DeleteShareGroupOffsets', 0, { groupId: talker.groupId, topics: [{ topicName: 'alpha' }] })
      await listed(talker, 'offsets')
    },
  },
]
