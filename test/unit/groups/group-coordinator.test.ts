import { beforeEach, describe, expect, test } from 'vitest'
import { transactionalOffsets } from '../../../src/groups/group-handlers.ts'
import { OFFSETS_TOPIC } from '../../../src/groups/group-records.ts'
import { decodeRecord } from '../../../src/protocol/codec.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'
import { ZERO_UUID } from '../../../src/shared/uuid.ts'
import { MemoryGroupPeer } from '../../support/group-peer.ts'
import { settled } from '../../support/fake-coordinator-log.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let peer: MemoryGroupPeer

beforeEach(async () => {
  peer = await MemoryGroupPeer.start()
})

function join(memberId: string, body: { groupInstanceId?: string; protocols?: { name: string; metadata: Uint8Array }[]; version?: number } = {}) {
  const { version = 9, ...rest } = body
  return peer.call('JoinGroup', version, { groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 30_000, memberId, protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from([0, 1]) }], ...rest })
}
function sync(memberId: string, generationId: number, assignment: string | null, groupInstanceId: string | null = null) {
  return peer.call('SyncGroup', 5, { groupId: 'g', memberId, generationId, groupInstanceId, protocolType: 'consumer', protocolName: 'range', assignments: assignment === null ? [] : [{ memberId, assignment: Buffer.from(assignment) }] })
}
const heartbeat = async (memberId: string, generationId: number): Promise<number> => (await peer.call('Heartbeat', 4, { groupId: 'g', memberId, generationId })).errorCode
const commit = async (groupId: string, topic: string, offset: bigint, member = '', generation = -1, retentionTimeMs?: bigint): Promise<number | undefined> => {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: 2, committedMetadata: 'm' }] }]
  const body = { groupId, memberId: member, generationIdOrMemberEpoch: generation, topics }
  const response = await (retentionTimeMs === undefined ? peer.call('OffsetCommit', 8, body) : peer.call('OffsetCommit', 2, { ...body, retentionTimeMs }))
  return response.topics[0]?.partitions[0]?.errorCode
}
const fetched = async (groupId: string, requireStable = false): Promise<Record<string, bigint | string>> => {
  const { groups } = await peer.call('OffsetFetch', 9, { groups: [{ groupId, topics: null }], requireStable })
  return Object.fromEntries((groups[0]?.topics ?? []).flatMap(({ name, partitions }) => partitions.map((partition) => [`${name}-${partition.partitionIndex}`, partition.errorCode === 0 ? partition.committedOffset : `error ${partition.errorCode}`])))
}
const groupIds = async (): Promise<string[]> => (await peer.call('ListGroups', 5, {})).groups.map((group) => `${group.groupId} ${group.groupType} ${group.groupState}`)
const lastRecord = () => {
  const record = peer.log.of(OFFSETS_TOPIC, 0).at(-1)?.records.at(-1)
  if (record?.key == null) throw new Error('there is no record')
  return { key: record.key, value: record.value }
}

/** A member that has its assignment. */
async function stable(assignment = 'mine', protocols?: { name: string; metadata: Uint8Array }[]): Promise<{ memberId: string; generationId: number }> {
  const { memberId } = await join('', protocols === undefined ? {} : { protocols })
  const joined = join(memberId, protocols === undefined ? {} : { protocols })
  await peer.pass(3_000)
  const { generationId } = await joined
  await sync(memberId, generationId, assignment)
  return { memberId, generationId }
}

/** As it comes from the wire. */
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

describe('a group in the log', () => {
  test('is written in the schema of Kafka once it is stable', async () => {
    const { memberId } = await stable()
    const { key, value } = lastRecord()
    expect([...key.subarray(0, 2), ...(value?.subarray(0, 2) ?? [])]).toEqual([0, 2, 0, 3])
    expect(decodeRecord('GroupMetadataKey', key)).toEqual({ group: 'g' })
    expect(decodeRecord('GroupMetadataValue', value ?? new Uint8Array())).toEqual({
      protocolType: 'consumer', generation: 1, protocol: 'range', leader: memberId, currentStateTimestamp: BigInt(peer.clock.nowMs()),
      members: [{
        memberId, groupInstanceId: null, clientId: 'client', clientHost: '/127.0.0.1', rebalanceTimeout: 30_000, sessionTimeout: 10_000,
        subscription: new Uint8Array([0, 1]), assignment: bytes('mine'),
      }],
    })
  })

  test('goes on with its members after a move', async () => {
    const { memberId, generationId } = await stable()
    await commit('g', 'alpha', 7n, memberId, generationId)
    await peer.restart()
    expect(await heartbeat(memberId, generationId)).toBe(0)
    expect((await sync(memberId, generationId, null)).assignment).toEqual(bytes('mine'))
    expect(await fetched('g')).toEqual({ 'alpha-0': 7n })
  })

  test('loses members that do not come back within a session after a move', async () => {
    const { memberId, generationId } = await stable()
    await peer.restart()
    await peer.pass(9_900)
    expect(await heartbeat(memberId, generationId)).toBe(0)
    await peer.pass(10_100)
    expect(await heartbeat(memberId, generationId)).toBe(errorCode('UNKNOWN_MEMBER_ID'))
  })

  test('keeps a replaced static member after a move', async () => {
    const joined = join('', { groupInstanceId: 'one' })
    await peer.pass(3_000)
    const { memberId, generationId } = await joined
    await sync(memberId, generationId, 'for one', 'one')
    const { memberId: replaced } = await join('', { groupInstanceId: 'one' })
    await peer.restart()
    expect((await sync(replaced, generationId, null, 'one')).assignment).toEqual(bytes('for one'))
    expect((await sync(memberId, generationId, null, 'one')).errorCode).toBe(errorCode('FENCED_INSTANCE_ID'))
  })

  test('stays as it is where its assignments cannot be stored', async () => {
    const { memberId } = await join('')
    const joined = join(memberId)
    await peer.pass(3_000)
    const { generationId } = await joined
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await sync(memberId, generationId, 'mine')).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect(await heartbeat(memberId, generationId)).toBe(errorCode('REBALANCE_IN_PROGRESS'))
  })

  test('takes nothing back when a static replacement cannot be stored', async () => {
    const joined = join('', { groupInstanceId: 'one' })
    await peer.pass(3_000)
    const { memberId, generationId } = await joined
    await sync(memberId, generationId, 'for one', 'one')
    peer.log.failNextAppend(new KafkaError('NOT_ENOUGH_REPLICAS'))
    expect((await join('', { groupInstanceId: 'one' })).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
    expect((await sync(memberId, generationId, null, 'one')).assignment).toEqual(bytes('for one'))
  })
})

describe('what waits', () => {
  test('is refused when the group moves away', async () => {
    const { memberId } = await join('')
    const joined = join(memberId)
    await settled()
    peer.coordinator.unload(0)
    expect((await joined).errorCode).toBe(errorCode('NOT_COORDINATOR'))
    expect(await heartbeat(memberId, 1)).toBe(errorCode('NOT_COORDINATOR'))
    expect(await commit('g', 'alpha', 1n)).toBe(errorCode('NOT_COORDINATOR'))
    expect((await peer.call('OffsetFetch', 9, { groups: [{ groupId: 'g', topics: null }] })).groups[0]?.errorCode).toBe(errorCode('NOT_COORDINATOR'))
    expect(peer.clock.pending().size).toBe(0)
  })
})

describe('while a group loads', () => {
  test('offsets are unknown yet, not absent', async () => {
    await commit('g', 'alpha', 7n)
    peer.coordinator.unload(0)
    const loaded = peer.coordinator.load(0, 0)
    const [now, before] = await Promise.all([
      peer.call('OffsetFetch', 9, { groups: [{ groupId: 'g', topics: null }] }),
      peer.call('OffsetFetch', 1, { groupId: 'g', topics: [{ name: 'alpha', partitionIndexes: [0] }] }),
    ])
    expect(now.groups[0]?.errorCode).toBe(errorCode('COORDINATOR_LOAD_IN_PROGRESS'))
    expect(before.topics).toEqual([
      { name: 'alpha', partitions: [{ partitionIndex: 0, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode: errorCode('COORDINATOR_LOAD_IN_PROGRESS') }] },
    ])
    await loaded
    expect(await fetched('g')).toEqual({ 'alpha-0': 7n })
  })
})

describe('offsets', () => {
  test('are written in the schema of Kafka', async () => {
    await commit('g', 'alpha', 7n)
    const { key, value } = lastRecord()
    expect([...key.subarray(0, 2), ...(value?.subarray(0, 2) ?? [])]).toEqual([0, 1, 0, 4])
    expect(decodeRecord('OffsetCommitKey', key)).toEqual({ group: 'g', topic: 'alpha', partition: 0 })
    expect(decodeRecord('OffsetCommitValue', value ?? new Uint8Array())).toEqual({
      offset: 7n, leaderEpoch: 2, metadata: 'm', commitTimestamp: BigInt(peer.clock.nowMs()), expireTimestamp: -1n, topicId: peer.topicId('alpha'),
    })
  })

  test('that carry their own retention are written with it', async () => {
    await commit('g', 'alpha', 7n, '', -1, 5_000n)
    const { value } = lastRecord()
    expect([...(value?.subarray(0, 2) ?? [])]).toEqual([0, 1])
    expect(decodeRecord('OffsetCommitValue', value ?? new Uint8Array()).expireTimestamp).toBe(BigInt(peer.clock.nowMs() + 5_000))
  })

  test('of a simple group expire after the retention, and the group with them', async () => {
    await commit('g', 'alpha', 7n)
    await peer.clock.advance(6 * DAY_MS)
    await settled()
    expect(await fetched('g')).toEqual({ 'alpha-0': 7n })
    await commit('g', 'beta', 8n)
    peer.clock.advance(DAY_MS + HOUR_MS)
    await settled()
    expect(await fetched('g')).toEqual({ 'beta-0': 8n })
    peer.clock.advance(6 * DAY_MS)
    await settled()
    expect(await fetched('g')).toEqual({})
    expect(await groupIds()).toEqual([])
    await peer.restart()
    expect(await groupIds()).toEqual([])
  })

  test('with a retention of their own expire by that', async () => {
    await commit('g', 'alpha', 7n, '', -1, BigInt(HOUR_MS))
    peer.clock.advance(2 * HOUR_MS)
    await settled()
    expect(await fetched('g')).toEqual({})
  })

  test('of a group count from when it became empty', async () => {
    const { memberId, generationId } = await stable()
    await commit('g', 'alpha', 7n, memberId, generationId)
    for (let day = 0; day < 8; day++) {
      for (let beat = 0; beat < DAY_MS; beat += 9_000) {
        peer.clock.advance(9_000)
        if (beat % 900_000 === 0) await settled()
        await heartbeat(memberId, generationId)
      }
    }
    expect(await fetched('g')).toEqual({ 'alpha-0': 7n })
    await peer.call('LeaveGroup', 5, { groupId: 'g', members: [{ memberId }] })
    peer.clock.advance(6 * DAY_MS)
    await settled()
    expect(await fetched('g')).toEqual({ 'alpha-0': 7n })
    peer.clock.advance(DAY_MS + HOUR_MS)
    await settled()
    expect(await fetched('g')).toEqual({})
    expect(await groupIds()).toEqual([])
  }, 60_000)

  test('go with their topic', async () => {
    await commit('g', 'alpha', 7n)
    await commit('g', 'beta', 8n)
    await commit('h', 'alpha', 9n)
    await peer.coordinator.onTopicsDeleted([{ name: 'alpha', id: peer.topicId('alpha') }])
    expect([await fetched('g'), await fetched('h')]).toEqual([{ 'beta-0': 8n }, {}])
  })

  test('of an earlier topic of the same name say nothing about the new one', async () => {
    await commit('g', 'alpha', 7n)
    peer.topics.delete('alpha')
    peer.addTopic('alpha', 4)
    const { groups } = await peer.call('OffsetFetch', 10, { groups: [{ groupId: 'g', topics: [{ topicId: peer.topicId('alpha'), partitionIndexes: [0] }] }] })
    expect(groups[0]?.topics[0]?.partitions[0]?.committedOffset).toBe(-1n)
  })
})

describe('offsets of a transaction', () => {
  const PRODUCER = { producerId: 4000n, producerEpoch: 3 }
  const txn = async (offset: bigint, producerId = PRODUCER.producerId, groupId = 'g'): Promise<number | undefined> => {
    const offsets = transactionalOffsets(peer.coordinator, peer.lookup)
    const response = await offsets.commitTransactional({
      transactionalId: 'tx', groupId, ...PRODUCER, producerId, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null,
      topics: [{ name: 'alpha', topicId: ZERO_UUID, partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null }] }],
    }, 5)
    return response.topics?.[0]?.partitions?.[0]?.errorCode
  }
  const end = (commits: boolean, producerId = PRODUCER.producerId): Promise<void> => peer.coordinator.completeTransaction(0, producerId, PRODUCER.producerEpoch, 1, commits, false)

  test('need a group, which others do not', async () => {
    expect(await txn(5n, PRODUCER.producerId, '')).toBe(errorCode('INVALID_GROUP_ID'))
    expect(await commit('', 'alpha', 1n)).toBe(0)
  })

  test('are unseen until it commits, and unstable for who asks', async () => {
    await commit('g', 'alpha', 1n)
    expect(await txn(5n)).toBe(0)
    expect(peer.log.of(OFFSETS_TOPIC, 0).at(-1)).toMatchObject({ producerId: 4000n, producerEpoch: 3, transactional: true })
    expect(await fetched('g')).toEqual({ 'alpha-0': 1n })
    const { groups } = await peer.call('OffsetFetch', 9, { groups: [{ groupId: 'g', topics: [{ name: 'alpha', partitionIndexes: [0, 1] }] }], requireStable: true })
    expect(groups[0]?.topics[0]?.partitions.map((partition) => partition.errorCode)).toEqual([errorCode('UNSTABLE_OFFSET_COMMIT'), 0])
    await end(true)
    expect(await fetched('g', true)).toEqual({ 'alpha-0': 5n })
  })

  test('are forgotten when it aborts', async () => {
    await txn(5n)
    await end(false)
    expect(await fetched('g', true)).toEqual({})
    expect(await txn(6n)).toBe(0)
  })

  test.each([[true], [false]])('are pending after a move, too (commit: %s)', async (commits) => {
    await txn(5n)
    await peer.restart()
    expect(await fetched('g')).toEqual({})
    await end(commits)
    expect(await fetched('g', true)).toEqual(commits ? { 'alpha-0': 5n } : {})
    await peer.restart()
    expect(await fetched('g', true)).toEqual(commits ? { 'alpha-0': 5n } : {})
  })

  test('give way to a later plain commit', async () => {
    await txn(5n)
    await commit('g', 'alpha', 9n)
    await end(true)
    expect(await fetched('g', true)).toEqual({ 'alpha-0': 9n })
  })

  test('of two producers count in the order of the log', async () => {
    await txn(5n, 1n)
    await txn(6n, 2n)
    await end(true, 2n)
    await end(true, 1n)
    expect(await fetched('g', true)).toEqual({ 'alpha-0': 6n })
  })

  test('keep their group from expiring', async () => {
    await txn(5n)
    peer.clock.advance(30 * DAY_MS)
    await settled()
    await end(true)
    expect(await fetched('g', true)).toEqual({ 'alpha-0': 5n })
  })
})

describe('listing', () => {
  test('filters by state and type, whatever the case', async () => {
    await stable()
    await commit('simple', 'alpha', 1n)
    expect((await groupIds()).sort()).toEqual(['g classic Stable', 'simple classic Empty'])
    const names = async (body: { statesFilter?: string[]; typesFilter?: string[] }): Promise<string[]> => (await peer.call('ListGroups', 5, body)).groups.map((group) => group.groupId)
    expect(await names({ statesFilter: ['stable'] })).toEqual(['g'])
    expect(await names({ typesFilter: ['Consumer'] })).toEqual([])
    expect(await names({ typesFilter: ['CLASSIC'], statesFilter: ['Empty'] })).toEqual(['simple'])
  })

  test('with offsets shows what tools need', async () => {
    const assignment = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 5]), Buffer.from('alpha'), Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255])])
    const { memberId, generationId } = await stable(assignment.toString('latin1'))
    await commit('g', 'alpha', 7n, memberId, generationId)
    expect(peer.coordinator.listGroupsWithOffsets()).toMatchObject([{
      groupId: 'g', type: 'classic', state: 'Stable', protocolName: 'range', epoch: 1,
      members: [{ memberId, clientHost: '/127.0.0.1' }],
      offsets: [{ topic: 'alpha', partition: 0, offset: 7n, leaderEpoch: 2, metadata: 'm' }],
    }])
  })
})

describe('FindCoordinator', () => {
  test('answers one key or many', async () => {
    const found = { nodeId: 1, host: '127.0.0.1', port: 9092, errorCode: 0 }
    expect(await peer.call('FindCoordinator', 3, { key: 'g', keyType: 0 })).toMatchObject({ ...found, errorMessage: 'NONE' })
    expect((await peer.call('FindCoordinator', 6, { coordinatorKeys: ['g', 'h'], keyType: 0 })).coordinators).toMatchObject([{ key: 'g', ...found }, { key: 'h', ...found }])
  })

  test('says to ask again where the internal topic is only coming', async () => {
    expect((await peer.call('FindCoordinator', 4, { coordinatorKeys: ['t'], keyType: 1 })).coordinators[0]).toMatchObject({ errorCode: errorCode('COORDINATOR_NOT_AVAILABLE'), nodeId: -1 })
    expect((await peer.call('FindCoordinator', 4, { coordinatorKeys: ['t'], keyType: 9 })).coordinators[0]).toMatchObject({ errorCode: errorCode('INVALID_REQUEST'), nodeId: -1 })
  })
})
