// Which brokers hold which replicas: evenly, each partition led by another broker than the one before, and the replicas
// of a partition in as many racks as there are.

import { KafkaError } from '../protocol/error-codes.ts'
import type { BrokerImage } from './cluster-image.ts'

/** A whole number from 0 up to, not including, `bound`. */
export type RandomInt = (bound: number) => number

/** Replicas for `count` partitions, the preferred leader first. Throws INVALID_REPLICATION_FACTOR. */
export function placeReplicas(brokers: Iterable<BrokerImage>, count: number, replicationFactor: number, randomInt: RandomInt): number[][] {
  const registered = [...brokers]
  if (replicationFactor > registered.length) {
    throw new KafkaError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ${replicationFactor} cannot be reached because only ${registered.length} broker(s) are registered or some brokers have all their log directories cordoned.`,
    )
  }
  const order = interleaveRacks(registered)
  const usable = order.filter((broker) => !broker.fenced)
  if (usable.length === 0) throw new KafkaError('INVALID_REPLICATION_FACTOR', 'Unable to replicate the partition: all brokers are currently fenced.')
  const start = randomInt(order.length)
  return Array.from({ length: count }, (_, index) => {
    const first = (start + index) % order.length
    const replicas = Array.from({ length: replicationFactor }, (_, place) => order[(first + place) % order.length] as BrokerImage)
    // A broker that is down may hold a replica but should not be the one to lead.
    replicas.sort((a, b) => Number(a.fenced) - Number(b.fenced))
    return replicas.map(({ id }) => id)
  })
}

/** Brokers so ordered that neighbours stand in different racks where that is possible. */
function interleaveRacks(brokers: readonly BrokerImage[]): BrokerImage[] {
  const racks = new Map<string, BrokerImage[]>()
  for (const broker of [...brokers].sort((a, b) => a.id - b.id)) {
    const rack = broker.rack ?? ''
    racks.set(rack, [...(racks.get(rack) ?? []), broker])
  }
  const queues = [...racks.values()]
  const order: BrokerImage[] = []
  while (order.length < brokers.length) {
    for (const queue of queues) {
      const next = queue.shift()
      if (next !== undefined) order.push(next)
    }
  }
  return order
}
