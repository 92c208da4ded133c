import { beforeEach, expect, test } from 'vitest'
import type { Encodable, RequestOf } from '../../../src/protocol/api-keys.ts'
import { errorCode } from '../../../src/protocol/error-codes.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { ShareDelivery } from '../../../src/share/share-delivery.ts'
import { settled } from '../../support/fake-coordinator-log.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid
const HERE = 1

let clock: ManualClock
let leader: { leaderId: number; leaderEpoch: number }
let localEpoch: number
let readEpochs: number[]
let watches: Set<() => void>
let delivery: ShareDelivery

beforeEach(() => {
  clock = new ManualClock()
  leader = { leaderId: HERE, leaderEpoch: 3 }
  localEpoch = 3
  readEpochs = []
  watches = new Set()
  delivery = new ShareDelivery({
    nodeId: HERE, clock, timers: clock, logger: silentLogger, sessionsMax: 10,
    logs: {
      readRaw: async () => ({ logStartOffset: 0n, aborted: [], bytes: new Uint8Array(0), waiting: [] }),
      partitionOffsets: () => [{ logStartOffset: 0n, highWatermark: 0n, leaderEpoch: localEpoch }],
      offsetForTimestamp: async () => null,
      watch: (_topic, _partition, onAdvance) => (watches.add(onAdvance), () => void watches.delete(onAdvance)),
    },
    states: {
      readState: async (_key, leaderEpoch) => (readEpochs.push(leaderEpoch), { stateEpoch: 0, leaderEpoch, startOffset: 0n, deliveryCompleteCount: 0, stateBatches: [] }),
      writeState: async () => 'NONE',
    },
    topicById: (id) => (id === TOPIC_ID ? { name: 'data', partitionCount: 1 } : undefined),
    leaderOf: () => leader,
    endpointOf: (nodeId, listener) => (nodeId < 0 ? undefined : { nodeId, host: `${listener}-${nodeId}`, port: 9092, rack: null }),
    settingsOf: () => ({ autoOffsetReset: { strategy: 'earliest' }, isolation: 'read_uncommitted', lockDurationMs: 30_000, deliveryCountLimit: 5, recordLocksMax: 100, allowsRenewal: true }),
    deadLetters: { hasQueue: () => false, write: async () => null },
  })
})

function fetch(shareSessionEpoch: number, changes: Encodable<RequestOf<'ShareFetch'>> = {}) {
  const request = { groupId: 'g', memberId: 'm', shareSessionEpoch, maxWaitMs: 10_000, minBytes: 1, maxBytes: 1 << 20, maxRecords: 100, batchSize: 100, shareAcquireMode: 0, isRenewAck: false, topics: [], forgottenTopicsData: [], ...changes }
  return delivery.fetch(request as unknown as RequestOf<'ShareFetch'>, 'CLIENTS')
}
const reading = { topics: [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }] }
const elsewhere = expect.objectContaining({ errorCode: errorCode('NOT_LEADER_OR_FOLLOWER'), currentLeader: { leaderId: 2, leaderEpoch: 4 } })

test('who waits for records of a partition that is led elsewhere by now is told so at once, and by whom', async () => {
  const waiting = fetch(0, reading)
  await settled()
  expect(watches.size).toBe(1)
  leader = { leaderId: 2, leaderEpoch: 4 }
  delivery.onLeadersChanged()
  const { responses, nodeEndpoints } = await waiting
  expect(responses).toEqual([{ topicId: TOPIC_ID, partitions: [elsewhere] }])
  expect(nodeEndpoints).toEqual([{ nodeId: 2, host: 'CLIENTS-2', port: 9092, rack: null }])
  expect(watches.size).toBe(0)
  expect(clock.pending().size).toBe(0)
})

test('a partition that this broker only follows is not read, whatever it has of it', async () => {
  leader = { leaderId: 2, leaderEpoch: 4 }
  expect((await fetch(0, reading)).responses).toEqual([{ topicId: TOPIC_ID, partitions: [elsewhere] }])
  expect(readEpochs).toEqual([])
  const acknowledged = await delivery.acknowledge({ groupId: 'g', memberId: 'm', shareSessionEpoch: 1, isRenewAck: false, topics: [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 0n, lastOffset: 0n, acknowledgeTypes: [1] }] }] }] }, 'CLIENTS')
  expect(acknowledged.responses).toEqual([{ topicId: TOPIC_ID, partitions: [elsewhere] }])
})

test('in a new epoch the state is read anew, once the log is led in that epoch too', async () => {
  const waiting = fetch(0, reading)
  await settled()
  leader = { leaderId: HERE, leaderEpoch: 5 }
  delivery.onLeadersChanged()
  expect((await waiting).responses).toEqual([{ topicId: TOPIC_ID, partitions: [expect.objectContaining({ errorCode: errorCode('NOT_LEADER_OR_FOLLOWER') })] }])
  localEpoch = 5
  const again = fetch(1)
  await settled()
  expect(readEpochs).toEqual([3, 5])
  clock.advance(10_000)
  expect((await again).responses).toEqual([])
})

test.each([
  ['no records', { ...reading, maxRecords: 0 }],
  ['no bytes', { ...reading, maxBytes: 0 }],
  ['no partitions', {}],
])('who asks for %s is answered at once and gets none', async (_what, changes) => {
  expect(await fetch(0, changes)).toMatchObject({ responses: [] })
  expect(watches.size).toBe(0)
  expect(readEpochs).toEqual([])
  expect(clock.pending().size).toBe(0)
})
