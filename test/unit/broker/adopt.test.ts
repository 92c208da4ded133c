import { expect, test } from 'vitest'
import { adoptTopics } from '../../../src/broker/adopt.ts'
import type { KafkaMetadata } from '../../../src/broker/kafka-metadata.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { newTopic, openMetadata } from '../../support/metadata-fixture.ts'

const ORDERS_ID = 'b3JkZXJzLW9yZGVycy0wMQ' as Uuid
type Local = { name: string; id: Uuid | null; partitions: number[]; logDir: string }

const NOTHING_KNOWN: KafkaMetadata = { topicConfigs: new Map(), nextProducerId: 0n }

async function adopt(names: string[], local: Local[], given?: Awaited<ReturnType<typeof openMetadata>>, before = NOTHING_KNOWN) {
  const metadata = given ?? (await openMetadata())
  const { runtime, config } = metadata
  await adoptTopics({ names, before }, { metadata: runtime, dataPlane: { listLocalTopics: () => local }, nodeId: config.nodeId, logger: silentLogger })
  return metadata
}

test('a topic is registered under the id of its files, wherever its partitions lie', async () => {
  const { runtime, dataPlane } = await adopt(
    ['orders'],
    [
      { name: 'orders', id: ORDERS_ID, partitions: [2, 0], logDir: '/a' },
      { name: 'orders', id: ORDERS_ID, partitions: [1], logDir: '/b' },
      { name: 'other', id: null, partitions: [0], logDir: '/a' },
    ],
  )
  expect([...runtime.image.topicsByName.keys()]).toEqual(['orders'])
  const topic = runtime.image.topicsByName.get('orders')
  expect(topic?.id).toBe(ORDERS_ID)
  expect(topic?.partitions.map(({ index, leader, replicas, isr }) => ({ index, leader, replicas, isr }))).toEqual(
    [0, 1, 2].map((index) => ({ index, leader: 1, replicas: [1], isr: [1] })),
  )
  expect(dataPlane.topics.get('orders')?.partitions).toHaveLength(3)
})

test('adopting again changes nothing', async () => {
  const local = [{ name: 'orders', id: ORDERS_ID, partitions: [0], logDir: '/a' }]
  const metadata = await adopt(['orders'], local)
  const before = metadata.runtime.image
  await adopt(['orders'], local, metadata)
  expect(metadata.runtime.image).toBe(before)
})

test('configs stay what they were, where this broker knows them, and producer ids are not given out again', async () => {
  const before = { topicConfigs: new Map([['orders', new Map([['retention.ms', '5'], ['not.of.this.world', '1']])], ['other', new Map([['retention.ms', '6']])]]), nextProducerId: 7000n }
  const { runtime } = await adopt(['orders'], [{ name: 'orders', id: ORDERS_ID, partitions: [0], logDir: '/a' }], undefined, before)
  expect([...runtime.image.configs].filter(([key]) => key.startsWith('2:')).map(([key, configs]) => [key, [...configs]])).toEqual([['2:orders', [['retention.ms', '5']]]])
  expect(runtime.image.nextProducerId).toBe(7000n)
})

test('files without an id are given one', async () => {
  const { runtime } = await adopt(['orders'], [{ name: 'orders', id: null, partitions: [0], logDir: '/a' }])
  expect(runtime.image.topicsByName.get('orders')?.id).toMatch(/^[\w-]{22}$/)
})

test.each([
  { name: 'is not there', local: [], message: 'no log directory holds a topic named orders' },
  { name: 'has a gap', local: [{ name: 'orders', id: ORDERS_ID, partitions: [0, 2], logDir: '/a' }], message: 'topic orders cannot be adopted: partition 1 is missing' },
  {
    name: 'has two ids',
    local: [
      { name: 'orders', id: ORDERS_ID, partitions: [0], logDir: '/a' },
      { name: 'orders', id: 'b3JkZXJzLW9yZGVycy0wMg' as Uuid, partitions: [1], logDir: '/b' },
    ],
    message: 'topic orders cannot be adopted: its files have different ids, b3JkZXJzLW9yZGVycy0wMQ and b3JkZXJzLW9yZGVycy0wMg',
  },
])('a topic that $name is refused in one line', async ({ local, message }) => {
  await expect(adopt(['orders'], local)).rejects.toMatchObject({ code: 'ADOPT', message })
})

test('a topic that exists already under another id is refused', async () => {
  const metadata = await openMetadata()
  await metadata.call('CreateTopics', { topics: [newTopic('orders')] })
  await expect(adopt(['orders'], [{ name: 'orders', id: ORDERS_ID, partitions: [0], logDir: '/a' }], metadata)).rejects.toThrow(/^topic orders exists already with id \S+; its files have id b3JkZXJzLW9yZGVycy0wMQ$/)
})
