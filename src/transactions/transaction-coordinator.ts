// Carries the transitions out: finds the id's partition of `__transaction_state`, appends the records, answers once
// they are committed, and drives each decision on to its markers and its completion. It decides nothing itself.

import type { CoordinatorLog } from '../coordinator/coordinator-log.ts'
import { CoordinatorRuntime } from '../coordinator/coordinator-runtime.ts'
import type { CoordinatorResult } from '../coordinator/coordinator-shard.ts'
import { partitionForKey } from '../coordinator/key-partition.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import { coordinatorErrorName } from './coordinator-errors.ts'
import { MarkerSender } from './marker-sender.ts'
import type { MarkerWriter } from './marker-sender.ts'
import type { ProducerIdBlocks } from './producer-ids.ts'
import { ProducerIds } from './producer-ids.ts'
import { SettleWaits } from './settled.ts'
import type { TopicPartition } from './topic-partition.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import { isCompleting } from './transaction-metadata.ts'
import { encodeTombstone, encodeTransaction } from './transaction-record.ts'
import { TransactionShard } from './transaction-shard.ts'
import type { AddPartitionsInput, Decision, EndTransactionInput, InitProducerIdInput, ProducerIdAndEpoch } from './transitions.ts'
import * as transitions from './transitions.ts'

export const TRANSACTION_STATE_TOPIC = '__transaction_state'

export type TransactionSettings = {
  /** `transaction.max.timeout.ms` */
  readonly transactionMaxTimeoutMs: number
  /** `transactional.id.expiration.ms` */
  readonly transactionalIdExpirationMs: number
  /** `transaction.abort.timed.out.transaction.cleanup.interval.ms` */
  readonly abortTimedOutIntervalMs: number
  /** `transaction.remove.expired.transaction.cleanup.interval.ms` */
  readonly removeExpiredIntervalMs: number
}

export type TransactionCoordinatorDeps = {
  readonly log: CoordinatorLog
  readonly markers: MarkerWriter
  readonly producerIdBlocks: ProducerIdBlocks
  readonly settings: TransactionSettings
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  /** Partition count of a topic, undefined where there is no such topic. */
  partitionCount(topic: string): number | undefined
}

export type Outcome = { readonly error: ErrorName } | { readonly error: null; readonly metadata: TransactionMetadata }

const ABORT_TIMER = 'transactions-abort-timed-out'
const EXPIRE_TIMER = 'transactions-remove-expired'
/** As long as clients wait for an answer by default. */
const WRITE_TIMEOUT_MS = 30_000
const COMPLETION_RETRY_BACKOFF_MS = 100

export class TransactionCoordinator {
  readonly #deps: TransactionCoordinatorDeps
  readonly #runtime: CoordinatorRuntime<TransactionShard>
  readonly #producerIds: ProducerIds
  readonly #markers: MarkerSender
  readonly #settle: SettleWaits
  /** Partitions to be added with the next write of a producer's transaction. */
  readonly #implicitAdds = new Map<string, { partitions: TopicPartition[]; error: Promise<ErrorName | null> }>()

  constructor(deps: TransactionCoordinatorDeps) {
    this.#deps = deps
    this.#producerIds = new ProducerIds(deps.producerIdBlocks)
    this.#markers = new MarkerSender({ ...deps, partitionExists: ({ topic, partition }) => partition < (deps.partitionCount(topic) ?? 0) })
    this.#settle = new SettleWaits(deps.timers, (transactionalId) => this.#isBusy(transactionalId))
    const createShard = (_partition: number, { leaderEpoch }: { leaderEpoch: number }): TransactionShard => new TransactionShard(leaderEpoch, (shard) => this.#completeDecided(shard))
    this.#runtime = new CoordinatorRuntime({ ...deps, topic: TRANSACTION_STATE_TOPIC, writeTimeoutMs: WRITE_TIMEOUT_MS, reloadsInNewEpoch: true, createShard })
  }

  /** Begins to look for timed-out transactions and expired ids. */
  start(): void {
    this.#every(ABORT_TIMER, this.#deps.settings.abortTimedOutIntervalMs, () => this.abortTimedOut())
    this.#every(EXPIRE_TIMER, this.#deps.settings.removeExpiredIntervalMs, () => this.removeExpired())
  }

  /** Stops all of it; what was decided goes on when its partition is loaded again. */
  close(): void {
    this.#deps.timers.cancel(ABORT_TIMER)
    this.#deps.timers.cancel(EXPIRE_TIMER)
    for (const partition of this.#runtime.partitions()) this.unload(partition)
  }

  /** This broker leads the partition from now on: reads its transactions and completes those that are decided. */
  load(partition: number, leaderEpoch: number): Promise<void> {
    return this.#runtime.load(partition, leaderEpoch)
  }

  unload(partition: number): void {
    this.#runtime.unload(partition)
  }

  /** The partition of `__transaction_state` that holds the id, -1 while there is no such topic. */
  partitionFor(transactionalId: string): number {
    const count = this.#deps.partitionCount(TRANSACTION_STATE_TOPIC)
    return partitionForKey(transactionalId, count ?? 0)
  }

  /** A producer id for a producer without transactions. */
  async newProducerId(): Promise<bigint> {
    return this.#producerIds.next()
  }

  async initProducerId(input: InitProducerIdInput): Promise<Outcome> {
    const { transactionalId, timeoutMs } = input
    if (transactionalId === '') return { error: 'INVALID_REQUEST' }
    if (timeoutMs <= 0 || timeoutMs > this.#deps.settings.transactionMaxTimeoutMs) return { error: 'INVALID_TRANSACTION_TIMEOUT' }
    await this.#settle.wait(transactionalId)
    const outcome = await this.#change(transactionalId, (metadata, now, freshProducerId) => transitions.initProducerId(metadata, input, now, freshProducerId))
    if (outcome.error !== null || outcome.metadata.state === 'Empty') return outcome
    return { error: 'CONCURRENT_TRANSACTIONS' }
  }

  async addPartitions(transactionalId: string, input: AddPartitionsInput): Promise<ErrorName | null> {
    if (transactionalId === '') return 'INVALID_REQUEST'
    await this.#settle.wait(transactionalId)
    return (await this.#change(transactionalId, (metadata, now) => transitions.addPartitionsToTransaction(metadata, input, now))).error
  }

  /** The producer's id and epoch for its next transaction are those of the resulting metadata. */
  async endTransaction(transactionalId: string, input: EndTransactionInput): Promise<Outcome> {
    if (transactionalId === '') return { error: 'INVALID_REQUEST' }
    return this.#change(transactionalId, (metadata, now, freshProducerId) => transitions.endTransaction(metadata, input, now, freshProducerId))
  }

  /**
   * Whether a batch of the transaction may be appended to the partition (KIP-890): null, or why not. With
   * `allowImplicitAdd` (Produce 12, TxnOffsetCommit 5) the partition joins the transaction if it has to.
   */
  async verifyPartition(
    transactionalId: string,
    producerId: bigint,
    producerEpoch: number,
    topic: string,
    partition: number,
    allowImplicitAdd: boolean,
  ): Promise<ErrorName | null> {
    const producer = { producerId, producerEpoch }
    const found = this.verifyPartitions(transactionalId, producer, [{ topic, partition }])[0] ?? null
    if (!allowImplicitAdd || (found === null && !this.#isBusy(transactionalId))) return found
    return this.#addImplicitly(transactionalId, producer, { topic, partition })
  }

  /** For each partition whether it is part of the producer's open transaction. */
  verifyPartitions(transactionalId: string, producer: ProducerIdAndEpoch, partitions: readonly TopicPartition[]): (ErrorName | null)[] {
    if (transactionalId === '') return partitions.map(() => 'INVALID_REQUEST')
    const metadata = this.#read(transactionalId)
    return partitions.map((each) => (typeof metadata === 'string' ? metadata : transitions.verifyPartition(metadata, producer, each)))
  }

  describe(transactionalId: string): Outcome {
    if (transactionalId === '') return { error: 'INVALID_REQUEST' }
    const metadata = this.#read(transactionalId)
    if (typeof metadata === 'string') return { error: metadata }
    return metadata === undefined ? { error: 'TRANSACTIONAL_ID_NOT_FOUND' } : { error: null, metadata }
  }

  /** All transactions that this coordinator holds, or the error that says it does not have them all yet. */
  list(): TransactionMetadata[] | ErrorName {
    return this.#runtime.isLoading() ? 'COORDINATOR_LOAD_IN_PROGRESS' : this.#transactions()
  }

  /** Aborts the transactions that have been open for longer than their time-out. */
  async abortTimedOut(): Promise<void> {
    const now = this.#deps.clock.nowMs()
    const late = this.#transactions().filter((each) => transitions.isTimedOut(each, now))
    await Promise.all(
      late.map(async ({ transactionalId, producerId, producerEpoch, timeoutMs }) => {
        const { error } = await this.#change(transactionalId, transitions.abortTimedOut)
        const fields = { transactionalId, producerId, producerEpoch, timeoutMs }
        if (error === null) this.#deps.logger.info('aborts a transaction that has timed out', fields)
        else this.#deps.logger.debug('did not abort a transaction that has timed out', { ...fields, error })
      }),
    )
  }

  /** Forgets the ids that nobody has used for `transactional.id.expiration.ms`. */
  async removeExpired(): Promise<void> {
    const now = this.#deps.clock.nowMs()
    const expirationMs = this.#deps.settings.transactionalIdExpirationMs
    const expired = this.#transactions().filter((each) => transitions.isExpired(each, now, expirationMs))
    await Promise.all(expired.map(({ transactionalId }) => this.#change(transactionalId, (metadata, now) => transitions.removeExpired(metadata, now, expirationMs))))
  }

  /** Adds the partition together with all others that arrive before the write begins. */
  #addImplicitly(transactionalId: string, producer: ProducerIdAndEpoch, partition: TopicPartition): Promise<ErrorName | null> {
    const key = `${producer.producerId}:${producer.producerEpoch}:${transactionalId}`
    const waiting = this.#implicitAdds.get(key)
    if (waiting !== undefined) {
      waiting.partitions.push(partition)
      return waiting.error
    }
    const partitions = [partition]
    const error = this.#settle.wait(transactionalId).then(() => {
      this.#implicitAdds.delete(key)
      return this.addPartitions(transactionalId, { ...producer, partitions, clientTransactionVersion: 2 })
    })
    this.#implicitAdds.set(key, { partitions, error })
    return error
  }

  async #change(transactionalId: string, decide: (metadata: TransactionMetadata | undefined, now: number, freshProducerId: bigint | null) => Decision): Promise<Outcome> {
    let freshProducerId: bigint | null = null
    try {
      for (;;) {
        const decision: Decision = await this.#write(transactionalId, (metadata, now) => decide(metadata, now, freshProducerId))
        if (decision.kind === 'reject') return { error: decision.error }
        if (decision.kind === 'accept') return { error: null, metadata: decision.metadata }
        if (decision.kind === 'write') return { error: null, metadata: decision.next }
        if (decision.kind === 'remove') return { error: 'TRANSACTIONAL_ID_NOT_FOUND' }
        freshProducerId = await this.#producerIds.next()
      }
    } catch (error) {
      const errorName = coordinatorErrorName(error)
      if (errorName === 'UNKNOWN_SERVER_ERROR') this.#deps.logger.error('could not change a transaction', { transactionalId, error })
      return { error: errorName }
    }
  }

  /** Appends what is decided, one change of an id after the other. A decision to commit or abort then goes on by itself. */
  #write(transactionalId: string, decide: (metadata: TransactionMetadata | undefined, now: number) => Decision): Promise<Decision> {
    const operation = (shard: TransactionShard, now: number): CoordinatorResult<Decision> => {
      const decision = decide(shard.get(transactionalId), now)
      if (decision.kind === 'remove') return { records: [encodeTombstone(transactionalId)], response: decision }
      if (decision.kind !== 'write') return { records: [], response: decision }
      const { next } = decision
      const onCommitted = (): void => {
        shard.setLastProducerEpoch(transactionalId, next.lastProducerEpoch)
        if (isCompleting(next)) void this.#complete(shard, next)
        else this.#settle.onSettled(transactionalId)
      }
      return { records: [encodeTransaction(next)], response: decision, onCommitted }
    }
    return this.#runtime.write(this.partitionFor(transactionalId), operation, null, transactionalId)
  }

  #completeDecided(shard: TransactionShard): void {
    for (const metadata of shard.transactions()) if (isCompleting(metadata)) void this.#complete(shard, metadata)
  }

  /** Markers first, the completion once all are written; neither ends before it is done or the shard is gone. */
  async #complete(shard: TransactionShard, decided: TransactionMetadata): Promise<void> {
    const { transactionalId } = decided
    const isCurrent = (): boolean => shard.live && transitions.isSameDecision(shard.get(transactionalId), decided)
    if (!(await this.#markers.send(decided, shard.coordinatorEpoch, isCurrent))) return
    while (isCurrent()) {
      try {
        await this.#write(transactionalId, (metadata, now) => transitions.completeTransaction(metadata, decided, now))
        return
      } catch (error) {
        this.#deps.logger.warn('will write the completion of a transaction again', { transactionalId, error })
        await new Promise<void>((resolve) => this.#deps.timers.set(`transaction-completes-${transactionalId}`, COMPLETION_RETRY_BACKOFF_MS, resolve))
      }
    }
  }

  #read(transactionalId: string): TransactionMetadata | undefined | ErrorName {
    try {
      return this.#runtime.read(this.partitionFor(transactionalId), (shard) => shard.get(transactionalId))
    } catch (error) {
      return coordinatorErrorName(error)
    }
  }

  #transactions(): TransactionMetadata[] {
    return this.#runtime.shards().flatMap((shard) => [...shard.transactions()])
  }

  #isBusy(transactionalId: string): boolean {
    const metadata = this.#read(transactionalId)
    return typeof metadata === 'object' && isCompleting(metadata)
  }

  #every(timerKey: string, intervalMs: number, run: () => Promise<void>): void {
    this.#deps.timers.set(timerKey, intervalMs, () => {
      this.#every(timerKey, intervalMs, run)
      run().catch((error: unknown) => this.#deps.logger.error('a periodic task of the transaction coordinator failed', { task: timerKey, error }))
    })
  }
}
