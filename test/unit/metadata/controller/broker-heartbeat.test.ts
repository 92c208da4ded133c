import { expect, test } from 'vitest'
import type { ClusterImage } from '../../../../src/metadata/cluster-image.ts'
import { heartbeat } from '../../../../src/metadata/controller/broker-heartbeat.ts'
import type { HeartbeatParts } from '../../../../src/metadata/controller/broker-heartbeat.ts'
import type { BrokerHeartbeatRequest } from '../../../../src/protocol/messages.ts'
import { errorName, KafkaError } from '../../../../src/protocol/error-codes.ts'
import { after, broker, changesOf, cluster, dirOf, epochOf, idOf, NO_ELR, partitionOf } from '../../../support/cluster-images.ts'

const policies = () => ({ minInsyncReplicas: 1, allowsUncleanElection: false })
const PARTS: HeartbeatParts = { policies, partitionCountMax: 100, controlledShutdownOffset: -1n, lowestActiveOffset: 5000n }

function beat(image: ClusterImage, brokerId: number, change: Partial<BrokerHeartbeatRequest> = {}, parts: Partial<HeartbeatParts> = {}) {
  const request = { brokerId, brokerEpoch: epochOf(brokerId), currentMetadataOffset: 5000n, wantFence: false, wantShutDown: false, offlineLogDirs: [], cordonedLogDirs: null, ...change }
  const { records, response } = heartbeat(image, request, { ...PARTS, ...parts })
  return { changes: changesOf(records), response, next: after(image, records) }
}

const UP = { isCaughtUp: true, isFenced: false, inControlledShutdown: false, shouldShutDown: false, isLast: true }
const fenced2 = [broker(1), broker(2, { fenced: true }), broker(3)]

test.each([
  ['a broker that is not registered', 9, 900n],
  ['another epoch', 2, 201n],
])('%s is refused', (_what, brokerId, brokerEpoch) => {
  try {
    beat(cluster(), brokerId, { brokerEpoch })
    expect.unreachable()
  } catch (error) {
    expect(errorName((error as KafkaError).errorCode)).toBe('STALE_BROKER_EPOCH')
  }
})

test('a heartbeat of a broker that is up changes nothing', () => {
  expect(beat(cluster({ topics: { t: [{}] } }), 2)).toMatchObject({ changes: [], response: UP })
})

test('a broker is unfenced once it has read its own registration, and then leads what nobody else can', () => {
  const image = cluster({ brokers: fenced2, topics: { t: [{ leader: -1, isr: [2] }, { leader: 1, isr: [1] }, { leader: -1, isr: [], eligibleLeaderReplicas: [2] }] } })
  const behind = beat(image, 2, { currentMetadataOffset: epochOf(2) - 1n })
  expect(behind).toMatchObject({ changes: [], response: { ...UP, isCaughtUp: false, isFenced: true } })
  const { changes, response } = beat(image, 2, { currentMetadataOffset: epochOf(2) })
  expect(changes).toEqual([
    { broker: 2, fenced: false },
    { partition: 0, leader: 2 },
    { partition: 2, leader: 2, isr: [2], eligibleLeaderReplicas: [] },
  ])
  expect(response).toEqual(UP)
})

test('a broker that wants to be fenced stays so, and becomes so', () => {
  expect(beat(cluster({ brokers: fenced2 }), 2, { wantFence: true })).toMatchObject({ changes: [], response: { ...UP, isFenced: true } })
  const { changes, response } = beat(cluster({ topics: { t: [{ leader: 2 }, {}] } }), 2, { wantFence: true })
  expect(changes).toEqual([{ partition: 0, leader: 1, isr: [1, 3] }, { partition: 1, isr: [1, 3] }, { broker: 2, fenced: true }])
  expect(response).toEqual({ ...UP, isFenced: true })
})

test('a broker that is fenced may go at once', () => {
  expect(beat(cluster({ brokers: fenced2 }), 2, { wantShutDown: true })).toMatchObject({ changes: [], response: { ...UP, isFenced: true, shouldShutDown: true } })
})

test('a broker that leads nothing may go at once, and is fenced with that', () => {
  const { changes, response } = beat(cluster({ topics: { t: [{}] } }), 2, { wantShutDown: true })
  expect(changes).toEqual([{ partition: 0, isr: [1, 3] }, { broker: 2, fenced: true }])
  expect(response).toEqual({ ...UP, isFenced: true, shouldShutDown: true })
})

test('a broker that leads hands over first, and goes when every other broker knows', () => {
  const image = cluster({ topics: { t: [{ leader: 2 }, { leader: 2, isr: [2] }, {}] }, features: NO_ELR })
  const begun = beat(image, 2, { wantShutDown: true })
  expect(begun.changes).toEqual([{ broker: 2, inControlledShutdown: true }, { partition: 0, leader: 1, isr: [1, 3] }, { partition: 1, leader: -1 }, { partition: 2, isr: [1, 3] }])
  expect(begun.response).toEqual({ ...UP, inControlledShutdown: true })
  const offset = begun.next.offset
  // Another controller may have taken over, which does not know that offset.
  for (const parts of [{}, { controlledShutdownOffset: offset, lowestActiveOffset: offset - 1n }]) {
    expect(beat(begun.next, 2, { wantShutDown: true }, parts)).toMatchObject({ changes: [], response: { ...UP, inControlledShutdown: true } })
  }
  const done = beat(begun.next, 2, { wantShutDown: true }, { controlledShutdownOffset: offset, lowestActiveOffset: offset })
  expect(done).toMatchObject({ changes: [{ broker: 2, fenced: true }], response: { ...UP, isFenced: true, shouldShutDown: true } })
})

test('a broker on its way out still leads: it is not let go', () => {
  const image = cluster({ brokers: [broker(1), broker(2, { inControlledShutdown: true }), broker(3)], topics: { t: [{ leader: 2, isr: [1, 2] }] } })
  const { changes, response } = beat(image, 2, { wantShutDown: true }, { controlledShutdownOffset: 10n })
  expect([changes, response]).toEqual([[{ partition: 0, leader: 1, isr: [1] }], { ...UP, inControlledShutdown: true }])
})

test('what lies in a directory that has failed is led and in sync elsewhere', () => {
  const other = idOf('other-dir')
  const at = (directory: ReturnType<typeof dirOf>) => [dirOf(1), directory, dirOf(3)]
  const image = cluster({
    brokers: [broker(1), broker(2, { logDirs: [dirOf(2), other] }), broker(3)],
    topics: { t: [{ leader: 2, directories: at(other) }, { leader: 2, directories: at(dirOf(2)) }, { directories: at(other) }] },
  })
  const { changes, response, next } = beat(image, 2, { offlineLogDirs: [other, idOf('unknown')] })
  expect(changes).toEqual([{ partition: 0, leader: 1, isr: [1, 3] }, { partition: 2, isr: [1, 3] }, { broker: 2, logDirs: [dirOf(2)] }])
  expect(response).toEqual(UP)
  expect(beat(next, 2, { offlineLogDirs: [other] }).changes).toEqual([])
})

test('cordoned directories are kept until they are named otherwise', () => {
  const { changes, next } = beat(cluster(), 2, { cordonedLogDirs: [dirOf(2)] })
  expect(changes).toEqual([{ broker: 2, cordonedLogDirs: [dirOf(2)] }])
  expect(beat(next, 2, { cordonedLogDirs: [dirOf(2)] }).changes).toEqual([])
  expect(beat(next, 2, { cordonedLogDirs: null }).changes).toEqual([])
  expect(beat(next, 2, { cordonedLogDirs: [] }).changes).toEqual([{ broker: 2, cordonedLogDirs: [] }])
})

test('a broker is unfenced and has lost a directory: both are told, one after the other', () => {
  const lost = idOf('other-dir')
  const image = cluster({ brokers: [broker(1), broker(2, { fenced: true, logDirs: [dirOf(2), lost] }), broker(3)] })
  const first = beat(image, 2, { offlineLogDirs: [lost] })
  expect(first).toMatchObject({ changes: [{ broker: 2, fenced: false }], response: { isLast: false } })
  expect(beat(first.next, 2, { offlineLogDirs: [lost] })).toMatchObject({ changes: [{ broker: 2, logDirs: [dirOf(2)] }], response: UP })
})

test('more partitions than one append takes: the same heartbeat again does the rest, and a shutdown is no shorter for it', () => {
  let image = cluster({ topics: { t: Array.from({ length: 5 }, (_, index) => ({ leader: index < 2 ? 2 : 1 })) } })
  const counts: number[] = []
  for (let isLast = false; !isLast; ) {
    const { changes, response, next } = beat(image, 2, { wantShutDown: true }, { partitionCountMax: 2 })
    expect(response).toMatchObject({ inControlledShutdown: true, shouldShutDown: false })
    counts.push(changes.length)
    image = next
    isLast = response.isLast
  }
  expect(counts).toEqual([3, 2, 1])
  expect([0, 1, 2, 3, 4].map((index) => partitionOf(image, 't', index).isr)).toEqual(Array.from({ length: 5 }, () => [1, 3]))
})
