// What is done to a cluster of three brokers on this machine, each scenario on fresh data directories.

import { mkdirSync, rmSync } from 'node:fs'
import { ClusterAdmin, untilInSync, untilServed } from '../../test/cluster/cluster-admin.ts'
import type { ClusterUnderTest } from '../../test/cluster/cluster-under-test.ts'
import { clusterOf } from '../../test/cluster/clusters.ts'
import { failOver, prepareFailOver } from '../../test/cluster/fail-over.ts'
import { LoopbackHosts } from '../../test/cluster/hosts.ts'
import { javaTool } from './clients.ts'
import type { Scenario, ScenarioContext, Values } from './scenarios.ts'
import { cpuSeconds, residentMegabytes } from './usage.ts'

const RECORD_SIZE = 1_000
/** Bytes of record values, before they are replicated. */
const WRITTEN_BYTES = 1_300_000_000
const PARTITIONS = 6
const FAIL_OVER_PARTITIONS = 100
const PARTITIONS_MANY = 10_000
const TOPICS_MANY = 10
const READY_MS = 300_000

export const CLUSTER_SCENARIOS: readonly Scenario[] = [
  {
    id: 'cluster-load',
    rows: ['cluster-cpu', 'cluster-memory'],
    run: (context) => withCluster(context, async (cluster) => {
      const count = Math.round((WRITTEN_BYTES * context.scale) / RECORD_SIZE)
      const gigabytes = (count * RECORD_SIZE) / 1e9
      const admin = new ClusterAdmin(cluster.bootstrap)
      await admin.createTopic('replicated', PARTITIONS)
      admin.close()
      await inSync(cluster, ['replicated'])
      context.progress(`Kafka's own producer, ${RECORD_SIZE} B records, ${gigabytes.toFixed(1)} GB to three replicas`)
      const before = total(cluster, cpuSeconds)
      await javaTool(context.setup.classPath, 'org.apache.kafka.tools.ProducerPerformance', [
        '--bootstrap-server', bootstrapOf(cluster), '--topic', 'replicated', '--num-records', String(count), '--record-size', String(RECORD_SIZE), '--throughput', '-1', '--command-property', 'acks=all',
      ])
      await inSync(cluster, ['replicated'])
      return { 'cluster-cpu': (total(cluster, cpuSeconds) - before) / gigabytes, 'cluster-memory': total(cluster, residentMegabytes) }
    }),
  },
  {
    id: 'cluster-fail-over',
    rows: ['cluster-fail-over'],
    run: (context) => withCluster(context, async (cluster) => {
      await prepareFailOver(cluster, FAIL_OVER_PARTITIONS)
      context.progress(`kill -9 of a leader, ${FAIL_OVER_PARTITIONS} partitions`)
      const { ledMs, followedMs } = await failOver(cluster, false)
      return { 'cluster-fail-over': Math.max(...ledMs, ...followedMs) / 1_000 }
    }),
  },
  {
    id: 'cluster-many-partitions',
    rows: ['cluster-create-10000', 'cluster-fail-over-10000', 'cluster-restart-10000'],
    run: (context) => withCluster(context, async (cluster) => {
      const perTopic = Math.round((PARTITIONS_MANY * context.scale) / TOPICS_MANY)
      const topics = Array.from({ length: TOPICS_MANY }, (_, index) => `many-${index}`)
      context.progress(`${perTopic * TOPICS_MANY} partitions x 3`)
      const created = await secondsOf(async () => {
        const admin = new ClusterAdmin(cluster.bootstrap, READY_MS)
        for (const topic of topics) await admin.createTopic(topic, perTopic, READY_MS)
        admin.close()
        await untilServed(cluster.bootstrap, topics, READY_MS)
      })
      await inSync(cluster, topics)
      const controller = await cluster.controller()
      const victim = cluster.nodeIds.find((node) => node !== controller) ?? controller
      const survivors = cluster.bootstrap.filter((_, index) => cluster.nodeIds[index] !== victim)
      context.progress('kill -9 of one broker')
      const failedOver = await secondsOf(async () => {
        await cluster.stopNode(victim, 'KILL')
        await untilServed(survivors, topics, READY_MS, victim)
      })
      context.progress('start of that broker')
      const restarted = await secondsOf(async () => {
        await cluster.startNode(victim)
        await inSync(cluster, topics)
      })
      return { 'cluster-create-10000': created, 'cluster-fail-over-10000': failedOver, 'cluster-restart-10000': restarted }
    }),
  },
]

async function withCluster({ setup, progress }: ScenarioContext, run: (cluster: ClusterUnderTest) => Promise<Values>): Promise<Values> {
  rmSync(setup.dir, { recursive: true, force: true })
  mkdirSync(setup.dir, { recursive: true })
  const cluster = clusterOf(setup.kind, { hosts: LoopbackHosts.from(setup.port), dir: setup.dir, settings: {} }, true, progress)
  try {
    await cluster.start()
    return await run(cluster)
  } finally {
    for (const end of cluster.takeUnexpectedEnds()) progress(end)
    await cluster.stop()
  }
}

async function inSync(cluster: ClusterUnderTest, topics: readonly string[]): Promise<void> {
  const missing = await untilInSync(cluster.bootstrap, topics, READY_MS)
  if (missing.length > 0) throw new Error(`not in sync after ${READY_MS / 1_000} s: ${missing.length} partitions, ${missing.slice(0, 3).join('; ')}`)
}

function total(cluster: ClusterUnderTest, of: (pid: number) => number): number {
  return cluster.nodeIds.reduce((sum, node) => sum + of(cluster.pid(node)), 0)
}

function bootstrapOf(cluster: ClusterUnderTest): string {
  return cluster.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return (performance.now() - beganMs) / 1_000
}
