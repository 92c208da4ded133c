import { beforeEach, describe, expect, test } from 'vitest'
import { OFFSETS_TOPIC } from '../../../../src/groups/group-records.ts'
import type { RequestOf } from '../../../../src/protocol/api-keys.ts'
import { recordPrefix } from '../../../../src/protocol/codec.ts'
import { errorCode, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { FakeShareStates } from '../../../support/fake-share-states.ts'
import { settled } from '../../../support/fake-coordinator-log.ts'
import { MemoryGroupPeer } from '../../../support/group-peer.ts'

let peer: MemoryGroupPeer

beforeEach(async () => {
  peer = await MemoryGroupPeer.start()
})

type Beat = Partial<RequestOf<'ShareGroupHeartbeat'>>
const beat = (memberId: string, memberEpoch: number, body: Beat = {}) => peer.call('ShareGroupHeartbeat', 1, { groupId: 'g', memberId, memberEpoch, rackId: null, subscribedTopicNames: null, ...body })
const join = async (memberId: string, names = ['alpha']) => {
  const joined = await beat(memberId, 0, { subscribedTopicNames: names })
  await settled()
  return joined
}
const given = (response: { assignment: { topicPartitions: { topicId: string; partitions: number[] }[] } | null }) => response.assignment?.topicPartitions.map(({ topicId, partitions }) => [[...peer.topics.values()].find(({ id }) => id === topicId)?.name, ...partitions])
const describeGroup = async () => (await peer.call('ShareGroupDescribe', 1, { groupIds: ['g'] })).groups[0]
const offsets = async () => (await peer.call('DescribeShareGroupOffsets', 1, { groups: [{ groupId: 'g', topics: null }] })).groups[0]?.topics.map(({ topicName, partitions }) => [topicName, ...partitions.map(({ startOffset }) => startOffset)])
const alter = async (topicName: string, startOffset: bigint) => (await peer.call('AlterShareGroupOffsets', 0, { groupId: 'g', topics: [{ topicName, partitions: [{ partitionIndex: 0, startOffset }] }] })).responses[0]?.partitions[0]?.errorCode
const recordTypes = (): string[] => peer.log.of(OFFSETS_TOPIC, 0).flatMap((batch) => batch.records.map(({ key, value }) => `${recordPrefix(key ?? new Uint8Array())}${value === null ? ' gone' : ''}`))

describe('a share group in the log', () => {
  test('is made of the records of Kafka, and gone with their tombstones', async () => {
    await join('a')
    expect(recordTypes()).toEqual(['10', '11', '13', '12', '14', '15', '15'])
    await beat('a', 2)
    expect(recordTypes().slice(7)).toEqual(['11', '13', '12', '14'])
    await beat('a', -1)
    expect(recordTypes().slice(11)).toEqual(['14 gone', '13 gone', '10 gone', '11'])
    await peer.call('DeleteGroups', 2, { groupsNames: ['g'] })
    expect(recordTypes().slice(15)).toEqual(['15', '12 gone', '15 gone', '11 gone'])
    expect((await peer.call('ListGroups', 5, {})).groups).toEqual([])
  })

  test('goes on after a move as if nothing had been', async () => {
    await join('a')
    await beat('a', 2)
    await join('b')
    const before = await describeGroup()
    await peer.restart()
    expect(await describeGroup()).toEqual(before)
    expect(given(await beat('a', 3))).toEqual([['alpha', 0, 1]])
    expect(given(await beat('b', 0, { subscribedTopicNames: ['alpha'] }))).toEqual([['alpha', 2, 3]])
  })

  test('changes nothing where a record cannot be stored', async () => {
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await join('a')).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect((await describeGroup())?.errorCode).toBe(errorCode('GROUP_ID_NOT_FOUND'))
    expect(peer.shareStates.calls).toEqual([])
  })
})

describe('partitions', () => {
  test('are given out once the share coordinator has them', async () => {
    let release = (): void => {}
    peer.shareStates.held = new Promise((resolve) => { release = resolve })
    await join('a')
    expect(await beat('a', 2)).toMatchObject({ memberEpoch: 2, assignment: null })
    release()
    await settled()
    expect(given(await beat('a', 2))).toEqual([['alpha', 0, 1, 2, 3]])
    expect(peer.shareStates.calls).toEqual(['initialize 4'])
    expect(peer.shareStates.states.get(FakeShareStates.key('g', peer.topicId('alpha'), 3))).toMatchObject({ stateEpoch: 2, startOffset: -1n })
  })

  test('that the share coordinator refuses are asked for again with the next heartbeat', async () => {
    peer.shareStates.failingPartitions.set(2, 'UNKNOWN_SERVER_ERROR')
    await join('a')
    expect(given(await beat('a', 2))).toEqual([['alpha', 0, 1, 3]])
    await settled()
    peer.shareStates.failingPartitions.clear()
    await beat('a', 3)
    await settled()
    expect(given(await beat('a', 3))).toEqual([['alpha', 0, 1, 2, 3]])
    expect(peer.shareStates.calls).toEqual(['initialize 4', 'initialize 1', 'initialize 1'])
  })

  test('that get no answer are asked for again after a while, and at once where the coordinator has moved', async () => {
    peer.shareStates.held = new Promise(() => {})
    await join('a')
    await peer.pass(29_900)
    await beat('a', 2)
    expect(peer.shareStates.calls).toHaveLength(1)
    await peer.pass(200)
    await beat('a', 2)
    expect(peer.shareStates.calls).toHaveLength(2)
    peer.shareStates.held = null
    await peer.restart()
    await beat('a', 2)
    await settled()
    expect(given(await beat('a', 2))).toEqual([['alpha', 0, 1, 2, 3]])
  })

  test('that a topic gets later are given out too', async () => {
    await join('a', ['gamma'])
    await beat('a', 2)
    peer.addTopic('gamma', 3)
    await beat('a', 3)
    await settled()
    expect(given(await beat('a', 4))).toEqual([['gamma', 0, 1, 2]])
  })

  test('go with their topic', async () => {
    await join('a', ['gamma', 'beta'])
    await beat('a', 2)
    const id = peer.topicId('gamma')
    peer.topics.delete('gamma')
    peer.topicsVersion++
    await peer.coordinator.onTopicsDeleted([{ name: 'gamma', id }])
    expect(given(await beat('a', 3))).toEqual([['beta', 0, 1]])
    expect(await offsets()).toEqual([['beta', -1n, -1n]])
  })

  test('are assigned at most once per interval', async () => {
    peer = await MemoryGroupPeer.start({ shareAssignmentIntervalMs: 1_000 })
    await join('a')
    expect(await beat('a', 2)).toMatchObject({ memberEpoch: 2 })
    await peer.pass(1_000)
    expect(given(await beat('a', 2))).toEqual([['alpha', 0, 1, 2, 3]])
    expect(await join('b')).toMatchObject({ memberEpoch: 3, assignment: { topicPartitions: [] } })
    await peer.pass(1_000)
    expect(given(await beat('b', 3))).toEqual([['alpha', 2, 3]])
  })
})

describe('members', () => {
  test('are out after a session, which the group may set for itself', async () => {
    peer.groupConfigs.set('g', { shareSessionTimeoutMs: 10_000, shareHeartbeatIntervalMs: 700 })
    expect(await join('a')).toMatchObject({ heartbeatIntervalMs: 700 })
    await peer.pass(9_900)
    expect((await beat('a', 2)).errorCode).toBe(0)
    await peer.pass(10_100)
    expect((await beat('a', 3)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
    expect(await describeGroup()).toMatchObject({ groupState: 'Empty', groupEpoch: 4 })
  })

  test('of a loaded group have one session to show that they are there', async () => {
    await join('a')
    await peer.restart()
    await peer.pass(44_900)
    expect((await describeGroup())?.members).toHaveLength(1)
    await peer.pass(200)
    expect((await describeGroup())?.members).toEqual([])
  })

  test('are told what is wrong', async () => {
    expect(await beat('a', 1)).toMatchObject({ errorMessage: 'Share group g not found.' })
    await join('a')
    await beat('a', 2)
    expect(await beat('b', 1)).toMatchObject({ errorMessage: 'Member b is not a member of group g.' })
    expect(await beat('a', 9)).toMatchObject({ errorMessage: 'The share group member has a greater member epoch (9) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.' })
    expect(await beat('a', 1)).toMatchObject({ errorMessage: 'The share group member has a smaller member epoch (1) than the one known by the group coordinator (3), and it does not match the previous member epoch (2). The member must abandon all its partitions and rejoin.' })
  })
})

describe('offsets', () => {
  test('tell the lag of what was read', async () => {
    await join('a', ['gamma'])
    peer.shareStates.states.set(FakeShareStates.key('g', peer.topicId('gamma'), 0), { stateEpoch: 2, startOffset: 5n, deliveryCompleteCount: 2 })
    peer.latestOffsets.set('gamma', 10n)
    const wanted = { groups: [{ groupId: 'g', topics: [{ topicName: 'gamma', partitions: [0] }] }] }
    expect((await peer.call('DescribeShareGroupOffsets', 1, wanted)).groups[0]?.topics[0]?.partitions).toMatchObject([{ startOffset: 5n, lag: 3n }])
    expect((await peer.call('DescribeShareGroupOffsets', 0, wanted)).groups[0]?.topics[0]?.partitions).toMatchObject([{ startOffset: 5n, lag: -1n }])
  })

  test('are set for a group that has no member yet, which then begins there', async () => {
    expect(await alter('gamma', 7n)).toBe(0)
    expect((await peer.call('ListGroups', 5, {})).groups).toEqual([{ groupId: 'g', protocolType: 'share', groupState: 'Empty', groupType: 'share' }])
    expect(given(await join('a', ['gamma']))).toEqual([['gamma', 0]])
    expect(await offsets()).toEqual([['gamma', 7n]])
  })

  test('stay where the share coordinator refuses', async () => {
    await alter('gamma', 7n)
    peer.shareStates.failing = 'FENCED_STATE_EPOCH'
    expect(await alter('gamma', 3n)).toBe(errorCode('FENCED_STATE_EPOCH'))
    peer.shareStates.failing = 'NONE'
    expect(await offsets()).toEqual([['gamma', 7n]])
  })

  test('are kept for a second try where they cannot be deleted', async () => {
    const remove = async () => (await peer.call('DeleteShareGroupOffsets', 0, { groupId: 'g', topics: [{ topicName: 'gamma' }] })).responses[0]
    await alter('gamma', 7n)
    peer.shareStates.failing = 'FENCED_STATE_EPOCH'
    expect(await remove()).toMatchObject({ topicName: 'gamma', errorCode: errorCode('FENCED_STATE_EPOCH') })
    peer.shareStates.failing = 'NONE'
    await peer.restart()
    expect(await remove()).toMatchObject({ topicName: 'gamma', errorCode: 0 })
    expect(peer.shareStates.states.size).toBe(0)
  })
})

describe('a group that is deleted', () => {
  test('stays, without its offsets, until the share coordinator has forgotten it', async () => {
    await join('a')
    await beat('a', -1)
    peer.shareStates.failing = 'FENCED_STATE_EPOCH'
    expect((await peer.call('DeleteGroups', 2, { groupsNames: ['g'] })).results[0]?.errorCode).toBe(errorCode('FENCED_STATE_EPOCH'))
    expect(await describeGroup()).toMatchObject({ groupState: 'Empty' })
    expect(await offsets()).toEqual([])
    peer.shareStates.failing = 'NONE'
    expect((await peer.call('DeleteGroups', 2, { groupsNames: ['g'] })).results[0]?.errorCode).toBe(0)
    expect(peer.shareStates.states.size).toBe(0)
  })

  test('lives on where a member joins meanwhile', async () => {
    await join('a')
    await beat('a', -1)
    let release = (): void => {}
    peer.shareStates.held = new Promise((resolve) => { release = resolve })
    const deleted = peer.call('DeleteGroups', 2, { groupsNames: ['g'] })
    await settled()
    await join('b')
    peer.shareStates.held = null
    release()
    expect((await deleted).results[0]?.errorCode).toBe(errorCode('NON_EMPTY_GROUP'))
  })
})

test('lists the type of the group and shows tools who reads what', async () => {
  await join('a')
  await beat('a', 2)
  expect((await peer.call('ListGroups', 5, { typesFilter: ['share'] })).groups).toEqual([{ groupId: 'g', protocolType: 'share', groupState: 'Stable', groupType: 'share' }])
  expect(peer.coordinator.listGroupsWithOffsets()).toMatchObject([{ type: 'share', epoch: 3, members: [{ memberId: 'a', assignment: [{ topic: 'alpha', partitions: [0, 1, 2, 3] }] }] }])
})
