// As many bytes on each broker: a large replica goes and a smaller one comes back, so that the number of replicas stays.

import type { Assignment, WorkingPartition } from './assignment.ts'
import { meanOf, pairs } from './even-replicas.ts'
import { chooseExchanges } from './exchange.ts'
import type { Exchange, Weighted } from './exchange.ts'
import type { BalancerThresholds } from './plan.ts'

/** Share of what would make it begin that one exchange must bring, so that no end is approached in ever smaller steps. */
export const CHANGE_MIN_SHARE = 0.01

/** Exchanges replicas until brokers differ by half of what would make it begin; nothing where none differ by more. */
export function evenBytes(assignment: Assignment, { imbalance, imbalanceBytes }: BalancerThresholds): boolean {
  const { targets, bytes } = assignment
  const tolerance = Math.max(imbalanceBytes, imbalance * meanOf(targets, bytes))
  const exchangesBetween = (from: number, to: number, size: number): Exchange<WorkingPartition>[] => {
    const countDifference = (assignment.replicaCount[from] ?? 0) - (assignment.replicaCount[to] ?? 0)
    return chooseExchanges(movable(assignment, from, to), movable(assignment, to, from), { size, until: tolerance / 2, changeMin: tolerance * CHANGE_MIN_SHARE, countDifference })
  }
  if (!pairs(targets, bytes, tolerance).some(({ from, to, difference }) => exchangesBetween(from, to, difference).length > 0)) return false
  const stuck = new Set<number>()
  for (;;) {
    const open = pairs(targets, bytes, tolerance / 2).filter(({ from, to }) => !stuck.has(from * assignment.brokers.length + to))
    const [next] = open.sort((a, b) => b.difference - a.difference || a.from - b.from || a.to - b.to)
    if (next === undefined) return true
    const { from, to, difference } = next
    const exchanges = exchangesBetween(from, to, difference)
    for (const { give, take } of exchanges) {
      assignment.move(give, from, to, 'BYTES')
      if (take !== null) assignment.move(take, to, from, 'BYTES')
    }
    if (exchanges.length === 0) stuck.add(from * assignment.brokers.length + to)
    else stuck.clear()
  }
}

function movable(assignment: Assignment, from: number, to: number): Weighted<WorkingPartition>[] {
  const found: Weighted<WorkingPartition>[] = []
  for (const partition of assignment.partitions) if (assignment.mayMove(partition, from, to)) found.push({ item: partition, weight: partition.sizeBytes })
  return found.sort((a, b) => a.weight - b.weight)
}
