// One share partition at work: loads its state, reads the log for its members, stores what they say before it is answered,
// and takes back what they kept too long.

import { KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import { fetchedBatches } from './fetched-batches.ts'
import type { PositionedBatch } from './fetched-batches.ts'
import type { ShareDeliveryDeps } from './share-deps.ts'
import { ACKNOWLEDGE_TYPES, SharePartition } from './share-partition.ts'
import type { Acknowledgement, AcquiredRange, PreparedChange } from './share-partition.ts'
import { coordinatorKey } from './share-state-records.ts'
import type { SharePartitionKey } from './share-state-records.ts'
import { NO_START_OFFSET } from './share-state.ts'

export type Delivery = { readonly bytes: Uint8Array; readonly acquired: readonly AcquiredRange[] }
export type TakeLimits = { readonly maxBytes: number; readonly maxRecords: number; readonly batchSize: number; readonly acquireMode: number }

/** Bytes of log looked at in one go, at most and at least. Between them it is about what the member takes. */
const READ_MAX_BYTES = 1024 * 1024
const READ_MIN_BYTES = 32 * 1024
/** How long after a dead letter could not be written it is tried again: at first, and at most. */
const DEAD_LETTER_BACKOFF_MS = 500
const DEAD_LETTER_BACKOFF_MAX_MS = 30_000
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
  readonly #dueTimer: string
  readonly #deadLetterTimer: string
  #loading: Promise<Loaded | ErrorName> | null = null
  #loaded: Loaded | null = null
  #isTaking = false
  #isClosed = false
  #isWritingDeadLetters = false
  #deadLetterWork: Promise<void> = Promise.resolve()
  #deadLetterBackoffMs = DEAD_LETTER_BACKOFF_MS
  /** Of the batches read last. A guess: records of another size come sooner or later. */
  #bytesPerRecord = Number.POSITIVE_INFINITY
  readonly #waiting = new Set<() => void>()

  constructor(deps: ShareDeliveryDeps, key: SharePartitionKey, topic: string, leaderEpoch: number) {
    this.leaderEpoch = leaderEpoch
    this.#deps = deps
    this.#key = key
    this.#topic = topic
    this.#lockTimer = `share-locks:${coordinatorKey(key)}`
    this.#dueTimer = `share-due:${coordinatorKey(key)}`
    this.#deadLetterTimer = `share-dead-letters:${coordinatorKey(key)}`
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
      if (this.#loaded?.partition.hasAvailable(this.#deps.clock.nowMs()) === true) this.#tellWaiting()
    }
  }

  async acknowledge(memberId: string, acknowledgements: readonly Acknowledgement[]): Promise<ErrorName> {
    const loaded = await this.#load()
    if (typeof loaded === 'string') return loaded
    if (!this.#deps.settingsOf(this.#key.groupId).allowsRenewal && acknowledgements.some(({ types }) => types.includes(ACKNOWLEDGE_TYPES.RENEW))) return 'INVALID_REQUEST'
    const change = loaded.partition.acknowledge(memberId, acknowledgements, this.#deps.clock.nowMs())
    if (typeof change === 'string') return change
    return this.#store(loaded, change)
  }

  /** Gives back all that a member has; what that gives up is in the dead-letter queue afterwards, where it takes anything. */
  async release(memberId: string): Promise<void> {
    const loaded = this.#loaded
    const change = loaded?.partition.release(memberId) ?? null
    if (loaded !== null && change !== null) await this.#store(loaded, change)
    await this.#deadLetterWork
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
    for (const timer of [this.#lockTimer, this.#dueTimer, this.#deadLetterTimer]) this.#deps.timers.cancel(timer)
    this.#loaded = null
    this.#tellWaiting()
  }

  async #takeFrom(partition: SharePartition, memberId: string, { maxBytes, maxRecords, batchSize, acquireMode }: TakeLimits): Promise<Delivery | null> {
    const { logs, clock, settingsOf } = this.#deps
    for (;;) {
      const offset = partition.nextOffset(clock.nowMs())
      if (offset === null) break
      const usefulBytes = Math.max(READ_MIN_BYTES, Math.min(READ_MAX_BYTES, maxRecords * this.#bytesPerRecord))
      const read = await this.#read(logs, partition, offset, Math.min(maxBytes, usefulBytes), settingsOf(this.#key.groupId).isolation)
      if (this.#isClosed || this.#loaded?.partition !== partition) return null
      if (read === null) continue
      const batches = fetchedBatches(read.bytes, read.aborted, read.waiting)
      if (batches.length === 0) break
      this.#bytesPerRecord = Math.ceil(read.bytes.length / batches.reduce((count, { firstOffset, lastOffset }) => count + lastOffset - firstOffset + 1, 0))
      const acquired = partition.acquire(memberId, offset, batches, maxRecords, batchSize, acquireMode, clock.nowMs())
      if (acquired.length === 0) {
        // Nothing for members in what was read; what follows it may be.
        if (partition.nextOffset(clock.nowMs()) === offset) break
        continue
      }
      this.#armLocks(partition)
      return { bytes: bytesOf(read.bytes, batches, acquired), acquired }
    }
    this.#armDue(partition)
    return null
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
    const settings = () => ({ ...settingsOf(groupId), hasDeadLetterQueue: this.#deps.deadLetters.hasQueue(groupId) })
    const loaded = { partition: new SharePartition(Number(start), state.stateBatches, settings), stateEpoch: state.stateEpoch }
    loaded.partition.moveStart(Number(offsets.logStartOffset))
    if (this.#isClosed) return 'NOT_LEADER_OR_FOLLOWER'
    this.#loaded = loaded
    this.#deadLetterWork = this.#writeDeadLetters(loaded)
    return loaded
  }

  async #resetOffset({ logStartOffset, highWatermark }: { logStartOffset: bigint; highWatermark: bigint }): Promise<bigint> {
    const { logs, clock, settingsOf } = this.#deps
    const reset = settingsOf(this.#key.groupId).autoOffsetReset
    if (reset.strategy !== 'byDuration') return reset.strategy === 'earliest' ? logStartOffset : highWatermark
    return (await logs.offsetForTimestamp(this.#topic, this.#key.partition, clock.nowMs() - reset.durationMs))?.offset ?? highWatermark
  }

  async #store(loaded: Loaded, change: PreparedChange): Promise<ErrorName> {
    const error = await this.#storeChange(loaded, change)
    this.#deadLetterWork = this.#writeDeadLetters(loaded)
    return error
  }

  async #storeChange(loaded: Loaded, change: PreparedChange): Promise<ErrorName> {
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
    if (partition.hasAvailable(this.#deps.clock.nowMs())) this.#tellWaiting()
    return error
  }

  /**
   * Has what the group gave up written to its dead-letter queue, then archived. As long as that fails the records stay
   * where they are and it is tried again: they are lost to nobody, and hold the start offset until somebody sees to the queue.
   */
  async #writeDeadLetters(loaded: Loaded): Promise<void> {
    const { logger, deadLetters } = this.#deps
    const { groupId, partition } = this.#key
    if (this.#loaded !== loaded) return
    if (this.#isWritingDeadLetters) return this.#deadLetterWork
    this.#isWritingDeadLetters = true
    let fault: string | null = null
    try {
      for (;;) {
        const letters = loaded.partition.deadLetters()[0]
        if (letters === undefined || this.#loaded !== loaded) break
        fault = await deadLetters.write({ groupId, topic: this.#topic, partition }, letters)
        const change = fault === null && this.#loaded === loaded ? loaded.partition.archive(letters) : null
        if (change === null) break
        const error = await this.#storeChange(loaded, change)
        if (error !== 'NONE') fault = `the state of the share partition could not be stored: ${error}`
        if (fault !== null) break
      }
    } catch (error) {
      fault = errorMessage(error)
    } finally {
      this.#isWritingDeadLetters = false
    }
    if (fault === null) this.#deadLetterBackoffMs = DEAD_LETTER_BACKOFF_MS
    else if (this.#loaded === loaded) {
      logger.warn(`records that share group ${groupId} gave up wait for its dead-letter queue: ${fault}`, { topic: this.#topic, partition })
      this.#deps.timers.set(this.#deadLetterTimer, this.#deadLetterBackoffMs, () => void (this.#deadLetterWork = this.#writeDeadLetters(loaded)))
      this.#deadLetterBackoffMs = Math.min(this.#deadLetterBackoffMs * 2, DEAD_LETTER_BACKOFF_MAX_MS)
    }
  }

  /** Sets the one timer of the partition to the first lock that runs out. */
  #armLocks(partition: SharePartition): void {
    const { timers, clock } = this.#deps
    const endMs = partition.nextLockEndMs()
    if (this.#isClosed) return
    if (endMs === null) timers.cancel(this.#lockTimer)
    else timers.set(this.#lockTimer, Math.max(endMs - clock.nowMs(), 0), () => this.#expire(partition))
  }

  /** Has those who wait look again when the first delayed record becomes due. */
  #armDue(partition: SharePartition): void {
    const { timers, clock } = this.#deps
    const dueMs = partition.nextDueMs(clock.nowMs())
    if (dueMs === null) timers.cancel(this.#dueTimer)
    else timers.set(this.#dueTimer, dueMs - clock.nowMs(), () => this.#tellWaiting())
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

/** The batches that hold acquired records; others between them, which wait for their time, are nobody's yet. */
function bytesOf(bytes: Uint8Array, batches: readonly PositionedBatch[], acquired: readonly AcquiredRange[]): Uint8Array {
  const pieces: { start: number; end: number }[] = []
  for (const { firstOffset, lastOffset, position, sizeBytes } of batches) {
    if (!acquired.some((range) => range.firstOffset <= lastOffset && range.lastOffset >= firstOffset)) continue
    const piece = pieces.at(-1)
    if (piece?.end === position) piece.end += sizeBytes
    else pieces.push({ start: position, end: position + sizeBytes })
  }
  const parts = pieces.map(({ start, end }) => bytes.subarray(start, end))
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}
