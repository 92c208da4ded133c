// Runs the shards of one internal topic: loads them, appends what their operations return, replays it once it is
// committed, and answers then. It knows nothing of what the records mean.
//
// Records are replayed after their commit, never before: hard state is at every moment what the log says, a failed append
// needs no rollback, and whoever reads sees nothing that may yet fail. Two operations whose decisions build on each other
// therefore name the same key, and the second waits until the first is committed; all others run at once, and those of
// one tick share an append.

import { KafkaError } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import type { BatchProducer } from './coordinator-log.ts'
import type { CoordinatorShard, ShardOperation } from './coordinator-shard.ts'
import type { CoordinatorRuntimeDeps, Loss } from './shard-partition.ts'
import { ShardPartition } from './shard-partition.ts'

export type { CoordinatorRuntimeDeps } from './shard-partition.ts'

/** Where this broker leads a partition, in which epoch, and who answers for it; nobody between two attempts to load it. */
type Led<S extends CoordinatorShard> = { leaderEpoch: number; owner: ShardPartition<S> | null; failureCount: number }

const RETRY_BACKOFF_MS = 100
const RETRY_BACKOFF_MAX_MS = 30_000
/** After a refusal because another leads: metadata that says so is on its way. */
const NOT_LEADER_BACKOFF_MS = 1000

export class CoordinatorRuntime<S extends CoordinatorShard> {
  readonly #deps: CoordinatorRuntimeDeps<S>
  readonly #partitions = new Map<number, Led<S>>()

  constructor(deps: CoordinatorRuntimeDeps<S>) {
    this.#deps = deps
  }

  /**
   * This broker leads the partition from now on, in this epoch: until all its records are replayed, operations are refused
   * with COORDINATOR_LOAD_IN_PROGRESS. A higher epoch of a partition that is loaded already changes nothing unless the
   * shards act in an epoch (`reloadsInNewEpoch`), as in Kafka: a replica that leads twice in a row has lost nothing in
   * between. An epoch that is not higher changes nothing either. Resolves once loaded or overtaken; rejects where the log
   * cannot be read or understood, and tries again by itself.
   */
  async load(partition: number, leaderEpoch: number): Promise<void> {
    const known = this.#partitions.get(partition)
    if (known !== undefined && known.leaderEpoch >= leaderEpoch) return
    if (known !== undefined && this.#deps.reloadsInNewEpoch !== true && this.isLoaded(partition)) {
      known.leaderEpoch = leaderEpoch
      return
    }
    this.#giveUp(partition)
    const led: Led<S> = { leaderEpoch, owner: null, failureCount: 0 }
    this.#partitions.set(partition, led)
    await this.#load(partition, led)
  }

  /** Gives the partition up: what waits is refused with NOT_COORDINATOR, what was appended but not committed yet is forgotten. */
  unload(partition: number): void {
    this.#giveUp(partition)
  }

  #giveUp(partition: number): void {
    const owner = this.#partitions.get(partition)?.owner
    this.#partitions.delete(partition)
    this.#deps.timers.cancel(this.#retryTimer(partition))
    owner?.unload()
  }

  async #load(partition: number, led: Led<S>): Promise<void> {
    const owner = new ShardPartition(this.#deps, partition, led.leaderEpoch, (loss) => this.#onLost(partition, led, loss))
    led.owner = owner
    try {
      await owner.load()
      led.failureCount = 0
    } catch (error) {
      owner.unload()
      if (this.#partitions.get(partition) !== led) return
      led.owner = null
      this.#retry(partition, led, Math.min(RETRY_BACKOFF_MAX_MS, RETRY_BACKOFF_MS * 2 ** led.failureCount++))
      throw error
    }
  }

  /** Memory begins anew from the log, which also settles what became of writes whose outcome is not known. */
  #onLost(partition: number, led: Led<S>, loss: Loss): void {
    if (this.#partitions.get(partition) !== led) return
    led.owner = null
    if (loss === 'notLeader') this.#retry(partition, led, NOT_LEADER_BACKOFF_MS)
    else void this.#reload(partition, led)
  }

  #retry(partition: number, led: Led<S>, delayMs: number): void {
    this.#deps.timers.set(this.#retryTimer(partition), delayMs, () => void this.#reload(partition, led))
  }

  async #reload(partition: number, led: Led<S>): Promise<void> {
    try {
      await this.#load(partition, led)
    } catch (error) {
      this.#deps.logger.error('still cannot load a coordinator partition', { topic: this.#deps.topic, partition, error: errorMessage(error) })
    }
  }

  #retryTimer(partition: number): string {
    return `${this.#deps.topic}-${partition}-load`
  }

  /** Partitions this broker leads, loaded or not. */
  partitions(): number[] {
    return [...this.#partitions.keys()]
  }

  isLoaded(partition: number): boolean {
    return (this.#partitions.get(partition)?.owner?.active ?? null) !== null
  }

  /** The loaded shards; those still loading are left out. */
  shards(): S[] {
    return [...this.#partitions.values()].flatMap(({ owner }) => (owner === null || owner.active === null ? [] : [owner.active]))
  }

  isLoading(): boolean {
    return [...this.#partitions.values()].some(({ owner }) => owner !== null && owner.active === null)
  }

  /**
   * Runs an operation and resolves with its response once its records are committed and replayed. Operations of the same
   * `key` run one after the other, each on the committed outcome of the one before. Rejects with what the operation
   * throws, with the append's KafkaError, with NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS.
   */
  write<R>(partition: number, operation: ShardOperation<S, R>, producer: BatchProducer | null = null, key?: string): Promise<R> {
    const owner = this.#partitions.get(partition)?.owner
    if (!owner) return Promise.reject(new KafkaError('NOT_COORDINATOR'))
    return owner.write(operation, producer, key)
  }

  /** Answers from committed state at once. Throws NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
  read<R>(partition: number, operation: (shard: S, now: number) => R): R {
    const owner = this.#partitions.get(partition)?.owner
    if (!owner) throw new KafkaError('NOT_COORDINATOR')
    return operation(owner.shard(), this.#deps.clock.nowMs())
  }

  /** Ends a transaction in this partition: appends the marker and tells the shard once it is committed. */
  completeTransaction(partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    const owner = this.#partitions.get(partition)?.owner
    if (!owner) return Promise.reject(new KafkaError('NOT_COORDINATOR'))
    return owner.completeTransaction(producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch)
  }
}
