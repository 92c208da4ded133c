// What puts load on a broker: the raw load generator of this project and Kafka's own performance tools.

import { spawn } from 'node:child_process'
import { join } from 'node:path'

const LOAD = join('target', 'release', 'millrace-load')

export type LoadSummary = Record<string, unknown> & {
  readonly valueBytes: number
  readonly valueMegabytesPerSecond: number
  readonly wireMegabytesPerSecond: number
  readonly requestsPerSecond: number
}

/** Runs the load generator to its end; its summary. */
export async function load(mode: string, args: readonly string[]): Promise<LoadSummary> {
  return JSON.parse(await output(LOAD, [mode, ...args])) as LoadSummary
}

/** Starts the load generator and resolves with its first line while it goes on; `end` stops it. */
export function holdLoad(mode: string, args: readonly string[]): { ready: Promise<void>; end(): Promise<void> } {
  const child = spawn(LOAD, [mode, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', (status) => reject(new Error(`the load generator ended with ${status}`)))
  })
  return {
    ready,
    async end() {
      child.stdin.end()
      await ended
    },
  }
}

/** Runs a class of Kafka's tools to its end; what it printed. */
export function javaTool(classPath: string, name: string, args: readonly string[]): Promise<string> {
  return output('java', ['-Xmx512M', '-cp', classPath, name, ...args])
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk))
    child.once('error', reject)
    child.once('close', (status) => {
      if (status === 0) resolve(text)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${status}: ${errors.slice(-2000)}`))
    })
  })
}
