// What the data plane knows of the metadata: the other brokers, the quotas of replication, and the partitions it keeps.

import type { ClusterConfigs } from '../metadata/cluster-configs.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import { allTopicLogStates, topicLogChanges } from '../metadata/topic-log-states.ts'
import type { DataPlane } from '../native.ts'
import type { Uuid } from '../shared/uuid.ts'
import { changesCluster, clusterState, replicationQuotas } from './cluster-state.ts'

export type DataPlaneStateDeps = {
  readonly nodeId: number
  /** The listener that brokers reach each other at. */
  readonly listener: string
  readonly configs: ClusterConfigs
  readonly dataPlane: Pick<DataPlane, 'setCluster' | 'setReplicationQuotas' | 'applyTopics'>
  /** -1 while the metadata does not tell of this process. */
  brokerEpoch(): bigint
}

export class DataPlaneState {
  readonly #deps: DataPlaneStateDeps

  constructor(deps: DataPlaneStateDeps) {
    this.#deps = deps
  }

  /** Tells everything, to a data plane that knows nothing. */
  begin(image: ClusterImage): void {
    const { dataPlane, nodeId, configs } = this.#deps
    this.#tellCluster(image)
    this.#tellQuotas(image)
    dataPlane.applyTopics(allTopicLogStates(image, nodeId, configs), [])
  }

  /** Tells what a change brought. Returns the topics that it removed. */
  follow(image: ClusterImage, delta: MetadataDelta): readonly Uuid[] {
    const { dataPlane, nodeId, configs } = this.#deps
    if (changesCluster(delta)) this.#tellCluster(image)
    if (delta.configs.size > 0) this.#tellQuotas(image)
    const { upserts, removedTopicIds } = topicLogChanges(image, delta, nodeId, configs)
    // Removed first: a topic of the same name may follow in the same change.
    if (removedTopicIds.length > 0) dataPlane.applyTopics([], removedTopicIds)
    if (upserts.length > 0) dataPlane.applyTopics(upserts, [])
    return removedTopicIds
  }

  #tellCluster(image: ClusterImage): void {
    const { dataPlane, nodeId, listener } = this.#deps
    dataPlane.setCluster(clusterState(image, nodeId, this.#deps.brokerEpoch(), listener))
  }

  #tellQuotas(image: ClusterImage): void {
    const { leader, follower } = replicationQuotas(this.#deps.configs.layers(image))
    this.#deps.dataPlane.setReplicationQuotas(leader, follower)
  }
}
