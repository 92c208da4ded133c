import { beforeEach, expect, test } from 'vitest'
import { MarkerRouter } from '../../../src/broker/marker-router.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import type { RequestOf } from '../../../src/protocol/api-keys.ts'
import { writeTxnMarkers } from '../../../src/transactions/write-txn-markers-handler.ts'
import { FakeNetwork } from '../../support/fake-network.ts'
import { FakePartitions } from '../../support/transaction-broker.ts'

let network: FakeNetwork
let leaders: Map<string, number>
let here: FakePartitions
let there: FakePartitions
let router: MarkerRouter

beforeEach(() => {
  network = new FakeNetwork()
  here = new FakePartitions()
  there = new FakePartitions()
  leaders = new Map([['a-0', 1], ['a-1', 2], ['b-0', 2], ['c-0', 3]])
  network.nodes.set(2, { WriteTxnMarkers: (_context, request: RequestOf<'WriteTxnMarkers'>) => writeTxnMarkers({ markers: there, partitionCount: () => 2 }, request) })
  router = new MarkerRouter({ nodeId: 1, local: here, interBroker: network.from(1), leaderOf: (topic, partition) => leaders.get(`${topic}-${partition}`) ?? -1 })
})

const write = (topic: string, partition: number, producerId = 7n, epoch = 3, commit = true) => router.write({ topic, partition }, producerId, epoch, 5, commit, true)

test('markers go into the local log or to the broker that leads, in one request for all that come together', async () => {
  await Promise.all([write('a', 0), write('a', 1), write('b', 0), write('b', 0, 8n, 0, false)])
  expect(here.markers).toEqual([{ topic: 'a', partition: 0, producerId: 7n, producerEpoch: 3, coordinatorEpoch: 5, commit: true }])
  expect(there.markers).toEqual([
    { topic: 'a', partition: 1, producerId: 7n, producerEpoch: 3, coordinatorEpoch: 5, commit: true },
    { topic: 'b', partition: 0, producerId: 7n, producerEpoch: 3, coordinatorEpoch: 5, commit: true },
    { topic: 'b', partition: 0, producerId: 8n, producerEpoch: 0, coordinatorEpoch: 5, commit: false },
  ])
  expect(network.sent).toHaveLength(1)
})

test('two transactions of one producer never share a request, whose answer could not tell them apart', async () => {
  await Promise.all([write('b', 0, 7n, 3), write('b', 0, 7n, 4)])
  expect(network.sent).toHaveLength(2)
  expect(there.markers.map(({ producerEpoch }) => producerEpoch)).toEqual([3, 4])
})

test('each marker has the outcome of its own partition', async () => {
  there.failures.push(new KafkaError('NOT_LEADER_OR_FOLLOWER'))
  const outcomes = await Promise.allSettled([write('a', 1), write('b', 0)])
  expect(outcomes).toEqual([{ status: 'rejected', reason: expect.objectContaining({ errorName: 'NOT_LEADER_OR_FOLLOWER' }) }, { status: 'fulfilled', value: undefined }])
})

test('what cannot be reached or has no leader is refused, and the next attempt goes where the leader is by then', async () => {
  await expect(write('c', 0)).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  await expect(write('d', 0)).rejects.toMatchObject({ errorName: 'LEADER_NOT_AVAILABLE' })
  leaders.set('c-0', 2)
  await write('c', 0)
  expect(there.markers).toHaveLength(1)
})

test.each(['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_COORDINATOR', 'NOT_LEADER_OR_FOLLOWER'] as const)('a broker that does not lead the partition says so where it finds %s', async (found) => {
  there.failures.push(new KafkaError(found))
  await expect(write('b', 0)).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
})

test('while enough is under way more markers gather for the next request', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  network.delay = () => held
  const written: Promise<void>[] = []
  for (let producer = 0n; producer < 20n; producer++) {
    written.push(write('b', 0, producer))
    await Promise.resolve()
  }
  expect(network.sent).toHaveLength(5)
  release()
  await Promise.all(written)
  expect(network.sent).toHaveLength(6)
  expect(there.markers).toHaveLength(20)
})
