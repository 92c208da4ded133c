// KafkaJS as a writer, idempotent or with transactions as clients had them before KIP-890. After any error the producer
// is thrown away: what it thinks of its sequence numbers is not to be trusted any more.

import { Kafka, logLevel } from 'kafkajs'
import type { Producer, Transaction } from 'kafkajs'
import type { Setting } from './setting.ts'
import { EVENTS, PARTITION_COUNT, TRANSACTION_TIMEOUT_MS, after, valueMaker } from './setting.ts'

export function kafkaJs({ bootstrap, name }: Setting): Kafka {
  return new Kafka({ clientId: name, brokers: bootstrap.map(({ host, port }) => `${host}:${port}`), logLevel: logLevel.NOTHING, connectionTimeout: 2_000, requestTimeout: 8_000, retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 6 } })
}

export async function plainWriter(setting: Setting): Promise<void> {
  const { random, isOver, name } = setting
  const values = valueMaker(name)
  for (let session = 0; !isOver(); session++) {
    const producer = kafkaJs(setting).producer({ idempotent: true, maxInFlightRequests: 1 })
    await attempt(producer, async () => {
      while (!isOver()) {
        await send(setting, producer, `${name} session ${session}`, null, values(1 + random(5)))
        await after(random(20))
      }
    })
  }
}

export async function transactionalWriter(setting: Setting): Promise<void> {
  const { random, record, isOver, name, identity } = setting
  const values = valueMaker(name)
  let count = 0
  for (let session = 0; !isOver(); session++) {
    const producer = kafkaJs(setting).producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: identity, transactionTimeout: TRANSACTION_TIMEOUT_MS })
    await attempt(producer, async () => {
      while (!isOver()) {
        const transaction = `${name} transaction ${count++}`
        const open = await producer.transaction()
        for (let sends = 1 + random(4); sends > 0; sends--) await send(setting, open, `${name} session ${session}`, transaction, values(1 + random(4)))
        const commit = random(4) > 0
        record({ type: 'ending', transaction, commit })
        await (commit ? open.commit() : open.abort())
        record({ type: 'ended', transaction, commit })
        await after(random(20))
      }
    })
  }
}

async function attempt(producer: Producer, work: () => Promise<void>): Promise<void> {
  try {
    await producer.connect()
    await work()
  } catch {
    await after(100)
  }
  await producer.disconnect().catch(() => {})
}

async function send({ record, random }: Setting, sender: Producer | Transaction, producer: string, transaction: string | null, values: string[]): Promise<void> {
  const partition = random(PARTITION_COUNT)
  record({ type: 'send', producer, transaction, topic: EVENTS, partition, values })
  const [result] = await sender.send({ topic: EVENTS, acks: -1, messages: values.map((value) => ({ value, partition })) })
  record({ type: 'acknowledged', values, offset: result?.baseOffset === undefined || result.baseOffset === '-1' ? null : Number(result.baseOffset) })
}
