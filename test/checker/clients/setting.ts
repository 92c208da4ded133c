// What every client of the workload is given, and the names they all know.

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerAddress } from '../../support/cluster-client.ts'
import type { Entry } from '../history.ts'

export const EVENTS = 'events'
export const COPIES = 'copies'
export const PARTITION_COUNT = 3
/** Transactions that a killed client left open end after this time. */
export const TRANSACTION_TIMEOUT_MS = 6_000

export type Setting = {
  /** Unique in the whole run; a client that is started again has another name. */
  readonly name: string
  /** Of the part that the client plays; the same again after a restart (a transactional id, a group). */
  readonly identity: string
  readonly bootstrap: readonly BrokerAddress[]
  /** What a writer without sequence numbers asks for; less than all (-1) is a planted fault. */
  readonly acks: number
  /** Whole numbers below a bound, decided by the seed. */
  readonly random: (bound: number) => number
  /** Written before this returns, so that a kill loses nothing that was recorded. */
  record(entry: Entry): void
  /** Whether the workload is over and clients should come to an end. */
  isOver(): boolean
}

/** Each entry is stamped with the time, for those who look into a history and for the faults' own report. */
export function recorder(dir: string, name: string): (entry: Entry) => void {
  const file = join(dir, `${name}.jsonl`)
  return (entry) => appendFileSync(file, `${JSON.stringify({ at: Date.now(), ...entry })}\n`)
}

/** Values that were never used before, by anyone. */
export function valueMaker(name: string): (count: number) => string[] {
  let made = 0
  return (count) => Array.from({ length: count }, () => `${name} ${made++}`)
}

export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
