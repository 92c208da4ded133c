// Lines of a stream, handed on as they come: a typed line at once, a file a chunk at a time.

import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import { MillraceError } from '../../shared/errors.ts'

export type LineChunk = { lines: string[]; readBytes: number }

/** A line that never ends must not fill the memory. */
const LINE_LENGTH_MAX = 256 * 1024 * 1024

/** Ends with the stream, or when `signal` aborts. A carriage return before the line feed is dropped. Throws on a line without end. */
export async function* readLines(input: Readable, signal: AbortSignal): AsyncGenerator<LineChunk> {
  const decoder = new StringDecoder('utf8')
  const stop = () => input.destroy()
  signal.addEventListener('abort', stop, { once: true })
  let rest = ''
  try {
    for await (const chunk of input) {
      const bytes = chunk as Buffer
      const lines = (rest + decoder.write(bytes)).split('\n')
      rest = lines.pop()!
      if (rest.length > LINE_LENGTH_MAX) throw new MillraceError('LINE_TOO_LONG', `a line is longer than ${LINE_LENGTH_MAX} characters`)
      yield { lines: lines.map(withoutCarriageReturn), readBytes: bytes.length }
    }
    rest += decoder.end()
    if (rest !== '') yield { lines: [withoutCarriageReturn(rest)], readBytes: 0 }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
