// The cluster as the data plane is told of it: who this broker is, and where the others are.

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

/** Whether a change of the metadata is one of what `clusterState` tells. */
export function changesCluster(delta: MetadataDelta): boolean {
  return delta.brokers.size > 0 || delta.features.size > 0
}
