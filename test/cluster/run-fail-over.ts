// `npm run faults:failover`: kill -9 of a leader, Millrace against Apache Kafka in turns in one run, three nodes each with
// their defaults. Options: --repeats N --partitions N --only millrace|kafka --port P.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { System } from './cluster-under-test.ts'
import { clusterOf } from './clusters.ts'
import { failOver, prepareFailOver } from './fail-over.ts'
import type { FailOver } from './fail-over.ts'
import { LoopbackHosts } from './hosts.ts'

const { values } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, partitions: { type: 'string', default: '100' }, only: { type: 'string' }, port: { type: 'string', default: '25100' } },
})
const systems = (['kafka', 'millrace'] as const).filter((system) => values.only === undefined || values.only === system)
const TARGET_RATIO = 1 / 2
/** Each repeat kills a broker that does not lead the quorum, then the one that does. */
const results = new Map<System, FailOver[]>(systems.map((system) => [system, []]))
const progress = (line: string): void => console.error(`  ${new Date().toISOString().slice(11, 19)} ${line}`)

for (const system of systems) {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-fail-over-'))
  const cluster = clusterOf(system, { hosts: LoopbackHosts.from(Number(values.port)), dir, settings: {} }, true, progress)
  try {
    await cluster.start()
    await prepareFailOver(cluster, Number(values.partitions))
    for (let repeat = 1; repeat <= Number(values.repeats); repeat++) {
      for (const controller of [false, true]) {
        const result = await failOver(cluster, controller)
        results.get(system)?.push(result)
        progress(`${system} ${repeat} of ${values.repeats}, ${controller ? 'controller' : 'broker'} killed: ${ms(median(result.ledMs))} for a partition it led, ${ms(Math.max(...result.ledMs, ...result.followedMs))} for the worst of ${values.partitions}`)
      }
    }
    for (const end of cluster.takeUnexpectedEnds()) progress(end)
  } finally {
    await cluster.stop()
  }
  rmSync(dir, { recursive: true, force: true })
}

let missed = 0
const rows: [title: string, of: (result: FailOver) => number, controller: boolean][] = [
  ['broker killed: median of the partitions it led', ({ ledMs }) => median(ledMs), false],
  ['broker killed: worst of all partitions', ({ ledMs, followedMs }) => Math.max(...ledMs, ...followedMs), false],
  ['controller killed: median of the partitions it led', ({ ledMs }) => median(ledMs), true],
  ['controller killed: worst of all partitions', ({ ledMs, followedMs }) => Math.max(...ledMs, ...followedMs), true],
]
console.log(`\nkill -9 to the first write with acks=all, ${values.partitions} partitions x 3, medians of ${values.repeats}\n`)
for (const [title, of, controller] of rows) {
  const [kafka, millrace] = (['kafka', 'millrace'] as const).map((system) => median((results.get(system) ?? []).filter((each) => each.controller === controller).map(of)))
  const ratio = (millrace ?? Number.NaN) / (kafka ?? Number.NaN)
  const verdict = Number.isNaN(ratio) ? 'not compared' : ratio <= TARGET_RATIO ? 'met' : 'missed'
  if (verdict === 'missed') missed++
  console.log(`${title.padEnd(52)} Kafka ${ms(kafka).padStart(9)}  Millrace ${ms(millrace).padStart(9)}  ratio ${Number.isNaN(ratio) ? '-' : ratio.toFixed(2)}  target <= ${TARGET_RATIO}  ${verdict}`)
}
process.exit(missed === 0 ? 0 : 1)

function median(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2
}

function ms(time: number | undefined): string {
  return time === undefined || Number.isNaN(time) ? '-' : `${Math.round(time)} ms`
}
