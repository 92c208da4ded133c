// What is done to a broker, each on a fresh data directory. A scenario yields values for some of the rows.

import { mkdirSync } from 'node:fs'
import { awaitCompacted, logMegabytes } from './compaction.ts'
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

export type Scenario = { readonly id: string; readonly rows: readonly string[]; /** Kafka's tools are part of the load, also where its broker is not asked. */ readonly needsTools?: true; run(context: ScenarioContext): Promise<Values> }

const RECORD_SIZES = [100, 1000, 10_000] as const
/** Bytes of record values per size and direction. */
const PERF_BYTES = 1_300_000_000
/** What a fast disk may be given in one raw run. */
const RAW_BYTES_MAX = '12G'
const PARTITIONS_MANY = 10_000
const TOPICS_MANY = 10
/** Turns of plain and idempotent load, so that what else the machine does is shared by both. */
const IDEMPOTENT_TURNS = 4
const TRANSACTION_BYTES = 600_000_000
const TRANSACTION_RECORD_SIZE = 1000
const COMPACTED_KEYS = 10_000_000
const COMPACTED_VALUE_SIZE = 100
const SHARE_RECORDS = 4_000_000
const SHARE_RECORD_SIZE = 100

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
    needsTools: true,
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
    id: 'idempotent',
    rows: ['idempotent'],
    run: (context) => withBroker(context, async (broker) => {
      // A difference of 5 % is lost in the kernel's ticks where there is little load.
      const bytes = String(Math.round((4e9 * Math.max(context.scale, 0.5)) / IDEMPOTENT_TURNS))
      const spent = { copied: 0, idempotent: 0 }
      for (let turn = 0; turn < IDEMPOTENT_TURNS; turn++) {
        for (const batches of ['copied', 'idempotent'] as const) {
          context.progress(`raw load, ${batches === 'copied' ? 'plain' : batches} batches, turn ${turn + 1} of ${IDEMPOTENT_TURNS}`)
          spent[batches] += await cpuOf(broker, () => load('produce', [
            '--bootstrap', broker.bootstrap, '--topic', `${batches}-${turn}`, '--partitions', '16', '--connections', '16', '--batches', batches, '--seconds', '120', '--warm-up', '0', '--bytes', bytes,
          ]))
        }
      }
      return { idempotent: (100 * spent.idempotent) / spent.copied }
    }),
  },
  {
    id: 'transactional',
    needsTools: true,
    rows: ['transactional'],
    run: (context) => withBroker(context, async (broker) => {
      context.progress("Kafka's own tool, a transaction every 100 ms")
      const count = Math.round((TRANSACTION_BYTES * context.scale) / TRANSACTION_RECORD_SIZE)
      const seconds = await cpuOf(broker, () => javaTool(broker.classPath, 'org.apache.kafka.tools.ProducerPerformance', [
        '--bootstrap-server', broker.bootstrap, '--topic', 'transactional', '--num-records', String(count), '--record-size', String(TRANSACTION_RECORD_SIZE), '--throughput', '-1',
        '--transactional-id', 'bench', '--transaction-duration-ms', '100',
      ]))
      return { transactional: (count * TRANSACTION_RECORD_SIZE) / 1e6 / seconds }
    }),
  },
  {
    id: 'compaction',
    needsTools: true,
    rows: ['compaction'],
    run: (context) => withBroker(context, async (broker) => {
      const keys = Math.round(COMPACTED_KEYS * context.scale)
      context.progress(`${keys.toLocaleString('en')} keys written twice`)
      // Not to be compacted while it is written: what is measured is the cleaning alone.
      const configs = { 'cleanup.policy': 'delete', 'min.cleanable.dirty.ratio': '0', 'segment.bytes': '67108864' }
      await load('produce', [
        '--bootstrap', broker.bootstrap, '--topic', 'compacted', '--connections', '1', '--batches', 'keyed', '--keys', String(keys), '--record-size', String(COMPACTED_VALUE_SIZE),
        '--seconds', '600', '--warm-up', '0', '--bytes', String(2 * keys * COMPACTED_VALUE_SIZE), ...Object.entries(configs).flatMap(([name, value]) => ['--topic-config', `${name}=${value}`]),
      ])
      const megabytes = logMegabytes(broker, 'compacted')
      context.progress(`${Math.round(megabytes)} MB to compact`)
      const seconds = await cpuOf(broker, async () => {
        await javaTool(broker.classPath, 'kafka.admin.ConfigCommand', ['--bootstrap-server', broker.bootstrap, '--alter', '--entity-type', 'topics', '--entity-name', 'compacted', '--add-config', 'cleanup.policy=compact'])
        await awaitCompacted(broker, 'compacted')
      })
      context.progress(`${Math.round(logMegabytes(broker, 'compacted'))} MB are left`)
      return { compaction: megabytes / seconds }
    }),
  },
  {
    id: 'rebalance',
    rows: ['rebalance-classic', 'rebalance-consumer'],
    // A new group waits for more members by default, which would be most of what is measured.
    run: (context) => withBroker(withSettings(context, { 'group.initial.rebalance.delay.ms': 0 }), async (broker) => {
      const members = String(Math.round(1000 * context.scale))
      const values: Values = {}
      for (const protocol of ['classic', 'consumer']) {
        context.progress(`a group of ${members} new members, ${protocol} protocol`)
        const summary = await load('rebalance', ['--bootstrap', broker.bootstrap, '--topic', 'rebalanced', '--partitions', members, '--members', members, '--protocol', protocol, '--group', protocol])
        values[`rebalance-${protocol}`] = Number(summary['stableSeconds'])
      }
      return values
    }),
  },
  {
    id: 'share',
    needsTools: true,
    rows: ['share'],
    run: (context) => withBroker(context, async (broker) => {
      const count = Math.round(SHARE_RECORDS * context.scale)
      await load('produce', [
        '--bootstrap', broker.bootstrap, '--topic', 'shared', '--partitions', '4', '--connections', '4', '--record-size', String(SHARE_RECORD_SIZE), '--seconds', '120', '--warm-up', '0', '--bytes', String(count * SHARE_RECORD_SIZE),
      ])
      await javaTool(broker.classPath, 'kafka.admin.ConfigCommand', ['--bootstrap-server', broker.bootstrap, '--alter', '--entity-type', 'groups', '--entity-name', 'sharing', '--add-config', 'share.auto.offset.reset=earliest'])
      context.progress(`Kafka's own tool, ${count.toLocaleString('en')} records to two members of a share group`)
      const seconds = await cpuOf(broker, () => javaTool(broker.classPath, 'org.apache.kafka.tools.ShareConsumerPerformance', [
        '--bootstrap-server', broker.bootstrap, '--topic', 'shared', '--group', 'sharing', '--num-records', String(count), '--threads', '2', '--timeout', '60000', '--hide-header',
      ]))
      return { share: count / seconds }
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

function withSettings(context: ScenarioContext, settings: Record<string, string | number>): ScenarioContext {
  return { ...context, setup: { ...context.setup, settings } }
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
