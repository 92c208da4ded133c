// What clients did and saw, as plain entries, one line of JSON each. Every client writes its own file, so the order of
// entries means something only within one client; a client that is killed leaves what it wrote before.
// Offsets are numbers here: no test comes near 2^53.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Values are unique over a whole history. */
export type Entry =
  /** About to be sent. A producer is one session: what it sends to a partition is sent in this order. */
  | { type: 'send'; producer: string; transaction: string | null; topic: string; partition: number; values: string[]; /** Offset of the record of which the value at this index is a copy. */ sources?: number[]; sourceTopic?: string }
  /** The broker acknowledged what the `send` of these values asked for; `offset` is that of the first, null if not told. */
  | { type: 'acknowledged'; values: string[]; offset: number | null }
  | { type: 'ending'; transaction: string; commit: boolean }
  | { type: 'ended'; transaction: string; commit: boolean }
  /** A session is what a reader reads of a partition without being set to another position. */
  | { type: 'polled'; reader: string; session: string; committed: boolean; topic: string; partition: number; records: [offset: number, value: string][] }
  /** Offsets of a group with one writer: about to be committed, committed, and looked up (-1 for none). */
  | { type: 'committing' | 'committed' | 'lookedUp'; group: string; topic: string; partition: number; offset: number }
  /** What one replica holds at the end, up to the high watermark. */
  | { type: 'replica'; broker: number; topic: string; partition: number; records: [offset: number, value: string][] }
  /** All that a partition holds at the end, seen with and without aborted transactions. */
  | { type: 'final'; committed: boolean; topic: string; partition: number; records: [offset: number, value: string][] }

/** The entries of all `*.jsonl` files of a directory. A line that was cut off by a kill is left out. */
export function readHistory(dir: string): Entry[] {
  const files = readdirSync(dir).filter((name) => name.endsWith('.jsonl')).sort()
  return files.flatMap((name) => {
    const lines = readFileSync(join(dir, name), 'utf8').split('\n')
    lines.pop()
    return lines.map((line) => JSON.parse(line) as Entry)
  })
}
