import { expect, test } from 'vitest'
import { DeadLetterWriter } from '../../../src/share/dead-letter-writer.ts'
import { deadLetterBatches, queueState } from '../../../src/share/dead-letters.ts'
import type { DeadLetterQueue, DeadLetterTopic } from '../../../src/share/dead-letters.ts'
import type { RecordToStore } from '../../../src/share/share-deps.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'

const QUEUE: DeadLetterQueue = { topic: 'dlq.orders', copiesRecords: true, topicPrefix: 'dlq.', createsTopics: false }
const TOPIC: DeadLetterTopic = { partitionCount: 2, isEnabled: true, maxMessageBytes: 1_000_000 }
const SOURCE = { groupId: 'workers', topic: 'orders', partition: 3 }
const LETTERS = { firstOffset: 7, lastOffset: 9, deliveryCount: 2, cause: 'rejected' } as const

test.each<[string, Partial<DeadLetterQueue>, DeadLetterTopic | undefined, string]>([
  ['ready', {}, TOPIC, 'ready'],
  ['another prefix', { topicPrefix: 'dead.' }, TOPIC, 'unusable'],
  ['no prefix', { topicPrefix: '' }, TOPIC, 'ready'],
  ['internal', { topic: '__consumer_offsets', topicPrefix: '' }, TOPIC, 'unusable'],
  ['not enabled', {}, { ...TOPIC, isEnabled: false }, 'unusable'],
  ['no such topic', {}, undefined, 'unusable'],
  ['no such topic yet', { createsTopics: true }, undefined, 'missing'],
])('a queue that is %s', (_name, queue, topic, kind) => {
  expect(queueState({ ...QUEUE, ...queue }, topic).kind).toBe(kind)
})

test('a dead letter says where the record was and why it is here', () => {
  const copies = new Map([[8, { offset: 8n, key: Buffer.from('k'), value: Buffer.from('v') }]])
  const [batch] = deadLetterBatches(SOURCE, LETTERS, copies, 1_000_000, 50)
  const told = batch?.map(({ key, value, timestampMs, headers }) => ({ key: key && String(key), value: value && String(value), timestampMs, headers: Object.fromEntries(headers.map((header) => [header.key, String(header.value)])) }))
  const headers = { '__dlq.errors.topic': 'orders', '__dlq.errors.partition': '3', '__dlq.errors.offset': '8', '__dlq.errors.group': 'workers', '__dlq.errors.delivery.count': '2', '__dlq.errors.message': 'Offset rejected by client.' }
  expect(told).toHaveLength(3)
  expect(told?.[1]).toEqual({ key: 'k', value: 'v', timestampMs: 50, headers })
  expect(told?.[2]).toEqual({ key: null, value: null, timestampMs: 50, headers: { ...headers, '__dlq.errors.offset': '9' } })
})

test('batches are no larger than the queue takes, and a record that is too large alone goes without its content', () => {
  const copies = new Map([7, 8, 9].map((offset) => [offset, { offset: BigInt(offset), key: null, value: Buffer.alloc(offset === 9 ? 2000 : 300) }]))
  const batches = deadLetterBatches(SOURCE, LETTERS, copies, 1000, 50)
  expect(batches.map((batch) => batch.map(({ value }) => value?.length ?? null))).toEqual([[300], [300, null]])
})

test('the writer tells what keeps it from writing, creates what is missing where it may, and writes to the partition that fits', async () => {
  const written: { partition: number; offsets: string[] }[] = []
  const created: string[] = []
  let queue: DeadLetterQueue | null = QUEUE
  let topic: DeadLetterTopic | undefined
  let failing = false
  const writer = new DeadLetterWriter({
    queueOf: () => queue,
    topic: () => topic,
    createTopic: (name) => void created.push(name),
    append: async (_name, partition, records: RecordToStore[]) => {
      if (failing) throw new KafkaError('NOT_ENOUGH_REPLICAS')
      written.push({ partition, offsets: records.map(({ headers }) => String(headers[2]?.value)) })
    },
    read: async (_topic, _partition, offset) => [{ lastOffset: offset + 1n, records: [{ offset, key: null, value: Buffer.from('v') }] }],
    nowMs: () => 1,
  })
  expect(await writer.write(SOURCE, LETTERS)).toContain('does not exist')
  expect(created).toEqual([])
  queue = { ...QUEUE, createsTopics: true }
  expect(await writer.write(SOURCE, LETTERS)).toContain('is being created')
  expect(created).toEqual(['dlq.orders'])
  topic = TOPIC
  failing = true
  expect(await writer.write(SOURCE, LETTERS)).toContain('NOT_ENOUGH_REPLICAS')
  failing = false
  expect(await writer.write(SOURCE, LETTERS)).toBeNull()
  expect(written).toEqual([{ partition: 1, offsets: ['7', '8', '9'] }])
  queue = null
  expect(writer.hasQueue('workers')).toBe(false)
  expect(await writer.write(SOURCE, LETTERS)).toBeNull()
})
