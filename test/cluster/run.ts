// `npm run faults`: random faults on three processes under load, and the checker's verdict. Options: --minutes M --seed N
// --system millrace|kafka; --faults a,b for some kinds only; --port P where hosts cannot be had; --keep keeps all files. To
// plant a fault that must be found: --set key=value for brokers, --topic-config key=value, --acks 1 for plain writers.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { System } from './cluster-under-test.ts'
import { clusterOf } from './clusters.ts'
import { FAULTS } from './faults.ts'
import { faultsUnderLoad } from './faults-under-load.ts'
import { LoopbackHosts, NamespaceHosts, intoNamespaces } from './hosts.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    system: { type: 'string', default: 'millrace' },
    faults: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    'topic-config': { type: 'string', multiple: true, default: [] },
    acks: { type: 'string', default: '-1' },
    port: { type: 'string', default: '25000' },
    keep: { type: 'boolean', default: false },
  },
})
if (values.system !== 'millrace' && values.system !== 'kafka') throw new Error(`--system is millrace or kafka, not ${values.system}`)

/** Room for what an hour of load writes; small enough to be filled at once. */
const DISK_MEGABYTES = 512
const SETTINGS = {
  // A crowded machine is not a fault: elections have time.
  'controller.quorum.election.timeout.ms': '2000',
  'controller.quorum.fetch.timeout.ms': '4000',
  'controller.quorum.request.timeout.ms': '4000',
  'broker.session.timeout.ms': '6000',
  'broker.heartbeat.interval.ms': '1000',
  'replica.lag.time.max.ms': '10000',
  'offsets.topic.num.partitions': '3',
  'transaction.state.log.num.partitions': '3',
  'group.initial.rebalance.delay.ms': '0',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
}

const hasHosts = intoNamespaces()
const known = FAULTS.filter(({ name }) => values.faults?.split(',').includes(name) ?? true)
const faults = known.filter(({ needs }) => hasHosts || needs === undefined)
if (faults.length === 0) throw new Error(`no fault of ${values.faults}; there are ${FAULTS.map(({ name }) => name).join(', ')}`)
if (!hasHosts) console.log('no network namespaces here: links are not cut and disks not filled')
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const dir = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
console.log(`${values.system}, seed ${seed}, ${values.minutes} minutes of ${faults.map(({ name }) => name).join(' ')}, files in ${dir}`)
const pairs = (texts: readonly string[]): Record<string, string> => Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]))
const settings = { ...SETTINGS, ...pairs(values.set) }
const hosts = hasHosts ? new NamespaceHosts(DISK_MEGABYTES) : LoopbackHosts.from(Number(values.port))
const progress = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
const cluster = clusterOf(values.system as System, { hosts, dir, settings }, false, progress)
let problems: readonly string[] = []
try {
  const outcome = await faultsUnderLoad({ cluster, seed, durationMs: Number(values.minutes) * 60_000, faults, sessionTimeoutMs: Number(settings['broker.session.timeout.ms']), dir, acks: Number(values.acks), topicConfigs: pairs(values['topic-config']), progress })
  problems = [...outcome.problems, ...(outcome.acknowledged === 0 ? ['nothing was acknowledged: a history without records proves nothing'] : [])]
  console.log(`${outcome.faults} faults, ${outcome.acknowledged} records acknowledged, ${outcome.read} read`)
} catch (error) {
  problems = [`the run broke off: ${(error as Error).stack ?? String(error)}`]
}
await cluster.stop()
hosts.close(problems.length > 0 || values.keep)
for (const problem of problems.slice(0, 50)) console.log(problem)
console.log(`${problems.length} violations${problems.length > 0 ? `; seed ${seed}, histories, consoles and data in ${dir}` : ''}`)
if (problems.length === 0 && !values.keep) rmSync(dir, { recursive: true, force: true })
process.exit(problems.length === 0 ? 0 : 1)
