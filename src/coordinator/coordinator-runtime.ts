// Runs the shards of one internal topic: loads them, appends what their operations return, replays it once it is
// committed, and answers then. It knows nothing of what the records mean.
//
// Records are replayed after their commit, never before: hard state is at every moment what the log says, a failed append
// needs no rollback, and whoever reads sees nothing that may yet fail. Two operations whose decisions build on each other
// therefore name the same key, and the second waits until the first is committed; all others run at once, and those of
// one tick share an append.

import { KafkaError } from '../protocol/error-codes.ts'
import type { BatchProducer } from './coordinator-log.ts'
import type { CoordinatorShard, ShardOperation } from './coordinator-shard.ts'
import type { CoordinatorRuntimeDeps } from './shard-partition.ts'
import { ShardPartition } from './shard-partition.ts'

export type { CoordinatorRuntimeDeps } from './shard-partition.ts'

export class CoordinatorRuntime<S extends CoordinatorShard> {
  readonly #deps: CoordinatorRuntimeDeps<S>
  readonly #partitions = new Map<number, ShardPartition<S>>()

  constructor(deps: CoordinatorRuntimeDeps<S>) {
    this.#deps = deps
  }

  /**
   * Takes the partition over: until all its records are replayed, operations are refused with
   * COORDINATOR_LOAD_IN_PROGRESS. Rejects, and gives it up again, where the log cannot be read or understood.
   */
  async load(partition: number): Promise<void> {
    if (this.#partitions.has(partition)) return
    const owner = new ShardPartition(this.#deps, partition)
    this.#partitions.set(partition, owner)
    try {
      await owner.load()
    } catch (error) {
      if (this.#partitions.get(partition) === owner) this.#partitions.delete(partition)
      owner.unload()
      throw error
    }
  }

  /** Gives the partition up: what waits is refused with NOT_COORDINATOR, what was appended but not committed yet is forgotten. */
  unload(partition: number): void {
    const owner = this.#partitions.get(partition)
    this.#partitions.delete(partition)
    owner?.unload()
  }

  /** Partitions this broker answers for, loaded or loading. */
  partitions(): number[] {
    return [...this.#partitions.keys()]
  }

  /** The loaded shards; those still loading are left out. */
  shards(): S[] {
    return [...this.#partitions.values()].flatMap((owner) => (owner.active === null ? [] : [owner.active]))
  }

  isLoading(): boolean {
    return [...this.#partitions.values()].some((owner) => owner.active === null)
  }

  /**
   * Runs an operation and resolves with its response once its records are committed and replayed. Operations of the same
   * `key` run one after the other, each on the committed outcome of the one before. Rejects with what the operation
   * throws, with the append's KafkaError, with NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS.
   */
  write<R>(partition: number, operation: ShardOperation<S, R>, producer: BatchProducer | null = null, key?: string): Promise<R> {
    const owner = this.#partitions.get(partition)
    if (owner === undefined) return Promise.reject(new KafkaError('NOT_COORDINATOR'))
    return owner.write(operation, producer, key)
  }

  /** Answers from committed state at once. Throws NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
  read<R>(partition: number, operation: (shard: S, now: number) => R): R {
    const owner = this.#partitions.get(partition)
    if (owner === undefined) throw new KafkaError('NOT_COORDINATOR')
    return operation(owner.shard(), this.#deps.clock.nowMs())
  }

  /** Ends a transaction in this partition: appends the marker and tells the shard once it is committed. */
  completeTransaction(partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean): Promise<void> {
    const owner = this.#partitions.get(partition)
    if (owner === undefined) return Promise.reject(new KafkaError('NOT_COORDINATOR'))
    return owner.completeTransaction(producerId, producerEpoch, coordinatorEpoch, commit)
  }
}
