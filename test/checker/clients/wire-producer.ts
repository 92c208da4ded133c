// An idempotent producer over the wire, also with transactions of KIP-890: partitions and groups join with the write itself,
// every transaction has an epoch of its own. No client for Node speaks these versions yet. What was not answered is sent
// again with the same sequence numbers, to whoever leads by then.

import { ClusterClient } from '../../support/cluster-client.ts'
import type { BrokerAddress } from '../../support/cluster-client.ts'
import { produceVersion12 } from '../../support/produce-fetch.ts'
import { TRANSACTION_TIMEOUT_MS, after } from './setting.ts'

const UNKNOWN_TOPIC_OR_PARTITION = 3
const CONCURRENT_TRANSACTIONS = 51
const KAFKA_STORAGE_ERROR = 56
/** Not here now, loading, no coordinator yet, too few replicas, disk failed there, busy with the transaction before, out of time. */
const RETRIABLE = new Set([UNKNOWN_TOPIC_OR_PARTITION, 5, 6, 7, 13, 14, 15, 16, 19, 20, CONCURRENT_TRANSACTIONS, KAFKA_STORAGE_ERROR, 74, 75])
/** Of these, what another broker may answer otherwise. */
const ELSEWHERE = new Set([UNKNOWN_TOPIC_OR_PARTITION, 5, 6, 13, 15, 16, KAFKA_STORAGE_ERROR, 74, 75])
const TRY_AGAIN_MS = 20
/** As long as clients try by default (delivery.timeout.ms). */
const GIVE_UP_MS = 120_000

export class Refused extends Error {
  readonly code: number
  constructor(api: string, code: number) {
    super(`${api} was refused with ${code}`)
    this.code = code
  }
}

export class WireProducer {
  readonly client: ClusterClient
  readonly transactionalId: string | null
  #producerId = -1n
  #producerEpoch = -1
  readonly #sequences = new Map<string, number>()

  private constructor(client: ClusterClient, transactionalId: string | null) {
    this.client = client
    this.transactionalId = transactionalId
  }

  /** Fences whoever wrote under the id before; its open transaction is aborted when this resolves. Without an id it is idempotent only. */
  static async start(bootstrap: readonly BrokerAddress[], transactionalId: string | null): Promise<WireProducer> {
    const producer = new WireProducer(new ClusterClient(bootstrap), transactionalId)
    await until(producer.client, 'InitProducerId', async () => {
      const { client } = producer
      const broker = await (transactionalId === null ? client.any() : client.transactionCoordinator(transactionalId))
      const answer = await broker.call('InitProducerId', 5, { transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS })
      producer.#become(answer)
      return answer.errorCode
    })
    return producer
  }

  /** The offset of the first value. A refusal that asks for another try gets one with the same sequence numbers. */
  async send(topic: string, partition: number, values: readonly string[]): Promise<number> {
    const place = `${topic}-${partition}`
    const baseSequence = this.#sequences.get(place) ?? 0
    let offset = -1n
    await until(this.client, 'Produce', async () => {
      const sequence = { ...this.#identity, baseSequence, transactional: this.transactionalId !== null }
      const result = await produceVersion12(await this.client.leader(topic, partition), this.transactionalId, topic, partition, values, sequence)
      offset = result.baseOffset
      return result.errorCode
    })
    this.#sequences.set(place, baseSequence + values.length)
    return Number(offset)
  }

  /** Offsets of a group, visible when the transaction is committed. */
  async commitOffsets(groupId: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({ partitionIndex, committedOffset, committedMetadata: '' }))
    await until(this.client, 'TxnOffsetCommit', async () => {
      const coordinator = await this.client.groupCoordinator(groupId)
      const answer = await coordinator.call('TxnOffsetCommit', 5, { transactionalId: this.#transactionalId, groupId, ...this.#identity, topics: [{ name: topic, partitions }] })
      return answer.topics.flatMap((each) => each.partitions).find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0
    })
  }

  async end(commit: boolean): Promise<void> {
    await until(this.client, 'EndTxn', async () => {
      const coordinator = await this.client.transactionCoordinator(this.#transactionalId)
      const answer = await coordinator.call('EndTxn', 5, { transactionalId: this.#transactionalId, ...this.#identity, committed: commit })
      if (answer.errorCode === 0) this.#become(answer)
      return answer.errorCode
    })
  }

  close(): void {
    this.client.close()
  }

  get #transactionalId(): string {
    if (this.transactionalId === null) throw new Error('a producer without a transactional id has no transactions')
    return this.transactionalId
  }

  get #identity(): { producerId: bigint; producerEpoch: number } {
    return { producerId: this.#producerId, producerEpoch: this.#producerEpoch }
  }

  /** A new epoch counts its records anew. */
  #become({ producerId, producerEpoch }: { producerId: bigint; producerEpoch: number }): void {
    this.#producerId = producerId
    this.#producerEpoch = producerEpoch
    this.#sequences.clear()
  }
}

/** Asks until the answer is final; rejects with `Refused` if that is an error. Who does not answer is asked again, elsewhere. */
export async function until(client: ClusterClient, api: string, ask: () => Promise<number>): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS
  for (;;) {
    const code = await ask().catch(() => undefined)
    if (code === 0) return
    if (code === undefined || ELSEWHERE.has(code)) client.forget()
    if (code !== undefined && !RETRIABLE.has(code)) throw new Refused(api, code)
    if (performance.now() > deadlineMs) throw new Error(`${api} got no answer in ${GIVE_UP_MS / 1_000} s`)
    await after(TRY_AGAIN_MS)
  }
}
