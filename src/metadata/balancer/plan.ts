// The balancer's decision: which replicas and leaderships move so that replicas, bytes and leaders are even over brokers.
//
// What holds at every step of a plan: a partition has as many replicas as before, and they stand in no fewer racks, nor
// less evenly in them. Only a broker that drains may leave less behind, where the racks that remain offer no more.
//
// Why it comes to rest: nothing moves while all differences are within the threshold. Where one is not, each change must
// lower the sum of squares of what it is for, and none that comes before it in the order drain, racks, replicas, bytes,
// leaders may get worse by it. So a plan is finite, nothing goes back, and after it there is nothing left to plan.

import { Assignment } from './assignment.ts'
import type { BalancerState } from './balancer-state.ts'
import { drain, spreadOverRacks } from './duties.ts'
import type { BlockedReplica } from './duties.ts'
import { evenBytes } from './even-bytes.ts'
import { evenLeaders, evenLeaderRates } from './even-leaders.ts'
import { evenReplicas } from './even-replicas.ts'
import { movesOf } from './moves.ts'
import type { Move } from './moves.ts'

export type BalancerThresholds = {
  /** Share of the mean that brokers may differ by before anything is moved. */
  readonly imbalance: number
  /** Bytes that brokers may differ by whatever the share. */
  readonly imbalanceBytes: number
}

export type Plan = {
  /** In the order in which they are to be made; all of a partition stand together. */
  readonly moves: readonly Move[]
  /** Replicas of draining brokers that no other broker can take. */
  readonly blocked: readonly BlockedReplica[]
}

/** Rounds of racks, replicas and bytes; each works on what the one before made possible, and one or two is what it takes. */
const ROUNDS_MAX = 20

export function planBalance(state: BalancerState, thresholds: BalancerThresholds): Plan {
  const assignment = new Assignment(state)
  const blocked = drain(assignment)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const changes = [spreadOverRacks(assignment), evenReplicas(assignment, thresholds.imbalance), evenBytes(assignment, thresholds)]
    if (!changes.includes(true)) break
  }
  evenLeaders(assignment, thresholds.imbalance)
  evenLeaderRates(assignment, thresholds.imbalance)
  return { moves: movesOf(assignment, thresholds.imbalance), blocked }
}

/** Only what empties brokers that drain. */
export function planDrain(state: BalancerState): Plan {
  const assignment = new Assignment(state)
  const blocked = drain(assignment)
  return { moves: movesOf(assignment, Infinity), blocked }
}
