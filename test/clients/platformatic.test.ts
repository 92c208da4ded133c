// @platformatic/kafka, unmodified, against a broker in this process.

import { once } from 'node:events'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import type { ConsumeOptions, Message } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker } from '../../src/embedded/broker.ts'

type TextMessage = Message<string, string, string, string>
type TextConsumer = Consumer<string, string, string, string>
type Membership = { readonly groupProtocol: 'classic'; readonly heartbeatInterval?: number } | { readonly groupProtocol: 'consumer' }
type Start = Pick<ConsumeOptions<string, string, string, string>, 'mode' | 'fallbackMode' | 'isolationLevel'>

const CLASSIC: Membership = { groupProtocol: 'classic', heartbeatInterval: 500 }
const EARLIEST: Start = { mode: 'committed', fallbackMode: 'earliest' }
const READ_COMMITTED = 1

let broker: Broker
let client: { clientId: string; bootstrapBrokers: string[] }
let admin: Admin

beforeAll(async () => {
  const settings = { 'group.initial.rebalance.delay.ms': 0, 'group.consumer.heartbeat.interval.ms': 500, 'group.consumer.min.heartbeat.interval.ms': 500 }
  broker = await Broker.start({ settings })
  client = { clientId: 'platformatic-test', bootstrapBrokers: [broker.bootstrapServers] }
  admin = new Admin(client)
})

afterAll(async () => {
  await admin.close()
  await broker.close()
})

function newProducer(options: { idempotent?: boolean; transactionalId?: string } = {}): Producer<string, string, string, string> {
  return new Producer({ ...client, serializers: stringSerializers, ...options })
}

function newConsumer(groupId: string, membership: Membership = CLASSIC): TextConsumer {
  return new Consumer({ ...client, groupId, deserializers: stringDeserializers, maxWaitTime: 100, ...membership })
}

async function createTopic(topic: string, partitions = 1): Promise<void> {
  await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
}

async function send(topic: string, values: readonly string[]): Promise<void> {
  const producer = newProducer()
  await producer.send({ acks: -1, messages: values.map((value) => ({ topic, value })) })
  await producer.close()
}

/** Reads until `count` messages have come, commits what it read, and leaves. */
async function read(consumer: TextConsumer, topic: string, count: number, start: Start = EARLIEST): Promise<TextMessage[]> {
  const stream = await consumer.consume({ topics: [topic], autocommit: false, ...start })
  const messages: TextMessage[] = []
  for await (const message of stream) {
    messages.push(message)
    if (messages.length === count) break
  }
  await messages.at(-1)?.commit()
  await consumer.close(true)
  return messages
}

const valuesOf = (messages: readonly TextMessage[]): string[] => messages.map(({ value }) => value)

describe('@platformatic/kafka', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('reads keys, headers and values in the order in which they were written with %s', async (compression) => {
    const topic = `ordered-${compression}`
    await createTopic(topic)
    const values = Array.from({ length: 100 }, (_, index) => `value ${index}`)
    const producer = newProducer({ idempotent: true })
    const messages = values.map((value, index) => ({ topic, key: `k${index}`, value, headers: { index: String(index) } }))
    const { offsets } = await producer.send({ acks: -1, compression, messages })
    expect(offsets).toEqual([{ topic, partition: 0, offset: 0n }])
    await producer.close()
    const found = await read(newConsumer(`${topic}-readers`), topic, 100)
    expect(valuesOf(found)).toEqual(values)
    expect(found.map(({ offset }) => offset)).toEqual(values.map((_, index) => BigInt(index)))
    expect(found[7]?.key).toBe('k7')
    expect([...(found[7]?.headers ?? [])]).toEqual([['index', '7']])
  })

  it('reads from the end only what comes later', async () => {
    await createTopic('later')
    await send('later', ['before'])
    const consumer = newConsumer('late-readers')
    const stream = await consumer.consume({ topics: ['later'], mode: 'latest', autocommit: false })
    await send('later', ['after'])
    const [message] = (await once(stream, 'data')) as [TextMessage]
    expect(message).toMatchObject({ value: 'after', offset: 1n })
    await consumer.close(true)
  })

  describe.each(['classic', 'consumer'] as const)('in a group of the %s protocol', (groupProtocol) => {
    const membership: Membership = groupProtocol === 'classic' ? CLASSIC : { groupProtocol }

    it('goes on where its group committed', async () => {
      const topic = `resumed-${groupProtocol}`
      await createTopic(topic)
      await send(topic, ['a', 'b'])
      expect(valuesOf(await read(newConsumer(`${topic}-readers`, membership), topic, 2))).toEqual(['a', 'b'])
      await send(topic, ['c'])
      expect(valuesOf(await read(newConsumer(`${topic}-readers`, membership), topic, 1))).toEqual(['c'])
    })

    it('shares partitions with the other member', async () => {
      const topic = `shared-${groupProtocol}`
      await createTopic(topic, 4)
      const members = [0, 1].map(() => newConsumer(`${topic}-readers`, membership))
      const owned = (): number[] => members.map(({ assignments }) => assignments?.find((each) => each.topic === topic)?.partitions.length ?? 0)
      for (const member of members) await member.consume({ topics: [topic], mode: 'latest', autocommit: false })
      await expect.poll(owned, { timeout: 20_000 }).toEqual([2, 2])
      const partitions = members.flatMap(({ assignments }) => assignments?.flatMap((each) => each.partitions) ?? [])
      expect(partitions.sort()).toEqual([0, 1, 2, 3])
      for (const member of members) await member.close(true)
    })
  })

  it('does not show what a transaction aborted', async () => {
    await createTopic('transactional')
    const producer = newProducer({ idempotent: true, transactionalId: 'platformatic-txn' })
    for (const [value, commits] of [['committed', true], ['aborted', false], ['committed too', true]] as const) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ acks: -1, messages: [{ topic: 'transactional', value }] })
      await (commits ? transaction.commit() : transaction.abort())
    }
    await producer.close()
    const found = await read(newConsumer('transaction-readers'), 'transactional', 2, { ...EARLIEST, isolationLevel: READ_COMMITTED })
    expect(valuesOf(found)).toEqual(['committed', 'committed too'])
  })

  it('commits what it read with the transaction that it wrote in', async () => {
    for (const topic of ['transformed-from', 'transformed-to']) await createTopic(topic)
    await send('transformed-from', ['x'])
    const consumer = newConsumer('transformers')
    const producer = newProducer({ idempotent: true, transactionalId: 'platformatic-transformer' })
    const stream = await consumer.consume({ topics: ['transformed-from'], autocommit: false, ...EARLIEST })
    const [message] = (await once(stream, 'data')) as [TextMessage]
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    await transaction.send({ acks: -1, messages: [{ topic: 'transformed-to', value: message.value.toUpperCase() }] })
    await transaction.addOffset(message)
    await transaction.commit()
    const [group] = await admin.listConsumerGroupOffsets({ groups: ['transformers'], requireStable: true })
    expect(group?.topics[0]?.partitions[0]?.committedOffset).toBe(1n)
    await consumer.close(true)
    await producer.close()
    expect(valuesOf(await read(newConsumer('transformed-readers'), 'transformed-to', 1, { ...EARLIEST, isolationLevel: READ_COMMITTED }))).toEqual(['X'])
  })

  it('is told of topics, configs, offsets and groups by its admin client', async () => {
    await createTopic('described', 2)
    await send('described', ['x'])
    await read(newConsumer('describers'), 'described', 1)
    expect(await admin.listTopics()).toContain('described')
    const [nodeId = 0] = (await admin.metadata({ topics: ['described'] })).topics.get('described')?.partitions[0]?.replicas ?? []
    await admin.createPartitions({ topics: [{ name: 'described', count: 3, assignments: [{ brokerIds: [nodeId] }] }] })
    const partitions = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    const [ends] = await admin.listOffsets({ topics: [{ name: 'described', partitions }] })
    expect(ends?.partitions.reduce((sum, { offset }) => sum + offset, 0n)).toBe(1n)

    const resource = { resourceType: 2, resourceName: 'described' } as const
    await admin.incrementalAlterConfigs({ resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation: 0, value: '60000' }] }] })
    const [described] = await admin.describeConfigs({ resources: [{ ...resource, configurationKeys: ['retention.ms'] }] })
    expect(described?.configs).toMatchObject([{ name: 'retention.ms', value: '60000' }])

    expect((await admin.listGroups()).get('describers')).toMatchObject({ state: 'Empty', groupType: 'classic' })
    expect((await admin.describeGroups({ groups: ['describers'] })).get('describers')?.members.size).toBe(0)
    await admin.deleteGroups({ groups: ['describers'] })
    await admin.deleteTopics({ topics: ['described'] })
    expect(await admin.listTopics()).not.toContain('described')
  })
})
