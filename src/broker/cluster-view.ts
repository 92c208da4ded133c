// What parts of the broker ask of the cluster, answered from the image of the moment.

import { partitionForKey } from '../coordinator/key-partition.ts'
import type { CoordinatorNode } from '../groups/handlers/find-coordinator-handler.ts'
import type { BrokerAddress } from '../interbroker/inter-broker.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import { finalizedFeatures } from '../metadata/features.ts'

export class ClusterView {
  readonly #current: () => ClusterImage

  constructor(current: () => ClusterImage) {
    this.#current = current
  }

  partitionCount(topic: string): number | undefined {
    return this.#current().topicsByName.get(topic)?.partitions.length
  }

  /** The leader's address on a listener; null where the partition has no leader that can be reached there. */
  leaderOf(topic: string, partition: number, listener: string): CoordinatorNode | null {
    const image = this.#current()
    const leader = image.topicsByName.get(topic)?.partitions[partition]?.leader ?? -1
    const broker = image.brokers.get(leader)
    const endpoint = broker === undefined || broker.fenced ? undefined : broker.endpoints.find(({ name }) => name === listener)
    return endpoint === undefined ? null : { nodeId: leader, host: endpoint.host, port: endpoint.port }
  }

  /** Where a broker listens, whether it is fenced or not. */
  addressOf(nodeId: number, listener: string): BrokerAddress | undefined {
    return this.#current().brokers.get(nodeId)?.endpoints.find(({ name }) => name === listener)
  }

  /** The node that leads a partition, -1 for none. */
  leaderIdOf(topic: string, partition: number): number {
    return this.#current().topicsByName.get(topic)?.partitions[partition]?.leader ?? -1
  }

  /** The node that coordinates what the topic keeps under this key, -1 for none; undefined where there is no such topic. */
  leaderIdForKey(topic: string, key: string): number | undefined {
    const partitions = this.#current().topicsByName.get(topic)?.partitions
    return partitions === undefined ? undefined : (partitions[partitionForKey(key, partitions.length)]?.leader ?? -1)
  }

  /** Brokers that are not fenced. */
  aliveBrokers(): number[] {
    return [...this.#current().brokers.values()].filter(({ fenced }) => !fenced).map(({ id }) => id)
  }

  partitionLeader(topic: string, partition: number): { leaderId: number; leaderEpoch: number } {
    const { leader, leaderEpoch } = this.#current().topicsByName.get(topic)?.partitions[partition] ?? { leader: -1, leaderEpoch: -1 }
    return { leaderId: leader, leaderEpoch }
  }

  endpointOf(nodeId: number, listener: string): { nodeId: number; host: string; port: number; rack: string | null } | undefined {
    const broker = this.#current().brokers.get(nodeId)
    const endpoint = broker?.endpoints.find(({ name }) => name === listener)
    return broker === undefined || endpoint === undefined ? undefined : { nodeId, host: endpoint.host, port: endpoint.port, rack: broker.rack }
  }

  finalizedFeatures(): { epoch: bigint; levels: ReadonlyMap<string, number> } {
    const image = this.#current()
    return { epoch: image.offset, levels: finalizedFeatures(image) }
  }
}
