// Holds the recorded conversations with our coordinator: every answer must be the real Kafka's.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import { errorCode } from '../../../src/protocol/error-codes.ts'
import { TransactionBroker, settled } from '../../support/transaction-broker.ts'
import type { Talk } from './conversations.ts'
import { CONVERSATIONS, PARTITION_COUNT, TIMEOUT_MS, TOPIC } from './conversations.ts'
import type { Step } from './trace.ts'
import { Trace } from './trace.ts'

class OurTalk implements Talk {
  readonly trace = new Trace()
  readonly #broker: TransactionBroker

  constructor(broker: TransactionBroker) {
    this.#broker = broker
  }

  async call<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const response = await this.quietly(api, version, request)
    this.trace.add(api, version, request, response)
    this.#broker.clock.advance(1)
    return response
  }

  async quietly<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    for (;;) {
      const response = await this.#broker.call(api, version, request)
      if (!JSON.stringify(response, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)).includes(`rrorCode":${errorCode('CONCURRENT_TRANSACTIONS')}`)) return response
      await settled()
    }
  }

  async completed(): Promise<void> {
    await settled()
  }

  async timedOut(): Promise<void> {
    this.#broker.clock.advance(TIMEOUT_MS + 1)
    await this.#broker.coordinator.abortTimedOut()
    await settled()
  }
}

/** Where we answer better than Kafka 4.3.1 on purpose. */
function isDeliberate(name: string, ours: Step | undefined, kafkas: Step | undefined): boolean {
  const text = JSON.stringify(ours)
  // An epoch of the past after the last but one fails there with an internal error.
  if (name === 'exhaustedEpochs') return text.includes('PRODUCER_FENCED') && JSON.stringify(kafkas).includes('UNKNOWN_SERVER_ERROR')
  // Once a producer has written offsets in its transaction, Kafka does not look at the transactional id any more.
  return name === 'offsetCommits' && text.includes('golden-offsets-unknown') && text.includes('INVALID_PRODUCER_ID_MAPPING')
}

const records = JSON.parse(readFileSync(new URL('records.json', import.meta.url), 'utf8')) as Record<string, unknown[]>

/** Kafka goes on to abort the transactions that a conversation leaves open; ours end with it. */
async function expectSameRecords(broker: TransactionBroker): Promise<void> {
  for (const transactionalId of broker.transactionalIds()) {
    const kafkas = records[transactionalId]
    if (kafkas === undefined) continue
    const ours = new Trace().records(broker.values(transactionalId))
    expect({ transactionalId, values: JSON.parse(JSON.stringify(ours)) as unknown }).toEqual({ transactionalId, values: kafkas.slice(0, ours.length) })
  }
}

describe('conversations answered as by Kafka 4.3', () => {
  for (const [name, converse] of Object.entries(CONVERSATIONS)) {
    test(name, { timeout: 30_000 }, async () => {
      const broker = await TransactionBroker.start()
      broker.disk.topics.set(TOPIC, PARTITION_COUNT)
      const talk = new OurTalk(broker)
      await converse(talk)
      const recorded = JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as Step[]
      expect(talk.trace.steps).toHaveLength(recorded.length)
      const differing = talk.trace.steps.flatMap((step, index) => (JSON.stringify(step) === JSON.stringify(recorded[index]) ? [] : [{ index, ours: JSON.stringify(step), kafka: JSON.stringify(recorded[index]) }]))
      expect(differing.filter(({ index }) => !isDeliberate(name, talk.trace.steps[index], recorded[index]))).toEqual([])
      await expectSameRecords(broker)
    })
  }
})
