// One partition in the runtime's hands, from load to unload. Order is its business: appends are issued in the order in
// which operations ran, and their outcomes are taken in that same order, whichever append is acknowledged first.

import { KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import { appendFailure } from './append-outcome.ts'
import { CommittedEnd } from './committed-end.ts'
import type { BatchProducer, CoordinatorLog } from './coordinator-log.ts'
import type { CoordinatorRecord, CoordinatorResult, CoordinatorShard, ShardContext, ShardOperation } from './coordinator-shard.ts'
import { WriteDeadlines } from './write-deadlines.ts'
import type { Deadline } from './write-deadlines.ts'

/** Bytes of records in one append, below `max.message.bytes` by what a batch adds. */
export const APPEND_SIZE_MAX_BYTES = 1_000_000

export type CoordinatorRuntimeDeps<S extends CoordinatorShard> = {
  readonly topic: string
  readonly log: CoordinatorLog
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
  /** Default `APPEND_SIZE_MAX_BYTES`; an operation whose records exceed it is refused with RECORD_LIST_TOO_LARGE. */
  readonly appendSizeMaxBytes?: number
  /** How long who asked for a write waits for its commit before the answer is REQUEST_TIMED_OUT; default for ever. */
  readonly writeTimeoutMs?: number
  /** Whether shards act in the epoch they were loaded in, and so cannot go on in another. */
  readonly reloadsInNewEpoch?: boolean
  createShard(partition: number, context: ShardContext<S>): S
}

/** Bytes of log that one read of the load takes. */
const READ_SIZE_BYTES = 1024 * 1024
/** Appends under way at a time; further operations gather in the next one. */
const APPENDS_IN_FLIGHT_MAX = 4
/** What a record takes in a batch besides key and value, at most. */
const RECORD_OVERHEAD_BYTES = 32

/** An operation that ran and waits for its records to be committed. */
type Write = {
  records: CoordinatorRecord[]
  sizeBytes: number
  producer: BatchProducer | null
  key: string | undefined
  result: CoordinatorResult<unknown>
  answer: Answer<never>
}

/** How the outcome gets to whoever asked for the write; nothing is told after its deadline. */
type Answer<R> = {
  readonly deadline: Deadline
  resolve(response: R): void
  reject(error: unknown): void
}

/** Why a partition can be held on to no longer: it is led elsewhere, or memory may not be what the log says. */
export type Loss = 'notLeader' | 'unknown'

export class ShardPartition<S extends CoordinatorShard> {
  /** The shard once it is loaded, null before. */
  active: S | null = null
  readonly #deps: CoordinatorRuntimeDeps<S>
  readonly #partition: number
  readonly #leaderEpoch: number
  readonly #onLost: (loss: Loss) => void
  readonly #appendSizeMaxBytes: number
  readonly #deadlines: WriteDeadlines
  readonly #committedEnd: CommittedEnd
  readonly #timerKeys = new Set<string>()
  #unloaded = false
  #loadingShard: S | null = null
  /** Writes that no append has taken yet. */
  #gathered: Write[] = []
  #flushScheduled = false
  #appendsInFlight = 0
  /** Resolves when all appends issued so far have had their outcome; never rejects. */
  #outcomes: Promise<void> = Promise.resolve()
  readonly #taken = new Set<Write>()
  /** Operations that wait for the one of their key that is not committed yet. */
  readonly #waitingByKey = new Map<string, (() => boolean)[]>()

  /** `onLost` is called when the partition has unloaded itself. */
  constructor(deps: CoordinatorRuntimeDeps<S>, partition: number, leaderEpoch: number, onLost: (loss: Loss) => void) {
    this.#deps = deps
    this.#partition = partition
    this.#leaderEpoch = leaderEpoch
    this.#onLost = onLost
    this.#appendSizeMaxBytes = deps.appendSizeMaxBytes ?? APPEND_SIZE_MAX_BYTES
    this.#committedEnd = new CommittedEnd(deps.log, deps.topic, partition)
    this.#deadlines = new WriteDeadlines({ timers: deps.timers, clock: deps.clock, timerKey: `${deps.topic}-${partition}-deadlines`, timeoutMs: deps.writeTimeoutMs ?? Infinity })
  }

  /** The loaded shard, or the KafkaError that says why there is none. */
  shard(): S {
    if (this.#unloaded) throw new KafkaError('NOT_COORDINATOR')
    if (this.active === null) throw new KafkaError('COORDINATOR_LOAD_IN_PROGRESS')
    return this.active
  }

  async load(): Promise<void> {
    const { log, topic, clock, logger } = this.#deps
    const startedMs = clock.monotonicMs()
    const shard = this.#deps.createShard(this.#partition, this.#context())
    this.#loadingShard = shard
    const committed = await this.#committedEnd.reached(this.#leaderEpoch)
    if (committed === null) return
    let offset = committed.logStartOffset
    let recordCount = 0
    while (offset < committed.logEndOffset) {
      const batches = await log.read(topic, this.#partition, offset, READ_SIZE_BYTES)
      if (this.#unloaded) return
      for (const batch of batches) {
        if (batch.lastOffset < offset) continue
        if (batch.control !== null) {
          if (batch.control.type !== 'OTHER') shard.replayMarker?.(batch.producerId, batch.producerEpoch, batch.control.type === 'COMMIT')
        } else {
          const producerId = batch.transactional ? batch.producerId : -1n
          for (const { offset: at, key, value, timestampMs } of batch.records) {
            if (key !== null && at >= offset) shard.replay(at, producerId, { key, value }, timestampMs)
          }
          recordCount += batch.records.length
        }
        offset = batch.lastOffset + 1n
      }
      if (batches.length === 0) break
    }
    this.#loadingShard = null
    this.active = shard
    shard.onLoaded(clock.nowMs())
    if (recordCount > 0) logger.info('loaded a coordinator partition', { topic, partition: this.#partition, recordCount, durationMs: Math.round(clock.monotonicMs() - startedMs) })
  }

  unload(): void {
    if (this.#unloaded) return
    this.#unloaded = true
    this.#committedEnd.stop()
    for (const key of this.#timerKeys) this.#deps.timers.cancel(key)
    this.#timerKeys.clear()
    const shard = this.active ?? this.#loadingShard
    this.active = null
    const refused = new KafkaError('NOT_COORDINATOR')
    for (const write of [...this.#taken, ...this.#gathered]) write.answer.reject(refused)
    this.#taken.clear()
    this.#gathered = []
    const waiting = [...this.#waitingByKey.values()].flat()
    this.#waitingByKey.clear()
    for (const run of waiting) run()
    this.#deadlines.close()
    shard?.onUnloaded()
  }

  write<R>(operation: ShardOperation<S, R>, producer: BatchProducer | null, key: string | undefined): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const answer = this.#answer(resolve, reject)
      const run = (): boolean => this.#run(operation, producer, key, answer)
      const waiting = key === undefined ? undefined : this.#waitingByKey.get(key)
      if (waiting === undefined) run()
      else waiting.push(run)
    })
  }

  #answer<R>(resolve: (response: R) => void, reject: (error: unknown) => void): Answer<R> {
    const deadline = this.#deadlines.begin(reject)
    return {
      deadline,
      resolve: (response) => {
        this.#deadlines.met(deadline)
        resolve(response)
      },
      reject: (error) => {
        this.#deadlines.met(deadline)
        reject(error)
      },
    }
  }

  /** The marker takes its place behind all records that operations have returned so far. */
  async completeTransaction(producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    this.shard()
    this.#flushAll()
    const { log, topic } = this.#deps
    const appended = log.appendMarker(topic, this.#partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch)
    const outcome = this.#inOrder(appended, () => {
      if (!this.#unloaded) this.shard().replayMarker?.(producerId, producerEpoch, commit)
    })
    try {
      await outcome
    } catch (error) {
      this.#checkLoss(error)
      throw error
    }
    if (this.#unloaded) throw new KafkaError('NOT_COORDINATOR')
  }

  /** Runs an operation; true where it has records to commit first, and so keeps others of its key waiting. */
  #run<R>(operation: ShardOperation<S, R>, producer: BatchProducer | null, key: string | undefined, answer: Answer<R>): boolean {
    // Who waited too long for the operations before it was told so; nothing of it is done then.
    if (this.#deadlines.isOver(answer.deadline)) return false
    try {
      const result = operation(this.shard(), this.#deps.clock.nowMs())
      if (result.records.length === 0) {
        result.onCommitted?.()
        answer.resolve(result.response)
        return false
      }
      const sizeBytes = sizeOf(result.records)
      if (sizeBytes > this.#appendSizeMaxBytes) {
        const refused = new KafkaError('RECORD_LIST_TOO_LARGE', `records of ${sizeBytes} bytes exceed ${this.#appendSizeMaxBytes}`)
        result.onFailed?.(refused)
        throw refused
      }
      if (key !== undefined && !this.#waitingByKey.has(key)) this.#waitingByKey.set(key, [])
      this.#gathered.push({ records: result.records, sizeBytes, producer, key, result, answer })
      this.#scheduleFlush()
      return true
    } catch (error) {
      answer.reject(error)
      return false
    }
  }

  /** Lets the operations that waited for the key run, up to the next one with records. */
  #release(key: string | undefined): void {
    if (key === undefined) return
    const waiting = this.#waitingByKey.get(key)
    if (waiting === undefined) return
    let ranCount = 0
    let held = false
    for (; !held && ranCount < waiting.length; ranCount++) held = waiting[ranCount]?.() ?? false
    if (held) waiting.splice(0, ranCount)
    else this.#waitingByKey.delete(key)
  }

  /** Operations of one tick share an append, so it waits for the end of the tick. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#appendsInFlight >= APPENDS_IN_FLIGHT_MAX) return
    this.#flushScheduled = true
    queueMicrotask(() => {
      this.#flushScheduled = false
      while (this.#gathered.length > 0 && this.#appendsInFlight < APPENDS_IN_FLIGHT_MAX) this.#append(this.#nextBatch())
    })
  }

  #flushAll(): void {
    while (this.#gathered.length > 0) this.#append(this.#nextBatch())
  }

  /** The longest run of gathered writes that one batch can hold; a transaction's are never mixed with others. */
  #nextBatch(): Write[] {
    const producer = this.#gathered[0]?.producer ?? null
    let count = 0
    let sizeBytes = 0
    for (const write of this.#gathered) {
      sizeBytes += write.sizeBytes
      if (count > 0 && (sizeBytes > this.#appendSizeMaxBytes || !isSameProducer(write.producer, producer))) break
      count++
    }
    return this.#gathered.splice(0, count)
  }

  #append(writes: Write[]): void {
    const { log, topic } = this.#deps
    const producer = writes[0]?.producer ?? null
    const records = writes.flatMap((write) => write.records)
    for (const write of writes) this.#taken.add(write)
    this.#appendsInFlight++
    const nowMs = this.#deps.clock.nowMs()
    const appended = log.append(topic, this.#partition, records, producer)
    this.#inOrder(appended, (baseOffset) => this.#onCommitted(writes, baseOffset, nowMs))
      .catch((error: unknown) => this.#onFailed(writes, error))
      .finally(() => {
        this.#appendsInFlight--
        if (this.#gathered.length > 0) this.#scheduleFlush()
      })
  }

  /** Takes the outcome of an append after those of all appends before it. */
  #inOrder<T>(appended: Promise<T>, onAppended: (value: T) => void): Promise<void> {
    const before = this.#outcomes
    const outcome = appended.then(
      (value) => before.then(() => onAppended(value)),
      (error: unknown) => before.then(() => { throw error }),
    )
    this.#outcomes = outcome.catch(() => {})
    return outcome
  }

  #onCommitted(writes: Write[], baseOffset: bigint, timestampMs: number): void {
    if (this.#unloaded) return
    this.#replay(writes, baseOffset, timestampMs)
    for (const write of writes) {
      if (!this.#taken.delete(write)) continue
      try {
        write.result.onCommitted?.()
        write.answer.resolve(write.result.response as never)
      } catch (error) {
        write.answer.reject(error)
      }
      this.#release(write.key)
    }
  }

  /** A record that the shard itself made and cannot take back is a bug: the partition stops rather than go on in a wrong state. */
  #replay(writes: Write[], baseOffset: bigint, timestampMs: number): void {
    const shard = this.shard()
    let offset = baseOffset
    try {
      for (const { producer, records } of writes) {
        const producerId = producer?.transactional === true ? producer.producerId : -1n
        for (const record of records) shard.replay(offset++, producerId, record, timestampMs)
      }
    } catch (error) {
      this.#deps.logger.error('stops a coordinator partition that cannot replay its own record', { topic: this.#deps.topic, partition: this.#partition, offset, error })
      this.unload()
    }
  }

  #onFailed(writes: Write[], error: unknown): void {
    if (this.#unloaded) return
    this.#deps.logger.warn('could not append to a coordinator partition', { topic: this.#deps.topic, partition: this.#partition, error: errorMessage(error) })
    for (const write of writes) {
      if (!this.#taken.has(write)) continue
      write.result.onFailed?.(error)
      write.answer.reject(error)
    }
    if (this.#checkLoss(error)) return
    for (const write of writes) if (this.#taken.delete(write)) this.#release(write.key)
  }

  /** Unloads the partition unless the failed append has surely left memory equal to the log. */
  #checkLoss(error: unknown): boolean {
    const failure = appendFailure(error)
    if (this.#unloaded || failure === 'refused') return this.#unloaded
    this.unload()
    this.#onLost(failure)
    return true
  }

  #context(): ShardContext<S> {
    const { timers, logger, clock, topic } = this.#deps
    const prefix = `${topic}-${this.#partition}:`
    return {
      partition: this.#partition,
      leaderEpoch: this.#leaderEpoch,
      logger,
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      timers: {
        set: (key, delayMs, run) => {
          if (this.#unloaded) return
          const full = prefix + key
          this.#timerKeys.add(full)
          timers.set(full, delayMs, () => {
            this.#timerKeys.delete(full)
            if (!this.#unloaded) run()
          })
        },
        // A shard of the past must not take the timers of the one that followed it.
        cancel: (key) => {
          if (this.#unloaded) return
          this.#timerKeys.delete(prefix + key)
          timers.cancel(prefix + key)
        },
      },
      write: (reason, operation, key) => {
        this.write(operation, null, key).catch((error: unknown) => {
          if (!this.#unloaded) logger.warn('could not write what a coordinator decided by itself', { topic, partition: this.#partition, reason, error: errorMessage(error) })
        })
      },
    }
  }
}

function sizeOf(records: CoordinatorRecord[]): number {
  let size = 0
  for (const { key, value } of records) size += key.length + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
  return size
}

function isSameProducer(one: BatchProducer | null, other: BatchProducer | null): boolean {
  return one === other || (one !== null && other !== null && one.producerId === other.producerId && one.producerEpoch === other.producerEpoch)
}
