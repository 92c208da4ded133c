import { beforeEach, expect, test } from 'vitest'
import { BalancerRunner } from '../../../src/broker/balancer-runner.ts'
import type { BalancerSettings, RunnerCluster } from '../../../src/broker/balancer-runner.ts'
import type { BalancerState } from '../../../src/metadata/balancer/balancer-state.ts'
import { partitionsOf } from '../../../src/metadata/balancer/plan-execution.ts'
import type { PartitionTarget } from '../../../src/metadata/balancer/wave.ts'
import { broker, partition, replicaCounts } from '../../support/balancer-states.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const INTERVAL_MS = 300_000

/** A cluster whose replicas arrive when the test says so. */
class FakeCluster implements RunnerCluster {
  isActive = true
  value: BalancerState
  readonly events: string[] = []
  #arriving: readonly PartitionTarget[] = []

  constructor(value: BalancerState) {
    this.value = value
  }

  isActiveController(): boolean {
    return this.isActive
  }

  async state(): Promise<BalancerState> {
    return this.value
  }

  async current(targets: readonly PartitionTarget[]) {
    return partitionsOf(this.value, targets)
  }

  async throttle(configs: readonly { type: string; name: string; values: Readonly<Record<string, string | null>> }[]): Promise<void> {
    for (const { type, name, values } of configs) this.events.push(`throttle ${type} ${name} ${Object.values(values).join(' ')}`)
  }

  async unthrottle(configs: readonly { type: string; name: string }[]): Promise<void> {
    for (const { type, name } of configs) this.events.push(`unthrottle ${type} ${name}`)
  }

  async reassign(targets: readonly PartitionTarget[]) {
    this.events.push(`reassign ${targets.map(({ topic, partition: index, replicas }) => `${topic}-${index}:[${replicas.join(',')}]`).join(' ')}`)
    this.#arriving = targets
    this.value = { ...this.value, partitions: this.value.partitions.map((each) => (isOne(each, targets) ? { ...each, moving: true } : each)) }
    return []
  }

  async electPreferred(targets: readonly PartitionTarget[]): Promise<void> {
    this.events.push(`elect ${targets.length}`)
  }

  async clearLeftovers(): Promise<void> {
    this.events.push('clear leftovers')
  }

  arrive(): void {
    const partitions = this.value.partitions.map((each) => {
      const target = this.#arriving.find((one) => isOne(each, [one]))
      return target === undefined ? each : { ...each, replicas: target.replicas, isr: target.replicas, leader: target.replicas[0] ?? -1, moving: false }
    })
    this.value = { ...this.value, partitions }
    this.#arriving = []
  }
}

const isOne = (each: { topic: string; partition: number }, targets: readonly PartitionTarget[]): boolean => targets.some(({ topic, partition: index }) => topic === each.topic && index === each.partition)

const SETTINGS: BalancerSettings = { enabled: true, intervalMs: INTERVAL_MS, thresholds: { imbalance: 0.1, imbalanceBytes: 1 }, partitionsMax: 2, bytesMax: 1000, bytesPerSecond: 77 }

let clock: ManualClock
let cluster: FakeCluster
let settings: BalancerSettings
let runner: BalancerRunner

beforeEach(() => {
  clock = new ManualClock()
  // Everything on broker 1; broker 2 is new.
  cluster = new FakeCluster({ brokers: [broker(1), broker(2)], partitions: Array.from({ length: 8 }, (_, index) => partition('t', index, [1], { sizeBytes: 10 })) })
  settings = SETTINGS
  runner = new BalancerRunner({ cluster, settings: () => settings, timers: clock, logger: { debug() {}, info() {}, warn() {}, error() {} } })
  runner.start()
})

/** Lets time pass and what it set off come to its end. */
async function pass(durationMs: number): Promise<void> {
  clock.advance(durationMs)
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

test('waves follow one another, each throttled, waited for, and its throttle taken away', async () => {
  await pass(INTERVAL_MS)
  expect(cluster.events).toEqual([
    'clear leftovers',
    'throttle topic t 0:1,1:1 0:2,1:2',
    'throttle broker 1 77 77',
    'throttle broker 2 77 77',
    'reassign t-0:[2] t-1:[2]',
  ])
  cluster.events.length = 0
  await pass(10_000)
  expect(cluster.events).toEqual([])
  expect(runner.progress).toEqual({ movesDone: 0, movesLeft: 4, bytesLeft: 40 })
  cluster.arrive()
  await pass(1000)
  expect(cluster.events.slice(0, 4)).toEqual(['unthrottle topic t', 'unthrottle broker 1', 'unthrottle broker 2', 'elect 2'])
  expect(cluster.events.at(-1)).toBe('reassign t-2:[2] t-3:[2]')
  cluster.arrive()
  await pass(1000)
  expect([...replicaCounts(cluster.value).values()]).toEqual([4, 4])
  expect(runner.progress).toBeNull()
  cluster.events.length = 0
  await pass(INTERVAL_MS * 3)
  expect(cluster.events).toEqual([])
})

test('only the active controller acts, and one that has become it clears up first', async () => {
  cluster.isActive = false
  await pass(INTERVAL_MS)
  expect(cluster.events).toEqual([])
  cluster.isActive = true
  // What the controller before has begun is waited for.
  cluster.value = { ...cluster.value, partitions: cluster.value.partitions.map((each, index) => ({ ...each, moving: index === 0 })) }
  await pass(INTERVAL_MS)
  expect(cluster.events).toEqual([])
  cluster.value = { ...cluster.value, partitions: cluster.value.partitions.map((each) => ({ ...each, moving: false })) }
  await pass(INTERVAL_MS)
  expect(cluster.events[0]).toBe('clear leftovers')
})

test('a controller that is no longer active begins no further wave', async () => {
  await pass(INTERVAL_MS)
  cluster.isActive = false
  cluster.arrive()
  cluster.events.length = 0
  await pass(INTERVAL_MS)
  expect([cluster.events, runner.progress]).toEqual([[], null])
})

test('switched off it moves nothing for evenness, but empties a broker that drains, at once', async () => {
  settings = { ...SETTINGS, enabled: false }
  await pass(INTERVAL_MS)
  expect(cluster.events).toEqual(['clear leftovers'])
  cluster.value = { ...cluster.value, brokers: [broker(1, { draining: true }), broker(2)] }
  runner.onBrokersChanged()
  for (let wave = 0; wave < 4; wave++) {
    await pass(1000)
    cluster.arrive()
  }
  await pass(1000)
  expect([...replicaCounts(cluster.value).values()]).toEqual([0, 8])
})

test('brokers that change while a plan is carried out make it end after its wave, and a new one follows', async () => {
  await pass(INTERVAL_MS)
  cluster.value = { ...cluster.value, brokers: [broker(1), broker(2, { draining: true }), broker(3)] }
  runner.onBrokersChanged()
  cluster.arrive()
  cluster.events.length = 0
  await pass(1000)
  expect(cluster.events.at(-1)).toBe('elect 2')
  await pass(1000)
  expect(cluster.events.at(-1)).toBe('reassign t-0:[3] t-1:[3]')
})

test('a partition that changed since it was planned is left to the next plan', async () => {
  await pass(INTERVAL_MS)
  cluster.arrive()
  // Somebody moved t-2 meanwhile, and t-3 has lost its leader.
  cluster.value = { ...cluster.value, partitions: cluster.value.partitions.map((each, index) => (index === 2 ? partition('t', 2, [2]) : index === 3 ? { ...each, leader: -1, isr: [] } : each)) }
  cluster.events.length = 0
  await pass(1000)
  expect(cluster.events.filter((event) => event.startsWith('reassign'))).toEqual([])
  await pass(1000)
  await pass(1000)
  expect(cluster.events.filter((event) => event.startsWith('reassign'))).toEqual(['reassign t-4:[2]'])
})

test('what fails is tried again, and a wave that was begun keeps its throttle known', async () => {
  const { reassign } = cluster
  cluster.reassign = () => Promise.reject(new Error('not now'))
  await pass(INTERVAL_MS)
  expect(cluster.events).toContain('throttle broker 1 77 77')
  cluster.reassign = reassign
  cluster.events.length = 0
  await pass(10_000)
  expect(cluster.events).toContain('unthrottle broker 1')
})
