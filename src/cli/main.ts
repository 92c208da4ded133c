#!/usr/bin/env node
// The `millrace` program: process, signals and streams around `run`.

import { run } from './run.ts'
import { processTerminal } from './terminal.ts'

const interruption = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(1)
    interruption.abort()
  })
}
// Whoever read the output has gone: `millrace consume … | head`.
process.stdout.on('error', () => interruption.abort())

process.exitCode = await run(process.argv.slice(2), processTerminal(interruption.signal))
// A group consumer's or a pipe's open handles must not keep a finished command alive.
process.stdin.destroy()
