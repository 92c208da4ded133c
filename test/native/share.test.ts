// A share group over the wire: records go to members, what they say of them outlasts the broker (KIP-932).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadCodec } from '../../src/native.ts'
import { encodeRecordBatch } from '../../src/records/record-batch.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import type { ResponseOf } from '../../src/protocol/api-keys.ts'
import { ERRORS } from '../../src/protocol/error-codes.ts'
import { Logging } from '../../src/shared/logger.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { WireClient } from '../support/wire-client.ts'

const codec = await loadCodec()
const GROUP = 'workers'
let directory: string
let node: BrokerNode
let client: WireClient
let topicId: Uuid

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-share-'))
  await start()
  const { topics } = await client.call('CreateTopics', 7, { topics: [{ name: 'jobs', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 5000 })
  topicId = topics[0]?.topicId as Uuid
  await client.call('IncrementalAlterConfigs', 1, { resources: [{ resourceType: 32, resourceName: GROUP, configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }] }] })
})

afterEach(async () => {
  client.close()
  await node.close()
  rmSync(directory, { recursive: true, force: true })
})

async function start(): Promise<void> {
  const values = new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', directory]])
  node = await BrokerNode.start({ config: loadBrokerConfig([{ origin: 'test', values }]), logging: new Logging({ level: 'FATAL' }) })
  client = await WireClient.connect(node.listeners[0]?.port ?? 0)
}

async function produce(...values: string[]): Promise<void> {
  const records = encodeRecordBatch(values.map((value) => ({ timestampMs: 1, key: null, value: Buffer.from(value), headers: [] })), 'none', codec)
  await client.call('Produce', 13, { transactionalId: null, acks: -1, timeoutMs: 5000, topicData: [{ topicId, partitionData: [{ index: 0, records }] }] })
}

/** Joins, until the group's partition is this member's. */
async function joinGroup(memberId: string): Promise<void> {
  await client.call('FindCoordinator', 6, { keyType: 0, coordinatorKeys: [GROUP] })
  let memberEpoch = 0
  for (;;) {
    const answer = await client.call('ShareGroupHeartbeat', 1, { groupId: GROUP, memberId, memberEpoch, rackId: null, subscribedTopicNames: memberEpoch === 0 ? ['jobs'] : null })
    expect([0, ERRORS.COORDINATOR_NOT_AVAILABLE.code, ERRORS.NOT_COORDINATOR.code, ERRORS.COORDINATOR_LOAD_IN_PROGRESS.code]).toContain(answer.errorCode)
    if (answer.errorCode === 0) memberEpoch = answer.memberEpoch
    if ((answer.assignment?.topicPartitions.length ?? 0) > 0) return
  }
}

type Fetched = { records: [first: number, last: number, count: number][]; acknowledgeError: number }

async function fetch(memberId: string, shareSessionEpoch: number, acknowledge: { first: number; last: number; type: number } | null = null, maxWaitMs = 5000): Promise<Fetched> {
  const acknowledgementBatches = acknowledge === null ? [] : [{ firstOffset: BigInt(acknowledge.first), lastOffset: BigInt(acknowledge.last), acknowledgeTypes: [acknowledge.type] }]
  const answer: ResponseOf<'ShareFetch'> = await client.call('ShareFetch', 1, {
    groupId: GROUP, memberId, shareSessionEpoch, maxWaitMs, minBytes: 1, maxBytes: 1_000_000, maxRecords: 10, batchSize: 10,
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }], forgottenTopicsData: [],
  })
  expect(answer.errorCode).toBe(0)
  const partition = answer.responses[0]?.partitions[0]
  expect(partition?.errorCode ?? 0).toBe(0)
  return { records: (partition?.acquiredRecords ?? []).map(({ firstOffset, lastOffset, deliveryCount }) => [Number(firstOffset), Number(lastOffset), deliveryCount]), acknowledgeError: partition?.acknowledgeErrorCode ?? 0 }
}

const ACCEPT = 1
const RELEASE = 2

const open = (memberId: string): Promise<Fetched> => fetch(memberId, 0)

test('a member gets records, gives some back, and another gets those', async () => {
  await joinGroup('a')
  await produce('one', 'two', 'three')
  expect((await open('a')).records).toEqual([[0, 2, 1]])
  expect((await fetch('a', 1, { first: 0, last: 1, type: ACCEPT })).acknowledgeError).toBe(0)
  const released = await client.call('ShareAcknowledge', 1, { groupId: GROUP, memberId: 'a', shareSessionEpoch: 2, topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [{ firstOffset: 2n, lastOffset: 2n, acknowledgeTypes: [RELEASE] }] }] }] })
  expect(released.responses[0]?.partitions[0]?.errorCode).toBe(0)
  expect((await open('b')).records).toEqual([[2, 2, 2]])
  expect((await fetch('a', 3, { first: 2, last: 2, type: ACCEPT })).acknowledgeError).toBe(ERRORS.INVALID_RECORD_STATE.code)
})

test('a waiting member is answered when records come', async () => {
  await joinGroup('a')
  await fetch('a', 0, null, 0)
  const waiting = fetch('a', 1, null, 30_000)
  const writer = client
  client = await WireClient.connect(node.listeners[0]?.port ?? 0)
  await produce('late')
  expect((await waiting).records).toEqual([[0, 0, 1]])
  writer.close()
})

test('what was finished stays so when the broker comes back, and what was not comes again', async () => {
  await joinGroup('a')
  await produce('one', 'two', 'three')
  await open('a')
  await fetch('a', 1, { first: 1, last: 1, type: ACCEPT }, 0)
  client.close()
  await node.close()
  await start()
  await joinGroup('b')
  expect((await open('b')).records).toEqual([[0, 0, 1], [2, 2, 1]])
})

test('a session out of step is told so', async () => {
  await joinGroup('a')
  const answer = await client.call('ShareFetch', 1, { groupId: GROUP, memberId: 'a', shareSessionEpoch: 5, maxWaitMs: 0, minBytes: 1, maxBytes: 1, maxRecords: 1, batchSize: 1, topics: [], forgottenTopicsData: [] })
  expect(answer.errorCode).toBe(ERRORS.SHARE_SESSION_NOT_FOUND.code)
})
