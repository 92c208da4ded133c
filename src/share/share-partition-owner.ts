// One share partition at work: loads its state, reads the log for its members, stores what they say before it is answered,
// and takes back what they kept too long.

import { KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import { fetchedBatches } from './fetched-batches.ts'
import type { ShareDeliveryDeps } from './share-deps.ts'
import { SharePartition } from './share-partition.ts'
import type { Acknowledgement, AcquiredRange, PreparedChange } from './share-partition.ts'
import { coordinatorKey } from './share-state-records.ts'
import type { SharePartitionKey } from './share-state-records.ts'
import { NO_START_OFFSET } from './share-state.ts'

export type Delivery = { readonly bytes: Uint8Array; readonly acquired: readonly AcquiredRange[] }
export type TakeLimits = { readonly maxBytes: number; readonly maxRecords: number; readonly batchSize: number; readonly acquireMode: number }

/** Bytes of log looked at in one go: enough for what a member takes at a time. */
const READ_SIZE_BYTES = 1024 * 1024
/** After these the state is read anew before anything else is done: somebody else has written it, or what was written is not known. */
const FENCING: ReadonlySet<ErrorName> = new Set([
  'FENCED_STATE_EPOCH', 'FENCED_LEADER_EPOCH', 'INVALID_REQUEST',
  'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'BROKER_NOT_AVAILABLE', 'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT', 'NOT_LEADER_OR_FOLLOWER', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_STORAGE_ERROR',
])

type Loaded = { readonly partition: SharePartition; readonly stateEpoch: number }

export class SharePartitionOwner {
  readonly #deps: ShareDeliveryDeps
  readonly #key: SharePartitionKey
  readonly #topic: string
  /** In which this broker leads the partition as long as this owner is of use. */
  readonly leaderEpoch: number
  readonly #lockTimer: string
  #loading: Promise<Loaded | ErrorName> | null = null
  #loaded: Loaded | null = null
  #isTaking = false
  #isClosed = false
  readonly #waiting = new Set<() => void>()

  constructor(deps: ShareDeliveryDeps, key: SharePartitionKey, topic: string, leaderEpoch: number) {
    this.leaderEpoch = leaderEpoch
    this.#deps = deps
    this.#key = key
    this.#topic = topic
    this.#lockTimer = `share-locks:${coordinatorKey(key)}`
  }

  /** Calls back once when there may be something to take; returns what ends that. */
  onAvailable(tell: () => void): () => void {
    const { topic, partition } = { topic: this.#topic, partition: this.#key.partition }
    this.#waiting.add(tell)
    const endWatch = this.#deps.logs.watch(topic, partition, tell)
    return () => {
      this.#waiting.delete(tell)
      endWatch()
    }
  }

  /** Records for a member, now its own until its lock runs out; null where there are none at the moment. */
  async take(memberId: string, limits: TakeLimits): Promise<Delivery | ErrorName | null> {
    if (this.#isTaking) return null
    this.#isTaking = true
    try {
      const loaded = await this.#load()
      return typeof loaded === 'string' ? loaded : await this.#takeFrom(loaded.partition, memberId, limits)
    } catch (error) {
      if (error instanceof KafkaError) return error.errorName
      throw error
    } finally {
      this.#isTaking = false
      // Whoever came meanwhile found the partition taken.
      if (this.#loaded?.partition.hasAvailable() === true) this.#tellWaiting()
    }
  }

  async acknowledge(memberId: string, acknowledgements: readonly Acknowledgement[]): Promise<ErrorName> {
    const loaded = await this.#load()
    if (typeof loaded === 'string') return loaded
    const change = loaded.partition.acknowledge(memberId, acknowledgements, this.#deps.clock.nowMs())
    if (typeof change === 'string') return change
    return this.#store(loaded, change)
  }

  /** Gives back all that a member has. */
  async release(memberId: string): Promise<void> {
    const loaded = this.#loaded
    const change = loaded?.partition.release(memberId) ?? null
    if (loaded !== null && change !== null) await this.#store(loaded, change)
  }

  get topic(): string {
    return this.#topic
  }

  get partition(): number {
    return this.#key.partition
  }

  /** Whoever waits looks again, and finds that nobody takes records from here any more. */
  close(): void {
    this.#isClosed = true
    this.#loaded = null
    this.#deps.timers.cancel(this.#lockTimer)
    this.#tellWaiting()
  }

  async #takeFrom(partition: SharePartition, memberId: string, { maxBytes, maxRecords, batchSize, acquireMode }: TakeLimits): Promise<Delivery | null> {
    const { logs, clock, settingsOf } = this.#deps
    for (;;) {
      const offset = partition.nextOffset()
      if (offset === null) return null
      const read = await this.#read(logs, partition, offset, Math.min(maxBytes, READ_SIZE_BYTES), settingsOf(this.#key.groupId).isolation)
      if (this.#isClosed || this.#loaded?.partition !== partition) return null
      if (read === null) continue
      const batches = fetchedBatches(read.bytes, read.aborted)
      if (batches.length === 0) return null
      const acquired = partition.acquire(memberId, offset, batches, maxRecords, batchSize, acquireMode, clock.nowMs())
      const [first, last] = [acquired[0], acquired.at(-1)]
      if (first === undefined || last === undefined) {
        // Nothing for members in what was read; what follows it may be.
        if (partition.nextOffset() === offset) return null
        continue
      }
      this.#armLocks(partition)
      const wanted = batches.filter(({ firstOffset, lastOffset }) => lastOffset >= first.firstOffset && firstOffset <= last.lastOffset)
      const [start, end] = [wanted[0], wanted.at(-1)]
      if (start === undefined || end === undefined) return null
      return { bytes: read.bytes.subarray(start.position, end.position + end.sizeBytes), acquired }
    }
  }

  /** Null where the log no longer goes back that far, and the partition has moved on. */
  async #read(logs: ShareDeliveryDeps['logs'], partition: SharePartition, offset: number, maxBytes: number, isolation: 'read_committed' | 'read_uncommitted') {
    const { topic, index } = { topic: this.#topic, index: this.#key.partition }
    try {
      const read = await logs.readRaw(topic, index, BigInt(offset), maxBytes, isolation)
      partition.moveStart(Number(read.logStartOffset))
      return read
    } catch (error) {
      if (!(error instanceof KafkaError) || error.errorName !== 'OFFSET_OUT_OF_RANGE') throw error
      const [offsets] = logs.partitionOffsets([{ topic, partition: index }])
      if (offsets === null || offsets === undefined || offset >= Number(offsets.logStartOffset)) throw error
      partition.moveStart(Number(offsets.logStartOffset))
      return null
    }
  }

  #load(): Promise<Loaded | ErrorName> {
    if (this.#isClosed) return Promise.resolve('NOT_LEADER_OR_FOLLOWER')
    if (this.#loaded !== null) return Promise.resolve(this.#loaded)
    this.#loading ??= this.#loadState().finally(() => (this.#loading = null))
    return this.#loading
  }

  async #loadState(): Promise<Loaded | ErrorName> {
    const { logs, states, settingsOf } = this.#deps
    const { groupId, partition } = this.#key
    const [offsets] = logs.partitionOffsets([{ topic: this.#topic, partition }])
    if (offsets === null || offsets === undefined || offsets.leaderEpoch !== this.leaderEpoch) return 'NOT_LEADER_OR_FOLLOWER'
    const state = await states.readState(this.#key, this.leaderEpoch)
    if (typeof state === 'string') return state
    const start = state.startOffset === NO_START_OFFSET ? await this.#resetOffset(offsets) : state.startOffset
    const settings = () => settingsOf(groupId)
    const loaded = { partition: new SharePartition(Number(start), state.stateBatches, settings), stateEpoch: state.stateEpoch }
    loaded.partition.moveStart(Number(offsets.logStartOffset))
    if (this.#isClosed) return 'NOT_LEADER_OR_FOLLOWER'
    this.#loaded = loaded
    return loaded
  }

  async #resetOffset({ logStartOffset, highWatermark }: { logStartOffset: bigint; highWatermark: bigint }): Promise<bigint> {
    const { logs, clock, settingsOf } = this.#deps
    const reset = settingsOf(this.#key.groupId).autoOffsetReset
    if (reset.strategy !== 'byDuration') return reset.strategy === 'earliest' ? logStartOffset : highWatermark
    return (await logs.offsetForTimestamp(this.#topic, this.#key.partition, clock.nowMs() - reset.durationMs))?.offset ?? highWatermark
  }

  async #store(loaded: Loaded, change: PreparedChange): Promise<ErrorName> {
    const { partition, stateEpoch } = loaded
    const { leaderEpoch } = this
    if (change.spans.length === 0) {
      this.#armLocks(partition)
      return 'NONE'
    }
    const { stateBatches, startOffset, deliveryCompleteCount } = change
    const error = await this.#deps.states.writeState(this.#key, { stateEpoch, leaderEpoch, startOffset: BigInt(startOffset), deliveryCompleteCount, stateBatches })
    if (error === 'NONE') {
      partition.commit(change)
    } else {
      partition.undo(change)
      if (FENCING.has(error) && this.#loaded === loaded) this.#loaded = null
      this.#deps.logger.warn('the state of a share partition could not be stored', { ...this.#key, error })
    }
    this.#armLocks(partition)
    if (partition.hasAvailable()) this.#tellWaiting()
    return error
  }

  /** Sets the one timer of the partition to the first lock that runs out. */
  #armLocks(partition: SharePartition): void {
    const { timers, clock } = this.#deps
    const endMs = partition.nextLockEndMs()
    if (this.#isClosed) return
    if (endMs === null) timers.cancel(this.#lockTimer)
    else timers.set(this.#lockTimer, Math.max(endMs - clock.nowMs(), 0), () => this.#expire(partition))
  }

  #expire(partition: SharePartition): void {
    const loaded = this.#loaded
    if (loaded?.partition !== partition) return
    const change = partition.expire(this.#deps.clock.nowMs())
    if (change === null) return this.#armLocks(partition)
    this.#store(loaded, change).catch((error: unknown) => this.#deps.logger.error('records of a share group could not be taken back', { ...this.#key, error: errorMessage(error) }))
  }

  #tellWaiting(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const tell of waiting) tell()
  }
}
