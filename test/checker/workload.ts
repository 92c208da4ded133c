// Clients of all kinds against one broker, all of them killed and paused at random moments; in the end the broker is asked
// for everything it holds. What is right about it is not decided here.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { random } from '../support/random.ts'
import { WireClient } from '../support/wire-client.ts'
import type { KillableBroker } from './brokers.ts'
import { COPIES, EVENTS, PARTITION_COUNT, after, recorder } from './clients/setting.ts'
import { poll } from './log-reader.ts'

export type WorkloadOptions = {
  readonly broker: KillableBroker
  readonly port: number
  readonly seed: number
  readonly durationMs: number
  /** Every client's history goes here. */
  readonly dir: string
  /** Average time between two kills of the broker; 0 for none. */
  readonly brokerKillMs: number
  /** Average time between two kills or pauses of a client. */
  readonly clientKillMs: number
  progress(line: string): void
}

export type WorkloadOutcome = { readonly brokerKills: number; readonly clientKills: number; readonly pauses: number; /** Partitions whose transactions did not all end. */ readonly hanging: readonly string[] }

const PARTS = ['kafkajs-plain', 'kafkajs-plain', 'kafkajs-transactional', 'kafkajs-transactional', 'wire-transactional', 'wire-transactional', 'wire-copier', 'wire-reader', 'kafkajs-reader']
const CLIENT = fileURLToPath(new URL('clients/main.ts', import.meta.url))
/** Clients finish what they are at in this time, or are killed. */
const FAREWELL_MS = 15_000
/** Longer than the time-out of a transaction that a killed client left open. */
const ALL_ENDED_MS = 30_000

export async function runWorkload(options: WorkloadOptions): Promise<WorkloadOutcome> {
  const { broker, port, dir, progress } = options
  const choose = random(options.seed)
  await broker.start()
  await createTopics(port)
  let started = 0
  const start = (part: number): ChildProcess => {
    const name = `${PARTS[part]}-${part}-${started++}`
    return spawn(process.execPath, [CLIENT, PARTS[part] ?? '', name, `part-${part}`, String(port), String(options.seed + started), dir], { stdio: ['ignore', 'inherit', 'inherit'] })
  }
  const clients = PARTS.map((_, part) => start(part))
  /** Paused clients, each beside the one that took its part over. */
  const paused: ChildProcess[] = []
  const counts = { brokerKills: 0, clientKills: 0, pauses: 0 }
  const endMs = performance.now() + options.durationMs
  let brokerMs = nextAfter(choose, options.brokerKillMs)
  let clientMs = nextAfter(choose, options.clientKillMs)
  let reportMs = performance.now() + 30_000
  while (performance.now() < endMs) {
    await after(50)
    const now = performance.now()
    if (now >= reportMs) {
      reportMs = now + 30_000
      progress(`${Math.round((endMs - now) / 1_000)} s to go: broker killed ${counts.brokerKills} times, clients killed ${counts.clientKills} and paused ${counts.pauses} times`)
    }
    if (now >= brokerMs) {
      await broker.kill('KILL')
      await after(choose(300))
      await broker.start()
      counts.brokerKills++
      brokerMs = nextAfter(choose, options.brokerKillMs)
    }
    if (now >= clientMs) {
      clientMs = nextAfter(choose, options.clientKillMs)
      const part = choose(PARTS.length)
      const client = clients[part]
      // A paused client comes back as a zombie, after another took its part over; readers would only rebalance.
      const pause = choose(3) === 0 && !(PARTS[part] ?? '').endsWith('reader')
      if (pause && client !== undefined && paused.length < 3) {
        client.kill('SIGSTOP')
        paused.push(client)
        counts.pauses++
        clients[part] = start(part)
        setTimeout(() => client.kill('SIGCONT'), choose(6_000)).unref()
        setTimeout(() => {
          client.kill('SIGKILL')
          paused.splice(paused.indexOf(client), 1)
        }, 12_000).unref()
      } else if (client !== undefined) {
        client.kill('SIGKILL')
        counts.clientKills++
        clients[part] = start(part)
      }
    }
  }
  writeFileSync(join(dir, 'over'), '')
  await Promise.all([...clients, ...paused].map(farewell))
  const hanging = await readEverything(port, dir)
  await broker.kill('TERM')
  return { ...counts, hanging }
}

function nextAfter(choose: (bound: number) => number, averageMs: number): number {
  return averageMs === 0 ? Infinity : performance.now() + choose(2 * averageMs)
}

async function farewell(client: ChildProcess): Promise<void> {
  if (client.exitCode !== null || client.signalCode !== null) return
  const gone = once(client, 'exit')
  client.kill('SIGCONT')
  const timer = setTimeout(() => client.kill('SIGKILL'), FAREWELL_MS)
  await gone
  clearTimeout(timer)
}

async function createTopics(port: number): Promise<void> {
  const client = await WireClient.connect(port)
  const topics = [EVENTS, COPIES].map((name) => ({ name, numPartitions: PARTITION_COUNT, replicationFactor: 1 }))
  const answer = await client.call('CreateTopics', 5, { topics, timeoutMs: 10_000 })
  client.close()
  const failed = answer.topics.find(({ errorCode }) => errorCode !== 0)
  if (failed !== undefined) throw new Error(`topic ${failed.name} could not be made: ${failed.errorCode}`)
}

/** Records what every partition holds; the partitions where some transaction does not end. */
async function readEverything(port: number, dir: string): Promise<string[]> {
  const record = recorder(dir, 'final')
  const client = await WireClient.connect(port)
  const hanging: string[] = []
  for (const topic of [EVENTS, COPIES]) {
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      const deadlineMs = performance.now() + ALL_ENDED_MS
      for (;;) {
        const { lastStableOffset, highWatermark } = await poll(client, topic, partition, 0n, true)
        if (lastStableOffset === highWatermark) break
        if (performance.now() > deadlineMs) {
          hanging.push(`${topic}-${partition}: last stable offset ${lastStableOffset}, high watermark ${highWatermark}`)
          break
        }
        await after(200)
      }
      for (const committed of [false, true]) {
        const records: [number, string][] = []
        for (let offset = 0n; ; ) {
          const polled = await poll(client, topic, partition, offset, committed)
          records.push(...polled.records)
          if (polled.nextOffset === offset) break
          offset = polled.nextOffset
        }
        record({ type: 'final', committed, topic, partition, records })
      }
    }
  }
  client.close()
  return hanging
}
