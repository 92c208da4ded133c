// A share partition at work, with a log, a store of states and a dead-letter queue in memory, and time that moves when told.

import { expect, test } from 'vitest'
import { encodeRecordBatch } from '../../../src/records/record-batch.ts'
import { loadCodec } from '../../../src/native.ts'
import { Logging } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import type { DeadLetters } from '../../../src/share/share-partition.ts'
import { ACKNOWLEDGE_TYPES } from '../../../src/share/share-partition.ts'
import { SharePartitionOwner } from '../../../src/share/share-partition-owner.ts'
import type { ShareState } from '../../../src/share/share-state.ts'
import { mergeBatches } from '../../../src/share/share-state.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const codec = await loadCodec()
const LIMITS = { maxBytes: 1_000_000, maxRecords: 100, batchSize: 100, acquireMode: 0 }
const KEY = { groupId: 'workers', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid, partition: 0 }

function setting(delaysMs: readonly number[]) {
  const clock = new ManualClock(1000)
  const bytes = Buffer.concat(delaysMs.map((_, offset) => {
    const batch = Buffer.from(encodeRecordBatch([{ timestampMs: 1, key: null, value: Buffer.from(String(offset)), headers: [] }], 'none', codec))
    batch.writeBigInt64BE(BigInt(offset), 0)
    return batch
  }))
  const sizeBytes = bytes.length / delaysMs.length
  let state: ShareState = { stateEpoch: 0, leaderEpoch: 0, startOffset: 0n, deliveryCompleteCount: 0, stateBatches: [] }
  const given: DeadLetters[] = []
  const readBytes: number[] = []
  const world = { clock, given, readBytes, sizeBytes, fault: null as string | null, state: () => state }
  const owner = new SharePartitionOwner({
    clock, timers: clock, logger: new Logging({ level: 'FATAL' }).logger('share'), sessionsMax: 10,
    topicById: () => undefined,
    settingsOf: () => ({ autoOffsetReset: { strategy: 'earliest' }, isolation: 'read_uncommitted', lockDurationMs: 100_000, deliveryCountLimit: 5, recordLocksMax: 100, allowsRenewal: false }),
    logs: {
      readRaw: async (_topic, _partition, offset, maxBytes) => (readBytes.push(maxBytes), {
        logStartOffset: 0n, aborted: [], bytes: bytes.subarray(Number(offset) * sizeBytes),
        waiting: delaysMs.flatMap((delayMs, at) => (1000 + delayMs > clock.nowMs() ? [{ firstOffset: BigInt(at), lastOffset: BigInt(at), dueMs: BigInt(1000 + delayMs) }] : [])),
      }),
      partitionOffsets: () => [{ logStartOffset: 0n, highWatermark: BigInt(delaysMs.length), leaderEpoch: 0 }],
      offsetForTimestamp: async () => null,
      watch: () => () => {},
    },
    states: {
      readState: async () => state,
      writeState: async (_key, write) => {
        state = { ...state, startOffset: write.startOffset, stateBatches: mergeBatches(state.stateBatches, write.stateBatches, write.startOffset) }
        return 'NONE'
      },
    },
    deadLetters: {
      hasQueue: () => true,
      write: async (_source, letters) => {
        if (world.fault === null) given.push(letters)
        return world.fault
      },
    },
    nodeId: 1,
    leaderOf: () => ({ leaderId: 1, leaderEpoch: 0 }),
    endpointOf: () => undefined,
  }, KEY, 'orders', 0)
  return { ...world, world, owner }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const reject = (offset: number) => [{ firstOffset: offset, lastOffset: offset, types: [ACKNOWLEDGE_TYPES.REJECT] }]

test('delayed records are passed by, not sent, and who waits is told when they are due', async () => {
  const { owner, clock } = setting([0, 500, 0])
  const first = await owner.take('a', LIMITS)
  expect(first).toMatchObject({ acquired: [{ firstOffset: 0, lastOffset: 0 }, { firstOffset: 2, lastOffset: 2 }] })
  expect(Buffer.from((first as { bytes: Uint8Array }).bytes).includes('1')).toBe(false)
  let told = 0
  owner.onAvailable(() => told++)
  expect(await owner.take('a', LIMITS)).toBeNull()
  clock.advance(499)
  expect(told).toBe(0)
  clock.advance(1)
  expect(told).toBe(1)
  expect(await owner.take('a', LIMITS)).toMatchObject({ acquired: [{ firstOffset: 1, lastOffset: 1 }] })
})

test('no more is read than a member takes, once it is known how large records are', async () => {
  const { owner, readBytes, sizeBytes } = setting([0, 0, 0, 0])
  await owner.take('a', { ...LIMITS, maxRecords: 1 })
  await owner.take('a', { ...LIMITS, maxRecords: 1000 })
  await owner.take('a', { ...LIMITS, maxRecords: 1 })
  expect(readBytes).toEqual([LIMITS.maxBytes, 1000 * sizeBytes, 32 * 1024])
})

test('a rejected record is archived once it is in the dead-letter queue, and waits for that as long as it takes', async () => {
  const { owner, clock, world, given, state } = setting([0, 0])
  await owner.take('a', LIMITS)
  world.fault = 'no such topic'
  expect(await owner.acknowledge('a', reject(0))).toBe('NONE')
  await settled()
  expect(state().stateBatches).toMatchObject([{ firstOffset: 0n, lastOffset: 0n, deliveryState: 3 }])
  clock.advance(500)
  await settled()
  expect(given).toEqual([])
  expect(state().startOffset).toBe(0n)
  world.fault = null
  clock.advance(999)
  await settled()
  expect(given).toEqual([])
  clock.advance(1)
  await settled()
  expect(given).toEqual([{ firstOffset: 0, lastOffset: 0, deliveryCount: 1, cause: 'rejected' }])
  expect(state()).toMatchObject({ startOffset: 1n, stateBatches: [] })
  expect(clock.pending().has(`share-dead-letters:workers:${KEY.topicId}:0`)).toBe(false)
})

test('a group that allows no renewal is told so', async () => {
  const { owner } = setting([0])
  await owner.take('a', LIMITS)
  expect(await owner.acknowledge('a', [{ firstOffset: 0, lastOffset: 0, types: [ACKNOWLEDGE_TYPES.RENEW] }])).toBe('INVALID_REQUEST')
})
