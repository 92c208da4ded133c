// KafkaJS as a reader, of all records, in a group of its own, from the start; each time it joins anew it may go back to what it committed.

import type { Setting } from './setting.ts'
import { COPIES, EVENTS, after } from './setting.ts'
import { kafkaJs } from './kafkajs-writers.ts'

export async function reader(setting: Setting): Promise<void> {
  const { record, isOver, name, identity } = setting
  for (let life = 0; !isOver(); life++) {
    const consumer = kafkaJs(setting).consumer({ groupId: identity, readUncommitted: true, maxWaitTimeInMs: 200, sessionTimeout: 10_000, heartbeatInterval: 1_000 })
    const failed = new Promise<void>((resolve) => consumer.on(consumer.events.CRASH, () => resolve()))
    let joins = 0
    consumer.on(consumer.events.GROUP_JOIN, () => void joins++)
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [EVENTS, COPIES], fromBeginning: true })
      await consumer.run({
        eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
          const records = batch.messages.map(({ offset, value }): [number, string] => [Number(offset), String(value)])
          if (records.length > 0) record({ type: 'polled', reader: name, session: `${life}.${joins}`, committed: false, topic: batch.topic, partition: batch.partition, records })
          resolveOffset(batch.lastOffset())
          await heartbeat()
        },
      })
      await Promise.race([failed, over(isOver)])
    } catch {
      await after(100)
    }
    await consumer.disconnect().catch(() => {})
  }
}

async function over(isOver: () => boolean): Promise<void> {
  while (!isOver()) await after(100)
}
