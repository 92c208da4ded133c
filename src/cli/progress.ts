// A progress line on stderr, drawn only for people and at most ten times a second.

import type { Terminal } from './terminal.ts'

const REDRAW_INTERVAL_MS = 100
const BAR_WIDTH = 30

export class Progress {
  readonly #terminal: Terminal
  readonly #label: string
  /** Null where the end is not known: then a count is shown instead of a bar. */
  readonly #total: number | null
  readonly #startedMs: number
  #drawnMs = -Infinity
  #done = 0

  constructor(terminal: Terminal, label: string, total: number | null) {
    this.#terminal = terminal
    this.#label = label
    this.#total = total
    this.#startedMs = terminal.nowMs()
  }

  advance(count: number): void {
    this.#done += count
    const now = this.#terminal.nowMs()
    if (!this.#terminal.interactive || now - this.#drawnMs < REDRAW_INTERVAL_MS) return
    this.#drawnMs = now
    this.#terminal.stderr.write(`\r${progressLine(this.#label, this.#done, this.#total, now - this.#startedMs)}\u001b[K`)
  }

  /** Wipes the line away; what was reached is for the command to say. */
  end(): void {
    if (this.#drawnMs !== -Infinity) this.#terminal.stderr.write('\r\u001b[K')
    this.#drawnMs = -Infinity
  }
}

export function progressLine(label: string, done: number, total: number | null, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? ` ${Math.round((done * 1000) / elapsedMs).toLocaleString('en')}/s` : ''
  if (total === null) return `${label} ${done.toLocaleString('en')}${rate}`
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.round(share * BAR_WIDTH)
  return `${label} [${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${Math.floor(share * 100)}%${rate}`
}
