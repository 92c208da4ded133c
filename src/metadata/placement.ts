// Which brokers hold which replicas. In this order of weight: the replicas of a partition stand in as many racks as there
// are; brokers that are up come before those that are not; and every broker leads, holds, and comes second to every other
// about equally often, so that the work of one that fails spreads over all that remain.

import { KafkaError } from '../protocol/error-codes.ts'
import type { BrokerImage } from './cluster-image.ts'

/** A whole number from 0 up to, not including, `bound`. */
export type RandomInt = (bound: number) => number

/** Replicas for `count` partitions, the preferred leader first; that one is up. Throws INVALID_REPLICATION_FACTOR. */
export function placeReplicas(brokers: Iterable<BrokerImage>, count: number, replicationFactor: number, randomInt: RandomInt): number[][] {
  const usable = [...brokers].filter((broker) => !broker.inControlledShutdown && !isCordoned(broker))
  const refuse = (reason: string): never => {
    throw new KafkaError('INVALID_REPLICATION_FACTOR', `Unable to replicate the partition ${replicationFactor} time(s): ${reason}`)
  }
  const order = interleaveRacks(usable)
  const leaders = order.filter(({ broker }) => !broker.fenced)
  if (leaders.length === 0) refuse('All brokers are currently fenced or in controlled shutdown.')
  if (replicationFactor > usable.length) {
    refuse(`The target replication factor of ${replicationFactor} cannot be reached because only ${usable.length} broker(s) are registered or some brokers have all their log directories cordoned.`)
  }
  const start = randomInt(leaders.length)
  return Array.from({ length: count }, (_, index) => {
    const leader = leaders[(start + index) % leaders.length] as Place
    return placePartition(order, leader, replicationFactor)
  })
}

/** Whether a broker takes no new replicas (KIP-1066). */
export function isCordoned({ logDirs, cordonedLogDirs }: BrokerImage): boolean {
  return logDirs.length > 0 && logDirs.every((directory) => cordonedLogDirs.includes(directory))
}

type Place = {
  readonly broker: BrokerImage
  readonly rack: string
  readonly position: number
  replicaCount: number
  /** How often each came second to it: who leads when it fails. */
  readonly seconds: Map<Place, number>
}

function placePartition(order: readonly Place[], leader: Place, replicationFactor: number): number[] {
  const chosen = [leader]
  const inRack = new Map([[leader.rack, 1]])
  const distance = ({ position }: Place): number => (position - leader.position + order.length) % order.length
  const candidates = order.filter((place) => place !== leader)
  while (chosen.length < replicationFactor) {
    const standsIn = (place: Place): number => (chosen.length === 1 ? (leader.seconds.get(place) ?? 0) : 0)
    const isBefore = (a: Place, b: Place): boolean => {
      const difference =
        (inRack.get(a.rack) ?? 0) - (inRack.get(b.rack) ?? 0) ||
        Number(a.broker.fenced) - Number(b.broker.fenced) ||
        standsIn(a) - standsIn(b) ||
        a.replicaCount - b.replicaCount ||
        distance(a) - distance(b)
      return difference < 0
    }
    let best: Place | undefined
    for (const place of candidates) if (!chosen.includes(place) && (best === undefined || isBefore(place, best))) best = place
    if (best === undefined) break
    chosen.push(best)
    inRack.set(best.rack, (inRack.get(best.rack) ?? 0) + 1)
  }
  for (const place of chosen) place.replicaCount++
  const [, second] = chosen
  if (second !== undefined) leader.seconds.set(second, (leader.seconds.get(second) ?? 0) + 1)
  return chosen.map(({ broker }) => broker.id)
}

/** Brokers so ordered that neighbours stand in different racks where that is possible. */
function interleaveRacks(brokers: readonly BrokerImage[]): Place[] {
  const racks = new Map<string, BrokerImage[]>()
  for (const broker of [...brokers].sort((a, b) => a.id - b.id)) {
    const rack = broker.rack ?? ''
    const queue = racks.get(rack)
    if (queue === undefined) racks.set(rack, [broker])
    else queue.push(broker)
  }
  const order: Place[] = []
  while (order.length < brokers.length) {
    for (const [rack, queue] of racks) {
      const broker = queue.shift()
      if (broker !== undefined) order.push({ broker, rack, position: order.length, replicaCount: 0, seconds: new Map() })
    }
  }
  return order
}
