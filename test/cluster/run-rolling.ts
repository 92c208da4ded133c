// `npm run faults:rolling`: operators' work under load with default client retries; no error may reach a client. Both systems
// in one run, p99.9 of produce during each move. Options: --only millrace|kafka --rate RECORDS/S --port P; --java adds Kafka's
// own producer-perf-test beside.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kafkaClassPath } from '../../bench/kafka/apache-kafka.ts'
import type { BrokerAddress } from '../support/cluster-client.ts'
import { ClusterAdmin, untilInSync } from './cluster-admin.ts'
import { clusterOf } from './clusters.ts'
import { LoopbackHosts } from './hosts.ts'
import { OpenLoopLoad } from './open-loop-load.ts'
import type { LoadReport } from './open-loop-load.ts'
import { replaceFirst, rollingRestart } from './rolling.ts'

const { values } = parseArgs({
  options: { only: { type: 'string' }, rate: { type: 'string', default: '200' }, port: { type: 'string', default: '25200' }, java: { type: 'boolean', default: false } },
})
const systems = (['kafka', 'millrace'] as const).filter((system) => values.only === undefined || values.only === system)
const MOVES = [
  { name: 'rolling restart', run: rollingRestart },
  { name: 'fourth broker in, first out', run: replaceFirst },
] as const
const PARTITION_COUNT = 6
const READY_MS = 180_000
const SETTINGS = { 'offsets.topic.num.partitions': '3', 'group.initial.rebalance.delay.ms': '0' }
const progress = (line: string): void => console.error(`  ${new Date().toISOString().slice(11, 19)} ${line}`)
const lines: string[] = []
let errorCount = 0

for (const system of systems) {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-rolling-'))
  const cluster = clusterOf(system, { hosts: LoopbackHosts.from(Number(values.port)), dir, settings: SETTINGS }, true, progress)
  try {
    await cluster.start()
    for (const [index, move] of MOVES.entries()) {
      const topic = `rolling-${index}`
      const admin = new ClusterAdmin(cluster.bootstrap)
      await admin.createTopic(topic, PARTITION_COUNT)
      admin.close()
      await untilInSync(cluster.bootstrap, [topic], READY_MS)
      const load = new OpenLoopLoad(cluster.bootstrap, topic, PARTITION_COUNT, Number(values.rate))
      await load.start()
      const java = values.java ? javaProducer(cluster.bootstrap, topic) : undefined
      await move.run(cluster, (line) => progress(`${system}, ${move.name}: ${line}`))
      const report = await load.end()
      const errors = [...report.errors, ...((await java?.end()) ?? []), ...cluster.takeUnexpectedEnds()]
      errorCount += errors.length
      for (const error of errors.slice(0, 10)) console.log(`${system}, ${move.name}: ${error}`)
      lines.push(`${system.padEnd(9)} ${move.name.padEnd(28)} ${summary(report)}  ${errors.length} errors`)
      progress(lines.at(-1) ?? '')
    }
    rmSync(dir, { recursive: true, force: true })
  } catch (error) {
    errorCount++
    console.log(`${system}: ${(error as Error).message}; consoles and data in ${dir}`)
  } finally {
    await cluster.stop()
  }
}
console.log(`\nproduce latency during the move, acks=all, ${values.rate} records/s, open loop\n`)
for (const line of lines) console.log(line)
process.exit(errorCount === 0 ? 0 : 1)

function summary({ sent, consumed, duplicates, latenciesMs }: LoadReport): string {
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const at = (share: number): string => `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1)} ms`
  return `p50 ${at(0.5).padStart(9)}  p99 ${at(0.99).padStart(9)}  p99.9 ${at(0.999).padStart(9)}  max ${at(1).padStart(9)}  ${sent} sent, ${consumed} read, ${duplicates} twice`
}

/** Kafka's own client with its defaults; what it could not send it prints as an exception. */
function javaProducer(bootstrap: readonly BrokerAddress[], topic: string): { end(): Promise<string[]> } {
  const servers = bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  const args = ['-Xmx256M', '-cp', kafkaClassPath(progress), 'org.apache.kafka.tools.ProducerPerformance', '--bootstrap-server', servers, '--topic', `${topic}-java`, '--num-records', '100000000', '--record-size', '100', '--throughput', values.rate]
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return {
    async end() {
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await gone
      progress(`the Java producer: ${output.trimEnd().split('\n').at(-1) ?? ''}`)
      return output.split('\n').filter((line) => /Exception/.test(line)).map((line) => `Java producer: ${line}`)
    },
  }
}
