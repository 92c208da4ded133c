// The cluster as the data plane is told of it: who this broker is, and where the others are.

import { INT64_MAX_TEXT } from '../config/config-key.ts'
import { brokerText } from '../config/config-layers.ts'
import type { ConfigLayers } from '../config/config-layers.ts'
import { hasEligibleLeaderReplicas } from '../metadata/features.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import type { ClusterState } from '../native.ts'

const NOT_TO_BE_PROPOSED = -1

/** `brokerEpoch` is -1 while the image does not tell of this process. */
export function clusterState(image: ClusterImage, nodeId: number, brokerEpoch: bigint, listener: string): ClusterState {
  const peers = [...image.brokers.values()].flatMap(({ id, epoch, endpoints, rack, fenced, inControlledShutdown }) => {
    const endpoint = id === nodeId ? undefined : endpoints.find(({ name }) => name === listener)
    if (endpoint === undefined) return []
    const mayBeInSync = !fenced && !inControlledShutdown
    return [{ nodeId: id, host: endpoint.host, port: endpoint.port, rack, brokerEpoch: mayBeInSync ? Number(epoch) : NOT_TO_BE_PROPOSED }]
  })
  return { brokerEpoch: Number(brokerEpoch), peers, eligibleLeaderReplicas: hasEligibleLeaderReplicas(image) }
}

/** KIP-73: bytes per second that a broker sends of, and fetches into, replicas that are throttled. */
export function replicationQuotas(layers: ConfigLayers): { leader: number; follower: number } {
  const rate = (name: string): number => {
    const text = brokerText(layers, name)
    return text === null || text === INT64_MAX_TEXT ? Number.POSITIVE_INFINITY : Number(text)
  }
  return { leader: rate('leader.replication.throttled.rate'), follower: rate('follower.replication.throttled.rate') }
}

/** Whether a change of the metadata is one of what `clusterState` tells. */
export function changesCluster(delta: MetadataDelta): boolean {
  return delta.brokers.size > 0 || delta.features.size > 0
}
