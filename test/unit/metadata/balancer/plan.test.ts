import { expect, test } from 'vitest'
import type { BalancedPartition, BalancerState } from '../../../../src/metadata/balancer/balancer-state.ts'
import { planBalance, planDrain } from '../../../../src/metadata/balancer/plan.ts'
import { nextWave } from '../../../../src/metadata/balancer/wave.ts'
import { applyMoves, broker, byteCounts, leaderCounts, partition, racksOf, range, replicaCounts } from '../../../support/balancer-states.ts'

const THRESHOLDS = { imbalance: 0.1, imbalanceBytes: 1_000_000 }

/** `count` partitions of one topic, laid out one after the other over brokers. */
function laidOut(count: number, brokers: readonly number[], replicationFactor: number, changes: Partial<BalancedPartition> = {}): BalancedPartition[] {
  return Array.from({ length: count }, (_, index) => partition('orders', index, Array.from({ length: replicationFactor }, (_, place) => brokers[(index + place) % brokers.length] as number), changes))
}

test('an even cluster yields no plan', () => {
  expect(planBalance({ brokers: [broker(1), broker(2), broker(3)], partitions: laidOut(9, [1, 2, 3], 2) }, THRESHOLDS)).toEqual({ moves: [], blocked: [] })
})

test('an imbalance below the threshold yields none, one above it is evened out in full', () => {
  const base = laidOut(60, [1, 2, 3], 1)
  const shifted = (count: number): BalancerState => ({ brokers: [broker(1), broker(2), broker(3)], partitions: base.map((each, index) => (each.leader === 1 && index < count * 3 ? partition('orders', each.partition, [2]) : each)) })
  expect(planBalance(shifted(1), THRESHOLDS).moves).toEqual([])
  const plan = planBalance(shifted(3), THRESHOLDS)
  expect(plan.moves.map(({ kind, from, to, reason }) => [kind, from, to, reason])).toEqual(Array(3).fill(['replica', 2, 1, 'REPLICAS']))
})

test('a new broker gets its share, and no replica moves between the others', () => {
  const state = { brokers: [1, 2, 3, 4].map((id) => broker(id)), partitions: laidOut(120, [1, 2, 3], 3, { sizeBytes: 1000 }) }
  const { moves } = planBalance(state, THRESHOLDS)
  const after = applyMoves(state, moves)
  expect([...replicaCounts(after).values()]).toEqual([90, 90, 90, 90])
  expect(range(leaderCounts(after).values())).toBeLessThanOrEqual(1)
  expect(moves.filter(({ kind, to }) => kind === 'replica' && to !== 4)).toEqual([])
})

test('a draining broker is emptied, gets none, and its leaderships are even on the others', () => {
  const state = { brokers: [broker(1, { draining: true }), broker(2), broker(3), broker(4)], partitions: laidOut(40, [1, 2, 3, 4], 2, { sizeBytes: 10 }) }
  const plan = planBalance(state, THRESHOLDS)
  const after = applyMoves(state, plan.moves)
  expect(replicaCounts(after).get(1)).toBe(0)
  expect(range([...replicaCounts(after)].filter(([id]) => id !== 1).map(([, count]) => count))).toBeLessThanOrEqual(1)
  expect(plan.moves[0]).toMatchObject({ kind: 'replica', from: 1, bytes: 10, reason: 'DRAIN' })
})

test('what nobody else can take stays, is told with what to do about it, and is led elsewhere', () => {
  const state = { brokers: [broker(1, { draining: true }), broker(2)], partitions: [partition('t', 0, [1, 2])] }
  const plan = planBalance(state, THRESHOLDS)
  expect(plan.blocked).toEqual([{ topic: 't', partition: 0, broker: 1, reason: expect.stringContaining('add a broker') }])
  expect(plan.moves).toEqual([{ kind: 'leadership', topic: 't', partition: 0, from: 1, to: 2, bytes: 0, reason: 'DRAIN', replicas: [2, 1] }])
})

test('replicas that share a rack move apart; evenness never brings them together', () => {
  const brokers = [broker(1, { rack: 'a' }), broker(2, { rack: 'a' }), broker(3, { rack: 'b' })]
  const together = { brokers, partitions: [partition('t', 0, [1, 2])] }
  expect(planBalance(together, THRESHOLDS).moves).toMatchObject([{ kind: 'replica', from: 2, to: 3, reason: 'RACKS', replicas: [1, 3] }])
  // One broker of rack b has a replica of everything; giving one to a would cost its rack.
  const apart: BalancerState = { brokers, partitions: Array.from({ length: 40 }, (_, index) => partition('t', index, index % 2 === 0 ? [1 + ((index / 2) % 2), 3] : [3, 1 + (((index - 1) / 2) % 2)])) }
  expect(planBalance(apart, THRESHOLDS).moves.filter(({ kind }) => kind === 'replica')).toEqual([])
  for (const { replicas } of applyMoves(apart, planBalance(apart, THRESHOLDS).moves).partitions) expect(racksOf(apart, replicas)).toBe(2)
})

test('bytes become even by exchanges that leave counts as they are', () => {
  const sizes = [900, 800, 700, 600, 10, 10, 10, 10].map((mebibytes) => mebibytes * 1_000_000)
  const state = { brokers: [broker(1), broker(2)], partitions: sizes.map((sizeBytes, index) => partition('t', index, [index < 4 ? 1 : 2], { sizeBytes })) }
  const { moves } = planBalance(state, THRESHOLDS)
  const after = applyMoves(state, moves)
  expect([...replicaCounts(after).values()]).toEqual([4, 4])
  expect(range(byteCounts(after).values())).toBeLessThanOrEqual(200_000_000)
  expect(moves.every(({ reason }) => reason === 'BYTES')).toBe(true)
})

test('leaderships of much traffic are spread', () => {
  const rates = [1000, 1000, 1, 1]
  const partitions = rates.map((bytesInPerSecond, index) => partition('t', index, index < 2 ? [1, 2] : [2, 1], { bytesInPerSecond }))
  const { moves } = planBalance({ brokers: [broker(1), broker(2)], partitions }, THRESHOLDS)
  expect(moves.map(({ kind, from, to, reason }) => [kind, from, to, reason])).toEqual([['leadership', 1, 2, 'LEADERS'], ['leadership', 2, 1, 'LEADERS']])
})

test('leaderships go over several brokers in a row where there is no shorter way', () => {
  const state = { brokers: [broker(1), broker(2), broker(3)], partitions: [...Array.from({ length: 6 }, (_, index) => partition('a', index, [1, 2])), ...Array.from({ length: 3 }, (_, index) => partition('b', index, [2, 3]))] }
  const after = applyMoves(state, planBalance(state, { imbalance: Infinity, imbalanceBytes: Infinity }).moves)
  expect(after).toEqual(state)
  expect([...leaderCounts(applyMoves(state, planBalance({ ...state, partitions: state.partitions }, { imbalance: 0.1, imbalanceBytes: Infinity }).moves)).values()]).toEqual([3, 3, 3])
})

test('a preferred leader takes over again once its broker lacks too many; a broker that is down is left alone', () => {
  const partitions = laidOut(20, [1, 2], 2).map((each) => ({ ...each, leader: 2 }))
  expect(planBalance({ brokers: [broker(1), broker(2)], partitions }, THRESHOLDS).moves.filter(({ to, reason }) => to !== 1 || reason !== 'PREFERRED_LEADER')).toEqual([])
  expect(planBalance({ brokers: [broker(1), broker(2)], partitions }, THRESHOLDS).moves).toHaveLength(10)
  const down = partitions.map((each) => ({ ...each, isr: [2] }))
  expect(planBalance({ brokers: [broker(1, { available: false }), broker(2), broker(3)], partitions: down }, THRESHOLDS).moves).toEqual([])
})

test('a drain alone moves nothing else', () => {
  const state = { brokers: [broker(1, { draining: true }), broker(2), broker(3), broker(4)], partitions: [...laidOut(30, [2], 1), partition('t', 0, [1])] }
  expect(planDrain(state).moves.map(({ topic, from, reason }) => [topic, from, reason])).toEqual([['t', 1, 'DRAIN']])
})

test('a wave takes whole partitions, as many as the limits allow and at least one', () => {
  const state = { brokers: [broker(1), broker(2), broker(3)], partitions: laidOut(9, [1], 1, { sizeBytes: 100 }) }
  const { moves } = planBalance(state, { ...THRESHOLDS, imbalanceBytes: Infinity })
  const sizes = (partitionsMax: number, bytesMax: number): number[] => {
    const found: number[] = []
    for (let rest = [...moves]; rest.length > 0; ) {
      const cut = nextWave(rest, { partitionsMax, bytesMax })
      found.push(cut.wave.targets.length)
      rest = cut.rest
    }
    return found
  }
  expect(moves).toHaveLength(6)
  expect(sizes(4, 10_000)).toEqual([4, 2])
  expect(sizes(10, 250)).toEqual([2, 2, 2])
  expect(sizes(10, 1)).toEqual([1, 1, 1, 1, 1, 1])
})

test('ten thousand partitions on five brokers, two of them new and one that drains, are planned while nobody notices', () => {
  const brokers = [broker(1, { rack: 'a' }), broker(2, { rack: 'b' }), broker(3, { rack: 'c', draining: true }), broker(4, { rack: 'c' }), broker(5, { rack: 'a' })]
  const partitions = Array.from({ length: 10_000 }, (_, index) => partition(`t${index % 1000}`, Math.floor(index / 1000), [1 + (index % 3), 1 + ((index + 1) % 3), 1 + ((index + 2) % 3)], { sizeBytes: ((index * 7919) % 10_007) ** 2, bytesInPerSecond: index % 97 }))
  const before = process.cpuUsage()
  const { moves, blocked } = planBalance({ brokers, partitions }, { imbalance: 0.1, imbalanceBytes: 1e9 })
  const { user, system } = process.cpuUsage(before)
  expect([moves.length > 10_000, blocked]).toEqual([true, []])
  // 0.7 s of CPU; a plan that were quadratic would take minutes.
  expect((user + system) / 1000).toBeLessThan(3000)
})
