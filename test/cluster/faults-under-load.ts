// A cluster of three under clients of all kinds, with one fault after another; then everything is made good, and the whole
// history is judged.

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkHistory } from '../checker/check-history.ts'
import { farewell, startClients } from '../checker/client-processes.ts'
import type { Part } from '../checker/client-processes.ts'
import { readHistory } from '../checker/history.ts'
import { TOPICS, createTopics, readEverything, readReplicas } from '../checker/topics.ts'
import { random } from '../support/random.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { untilInSync } from './cluster-admin.ts'
import type { ClusterUnderTest } from './cluster-under-test.ts'
import type { FaultKind } from './faults.ts'

export type FaultsOptions = {
  readonly cluster: ClusterUnderTest
  readonly seed: number
  readonly durationMs: number
  /** Those that the cluster's hosts allow. */
  readonly faults: readonly FaultKind[]
  readonly sessionTimeoutMs: number
  /** Histories go to a directory in it. */
  readonly dir: string
  /** Of plain writers; all but -1 is a planted fault. */
  readonly acks: number
  readonly topicConfigs: Readonly<Record<string, string>>
  progress(line: string): void
}

export type FaultsOutcome = { readonly faults: number; readonly acknowledged: number; readonly read: number; readonly problems: readonly string[] }

/** Processes are few: the machine is for the brokers. */
const PROCESSES: readonly (readonly string[])[] = [
  ['wire-plain', 'wire-idempotent', 'wire-transactional', 'wire-copier', 'offset-keeper'],
  ['kafkajs-plain', 'kafkajs-transactional'],
  ['wire-reader', 'wire-reader-all'],
  ['kafkajs-reader'],
]
/** Time between two faults; some follow each other at once. */
const CALM_MS_MAX = 8_000
/** All replicas are in sync again after this time without faults. */
const RECOVERY_MS = 120_000

export async function faultsUnderLoad(options: FaultsOptions): Promise<FaultsOutcome> {
  const { cluster, seed, dir, progress } = options
  const histories = join(dir, 'histories')
  mkdirSync(histories, { recursive: true })
  const choose = random(seed)
  const beganMs = Date.now()
  await cluster.start()
  progress(`${cluster.system} runs after ${seconds(Date.now() - beganMs)}`)
  await createTopics(cluster.bootstrap, -1, options.topicConfigs)
  const problems = await untilInSync(cluster.bootstrap, TOPICS, RECOVERY_MS)
  const clients = PROCESSES.map((roles, index) => startClients(roles.map((role, at): Part => ({ role, name: `${role}-${index}-${at}`, identity: `part-${index}-${at}` })), cluster.bootstrap, seed + 100 * index, histories, options.acks))
  const watch = new Acknowledgements(histories)
  const firstMs = Date.now()
  await firstAcknowledgement(watch)
  progress(`first acknowledgement after ${seconds(Date.now() - firstMs)}; faults begin`)

  const endMs = Date.now() + options.durationMs
  let count = 0
  for (; Date.now() < endMs; count++) {
    const fault = options.faults[choose(options.faults.length)]
    if (fault === undefined) break
    const since = Date.now()
    const told: string[] = []
    await fault.run({ cluster, choose, sessionTimeoutMs: options.sessionTimeoutMs }, (what) => told.push(what))
    const lastedMs = Date.now() - since
    await after(choose(3) === 0 ? 0 : choose(CALM_MS_MAX))
    const { batches, longestSilenceMs } = watch.take(since, Date.now())
    progress(`${clock(endMs)} left  ${fault.name}: ${told.join('; ')} (${seconds(lastedMs)}) | ${batches} batches acknowledged until the next, longest silence ${seconds(longestSilenceMs)}`)
  }

  writeFileSync(join(histories, 'over'), '')
  await Promise.all(clients.map(farewell))
  for (const node of cluster.nodeIds) await cluster.startNode(node)
  progress('faults and clients are over; waiting for all replicas, then reading everything')
  problems.push(...(await untilInSync(cluster.bootstrap, TOPICS, RECOVERY_MS)).map((each) => `not in sync ${RECOVERY_MS / 1_000} s after the last fault: ${each}`))
  problems.push(...(await readEverything(cluster.bootstrap, histories)).map((each) => `hanging: ${each}`))
  const brokers = new Map(cluster.nodeIds.map((node, index) => [node, cluster.bootstrap[index] ?? { host: '', port: 0 }]))
  problems.push(...(await readReplicas(brokers, histories)).map((each) => `unread: ${each}`))
  problems.push(...cluster.takeUnexpectedEnds())

  const entries = readHistory(histories)
  problems.push(...checkHistory(entries).map(({ rule, message }) => `${rule}: ${message}`))
  const records = (type: string): number => entries.reduce((sum, entry) => sum + (entry.type === type && 'values' in entry ? entry.values.length : entry.type === type && 'records' in entry ? entry.records.length : 0), 0)
  progress(`${records('send')} records sent, ${records('acknowledged')} acknowledged, ${records('polled')} read; histories of ${(sizeOf(histories) / 1e6).toFixed(1)} MB`)
  return { faults: count, acknowledged: records('acknowledged'), read: records('polled'), problems }
}

async function firstAcknowledgement(watch: Acknowledgements): Promise<void> {
  for (let tries = 0; tries < 1_200; tries++) {
    if (watch.take(Date.now(), Date.now()).batches > 0) return
    await after(50)
  }
  throw new Error('nothing was acknowledged in a minute without faults')
}

function sizeOf(dir: string): number {
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

function clock(endMs: number): string {
  const left = Math.max(0, Math.round((endMs - Date.now()) / 1_000))
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
}

/** The only waiting here: load without a fault, and looks at the histories. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
