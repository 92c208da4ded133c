// `npm run test:compat [names]`: the same requests to this broker and to Apache Kafka, real clients of many languages, and
// Kafka's own kafka-dump-log over the files that are left. Kafka and the clients come from a directory beside the project,
// or from where MILLRACE_SHARED says; where there is none, that is said and nothing is judged. Names are of clients or of our
// own programs on them; `same-bytes` stands for the comparison, `formatters` for Kafka's console consumer over the internal
// topics. `--cluster` has the clients use three brokers of which one is killed before each.

import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Broker } from '../../src/index.ts'
import { runOnCluster } from './cluster-clients.ts'
import { readInternalTopics } from './formatters.ts'
import { output } from './output.ts'
import { PROGRAMS } from './programs.ts'
import { compareBrokers } from './same-bytes/run.ts'
import { withKafka } from './with-kafka.ts'

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
const isAsked = (name: string): boolean => !onCluster && (names.length === 0 || names.includes(name))
const clientNames = names.length > 0 ? names.filter((name) => name !== COMPARISON && name !== FORMATTERS && PROGRAMS[name] === undefined) : CLIENTS
let [passed, failed] = [0, 0]
if (isAsked(COMPARISON)) add(await compareWithKafka())
if (isAsked(FORMATTERS)) add(await readInternalTopics(kafkaTool))
for (const name of Object.keys(PROGRAMS)) if (isAsked(name)) add(await runProgram(name))
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
  // The two have different intervals by default.
  const settings = { 'group.initial.rebalance.delay.ms': 0, 'group.consumer.assignment.interval.ms': 0, 'group.share.assignment.interval.ms': 0, 'group.streams.assignment.interval.ms': 0, 'log.segment.bytes': 1_073_741_824, 'log.retention.hours': 168 }
  // On a busy machine Kafka's broker would take itself for lost.
  const patience = { 'broker.session.timeout.ms': 600_000, 'initial.broker.registration.timeout.ms': 600_000 }
  return withKafka(SHARED, { ...settings, ...patience }, async (port) => {
    const broker = await Broker.start({ settings, logLevel: 'ERROR' })
    try {
      return await compareBrokers(port, broker.port)
    } finally {
      await broker.close()
    }
  })
}

async function runProgram(name: string): Promise<{ passed: number; failed: number }> {
  const fault = await PROGRAMS[name]?.(SHARED).catch((error: unknown) => String(error))
  console.log(fault === null ? `ok ${name}` : `FAIL ${name}: ${fault}`)
  return { passed: fault === null ? 1 : 0, failed: fault === null ? 0 : 1 }
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
