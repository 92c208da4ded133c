// Time, order and chance of a simulation. Events run one after another, by their time and then by a seeded draw, each with
// all that follows from it at once; the same seed gives the same run, which the trace's digest shows.

import { createHash } from 'node:crypto'
import { random } from '../support/random.ts'

type Event = { readonly atMs: number; readonly tie: number; readonly sequence: number; readonly what: string; readonly run: () => void }

/** What must never happen has happened. */
export class Violation extends Error {}

/** Lines of the trace that a failure is told with. */
const TOLD_LINES = 60

export class World {
  readonly #random: (bound: number) => number
  readonly #heap: Event[] = []
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []
  #sequence = 0
  #failure: Error | undefined
  nowMs = 0
  eventCount = 0

  constructor(seed: number) {
    this.#random = random(seed)
  }

  /** A whole number below `bound`. */
  next(bound: number): number {
    return this.#random(bound)
  }

  between(least: number, most: number): number {
    return least + this.#random(most - least + 1)
  }

  chance(of: number): boolean {
    return this.#random(of) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#random(items.length)] as T
  }

  after(delayMs: number, what: string, run: () => void): void {
    const event = { atMs: this.nowMs + Math.max(0, delayMs), tie: this.#random(1 << 30), sequence: this.#sequence++, what, run }
    const heap = this.#heap
    heap.push(event)
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at] as Event, heap[parent] as Event)) break
      ;[heap[at], heap[parent]] = [heap[parent] as Event, heap[at] as Event]
      at = parent
    }
  }

  trace(line: string): void {
    const told = `${this.nowMs} ${line}`
    this.#hash.update(told).update('\n')
    this.#lines.push(told)
    if (this.#lines.length > 4 * TOLD_LINES) this.#lines.splice(0, this.#lines.length - TOLD_LINES)
  }

  /** Ends the run; only the first failure is told. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
  }

  /** Throws what failed; a violation with the last lines of the trace. */
  async runUntil(endMs: number): Promise<void> {
    while (this.#heap.length > 0 && (this.#heap[0] as Event).atMs <= endMs) {
      const event = this.#pop()
      this.nowMs = event.atMs
      this.eventCount++
      this.#hash.update(`${event.atMs} ${event.what}\n`)
      try {
        event.run()
      } catch (error) {
        this.fail(error)
      }
      // Everything that waits for a promise of this event goes on before the next.
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#failure !== undefined) throw this.#failure
    }
    this.nowMs = endMs
  }

  /** Throws what has failed meanwhile. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  lastLines(): string {
    return this.#lines.slice(-TOLD_LINES).join('\n')
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }

  #pop(): Event {
    const heap = this.#heap
    const first = heap[0] as Event
    const last = heap.pop() as Event
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && isBefore(heap[child] as Event, heap[least] as Event)) least = child
      if (least === at) return first
      ;[heap[at], heap[least]] = [heap[least] as Event, heap[at] as Event]
      at = least
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs
  return a.tie !== b.tie ? a.tie < b.tie : a.sequence < b.sequence
}
