// Carries compaction out, one log after the other; looks again after `log.cleaner.backoff.ms` when none is due.

import type { DataPlane } from '../native.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import { chooseCompaction } from './compaction.ts'
import type { CompactionPolicy } from './compaction.ts'

export type CompactionSettings = { readonly backoffMs: number; readonly mapMemoryBytes: number; readonly bytesPerSecond: number }

export type CompactionRunnerDeps = {
  readonly dataPlane: Pick<DataPlane, 'compactionNeeds' | 'compact'>
  /** The topics whose policy compacts. */
  topics(): { readonly name: string; readonly policy: CompactionPolicy }[]
  /** As they are now: they may change while the broker runs. */
  settings(): CompactionSettings
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

const TIMER = 'compaction'

export class CompactionRunner {
  readonly #deps: CompactionRunnerDeps
  /** Logs whose last run failed or freed nothing: not before the next look. */
  readonly #skipped = new Set<string>()
  #closed = false

  constructor(deps: CompactionRunnerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#deps.timers.set(TIMER, this.#deps.settings().backoffMs, () => void this.#pass())
  }

  /** Begins no further run. One under way ends with the data plane. */
  close(): void {
    this.#closed = true
    this.#deps.timers.cancel(TIMER)
  }

  /** Compacts the log that needs it most; false where none is due. */
  async runOnce(): Promise<boolean> {
    const { dataPlane, clock, logger } = this.#deps
    const { mapMemoryBytes, bytesPerSecond } = this.#deps.settings()
    const candidates = this.#deps.topics().flatMap(({ name, policy }) => dataPlane.compactionNeeds(name, policy.minLagMs).map((need) => ({ topic: name, policy, need })))
    const due = candidates.filter(({ topic, need }) => !this.#skipped.has(`${topic}-${need.partition}`))
    const chosen = chooseCompaction(due, clock.nowMs())
    if (chosen === null) return false
    const { topic, need, policy } = chosen
    // Each log once per pass: what is dirty again meanwhile can wait.
    this.#skipped.add(`${topic}-${need.partition}`)
    try {
      const report = await dataPlane.compact(topic, need.partition, { deleteRetentionMs: policy.deleteRetentionMs, minLagMs: policy.minLagMs, mapMemoryBytes, bytesPerSecond })
      logger.info('compacted a log', { topic, partition: need.partition, ...report })
    } catch (error) {
      if (!this.#closed) logger.warn('compaction of a log failed', { topic, partition: need.partition, error })
    }
    return true
  }

  async #pass(): Promise<void> {
    this.#skipped.clear()
    while (!this.#closed && (await this.runOnce())) {
      // The next one that is due.
    }
    if (!this.#closed) this.start()
  }
}
