import { beforeEach, expect, test } from 'vitest'
import { ShareStateRouter } from '../../../src/broker/share-state-router.ts'
import { partitionForKey } from '../../../src/coordinator/key-partition.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { ShareCoordinator } from '../../../src/share/share-coordinator.ts'
import type { ShareDelivery } from '../../../src/share/share-delivery.ts'
import { localShareCoordinator, shareHandlers } from '../../../src/share/share-handlers.ts'
import { FakeCoordinatorLog, settled } from '../../support/fake-coordinator-log.ts'
import { FakeNetwork } from '../../support/fake-network.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid
const STATE_PARTITIONS = 2
const TIMEOUT_MS = 5000

let clock: ManualClock
let network: FakeNetwork
let log: FakeCoordinatorLog
let leaders: number[] | undefined
let created: number
let coordinators: Map<number, ShareCoordinator>
let router: ShareStateRouter

function coordinator(): ShareCoordinator {
  return new ShareCoordinator({
    log, clock, timers: clock, logger: silentLogger, settings: { updatesPerSnapshot: 500, pruneIntervalMs: 300_000, writeTimeoutMs: TIMEOUT_MS },
    partitionCount: () => (leaders === undefined ? undefined : STATE_PARTITIONS), ensureStateTopic: () => {}, deleteRecords: () => Promise.resolve(),
  })
}

beforeEach(async () => {
  clock = new ManualClock()
  network = new FakeNetwork()
  log = new FakeCoordinatorLog()
  created = 0
  leaders = [1, 2]
  coordinators = new Map([[1, coordinator()], [2, coordinator()]])
  for (const [node, each] of coordinators) network.nodes.set(node, shareHandlers(each, {} as ShareDelivery))
  router = routerOf(1)
  await coordinators.get(1)?.load(0, 0)
  await coordinators.get(2)?.load(1, 0)
})

function routerOf(nodeId: number): ShareStateRouter {
  return new ShareStateRouter({
    nodeId, clock, timers: clock, logger: silentLogger, timeoutMs: TIMEOUT_MS, interBroker: network.from(nodeId),
    local: localShareCoordinator(coordinators.get(nodeId) ?? coordinator()),
    coordinatorOf: (key) => leaders?.[partitionForKey(key, STATE_PARTITIONS)],
    ensureStateTopic: () => void created++,
  })
}

/** Asks again whenever the pause between two attempts is over. */
async function patiently<T>(answer: Promise<T>, durationMs = 1000): Promise<T> {
  for (let waited = 0; waited < durationMs; waited += 20) {
    await settled()
    clock.advance(20)
  }
  return answer
}
const all = (offset: bigint) => [{ topicId: TOPIC_ID, partitions: [0, 1, 2, 3].map((partition) => ({ partition, stateEpoch: 1, startOffset: offset })) }]
const codes = (results: readonly { partitions: readonly { partition: number; errorCode: number }[] }[]) => results.flatMap(({ partitions }) => partitions.map(({ partition, errorCode }) => [partition, errorCode]))
const write = (startOffset: bigint) => ({ stateEpoch: 1, leaderEpoch: 0, startOffset, deliveryCompleteCount: 0, stateBatches: [] })

test('each share partition is kept by its own coordinator, and answers come in the order of the question', async () => {
  expect(codes(await router.initialize('g', all(7n)))).toEqual([[0, 0], [1, 0], [2, 0], [3, 0]])
  expect(network.sent.map(({ to, api }) => [to, api])).toEqual([[2, 'InitializeShareGroupState']])
  const summaries = await router.readSummary('g', [{ topicId: TOPIC_ID, partitions: [3, 0].map((partition) => ({ partition, leaderEpoch: -1 })) }])
  expect(summaries.map(({ partitions }) => partitions.map(({ partition, startOffset }) => [partition, startOffset]))).toEqual([[[3, 7n], [0, 7n]]])
  for (const partition of [0, 1, 2, 3]) {
    const key = { groupId: 'g', topicId: TOPIC_ID, partition }
    expect(await router.writeState(key, write(9n))).toBe('NONE')
    expect(await routerOf(2).readState(key, 1)).toMatchObject({ stateEpoch: 1, startOffset: 9n })
  }
})

test('a coordinator that moves is followed', async () => {
  await router.initialize('g', all(0n))
  coordinators.get(2)?.unload(1)
  const written = Promise.all([0, 1, 2, 3].map((partition) => router.writeState({ groupId: 'g', topicId: TOPIC_ID, partition }, write(5n))))
  await settled()
  leaders = [1, 1]
  await coordinators.get(1)?.load(1, 0)
  expect(await patiently(written)).toEqual(['NONE', 'NONE', 'NONE', 'NONE'])
})

test('a write whose answer got lost is sent again, and takes nothing back of a later one', async () => {
  await router.initialize('g', all(0n))
  const partition = [0, 1, 2, 3].find((index) => partitionForKey(`g:${TOPIC_ID}:${index}`, STATE_PARTITIONS) === 1) ?? -1
  const key = { groupId: 'g', topicId: TOPIC_ID, partition }
  network.faults.push('answer lost')
  const first = router.writeState(key, write(5n))
  await settled()
  expect(await router.writeState(key, write(8n))).toBe('NONE')
  expect(await patiently(first)).toBe('NONE')
  expect(await router.readState(key, 0)).toMatchObject({ startOffset: 8n })
})

test('what nobody answers in time is told, each partition by itself', async () => {
  network.nodes.delete(2)
  const answers = await patiently(router.initialize('g', all(0n)), 6000)
  const expected = [0, 1, 2, 3].map((partition) => [partition, partitionForKey(`g:${TOPIC_ID}:${partition}`, STATE_PARTITIONS) === 1 ? 13 : 0])
  expect(codes(answers)).toEqual(expected)
  expect(new Set(expected.map(([, code]) => code)).size).toBe(2)
})

test('the topic of states is made when it is first needed', async () => {
  leaders = undefined
  const answers = router.initialize('g', all(0n))
  await settled()
  expect(created).toBeGreaterThan(0)
  leaders = [1, 2]
  expect(codes(await patiently(answers))).toEqual([[0, 0], [1, 0], [2, 0], [3, 0]])
})

test('once closed nothing is asked again', async () => {
  leaders = [-1, -1]
  const answers = router.initialize('g', all(0n))
  await settled()
  router.close()
  expect(codes(await answers).map(([, code]) => code)).toEqual([15, 15, 15, 15])
  expect(clock.pending().size).toBe(0)
})
