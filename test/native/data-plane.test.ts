// The bridge as the control plane sees it, on the real addon.

import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDataPlane } from '../../src/native.ts'
import type { DataPlane, DataPlaneEvent, DataPlaneOptions, ForwardedRequest, TopicState } from '../../src/native.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { partitionState } from '../support/fake-data-plane.ts'

const TOPIC_ID = 'dGVzdC10b3BpYy1pZC0xMg' as Uuid

let directory: string
let dataPlane: DataPlane

function options(): DataPlaneOptions {
  return {
    nodeId: 1,
    clusterId: 'bWlsbHJhY2UtY2x1c3Rlcg' as Uuid,
    logDirs: [directory],
    threadCount: 1,
    requestSizeMaxBytes: 1_000_000,
    connectionsMax: 100,
    connectionsMaxPerIp: 100,
    connectionIdleMaxMs: 60_000,
    fetchSessionsMax: 10,
    fetchSizeMaxBytes: 1_000_000,
    producerIdExpirationMs: 60_000,
    checkpointIntervalMs: 60_000,
    recoveryThreadCount: 1,
    rack: null,
    rackAwareReads: false,
    replicaFetcherCount: 1,
    replicaFetchMinBytes: 1,
    replicaFetchMaxBytes: 1_048_576,
    replicaFetchResponseMaxBytes: 10_485_760,
    replicaFetchWaitMaxMs: 500,
    replicaFetchBackoffMs: 1000,
    replicaLagTimeMaxMs: 30_000,
    replicaSocketTimeoutMs: 30_000,
    highWatermarkCheckpointIntervalMs: 5000,
  }
}

function topic(changes: Partial<TopicState['config']> = {}): TopicState {
  return {
    name: 'orders',
    id: TOPIC_ID,
    internal: false,
    partitions: [partitionState(0, 1)],
    config: {
      segmentBytes: 1 << 30,
      segmentMs: 604_800_000,
      segmentJitterMs: 0,
      segmentIndexBytes: 10 << 20,
      indexIntervalBytes: 4096,
      maxMessageBytes: 1_048_588,
      minInsyncReplicas: 1,
      compressionType: 'producer',
      compressionLevel: 0,
      timestampType: 'CreateTime',
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 3_600_000,
      flushMessages: Number.MAX_SAFE_INTEGER,
      flushMs: Number.MAX_SAFE_INTEGER,
      flushOnAck: false,
      preallocate: false,
      fileDeleteDelayMs: 60_000,
      compacted: false,
      deliveryDelayMaxMs: null,
      recordTtl: false,
      ...changes,
    },
  }
}

const text = (value: string): Uint8Array => Buffer.from(value)
const record = (value: string, timestampMs: number | null = null) => ({ key: null, value: text(value), timestampMs, headers: [] })

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-native-'))
  dataPlane = await openDataPlane(options())
})

afterEach(async () => {
  await dataPlane.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('appending and reading', () => {
  it('gives back what was appended, with keys, headers and times', async () => {
    dataPlane.applyTopics([topic()], [])
    const written = { key: text('k'), value: null, timestampMs: 1234, headers: [{ key: 'trace', value: text('t') }, { key: 'none', value: null }] }
    expect(await dataPlane.append('orders', 0, [written, record('b', 1300)], null)).toBe(0n)
    expect(await dataPlane.append('orders', 0, [record('c', 1400)], null)).toBe(2n)
    const batches = await dataPlane.read('orders', 0, 0n, 1_000_000)
    expect(batches.map((batch) => [batch.baseOffset, batch.lastOffset, batch.compression])).toEqual([[0n, 1n, 'none'], [2n, 2n, 'none']])
    const first = batches[0]?.records[0]
    expect(first?.timestampMs).toBe(1234)
    expect(Buffer.from(first?.key ?? []).toString()).toBe('k')
    expect(first?.value).toBeNull()
    expect(first?.headers.map((header) => [header.key, header.value && Buffer.from(header.value).toString()])).toEqual([['trace', 't'], ['none', null]])
    expect(await dataPlane.offsetForTimestamp('orders', 0, 1301)).toEqual({ offset: 2n, timestampMs: 1400 })
    expect(await dataPlane.offsetForTimestamp('orders', 0, 1401)).toBeNull()
  })

  it('waits for the group commit where the topic asks for it', async () => {
    dataPlane.applyTopics([topic({ flushOnAck: true })], [])
    const offsets = await Promise.all([0, 1, 2].map((n) => dataPlane.append('orders', 0, [record(`r${n}`)], null)))
    expect(offsets).toEqual([0n, 1n, 2n])
    expect(dataPlane.partitionOffsets([{ topic: 'orders', partition: 0 }])[0]?.highWatermark).toBe(3n)
  })

  it('keeps the last stable offset behind an open transaction until its marker', async () => {
    dataPlane.applyTopics([topic()], [])
    await dataPlane.append('orders', 0, [record('a')], null)
    await dataPlane.append('orders', 0, [record('b')], { producerId: 7n, producerEpoch: 0, transactional: true })
    const offsets = () => dataPlane.partitionOffsets([{ topic: 'orders', partition: 0 }])[0]
    expect(offsets()?.lastStableOffset).toBe(1n)
    expect(dataPlane.describeProducers('orders', 0)?.[0]).toMatchObject({ producerId: 7n, currentTxnStartOffset: 1n })
    await dataPlane.appendMarker('orders', 0, 7n, 0, 3, false, false)
    expect(offsets()?.lastStableOffset).toBe(3n)
    const marker = (await dataPlane.read('orders', 0, 2n, 1000))[0]
    expect(marker).toMatchObject({ control: { type: 'ABORT', coordinatorEpoch: 3 }, records: [] })
  })

  it('refuses a marker of a fenced producer with Kafka’s error', async () => {
    dataPlane.applyTopics([topic()], [])
    await dataPlane.append('orders', 0, [record('b')], { producerId: 7n, producerEpoch: 5, transactional: true })
    await expect(dataPlane.appendMarker('orders', 0, 7n, 4, 3, true, false)).rejects.toMatchObject({ errorName: 'INVALID_PRODUCER_EPOCH' })
  })

  it('names an unknown partition', async () => {
    await expect(dataPlane.append('absent', 0, [record('a')], null)).rejects.toBeInstanceOf(KafkaError)
    await expect(dataPlane.read('absent', 0, 0n, 1)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(dataPlane.partitionOffsets([{ topic: 'absent', partition: 0 }])).toEqual([null])
  })
})

describe('what is kept', () => {
  it('survives a clean restart', async () => {
    dataPlane.applyTopics([topic()], [])
    await dataPlane.append('orders', 0, [record('a'), record('b')], null)
    await dataPlane.close()
    dataPlane = await openDataPlane(options())
    expect(dataPlane.listLocalTopics()).toEqual([{ name: 'orders', id: TOPIC_ID, partitions: [0], logDir: directory }])
    dataPlane.applyTopics([topic()], [])
    expect(await dataPlane.append('orders', 0, [record('c')], null)).toBe(2n)
  })

  it('is cut by deleteRecords, up to the high watermark at most', async () => {
    dataPlane.applyTopics([topic()], [])
    await dataPlane.append('orders', 0, [record('a'), record('b')], null)
    await dataPlane.rollSegment('orders', 0)
    await dataPlane.append('orders', 0, [record('c')], null)
    expect(dataPlane.listSegments('orders', 0)?.map((segment) => [segment.baseOffset, segment.active])).toEqual([[0n, false], [2n, true]])
    expect(await dataPlane.deleteRecords('orders', 0, 2n)).toBe(2n)
    expect(dataPlane.listSegments('orders', 0)?.length).toBe(1)
    await expect(dataPlane.deleteRecords('orders', 0, 4n)).rejects.toMatchObject({ errorName: 'OFFSET_OUT_OF_RANGE' })
    expect(await dataPlane.deleteRecords('orders', 0, -1n)).toBe(3n)
  })

  it('is refused to a second broker while it is open', async () => {
    await expect(openDataPlane(options())).rejects.toThrow(/used by another broker/)
  })
})

describe('replicas', () => {
  it('say who leads, and refuse what is for the leader', async () => {
    dataPlane.setCluster({ brokerEpoch: 7, peers: [{ nodeId: 2, host: '127.0.0.1', port: 1, rack: null, brokerEpoch: 8 }], eligibleLeaderReplicas: false })
    dataPlane.applyTopics([{ ...topic(), partitions: [{ ...partitionState(0, 2, 5), replicas: [1, 2], isr: [2] }] }], [])
    await expect(dataPlane.append('orders', 0, [record('a')], null)).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
    await expect(dataPlane.deleteRecords('orders', 0, -1n)).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
  })

  it('propose an ISR without who has never fetched, and commit once that is metadata', async () => {
    await dataPlane.close()
    dataPlane = await openDataPlane({ ...options(), replicaLagTimeMaxMs: 20 })
    const proposed = new Promise<DataPlaneEvent>((resolve) => dataPlane.onEvent((event) => event.kind === 'isrProposed' && resolve(event)))
    dataPlane.setCluster({ brokerEpoch: 7, peers: [{ nodeId: 2, host: '127.0.0.1', port: 1, rack: null, brokerEpoch: 8 }], eligibleLeaderReplicas: false })
    const led = { ...partitionState(0, 1, 5), replicas: [1, 2], isr: [1, 2] }
    dataPlane.applyTopics([{ ...topic(), partitions: [led] }], [])
    const committed = dataPlane.append('orders', 0, [record('a')], null)
    expect(await proposed).toEqual({
      kind: 'isrProposed',
      topic: 'orders',
      topicId: TOPIC_ID,
      partition: 0,
      leaderEpoch: 5,
      partitionEpoch: 0,
      isr: [{ brokerId: 1, brokerEpoch: 7 }],
      recovered: true,
    })
    dataPlane.applyTopics([{ ...topic(), partitions: [{ ...led, isr: [1], partitionEpoch: 1 }] }], [])
    expect(await committed).toBe(0n)
  })

  it('give pending appends back when leadership goes', async () => {
    dataPlane.setCluster({ brokerEpoch: 7, peers: [{ nodeId: 2, host: '127.0.0.1', port: 1, rack: null, brokerEpoch: 8 }], eligibleLeaderReplicas: false })
    const led = { ...partitionState(0, 1, 5), replicas: [1, 2], isr: [1, 2] }
    dataPlane.applyTopics([{ ...topic(), partitions: [led] }], [])
    const lost = expect(dataPlane.append('orders', 0, [record('a')], null)).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER' })
    dataPlane.applyTopics([{ ...topic(), partitions: [{ ...led, leader: 2, leaderEpoch: 6, partitionEpoch: 1 }] }], [])
    await lost
  })

  it('move to another directory and tell a clean stop with its epoch', async () => {
    await dataPlane.close()
    const other = join(directory, 'other')
    const first = join(directory, 'first')
    const open = async () => openDataPlane({ ...options(), logDirs: [first, other] })
    dataPlane = await open()
    expect(dataPlane.cleanStart).toBe(false)
    dataPlane.setCluster({ brokerEpoch: 41, peers: [], eligibleLeaderReplicas: false })
    dataPlane.applyTopics([topic()], [])
    await dataPlane.append('orders', 0, [record('a')], null)
    await dataPlane.moveReplica('orders', 0, other)
    expect(dataPlane.partitionOffsets([{ topic: 'orders', partition: 0 }])[0]).toMatchObject({ logDir: other, highWatermark: 1n })
    await expect(dataPlane.moveReplica('orders', 0, '/nowhere')).rejects.toMatchObject({ errorName: 'LOG_DIR_NOT_FOUND' })
    await dataPlane.close()
    dataPlane = await open()
    expect([dataPlane.cleanStart, dataPlane.previousBrokerEpoch]).toEqual([true, 41])
    dataPlane.applyTopics([topic()], [])
    expect((await dataPlane.read('orders', 0, 0n, 1000)).length).toBe(1)
  })
})

describe('requests', () => {
  const frame = (apiKey: number, correlationId: number, body: Uint8Array = new Uint8Array()): Buffer => {
    const head = Buffer.alloc(14)
    head.writeInt32BE(10 + body.length, 0)
    head.writeInt16BE(apiKey, 4)
    head.writeInt16BE(0, 6)
    head.writeInt32BE(correlationId, 8)
    head.writeInt16BE(-1, 12)
    return Buffer.concat([head, body])
  }

  const collect = (socket: Socket, size: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      let received = Buffer.alloc(0)
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk])
        if (received.length >= size) resolve(received)
      })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('closed')))
    })

  it('of brokers to each other wait for no answer, and are answered in their order, whatever that of the answers', async () => {
    const writeShareGroupState = 85
    const requests: ForwardedRequest[] = []
    dataPlane.onRequest((request) => {
      requests.push(request)
      if (requests.length < 3) return
      for (const pending of requests.reverse()) dataPlane.respond(pending.requestId, pending.frame.subarray(4, 8))
    })
    const { port } = dataPlane.listen({ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 })
    const socket = connect(port, '127.0.0.1')
    socket.write(Buffer.concat([frame(writeShareGroupState, 1), frame(writeShareGroupState, 2, new Uint8Array(600_000)), frame(writeShareGroupState, 3)]))
    const answers = await collect(socket, 24)
    expect([4, 12, 20].map((at) => answers.readInt32BE(at))).toEqual([1, 2, 3])
    expect(requests[0]).toMatchObject({ listener: 'PLAINTEXT', clientAddress: '127.0.0.1' })
    socket.destroy()
  })

  it('that deserve no answer end their connection', async () => {
    dataPlane.onRequest((request) => dataPlane.disconnect(request.requestId, 'unknown API'))
    const { port } = dataPlane.listen({ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 })
    const socket = connect(port, '127.0.0.1')
    socket.write(frame(999, 1))
    await expect(collect(socket, 4)).rejects.toThrow('closed')
  })
})
