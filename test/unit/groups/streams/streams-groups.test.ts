import { beforeEach, describe, expect, test } from 'vitest'
import { OFFSETS_TOPIC } from '../../../../src/groups/group-records.ts'
import type { RequestOf } from '../../../../src/protocol/api-keys.ts'
import { recordPrefix } from '../../../../src/protocol/codec.ts'
import { errorCode, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { MemoryGroupPeer } from '../../../support/group-peer.ts'

let peer: MemoryGroupPeer

beforeEach(async () => {
  peer = await MemoryGroupPeer.start({ streamsInitialRebalanceDelayMs: 0 })
})

type Beat = Partial<RequestOf<'StreamsGroupHeartbeat'>>
const changelog = { name: 'g-changelog', partitions: 0, replicationFactor: 1, topicConfigs: [] }
const JOIN: Beat = {
  rebalanceTimeoutMs: 10_000, activeTasks: [], standbyTasks: [], warmupTasks: [], processId: 'p',
  topology: { epoch: 0, subtopologies: [{ subtopologyId: '0', sourceTopics: ['alpha'], sourceTopicRegex: [], stateChangelogTopics: [changelog], repartitionSinkTopics: [], repartitionSourceTopics: [], copartitionGroups: [] }] },
}
const beat = (memberId: string, memberEpoch: number, body: Beat = {}) => peer.call('StreamsGroupHeartbeat', 0, {
  groupId: 'g', memberId, memberEpoch, endpointInformationEpoch: -1, instanceId: null, rackId: null, rebalanceTimeoutMs: -1, topology: null,
  activeTasks: null, standbyTasks: null, warmupTasks: null, processId: null, userEndpoint: null, clientTags: null, taskOffsets: null, taskEndOffsets: null, ...body,
})
const join = (memberId: string, body: Beat = {}) => beat(memberId, 0, { ...JOIN, processId: memberId, ...body })
const owning = (partitions: number[]): Beat => ({ activeTasks: partitions.length === 0 ? [] : [{ subtopologyId: '0', partitions }], standbyTasks: [], warmupTasks: [] })
const describeGroup = async () => (await peer.call('StreamsGroupDescribe', 0, { groupIds: ['g'] })).groups[0]
const recordTypes = (): string[] => peer.log.of(OFFSETS_TOPIC, 0).flatMap((batch) => batch.records.map(({ key, value }) => `${recordPrefix(key ?? new Uint8Array())}${value === null ? ' gone' : ''}`))

describe('a streams group in the log', () => {
  test('is made of the records of Kafka, and gone with their tombstones', async () => {
    peer.addTopic('g-changelog', 4)
    await join('a')
    expect(recordTypes()).toEqual(['19', '23', '17', '21', '20', '22'])
    await beat('a', -1)
    expect(recordTypes().slice(6)).toEqual(['22 gone', '21 gone', '19 gone', '17'])
    await peer.call('DeleteGroups', 2, { groupsNames: ['g'] })
    expect(recordTypes().slice(10)).toEqual(['20 gone', '23 gone', '17 gone'])
  })

  test('goes on after a move as if nothing had been', async () => {
    peer.addTopic('g-changelog', 4)
    await join('a')
    await join('b')
    await beat('a', 2, owning([0, 1, 2, 3]))
    const before = await describeGroup()
    await peer.restart()
    expect({ ...await describeGroup(), topology: null }).toEqual({ ...before, topology: null })
    expect((await beat('a', 2, owning([0, 1]))).memberEpoch).toBe(3)
    expect((await beat('b', 3, owning([]))).activeTasks).toEqual([{ subtopologyId: '0', partitions: [2, 3] }])
  })

  test('changes nothing where a record cannot be stored', async () => {
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await join('a')).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect((await describeGroup())?.errorCode).toBe(errorCode('GROUP_ID_NOT_FOUND'))
  })
})

describe('members', () => {
  test('are out after a session, and where they do not give tasks up in time', async () => {
    peer.addTopic('g-changelog', 4)
    await join('a')
    await join('b')
    await beat('a', 2, owning([0, 1, 2, 3]))
    await peer.pass(10_100)
    expect((await beat('a', 2)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
    expect((await beat('b', 3, owning([]))).activeTasks).toEqual([{ subtopologyId: '0', partitions: [0, 1, 2, 3] }])
    await peer.pass(45_100)
    expect((await beat('b', 4)).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'))
  })

  test('get their internal topics before they get tasks', async () => {
    expect(await join('a')).toMatchObject({ activeTasks: [], status: [{ statusCode: 3 }] })
    expect(peer.topics.get('g-changelog')?.partitionCount).toBe(4)
    expect(await beat('a', 2)).toMatchObject({ activeTasks: [{ subtopologyId: '0', partitions: [0, 1, 2, 3] }], status: [] })
  })

  test('of a new group wait for others', async () => {
    peer = await MemoryGroupPeer.start({ streamsInitialRebalanceDelayMs: 3_000 })
    peer.addTopic('g-changelog', 4)
    expect(await join('a')).toMatchObject({ memberEpoch: 1, activeTasks: [], status: [{ statusCode: 5 }] })
    expect(await join('b')).toMatchObject({ memberEpoch: 1, activeTasks: [], status: [{ statusCode: 5 }] })
    await peer.pass(3_100)
    expect((await beat('a', 1, owning([]))).activeTasks?.flatMap(({ partitions }) => partitions)).toHaveLength(2)
    expect((await beat('b', 1, owning([]))).activeTasks?.flatMap(({ partitions }) => partitions)).toHaveLength(2)
  })

  test('keep standbys of what others run, where that is wanted', async () => {
    peer.groupConfigs.set('g', { streamsNumStandbyReplicas: 1 })
    peer.addTopic('g-changelog', 4)
    await join('a')
    expect(await join('b')).toMatchObject({ activeTasks: [], standbyTasks: [{ subtopologyId: '0', partitions: [0, 1] }] })
    await beat('a', 2, owning([0, 1, 2, 3]))
    // What a process has just given up as active it may keep as standby only once that is in the log.
    expect(await beat('a', 2, owning([0, 1]))).toMatchObject({ memberEpoch: 3, activeTasks: null })
    expect((await beat('a', 3)).standbyTasks).toEqual([{ subtopologyId: '0', partitions: [2, 3] }])
  })

  test('are given all anew when the number of standbys changes', async () => {
    peer.addTopic('g-changelog', 4)
    await join('a')
    await join('b')
    expect((await beat('b', 3)).memberEpoch).toBe(3)
    peer.groupConfigs.set('g', { streamsNumStandbyReplicas: 1 })
    expect((await describeGroup())?.groupEpoch).toBe(3)
    await beat('b', 3)
    expect((await describeGroup())?.groupEpoch).toBe(4)
  })
})

test('lists the type of the group and shows tools who reads what', async () => {
  peer.addTopic('g-changelog', 4)
  await join('a')
  expect((await peer.call('ListGroups', 5, {})).groups).toEqual([{ groupId: 'g', protocolType: 'streams', groupState: 'Stable', groupType: 'streams' }])
  expect(peer.coordinator.listGroupsWithOffsets()).toMatchObject([{ type: 'streams', epoch: 2, members: [{ memberId: 'a', assignment: [{ topic: 'alpha', partitions: [0, 1, 2, 3] }] }] }])
})
