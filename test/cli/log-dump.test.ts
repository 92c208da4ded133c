// `millrace log dump` on a log directory that Apache Kafka wrote, and on one of our own with all codecs.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dump } from '../../src/cli/log/dump.ts'
import { COMPRESSION_TYPES } from '../../src/native.ts'
import { run } from '../../src/cli/run.ts'
import { Broker } from '../../src/index.ts'

const KAFKA_LOG_DIR = fileURLToPath(new URL('../golden/kafka-log-dir', import.meta.url))
const SEGMENT = '00000000000000000000.log'
type Entry = Record<string, unknown> & { kind: string }

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-dump-'))
  cpSync(KAFKA_LOG_DIR, join(directory, 'data'), { recursive: true })
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Runs a command line here, in this process. */
async function millrace(line: string, input = ''): Promise<{ status: number; output: string; errors: string }> {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  const texts = { output: '', errors: '' }
  streams.stdout.setEncoding('utf8').on('data', (text: string) => (texts.output += text))
  streams.stderr.setEncoding('utf8').on('data', (text: string) => (texts.errors += text))
  streams.stdin.end(input)
  const status = await run(line.replaceAll('data/', `${directory}/data/`).split(' '), { ...streams, interactive: false, nowMs: Date.now, signal: new AbortController().signal })
  return { status, ...texts }
}

async function dumped(options: string): Promise<Entry[]> {
  const { status, output, errors } = await millrace(`log dump ${options} --json`)
  expect(errors).toBe('')
  expect(status).toBe(0)
  return output.trimEnd().split('\n').map((line) => JSON.parse(line) as Entry)
}

describe('files that Apache Kafka wrote', () => {
  test.each(dump.examples)('%s', async (example) => {
    const { status, output } = await millrace(example)
    expect(status).toBe(0)
    expect(output.split('\n').length).toBeGreaterThan(1)
  })

  test('batches follow one another without a gap, and their records with them', async () => {
    const entries = await dumped(`--files data/orders-0/${SEGMENT} --print-data-log`)
    const batches = entries.filter(({ kind }) => kind === 'batch')
    expect(batches.map(({ baseOffset }) => baseOffset)).toEqual([0, ...batches.slice(0, -1).map(({ lastOffset }) => Number(lastOffset) + 1)])
    expect(entries.filter(({ kind }) => kind === 'record').map(({ offset }) => offset)).toEqual(Array.from({ length: Number(batches.at(-1)?.lastOffset) + 1 }, (_, offset) => offset))
    expect(batches.every(({ valid }) => valid === true)).toBe(true)
  })

  test('offsets of groups and records of the metadata log are shown as what they are', async () => {
    const offsets = await dumped(`--files data/__consumer_offsets-0/${SEGMENT} --offsets-decoder`)
    expect(offsets).toContainEqual(expect.objectContaining({ kind: 'record', name: 'OffsetCommit', key: expect.objectContaining({ topic: 'orders' }) }))
    const metadata = await dumped(`--files data/__cluster_metadata-0/${SEGMENT} --cluster-metadata-decoder`)
    expect(metadata).toContainEqual(expect.objectContaining({ kind: 'record', name: 'TopicRecord v0', value: expect.objectContaining({ name: 'orders' }) }))
    expect(metadata.filter(({ undecodable }) => undecodable !== undefined)).toEqual([])
  })

  test('producers and leader epochs', async () => {
    expect(await dumped('--files data/orders-0/00000000000000000003.snapshot')).toEqual([expect.objectContaining({ kind: 'producer', producerId: 0, lastSequence: expect.any(Number) })])
    expect(await dumped('--files data/orders-0/leader-epoch-checkpoint')).toEqual([expect.objectContaining({ kind: 'leaderEpoch', startOffset: 0 })])
  })
})

describe('files that are damaged', () => {
  test('a bent batch is shown, and the exit code tells', async () => {
    const file = join(directory, SEGMENT)
    const bytes = readFileSync(join(KAFKA_LOG_DIR, 'orders-0', SEGMENT))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(file, bytes)
    const { status, output, errors } = await millrace(`log dump --files ${file}`)
    expect([status, /valid=false/.test(output)]).toEqual([1, true])
    expect(errors).toMatch(/the batch at position \d+ of .* is corrupt/)
    writeFileSync(file, bytes.subarray(0, bytes.length - 5))
    expect((await dumped(`--files ${file}`)).at(-1)).toMatchObject({ kind: 'remainder', reason: expect.stringContaining('not whole') })
  })

  test('a file that is none of a log is refused', async () => {
    expect((await millrace(`log dump --files ${directory}/data/meta.properties`)).status).toBe(2)
  })
})

test('records of every codec come back, from a broker that is running', async () => {
  const dataDir = join(directory, 'own')
  const broker = await Broker.start({ dataDir })
  try {
    for (const codec of COMPRESSION_TYPES) {
      const { status, errors } = await millrace(`produce --topic all --compression-codec ${codec} --bootstrap-server ${broker.bootstrapServers}`, `${codec} ${'x'.repeat(200)}\n`)
      expect(errors).toBe('')
      expect(status).toBe(0)
    }
    const entries = await dumped(`--files ${dataDir}/all-0/${SEGMENT} --print-data-log`)
    expect(entries.filter(({ kind }) => kind === 'batch').map(({ compression }) => compression)).toEqual(COMPRESSION_TYPES)
    expect(entries.filter(({ kind }) => kind === 'record').map(({ value }) => String(value).split(' ')[0])).toEqual(COMPRESSION_TYPES)
  } finally {
    await broker.close()
  }
})
