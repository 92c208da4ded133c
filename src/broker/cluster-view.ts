// What parts of the broker ask of the cluster, answered from the image of the moment.

import type { CoordinatorNode } from '../groups/handlers/find-coordinator-handler.ts'
import type { BrokerAddress } from '../interbroker/inter-broker.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'

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

  finalizedFeatures(): { epoch: bigint; levels: ReadonlyMap<string, number> } {
    const { offset, features } = this.#current()
    return { epoch: offset, levels: features }
  }
}
