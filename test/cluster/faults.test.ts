// Whatever a fault breaks it makes good again, and it says what it did before it is over.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { random } from '../support/random.ts'
import type { ClusterUnderTest, Link } from './cluster-under-test.ts'
import { FAULTS } from './faults.ts'

/** A cluster that only remembers what was done to it. */
class RememberedCluster implements ClusterUnderTest {
  readonly system = 'millrace'
  readonly nodeIds = [1, 2, 3]
  readonly bootstrap = []
  readonly canCutLinks = true
  readonly canFillDisks = true
  readonly stopped = new Set<number>()
  readonly paused = new Set<number>()
  readonly full = new Set<number>()
  readonly cutLinks = new Set<string>()
  /** Nodes that were touched in any way. */
  readonly touched = new Set<number>()

  takeUnexpectedEnds(): string[] {
    return []
  }
  async start(): Promise<void> {}
  async startNode(nodeId: number): Promise<void> {
    this.stopped.delete(nodeId)
  }
  async addBroker(): Promise<number> {
    return 4
  }
  async stopNode(nodeId: number): Promise<void> {
    this.stopped.add(nodeId)
    this.touched.add(nodeId)
  }
  isRunning(nodeId: number): boolean {
    return !this.stopped.has(nodeId)
  }
  pid(): number {
    return 0
  }
  pause(nodeId: number): void {
    this.paused.add(nodeId)
    this.touched.add(nodeId)
  }
  resume(nodeId: number): void {
    this.paused.delete(nodeId)
  }
  cut(links: readonly Link[]): void {
    for (const { from, to } of links) {
      this.cutLinks.add(`${from}>${to}`)
      for (const place of [from, to]) if (place !== 'clients') this.touched.add(place)
    }
  }
  mend(links: readonly Link[]): void {
    for (const { from, to } of links) this.cutLinks.delete(`${from}>${to}`)
  }
  /** This broker ends where its disk is full. */
  fillDisk(nodeId: number): void {
    this.full.add(nodeId)
    this.stopped.add(nodeId)
    this.touched.add(nodeId)
  }
  freeDisk(nodeId: number): void {
    this.full.delete(nodeId)
  }
  async controller(): Promise<number> {
    return 2
  }
  async stop(): Promise<void> {}
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each(FAULTS)('$name', async (fault) => {
  for (let seed = 0; seed < 20; seed++) {
    const cluster = new RememberedCluster()
    const told: string[] = []
    const done = fault.run({ cluster, choose: random(seed), sessionTimeoutMs: 6_000 }, (what) => told.push(what))
    await vi.advanceTimersByTimeAsync(0)
    expect(cluster.touched.size, `seed ${seed}`).toBeGreaterThan(0)
    expect(told.length, `seed ${seed}`).toBeGreaterThan(0)
    await vi.advanceTimersByTimeAsync(60_000)
    await done
    expect([...cluster.stopped, ...cluster.paused, ...cluster.full, ...cluster.cutLinks], `seed ${seed}`).toEqual([])
  }
})

test('the same seed brings the same faults', async () => {
  const tell = async (): Promise<string[]> => {
    const choose = random(7)
    const told: string[] = []
    for (const fault of FAULTS) {
      const done = fault.run({ cluster: new RememberedCluster(), choose, sessionTimeoutMs: 6_000 }, (what) => told.push(what))
      await vi.advanceTimersByTimeAsync(60_000)
      await done
    }
    return told
  }
  expect(await tell()).toEqual(await tell())
})
