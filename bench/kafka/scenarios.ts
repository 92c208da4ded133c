// What is done to a broker, each on a fresh data directory. A scenario yields values for some of the rows.

import { mkdirSync } from 'node:fs'
import { launch, prepare } from './brokers.ts'
import type { BrokerSetup, RunningBroker } from './brokers.ts'
import { holdLoad, javaTool, load } from './clients.ts'
import { cpuSeconds, residentMegabytes } from './usage.ts'

export type Values = Record<string, number>

export type ScenarioContext = {
  readonly setup: BrokerSetup
  /** 1 for the full load, less for a quick look. */
  readonly scale: number
  progress(line: string): void
}

export type Scenario = { readonly id: string; readonly rows: readonly string[]; run(context: ScenarioContext): Promise<Values> }

const RECORD_SIZES = [100, 1000, 10_000] as const
/** Bytes of record values per size and direction. */
const PERF_BYTES = 1_300_000_000
/** What a fast disk may be given in one raw run. */
const RAW_BYTES_MAX = '12G'
const PARTITIONS_MANY = 10_000
const TOPICS_MANY = 10

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'start',
    rows: ['start', 'memory-idle'],
    run: async (context) => {
      prepare(context.setup)
      const { broker, seconds } = await startTimed(context.setup, 0)
      try {
        await settle(3)
        return { start: seconds, 'memory-idle': residentMegabytes(broker.pid) }
      } finally {
        await broker.stop()
      }
    },
  },
  {
    id: 'tools',
    rows: [...RECORD_SIZES.flatMap((size) => [`produce-cpu-${size}`, `consume-cpu-${size}`]), 'memory-loaded'],
    run: (context) => withBroker(context, async (broker) => {
      const values: Values = {}
      for (const size of RECORD_SIZES) {
        const count = Math.round((PERF_BYTES * context.scale) / size)
        const gigabytes = (count * size) / 1e9
        context.progress(`Kafka's own tools, ${size} B records, ${gigabytes.toFixed(1)} GB each way`)
        const topic = `perf-${size}`
        const producing = await cpuOf(broker, () => javaTool(broker.classPath, 'org.apache.kafka.tools.ProducerPerformance', [
          '--bootstrap-server', broker.bootstrap, '--topic', topic, '--num-records', String(count), '--record-size', String(size), '--throughput', '-1', '--command-property', 'acks=all',
        ]))
        const consuming = await cpuOf(broker, () => javaTool(broker.classPath, 'org.apache.kafka.tools.ConsumerPerformance', [
          '--bootstrap-server', broker.bootstrap, '--topic', topic, '--num-records', String(count), '--timeout', '60000', '--hide-header',
        ]))
        values[`produce-cpu-${size}`] = producing / gigabytes
        values[`consume-cpu-${size}`] = consuming / gigabytes
      }
      values['memory-loaded'] = residentMegabytes(broker.pid)
      return values
    }),
  },
  {
    id: 'raw',
    rows: ['raw-16', 'raw-1000', 'floor-append', 'floor-fetch'],
    run: (context) => withBroker(context, async (broker) => {
      const seconds = String(Math.max(2, Math.round(8 * context.scale)))
      const wide = ['--connections', '16', '--batch-size', '16384', '--seconds', seconds, '--warm-up', '1', '--bytes', RAW_BYTES_MAX]
      context.progress('raw load, 16 connections with 16 KB batches')
      const large = await load('produce', ['--bootstrap', broker.bootstrap, '--topic', 'raw-16', '--partitions', '16', ...wide])
      context.progress('raw load, 1,000 connections with 1 KB batches')
      const small = await load('produce', [
        '--bootstrap', broker.bootstrap, '--topic', 'raw-1000', '--partitions', '16', '--connections', '1000', '--batch-size', '1024', '--record-size', '900', '--seconds', seconds, '--warm-up', '1', '--bytes', RAW_BYTES_MAX,
      ])
      context.progress('raw fetch of 1 GB again and again')
      await load('produce', ['--bootstrap', broker.bootstrap, '--topic', 'fetched', '--partitions', '4', '--connections', '4', '--batch-size', '16384', '--seconds', '60', '--warm-up', '0', '--bytes', '1G'])
      const fetched = await load('fetch', ['--bootstrap', broker.bootstrap, '--topic', 'fetched', '--partitions', '4', '--connections', '4', '--seconds', seconds, '--warm-up', '1', '--again'])
      const values: Values = { 'raw-16': large.valueMegabytesPerSecond, 'raw-1000': small.valueMegabytesPerSecond }
      if (broker.kind === 'millrace') {
        context.progress("this machine's floor")
        const floorDir = `${broker.dir}/floor`
        mkdirSync(floorDir, { recursive: true })
        const append = await load('floor', ['append', ...wide, '--threads', '2', '--dir', floorDir])
        const send = await load('floor', ['sendfile', '--connections', '4', '--seconds', seconds, '--warm-up', '1', '--threads', '2', '--file-size', '1G', '--bytes', '1000G', '--dir', floorDir])
        values['floor-append'] = (100 * large.wireMegabytesPerSecond) / append.wireMegabytesPerSecond
        values['floor-fetch'] = (100 * fetched.wireMegabytesPerSecond) / send.wireMegabytesPerSecond
      }
      return values
    }),
  },
  {
    id: 'latency',
    rows: ['latency-p99', 'latency-p999', 'end-to-end-p99'],
    run: (context) => withBroker(context, async (broker) => {
      context.progress('latency at 20,000 records/s, open loop')
      const seconds = String(Math.max(4, Math.round(20 * context.scale)))
      const summary = await load('latency', ['--bootstrap', broker.bootstrap, '--topic', 'latency', '--partitions', '6', '--rate', '20000', '--seconds', seconds, '--warm-up', '10'])
      const percentile = (name: string, which: string): number => (summary[name] as Record<string, number>)[which] ?? Number.NaN
      return {
        'latency-p99': percentile('produceMicros', 'p99') / 1000,
        'latency-p999': percentile('produceMicros', 'p99.9') / 1000,
        'end-to-end-p99': percentile('endToEndMicros', 'p99') / 1000,
      }
    }),
  },
  {
    id: 'groups',
    rows: ['groups'],
    run: (context) => withBroker(context, async (broker) => {
      context.progress('heartbeats and offset commits of joined members')
      const seconds = String(Math.max(3, Math.round(8 * context.scale)))
      const summary = await load('groups', ['--bootstrap', broker.bootstrap, '--topic', 'members', '--partitions', '16', '--members', '64', '--members-per-group', '4', '--seconds', seconds, '--warm-up', '2'])
      return { groups: summary.requestsPerSecond }
    }),
  },
  {
    id: 'many-partitions',
    rows: ['memory-10000', 'start-10000'],
    run: async (context) => {
      const { setup } = context
      prepare(setup)
      const { broker } = await startTimed(setup, 0)
      context.progress('10,000 partitions written round-robin')
      const args = ['--bootstrap', broker.bootstrap, '--topic', 'many', '--topics', String(TOPICS_MANY), '--partitions', String(PARTITIONS_MANY / TOPICS_MANY)]
      await load('roundrobin', [...args, '--connections', '16', '--batch-size', '1024', '--record-size', '900', '--seconds', String(Math.max(5, 20 * context.scale)), '--warm-up', '0'])
      const memory = residentMegabytes(broker.pid)
      await broker.stop('SIGKILL')
      context.progress('start with 10,000 partitions after kill -9')
      const again = await startTimed(setup, PARTITIONS_MANY)
      await again.broker.stop('SIGKILL')
      return { 'memory-10000': memory, 'start-10000': again.seconds }
    },
  },
  {
    id: 'idle-connections',
    rows: ['memory-5000'],
    run: (context) => withBroker(context, async (broker) => {
      context.progress('5,000 idle connections')
      const held = holdLoad('idle', ['--bootstrap', broker.bootstrap, '--connections', '5000', '--hold', '60'])
      await held.ready
      const memory = residentMegabytes(broker.pid)
      await held.end()
      return { 'memory-5000': memory }
    }),
  },
]

/** Seconds from the start of the process until Metadata names this many partitions with a leader. */
async function startTimed(setup: BrokerSetup, partitions: number): Promise<{ broker: RunningBroker; seconds: number }> {
  const answered = load('metadata', ['--bootstrap', `127.0.0.1:${setup.port}`, '--partitions', String(partitions)])
  // The load generator polls by the time the broker begins.
  await settle(0.2)
  const began = Date.now()
  const broker = launch(setup)
  try {
    const { unixNanos } = await answered
    return { broker, seconds: Number(BigInt(String(unixNanos)) / 1_000_000n - BigInt(began)) / 1000 }
  } catch (error) {
    await broker.stop('SIGKILL')
    throw error
  }
}

async function withBroker(context: ScenarioContext, run: (broker: RunningBroker) => Promise<Values>): Promise<Values> {
  prepare(context.setup)
  const { broker } = await startTimed(context.setup, 0)
  try {
    return await run(broker)
  } finally {
    await broker.stop()
  }
}

async function cpuOf(broker: RunningBroker, run: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds(broker.pid)
  await run()
  return cpuSeconds(broker.pid) - before
}

/** Time that belongs to what is measured: until a process has done what it does right after its start. */
function settle(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
