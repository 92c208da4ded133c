// What a share group gives up, through a whole broker (KIP-1191), and delayed records that it passes by.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { encodeRecordBatch } from '../../src/records/record-batch.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { loadCodec } from '../../src/native.ts'
import type { StoredRecord } from '../../src/native.ts'
import { ERRORS } from '../../src/protocol/error-codes.ts'
import { Logging } from '../../src/shared/logger.ts'
import type { Uuid } from '../../src/shared/uuid.ts'
import { WireClient } from '../support/wire-client.ts'

const codec = await loadCodec()
const GROUP = 'workers'
const QUEUE = 'dlq.jobs'
const REJECT = 3
let directory: string
let node: BrokerNode
let client: WireClient
let topicId: Uuid

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-dead-letters-'))
  await start()
  topicId = await createTopic('jobs', { 'delivery.delay.enable': 'true' })
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

async function createTopic(name: string, configs: Readonly<Record<string, string>>): Promise<Uuid> {
  const { topics } = await client.call('CreateTopics', 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }], timeoutMs: 5000 })
  expect(topics[0]?.errorMessage ?? null).toBeNull()
  return topics[0]?.topicId as Uuid
}

async function configure(resourceType: number, resourceName: string, configs: Readonly<Record<string, string>>): Promise<void> {
  const { responses } = await client.call('IncrementalAlterConfigs', 1, { resources: [{ resourceType, resourceName, configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value })) }] })
  expect(responses[0]?.errorMessage ?? null).toBeNull()
}

const configureGroup = (configs: Readonly<Record<string, string>>) => configure(32, GROUP, { 'share.auto.offset.reset': 'earliest', ...configs })

async function produce(value: string, deliverAtMs: number | null = null): Promise<void> {
  const headers = deliverAtMs === null ? [] : [{ key: 'millrace.deliver.at', value: Buffer.from(String(deliverAtMs)) }]
  const records = encodeRecordBatch([{ timestampMs: 1, key: null, value: Buffer.from(value), headers }], 'none', codec)
  const { responses } = await client.call('Produce', 13, { transactionalId: null, acks: -1, timeoutMs: 5000, topicData: [{ topicId, partitionData: [{ index: 0, records }] }] })
  expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
}

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

async function fetch(memberId: string, shareSessionEpoch: number, rejected: readonly number[] = [], maxWaitMs = 5000): Promise<[first: number, last: number, count: number][]> {
  const acknowledgementBatches = rejected.map((offset) => ({ firstOffset: BigInt(offset), lastOffset: BigInt(offset), acknowledgeTypes: [REJECT] }))
  const answer = await client.call('ShareFetch', 1, {
    groupId: GROUP, memberId, shareSessionEpoch, maxWaitMs, minBytes: 1, maxBytes: 1_000_000, maxRecords: 10, batchSize: 10,
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }], forgottenTopicsData: [],
  })
  expect(answer.errorCode).toBe(0)
  const partition = answer.responses[0]?.partitions[0]
  expect(partition?.acknowledgeErrorCode ?? 0).toBe(0)
  return (partition?.acquiredRecords ?? []).map(({ firstOffset, lastOffset, deliveryCount }) => [Number(firstOffset), Number(lastOffset), deliveryCount])
}

/** What lies in the queue once so many records do. */
async function queued(count: number): Promise<{ value: string | null; offset: string }[]> {
  for (;;) {
    const advanced = new Promise<void>((resolve) => void node.dataPlane.watch(QUEUE, 0, resolve))
    const records: StoredRecord[] = (await node.dataPlane.read(QUEUE, 0, 0n, 1_000_000)).flatMap((batch) => batch.records)
    if (records.length >= count) {
      return records.map(({ value, headers }) => ({ value: value && String(Buffer.from(value)), offset: String(Buffer.from(headers.find(({ key }) => key === '__dlq.errors.offset')?.value ?? [])) }))
    }
    await advanced
  }
}

const startOffset = async (): Promise<number> => {
  const { groups } = await client.call('DescribeShareGroupOffsets', 1, { groups: [{ groupId: GROUP, topics: [{ topicName: 'jobs', partitions: [0] }] }] })
  return Number(groups[0]?.topics[0]?.partitions[0]?.startOffset)
}

test('a rejected record goes to the queue with its content, and the group moves on', async () => {
  await createTopic(QUEUE, { 'errors.deadletterqueue.group.enable': 'true' })
  await configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE, 'errors.deadletterqueue.copy.record.enable': 'true' })
  await joinGroup('a')
  await produce('one')
  await produce('two')
  expect(await fetch('a', 0)).toEqual([[0, 1, 1]])
  await fetch('a', 1, [0, 1], 0)
  expect(await queued(2)).toEqual([{ value: 'one', offset: '0' }, { value: 'two', offset: '1' }])
})

test('where there is no queue yet nothing is lost, not even when the broker goes', async () => {
  await configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE })
  await joinGroup('a')
  await produce('one')
  expect(await fetch('a', 0)).toEqual([[0, 0, 1]])
  await fetch('a', 1, [0], 0)
  expect(await startOffset()).toBe(0)
  client.close()
  await node.close()
  await start()
  await createTopic(QUEUE, { 'errors.deadletterqueue.group.enable': 'true' })
  await joinGroup('b')
  expect(await fetch('b', 0, [], 0)).toEqual([])
  expect(await queued(1)).toEqual([{ value: null, offset: '0' }])
})

test('a queue is made where the broker may', async () => {
  await configure(4, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'true' })
  await configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE })
  await joinGroup('a')
  await produce('one')
  await fetch('a', 0)
  const created = new Promise<void>((resolve) => node.metadata.onChange((image) => image.topicsByName.has(QUEUE) && resolve()))
  await fetch('a', 1, [0], 0)
  await created
  expect(await queued(1)).toEqual([{ value: null, offset: '0' }])
})

test('a group passes by what is delayed, and gets it at its time', async () => {
  await configureGroup({})
  await joinGroup('a')
  const dueMs = Date.now() + 1500
  await produce('now')
  await produce('later', dueMs)
  await produce('behind')
  expect(await fetch('a', 0)).toEqual([[0, 0, 1], [2, 2, 1]])
  expect(await fetch('a', 1, [], 20_000)).toEqual([[1, 1, 1]])
  expect(Date.now()).toBeGreaterThanOrEqual(dueMs)
})
