// What is moved whatever the balance: replicas off brokers that drain, and replicas that stand together in a rack while
// another has none.

import type { Assignment, WorkingPartition } from './assignment.ts'

export type BlockedReplica = { readonly topic: string; readonly partition: number; readonly broker: number; readonly reason: string }

/** Gives what draining brokers hold to others; what none can take stays and is told, but is not led there any more. */
export function drain(assignment: Assignment): BlockedReplica[] {
  const blocked: BlockedReplica[] = []
  const held = assignment.partitions.flatMap((partition) => partition.replicas.filter((place) => assignment.isDraining(place)).map((from) => ({ partition, from })))
  // The largest first, so that the small ones can even out what they leave.
  held.sort((a, b) => b.partition.sizeBytes - a.partition.sizeBytes)
  for (const { partition, from } of held) {
    const to = partition.movable ? bestTarget(assignment, partition, from) : undefined
    if (to !== undefined) {
      assignment.move(partition, from, to, 'DRAIN')
      continue
    }
    if (!partition.given.moving) blocked.push({ topic: partition.given.topic, partition: partition.given.partition, broker: assignment.brokers[from]?.id ?? -1, reason: blockedReason(assignment, partition) })
    const successor = partition.movable && partition.replicas[0] === from ? partition.replicas.find((place) => assignment.isTarget(place) && isInSync(assignment, partition, place)) : undefined
    if (successor !== undefined) assignment.prefer(partition, successor, 'DRAIN')
  }
  return blocked.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

/** Moves replicas apart that share a rack more than they need to; whether there were any. */
export function spreadOverRacks(assignment: Assignment): boolean {
  let hasMoved = false
  for (const partition of assignment.partitions) {
    // As many racks as replicas: better is not possible.
    if (!partition.settled || assignment.rackSquares(partition.replicas) === partition.replicas.length) continue
    for (let change = true; change; ) {
      change = false
      // The last of a rack goes: the preferred leader stays where it can.
      for (const from of [...partition.replicas].reverse()) {
        if (!assignment.isTarget(from)) continue
        const to = bestTarget(assignment, partition, from)
        if (to === undefined || assignment.rackChange(partition, from, to) >= 0) continue
        assignment.move(partition, from, to, 'RACKS')
        change = true
        hasMoved = true
        break
      }
    }
  }
  return hasMoved
}

/** The broker that is best for the racks of a partition, and among those the one that has least. */
function bestTarget(assignment: Assignment, partition: WorkingPartition, from: number): number | undefined {
  let best: number | undefined
  let leastChange = Infinity
  for (const to of assignment.targets) {
    if (partition.replicas.includes(to)) continue
    const change = assignment.rackChange(partition, from, to)
    if (change > leastChange || (change === leastChange && best !== undefined && !hasLess(assignment, partition.topic, to, best))) continue
    leastChange = change
    best = to
  }
  return best
}

/** Whether a broker has less than another: fewer replicas, then fewer bytes, then fewer of the topic. */
function hasLess(assignment: Assignment, topic: number, one: number, other: number): boolean {
  const { replicaCount, bytes } = assignment
  const counts = (replicaCount[one] ?? 0) - (replicaCount[other] ?? 0)
  if (counts !== 0) return counts < 0
  const sizes = (bytes[one] ?? 0) - (bytes[other] ?? 0)
  return sizes !== 0 ? sizes < 0 : assignment.topicReplicas(one, topic) < assignment.topicReplicas(other, topic)
}

function isInSync(assignment: Assignment, { given }: WorkingPartition, place: number): boolean {
  return given.isr.includes(assignment.brokers[place]?.id ?? -1)
}

function blockedReason({ targets }: Assignment, { given, movable }: WorkingPartition): string {
  if (movable && targets.length === 0) return 'no other broker is up that may take it: add a broker'
  if (movable) return `every other broker that can take replicas has one of its ${given.replicas.length} already: add a broker, or lower its replication factor`
  return given.leader < 0 ? 'it has no leader to copy from: bring a broker with an in-sync replica back' : 'it has no replicas'
}
