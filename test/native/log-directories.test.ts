// Replicas in several log directories of a broker, on the real data plane.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { BrokerNode } from '../../src/broker/broker.ts'
import { directoryIdOf } from '../../src/broker/quorum.ts'
import { loadBrokerConfig } from '../../src/config/broker-config.ts'
import { openDataPlane } from '../../src/native.ts'
import type { DataPlane, DataPlaneEvent, DataPlaneOptions } from '../../src/native.ts'
import { Logging } from '../../src/shared/logger.ts'
import { partition } from '../support/cluster-nodes.ts'
import { produce, readAll, recordBatch } from '../support/produce-fetch.ts'
import { WireClient } from '../support/wire-client.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-directories-'))
const [A, B] = [join(root, 'a'), join(root, 'b')]
let node: BrokerNode
let client: WireClient
/** Has the broker told of something by its data plane. */
let tell: (event: DataPlaneEvent) => void

async function openListened(options: DataPlaneOptions): Promise<DataPlane> {
  const dataPlane = await openDataPlane(options)
  const onEvent = dataPlane.onEvent.bind(dataPlane)
  dataPlane.onEvent = (handler) => {
    tell = handler
    onEvent(handler)
  }
  return dataPlane
}

async function start(settings: Record<string, string> = {}): Promise<void> {
  const values = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': `${A},${B}`, 'num.network.threads': '1', ...settings }
  node = await BrokerNode.start({ config: loadBrokerConfig([{ origin: 'test', values: new Map(Object.entries(values)) }]), logging: new Logging({ level: 'FATAL' }), openDataPlane: openListened })
  client = await WireClient.connect(node.listeners[0]?.port ?? 0)
}

async function stop(): Promise<void> {
  client.close()
  await node.close()
}

afterEach(async () => {
  await stop()
  rmSync(root, { recursive: true, force: true })
})

async function createTopic(name: string, numPartitions: number): Promise<void> {
  expect((await client.call('CreateTopics', 7, { topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 10_000, validateOnly: false })).topics[0]).toMatchObject({ errorCode: 0 })
}

const move = async (path: string, index: number) => (await client.call('AlterReplicaLogDirs', 2, { dirs: [{ path, topics: [{ name: 't', partitions: [index] }] }] })).results[0]?.partitions[0]?.errorCode
/** Resolves once the metadata has a partition of t in this log directory. */
const isKnownIn = (path: string, index: number) => partition(node, 't', index, ({ directories }) => directories[0] === directoryIdOf(path))
const logDirOf = (index: number) => node.dataPlane.partitionOffsets([{ topic: 't', partition: index }])[0]?.logDir

test('the metadata says where replicas lie, also after they have moved and the broker has started again', async () => {
  await start()
  await createTopic('t', 2)
  expect(await produce(client, 't', 0, recordBatch(['a', 'b']))).toMatchObject({ errorCode: 0 })
  const [from, to] = logDirOf(0) === A ? [A, B] : [B, A]
  await isKnownIn(from, 0)
  expect(await move(to, 0)).toBe(0)
  await isKnownIn(to, 0)
  expect([logDirOf(0), [...(await readAll(client, 't', 0)).values()]]).toEqual([to, ['a', 'b']])
  expect(await produce(client, 't', 0, recordBatch(['c']))).toEqual({ errorCode: 0, baseOffset: 2n })
  await stop()
  await start()
  await isKnownIn(to, 0)
  expect([...(await readAll(client, 't', 0)).values()]).toEqual(['a', 'b', 'c'])
})

test('no new replica stays in a cordoned directory, and none is moved there', async () => {
  await start({ 'cordoned.log.dirs': A })
  await createTopic('t', 4)
  for (const index of [0, 1, 2, 3]) await isKnownIn(B, index)
  expect(readdirSync(A).filter((name) => /^t-\d$/.test(name))).toEqual([])
  expect(await move(A, 0)).toBe(39)
  const { results } = await client.call('DescribeLogDirs', 5, { topics: null })
  expect(results.map(({ logDir, isCordoned, topics }) => [logDir, isCordoned, topics.flatMap(({ partitions }) => partitions.length)])).toEqual([[A, true, []], [B, false, [4]]])
})

test('what lies in a directory that failed is led here no more, and comes back with the next start', async () => {
  await start({ 'broker.heartbeat.interval.ms': '60000', 'broker.session.timeout.ms': '600000' })
  await createTopic('t', 2)
  const [lost, kept] = logDirOf(0) === A ? [0, 1] : [1, 0]
  await isKnownIn(A, lost)
  await isKnownIn(B, kept)
  tell({ kind: 'logDirFailed', path: A, message: 'for a test' })
  await partition(node, 't', lost, ({ leader }) => leader === -1)
  expect(node.metadata.image.topicsByName.get('t')?.partitions[kept]?.leader).toBe(1)
  expect(await move(A, kept)).toBe(56)
  await stop()
  await start()
  await partition(node, 't', lost, ({ leader }) => leader === 1)
})
