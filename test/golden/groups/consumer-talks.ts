// Talks of members of the consumer protocol (KIP-848). Besides the settings of the classic talks both sides have
// group.consumer.session.timeout.ms=1000 and group.consumer.heartbeat.interval.ms=100, with the least values of both as low.

import type { RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { encodeRecordBody } from '../../../src/protocol/codec.ts'
import type { Talk, Talker } from '../../support/group-talk.ts'

type Beat = Partial<RequestOf<'ConsumerGroupHeartbeat'>> & { version?: number }
type Beaten = ResponseOf<'ConsumerGroupHeartbeat'>

function beat(talker: Talker, step: string, memberId: string, memberEpoch: number, { version = 1, ...body }: Beat = {}): Promise<Beaten> {
  return talker.send(step, 'ConsumerGroupHeartbeat', version, { groupId: talker.groupId, memberId, memberEpoch, ...body })
}

const joining = (names: string[] | null = ['alpha'], body: Beat = {}): Beat => ({ rebalanceTimeoutMs: 2_000, subscribedTopicNames: names, topicPartitions: [], ...body })
const join = (talker: Talker, who: string, body: Beat = joining()): Promise<Beaten> => beat(talker, `${who} joins`, who, 0, body)
const describe = (talker: Talker, step: string): Promise<ResponseOf<'ConsumerGroupDescribe'>> =>
  talker.send(step, 'ConsumerGroupDescribe', 1, { groupIds: [talker.groupId], includeAuthorizedOperations: true })
const owning = (talker: Talker, name: string, partitions: number[]): Beat => ({ topicPartitions: partitions.length === 0 ? [] : [{ topicId: talker.topicId(name), partitions }] })

function commit(talker: Talker, step: string, memberId: string, epoch: number, version = 9, partitionIndex = 0): Promise<ResponseOf<'OffsetCommit'>> {
  const topic = version >= 10 ? { topicId: talker.topicId('alpha') } : { name: 'alpha' }
  return talker.send(step, 'OffsetCommit', version, {
    groupId: talker.groupId, memberId, generationIdOrMemberEpoch: epoch, groupInstanceId: null,
    topics: [{ ...topic, partitions: [{ partitionIndex, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }] }],
  })
}
const fetch = (talker: Talker, step: string, memberId: string | null, memberEpoch: number): Promise<ResponseOf<'OffsetFetch'>> =>
  talker.send(step, 'OffsetFetch', 9, { groups: [{ groupId: talker.groupId, memberId, memberEpoch, topics: null }] })

function subscription(topics: string[], owned: { topic: string; partitions: number[] }[] = [], version = 3): Uint8Array {
  return Buffer.concat([Buffer.from([0, version]), encodeRecordBody('ConsumerProtocolSubscription', version, { topics, ownedPartitions: owned, generationId: -1 })])
}
function joinClassic(talker: Talker, step: string, memberId: string, body: Partial<RequestOf<'JoinGroup'>> = {}): Promise<ResponseOf<'JoinGroup'>> {
  return talker.send(step, 'JoinGroup', 9, {
    groupId: talker.groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 2_000, memberId, protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription(['alpha']) }], ...body,
  })
}
function syncClassic(talker: Talker, step: string, memberId: string, generationId: number, assignments: RequestOf<'SyncGroup'>['assignments'] = []): Promise<ResponseOf<'SyncGroup'>> {
  return talker.send(step, 'SyncGroup', 5, { groupId: talker.groupId, memberId, generationId, groupInstanceId: null, protocolType: 'consumer', protocolName: 'range', assignments })
}
const beatClassic = (talker: Talker, step: string, memberId: string, generationId: number): Promise<ResponseOf<'Heartbeat'>> =>
  talker.send(step, 'Heartbeat', 4, { groupId: talker.groupId, memberId, generationId })
function classicAssignment(partitions: number[]): Uint8Array {
  return Buffer.concat([Buffer.from([0, 3]), encodeRecordBody('ConsumerProtocolAssignment', 3, { assignedPartitions: [{ topic: 'alpha', partitions }], userData: null })])
}

/** A Stable classic group of one member with all of alpha. */
async function classicGroup(talker: Talker): Promise<{ memberId: string; generationId: number }> {
  const { memberId } = await joinClassic(talker, 'c asks for an id', '')
  const joined = joinClassic(talker, 'c joins', memberId)
  await talker.pass(400)
  const { generationId } = await joined
  await syncClassic(talker, 'c syncs', memberId, generationId, [{ memberId, assignment: classicAssignment([0, 1, 2, 3]) }])
  return { memberId, generationId }
}

export const CONSUMER_TALKS: readonly Talk[] = [
  {
    name: 'refused-beats',
    run: async (talker) => {
      await join(talker, 'a', joining(['alpha'], { groupId: '' }))
      await join(talker, 'a', joining(['alpha'], { instanceId: '' }))
      await join(talker, 'a', joining(['alpha'], { rackId: '' }))
      await beat(talker, 'no member id', '', 0, joining())
      await beat(talker, 'no member id later, version 0', '', 3, { version: 0 })
      await join(talker, 'a', joining(['alpha'], { rebalanceTimeoutMs: -1 }))
      await join(talker, 'a', joining(['alpha'], { topicPartitions: null }))
      await join(talker, 'a', joining(['alpha'], owning(talker, 'alpha', [0])))
      await join(talker, 'a', joining(null))
      await join(talker, 'a', joining([]))
      await join(talker, 'a', joining([], { subscribedTopicRegex: '' }))
      await join(talker, 'a', joining(['alpha'], { serverAssignor: 'mine' }))
      await join(talker, 'a', joining(null, { subscribedTopicRegex: '(' }))
      await beat(talker, 'an epoch that is none', 'a', -3)
      await beat(talker, 'a static leave without instance', 'a', -2)
      await beat(talker, 'no group', 'a', 2, { groupId: 'nobody' })
      await beat(talker, 'leaves no group', 'a', -1, { groupId: 'nobody' })
      await talker.send('describe nothing', 'ConsumerGroupDescribe', 1, { groupIds: ['', 'nobody'], includeAuthorizedOperations: true })
    },
  },
  {
    name: 'one-consumer',
    run: async (talker) => {
      await join(talker, 'a')
      await describe(talker, 'stable')
      await beat(talker, 'beats', 'a', 2)
      await beat(talker, 'beats in full', 'a', 2, { ...joining(), ...owning(talker, 'alpha', [0, 1, 2, 3]) })
      await beat(talker, 'beats with a future epoch', 'a', 3)
      await beat(talker, 'a stranger beats', 'z', 2)
      await beat(talker, 'subscribes to more', 'a', 2, { subscribedTopicNames: ['beta', 'alpha', 'nowhere'] })
      await describe(talker, 'with more')
      await beat(talker, 'beats with the epoch before and all it had', 'a', 2, owning(talker, 'alpha', [0, 1, 2, 3]))
      await beat(talker, 'beats with the epoch before and says nothing', 'a', 2)
      await commit(talker, 'commits', 'a', 3)
      await commit(talker, 'commits for the epoch before', 'a', 2)
      await commit(talker, 'commits a partition it got since for the epoch before', 'a', 2, 9, 0)
      await commit(talker, 'commits for a future epoch', 'a', 4)
      await commit(talker, 'commits as of version 8', 'a', 3, 8)
      await commit(talker, 'a stranger commits', 'z', 3)
      await commit(talker, 'an administrator commits', '', -1)
      await fetch(talker, 'fetches', 'a', 3)
      await fetch(talker, 'fetches for the epoch before', 'a', 2)
      await fetch(talker, 'a stranger fetches', 'z', 3)
      await fetch(talker, 'an administrator fetches', null, -1)
      await talker.send('classic description', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await talker.send('delete offsets', 'OffsetDelete', 0, { groupId: talker.groupId, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0 }] }, { name: 'gamma', partitions: [{ partitionIndex: 0 }] }] })
      await talker.send('delete the group with members', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await beat(talker, 'subscribes to less', 'a', 3, { subscribedTopicNames: ['beta'] })
      await beat(talker, 'still has all', 'a', 3, { topicPartitions: [{ topicId: talker.topicId('alpha'), partitions: [0, 1] }] })
      await describe(talker, 'giving up')
      await beat(talker, 'has given up', 'a', 3, owning(talker, 'beta', [0, 1]))
      await beat(talker, 'joins again with its id', 'a', 0, joining())
      await beat(talker, 'leaves', 'a', -1)
      await beat(talker, 'beats after it left', 'a', 4)
      await describe(talker, 'empty')
      await commit(talker, 'an administrator commits to the empty group', '', -1)
      await talker.send('delete the group', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await describe(talker, 'gone')
    },
  },
  {
    name: 'old-consumer',
    run: async (talker) => {
      const { memberId } = await beat(talker, 'joins as of version 0', '', 0, joining(['alpha'], { version: 0 }))
      await beat(talker, 'beats', memberId ?? '', 2, { version: 0 })
      await talker.send('description of version 0', 'ConsumerGroupDescribe', 0, { groupIds: [talker.groupId] })
    },
  },
  {
    name: 'two-consumers',
    run: async (talker) => {
      await join(talker, 'a')
      await join(talker, 'b')
      await describe(talker, 'b waits')
      await beat(talker, 'a is told to give up', 'a', 2, owning(talker, 'alpha', [0, 1, 2, 3]))
      await beat(talker, 'b still waits', 'b', 3)
      await beat(talker, 'a has not yet', 'a', 2, owning(talker, 'alpha', [0, 1, 2, 3]))
      await commit(talker, 'a commits what it gives up', 'a', 2, 9, 3)
      await beat(talker, 'a says nothing of what it has', 'a', 2)
      await beat(talker, 'a has given up', 'a', 2, owning(talker, 'alpha', [0, 1]))
      await describe(talker, 'b can go on')
      await beat(talker, 'b gets the rest', 'b', 3, owning(talker, 'alpha', []))
      await beat(talker, 'b confirms', 'b', 3, owning(talker, 'alpha', [2, 3]))
      await describe(talker, 'stable')
      await commit(talker, 'b commits', 'b', 3, 10, 2)
      await join(talker, 'c')
      await beat(talker, 'a after c', 'a', 3)
      await beat(talker, 'b after c', 'b', 3)
      await beat(talker, 'b leaves', 'b', -1)
      await describe(talker, 'without b')
      await beat(talker, 'a after b', 'a', 3, owning(talker, 'alpha', [0, 1]))
      await beat(talker, 'c after b', 'c', 4, owning(talker, 'alpha', []))
      await beat(talker, 'a goes on', 'a', 5, owning(talker, 'alpha', [0, 1]))
      await beat(talker, 'c goes on', 'c', 5, owning(talker, 'alpha', []))
      await describe(talker, 'a and c')
    },
  },
  {
    name: 'range-consumers',
    run: async (talker) => {
      await join(talker, 'a', joining(['alpha', 'beta'], { serverAssignor: 'range' }))
      await join(talker, 'b', joining(['alpha'], { serverAssignor: 'range' }))
      await join(talker, 'c', joining(['alpha', 'beta'], { instanceId: 'i', serverAssignor: 'uniform' }))
      await describe(talker, 'ranges')
    },
  },
  {
    name: 'unlike-consumers',
    run: async (talker) => {
      await join(talker, 'a', joining(['alpha', 'beta', 'gamma']))
      await join(talker, 'b', joining(['alpha']))
      await describe(talker, 'unlike')
    },
  },
  {
    name: 'consumer-sessions',
    run: async (talker) => {
      await join(talker, 'a')
      await join(talker, 'b')
      await talker.pass(600)
      await beat(talker, 'b beats', 'b', 3)
      await talker.pass(600)
      await beat(talker, 'a is out', 'a', 2)
      await beat(talker, 'b gets all', 'b', 3, owning(talker, 'alpha', []))
      await describe(talker, 'b alone')
    },
  },
  {
    name: 'rebalance-deadline',
    run: async (talker) => {
      await join(talker, 'a', joining(['alpha'], { rebalanceTimeoutMs: 500 }))
      await join(talker, 'b')
      await beat(talker, 'a is told to give up', 'a', 2, owning(talker, 'alpha', [0, 1, 2, 3]))
      await talker.pass(300)
      await beat(talker, 'a does not', 'a', 2, owning(talker, 'alpha', [0, 1, 2, 3]))
      await beat(talker, 'b waits', 'b', 3)
      await talker.pass(400)
      await beat(talker, 'a is out', 'a', 2)
      await beat(talker, 'b gets all', 'b', 3, owning(talker, 'alpha', []))
    },
  },
  {
    name: 'static-consumers',
    run: async (talker) => {
      const instance = { instanceId: 'one' }
      await join(talker, 'a', joining(['alpha'], instance))
      await join(talker, 'b', joining(['alpha'], instance))
      await beat(talker, 'a stranger with the instance', 'b', 2, instance)
      await beat(talker, 'an unknown instance', 'a', 2, { instanceId: 'two' })
      await beat(talker, 'a goes for a while', 'a', -2, instance)
      await describe(talker, 'a has gone for a while')
      await beat(talker, 'a beats', 'a', 2, instance)
      await join(talker, 'b', joining(['alpha'], instance))
      await describe(talker, 'b is in its place')
      await beat(talker, 'a beats again', 'a', 2, instance)
      await beat(talker, 'a beats without its instance', 'a', 2)
      await beat(talker, 'b beats', 'b', 2, instance)
      await beat(talker, 'a leaves', 'a', -1, instance)
      await beat(talker, 'b leaves for good', 'b', -1, instance)
      await describe(talker, 'empty')
    },
  },
  {
    name: 'static-consumers-out',
    run: async (talker) => {
      const instance = { instanceId: 'one' }
      await join(talker, 'a', joining(['alpha'], instance))
      await beat(talker, 'a goes for a while', 'a', -2, instance)
      await talker.pass(1_300)
      await describe(talker, 'a was too long away')
    },
  },
  {
    name: 'full-group',
    run: async (talker) => {
      await join(talker, 'a', joining(['nowhere']))
      await describe(talker, 'nothing to read')
      await beat(talker, 'a beats', 'a', 2)
    },
  },
  {
    name: 'upgrade',
    run: async (talker) => {
      const { memberId, generationId } = await classicGroup(talker)
      await join(talker, 'a', joining())
      await describe(talker, 'moved up')
      await talker.send('listed', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await beatClassic(talker, 'c is called', memberId, generationId)
      await beatClassic(talker, 'c beats for another generation', memberId, generationId + 5)
      await syncClassic(talker, 'c syncs too early', memberId, generationId)
      const c = await joinClassic(talker, 'c joins with all', memberId, { protocols: [{ name: 'range', metadata: subscription(['alpha'], [{ topic: 'alpha', partitions: [0, 1, 2, 3] }]) }] })
      await syncClassic(talker, 'c syncs', memberId, c.generationId)
      await beatClassic(talker, 'c is called again', memberId, c.generationId)
      const c2 = await joinClassic(talker, 'c joins with less', memberId, { protocols: [{ name: 'range', metadata: subscription(['alpha'], [{ topic: 'alpha', partitions: [2, 3] }]) }] })
      await syncClassic(talker, 'c syncs again', memberId, c2.generationId)
      await beatClassic(talker, 'c beats', memberId, c2.generationId)
      await beat(talker, 'a gets its part', 'a', 2, owning(talker, 'alpha', []))
      await describe(talker, 'both')
      await commit(talker, 'c commits', memberId, c2.generationId)
      await commit(talker, 'c commits for another generation', memberId, generationId + 7)
      await joinClassic(talker, 'd cannot join', '', { protocols: [{ name: 'sticky', metadata: subscription(['alpha']) }] })
      await joinClassic(talker, 'd is of another type', '', { protocolType: 'connect' })
      await joinClassic(talker, 'd asks for an id', '')
      await beat(talker, 'a leaves', 'a', -1)
      await talker.send('moved back', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await describe(talker, 'no consumer group any more')
      await beatClassic(talker, 'c is called to the classic group', memberId, c2.generationId)
      await talker.pass(100)
      const c3 = await joinClassic(talker, 'c joins the classic group', memberId)
      await syncClassic(talker, 'c leads', memberId, c3.generationId, [{ memberId, assignment: classicAssignment([0]) }])
      await talker.send('stable', 'DescribeGroups', 6, { groups: [talker.groupId] })
    },
  },
  {
    name: 'upgrade-empty',
    run: async (talker) => {
      await commit(talker, 'offsets alone', '', -1)
      await join(talker, 'a')
      await fetch(talker, 'offsets stay', null, -1)
      await beat(talker, 'a leaves', 'a', -1)
      await describe(talker, 'empty')
      await classicGroup(talker)
      await talker.send('classic again', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await fetch(talker, 'offsets still stay', null, -1)
    },
  },
  {
    name: 'no-upgrade',
    run: async (talker) => {
      const worker = { protocolType: 'connect', protocols: [{ name: 'range', metadata: Buffer.from([1]) }] }
      const { memberId } = await joinClassic(talker, 'a worker asks for an id', '', worker)
      const joined = joinClassic(talker, 'a worker joins', memberId, worker)
      await talker.pass(400)
      await joined
      await join(talker, 'a')
    },
  },
  {
    name: 'classic-leaves',
    run: async (talker) => {
      const { memberId } = await classicGroup(talker)
      await join(talker, 'a')
      await talker.send('c leaves', 'LeaveGroup', 5, { groupId: talker.groupId, members: [{ memberId, groupInstanceId: null, reason: null }, { memberId: 'a', groupInstanceId: null, reason: null }, { memberId: 'z', groupInstanceId: null, reason: null }] })
      await describe(talker, 'a alone')
      await beat(talker, 'a gets all', 'a', 2, owning(talker, 'alpha', []))
    },
  },
]
