// The balancer's view of an image.

import { CONFIG_RESOURCES, configsOf } from '../cluster-image.ts'
import type { BrokerImage, ClusterImage, PartitionImage } from '../cluster-image.ts'
import type { BalancedBroker, BalancedPartition, BalancerState } from './balancer-state.ts'

/** Whether a broker is to hold nothing (`broker.draining`). */
export function isDraining(image: ClusterImage, brokerId: number): boolean {
  return configsOf(image, CONFIG_RESOURCES.BROKER, String(brokerId)).get('broker.draining')?.trim().toLowerCase() === 'true'
}

export function drainingBrokers(image: ClusterImage): Set<number> {
  return new Set([...image.brokers.keys()].filter((id) => isDraining(image, id)))
}

/** Brokers that new replicas may go to. */
export function placeableBrokers(image: ClusterImage): BrokerImage[] {
  return [...image.brokers.values()].filter(({ id }) => !isDraining(image, id))
}

export function isMoving({ addingReplicas, removingReplicas }: PartitionImage): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

/** `sizeOf` tells the bytes of one replica of a partition, 0 for unknown. */
export function stateOfImage(image: ClusterImage, sizeOf: (topic: string, partition: number) => number): BalancerState {
  const brokers = [...image.brokers.values()].map(({ id, rack, fenced, inControlledShutdown }): BalancedBroker => ({ id, rack, available: !fenced && !inControlledShutdown, draining: isDraining(image, id) }))
  const partitions: BalancedPartition[] = []
  for (const { name, partitions: all } of image.topicsByName.values()) {
    for (const partition of all) {
      const { index, leader, isr, removingReplicas } = partition
      const replicas = removingReplicas.length === 0 ? partition.replicas : partition.replicas.filter((id) => !removingReplicas.includes(id))
      partitions.push({ topic: name, partition: index, replicas, leader, isr, moving: isMoving(partition), sizeBytes: sizeOf(name, index), bytesInPerSecond: 0 })
    }
  }
  return { brokers, partitions }
}
