// What a share group gives up, through a whole broker (KIP-1191), and delayed records that it passes by.

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoredRecord } from '../../src/native.ts'
import { GROUP, ShareBroker, TOPIC } from '../support/share-broker.ts'

const QUEUE = 'dlq.jobs'
const REJECT = 3
const BROKER_RESOURCE = 4
let broker: ShareBroker

beforeEach(async () => {
  broker = await ShareBroker.start({ 'delivery.delay.enable': 'true' })
})

afterEach(() => broker.close())

/** The records given to the member, which rejects those named. */
async function fetch(memberId: string, shareSessionEpoch: number, rejected: readonly number[] = [], maxWaitMs = 5000): Promise<[first: number, last: number, deliveryCount: number][]> {
  const { records, acknowledgeError } = await broker.fetch(memberId, shareSessionEpoch, rejected.map((offset) => ({ first: offset, last: offset, type: REJECT })), maxWaitMs)
  expect(acknowledgeError).toBe(0)
  return records
}

/** What lies in the queue once so many records do. */
async function queued(count: number): Promise<{ value: string | null; offset: string }[]> {
  const { dataPlane } = broker.node
  for (;;) {
    const advanced = new Promise<void>((resolve) => void dataPlane.watch(QUEUE, 0, resolve))
    const records: StoredRecord[] = (await dataPlane.read(QUEUE, 0, 0n, 1_000_000)).flatMap((batch) => batch.records)
    if (records.length >= count) {
      return records.map(({ value, headers }) => ({ value: value && String(Buffer.from(value)), offset: String(Buffer.from(headers.find(({ key }) => key === '__dlq.errors.offset')?.value ?? [])) }))
    }
    await advanced
  }
}

const startOffset = async (): Promise<number> => {
  const { groups } = await broker.client.call('DescribeShareGroupOffsets', 1, { groups: [{ groupId: GROUP, topics: [{ topicName: TOPIC, partitions: [0] }] }] })
  return Number(groups[0]?.topics[0]?.partitions[0]?.startOffset)
}

test('a rejected record goes to the queue with its content, and the group moves on', async () => {
  await broker.createTopic(QUEUE, { 'errors.deadletterqueue.group.enable': 'true' })
  await broker.configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE, 'errors.deadletterqueue.copy.record.enable': 'true' })
  await broker.join('a')
  await broker.produce(['one', 'two'])
  expect(await fetch('a', 0)).toEqual([[0, 1, 1]])
  await fetch('a', 1, [0, 1], 0)
  expect(await queued(2)).toEqual([{ value: 'one', offset: '0' }, { value: 'two', offset: '1' }])
})

test('where there is no queue yet nothing is lost, not even when the broker goes', async () => {
  await broker.configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE })
  await broker.join('a')
  await broker.produce(['one'])
  expect(await fetch('a', 0)).toEqual([[0, 0, 1]])
  await fetch('a', 1, [0], 0)
  expect(await startOffset()).toBe(0)
  await broker.restart()
  await broker.createTopic(QUEUE, { 'errors.deadletterqueue.group.enable': 'true' })
  await broker.join('b')
  expect(await fetch('b', 0, [], 0)).toEqual([])
  expect(await queued(1)).toEqual([{ value: null, offset: '0' }])
})

test('a queue is made where the broker may', async () => {
  await broker.configure(BROKER_RESOURCE, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'true' })
  await broker.configureGroup({ 'errors.deadletterqueue.topic.name': QUEUE })
  await broker.join('a')
  await broker.produce(['one'])
  await fetch('a', 0)
  const created = new Promise<void>((resolve) => broker.node.metadata.onChange((image) => image.topicsByName.has(QUEUE) && resolve()))
  await fetch('a', 1, [0], 0)
  await created
  expect(await queued(1)).toEqual([{ value: null, offset: '0' }])
})

test('a group passes by what is delayed, and gets it at its time', async () => {
  await broker.join('a')
  const dueMs = Date.now() + 1500
  await broker.produce(['now'])
  await broker.produce(['later'], [{ key: 'millrace.deliver.at', value: Buffer.from(String(dueMs)) }])
  await broker.produce(['behind'])
  expect(await fetch('a', 0)).toEqual([[0, 0, 1], [2, 2, 1]])
  expect(await fetch('a', 1, [], 20_000)).toEqual([[1, 1, 1]])
  expect(Date.now()).toBeGreaterThanOrEqual(dueMs)
})
