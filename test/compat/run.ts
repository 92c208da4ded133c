// `npm run test:compat [names]`: the same requests to this broker and to Apache Kafka, real clients of many languages, and
// Kafka's own kafka-dump-log over the files that are left. Kafka and the clients come from a directory beside the project,
// or from where MILLRACE_SHARED says; where there is none, that is said and nothing is judged. Names are of clients;
// `same-bytes` stands for the comparison, `formatters` for Kafka's console consumer over the internal topics. `--cluster` has
// the clients use three brokers of which one is killed before each.

import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Broker } from '../../src/index.ts'
import { runOnCluster } from './cluster-clients.ts'
import { readInternalTopics } from './formatters.ts'
import { compareBrokers } from './same-bytes/run.ts'

const SHARED = process.env['MILLRACE_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url))
const COMPARISON = 'same-bytes'
const FORMATTERS = 'formatters'
const CLIENTS = [
  'kafka-python', 'confluent-kafka', 'aiokafka', 'kcat', 'kafkajs', 'platformatic-kafka', 'franz-go', 'sarama', 'kafka-go', 'java-tools', 'java-tools24',
  'java-consumer-protocol', 'java-share-consumer', 'kafka-streams', 'kafka-connect', 'spark', 'storm', 'flink',
]

if (!existsSync(join(SHARED, 'clients', 'run-all'))) {
  console.log(`there are no clients in ${SHARED}: skipped\n0 passed, 0 failed, 1 skipped`)
  process.exit(0)
}

const onCluster = process.argv.includes('--cluster')
const names = process.argv.slice(2).filter((name) => !name.startsWith('--'))
const clientNames = names.length > 0 ? names.filter((name) => name !== COMPARISON && name !== FORMATTERS) : CLIENTS
let [passed, failed] = [0, 0]
if (!onCluster && (names.length === 0 || names.includes(COMPARISON))) add(await compareWithKafka())
if (!onCluster && (names.length === 0 || names.includes(FORMATTERS))) add(await readInternalTopics(kafkaTool))
if (clientNames.length > 0) add(onCluster ? await runOnCluster(clientNames, runClient) : await runClients(clientNames))
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function add(counts: { passed: number; failed: number }): void {
  passed += counts.passed
  failed += counts.failed
}

/** Both brokers are fresh and have the same settings. */
async function compareWithKafka(): Promise<{ passed: number; failed: number }> {
  console.log('the same requests to Apache Kafka …')
  const kafka = join(SHARED, 'peer', 'kafka')
  const dir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  const port = await freePort()
  const settings = { 'group.initial.rebalance.delay.ms': 0, 'log.segment.bytes': 1_073_741_824, 'log.retention.hours': 168 }
  // On a busy machine Kafka's broker would take itself for lost.
  const patience = { 'broker.session.timeout.ms': 600_000, 'initial.broker.registration.timeout.ms': 600_000 }
  const given = Object.entries({ ...settings, ...patience }).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const started = await output(kafka, ['start', '--port', String(port), '--dir', join(dir, 'kafka'), ...given], false)
  if (started.status !== 0) throw new Error(`Apache Kafka does not start: ${started.text}`)
  const broker = await Broker.start({ settings, logLevel: 'ERROR' })
  try {
    return await compareBrokers(port, broker.port)
  } finally {
    await broker.close()
    await output(kafka, ['stop', '--dir', join(dir, 'kafka')], false)
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runClients(clientNames: readonly string[]): Promise<{ passed: number; failed: number }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-compat-'))
  const broker = await Broker.start({ dataDir })
  const clients = await output(join(SHARED, 'clients', 'run-all'), [broker.bootstrapServers, ...clientNames], true)
  await broker.close()
  const count = (pattern: RegExp): number => Number(pattern.exec(clients.text)?.[1] ?? 0)
  const counts = { passed: count(/^(\d+) passed, \d+ failed$/m), failed: count(/^\d+ passed, (\d+) failed$/m) }
  if (counts.passed + counts.failed === 0) counts.failed = 1
  if (await dumps(dataDir)) counts.passed++
  else counts.failed++
  rmSync(dataDir, { recursive: true })
  return counts
}

async function runClient(bootstrap: string, name: string): Promise<boolean> {
  return (await output(join(SHARED, 'clients', 'run-all'), [bootstrap, name], true)).status === 0
}

async function kafkaTool(name: string, args: readonly string[]): Promise<string> {
  return (await output(join(SHARED, 'peer', 'kafka'), ['tool', name, ...args], false)).text
}

/** Whether kafka-dump-log reads every segment and finds nothing wrong. */
async function dumps(dataDir: string): Promise<boolean> {
  const segments = globSync('*/*.log', { cwd: dataDir }).map((name) => join(dataDir, name))
  const dumped = await output(join(SHARED, 'peer', 'kafka'), ['tool', 'kafka-dump-log', '--deep-iteration', '--files', segments.join(',')], false)
  const isReadable = dumped.status === 0 && !/isvalid: false|Found|Corrupt/i.test(dumped.text)
  console.log(`${isReadable ? 'ok' : 'FAIL'} kafka-dump-log: ${segments.length} segments`)
  return isReadable
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function output(command: string, args: readonly string[], isShown: boolean): Promise<{ status: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (isShown) process.stdout.write(chunk)
    })
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, text }))
  })
}
