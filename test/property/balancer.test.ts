// The balancer over random clusters: every step is safe, and after a plan there is nothing left to plan.

import { expect, test } from 'vitest'
import type { BalancerState } from '../../src/metadata/balancer/balancer-state.ts'
import { planBalance } from '../../src/metadata/balancer/plan.ts'
import { applyMove, applyMoves, broker, byteCounts, leaderCounts, partition, racksOf, randomState, range, replicaCounts } from '../support/balancer-states.ts'
import { random } from '../support/random.ts'

const THRESHOLDS = { imbalance: 0.1, imbalanceBytes: 0 }
const SEEDS = Array.from({ length: 150 }, (_, seed) => [seed])

const find = ({ partitions }: BalancerState, { topic, partition: index }: { topic: string; partition: number }) => partitions.find((each) => each.topic === topic && each.partition === index)

test.each(SEEDS)('each step keeps the replication factor and the racks, and gives nothing to a broker that drains or is down (seed %i)', (seed) => {
  let state = randomState(seed)
  const { moves } = planBalance(state, THRESHOLDS)
  const unable = new Set(state.brokers.filter(({ available, draining }) => draining || !available).map(({ id }) => id))
  for (const move of moves) {
    const before = find(state, move)
    state = applyMove(state, move)
    const after = find(state, move)
    if (before === undefined || after === undefined) throw new Error('a move is of no partition')
    expect(after.replicas.length).toBe(before.replicas.length)
    expect(new Set(after.replicas).size).toBe(after.replicas.length)
    if (move.kind === 'leadership') {
      expect([...after.replicas].sort()).toEqual([...before.replicas].sort())
      expect(after.replicas[0]).toBe(move.to)
      continue
    }
    expect(before.replicas.includes(move.from) && !before.replicas.includes(move.to)).toBe(true)
    expect(unable.has(move.to)).toBe(false)
    expect(before.moving).toBe(false)
    if (move.reason !== 'DRAIN') expect(racksOf(state, after.replicas)).toBeGreaterThanOrEqual(racksOf(state, before.replicas))
  }
})

test.each(SEEDS)('after a plan nothing is left to plan, and the same state gives the same plan (seed %i)', (seed) => {
  const state = randomState(seed)
  const plan = planBalance(state, THRESHOLDS)
  expect(planBalance(state, THRESHOLDS)).toEqual(plan)
  expect(planBalance(applyMoves(state, plan.moves), THRESHOLDS).moves).toEqual([])
})

test.each(SEEDS)('a replica goes at most once, and never to where another copy of the plan brings it back from (seed %i)', (seed) => {
  const state = randomState(seed)
  const left = new Map<string, Set<number>>()
  for (const move of planBalance(state, THRESHOLDS).moves) {
    if (move.kind !== 'replica') continue
    const key = `${move.topic}-${move.partition}`
    expect(left.get(key)?.has(move.to) ?? false).toBe(false)
    left.set(key, (left.get(key) ?? new Set()).add(move.from))
  }
})

test.each(SEEDS)('a broker that drains holds nothing but what nobody else can take (seed %i)', (seed) => {
  const state = randomState(seed)
  const { moves, blocked } = planBalance(state, THRESHOLDS)
  const after = applyMoves(state, moves)
  const draining = new Set(state.brokers.filter((each) => each.draining).map(({ id }) => id))
  const targetRacks = new Set(state.brokers.filter(({ available, draining }) => available && !draining).map(({ rack }) => rack ?? '')).size
  for (const [index, { replicas }] of after.partitions.entries()) expect(racksOf(state, replicas)).toBeGreaterThanOrEqual(Math.min(racksOf(state, state.partitions[index]?.replicas ?? []), targetRacks))
  const held = after.partitions.filter(({ moving }) => !moving).flatMap(({ topic, partition: index, replicas }) => replicas.filter((id) => draining.has(id)).map((id) => `${topic}-${index}@${id}`))
  expect(held.sort()).toEqual(blocked.map((each) => `${each.topic}-${each.partition}@${each.broker}`).sort())
})

/** Racks of the same size, everything in sync: here all can be even. */
function evenable(seed: number): BalancerState {
  const next = random(seed)
  const rackCount = 1 + next(4)
  const perRack = 1 + next(3)
  const brokers = Array.from({ length: rackCount * perRack }, (_, index) => broker(index + 1, { rack: `r${index % rackCount}` }))
  const replicationFactor = 1 + next(Math.min(3, rackCount))
  const partitions = Array.from({ length: 20 + next(200) }, (_, index) => {
    const free = brokers.slice(0, next(2) === 0 ? brokers.length : Math.max(rackCount, replicationFactor)).map(({ id }) => id)
    const replicas = Array.from({ length: replicationFactor }, () => free.splice(next(free.length), 1)[0] as number)
    return partition(`t${index % 3}`, index, replicas, { sizeBytes: 1_000_000 + next(1_000_000) })
  })
  return { brokers, partitions }
}

test.each(SEEDS)('replicas, leaders and bytes end even over brokers and racks (seed %i)', (seed) => {
  const state = evenable(seed)
  const after = applyMoves(state, planBalance(state, THRESHOLDS).moves)
  const mean = (after.partitions.length * (after.partitions[0]?.replicas.length ?? 0)) / after.brokers.length
  expect(range(replicaCounts(after).values())).toBeLessThanOrEqual(Math.max(1, mean * 0.1))
  const leaders = after.partitions.length / after.brokers.length
  expect(range(leaderCounts(after).values())).toBeLessThanOrEqual(Math.max(1, leaders * 0.1))
  const bytes = [...byteCounts(after).values()]
  const meanBytes = bytes.reduce((sum, each) => sum + each, 0) / bytes.length
  // With few replicas per broker, one more or less is more than the threshold.
  expect(range(bytes)).toBeLessThanOrEqual(meanBytes * 0.1 + 2_000_000)
  const racks = new Set(after.brokers.map(({ rack }) => rack)).size
  for (const { replicas } of after.partitions) expect(racksOf(after, replicas)).toBe(Math.min(replicas.length, racks))
})
