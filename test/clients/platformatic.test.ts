// @platformatic/kafka, unmodified, against a broker in this process: groups of both protocols, codecs, transactions.

import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker } from '../../src/embedded/broker.ts'

let broker: Broker
let admin: Admin

beforeAll(async () => {
  broker = await Broker.start({ settings: { 'group.initial.rebalance.delay.ms': 0 } })
  admin = new Admin({ clientId: 'platformatic-test', bootstrapBrokers: [broker.bootstrapServers] })
})

afterAll(async () => {
  await admin.close()
  await broker.close()
})

const createTopic = (topic: string, partitions = 1) => admin.createTopics({ topics: [topic], partitions, replicas: 1 })

function newProducer(options: { transactionalId?: string; idempotent?: boolean } = {}) {
  return new Producer({ clientId: 'platformatic-test', bootstrapBrokers: [broker.bootstrapServers], serializers: stringSerializers, ...options })
}

type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

async function send(topic: string, values: readonly string[], compression: Compression = 'none'): Promise<void> {
  const producer = newProducer({ idempotent: true })
  const messages = values.map((value, index) => ({ topic, key: `k${index}`, value, headers: { index: String(index) } }))
  await producer.send({ messages, acks: -1, compression })
  await producer.close()
}

type Reading = { groupId: string; topic: string; count: number; groupProtocol?: 'classic' | 'consumer'; mode?: 'earliest' | 'latest' | 'committed'; onReady?: () => Promise<void> }

/** Reads in a group until `count` messages have come, and commits the last one. */
async function read({ groupId, topic, count, groupProtocol = 'classic', mode = 'committed', onReady }: Reading) {
  const consumer = new Consumer({
    groupId, clientId: 'platformatic-test', bootstrapBrokers: [broker.bootstrapServers], deserializers: stringDeserializers,
    ...(groupProtocol === 'consumer' ? { groupProtocol } : { groupProtocol, sessionTimeout: 10_000, heartbeatInterval: 500 }),
  })
  const stream = await consumer.consume({ topics: [topic], mode, fallbackMode: 'earliest', autocommit: false, isolationLevel: 1, maxWaitTime: 200 })
  await onReady?.()
  const messages = []
  for await (const message of stream) {
    messages.push(message)
    if (messages.length < count) continue
    await message.commit()
    break
  }
  await consumer.close(true)
  return messages
}

describe('@platformatic/kafka', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('reads what it wrote with compression %s, in order', async (compression) => {
    const topic = `coded-${compression}`
    await createTopic(topic)
    const values = Array.from({ length: 100 }, (_, index) => `value ${index} of ${compression}`)
    await send(topic, values, compression)
    const messages = await read({ groupId: `readers-${compression}`, topic, count: 100 })
    expect(messages.map(({ value }) => value)).toEqual(values)
    expect(messages.map(({ offset }) => Number(offset))).toEqual(values.map((_, index) => index))
    expect(messages[7]?.key).toBe('k7')
    expect(messages[7]?.headers.get('index')).toBe('7')
  })

  it.each(['classic', 'consumer'] as const)('goes on where its group of the %s protocol committed', async (groupProtocol) => {
    const topic = `resumed-${groupProtocol}`
    const groupId = `resuming-${groupProtocol}`
    await createTopic(topic)
    await send(topic, ['a', 'b'])
    expect((await read({ groupId, topic, count: 2, groupProtocol })).map(({ value }) => value)).toEqual(['a', 'b'])
    await send(topic, ['c'])
    expect((await read({ groupId, topic, count: 1, groupProtocol })).map(({ value }) => value)).toEqual(['c'])
  })

  it('reads from the latest offset what is written from then on', async () => {
    await createTopic('late')
    await send('late', ['early'])
    const messages = await read({ groupId: 'late-readers', topic: 'late', count: 1, mode: 'latest', onReady: () => send('late', ['later']) })
    expect(messages.map(({ value, offset }) => [value, Number(offset)])).toEqual([['later', 1]])
  })

  it('does not read what a transaction aborted', async () => {
    await createTopic('transactional')
    const producer = newProducer({ transactionalId: 'platformatic-txn', idempotent: true })
    for (const [value, commits] of [['committed', true], ['aborted', false], ['committed too', true]] as const) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: [{ topic: 'transactional', value }] })
      await (commits ? transaction.commit() : transaction.abort())
    }
    await producer.close()
    const messages = await read({ groupId: 'transaction-readers', topic: 'transactional', count: 2 })
    expect(messages.map(({ value }) => value)).toEqual(['committed', 'committed too'])
  })

  it('is told of topics and groups, and deletes them', async () => {
    await createTopic('described', 3)
    const { topics } = await admin.metadata({ topics: ['described'] })
    expect(topics.get('described')?.partitionsCount).toBe(3)
    expect([...(await admin.listGroups({ types: ['classic', 'consumer'] })).keys()]).toContain('resuming-consumer')
    const groups = await admin.describeGroups({ groups: ['resuming-classic'] })
    expect(groups.get('resuming-classic')?.state).toBe('Empty')
    await admin.deleteGroups({ groups: ['resuming-classic'] })
    expect([...(await admin.listGroups()).keys()]).not.toContain('resuming-classic')
    await admin.deleteTopics({ topics: ['described'] })
    expect(await admin.listTopics()).not.toContain('described')
  })
})
