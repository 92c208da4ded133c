// A compacted topic through a whole broker: the last value of each key stays, offsets do not change.

import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { Admin, Broker } from '../../src/index.ts'

const KEYS = 5
const ROUNDS = 20

it('keeps the last value of each key, at its offset', async () => {
  const broker = await Broker.start({ adminPort: 0, settings: { 'log.cleaner.backoff.ms': 100 } })
  try {
    const admin = new Admin(broker.adminUrl ?? '')
    await admin.createTopic({
      name: 'table',
      partitionCount: 1,
      configs: { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' },
    })
    const producer = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    for (let round = 0; round < ROUNDS; round++) {
      await producer.send({ topic: 'table', messages: Array.from({ length: KEYS }, (_, key) => ({ key: `key ${key}`, value: `round ${round}` })) })
    }
    // The active segment is never compacted: records go on until what came before it has been.
    const kept = async () => (await admin.records('table', 0, { limit: 1000 })).records.filter(({ offset }) => offset < KEYS * ROUNDS)
    for (let filler = 0; (await kept()).length > KEYS; filler++) {
      await producer.send({ topic: 'table', messages: [{ key: `filler ${filler % 3}`, value: 'x' }] })
    }
    await producer.disconnect()
    const records = await kept()
    expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: KEYS }, (_, key) => KEYS * (ROUNDS - 1) + key))
    expect(records.map(({ value }) => value?.data)).toEqual(Array.from({ length: KEYS }, () => `round ${ROUNDS - 1}`))
  } finally {
    await broker.close()
  }
}, 60_000)

it('refuses records without a key', async () => {
  const broker = await Broker.start({ adminPort: 0 })
  try {
    await new Admin(broker.adminUrl ?? '').createTopic({ name: 'table', partitionCount: 1, configs: { 'cleanup.policy': 'compact' } })
    const producer = new Kafka({ brokers: [broker.bootstrapServers], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).producer()
    await producer.connect()
    await expect(producer.send({ topic: 'table', messages: [{ value: 'keyless' }] })).rejects.toThrow()
    await producer.disconnect()
  } finally {
    await broker.close()
  }
})
