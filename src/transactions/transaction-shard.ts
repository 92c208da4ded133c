// The transactional ids of one partition of `__transaction_state`.

import type { CoordinatorRecord, CoordinatorShard } from '../coordinator/coordinator-shard.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import { decodeTransaction } from './transaction-record.ts'

export class TransactionShard implements CoordinatorShard {
  /** What markers carry: the epoch in which this broker leads the partition. */
  readonly coordinatorEpoch: number
  readonly #onLoaded: (shard: TransactionShard) => void
  readonly #transactions = new Map<string, TransactionMetadata>()
  #live = true

  constructor(coordinatorEpoch: number, onLoaded: (shard: TransactionShard) => void) {
    this.coordinatorEpoch = coordinatorEpoch
    this.#onLoaded = onLoaded
  }

  /** False for good once the partition is unloaded; a later load makes another shard. */
  get live(): boolean { return this.#live }

  get(transactionalId: string): TransactionMetadata | undefined {
    return this.#transactions.get(transactionalId)
  }

  transactions(): Iterable<TransactionMetadata> {
    return this.#transactions.values()
  }

  /** Kept beside the record, which has no place for it: whoever loads the record later has to do without, as in Kafka. */
  setLastProducerEpoch(transactionalId: string, lastProducerEpoch: number): void {
    const metadata = this.#transactions.get(transactionalId)
    if (metadata !== undefined) this.#transactions.set(transactionalId, { ...metadata, lastProducerEpoch })
  }

  replay(_offset: bigint, _producerId: bigint, record: CoordinatorRecord): void {
    const { transactionalId, metadata } = decodeTransaction(record)
    if (metadata === null) this.#transactions.delete(transactionalId)
    else this.#transactions.set(transactionalId, metadata)
  }

  onLoaded(): void {
    this.#onLoaded(this)
  }

  onUnloaded(): void {
    this.#live = false
  }
}
