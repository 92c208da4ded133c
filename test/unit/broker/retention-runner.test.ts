import { beforeEach, expect, test } from 'vitest'
import { RetentionRunner } from '../../../src/broker/retention-runner.ts'
import type { RetentionPolicy } from '../../../src/broker/retention.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { FakeDataPlane, partitionState } from '../../support/fake-data-plane.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const INTERVAL_MS = 300_000

let clock: ManualClock
let dataPlane: FakeDataPlane
let policies: Map<string, RetentionPolicy>
let lines: string[]
let runner: RetentionRunner

beforeEach(() => {
  clock = new ManualClock()
  dataPlane = new FakeDataPlane({ nowMs: () => clock.nowMs() })
  policies = new Map()
  lines = []
  const log = (message: string): void => void lines.push(message)
  runner = new RetentionRunner({
    dataPlane,
    policyOf: (topic) => policies.get(topic) ?? null,
    shortestRetentionMs: () => 1000,
    intervalMs: INTERVAL_MS,
    clock,
    timers: clock,
    logger: { debug: log, info: log, warn: log, error: log },
  })
})

async function topicWithRecords(name: string, id: string): Promise<void> {
  dataPlane.applyTopics([{ name, id: id as Uuid, internal: false, partitions: [partitionState(0, 1)], config: {} as never }], [])
  policies.set(name, { retentionMs: 1000, retentionBytes: -1, deletes: true })
  for (let count = 0; count < 3; count++) {
    await dataPlane.append(name, 0, [{ key: null, value: new Uint8Array(10), timestampMs: null, headers: [] }], null)
    await dataPlane.rollSegment(name, 0)
  }
}

const startOf = (topic: string): bigint | undefined => dataPlane.partitionOffsets([{ topic, partition: 0 }])[0]?.logStartOffset

test('a pass drops what has expired, and later passes follow at the interval', async () => {
  await topicWithRecords('t', 'dG9waWMtMDAwMDAwMDAwMQ')
  runner.start()
  clock.advance(30_000)
  await runner.close()
  expect(startOf('t')).toBe(3n)
  expect(dataPlane.listSegments('t', 0)).toHaveLength(1)
})

test('passes go on until the runner is closed', async () => {
  runner.start()
  const start = clock.nowMs()
  expect([...clock.pending().values()]).toEqual([start + 30_000])
  clock.advance(30_000)
  await new Promise(setImmediate)
  expect([...clock.pending().values()]).toEqual([start + 30_000 + INTERVAL_MS])
  await runner.close()
  expect(clock.pending().size).toBe(0)
})

test('closing during a pass ends it, and no further one follows', async () => {
  await topicWithRecords('a', 'dG9waWMtMDAwMDAwMDAwMQ')
  await topicWithRecords('b', 'dG9waWMtMDAwMDAwMDAwMg')
  runner.start()
  clock.advance(30_000)
  await runner.close()
  expect([startOf('a'), startOf('b')]).toEqual([3n, 0n])
  await new Promise(setImmediate)
  expect(clock.pending().size).toBe(0)
})

test('a partition that fails does not keep the others from their turn', async () => {
  await topicWithRecords('a', 'dG9waWMtMDAwMDAwMDAwMQ')
  await topicWithRecords('b', 'dG9waWMtMDAwMDAwMDAwMg')
  clock.advance(5000)
  const deleteRecords = dataPlane.deleteRecords.bind(dataPlane)
  dataPlane.deleteRecords = (topic, ...rest) => (topic === 'a' ? Promise.reject(new Error('no disk')) : deleteRecords(topic, ...rest))
  await runner.run()
  expect([startOf('a'), startOf('b')]).toEqual([0n, 3n])
  expect(lines).toContain('retention failed for a partition')
})

test('a topic that is not known any more is left alone', async () => {
  await topicWithRecords('t', 'dG9waWMtMDAwMDAwMDAwMQ')
  policies.clear()
  clock.advance(5000)
  await runner.run()
  expect(startOf('t')).toBe(0n)
})
