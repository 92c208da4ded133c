// Talks of classic members with their coordinator. The settings of both sides: group.initial.rebalance.delay.ms=300,
// group.min.session.timeout.ms=100, group.max.size=4.

import type { Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { encodeRecordBody } from '../../../src/protocol/codec.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import type { Talk, Talker } from '../../support/group-talk.ts'

const INITIAL_DELAY_MS = 300
const SETTLE_MS = 60
const UNKNOWN_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAZg' as Uuid

type Joining = Partial<RequestOf<'JoinGroup'>> & { version?: number }

const protocol = (name: string, metadata: Uint8Array = Buffer.from([0, 1])): RequestOf<'JoinGroup'>['protocols'][number] => ({ name, metadata })
const subscription = (topics: string[]): Uint8Array => Buffer.concat([Buffer.from([0, 0]), encodeRecordBody('ConsumerProtocolSubscription', 0, { topics })])

function join(talker: Talker, step: string, { version = 9, ...body }: Joining): Promise<ResponseOf<'JoinGroup'>> {
  return talker.send(step, 'JoinGroup', version, {
    groupId: talker.groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 2_000, memberId: '', groupInstanceId: null, protocolType: 'consumer', protocols: [protocol('range')], reason: null, ...body,
  })
}

/** Asks for a member id, then joins with it; the second join may be parked. */
async function enter(talker: Talker, who: string, joining: Joining = {}): Promise<{ memberId: string; joined: Promise<ResponseOf<'JoinGroup'>> }> {
  const { memberId } = await join(talker, `${who} asks for an id`, joining)
  return { memberId, joined: join(talker, `${who} joins`, { ...joining, memberId }) }
}

function sync(talker: Talker, step: string, memberId: string, generationId: number, assignments: Record<string, string> = {}, body: Partial<RequestOf<'SyncGroup'>> = {}, version = 5): Promise<ResponseOf<'SyncGroup'>> {
  return talker.send(step, 'SyncGroup', version, {
    groupId: talker.groupId, memberId, generationId, groupInstanceId: null, protocolType: 'consumer', protocolName: 'range',
    assignments: Object.entries(assignments).map(([id, assignment]) => ({ memberId: id, assignment: Buffer.from(assignment) })), ...body,
  })
}

const heartbeat = (talker: Talker, step: string, memberId: string, generationId: number, groupInstanceId: string | null = null): Promise<ResponseOf<'Heartbeat'>> =>
  talker.send(step, 'Heartbeat', 4, { groupId: talker.groupId, memberId, generationId, groupInstanceId })

const leave = (talker: Talker, step: string, memberId: string, groupInstanceId: string | null = null): Promise<ResponseOf<'LeaveGroup'>> =>
  talker.send(step, 'LeaveGroup', 5, { groupId: talker.groupId, members: [{ memberId, groupInstanceId, reason: null }] })

const describe = (talker: Talker, step: string): Promise<ResponseOf<'DescribeGroups'>> =>
  talker.send(step, 'DescribeGroups', 6, { groups: [talker.groupId], includeAuthorizedOperations: true })

function commit(talker: Talker, step: string, memberId: string, generation: number, offset: number, body: Partial<Encodable<RequestOf<'OffsetCommit'>>> = {}, version = 9): Promise<ResponseOf<'OffsetCommit'>> {
  return talker.send(step, 'OffsetCommit', version, {
    groupId: talker.groupId, memberId, generationIdOrMemberEpoch: generation, groupInstanceId: null,
    topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0, committedOffset: BigInt(offset), committedLeaderEpoch: 3, committedMetadata: 'here' }] }], ...body,
  })
}

const fetchAll = (talker: Talker, step: string, version = 9): Promise<ResponseOf<'OffsetFetch'>> =>
  talker.send(step, 'OffsetFetch', version, { groups: [{ groupId: talker.groupId, memberId: null, memberEpoch: -1, topics: null }], requireStable: true })

/** One member, Stable. */
async function single(talker: Talker, joining: Joining = {}): Promise<{ memberId: string; generationId: number }> {
  const { memberId, joined } = await enter(talker, 'a', joining)
  await talker.pass(INITIAL_DELAY_MS + SETTLE_MS)
  const { generationId } = await joined
  await sync(talker, 'a syncs', memberId, generationId, { [memberId]: 'for a' })
  return { memberId, generationId }
}

/** Two members, Stable; the first leads. */
async function pair(talker: Talker, joining: Joining = {}): Promise<{ a: string; b: string; generationId: number }> {
  const a = await enter(talker, 'a', joining)
  await talker.pass(SETTLE_MS)
  const b = await enter(talker, 'b', joining)
  await talker.pass(2 * INITIAL_DELAY_MS + SETTLE_MS)
  const { generationId } = await a.joined
  await b.joined
  const synced = sync(talker, 'b syncs', b.memberId, generationId)
  await talker.pass(SETTLE_MS)
  await sync(talker, 'a syncs', a.memberId, generationId, { [a.memberId]: 'for a', [b.memberId]: 'for b' })
  await synced
  return { a: a.memberId, b: b.memberId, generationId }
}

export const CLASSIC_TALKS: readonly Talk[] = [
  {
    name: 'one-member',
    run: async (talker) => {
      await describe(talker, 'before the group exists')
      const { memberId, generationId } = await single(talker)
      await describe(talker, 'stable')
      await heartbeat(talker, 'beats', memberId, generationId)
      await heartbeat(talker, 'beats for another generation', memberId, generationId + 1)
      await heartbeat(talker, 'a stranger beats', 'stranger', generationId)
      await sync(talker, 'syncs again', memberId, generationId)
      await sync(talker, 'syncs for another generation', memberId, generationId - 1)
      await sync(talker, 'syncs for another protocol', memberId, generationId, {}, { protocolName: 'sticky' })
      await sync(talker, 'syncs for another type', memberId, generationId, {}, { protocolType: 'connect' })
      await sync(talker, 'syncs without a protocol', memberId, generationId, {}, { protocolType: null, protocolName: null })
      await sync(talker, 'syncs as of version 2', memberId, generationId, {}, {}, 2)
      await talker.send('delete the group with members', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await leave(talker, 'leaves', memberId)
      await leave(talker, 'leaves again', memberId)
      await heartbeat(talker, 'beats after it left', memberId, generationId)
      await describe(talker, 'empty')
      await join(talker, 'joins with the old id', { memberId })
      await talker.send('delete the group', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await talker.send('delete the group again', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await describe(talker, 'gone')
      await talker.send('gone, as of version 5', 'DescribeGroups', 5, { groups: [talker.groupId], includeAuthorizedOperations: true })
    },
  },
  {
    name: 'refused-joins',
    run: async (talker) => {
      await join(talker, 'session too short', { sessionTimeoutMs: 50 })
      await join(talker, 'session too long', { sessionTimeoutMs: 2_000_000 })
      await join(talker, 'no group', { groupId: '' })
      await join(talker, 'unknown member', { memberId: 'stranger' })
      await join(talker, 'no protocol type', { protocolType: '' })
      await join(talker, 'no protocols', { protocols: [] })
      await join(talker, 'unknown static member', { memberId: 'stranger', groupInstanceId: 'static' })
      await talker.send('heartbeat without group', 'Heartbeat', 4, { groupId: '', memberId: 'x', generationId: 1, groupInstanceId: null })
      await talker.send('sync without group', 'SyncGroup', 5, { groupId: '', memberId: 'x', generationId: 1, groupInstanceId: null, protocolType: 'consumer', protocolName: 'range', assignments: [] })
      await talker.send('leave without group', 'LeaveGroup', 5, { groupId: '', members: [{ memberId: 'x', groupInstanceId: null, reason: null }] })
      await talker.send('leave an unknown group', 'LeaveGroup', 5, { groupId: talker.groupId, members: [{ memberId: 'x', groupInstanceId: null, reason: null }] })
      await talker.send('leave an unknown group, version 1', 'LeaveGroup', 1, { groupId: talker.groupId, memberId: 'x' })
      await sync(talker, 'sync to an unknown group', 'x', 1)
    },
  },
  {
    name: 'two-members',
    run: async (talker) => {
      const { a, b, generationId } = await pair(talker)
      await describe(talker, 'stable with two')
      // b joins again unchanged: told the same generation. a leads, so its joining again starts a rebalance.
      await join(talker, 'b joins again', { memberId: b })
      const again = join(talker, 'a joins again', { memberId: a })
      await talker.pass(SETTLE_MS)
      await heartbeat(talker, 'b beats meanwhile', b, generationId)
      await describe(talker, 'preparing')
      await sync(talker, 'b syncs meanwhile', b, generationId)
      await commit(talker, 'b commits meanwhile', b, generationId, 5)
      await join(talker, 'b joins, too', { memberId: b })
      await again
      await describe(talker, 'completing')
      await heartbeat(talker, 'b beats while the leader decides', b, generationId + 1)
      await commit(talker, 'b commits while the leader decides', b, generationId + 1, 6)
      await commit(talker, 'b commits for the old generation', b, generationId, 6)
      const waiting = sync(talker, 'b syncs', b, generationId + 1)
      await talker.pass(SETTLE_MS)
      const left = leave(talker, 'a leaves', a)
      await waiting
      await left
      await heartbeat(talker, 'b beats after the leader left', b, generationId + 1)
      await join(talker, 'b joins alone', { memberId: b })
      await sync(talker, 'b syncs alone', b, generationId + 2, { [b]: 'all' })
      await describe(talker, 'stable with one')
    },
  },
  {
    name: 'sessions',
    run: async (talker) => {
      const { a, b, generationId } = await pair(talker, { sessionTimeoutMs: 600, rebalanceTimeoutMs: 800 })
      await talker.pass(400)
      await heartbeat(talker, 'b beats', b, generationId)
      await talker.pass(400)
      await heartbeat(talker, 'a is out', a, generationId)
      await heartbeat(talker, 'b shall join again', b, generationId)
      await join(talker, 'b joins', { memberId: b, sessionTimeoutMs: 600, rebalanceTimeoutMs: 800 })
      // b leads now and does not sync: it is out when its session ends.
      await talker.pass(1_200)
      await heartbeat(talker, 'b is out, too', b, generationId + 1)
      await describe(talker, 'empty')
    },
  },
  {
    name: 'rebalance-timeout',
    run: async (talker) => {
      const { a, b, generationId } = await pair(talker, { rebalanceTimeoutMs: 500 })
      const joined = join(talker, 'a joins again', { memberId: a, rebalanceTimeoutMs: 500 })
      await talker.pass(250)
      await heartbeat(talker, 'b beats and does not join', b, generationId)
      await talker.pass(400)
      await joined
      await heartbeat(talker, 'b was left behind', b, generationId)
      await join(talker, 'b joins too late', { memberId: b })
      await describe(talker, 'without b')
    },
  },
  {
    name: 'sync-timeout',
    run: async (talker) => {
      const { a, b, generationId } = await pair(talker, { rebalanceTimeoutMs: 500 })
      const joined = join(talker, 'a joins again', { memberId: a, rebalanceTimeoutMs: 500 })
      await talker.pass(SETTLE_MS)
      await join(talker, 'b joins again', { memberId: b, rebalanceTimeoutMs: 500 })
      await joined
      await sync(talker, 'a syncs', a, generationId + 1, { [a]: 'some', [b]: 'others' })
      await talker.pass(700)
      await heartbeat(talker, 'b has never synced', b, generationId + 1)
      await heartbeat(talker, 'a shall join again', a, generationId + 1)
      await join(talker, 'a joins alone', { memberId: a, rebalanceTimeoutMs: 500 })
      await describe(talker, 'without b')
    },
  },
  {
    name: 'protocol-choice',
    run: async (talker) => {
      const { memberId: a, generationId } = await single(talker, { protocols: [protocol('sticky'), protocol('range')] })
      await join(talker, 'no protocol in common', { protocols: [protocol('mine')] })
      await join(talker, 'another type', { protocolType: 'connect', protocols: [protocol('range')] })
      const b = await enter(talker, 'b', { protocols: [protocol('range'), protocol('other')] })
      await talker.pass(SETTLE_MS)
      await heartbeat(talker, 'a is called', a, generationId)
      await join(talker, 'a joins', { memberId: a, protocols: [protocol('sticky'), protocol('range')] })
      await b.joined
      await describe(talker, 'completing')
    },
  },
  {
    name: 'group-size',
    run: async (talker) => {
      const members = []
      for (const who of ['a', 'b', 'c', 'd', 'e', 'f']) {
        const { memberId } = await join(talker, `${who} asks for an id`, {})
        members.push({ who, memberId })
        await talker.pass(10)
      }
      const joins = members.map(({ who, memberId }, index) => talker.pass(index * 10).then(() => join(talker, `${who} joins`, { memberId })))
      await talker.pass(4 * INITIAL_DELAY_MS)
      await Promise.all(joins)
      await join(talker, 'one more', {})
    },
  },
  {
    name: 'static-members',
    run: async (talker) => {
      const first = join(talker, 'a joins', { groupInstanceId: 'one' })
      await talker.pass(SETTLE_MS)
      const second = join(talker, 'b joins', { groupInstanceId: 'two' })
      await talker.pass(2 * INITIAL_DELAY_MS + SETTLE_MS)
      const { memberId: a, generationId } = await first
      const { memberId: b } = await second
      const synced = sync(talker, 'b syncs', b, generationId, {}, { groupInstanceId: 'two' })
      await talker.pass(SETTLE_MS)
      await sync(talker, 'a syncs', a, generationId, { [a]: 'for one', [b]: 'for two' }, { groupInstanceId: 'one' })
      await synced
      const { memberId: b2 } = await join(talker, 'b is back', { groupInstanceId: 'two' })
      await heartbeat(talker, 'the old b beats', b, generationId, 'two')
      await heartbeat(talker, 'the old b beats without its instance', b, generationId)
      await sync(talker, 'the old b syncs', b, generationId, {}, { groupInstanceId: 'two' })
      await commit(talker, 'the old b commits', b, generationId, 1, { groupInstanceId: 'two' })
      await sync(talker, 'the new b syncs', b2, generationId, {}, { groupInstanceId: 'two' })
      await commit(talker, 'the new b commits', b2, generationId, 2, { groupInstanceId: 'two' })
      const { memberId: a2 } = await join(talker, 'the leader is back', { groupInstanceId: 'one' })
      await sync(talker, 'the leader syncs', a2, generationId, {}, { groupInstanceId: 'one' })
      const { memberId: a3 } = await join(talker, 'the leader is back with an older client', { groupInstanceId: 'one', version: 8 })
      await sync(talker, 'the leader syncs once more', a3, generationId, {}, { groupInstanceId: 'one' })
      await describe(talker, 'stable')
      await join(talker, 'the old a joins', { memberId: a, groupInstanceId: 'one' })
      await join(talker, 'unknown instance', { memberId: a, groupInstanceId: 'three' })
      await leave(talker, 'the old b leaves', b, 'two')
      const changed = join(talker, 'b is back with another protocol', { groupInstanceId: 'two', protocols: [protocol('range', Buffer.from([7]))] })
      await changed
      await talker.pass(SETTLE_MS)
      await leave(talker, 'an unknown instance leaves', '', 'three')
      await leave(talker, 'an administrator removes b', '', 'two')
      await heartbeat(talker, 'a is called', a3, generationId, 'one')
    },
  },
  {
    name: 'old-versions',
    run: async (talker) => {
      const joined = join(talker, 'joins as of version 0', { version: 0 })
      await talker.pass(INITIAL_DELAY_MS + SETTLE_MS)
      const { memberId, generationId } = await joined
      await sync(talker, 'syncs as of version 0', memberId, generationId, { [memberId]: 'all' }, {}, 0)
      await talker.send('beats as of version 0', 'Heartbeat', 0, { groupId: talker.groupId, memberId, generationId })
      await commit(talker, 'commits as of version 2', memberId, generationId, 7, { retentionTimeMs: -1n }, 2)
      await talker.send('fetches as of version 1', 'OffsetFetch', 1, { groupId: talker.groupId, topics: [{ name: 'alpha', partitionIndexes: [0, 1] }] })
      await talker.send('fetches all as of version 2', 'OffsetFetch', 2, { groupId: talker.groupId, topics: null })
      await talker.send('fetches all as of version 7', 'OffsetFetch', 7, { groupId: talker.groupId, topics: null, requireStable: true })
      await talker.send('described as of version 0', 'DescribeGroups', 0, { groups: [talker.groupId] })
      await talker.send('leaves as of version 0', 'LeaveGroup', 0, { groupId: talker.groupId, memberId })
    },
  },
  {
    name: 'simple-group',
    run: async (talker) => {
      await fetchAll(talker, 'nothing yet')
      await commit(talker, 'a generation without a group', 'someone', 3, 1)
      await commit(talker, 'a generation without a group, version 8', 'someone', 3, 1, {}, 8)
      await commit(talker, 'offsets alone', '', -1, 10)
      await describe(talker, 'offsets alone')
      await commit(talker, 'an unknown topic', '', -1, 1, { topics: [{ name: 'nowhere', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: null }] }] })
      await commit(talker, 'an unknown partition', '', -1, 1, { topics: [{ name: 'alpha', partitions: [{ partitionIndex: 9, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: null }] }] })
      await commit(talker, 'metadata too long', '', -1, 1, { topics: [{ name: 'alpha', partitions: [{ partitionIndex: 1, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: 'x'.repeat(5_000) }] }] })
      await commit(talker, 'no group', '', -1, 1, { groupId: '' })
      await commit(talker, 'by topic id', '', -1, 1, {
        topics: [
          { topicId: talker.topicId('beta'), partitions: [{ partitionIndex: 1, committedOffset: 22n, committedLeaderEpoch: -1, committedMetadata: null }] },
          { topicId: UNKNOWN_TOPIC_ID, partitions: [{ partitionIndex: 1, committedOffset: 22n, committedLeaderEpoch: -1, committedMetadata: null }] },
        ],
      }, 10)
      await fetchAll(talker, 'by name')
      await fetchAll(talker, 'by id', 10)
      await talker.send('some by id', 'OffsetFetch', 10, { groups: [{ groupId: talker.groupId, memberId: null, memberEpoch: -1, topics: [{ topicId: talker.topicId('alpha'), partitionIndexes: [0, 1, 9] }, { topicId: UNKNOWN_TOPIC_ID, partitionIndexes: [0] }] }], requireStable: false })
      await talker.send('some by name', 'OffsetFetch', 8, { groups: [{ groupId: talker.groupId, memberId: null, memberEpoch: -1, topics: [{ name: 'alpha', partitionIndexes: [0, 1, 9] }, { name: 'nowhere', partitionIndexes: [0] }] }], requireStable: false })
      await talker.send('for a member', 'OffsetFetch', 9, { groups: [{ groupId: talker.groupId, memberId: 'someone', memberEpoch: 2, topics: null }], requireStable: false })
      await talker.send('delete some', 'OffsetDelete', 0, { groupId: talker.groupId, topics: [{ name: 'beta', partitions: [{ partitionIndex: 1 }, { partitionIndex: 0 }, { partitionIndex: 7 }] }, { name: 'nowhere', partitions: [{ partitionIndex: 0 }] }] })
      await fetchAll(talker, 'after the deletion')
      await talker.send('delete of an unknown group', 'OffsetDelete', 0, { groupId: `${talker.groupId}-not`, topics: [{ name: 'beta', partitions: [{ partitionIndex: 1 }] }] })
      await talker.send('delete the group', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await fetchAll(talker, 'after the group')
    },
  },
  {
    name: 'members-offsets',
    run: async (talker) => {
      const { memberId, generationId } = await single(talker, { protocols: [protocol('range', subscription(['alpha']))] })
      await commit(talker, 'commits', memberId, generationId, 4)
      await commit(talker, 'a stranger commits', 'stranger', generationId, 5)
      await commit(talker, 'commits for the next generation', memberId, generationId + 1, 6)
      await commit(talker, 'an administrator commits', '', -1, 7)
      await commit(talker, 'a static stranger commits', memberId, generationId, 7, { groupInstanceId: 'who' })
      await fetchAll(talker, 'fetches')
      await talker.send('deletes of a subscribed topic', 'OffsetDelete', 0, { groupId: talker.groupId, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0 }] }, { name: 'beta', partitions: [{ partitionIndex: 0 }] }] })
      await leave(talker, 'leaves', memberId)
      await commit(talker, 'an administrator commits to the empty group', '', -1, 7)
      await commit(talker, 'the old member commits', memberId, generationId, 8)
      await fetchAll(talker, 'fetches at the end')
    },
  },
  {
    name: 'other-types',
    run: async (talker) => {
      const { memberId, joined } = await enter(talker, 'a worker', { protocolType: 'connect', protocols: [protocol('sessioned')] })
      await talker.pass(INITIAL_DELAY_MS + SETTLE_MS)
      const { generationId } = await joined
      await sync(talker, 'the worker syncs', memberId, generationId, { [memberId]: 'tasks' }, { protocolType: 'connect', protocolName: 'sessioned' })
      await describe(talker, 'stable')
      await talker.send('deletes offsets', 'OffsetDelete', 0, { groupId: talker.groupId, topics: [{ name: 'alpha', partitions: [{ partitionIndex: 0 }] }] })
      await leave(talker, 'leaves', memberId)
    },
  },
]
