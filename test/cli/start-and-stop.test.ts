// `millrace serve` as a process: what keeps it from starting is one line and exit code 1, and what ends it ends it in order.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Broker } from '../../src/index.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const FAILING = fileURLToPath(new URL('../support/failing-serve.ts', import.meta.url))

type Process = { readonly child: ChildProcessByStdio<Writable, Readable, Readable>; output(): string; until(text: string): Promise<void>; ended: Promise<number | null> }

let directory: string
let used: string
const running: Process[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-start-'))
  used = join(directory, 'used')
  const broker = await Broker.start({ dataDir: used })
  await broker.close()
})

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function start(script: string, ...args: string[]): Process {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let text = ''
  let onText = (): void => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      onText()
    })
  }
  const ended = once(child, 'close').then(([status]) => {
    onText()
    return status as number | null
  })
  const until = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) {
      if (child.exitCode !== null) throw new Error(`it ended before it said "${wanted}": ${text}`)
      await new Promise<void>((resolve) => (onText = resolve))
    }
  }
  const begun = { child, output: () => text, until, ended }
  running.push(begun)
  return begun
}

const serve = (...args: string[]): Process => start(MAIN, 'serve', '--admin-port', 'none', ...args)

async function refusal(...args: string[]): Promise<string> {
  const broker = serve(...args)
  expect(await broker.ended).toBe(1)
  return broker.output()
}

/** A copy of a directory that a broker used, with meta.properties changed. */
function changed(name: string, from: RegExp, to: string): string {
  const copy = join(directory, name)
  cpSync(used, copy, { recursive: true })
  const path = join(copy, 'meta.properties')
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
  return copy
}

test('a port that is in use', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  expect(await refusal('--port', String(port), '--data', join(directory, 'port'))).toMatch(new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${port}: .*\\n$`))
  other.close()
})

test('a directory that another broker uses, which goes on', async () => {
  const first = serve('--port', '0', '--data', join(directory, 'shared'))
  await first.until('listening')
  expect(await refusal('--port', '0', '--data', join(directory, 'shared'))).toBe(`error: ${join(directory, 'shared')} is used by another broker\n`)
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)
})

test('a directory that is a file, or lies below one', async () => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  expect(await refusal('--port', '0', '--data', file)).toMatch(/^error: .*file cannot be used: .*\n$/)
  expect(await refusal('--port', '0', '--data', join(file, 'below'))).toMatch(/^error: .*below cannot be used: .*\n$/)
})

test('a directory of a newer format, of another node and of another cluster; nothing in it changes', async () => {
  const newer = changed('newer', /^version=1/m, 'version=2')
  const before = readdirSync(newer)
  expect(await refusal('--port', '0', '--data', newer)).toBe(`error: ${newer} has version 2 of the directory format; this broker knows version 1\n`)
  expect(readdirSync(newer)).toEqual(before)
  expect(await refusal('--port', '0', '--data', used, '--set', 'node.id=7')).toBe(`error: ${used} belongs to node 1, not 7\n`)
  const foreign = changed('foreign', /^cluster\.id=.*$/m, 'cluster.id=k3lQ9Zr5T6uVwX1yZ2a3bQ')
  expect(await refusal('--port', '0', '--set', `log.dirs=${used},${foreign}`)).toMatch(/^error: .*foreign belongs to cluster k3lQ9Zr5T6uVwX1yZ2a3bQ, and .*used to cluster .*\n$/)
})

test('directories of partitions that nobody knows are told of in one line and stay', async () => {
  const data = join(directory, 'strays')
  mkdirSync(join(data, 'gone-3'), { recursive: true })
  const broker = serve('--port', '0', '--data', data)
  await broker.until('left alone')
  expect(broker.output()).toContain(join(data, 'gone-3'))
  broker.child.kill('SIGTERM')
  expect(await broker.ended).toBe(0)
  expect(existsSync(join(data, 'gone-3'))).toBe(true)
})

test('a rejected promise that nobody looked at is logged, and the broker goes on', async () => {
  const broker = start(FAILING, join(directory, 'rejection'), 'rejection')
  await broker.until('listening')
  broker.child.stdin.write('now\n')
  await broker.until('nobody was told')
  broker.child.kill('SIGTERM')
  expect(await broker.ended).toBe(0)
})

test('an exception that nobody caught is logged, and the broker stops in order', async () => {
  const data = join(directory, 'exception')
  const broker = start(FAILING, data, 'exception')
  await broker.until('listening')
  broker.child.stdin.write('now\n')
  expect(await broker.ended).toBe(1)
  expect(broker.output()).toContain('planted')
  expect(broker.output()).toContain('error: stopped after an exception that was not caught: planted')
  // Clean: the next start finds nothing to recover, and the directory is free.
  const next = serve('--port', '0', '--data', data)
  await next.until('listening')
  next.child.kill('SIGTERM')
  expect(await next.ended).toBe(0)
})
