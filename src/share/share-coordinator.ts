// The share coordinator (KIP-932): keeps how far share groups have come, durably before anybody is answered. Who reads and
// writes is the leader of a partition, and the group coordinator, which begins and ends a group's state.

import type { CoordinatorLog } from '../coordinator/coordinator-log.ts'
import { CoordinatorRuntime } from '../coordinator/coordinator-runtime.ts'
import type { CoordinatorResult } from '../coordinator/coordinator-shard.ts'
import { partitionForKey } from '../coordinator/key-partition.ts'
import type { RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { ERRORS, KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import { coordinatorKey, SHARE_STATE_TOPIC } from './share-state-records.ts'
import type { SharePartitionKey } from './share-state-records.ts'
import { ShareStateShard } from './share-state-shard.ts'
import type { StateWrite } from './share-state-shard.ts'
import { NO_START_OFFSET } from './share-state.ts'
import type { ShareState } from './share-state.ts'

export type ShareCoordinatorSettings = {
  /** `share.coordinator.snapshot.update.records.per.snapshot` */
  readonly updatesPerSnapshot: number
  /** `share.coordinator.state.topic.prune.interval.ms` */
  readonly pruneIntervalMs: number
  /** How long a write is waited for: `share.coordinator.write.timeout.ms` */
  readonly writeTimeoutMs: number
}

export type ShareCoordinatorDeps = {
  readonly log: CoordinatorLog
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly settings: ShareCoordinatorSettings
  partitionCount(topic: string): number | undefined
  /** Begins to create the topic of states where it is missing. */
  ensureStateTopic(): void
  /** Drops the records before an offset. */
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): Promise<unknown>
}

type Topics<P> = readonly { topicId: Uuid; partitions: readonly P[] }[]
type ErrorOutcome = { errorCode: number; errorMessage: string | null }
type Answered<P, R> = { topicId: Uuid; partitions: (P & R)[] }[]

const PRUNE_TIMER = 'share-state-prune'

export class ShareCoordinator {
  readonly #deps: ShareCoordinatorDeps
  readonly #runtime: CoordinatorRuntime<ShareStateShard>

  constructor(deps: ShareCoordinatorDeps) {
    this.#deps = deps
    this.#runtime = new CoordinatorRuntime({ ...deps, topic: SHARE_STATE_TOPIC, writeTimeoutMs: deps.settings.writeTimeoutMs, createShard: () => new ShareStateShard(deps.settings.updatesPerSnapshot) })
  }

  /** Begins to drop records that later ones stand for. */
  start(): void {
    const { timers, settings, logger } = this.#deps
    timers.set(PRUNE_TIMER, settings.pruneIntervalMs, () => {
      this.prune().catch((error: unknown) => logger.warn('could not prune the states of share groups', { error: errorMessage(error) }))
      this.start()
    })
  }

  close(): void {
    this.#deps.timers.cancel(PRUNE_TIMER)
    for (const partition of this.#runtime.partitions()) this.unload(partition)
  }

  load(partition: number, leaderEpoch: number): Promise<void> {
    return this.#runtime.load(partition, leaderEpoch)
  }

  unload(partition: number): void {
    this.#runtime.unload(partition)
  }

  /** Drops what lies before the oldest snapshot that is needed. */
  async prune(): Promise<void> {
    for (const partition of this.#runtime.partitions()) {
      if (!this.#runtime.isLoaded(partition)) continue
      const before = this.#runtime.read(partition, (shard) => shard.prunableBefore())
      if (before !== null && before > 0n) await this.#deps.deleteRecords(SHARE_STATE_TOPIC, partition, before)
    }
  }

  initialize(groupId: string, topics: RequestOf<'InitializeShareGroupState'>['topics']): Promise<ResponseOf<'InitializeShareGroupState'>['results']> {
    return this.#each(groupId, topics, async (key, { stateEpoch, startOffset }) => outcome(await this.#write(key, (shard, now) => shard.initialize(key, stateEpoch, startOffset, now))), outcome)
  }

  delete(groupId: string, topics: RequestOf<'DeleteShareGroupState'>['topics']): Promise<ResponseOf<'DeleteShareGroupState'>['results']> {
    return this.#each(groupId, topics, async (key) => outcome(await this.#write(key, (shard) => shard.remove(key))), outcome)
  }

  read(groupId: string, topics: RequestOf<'ReadShareGroupState'>['topics']): Promise<ResponseOf<'ReadShareGroupState'>['results']> {
    const failed = (error: ErrorName): ErrorOutcome & Pick<ShareState, 'stateEpoch' | 'startOffset'> & { stateBatches: [] } => ({ ...outcome(error), stateEpoch: 0, startOffset: NO_START_OFFSET, stateBatches: [] })
    return this.#each(groupId, topics, async (key, { leaderEpoch }) => {
      const state = await this.readState(key, leaderEpoch)
      if (typeof state === 'string') return failed(state)
      return { ...outcome('NONE'), stateEpoch: state.stateEpoch, startOffset: state.startOffset, stateBatches: [...state.stateBatches] }
    }, failed)
  }

  write(groupId: string, topics: RequestOf<'WriteShareGroupState'>['topics']): Promise<ResponseOf<'WriteShareGroupState'>['results']> {
    return this.#each(groupId, topics, async (key, write) => outcome(await this.writeState(key, write)), outcome)
  }

  readSummary(groupId: string, topics: RequestOf<'ReadShareGroupStateSummary'>['topics']): Promise<ResponseOf<'ReadShareGroupStateSummary'>['results']> {
    const told = (error: ErrorName, state?: ShareState) => ({
      ...outcome(error),
      stateEpoch: state?.stateEpoch ?? 0,
      leaderEpoch: state?.leaderEpoch ?? 0,
      startOffset: state?.startOffset ?? NO_START_OFFSET,
      deliveryCompleteCount: state?.deliveryCompleteCount ?? -1,
    })
    return this.#each(groupId, topics, async (key) => told('NONE', this.#runtime.read(this.#partitionFor(key), (shard) => shard.stateOf(key))), told)
  }

  /** The state for a leader that takes over; an error's name where there is none to be had. */
  readState(key: SharePartitionKey, leaderEpoch: number): Promise<ShareState | ErrorName> {
    return this.#write(key, (shard) => shard.read(key, leaderEpoch))
  }

  /** Resolves once the change is durable. */
  writeState(key: SharePartitionKey, write: StateWrite): Promise<ErrorName> {
    return this.#write(key, (shard, now) => shard.write(key, write, now))
  }

  async #write<R>(key: SharePartitionKey, operation: (shard: ShareStateShard, now: number) => CoordinatorResult<R | ErrorName>): Promise<R | ErrorName> {
    try {
      return await this.#runtime.write(this.#partitionFor(key), operation, null, coordinatorKey(key))
    } catch (error) {
      return error instanceof KafkaError ? error.errorName : this.#unexpected(key, error)
    }
  }

  #unexpected(key: SharePartitionKey, error: unknown): ErrorName {
    this.#deps.logger.error('the state of a share group could not be changed', { ...key, error })
    return 'UNKNOWN_SERVER_ERROR'
  }

  #partitionFor(key: SharePartitionKey): number {
    const count = this.#deps.partitionCount(SHARE_STATE_TOPIC)
    if (count === undefined) {
      this.#deps.ensureStateTopic()
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
    }
    return partitionForKey(coordinatorKey(key), count)
  }

  #each<P extends { partition: number }, R extends ErrorOutcome>(
    groupId: string,
    topics: Topics<P>,
    ask: (key: SharePartitionKey, partition: P) => Promise<R>,
    failed: (error: ErrorName) => R,
  ): Promise<Answered<{ partition: number }, R>> {
    return Promise.all(topics.map(async ({ topicId, partitions }) => ({
      topicId,
      partitions: await Promise.all(partitions.map(async (asked) => {
        const key = { groupId, topicId, partition: asked.partition }
        try {
          return { partition: asked.partition, ...(await ask(key, asked)) }
        } catch (error) {
          return { partition: asked.partition, ...failed(error instanceof KafkaError ? error.errorName : this.#unexpected(key, error)) }
        }
      })),
    })))
  }
}

function outcome(error: ErrorName): ErrorOutcome {
  return { errorCode: ERRORS[error].code, errorMessage: error === 'NONE' ? null : ERRORS[error].message }
}
