// What lies between where replicas are and where the balancer wants them, as moves in an order that is safe at each step.

import type { Assignment, MoveReason, WorkingPartition } from './assignment.ts'

/** A replica is copied to one broker and then dropped from another. */
export type ReplicaMove = {
  readonly kind: 'replica'
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
  /** To be copied; 0 where the size is not known. */
  readonly bytes: number
  readonly reason: MoveReason
  /** All replicas after this move, the preferred leader first. */
  readonly replicas: readonly number[]
}

/** Another replica leads. */
export type LeadershipMove = Omit<ReplicaMove, 'kind' | 'bytes'> & { readonly kind: 'leadership'; readonly bytes: 0 }

export type Move = ReplicaMove | LeadershipMove

/** What is urgent comes first. */
const ORDER: readonly MoveReason[] = ['DRAIN', 'RACKS', 'REPLICAS', 'BYTES', 'LEADERS', 'PREFERRED_LEADER']

/**
 * One move for each replica that is elsewhere in the end, however often it was moved while planning. A preferred leader
 * that only has to take over again does so where its broker lacks more than the share `threshold` of its leaderships.
 */
export function movesOf(assignment: Assignment, threshold: number): Move[] {
  const lacking = brokersThatLackLeaderships(assignment, threshold)
  const groups: Move[][] = []
  for (const partition of assignment.partitions) {
    const moves = movesOfPartition(assignment, partition, lacking)
    if (moves.length > 0) groups.push(moves)
  }
  const rank = ([first]: readonly Move[]): number => ORDER.indexOf(first?.reason ?? 'LEADERS')
  return groups.sort((a, b) => rank(a) - rank(b)).flat()
}

function movesOfPartition(assignment: Assignment, partition: WorkingPartition, lacking: ReadonlySet<number>): Move[] {
  const { given, before: start, replicas } = partition
  const idOf = (place: number): number => assignment.brokers[place]?.id ?? -1
  const isUntouched = partition.reason === null && partition.leaderReason === null
  if (isUntouched && given.leader === given.replicas[0]) return []
  const end = replicas.map(idOf)
  const moves: Move[] = []
  let current = [...start]
  const leaving = current.filter((place) => !replicas.includes(place))
  const coming = replicas.filter((place) => !current.includes(place))
  while (leaving.length > 0 && coming.length > 0) {
    const { from, to } = safest(assignment, current, leaving, coming)
    leaving.splice(leaving.indexOf(from), 1)
    coming.splice(coming.indexOf(to), 1)
    current = current.map((place) => (place === from ? to : place))
    const reason = assignment.isDraining(from) ? 'DRAIN' : (partition.reason ?? 'REPLICAS')
    moves.push({ kind: 'replica', topic: given.topic, partition: given.partition, from: idOf(from), to: idOf(to), bytes: given.sizeBytes, reason, replicas: current.map(idOf) })
  }
  const [before, after] = [idOf(current[0] ?? -1), end[0] ?? -1]
  const leadership = { kind: 'leadership', topic: given.topic, partition: given.partition, to: after, bytes: 0, replicas: end } as const
  if (before !== after) {
    moves.push({ ...leadership, from: before, reason: partition.leaderReason ?? 'LEADERS' })
  } else if (moves.length === 0 && partition.movable && given.leader !== after && given.isr.includes(after) && lacking.has(after)) {
    moves.push({ ...leadership, from: given.leader, reason: 'PREFERRED_LEADER' })
  }
  return moves
}

/** The exchange of two replicas after which they stand most evenly in racks. */
function safest(assignment: Assignment, current: readonly number[], leaving: readonly number[], coming: readonly number[]): { from: number; to: number } {
  let best = { from: leaving[0] ?? -1, to: coming[0] ?? -1 }
  if (leaving.length === 1) return best
  let least = Infinity
  for (const from of leaving) {
    for (const to of coming) {
      const squares = assignment.rackSquares(current.map((place) => (place === from ? to : place)))
      if (squares < least) [least, best] = [squares, { from, to }]
    }
  }
  return best
}

/** Ids of brokers that are up and do not lead a larger share of what they are preferred for than is put up with. */
function brokersThatLackLeaderships(assignment: Assignment, threshold: number): Set<number> {
  const missing = new Int32Array(assignment.brokers.length)
  for (const { given, movable, reason, leaderReason, replicas } of assignment.partitions) {
    const [first = -1] = replicas
    const id = assignment.brokers[first]?.id ?? -1
    // Where something is moved, the preferred leader is elected after it anyway.
    if (movable && reason === null && leaderReason === null && given.leader !== id && given.isr.includes(id)) missing[first]!++
  }
  return new Set(assignment.targets.filter((place) => (missing[place] ?? 0) > threshold * (assignment.leaderCount[place] ?? 0)).map((place) => assignment.brokers[place]?.id ?? -1))
}
