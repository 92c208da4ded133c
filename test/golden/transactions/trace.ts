// A conversation as it is compared: producer ids by order of appearance, times left out, lists without order sorted.

import { errorName } from '../../../src/protocol/error-codes.ts'

export type Step = { api: string; version: number; request: unknown; response: unknown }

const PRODUCER_ID_FIELDS = new Set(['producerId', 'v3AndBelowProducerId', 'previousProducerId', 'nextProducerId', 'producerIdFilters'])
const TIME_FIELDS = new Set(['transactionStartTimeMs', 'transactionLastUpdateTimestampMs', 'transactionStartTimestampMs', 'throttleTimeMs'])
const UNORDERED_FIELDS = new Set(['transactionStates', 'topics', 'partitions', 'topicResults', 'resultsByTopicV3AndBelow', 'resultsByPartition', 'resultsByTransaction', 'transactionPartitions', 'partitionIds', 'unknownStateFilters'])

export class Trace {
  readonly steps: Step[] = []
  readonly #producers = new Map<bigint, string>()

  add(api: string, version: number, request: unknown, response: unknown): void {
    this.steps.push({ api, version, request: this.plain(request), response: this.plain(response) })
  }

  /** Values of `__transaction_state`, as the real Kafka's formatter prints them or as they are decoded: without the defaults of tagged fields. */
  records(values: readonly unknown[]): unknown[] {
    return values.map((value) => {
      if (value === null) return null
      const filled = { previousProducerId: -1, nextProducerId: -1, clientTransactionVersion: 0, nextProducerEpoch: -1, ...(value as Record<string, unknown>) }
      const sorted = Object.entries(filled).toSorted(([a], [b]) => (a < b ? -1 : 1))
      return this.plain(Object.fromEntries(sorted.map(([name, each]) => [name, PRODUCER_ID_FIELDS.has(name) ? BigInt(each as number) : each])))
    })
  }

  /** The value as JSON can hold it; equal for all runs of one conversation. */
  plain(value: unknown, field = ''): unknown {
    if (typeof value === 'bigint') return PRODUCER_ID_FIELDS.has(field) ? this.#producer(value) : value.toString()
    if (/errorCode$/i.test(field)) return errorName(value as number)
    if (Array.isArray(value)) {
      const list = value.map((each) => this.plain(each, field))
      return UNORDERED_FIELDS.has(field) ? list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : list
    }
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).filter(([name]) => !TIME_FIELDS.has(name)).map(([name, each]) => [name, this.plain(each, name)]))
  }

  #producer(producerId: bigint): string {
    if (producerId < 0n) return 'none'
    // Ids that a conversation makes up lie a fixed distance from a real one.
    const known = this.#producers.get(producerId) ?? this.#producers.get(producerId - 1_000_000n) ?? (producerId === 987_654_321n ? 'unknown' : undefined)
    if (known !== undefined) return this.#producers.has(producerId) || producerId === 987_654_321n ? known : `${known} + 1000000`
    const name = `producer ${this.#producers.size}`
    this.#producers.set(producerId, name)
    return name
  }
}
