// Runs the controller: operations in, records to the log, images out. Operations are decided one after another, each on
// the state that those before it will have made, so two of one moment never contradict each other. All that wait when an
// append ends go into the next one together. A failed append fails every operation in it and leaves the state as it was.

import type { MetadataRecord } from '../protocol/codec.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Uuid } from '../shared/uuid.ts'
import { emptyImage } from './cluster-image.ts'
import type { ClusterImage } from './cluster-image.ts'
import { atMetadataVersion, metadataVersionOf } from './controller/metadata-records.ts'
import { MetadataDelta } from './metadata-delta.ts'
import type { MetadataLog, QuorumDescription, Voter } from './metadata-log.ts'

export type ControllerResult<R> = { readonly records: readonly MetadataRecord[]; readonly response: R }
/** Decides on an image; throws a KafkaError to refuse. Must not change anything. */
export type ControllerOperation<R> = (image: ClusterImage, now: number) => ControllerResult<R>
/** Told of each change once it is committed, before whoever asked for it is answered. */
export type MetadataListener = (image: ClusterImage, delta: MetadataDelta) => void

type Waiting = { run(image: ClusterImage): readonly MetadataRecord[]; succeed(): void; fail(error: unknown): void }

/** Records that one append may hold; operations beyond wait for the next. */
const APPEND_RECORD_COUNT_MAX = 20_000

export class MetadataRuntime {
  #image: ClusterImage
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  readonly #log: MetadataLog
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners: MetadataListener[] = []

  private constructor(log: MetadataLog, image: ClusterImage, clock: Clock, logger: Logger) {
    this.#log = log
    this.#image = image
    this.#clock = clock
    this.#logger = logger
    log.onCommitted((offset, records) => this.#commit(records, offset))
    log.onSnapshot((lastOffset, records) => this.#begin(records, lastOffset))
  }

  /** Replays the log onto `empty`. */
  static async open(log: MetadataLog, empty: ClusterImage, clock: Clock, logger: Logger): Promise<MetadataRuntime> {
    const delta = new MetadataDelta(empty)
    let lastOffset = empty.offset
    await log.replay((offset, records) => {
      for (const record of records) delta.replay(record)
      lastOffset = offset + BigInt(records.length - 1)
    })
    return new MetadataRuntime(log, delta.apply(lastOffset), clock, logger)
  }

  /** The committed state. */
  get image(): ClusterImage {
    return this.#image
  }

  /** Who keeps the log and how far each is. */
  describeQuorum(): Promise<QuorumDescription> {
    return this.#log.describe(this.#clock.nowMs())
  }

  addVoter(voter: Voter): Promise<void> {
    return this.#log.addVoter(voter)
  }

  removeVoter(nodeId: number, directoryId: Uuid): Promise<void> {
    return this.#log.removeVoter(nodeId, directoryId)
  }

  removeObserver(nodeId: number): Promise<void> {
    return this.#log.removeObserver(nodeId)
  }

  /** Calls `listener` for every later change, in the order in which listeners were added. */
  onChange(listener: MetadataListener): void {
    this.#listeners.push(listener)
  }

  /** Resolves with the operation's response once its records are committed; rejects with what it threw or why the append failed. */
  write<R>(operation: ControllerOperation<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      let response: R
      this.#waiting.push({
        run: (image) => {
          const result = operation(image, this.#clock.nowMs())
          response = result.response
          return result.records
        },
        succeed: () => resolve(response),
        fail: reject,
      })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when every operation so far has ended. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // Operations of the same tick share the first append.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#appendWaiting()
    this.#running = undefined
  }

  async #appendWaiting(): Promise<void> {
    let next = this.#image
    const records: MetadataRecord[] = []
    const decided: Waiting[] = []
    while (records.length < APPEND_RECORD_COUNT_MAX) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) break
      try {
        const added = atMetadataVersion(waiting.run(next), metadataVersionOf(next))
        if (added.length > 0) next = applyAll(next, added)
        records.push(...added)
        decided.push(waiting)
      } catch (error) {
        waiting.fail(error)
      }
    }
    if (records.length > 0) {
      try {
        // The image has them by the time this resolves: the log hands over what is committed in its own order.
        await this.#log.append(records)
      } catch (error) {
        this.#logger.error('cannot write metadata', { error })
        for (const waiting of decided) waiting.fail(error)
        return
      }
    }
    for (const waiting of decided) waiting.succeed()
  }

  #commit(records: readonly MetadataRecord[], offset: bigint): void {
    const delta = new MetadataDelta(this.#image)
    for (const record of records) delta.replay(record)
    this.#become(delta.apply(offset + BigInt(records.length - 1)), delta)
  }

  /** Begins anew with the records of a snapshot; whoever follows is told of all that may have changed meanwhile. */
  #begin(records: readonly MetadataRecord[], lastOffset: bigint): void {
    const whole = new MetadataDelta(emptyImage(this.#image.clusterId))
    for (const record of records) whole.replay(record)
    const next = whole.apply(lastOffset)
    this.#become(next, MetadataDelta.between(this.#image, next))
  }

  #become(image: ClusterImage, delta: MetadataDelta): void {
    this.#image = image
    for (const listener of this.#listeners) {
      try {
        listener(this.#image, delta)
      } catch (error) {
        // The change is committed; whoever could not follow it must not hide it from the others.
        this.#logger.error(`cannot follow a metadata change: ${errorMessage(error)}`)
      }
    }
  }
}

function applyAll(image: ClusterImage, records: readonly MetadataRecord[]): ClusterImage {
  const delta = new MetadataDelta(image)
  for (const record of records) delta.replay(record)
  return delta.apply(image.offset + BigInt(records.length))
}
