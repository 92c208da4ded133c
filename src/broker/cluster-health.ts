// What metrics tell of the cluster: partitions in trouble and brokers that are not as they should be, counted in an image.

import { drainingBrokers, isMoving } from '../metadata/balancer/image-state.ts'
import type { ClusterImage, PartitionImage, TopicImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'

export type ClusterHealth = {
  readonly brokers: number
  readonly fencedBrokers: number
  readonly drainingBrokers: number
  /** Of the partitions that this broker leads, so that brokers' numbers add up to the cluster's. */
  readonly underReplicatedPartitions: number
  readonly underMinIsrPartitions: number
  /** Of the whole cluster, as every broker knows it. */
  readonly offlinePartitions: number
  readonly reassigningPartitions: number
}

export function clusterHealth(image: ClusterImage, nodeId: number, minIsrOf: (topic: string) => number): ClusterHealth {
  let [underReplicatedPartitions, underMinIsrPartitions, offlinePartitions, reassigningPartitions] = [0, 0, 0, 0]
  for (const { name, partitions } of image.topicsByName.values()) {
    const minIsr = minIsrOf(name)
    for (const partition of partitions) {
      if (partition.leader < 0) offlinePartitions++
      if (isMoving(partition)) reassigningPartitions++
      if (partition.leader !== nodeId) continue
      if (isUnderReplicated(partition)) underReplicatedPartitions++
      if (partition.isr.length < minIsr) underMinIsrPartitions++
    }
  }
  const brokers = [...image.brokers.values()]
  return {
    brokers: brokers.length,
    fencedBrokers: brokers.filter(({ fenced }) => fenced).length,
    drainingBrokers: drainingBrokers(image).size,
    underReplicatedPartitions,
    underMinIsrPartitions,
    offlinePartitions,
    reassigningPartitions,
  }
}

/** What still copies for a reassignment is not missing. */
function isUnderReplicated({ replicas, isr, addingReplicas }: PartitionImage): boolean {
  return replicas.some((id) => !isr.includes(id) && !addingReplicas.includes(id))
}

/** Counts how often replicas of partitions that this broker leads fall out of sync, and come back. */
export class IsrChanges {
  readonly #nodeId: number
  #shrinks = 0
  #expands = 0

  constructor(nodeId: number) {
    this.#nodeId = nodeId
  }

  get shrinks(): number {
    return this.#shrinks
  }

  get expands(): number {
    return this.#expands
  }

  follow({ base, topics }: Pick<MetadataDelta, 'base' | 'topics'>): void {
    for (const [id, topic] of topics) {
      const before = base.topicsById.get(id)
      if (topic !== undefined && before !== undefined) this.#compare(before, topic)
    }
  }

  #compare(before: TopicImage, after: TopicImage): void {
    for (const [index, partition] of after.partitions.entries()) {
      const old = before.partitions[index]
      if (old === undefined || old.isr === partition.isr || partition.leader !== this.#nodeId) continue
      // A replica may leave in the same change in which another comes.
      if (old.isr.some((replica) => !partition.isr.includes(replica))) this.#shrinks++
      if (partition.isr.some((replica) => !old.isr.includes(replica))) this.#expands++
    }
  }
}
