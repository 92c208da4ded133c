import { beforeEach, describe, expect, test } from 'vitest'
import { OFFSETS_TOPIC } from '../../../../src/groups/group-records.ts'
import type { RequestOf } from '../../../../src/protocol/api-keys.ts'
import { decodeRecord, recordPrefix } from '../../../../src/protocol/codec.ts'
import { errorCode, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { MemoryGroupPeer } from '../../../support/group-peer.ts'

let peer: MemoryGroupPeer

beforeEach(async () => {
  peer = await MemoryGroupPeer.start()
})

type Beat = Partial<RequestOf<'ConsumerGroupHeartbeat'>>
const JOIN: Beat = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['alpha'], topicPartitions: [] }
const beat = (memberId: string, memberEpoch: number, body: Beat = {}) => peer.call('ConsumerGroupHeartbeat', 1, { groupId: 'g', memberId, memberEpoch, ...body })
const describeGroup = async () => (await peer.call('ConsumerGroupDescribe', 1, { groupIds: ['g'] })).groups[0]
const owned = (name: string, partitions: number[]): Beat => ({ topicPartitions: [{ topicId: peer.topicId(name), partitions }] })
/** What the heartbeat's answer assigns, by topic name. */
function assigned({ assignment }: Awaited<ReturnType<typeof beat>>): Record<string, number[]> | null {
  if (assignment === null) return null
  return Object.fromEntries(assignment.topicPartitions.map(({ topicId, partitions }) => [[...peer.topics.values()].find(({ id }) => id === topicId)?.name ?? topicId, partitions]))
}
const records = () => peer.log.of(OFFSETS_TOPIC, 0).flatMap((batch) => batch.records.map(({ key, value }) => ({ key: key ?? new Uint8Array(), value })))
const recordTypes = (): string[] => records().map(({ key, value }) => `${recordPrefix(key)}${value === null ? ' gone' : ''}`)

describe('a consumer group in the log', () => {
  test('is made of the records of Kafka, in the order of Kafka', async () => {
    await beat('a', 0, JOIN)
    expect(recordTypes()).toEqual(['5', '3', '7', '6', '8'])
    const [member, , target, , current] = records()
    expect(decodeRecord('ConsumerGroupMemberMetadataValue', member?.value ?? new Uint8Array())).toMatchObject({ clientId: 'client', clientHost: '/127.0.0.1', subscribedTopicNames: ['alpha'], rebalanceTimeoutMs: 60_000 })
    expect(decodeRecord('ConsumerGroupTargetAssignmentMemberValue', target?.value ?? new Uint8Array())).toEqual({ topicPartitions: [{ topicId: peer.topicId('alpha'), partitions: [0, 1, 2, 3] }] })
    expect(decodeRecord('ConsumerGroupCurrentMemberAssignmentValue', current?.value ?? new Uint8Array())).toEqual({
      memberEpoch: 2, previousMemberEpoch: 0, state: 0, partitionsPendingRevocation: [],
      assignedPartitions: [{ topicId: peer.topicId('alpha'), partitions: [0, 1, 2, 3], assignmentEpochs: [2, 2, 2, 2] }],
    })
  })

  test('leaves tombstones for a member that goes, and for itself when it is deleted', async () => {
    await beat('a', 0, JOIN)
    const before = records().length
    await beat('a', -1)
    expect(recordTypes().slice(before)).toEqual(['8 gone', '7 gone', '5 gone', '3'])
    await peer.call('DeleteGroups', 2, { groupsNames: ['g'] })
    expect(recordTypes().slice(before + 4)).toEqual(['6 gone', '3 gone'])
    expect((await describeGroup())?.errorCode).toBe(errorCode('GROUP_ID_NOT_FOUND'))
  })

  test('goes on after a move as if nothing had been', async () => {
    await beat('a', 0, JOIN)
    await beat('b', 0, JOIN)
    await beat('a', 2, owned('alpha', [0, 1, 2, 3]))
    const before = await describeGroup()
    await peer.restart()
    expect(await describeGroup()).toEqual(before)
    expect((await beat('a', 2, owned('alpha', [0, 1]))).memberEpoch).toBe(3)
    expect(assigned(await beat('b', 3, { topicPartitions: [] }))).toEqual({ alpha: [2, 3] })
  })

  test('loses members that are not heard of within a session after a move', async () => {
    await beat('a', 0, JOIN)
    await peer.restart()
    await peer.pass(44_000)
    expect((await beat('a', 2)).errorCode).toBe(0)
    await peer.pass(45_100)
    expect((await beat('a', 2)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
  })

  test('fences a member that was told to give partitions up before a move, too', async () => {
    await beat('a', 0, { ...JOIN, rebalanceTimeoutMs: 10_000 })
    await beat('b', 0, JOIN)
    await beat('a', 2, owned('alpha', [0, 1, 2, 3]))
    await peer.restart()
    await peer.pass(10_100)
    expect((await beat('a', 2)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
  })

  test('changes nothing where a record cannot be stored', async () => {
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await beat('a', 0, JOIN)).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect((await describeGroup())?.errorCode).toBe(errorCode('GROUP_ID_NOT_FOUND'))
    await beat('a', 0, JOIN)
    peer.addTopic('alpha', 6)
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await beat('a', 2)).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect(assigned(await beat('a', 2))).toEqual({ alpha: [0, 1, 2, 3, 4, 5] })
  })
})

describe('topics that change', () => {
  test('lead to a new assignment with the next heartbeat', async () => {
    await beat('a', 0, { ...JOIN, subscribedTopicNames: ['alpha', 'later'] })
    expect((await beat('a', 2)).memberEpoch).toBe(2)
    peer.addTopic('later', 1)
    expect(assigned(await beat('a', 2))).toEqual({ alpha: [0, 1, 2, 3], later: [0] })
    peer.addTopic('other', 1)
    expect(await beat('a', 3)).toMatchObject({ memberEpoch: 3, assignment: null })
  })

  test('that are deleted are given up', async () => {
    await beat('a', 0, { ...JOIN, subscribedTopicNames: ['alpha', 'beta'] })
    peer.topics.delete('beta')
    peer.topicsVersion++
    expect(assigned(await beat('a', 2))).toEqual({ alpha: [0, 1, 2, 3] })
    expect(await beat('a', 2, owned('alpha', [0, 1, 2, 3]))).toMatchObject({ memberEpoch: 3 })
  })
})

describe('regular expressions', () => {
  const REGEX: Beat = { ...JOIN, subscribedTopicNames: null, subscribedTopicRegex: '(alpha|beta.*)' }

  test('match whole names and follow topics as they come', async () => {
    peer.addTopic('not-alpha', 1)
    expect(assigned(await beat('a', 0, REGEX))).toEqual({ alpha: [0, 1, 2, 3], beta: [0, 1] })
    peer.addTopic('beta-2', 1)
    await peer.pass(10_100)
    expect(assigned(await beat('a', 2))).toEqual({ alpha: [0, 1, 2, 3], beta: [0, 1], 'beta-2': [0] })
  })

  test('are matched again at most every ten seconds', async () => {
    await beat('a', 0, REGEX)
    peer.addTopic('beta-2', 1)
    await peer.pass(10_100)
    await beat('a', 2)
    peer.addTopic('beta-3', 1)
    expect(await beat('a', 3)).toMatchObject({ memberEpoch: 3, assignment: null })
    await peer.pass(10_100)
    expect(Object.keys(assigned(await beat('a', 3)) ?? {})).toEqual(['alpha', 'beta', 'beta-2', 'beta-3'])
  })

  test('are kept in the log while somebody has them', async () => {
    await beat('a', 0, REGEX)
    await beat('b', 0, REGEX)
    expect(recordTypes().filter((type) => type.startsWith('16'))).toEqual(['16'])
    await beat('a', -1)
    expect(recordTypes().filter((type) => type.startsWith('16'))).toEqual(['16'])
    await beat('b', -1)
    expect(recordTypes().filter((type) => type.startsWith('16'))).toEqual(['16', '16 gone'])
  })

  test('go on after a move', async () => {
    await beat('a', 0, REGEX)
    await peer.restart()
    peer.addTopic('beta-2', 1)
    await peer.pass(10_100)
    expect(Object.keys(assigned(await beat('a', 2)) ?? {})).toEqual(['alpha', 'beta', 'beta-2'])
  })

  test('that take others exponential time take none here', async () => {
    peer.addTopic('a'.repeat(60), 1)
    const startedMs = performance.now()
    await beat('a', 0, { ...JOIN, subscribedTopicNames: null, subscribedTopicRegex: '(a+)+b' })
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  test('of no sense are refused', async () => {
    expect(await beat('a', 0, { ...JOIN, subscribedTopicNames: null, subscribedTopicRegex: '(?=x)' })).toMatchObject({ errorCode: errorCode('INVALID_REGULAR_EXPRESSION') })
  })
})

test('lists the type and state of the group', async () => {
  await beat('a', 0, JOIN)
  expect((await peer.call('ListGroups', 5, {})).groups).toEqual([{ groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'consumer' }])
})

test('shows tools who reads what', async () => {
  await beat('a', 0, JOIN)
  expect(peer.coordinator.listGroupsWithOffsets()).toMatchObject([{ groupId: 'g', type: 'consumer', state: 'Stable', epoch: 2, members: [{ memberId: 'a', clientId: 'client', assignment: [{ topic: 'alpha', partitions: [0, 1, 2, 3] }] }] }])
})

test('refuses members beyond the limit', async () => {
  peer = await MemoryGroupPeer.start({ consumerMaxSize: 1 })
  await beat('a', 0, JOIN)
  expect((await beat('b', 0, JOIN)).errorCode).toBe(errorCode('GROUP_MAX_SIZE_REACHED'))
  expect((await beat('a', 2)).errorCode).toBe(0)
})

test('takes session and interval from what is set for the group', async () => {
  peer.groupConfigs.set('g', { consumerSessionTimeoutMs: 50_000, consumerHeartbeatIntervalMs: 7_000 })
  expect((await beat('a', 0, JOIN)).heartbeatIntervalMs).toBe(7_000)
  await peer.pass(49_000)
  expect((await beat('a', 2)).errorCode).toBe(0)
  await peer.pass(50_100)
  expect((await beat('a', 2)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
})

test('looks at members that come within its interval together', async () => {
  peer.groupConfigs.set('g', { consumerAssignmentIntervalMs: 1_000 })
  await beat('a', 0, JOIN)
  await peer.pass(400)
  const early = await beat('b', 0, JOIN)
  expect(assigned(early)).toEqual({})
  expect(early.heartbeatIntervalMs, 'who waits asks again as soon as the interval is over').toBe(600)
  expect(assigned(await beat('c', 0, JOIN))).toEqual({})
  expect(await describeGroup()).toMatchObject({ groupState: 'Assigning', groupEpoch: 4, assignmentEpoch: 2 })
  await peer.pass(600)
  expect((await beat('c', 2)).heartbeatIntervalMs).toBe(5_000)
  expect(await describeGroup()).toMatchObject({ groupEpoch: 4, assignmentEpoch: 4 })
})
