// KafkaJS, unmodified, against a broker in this process.

import { Kafka, logLevel } from 'kafkajs'
import type { Consumer, KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker } from '../../src/embedded/broker.ts'

/** A member learns of another at its next heartbeat, and joins again then. */
const REBALANCE_TIMEOUT_MS = 30_000

let broker: Broker
let kafka: Kafka

beforeAll(async () => {
  broker = await Broker.start({ settings: { 'group.initial.rebalance.delay.ms': 0 } })
  kafka = new Kafka({ clientId: 'kafkajs-test', brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING, retry: { retries: 8 } })
})

afterAll(() => broker.close())

async function createTopic(topic: string, numPartitions = 1): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
  await admin.disconnect()
}

async function send(topic: string, values: readonly string[], options: { idempotent?: boolean } = {}): Promise<void> {
  const producer = kafka.producer({ ...options, allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value, index) => ({ key: `k${index}`, value, headers: { index: String(index) } })) })
  await producer.disconnect()
}

/** Reads in a group until `count` messages have come. */
async function read(groupId: string, topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = kafka.consumer({ groupId })
  const messages: KafkaMessage[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.run({
      eachMessage: async ({ message }) => {
        messages.push(message)
        if (messages.length === count) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
  return messages
}

describe('KafkaJS', () => {
  it('reads keys, headers and values in the order in which they were written', async () => {
    await createTopic('ordered')
    const values = Array.from({ length: 100 }, (_, index) => `value ${index}`)
    await send('ordered', values, { idempotent: true })
    const messages = await read('ordered-readers', 'ordered', 100)
    expect(messages.map(({ value }) => value?.toString())).toEqual(values)
    expect(messages.map(({ offset }) => Number(offset))).toEqual(values.map((_, index) => index))
    expect(messages[7]?.key?.toString()).toBe('k7')
    expect(messages[7]?.headers?.['index']?.toString()).toBe('7')
  })

  it('goes on where its group committed', async () => {
    await createTopic('resumed')
    await send('resumed', ['a', 'b'])
    expect((await read('resuming', 'resumed', 2)).length).toBe(2)
    await send('resumed', ['c'])
    const [next] = await read('resuming', 'resumed', 1)
    expect(next?.value?.toString()).toBe('c')
  })

  it('shares partitions between the members of a group', async () => {
    await createTopic('shared', 4)
    const owned = new Map<Consumer, number>()
    const members = [0, 1].map(() => kafka.consumer({ groupId: 'sharing', sessionTimeout: 10_000, heartbeatInterval: 500 }))
    let resolveShared: () => void = () => {}
    const shared = new Promise<void>((resolve) => (resolveShared = resolve))
    for (const member of members) {
      member.on(member.events.GROUP_JOIN, ({ payload }) => {
        owned.set(member, (payload.memberAssignment['shared'] ?? []).length)
        if (owned.size === 2 && [...owned.values()].every((count) => count === 2)) resolveShared()
      })
      await member.connect()
      await member.subscribe({ topic: 'shared' })
      await member.run({ eachMessage: async () => {} })
    }
    await shared
    for (const member of members) await member.disconnect()
  }, REBALANCE_TIMEOUT_MS)

  it('does not show what a transaction aborted', async () => {
    await createTopic('transactional')
    const producer = kafka.producer({ transactionalId: 'kafkajs-txn', maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const [value, commit] of [['committed', true], ['aborted', false], ['committed too', true]] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'transactional', messages: [{ value }] })
      await (commit ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    const messages = await read('transaction-readers', 'transactional', 2)
    expect(messages.map(({ value }) => value?.toString())).toEqual(['committed', 'committed too'])
  })

  it('is told of topics, offsets and groups by its admin client', async () => {
    await createTopic('described', 3)
    await send('described', ['x'])
    const admin = kafka.admin()
    await admin.connect()
    expect(await admin.listTopics()).toContain('described')
    const offsets = await admin.fetchTopicOffsets('described')
    expect(offsets.map(({ high }) => Number(high)).reduce((sum, high) => sum + high, 0)).toBe(1)
    expect((await admin.fetchTopicMetadata({ topics: ['described'] })).topics[0]?.partitions.length).toBe(3)
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('resuming')
    await admin.deleteTopics({ topics: ['described'] })
    expect(await admin.listTopics()).not.toContain('described')
    await admin.disconnect()
  })
})
