// Clients of a workload as processes: one for each, so that it can be killed alone, or one for several.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BrokerAddress } from '../support/cluster-client.ts'

export type Part = { readonly role: string; /** Unique in the whole run. */ readonly name: string; /** The same after a restart. */ readonly identity: string }

const MAIN = fileURLToPath(new URL('clients/main.ts', import.meta.url))
/** Clients finish what they are at in this time, or are killed. */
const FAREWELL_MS = 15_000

export function startClients(parts: readonly Part[], bootstrap: readonly BrokerAddress[], seed: number, dir: string, acks = -1): ChildProcess {
  const text = parts.map(({ role, name, identity }) => `${role}:${name}:${identity}`).join(',')
  return spawn(process.execPath, [MAIN, text, bootstrap.map(({ host, port }) => `${host}:${port}`).join(','), String(seed), dir, String(acks)], { stdio: ['ignore', 'inherit', 'inherit'] })
}

/** Waits for the end that a client comes to by itself once the workload is over. */
export async function farewell(client: ChildProcess): Promise<void> {
  if (client.exitCode !== null || client.signalCode !== null) return
  const gone = once(client, 'exit')
  client.kill('SIGCONT')
  const timer = setTimeout(() => client.kill('SIGKILL'), FAREWELL_MS)
  await gone
  clearTimeout(timer)
}
