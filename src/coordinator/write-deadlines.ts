// Nobody waits for ever: who asked for a write is answered when its time is up, whatever becomes of the write.

import { KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { Timers } from '../shared/timers.ts'

export type Deadline = { readonly dueMs: number; readonly reject: (error: KafkaError) => void }

export type WriteDeadlinesDeps = {
  readonly timers: Timers
  readonly clock: Clock
  readonly timerKey: string
  /** Infinity for none. */
  readonly timeoutMs: number
}

export class WriteDeadlines {
  readonly #deps: WriteDeadlinesDeps
  /** In the order of their times, since all wait equally long. */
  readonly #deadlines = new Set<Deadline>()
  #armed = false

  constructor(deps: WriteDeadlinesDeps) {
    this.#deps = deps
  }

  /** Rejects with REQUEST_TIMED_OUT unless the deadline is met in time. */
  begin(reject: (error: KafkaError) => void): Deadline {
    const deadline = { dueMs: this.#deps.clock.monotonicMs() + this.#deps.timeoutMs, reject }
    if (deadline.dueMs === Infinity) return deadline
    this.#deadlines.add(deadline)
    this.#arm()
    return deadline
  }

  met(deadline: Deadline): void {
    this.#deadlines.delete(deadline)
  }

  /** Whether its time was up before it was met. */
  isOver(deadline: Deadline): boolean {
    return deadline.dueMs !== Infinity && !this.#deadlines.has(deadline)
  }

  close(): void {
    this.#deadlines.clear()
    this.#deps.timers.cancel(this.#deps.timerKey)
  }

  /** One timer for all: it is set for the oldest and finds those met meanwhile gone. */
  #arm(): void {
    const [oldest] = this.#deadlines
    if (this.#armed || oldest === undefined) return
    this.#armed = true
    const { timers, timerKey, clock } = this.#deps
    timers.set(timerKey, oldest.dueMs - clock.monotonicMs(), () => this.#onTimer())
  }

  #onTimer(): void {
    this.#armed = false
    const nowMs = this.#deps.clock.monotonicMs()
    for (const deadline of this.#deadlines) {
      if (deadline.dueMs > nowMs) break
      this.#deadlines.delete(deadline)
      deadline.reject(new KafkaError('REQUEST_TIMED_OUT'))
    }
    this.#arm()
  }
}
