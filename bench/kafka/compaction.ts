// How far a broker's cleaner has come with a topic of one partition, as its files tell.

import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerSetup } from './brokers.ts'

const PATIENCE_MS = 900_000
const LOOK_MS = 50

export function logMegabytes(setup: BrokerSetup, topic: string): number {
  const dir = partitionDir(setup, topic)
  return segmentsOf(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0) / 1e6
}

/** Resolves once all but the segment that is written to is clean. */
export async function awaitCompacted(setup: BrokerSetup, topic: string): Promise<void> {
  const active = Math.max(...segmentsOf(partitionDir(setup, topic)).map((name) => Number(name.replace('.log', ''))))
  for (const began = Date.now(); cleanTo(setup, topic) < active; ) {
    if (Date.now() - began > PATIENCE_MS) throw new Error(`${topic} is clean up to ${cleanTo(setup, topic)} of ${active} only`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function cleanTo(setup: BrokerSetup, topic: string): number {
  try {
    const lines = readFileSync(join(setup.dir, 'data', 'cleaner-offset-checkpoint'), 'utf8').split('\n')
    return Number(lines.find((line) => line.startsWith(`${topic} 0 `))?.split(' ')[2] ?? 0)
  } catch (error) {
    // Not there before the first pass.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

function partitionDir(setup: BrokerSetup, topic: string): string {
  return join(setup.dir, 'data', `${topic}-0`)
}

function segmentsOf(dir: string): string[] {
  return readdirSync(dir).filter((name) => name.endsWith('.log'))
}
