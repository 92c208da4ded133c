import { beforeEach, expect, test } from 'vitest'
import { ClusterCaller } from '../../../src/broker/cluster-caller.ts'
import type { ApiCaller } from '../../../src/broker/api.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { errorCode } from '../../../src/protocol/error-codes.ts'
import { settled } from '../../support/fake-coordinator-log.ts'
import { FakeNetwork } from '../../support/fake-network.ts'
import type { NodeHandlers } from '../../support/fake-network.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const HERE = 1
const THERE = 2

let clock: ManualClock
let network: FakeNetwork
let leaders: Record<string, number>
let coordinator: number | undefined
let alive: number[]
let caller: ClusterCaller

/** Every node tells its id: as a group, as an offset, as a config. */
function node(id: number): NodeHandlers {
  return {
    ListGroups: () => ({ groups: [{ groupId: `group-of-${id}`, groupState: 'Stable' }] }),
    DescribeGroups: (_context, { groups }: RequestOf<'DescribeGroups'>) => ({ groups: groups.map((groupId) => (coordinator === id ? { groupId, groupState: `of ${id}` } : { groupId, errorCode: errorCode('NOT_COORDINATOR') })) }),
    DeleteGroups: () => ({ results: [] }),
    ListOffsets: (_context, { topics }: RequestOf<'ListOffsets'>) => ({
      topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => (leaders[`${name}-${partitionIndex}`] === id ? { partitionIndex, offset: BigInt(id * 100 + partitionIndex) } : { partitionIndex, offset: -1n, errorCode: errorCode('NOT_LEADER_OR_FOLLOWER') })) })),
    }),
    DescribeConfigs: () => ({ results: [{ resourceName: `told by ${id}` }] }),
    Metadata: () => ({ controllerId: id }),
  }
}

beforeEach(() => {
  clock = new ManualClock()
  network = new FakeNetwork()
  leaders = { 'a-0': HERE, 'a-1': THERE, 'b-0': THERE }
  coordinator = THERE
  alive = [HERE, THERE]
  for (const id of [HERE, THERE]) network.nodes.set(id, node(id))
  const self = network.from(0)
  const local: ApiCaller = { call: <N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> => self.send(HERE, api, request) }
  caller = new ClusterCaller({
    nodeId: HERE, local, clock, timers: clock, interBroker: network.from(HERE), brokers: () => alive,
    leaderOf: (topic, partition) => leaders[`${topic}-${partition}`] ?? -1, coordinatorOf: () => coordinator,
  })
})

const offsets = async (...partitions: [string, number][]) => {
  const { topics } = await caller.call('ListOffsets', { topics: partitions.map(([name, partitionIndex]) => ({ name, partitions: [{ partitionIndex, timestamp: -1n }] })) })
  return Object.fromEntries(topics.flatMap(({ name, partitions: found }) => found.map(({ partitionIndex, offset, errorCode: code }) => [`${name}-${partitionIndex}`, code === 0 ? Number(offset) : code])))
}
const sentAbroad = () => network.sent.filter(({ from }) => from === HERE).map(({ to, api }) => [to, api])

test('each partition is asked for at its leader, and one without a leader here', async () => {
  expect(await offsets(['a', 0], ['a', 1], ['b', 0], ['c', 0])).toEqual({ 'a-0': 100, 'a-1': 201, 'b-0': 200, 'c-0': errorCode('NOT_LEADER_OR_FOLLOWER') })
  expect(sentAbroad()).toEqual([[THERE, 'ListOffsets']])
  expect(await caller.latestOffset('b', 0)).toBe(200n)
  network.nodes.delete(THERE)
  expect(await caller.latestOffset('b', 0)).toBe('NETWORK_EXCEPTION')
})

test('groups are listed by every broker that is up, and described by their coordinator', async () => {
  expect((await caller.call('ListGroups', {})).groups.map(({ groupId }) => groupId)).toEqual(['group-of-1', 'group-of-2'])
  expect((await caller.call('DescribeGroups', { groups: ['g'] })).groups[0]).toMatchObject({ errorCode: 0, groupState: 'of 2' })
  alive = []
  expect((await caller.call('ListGroups', {})).groups.map(({ groupId }) => groupId)).toEqual(['group-of-1'])
})

test('a coordinator that moves is followed, and for questions also one that cannot be reached', async () => {
  network.nodes.delete(THERE)
  const described = caller.call('DescribeGroups', { groups: ['g'] })
  await settled()
  coordinator = -1
  clock.advance(100)
  await settled()
  coordinator = HERE
  clock.advance(100)
  expect((await described).groups[0]).toMatchObject({ groupState: 'of 1' })
  coordinator = THERE
  await expect(caller.call('DeleteGroups', { groupsNames: ['g'] })).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  expect(clock.pending().size).toBe(0)
})

test('a coordinator that stays away is followed for ten seconds, and no longer than this broker runs', async () => {
  coordinator = -1
  const answers = caller.call('DescribeGroups', { groups: ['g'] })
  for (let waited = 0; waited <= 10_000; waited += 100) {
    await settled()
    clock.advance(100)
  }
  expect((await answers).groups[0]?.errorCode).toBe(errorCode('NOT_COORDINATOR'))
  const closed = caller.call('DescribeGroups', { groups: ['g'] })
  await settled()
  caller.close()
  expect((await closed).groups[0]?.errorCode).toBe(errorCode('NOT_COORDINATOR'))
})

test('what only one broker knows of itself is asked there, and anything else here', async () => {
  const told = async (resourceType: number, resourceName: string) => (await caller.call('DescribeConfigs', { resources: [{ resourceType, resourceName, configurationKeys: null }] })).results[0]?.resourceName
  expect(await told(4, '2')).toBe('told by 2')
  expect(await told(8, '2')).toBe('told by 2')
  expect(await told(4, '')).toBe('told by 1')
  expect(await told(4, '99')).toBe('told by 1')
  expect(await told(2, '2')).toBe('told by 1')
  expect((await caller.call('Metadata', { topics: [] })).controllerId).toBe(HERE)
  coordinator = undefined
  expect((await caller.call('DescribeGroups', { groups: ['g'] })).groups[0]?.errorCode).toBe(errorCode('NOT_COORDINATOR'))
})
