// Prometheus metrics in the text format. What grows with the number of partitions is read at most once in ten seconds.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { IntervalHistogram } from 'node:perf_hooks'
import { apiByKey } from '../../protocol/api-keys.ts'
import type { ApiMetrics } from '../../native.ts'
import type { AdminContext } from '../context.ts'
import { route } from '../http/route.ts'
import { findOffsets, LATEST, partitionKey } from '../operations/offsets.ts'
import type { OffsetQuery } from '../operations/offsets.ts'

const SIZES_AGE_MAX_MS = 10_000
/** Every second power of two from 64 µs to 16.8 s: enough to tell where a percentile lies. */
const BUCKETS = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24]

let eventLoopDelay: IntervalHistogram | undefined

export function metricsRoute() {
  let sizes: { atMs: number; lines: Promise<string[]>; endsElsewhere: Promise<ReadonlyMap<string, bigint>> } | undefined
  return route({
    method: 'GET',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'Metrics of this broker for Prometheus.',
    response: 'text/plain; version=0.0.4; charset=utf-8',
    answer: async (context) => {
      const atMs = context.clock.monotonicMs()
      if (sizes === undefined || atMs - sizes.atMs > SIZES_AGE_MAX_MS) sizes = { atMs, lines: logLines(context), endsElsewhere: endsElsewhere(context) }
      return [...trafficLines(context), ...(await sizes.lines), ...groupLines(context, await sizes.endsElsewhere), ...processLines()].join('\n') + '\n'
    },
  })
}

function trafficLines({ dataPlane }: AdminContext): string[] {
  const metrics = dataPlane.metrics()
  return [
    ...metric('millrace_connections', 'gauge', 'Open client connections.', [['', metrics.connectionCount]]),
    ...metric('millrace_connections_accepted_total', 'counter', 'Connections accepted.', [['', metrics.connectionsAccepted]]),
    ...metric('millrace_connections_rejected_total', 'counter', 'Connections turned away at a limit.', [['', metrics.connectionsRejected]]),
    ...metric('millrace_network_bytes_total', 'counter', 'Bytes on client connections.', [['{direction="in"}', metrics.bytesIn], ['{direction="out"}', metrics.bytesOut]]),
    ...metric('millrace_fetch_sessions', 'gauge', 'Incremental fetch sessions.', [['', metrics.fetchSessionCount]]),
    ...metric('millrace_requests_total', 'counter', 'Requests by API.', metrics.apis.map((api) => [labels({ api: apiName(api) }), api.requestCount])),
    ...metric('millrace_request_errors_total', 'counter', 'Requests with an error by API, as far as the data plane sees them.', metrics.apis.map((api) => [labels({ api: apiName(api) }), api.errorCount])),
    ...metric('millrace_request_bytes_total', 'counter', 'Bytes of requests by API.', metrics.apis.map((api) => [labels({ api: apiName(api) }), api.requestBytes])),
    ...metric('millrace_response_bytes_total', 'counter', 'Bytes of responses by API.', metrics.apis.map((api) => [labels({ api: apiName(api) }), api.responseBytes])),
    ...metric('millrace_request_seconds', 'histogram', 'Time from reading a request to sending its response.', metrics.apis.flatMap(histogram)),
    ...metric('millrace_topic_bytes_total', 'counter', 'Bytes of records by topic.', metrics.topics.flatMap(({ name, bytesIn, bytesOut }): Sample[] => [
      [labels({ topic: name, direction: 'in' }), bytesIn],
      [labels({ topic: name, direction: 'out' }), bytesOut],
    ])),
    ...metric('millrace_topic_records_total', 'counter', 'Records written by topic.', metrics.topics.map(({ name, recordsIn }) => [labels({ topic: name }), recordsIn])),
  ]
}

async function logLines({ dataPlane, topics, cluster }: AdminContext): Promise<string[]> {
  const all = topics()
  const sizes = await dataPlane.topicSizes()
  const dirs = dataPlane.logDirs()
  return [
    ...metric('millrace_topics', 'gauge', 'Topics of the cluster.', [['', all.length]]),
    ...metric('millrace_partitions', 'gauge', 'Partitions of the cluster.', [['', all.reduce((sum, { partitionCount }) => sum + partitionCount, 0)]]),
    ...clusterLines(cluster),
    ...metric('millrace_log_bytes', 'gauge', 'Size of the logs by topic.', sizes.map(({ name, bytes }) => [labels({ topic: name }), bytes])),
    ...metric('millrace_log_dir_usable_bytes', 'gauge', 'Free space of the volume of a log directory.', dirs.map(({ path, usableBytes }) => [labels({ path }), Number(usableBytes)])),
    ...metric('millrace_log_dir_failed', 'gauge', '1 for a log directory that cannot be used.', dirs.map(({ path, error }) => [labels({ path }), error === null ? 0 : 1])),
  ]
}

function clusterLines(cluster: AdminContext['cluster']): string[] {
  const health = cluster.health()
  const { shrinks, expands } = cluster.isrChanges()
  const { movesLeft, bytesLeft } = cluster.balancer()
  return [
    ...metric('millrace_active_controller', 'gauge', '1 on the broker that is the active controller.', [['', cluster.isActiveController() ? 1 : 0]]),
    ...metric('millrace_brokers', 'gauge', 'Brokers of the cluster.', [['', health.brokers]]),
    ...metric('millrace_fenced_brokers', 'gauge', 'Brokers of the cluster that are down.', [['', health.fencedBrokers]]),
    ...metric('millrace_draining_brokers', 'gauge', 'Brokers of the cluster that are to hold nothing.', [['', health.drainingBrokers]]),
    ...metric('millrace_under_replicated_partitions', 'gauge', 'Partitions that this broker leads with replicas out of sync.', [['', health.underReplicatedPartitions]]),
    ...metric('millrace_under_min_isr_partitions', 'gauge', 'Partitions that this broker leads with fewer replicas in sync than min.insync.replicas.', [['', health.underMinIsrPartitions]]),
    ...metric('millrace_offline_partitions', 'gauge', 'Partitions of the cluster without a leader; the same on every broker.', [['', health.offlinePartitions]]),
    ...metric('millrace_reassigning_partitions', 'gauge', 'Partitions of the cluster whose replicas move; the same on every broker.', [['', health.reassigningPartitions]]),
    ...metric('millrace_isr_shrinks_total', 'counter', 'Times that a replica of a partition that this broker leads fell out of sync.', [['', shrinks]]),
    ...metric('millrace_isr_expands_total', 'counter', 'Times that one came back.', [['', expands]]),
    ...metric('millrace_balancer_moves_left', 'gauge', 'Moves that the balancer of this broker has yet to make.', [['', movesLeft]]),
    ...metric('millrace_balancer_bytes_left', 'gauge', 'Bytes that the balancer of this broker has yet to move.', [['', bytesLeft]]),
  ]
}

/** Where partitions end that other brokers lead and groups of this one have read; without those that nobody answers for. */
async function endsElsewhere({ caller, groups, leads }: AdminContext): Promise<ReadonlyMap<string, bigint>> {
  const wanted = new Map<string, OffsetQuery>()
  for (const { offsets } of groups()) {
    for (const { topic, partition } of offsets) if (!leads(topic, partition)) wanted.set(partitionKey(topic, partition), { topic, partition, timestampMs: LATEST })
  }
  try {
    const found = await findOffsets(caller, [...wanted.values()])
    return new Map(found.flatMap(({ topic, partition, offset }) => (offset === null ? [] : [[partitionKey(topic, partition), offset]])))
  } catch {
    // Brokers that cannot be reached leave gaps in the lag of groups, and metrics are wanted most when they cannot.
    return new Map()
  }
}

function groupLines({ dataPlane, groups, leads }: AdminContext, elsewhere: ReadonlyMap<string, bigint>): string[] {
  const all = groups()
  const committed = all.flatMap(({ groupId, offsets }) => offsets.map((offset) => ({ groupId, ...offset })))
  const logs = dataPlane.partitionOffsets(committed.map(({ topic, partition }) => ({ topic, partition })))
  const lag = new Map<string, number>()
  committed.forEach(({ groupId, topic, partition, offset }, index) => {
    const end = leads(topic, partition) ? logs[index]?.highWatermark : elsewhere.get(partitionKey(topic, partition))
    const key = labels({ group: groupId, topic })
    if (end !== undefined) lag.set(key, (lag.get(key) ?? 0) + Math.max(0, Number(end - offset)))
  })
  const states = new Map<string, number>()
  for (const { state } of all) states.set(state, (states.get(state) ?? 0) + 1)
  return [
    ...metric('millrace_groups', 'gauge', 'Groups by state.', [...states].map(([state, count]) => [labels({ state }), count])),
    ...metric('millrace_group_lag_records', 'gauge', 'Records between the committed offsets of a group and the end of a topic.', [...lag]),
  ]
}

function processLines(): string[] {
  if (eventLoopDelay === undefined) {
    eventLoopDelay = monitorEventLoopDelay({ resolution: 20 })
    eventLoopDelay.enable()
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return [
    ...metric('millrace_event_loop_delay_seconds', 'gauge', 'Delay of the control plane since metrics were first read.', [
      ['{quantile="0.5"}', eventLoopDelay.percentile(50) / 1e9],
      ['{quantile="0.99"}', eventLoopDelay.percentile(99) / 1e9],
      ['{quantile="1"}', eventLoopDelay.max / 1e9],
    ]),
    ...metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', rss]]),
    ...metric('millrace_heap_bytes', 'gauge', 'Memory of the JavaScript heap in use.', [['', heapUsed]]),
    ...metric('millrace_external_bytes', 'gauge', 'Memory outside of the heap that JavaScript holds.', [['', external]]),
    ...metric('process_cpu_seconds_total', 'counter', 'CPU time of the process.', [['', (user + system) / 1e6]]),
    ...metric('process_uptime_seconds', 'gauge', 'Time since the start of the process.', [['', process.uptime()]]),
  ]
}

type Sample = readonly [labels: string, value: number]

function metric(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, samples: readonly Sample[]): string[] {
  if (samples.length === 0) return []
  // A histogram's samples carry the suffix of their name before the labels.
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([text, value]) => `${name}${text} ${value}`)]
}

function histogram(api: ApiMetrics): Sample[] {
  const name = apiName(api)
  let count = 0
  const cumulative = api.latencyBuckets.map((value) => (count += value))
  const buckets = BUCKETS.map((exponent): Sample => [`_bucket${labels({ api: name, le: String(2 ** exponent / 1e6) })}`, cumulative[exponent] ?? count])
  return [...buckets, [`_bucket${labels({ api: name, le: '+Inf' })}`, count], [`_sum${labels({ api: name })}`, api.latencySumMicros / 1e6], [`_count${labels({ api: name })}`, count]]
}

function apiName({ apiKey }: ApiMetrics): string {
  return apiByKey(apiKey)?.name ?? String(apiKey)
}

function labels(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${value.replaceAll(/["\\\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`)
  return `{${pairs.join(',')}}`
}
