// `npm run check:history`: the workload, then the checker. Options: --seed N --minutes M --port P; --kafka SCRIPT runs Apache
// Kafka instead; --broker-kill-seconds S (average, 0 for never); --history DIR only checks what was recorded before.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ApacheKafka, Millrace } from './brokers.ts'
import { checkHistory } from './check-history.ts'
import { readHistory } from './history.ts'
import { runWorkload } from './workload.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    port: { type: 'string', default: '21250' },
    kafka: { type: 'string' },
    'broker-kill-seconds': { type: 'string', default: '12' },
    history: { type: 'string' },
  },
})

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const dir = values.history ?? mkdtempSync(join(tmpdir(), 'millrace-history-'))
const problems: string[] = []
if (values.history === undefined) {
  console.log(`seed ${seed}, history in ${dir}`)
  const port = Number(values.port)
  const dataDir = join(dir, 'data')
  const broker = values.kafka === undefined ? new Millrace(port, dataDir) : new ApacheKafka(values.kafka, port, dataDir)
  const durationMs = Number(values.minutes) * 60_000
  const outcome = await runWorkload({ broker, port, seed, durationMs, dir, brokerKillMs: Number(values['broker-kill-seconds']) * 1_000, clientKillMs: 2_500, progress: (line) => console.log(line) })
  console.log(`broker killed ${outcome.brokerKills} times, clients killed ${outcome.clientKills} and paused ${outcome.pauses} times`)
  problems.push(...outcome.hanging.map((each) => `hanging: ${each}`))
}
const entries = readHistory(dir)
problems.push(...checkHistory(entries).map(({ rule, message }) => `${rule}: ${message}`))
const count = (type: string): number => entries.reduce((sum, entry) => sum + (entry.type === type && 'values' in entry ? entry.values.length : entry.type === type && 'records' in entry ? entry.records.length : 0), 0)
console.log(`${count('send')} records sent, ${count('acknowledged')} acknowledged, ${count('polled')} read, ${entries.filter(({ type }) => type === 'ended').length} transactions ended`)
if (count('acknowledged') === 0) problems.push('nothing was acknowledged: a history without records proves nothing')
for (const problem of problems.slice(0, 50)) console.log(problem)
console.log(`${problems.length} violations`)
if (problems.length === 0 && values.history === undefined) rmSync(dir, { recursive: true })
process.exit(problems.length === 0 ? 0 : 1)
