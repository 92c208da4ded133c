import { beforeEach, expect, test } from 'vitest'
import { ClusterRecords } from '../../../src/broker/cluster-records.ts'
import type { RequestOf } from '../../../src/protocol/api-keys.ts'
import { errorCode } from '../../../src/protocol/error-codes.ts'
import { loadCodec } from '../../../src/native.ts'
import { encodeRecordBatch } from '../../../src/records/record-batch.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { FakeDataPlane } from '../../support/fake-data-plane.ts'
import { FakeNetwork } from '../../support/fake-network.ts'

const TOPIC_ID = 'dG9waWMtMDAwMDAwMDAwMQ' as Uuid
const HERE = 1
const THERE = 2

let dataPlane: FakeDataPlane
let network: FakeNetwork
let leader: number
let fetched: { errorCode: number; records: Uint8Array | null }
let records: ClusterRecords

beforeEach(async () => {
  dataPlane = new FakeDataPlane({ nowMs: () => 1000 })
  network = new FakeNetwork()
  leader = THERE
  fetched = { errorCode: 0, records: null }
  network.nodes.set(THERE, {
    Fetch: (_context, { topics }: RequestOf<'Fetch'>) => ({ responses: topics.map(({ topicId, topic }) => ({ topicId, topic, partitions: [{ partitionIndex: 0, highWatermark: 9n, ...fetched }] })) }),
    ListOffsets: (_context, { topics }: RequestOf<'ListOffsets'>) => ({
      topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex, timestamp }) => ({ partitionIndex, offset: timestamp === -2n ? 4n : timestamp === -1n ? 9n : timestamp > 5000n ? -1n : 7n })) })),
    }),
  })
  const interBroker = network.from(HERE)
  records = new ClusterRecords({
    nodeId: HERE, dataPlane, interBroker, caller: { call: (api, request) => interBroker.send(THERE, api, request) },
    leaderOf: () => leader, topic: (name) => (name === 't' ? { id: TOPIC_ID, partitionCount: 1 } : undefined),
  })
})

test('records of another leader are fetched from it and unpacked', async () => {
  const codec = await loadCodec()
  const header = { key: 'h', value: Buffer.from('x') }
  fetched.records = encodeRecordBatch([{ key: null, value: Buffer.from('one'), timestampMs: 5, headers: [header] }, { key: Buffer.from('k'), value: null, timestampMs: 6, headers: [] }], 'gzip', codec)
  const [batch] = await records.read('t', 0, 0n, 1000)
  expect(batch).toMatchObject({ baseOffset: 0n, lastOffset: 1n, compression: 'gzip', control: null, transactional: false })
  expect(batch?.records.map(({ offset, timestampMs, key, value }) => [offset, timestampMs, key && String(key), value && String(value)])).toEqual([[0n, 5, null, 'one'], [1n, 6, 'k', null]])
  expect(batch?.records[0]?.headers).toEqual([{ key: 'h', value: Buffer.from('x') }])
  expect(network.sent[0]?.request).toMatchObject({ replicaState: { replicaId: -1 }, sessionEpoch: -1, topics: [{ topicId: TOPIC_ID }] })
  expect(await records.range('t', 0)).toEqual({ logStartOffset: 4n, highWatermark: 9n })
  expect(await records.offsetForTimestamp('t', 0, 3000)).toBe(7n)
  expect(await records.offsetForTimestamp('t', 0, 6000)).toBeNull()
})

test('what this broker leads is read without asking anybody', async () => {
  leader = HERE
  dataPlane.applyTopics([{ name: 't', id: TOPIC_ID, internal: false, partitions: [{ index: 0, leaderEpoch: 4 } as never], config: {} as never }], [])
  await dataPlane.append('t', 0, [{ key: null, value: Buffer.from('one'), timestampMs: 5, headers: [] }], null)
  expect(await records.range('t', 0)).toMatchObject({ logStartOffset: 0n, highWatermark: 1n })
  expect((await records.read('t', 0, 0n, 1000))[0]?.records).toHaveLength(1)
  expect(await records.offsetForTimestamp('t', 0, 5)).toBe(0n)
  expect(network.sent).toEqual([])
})

test('what the leader refuses, no leader and no topic are told by their names', async () => {
  fetched.errorCode = errorCode('OFFSET_OUT_OF_RANGE')
  await expect(records.read('t', 0, 0n, 1000)).rejects.toMatchObject({ errorName: 'OFFSET_OUT_OF_RANGE' })
  leader = -1
  await expect(records.read('t', 0, 0n, 1000)).rejects.toMatchObject({ errorName: 'LEADER_NOT_AVAILABLE' })
  await expect(records.range('t', 1)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await expect(records.range('u', 0)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
})
