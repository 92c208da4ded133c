// A transactional producer of KIP-890 over the wire: partitions and groups join with the write itself, every transaction
// has an epoch of its own. No client for Node speaks these versions yet.

import { produceVersion12 } from '../../support/produce-fetch.ts'
import { WireClient } from '../../support/wire-client.ts'
import { TRANSACTION_TIMEOUT_MS, after } from './setting.ts'

const CONCURRENT_TRANSACTIONS = 51
/** Not here now, loading, no coordinator yet, too few replicas, busy with the transaction before, out of time. */
const RETRIABLE = new Set([5, 6, 7, 14, 15, 16, 19, 20, CONCURRENT_TRANSACTIONS])
const TRY_AGAIN_MS = 20

export class Refused extends Error {
  readonly code: number
  constructor(api: string, code: number) {
    super(`${api} was refused with ${code}`)
    this.code = code
  }
}

export class WireProducer {
  readonly client: WireClient
  readonly transactionalId: string
  #producerId = -1n
  #producerEpoch = -1
  readonly #sequences = new Map<string, number>()

  private constructor(client: WireClient, transactionalId: string) {
    this.client = client
    this.transactionalId = transactionalId
  }

  /** Fences whoever wrote under the id before; its open transaction is aborted when this resolves. */
  static async start(port: number, transactionalId: string): Promise<WireProducer> {
    const producer = new WireProducer(await WireClient.connect(port), transactionalId)
    // A broker creates the topic of transactions when somebody looks for a coordinator.
    await until('FindCoordinator', async () => (await producer.client.call('FindCoordinator', 4, { keyType: 1, coordinatorKeys: [transactionalId] })).coordinators[0]?.errorCode ?? -1)
    await until('InitProducerId', async () => {
      const answer = await producer.client.call('InitProducerId', 5, { transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS })
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
    await until('Produce', async () => {
      const result = await produceVersion12(this.client, this.transactionalId, topic, partition, values, { ...this.#identity, baseSequence, transactional: true })
      offset = result.baseOffset
      return result.errorCode
    })
    this.#sequences.set(place, baseSequence + values.length)
    return Number(offset)
  }

  /** Offsets of a group, visible when the transaction is committed. */
  async commitOffsets(groupId: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({ partitionIndex, committedOffset, committedMetadata: '' }))
    await until('TxnOffsetCommit', async () => {
      const answer = await this.client.call('TxnOffsetCommit', 5, { transactionalId: this.transactionalId, groupId, ...this.#identity, topics: [{ name: topic, partitions }] })
      return answer.topics.flatMap((each) => each.partitions).find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0
    })
  }

  async end(commit: boolean): Promise<void> {
    await until('EndTxn', async () => {
      const answer = await this.client.call('EndTxn', 5, { transactionalId: this.transactionalId, ...this.#identity, committed: commit })
      if (answer.errorCode === 0) this.#become(answer)
      return answer.errorCode
    })
  }

  close(): void {
    this.client.close()
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

/** Asks until the answer is final; rejects with `Refused` if that is an error. */
export async function until(api: string, ask: () => Promise<number>): Promise<void> {
  for (;;) {
    const code = await ask()
    if (code === 0) return
    if (!RETRIABLE.has(code)) throw new Refused(api, code)
    await after(TRY_AGAIN_MS)
  }
}
