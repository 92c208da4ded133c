// `npm run bench:kafka`: Apache Kafka and Millrace one after the other on this machine under the same load, in turns, and
// the medians side by side. Options: --quick, --repeats N, --scenarios a,b, --cluster-only, --only kafka|millrace, --out DIR, --port N.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { KAFKA_VERSION, kafkaClassPath } from './kafka/apache-kafka.ts'
import { consoleOf } from './kafka/brokers.ts'
import type { BrokerKind } from './kafka/brokers.ts'
import { CLUSTER_SCENARIOS } from './kafka/cluster-scenarios.ts'
import { chart, table, verdict } from './kafka/report.ts'
import type { Measured } from './kafka/report.ts'
import { ROWS } from './kafka/rows.ts'
import { SCENARIOS as BROKER_SCENARIOS } from './kafka/scenarios.ts'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '3' },
    scenarios: { type: 'string' },
    'cluster-only': { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string', default: join('bench', 'results') },
    port: { type: 'string', default: '29392' },
    dir: { type: 'string', default: join('bench', 'results') },
  },
})

const progress = (line: string): void => console.error(`  ${new Date().toISOString().slice(11, 19)} ${line}`)
const SCENARIOS = options['cluster-only'] ? CLUSTER_SCENARIOS : [...BROKER_SCENARIOS, ...CLUSTER_SCENARIOS]
const chosen = options.scenarios?.split(',')
const unknown = chosen?.filter((id) => !SCENARIOS.some((scenario) => scenario.id === id)) ?? []
if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}; there are ${SCENARIOS.map(({ id }) => id).join(', ')}`)
const scenarios = SCENARIOS.filter(({ id }) => chosen?.includes(id) ?? true)
const kinds = (['kafka', 'millrace'] as const).filter((kind) => options.only === undefined || options.only === kind)
const classPath = kinds.includes('kafka') || scenarios.some(({ needsTools }) => needsTools) ? kafkaClassPath(progress) : ''
mkdirSync(options.dir, { recursive: true })
const directory = mkdtempSync(join(resolve(options.dir), 'run-'))
const samples = new Map<string, Record<BrokerKind, number[]>>(ROWS.map(({ id }) => [id, { kafka: [], millrace: [] }]))

for (let repeat = 1; repeat <= Number(options.repeats); repeat++) {
  for (const scenario of scenarios) {
    for (const kind of kinds) {
      const setup = { kind, dir: join(directory, kind), port: Number(options.port), classPath }
      console.error(`${scenario.id}: ${kind}, run ${repeat} of ${options.repeats}`)
      try {
        const values = await scenario.run({ setup, scale: options.quick ? 0.1 : 1, progress })
        for (const [row, value] of Object.entries(values)) samples.get(row)?.[kind].push(value)
      } catch (error) {
        console.error(`${scenario.id} failed for ${kind}: ${(error as Error).message}\n${consoleOf(setup)}`)
        process.exitCode = 1
      }
      rmSync(setup.dir, { recursive: true, force: true })
    }
  }
}
rmSync(directory, { recursive: true, force: true })

const measured: Measured[] = ROWS.filter((row) => scenarios.some(({ rows }) => rows.includes(row.id))).map((row) => ({ row, samples: samples.get(row.id) ?? { kafka: [], millrace: [] } }))
const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model ?? '', memoryBytes: totalmem(), kernel: release(), arch: arch(), node: process.version, kafka: KAFKA_VERSION }
console.log(`\nMedians of ${options.repeats} run(s) on ${machine.cores} cores (${machine.cpu}), Kafka ${KAFKA_VERSION} with 1 GB of heap${options.quick ? '; quick: a tenth of the load' : ''}\n`)
console.log(table(measured))
writeFileSync(join(options.out, 'kafka.json'), `${JSON.stringify({ at: new Date().toISOString(), machine, quick: options.quick, rows: measured.map((each) => ({ ...each.row, samples: each.samples, verdict: verdict(each) })) }, null, 2)}\n`)
writeFileSync(join(options.out, 'kafka.svg'), chart(measured))
console.log(`\nwritten to ${join(options.out, 'kafka.json')} and kafka.svg`)
