// Every example that a command's help shows runs as it is written, against a broker.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CommandEntry } from '../../src/cli/command.ts'
import { COMMANDS } from '../../src/cli/run.ts'
import { Broker } from '../../src/index.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
let broker: Broker
let directory: string

beforeAll(async () => {
  broker = await Broker.start({ settings: { 'group.initial.rebalance.delay.ms': 0 } })
  directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  writeFileSync(join(directory, 'orders.txt'), 'one\ntwo\nthree\n')
  writeFileSync(join(directory, 'keyed.txt'), 'a:1\nb:2\n')
  await millrace('topics create --topic orders --partitions 1')
})

afterAll(async () => {
  await broker.close()
  rmSync(directory, { recursive: true })
})

/** Runs a command line as a shell would; its output and exit code. */
function millrace(line: string): Promise<{ status: number | null; output: string }> {
  const [head = '', redirection] = line.split(/\s<\s/)
  const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} ${head} --bootstrap-server ${broker.bootstrapServers} < ${redirection ?? '/dev/null'}`
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', command], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('close', (status) => resolve({ status, output }))
  })
}

async function examplesOf(name: string): Promise<string[]> {
  const entry = await COMMANDS.find((command) => command.name === name)?.load()
  const leaves = (each: CommandEntry): string[] => (each.subcommands.length === 0 ? [...each.examples] : each.subcommands.flatMap(leaves))
  return entry === undefined ? [] : leaves(entry)
}

it('produce and consume: what is written is read', async () => {
  for (const example of await examplesOf('produce')) {
    const { status, output } = await millrace(example)
    expect(status, `${example}: ${output}`).toBe(0)
  }
  for (const example of await examplesOf('consume')) {
    const { status, output } = await millrace(example)
    expect(status, `${example}: ${output}`).toBe(0)
    expect(output).toMatch(/Read [1-9]\d* records?\./)
  }
}, 120_000)

it('every command explains itself', async () => {
  for (const { name, summary } of COMMANDS) {
    const { status, output } = await new Promise<{ status: number | null; output: string }>((resolve) => {
      const child = spawn(process.execPath, [MAIN, name, '--help'], { stdio: ['ignore', 'pipe', 'ignore'] })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      child.once('close', (code) => resolve({ status: code, output: text }))
    })
    expect(status, `${name}: ${summary}`).toBe(0)
    expect(output).toContain('Examples:')
  }
}, 120_000)

it('what is not understood ends with exit code 2, what fails with 1', async () => {
  expect((await millrace('consume --topic orders --partition x')).status).toBe(2)
  expect((await millrace('topics describe --topic absent')).status).toBe(1)
})
