// Watches histories while they are written: how much was acknowledged, and how long nothing was.

import { closeSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export type Progress = { readonly batches: number; readonly longestSilenceMs: number }

export class Acknowledgements {
  readonly #dir: string
  readonly #positions = new Map<string, number>()
  readonly #rests = new Map<string, string>()

  constructor(dir: string) {
    this.#dir = dir
  }

  /** What was acknowledged since this was last asked, at `sinceMs`. */
  take(sinceMs: number, nowMs: number): Progress {
    const times = this.#newLines()
      .filter((line) => line.includes('"type":"acknowledged"'))
      .map((line) => (JSON.parse(line) as { at: number }).at)
      .sort((a, b) => a - b)
    let last = sinceMs
    let longestSilenceMs = 0
    for (const at of [...times, nowMs]) {
      longestSilenceMs = Math.max(longestSilenceMs, at - last)
      last = at
    }
    return { batches: times.length, longestSilenceMs }
  }

  #newLines(): string[] {
    return readdirSync(this.#dir)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => {
        const lines = ((this.#rests.get(name) ?? '') + this.#newText(name)).split('\n')
        this.#rests.set(name, lines.pop() ?? '')
        return lines
      })
  }

  #newText(name: string): string {
    const file = openSync(join(this.#dir, name), 'r')
    const parts: Buffer[] = []
    let position = this.#positions.get(name) ?? 0
    for (;;) {
      const buffer = Buffer.alloc(1 << 16)
      const size = readSync(file, buffer, 0, buffer.length, position)
      if (size === 0) break
      parts.push(buffer.subarray(0, size))
      position += size
    }
    closeSync(file)
    this.#positions.set(name, position)
    return Buffer.concat(parts).toString('utf8')
  }
}
