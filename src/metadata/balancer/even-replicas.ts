// As many replicas on each broker, as far as racks allow.

import type { Assignment, WorkingPartition } from './assignment.ts'

/** Moves replicas until no two brokers differ by more than one; nothing where none differ by more than the threshold. */
export function evenReplicas(assignment: Assignment, threshold: number): boolean {
  const { targets, replicaCount } = assignment
  const mean = meanOf(targets, replicaCount)
  const tolerance = Math.max(1, threshold * mean)
  const exceeds = pairs(targets, replicaCount, tolerance).some(({ from, to }) => assignment.partitions.some((partition) => assignment.mayMove(partition, from, to)))
  if (!exceeds) return false
  const stuck = new Set<number>()
  let hasMoved = false
  let movedSinceLook = false
  for (;;) {
    // First only what brings both brokers nearer to the mean: so no replica moves that need not.
    const open = pairs(targets, replicaCount, 1).filter(({ from, to }) => !stuck.has(from * assignment.brokers.length + to))
    const [next] = open.map((pair) => ({ ...pair, count: towardsMean(pair, replicaCount, mean) })).sort((a, b) => b.count - a.count || b.difference - a.difference || a.from - b.from || a.to - b.to)
    if (next === undefined) {
      if (!movedSinceLook) return hasMoved
      // What moved meanwhile may have made room between brokers that were stuck.
      stuck.clear()
      movedSinceLook = false
    } else if (moveBetween(assignment, next.from, next.to, next.count > 0 ? next.count : Math.floor(next.difference / 2), mean) > 0) {
      hasMoved = true
      movedSinceLook = true
    } else stuck.add(next.from * assignment.brokers.length + next.to)
  }
}

export function meanOf(targets: readonly number[], loads: Int32Array | Float64Array): number {
  return targets.reduce((sum, place) => sum + (loads[place] ?? 0), 0) / Math.max(1, targets.length)
}

export type Pair = { readonly from: number; readonly to: number; readonly difference: number }

/** Brokers of which one has more than the other by more than `tolerance`. */
export function pairs(targets: readonly number[], loads: Int32Array | Float64Array, tolerance: number): Pair[] {
  const found: Pair[] = []
  for (const from of targets) {
    for (const to of targets) {
      const difference = (loads[from] ?? 0) - (loads[to] ?? 0)
      if (difference > tolerance) found.push({ from, to, difference })
    }
  }
  return found
}

function towardsMean({ from, to }: Pair, replicaCount: Int32Array, mean: number): number {
  return Math.min((replicaCount[from] ?? 0) - Math.ceil(mean), Math.floor(mean) - (replicaCount[to] ?? 0))
}

/** Moves up to `count` replicas; those of topics that the one broker has most more of than the other go first. */
function moveBetween(assignment: Assignment, from: number, to: number, count: number, mean: number): number {
  const candidates = assignment.partitions.filter((partition) => assignment.mayMove(partition, from, to))
  const meanBytes = meanOf(assignment.targets, assignment.bytes)
  const bytes = Math.max(0, Math.min((assignment.bytes[from] ?? 0) - meanBytes, meanBytes - (assignment.bytes[to] ?? 0)))
  const surplus = (topic: number): number => assignment.topicReplicas(from, topic) - assignment.topicReplicas(to, topic)
  const chosen = chooseByTopic(candidates, count, surplus, bytes / Math.max(1, Math.min(count, mean)))
  for (const partition of chosen) assignment.move(partition, from, to, 'REPLICAS')
  return chosen.length
}

/**
 * Chooses so that topics end up spread: each time one of the topic with the largest surplus, which by that gets smaller
 * by two. Within a topic the one whose size is nearest to what is wanted.
 */
export function chooseByTopic(candidates: readonly WorkingPartition[], count: number, surplus: (topic: number) => number, wantedBytes: number): WorkingPartition[] {
  const byTopic = new Map<number, WorkingPartition[]>()
  for (const candidate of candidates) {
    const list = byTopic.get(candidate.topic)
    if (list === undefined) byTopic.set(candidate.topic, [candidate])
    else list.push(candidate)
  }
  const ranked: { partition: WorkingPartition; rank: number; distance: number }[] = []
  for (const [topic, list] of byTopic) {
    const first = surplus(topic)
    const near = list.map((partition) => ({ partition, distance: Math.abs(partition.sizeBytes - wantedBytes) })).sort((a, b) => a.distance - b.distance)
    for (const [index, { partition, distance }] of near.entries()) ranked.push({ partition, rank: first - 2 * index, distance })
  }
  return ranked.sort((a, b) => b.rank - a.rank || a.distance - b.distance).slice(0, count).map(({ partition }) => partition)
}
