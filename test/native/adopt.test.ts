// A directory that Apache Kafka 4.3 wrote, served as it was left: two partitions of three records each by one idempotent
// producer, a group that has read them, and a topic that was deleted and created anew without its configs.

import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadCodec } from '../../src/native.ts'
import { decodeRecordBatches, decodeRecords } from '../../src/records/record-batch.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { Logging } from '../../src/shared/logger.ts'
import { WireClient } from '../support/wire-client.ts'

const COORDINATOR_LOAD_IN_PROGRESS = 14
const KAFKA_LOG_DIR = fileURLToPath(new URL('../golden/kafka-log-dir', import.meta.url))

const codec = await loadCodec()
let directory: string
let node: BrokerNode | undefined
let client: WireClient | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-adopt-'))
  cpSync(KAFKA_LOG_DIR, directory, { recursive: true })
})

afterEach(async () => {
  client?.close()
  await node?.close()
  rmSync(directory, { recursive: true, force: true })
})

async function start(adopt: string[], nodeId = 1): Promise<WireClient> {
  const values = new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', directory], ['node.id', String(nodeId)]])
  const config = loadBrokerConfig([{ origin: 'test', values }])
  node = await BrokerNode.start({ config, adopt, logging: new Logging({ level: 'FATAL' }) })
  client = await WireClient.connect(node.listeners[0]?.port ?? 0)
  return client
}

async function restart(adopt: string[]): Promise<WireClient> {
  client?.close()
  await node?.close()
  return start(adopt)
}

test('topics named are served with their ids, records, configs and offsets', async () => {
  const asked = await start(['orders', '__consumer_offsets'])
  const { topics, clusterId } = await asked.call('Metadata', 13, { topics: null })
  expect(clusterId).toBe('thzXjkmLB3TENFEiaeWhzA')
  expect(topics.map(({ name, topicId, partitions }) => [name, topicId, partitions.length])).toEqual([
    ['orders', 'gd30Yi7vSNyy0PsRzjyvUA', 2],
    ['__consumer_offsets', 'PC66wxOhQKyjfZgKLs57zQ', 1],
  ])
  // The last leader of Kafka had epoch 0.
  expect(topics[0]?.partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch])).toEqual([[1, 1], [1, 1]])
  expect(await valuesOf(asked)).toEqual(['order-1', 'order-2', 'order-3', 'order-4', 'order-5', 'order-6'])

  const { results } = await asked.call('DescribeConfigs', 4, { resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms', 'cleanup.policy'] }] })
  expect(results[0]?.configs.map(({ name, value }) => `${name}=${value}`).sort()).toEqual(['cleanup.policy=compact', 'retention.ms=99999999'])

  const offsets = { groups: [{ groupId: 'g1', topics: [{ name: 'orders', partitionIndexes: [0, 1] }] }] }
  let { groups } = await asked.call('OffsetFetch', 9, offsets)
  while (groups[0]?.errorCode === COORDINATOR_LOAD_IN_PROGRESS) ({ groups } = await asked.call('OffsetFetch', 9, offsets))
  expect(groups[0]?.topics[0]?.partitions.map(({ committedOffset }) => committedOffset)).toEqual([3n, 3n])

  const { producerId } = await asked.call('InitProducerId', 4, { transactionalId: null })
  expect(producerId).toBeGreaterThanOrEqual(1000n)
})

test('what was adopted stays so, and more can be adopted later', async () => {
  await start(['orders'])
  const asked = await restart([])
  expect(await namesOf(asked)).toEqual(['orders'])
  const again = await restart(['__consumer_offsets'])
  expect(await namesOf(again)).toEqual(['orders', '__consumer_offsets'])
  const { results } = await again.call('DescribeConfigs', 4, { resources: [{ resourceType: 2, resourceName: '__consumer_offsets', configurationKeys: ['segment.bytes'] }] })
  expect(results[0]?.configs[0]?.value).toBe('104857600')
})

test('configs of a deleted topic do not come back with another of its name', async () => {
  const asked = await start(['gone'])
  const { results } = await asked.call('DescribeConfigs', 4, { resources: [{ resourceType: 2, resourceName: 'gone', configurationKeys: ['retention.ms'] }] })
  expect(results[0]?.configs[0]).toMatchObject({ name: 'retention.ms', value: '604800000' })
})

test('without a topic to adopt, nothing of it is touched', async () => {
  await expect(start([])).rejects.toMatchObject({ code: 'ADOPT', message: expect.stringContaining(`${directory} was written by Apache Kafka`) })
  expect(existsSync(join(directory, '__cluster_metadata-0', 'quorum-state'))).toBe(true)
})

test('a directory of another node is refused in one line', async () => {
  await expect(start(['orders'], 2)).rejects.toThrow(/^[^\n]*node[^\n]*$/)
  expect(existsSync(join(directory, '__cluster_metadata-0', 'quorum-state'))).toBe(true)
})

async function namesOf(asked: WireClient): Promise<(string | null)[]> {
  return (await asked.call('Metadata', 13, { topics: null })).topics.map(({ name }) => name)
}

async function valuesOf(asked: WireClient): Promise<string[]> {
  const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }))
  const { responses } = await asked.call('Fetch', 12, { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'orders', partitions }] })
  const batches = responses.flatMap((topic) => topic.partitions.flatMap(({ records }) => (records === null ? [] : [...decodeRecordBatches(records)])))
  return batches.flatMap((batch) => [...decodeRecords(batch, codec)].map(({ value }) => Buffer.from(value ?? []).toString())).sort()
}
