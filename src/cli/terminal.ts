// The outside of a command as an argument: streams, clock, interruption. Tests pass their own.

import type { Readable, Writable } from 'node:stream'

export interface Terminal {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Whether people read stderr, so that progress may be drawn there. */
  readonly interactive: boolean
  readonly nowMs: () => number
  /** Aborts when the user wants the command to end (SIGINT, SIGTERM, or nobody reads its output). */
  readonly signal: AbortSignal
}

export const processTerminal = (signal: AbortSignal): Terminal => ({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interactive: process.stderr.isTTY === true,
  nowMs: Date.now,
  signal,
})

export function printLine(terminal: Terminal, line = ''): void {
  terminal.stdout.write(`${line}\n`)
}

/** JSON for programs: one document, two spaces deep, keys in the order of the schemas. */
export function printJson(terminal: Terminal, value: unknown): void {
  printLine(terminal, JSON.stringify(value, null, 2))
}

/** Writes, and waits while the reader of stdout is slower than this program. */
export async function write(terminal: Terminal, text: string | Uint8Array): Promise<void> {
  if (terminal.stdout.write(text) || terminal.signal.aborted) return
  await new Promise<void>(resolve => {
    const done = () => {
      terminal.stdout.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    terminal.stdout.on('drain', done).on('close', done).on('error', done)
  })
}
