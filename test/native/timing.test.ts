// Delayed delivery and time to live through a whole broker, with a client that knows of neither.

import { Kafka, logLevel } from 'kafkajs'
import type { KafkaMessage, Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'

const DELAY_MS = 1500

let broker: Broker
let kafka: Kafka
let producer: Producer

beforeAll(async () => {
  broker = await Broker.start({ settings: { 'group.initial.rebalance.delay.ms': 0 }, logLevel: 'ERROR' })
  kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING, retry: { retries: 8 } })
  producer = kafka.producer({ retry: { retries: 0 } })
  await producer.connect()
}, 60_000)

afterAll(async () => {
  await producer.disconnect()
  await broker.close()
})

async function createTopic(topic: string, configs: Readonly<Record<string, string>>): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })) }], waitForLeaders: true })
  await admin.disconnect()
}

const send = (topic: string, value: string, headers: Record<string, string | Buffer> = {}) => producer.send({ topic, messages: [{ value, headers }] })

type Seen = { offset: number; value: string | undefined; atMs: number }

/** Reads in a group until a message satisfies the condition. */
async function readUntil(topic: string, groupId: string, isLast: (message: KafkaMessage) => boolean): Promise<Seen[]> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 10_000 })
  const seen: Seen[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.run({
      eachMessage: async ({ message }) => {
        seen.push({ offset: Number(message.offset), value: message.value?.toString(), atMs: Date.now() })
        if (isLast(message)) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
  return seen
}

it('a delayed record comes at its time, and what lies behind it after it', async () => {
  await createTopic('reminders', { 'delivery.delay.enable': 'true' })
  const dueMs = Date.now() + DELAY_MS
  await send('reminders', 'now')
  await send('reminders', 'later', { 'millrace.deliver.at': String(dueMs) })
  await send('reminders', 'behind')
  const admin = kafka.admin()
  await admin.connect()
  const before = await admin.fetchTopicOffsets('reminders')
  await admin.disconnect()
  if (Date.now() < dueMs) expect(before).toMatchObject([{ high: '1', offset: '1' }])
  const seen = await readUntil('reminders', 'patient', ({ offset }) => offset === '2')
  expect(seen.map(({ offset, value }) => [offset, value])).toEqual([[0, 'now'], [1, 'later'], [2, 'behind']])
  expect(seen[1]?.atMs).toBeGreaterThanOrEqual(dueMs)
  // The fetch waits for ten seconds; the record's time answers it.
  expect((seen[1]?.atMs ?? Infinity) - dueMs).toBeLessThan(8000)
}, 60_000)

it('an expired record comes to nobody, and others keep their offsets', async () => {
  await createTopic('news', { 'record.ttl.enable': 'true' })
  await producer.send({ topic: 'news', messages: [{ value: 'stays' }, { value: 'goes', headers: { 'millrace.ttl.ms': '1' } }, { value: 'stays too' }] })
  await send('news', 'goes alone', { 'millrace.ttl.ms': '1' })
  await send('news', 'last', { 'millrace.ttl.ms': Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]) })
  const seen = await readUntil('news', 'late', ({ value }) => value?.toString() === 'last')
  expect(seen.map(({ offset, value }) => [offset, value])).toEqual([[0, 'stays'], [2, 'stays too'], [4, 'last']])
}, 60_000)

it('a header that is heeded must be understood, and a delay has a bound', async () => {
  await createTopic('strict', { 'delivery.delay.enable': 'true', 'delivery.delay.max.ms': '1000', 'record.ttl.enable': 'true' })
  await expect(send('strict', 'x', { 'millrace.deliver.at': 'tomorrow' })).rejects.toThrow()
  await expect(send('strict', 'x', { 'millrace.deliver.at': String(Date.now() + 100_000) })).rejects.toThrow()
  await expect(send('strict', 'x', { 'millrace.ttl.ms': '-1' })).rejects.toThrow()
  await send('strict', 'x', { 'millrace.ttl.ms': '60000', other: 'tomorrow' })
})

it('records that would be deleted before their time are refused as a config', async () => {
  await expect(createTopic('short', { 'delivery.delay.enable': 'true', 'retention.ms': '1000' })).rejects.toThrow()
  await createTopic('kept', { 'delivery.delay.enable': 'true', 'retention.ms': '1000', 'delivery.delay.max.ms': '1000' })
})
