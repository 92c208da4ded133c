// Writes the markers of a decided transaction to all its partitions, again and again until each has its own. Only
// then may the transaction be called complete.

import { KafkaError } from '../protocol/error-codes.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { TopicPartition } from './topic-partition.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import { listPartitions } from './transaction-metadata.ts'

export interface MarkerWriter {
  /**
   * Resolves once the marker is committed in the partition; rejects with a `KafkaError`. Writing one twice does no harm. With
   * `bumpsEpoch` the epoch is that of the producer's next transaction (transaction version 2, KIP-890).
   */
  write(partition: TopicPartition, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void>
}

export type MarkerSenderDeps = {
  readonly markers: MarkerWriter
  readonly timers: Timers
  readonly logger: Logger
  /** Whether the partition's topic exists; markers of a deleted topic are not needed. */
  partitionExists(partition: TopicPartition): boolean
}

const RETRY_BACKOFF_MS = 50
const RETRY_BACKOFF_MAX_MS = 1_000

export class MarkerSender {
  readonly #deps: MarkerSenderDeps
  #retryCount = 0

  constructor(deps: MarkerSenderDeps) {
    this.#deps = deps
  }

  /**
   * Resolves to true once every partition has its marker; to false when `isCurrent` turned false meanwhile, or when a
   * partition has seen a newer producer or coordinator and this decision is not ours to complete any more.
   */
  async send(metadata: TransactionMetadata, coordinatorEpoch: number, isCurrent: () => boolean): Promise<boolean> {
    const results = await Promise.all(listPartitions(metadata.partitions).map((partition) => this.#sendOne(partition, metadata, coordinatorEpoch, isCurrent)))
    return results.every(Boolean)
  }

  async #sendOne(partition: TopicPartition, metadata: TransactionMetadata, coordinatorEpoch: number, isCurrent: () => boolean): Promise<boolean> {
    const { transactionalId, producerId, producerEpoch } = metadata
    for (let backoffMs = RETRY_BACKOFF_MS; isCurrent(); backoffMs = Math.min(2 * backoffMs, RETRY_BACKOFF_MAX_MS)) {
      if (!this.#deps.partitionExists(partition)) return true
      try {
        await this.#deps.markers.write(partition, producerId, producerEpoch, coordinatorEpoch, metadata.state === 'PrepareCommit', metadata.clientTransactionVersion === 2)
        return true
      } catch (error) {
        const fields = { transactionalId, ...partition, producerId, producerEpoch, error }
        if (error instanceof KafkaError && (error.errorName === 'INVALID_PRODUCER_EPOCH' || error.errorName === 'TRANSACTION_COORDINATOR_FENCED')) {
          this.#deps.logger.error('a partition refuses the marker of a decided transaction', fields)
          return false
        }
        this.#deps.logger.info('will write a transaction marker again', fields)
      }
      await new Promise<void>((resolve) => this.#deps.timers.set(`marker-${this.#retryCount++}`, backoffMs, resolve))
    }
    return false
  }
}
