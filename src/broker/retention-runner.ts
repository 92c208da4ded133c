// Carries retention out every `log.retention.check.interval.ms`, one partition after the other.

import type { DataPlane, TopicPartition } from '../native.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import { decideRetention } from './retention.ts'
import type { RetentionPolicy } from './retention.ts'

export type RetentionRunnerDeps = {
  readonly dataPlane: Pick<DataPlane, 'retentionCandidates' | 'listSegments' | 'partitionOffsets' | 'rollSegment' | 'deleteRecords'>
  /** Null for a topic that is not known (any more). */
  policyOf(topic: string): RetentionPolicy | null
  /** The shortest `retention.ms` of all topics: younger data needs no look. */
  shortestRetentionMs(): number
  readonly intervalMs: number
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const TIMER = 'retention'
/** Kafka waits as long after the start before it first looks. */
const FIRST_DELAY_MS = 30_000

export class RetentionRunner {
  readonly #deps: RetentionRunnerDeps
  #running: Promise<void> = Promise.resolve()
  #closed = false

  constructor(deps: RetentionRunnerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#schedule(Math.min(FIRST_DELAY_MS, this.#deps.intervalMs))
  }

  /** Resolves once no pass is under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#deps.timers.cancel(TIMER)
    await this.#running
  }

  /** One pass over all partitions that may have something to drop. */
  async run(): Promise<void> {
    for (const partition of this.#deps.dataPlane.retentionCandidates(this.#deps.shortestRetentionMs())) {
      if (this.#closed) return
      try {
        await this.#apply(partition)
      } catch (error) {
        this.#deps.logger.warn('retention failed for a partition', { ...partition, error })
      }
    }
  }

  async #apply({ topic, partition }: TopicPartition): Promise<void> {
    const { dataPlane, clock, logger } = this.#deps
    const policy = this.#deps.policyOf(topic)
    const segments = dataPlane.listSegments(topic, partition)
    const offsets = dataPlane.partitionOffsets([{ topic, partition }])[0]
    if (policy === null || segments === null || !offsets) return
    const decision = decideRetention(segments, policy, offsets.highWatermark, clock.nowMs())
    if (decision.deleteBefore === null) return
    if (decision.roll) await dataPlane.rollSegment(topic, partition)
    await dataPlane.deleteRecords(topic, partition, decision.deleteBefore)
    logger.info('dropped expired records', { topic, partition, before: decision.deleteBefore })
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    this.#deps.timers.set(TIMER, delayMs, () => {
      this.#running = this.run().then(() => this.#schedule(this.#deps.intervalMs))
    })
  }
}
