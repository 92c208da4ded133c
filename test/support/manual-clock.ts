import type { Clock } from '../../src/shared/clock.ts'
import type { Timers } from '../../src/shared/timers.ts'

/** Clock and timers that move only when told: `advance` runs what falls due, in order of time. */
export class ManualClock implements Clock, Timers {
  #nowMs: number
  #sequence = 0
  readonly #timers = new Map<string, { dueMs: number; sequence: number; run: () => void }>()

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  set(key: string, delayMs: number, run: () => void): void {
    this.#timers.set(key, { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, run })
  }

  cancel(key: string): void {
    this.#timers.delete(key)
  }

  /** Keys of the timers that are set, with the time each is due. */
  pending(): Map<string, number> {
    return new Map([...this.#timers].map(([key, timer]) => [key, timer.dueMs]))
  }

  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.dueMs <= endMs)
      due.sort(([, a], [, b]) => a.dueMs - b.dueMs || a.sequence - b.sequence)
      const first = due[0]
      if (first === undefined) break
      const [key, timer] = first
      this.#timers.delete(key)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.run()
    }
    this.#nowMs = endMs
  }
}
