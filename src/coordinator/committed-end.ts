// A new leader's high watermark lags behind what was committed under the leader before it; everything up to its log end
// as of its beginning was or will be committed under it. A coordinator that read only to the high watermark could miss
// what was acknowledged; one that read to the log end (as Kafka's loaders do, which then hide what is not committed yet)
// could show what is lost with this leader. So the load waits until the high watermark has reached that log end. While the
// replicas in sync are too few for that, the coordinator stays loading, and could not write anyway.

import { KafkaError } from '../protocol/error-codes.ts'
import type { CoordinatorLog, LogOffsets } from './coordinator-log.ts'

export class CommittedEnd {
  readonly #log: CoordinatorLog
  readonly #topic: string
  readonly #partition: number
  #stopped = false
  #wake: (() => void) | null = null

  constructor(log: CoordinatorLog, topic: string, partition: number) {
    this.#log = log
    this.#topic = topic
    this.#partition = partition
  }

  /**
   * Resolves with where the log begins and with the offset up to which it was written when this was called, once all of
   * that is committed; with null when stopped. Rejects with NOT_COORDINATOR where the partition is not here, or is led in
   * another epoch.
   */
  async reached(leaderEpoch: number): Promise<LogOffsets | null> {
    const { logEndOffset } = this.#offsets(leaderEpoch)
    while (!this.#stopped) {
      // Watched before it is looked at, so that no advance is missed in between.
      const advanced = this.#advance()
      const offsets = this.#look(leaderEpoch, advanced.forget)
      if (offsets.highWatermark >= logEndOffset) {
        advanced.forget()
        return { ...offsets, logEndOffset }
      }
      await advanced.once
    }
    return null
  }

  stop(): void {
    this.#stopped = true
    this.#wake?.()
  }

  #advance(): { once: Promise<void>; forget: () => void } {
    let forget = (): void => {}
    const once = new Promise<void>((resolve) => {
      const end = this.#log.watch(this.#topic, this.#partition, resolve)
      forget = () => {
        this.#wake = null
        end()
      }
      this.#wake = () => {
        forget()
        resolve()
      }
    })
    return { once, forget: () => forget() }
  }

  #look(leaderEpoch: number, onFailure: () => void): LogOffsets {
    try {
      return this.#offsets(leaderEpoch)
    } catch (error) {
      onFailure()
      throw error
    }
  }

  #offsets(leaderEpoch: number): LogOffsets {
    const offsets = this.#log.offsets(this.#topic, this.#partition)
    if (offsets === null) throw new KafkaError('NOT_COORDINATOR', `${this.#topic}-${this.#partition} is not on this broker`)
    if (offsets.leaderEpoch !== leaderEpoch) throw new KafkaError('NOT_COORDINATOR', `${this.#topic}-${this.#partition} is led in epoch ${offsets.leaderEpoch}, not ${leaderEpoch}`)
    return offsets
  }
}
