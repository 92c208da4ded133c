// Whole brokers on the real data plane, asked over connections.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { Broker } from '../../src/index.ts'
import type { BrokerOptions } from '../../src/index.ts'
import { Logging } from '../../src/shared/logger.ts'
import { produce, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

let brokers: Broker[]
let clients: WireClient[]
let directory: string

beforeEach(() => {
  brokers = []
  clients = []
  directory = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
})

afterEach(async () => {
  for (const client of clients) client.close()
  for (const broker of brokers) await broker.close()
  rmSync(directory, { recursive: true, force: true })
})

async function start(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await Broker.start({ logLevel: 'FATAL', ...options })
  brokers.push(broker)
  return broker
}

async function connect({ port }: Broker): Promise<WireClient> {
  const client = await WireClient.connect(port)
  clients.push(client)
  return client
}

test('brokers of one process know nothing of each other', async () => {
  const [one, two] = [await start(), await start({ settings: { 'node.id': 7 } })]
  expect(one.port).not.toBe(two.port)
  expect(one.clusterId).not.toBe(two.clusterId)
  const [toOne, toTwo] = [await connect(one), await connect(two)]
  await toOne.call('CreateTopics', 7, { topics: [{ name: 'only-here', numPartitions: 2, replicationFactor: 1 }] })
  const [ofOne, ofTwo] = [await toOne.call('Metadata', 13, { topics: null }), await toTwo.call('Metadata', 13, { topics: null })]
  expect(ofOne.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['only-here', 2]])
  expect(ofTwo.topics).toEqual([])
  expect(ofTwo.brokers).toEqual([{ nodeId: 7, host: '127.0.0.1', port: two.port, rack: null }])
  expect([ofOne.clusterId, ofTwo.clusterId]).toEqual([one.clusterId, two.clusterId])
})

test('a restart keeps the cluster, its topics and their settings, and a removed topic stays removed', async () => {
  const first = await start({ dataDir: directory })
  const client = await connect(first)
  const created = await client.call('CreateTopics', 7, {
    topics: [
      { name: 'kept', numPartitions: 3, replicationFactor: 1, configs: [{ name: 'retention.ms', value: '123456' }] },
      { name: 'gone', numPartitions: 1, replicationFactor: 1 },
    ],
  })
  await client.call('DeleteTopics', 6, { topics: [{ name: 'gone' }] })
  await first.close()

  const second = await start({ dataDir: directory })
  expect(second.clusterId).toBe(first.clusterId)
  const again = await connect(second)
  const { topics } = await again.call('Metadata', 13, { topics: null })
  expect(topics.map(({ name, topicId, partitions }) => ({ name, topicId, count: partitions.length }))).toEqual([
    { name: 'kept', topicId: created.topics[0]?.topicId, count: 3 },
  ])
  const { results } = await again.call('DescribeConfigs', 4, { resources: [{ resourceType: 2, resourceName: 'kept', configurationKeys: ['retention.ms'] }] })
  expect(results[0]?.configs[0]?.value).toBe('123456')
  expect(readdirSync(directory).filter((name) => name.startsWith('kept-')).sort()).toEqual(['kept-0', 'kept-1', 'kept-2'])
})

test('a write of metadata that a crash cut short is cut off, and said so in one line', async () => {
  const crashed = join(directory, 'crashed')
  const client = await connect(await start({ dataDir: join(directory, 'running') }))
  await client.call('CreateTopics', 7, { topics: [{ name: 'kept', numPartitions: 1, replicationFactor: 1 }] })
  cpSync(join(directory, 'running'), crashed, { recursive: true })
  appendFileSync(join(crashed, '__cluster_metadata-0', '00000000000000000000.log'), new Uint8Array(70).fill(1))

  const lines: string[] = []
  const config = loadBrokerConfig([{ origin: 'test', values: new Map([['listeners', 'PLAINTEXT://127.0.0.1:0'], ['log.dirs', crashed]]) }])
  const node = await BrokerNode.start({ config, logging: new Logging({ write: (line) => lines.push(line) }) })
  expect([...node.metadata.image.topicsByName.keys()]).toEqual(['kept'])
  await node.close()
  expect(lines.filter((line) => line.includes('cut an unfinished write off a log'))).toEqual([expect.stringMatching(/ WARN .* topic=__cluster_metadata partition=0 bytes=70\n$/)])
})

test('a group commits an offset that outlasts a restart', async () => {
  const first = await start({ dataDir: directory })
  const client = await connect(first)
  await client.call('CreateTopics', 7, { topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }] })
  const commit = { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 42n }] }] }
  await settled(async () => (await client.call('OffsetCommit', 9, commit)).topics[0]?.partitions[0]?.errorCode, client)
  await first.close()

  const again = await connect(await start({ dataDir: directory }))
  const fetched = async () => (await again.call('OffsetFetch', 9, { groups: [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] }] })).groups[0]
  await settled(async () => (await fetched())?.errorCode, again)
  expect((await fetched())?.topics[0]?.partitions[0]?.committedOffset).toBe(42n)
})

/** Asks until there is no error, as a client does while its coordinator comes into being; each time it finds the coordinator first. */
async function settled(ask: () => Promise<number | undefined>, client: WireClient): Promise<void> {
  for (;;) {
    const { coordinators } = await client.call('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['g'] })
    const code = coordinators[0]?.errorCode === 0 ? await ask() : 15
    if (code === 0) return
    expect([14, 15, 16]).toContain(code)
  }
}

test('records past retention.ms go, those of the active segment too, and what follows is written after them', async () => {
  const client = await connect(await start({ dataDir: directory, settings: { 'log.retention.check.interval.ms': 20 } }))
  const topic = (name: string, config: string, value: string) => ({ name, numPartitions: 1, replicationFactor: 1, configs: [{ name: config, value }] })
  await client.call('CreateTopics', 7, { topics: [topic('short', 'retention.ms', '60000'), topic('kept', 'retention.ms', '-1'), topic('full', 'retention.bytes', '0')] })
  const hourAgo = Date.now() - 3_600_000
  for (const name of ['short', 'kept', 'full']) expect(await produce(client, name, 0, recordBatch(['a', 'b'], undefined, hourAgo))).toEqual({ errorCode: 0, baseOffset: 0n })
  const startOf = async (name: string) =>
    (await client.call('ListOffsets', 7, { topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -2n }] }] })).topics[0]?.partitions[0]?.offset
  while ((await startOf('short')) !== 2n);
  expect([await startOf('kept'), await startOf('full')]).toEqual([0n, 0n])
  expect(await produce(client, 'short', 0, recordBatch(['c']))).toEqual({ errorCode: 0, baseOffset: 2n })
  expect(await startOf('short')).toBe(2n)
  expect(readdirSync(join(directory, 'short-0')).filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000002.log'])
})

test('a directory that another broker uses is refused in one line', async () => {
  await start({ dataDir: directory })
  await expect(start({ dataDir: directory })).rejects.toThrow(`${directory} is used by another broker`)
})

test('a port that is taken is refused in one line, and the directory is free again', async () => {
  const { port } = await start()
  await expect(start({ dataDir: directory, port })).rejects.toThrow(new RegExp(`^[^\\n]*${port}[^\\n]*$`))
  await start({ dataDir: directory })
})

test('a program that has closed its brokers holds nothing and ends', async () => {
  const program = fileURLToPath(new URL('../support/embedded-broker.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  const [code] = await once(child, 'close')
  expect({ code, ...JSON.parse(output) }).toEqual({ code: 0, held: [], directories: 0 })
})
