// Clients of all kinds against one broker, all of them killed and paused at random moments; in the end the broker is asked
// for everything it holds. What is right about it is not decided here.

import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '../support/random.ts'
import type { KillableBroker } from './brokers.ts'
import { farewell, startClients } from './client-processes.ts'
import { after } from './clients/setting.ts'
import { createTopics, readEverything } from './topics.ts'

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

export async function runWorkload(options: WorkloadOptions): Promise<WorkloadOutcome> {
  const { broker, port, dir, progress } = options
  const choose = random(options.seed)
  await broker.start()
  const bootstrap = [{ host: '127.0.0.1', port }]
  await createTopics(bootstrap, 1)
  let started = 0
  const start = (part: number): ChildProcess => {
    const name = `${PARTS[part]}-${part}-${started++}`
    return startClients([{ role: PARTS[part] ?? '', name, identity: `part-${part}` }], bootstrap, options.seed + started, dir)
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
  const hanging = await readEverything(bootstrap, dir)
  await broker.kill('TERM')
  return { ...counts, hanging }
}

function nextAfter(choose: (bound: number) => number, averageMs: number): number {
  return averageMs === 0 ? Infinity : performance.now() + choose(2 * averageMs)
}
