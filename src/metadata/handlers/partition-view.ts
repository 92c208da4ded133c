// Partitions and brokers as clients are told of them on one listener.

import type { BrokerEndpoint, BrokerImage, ClusterImage, PartitionImage } from '../cluster-image.ts'
import { errorCode } from '../../protocol/error-codes.ts'

export type ReachableBroker = BrokerEndpoint & { readonly id: number; readonly rack: string | null; readonly fenced: boolean }

/** Brokers that are up and have the listener, in order of their ids. */
export function reachableBrokers(image: ClusterImage, listener: string, includeFenced = false): ReachableBroker[] {
  const brokers: ReachableBroker[] = []
  for (const broker of image.brokers.values()) {
    const endpoint = endpointOf(broker, listener)
    if (endpoint !== undefined && (includeFenced || !broker.fenced)) brokers.push({ ...endpoint, id: broker.id, rack: broker.rack, fenced: broker.fenced })
  }
  return brokers.sort((a, b) => a.id - b.id)
}

/** Where to reach a broker that is up; undefined where it is not or has no such listener. */
export function aliveEndpoint(image: ClusterImage, brokerId: number, listener: string): BrokerEndpoint | undefined {
  const broker = image.brokers.get(brokerId)
  return broker === undefined || broker.fenced ? undefined : endpointOf(broker, listener)
}

/** The controller as clients may know it: any broker will do, since each passes requests on. */
export function controllerId(image: ClusterImage): number {
  for (const broker of image.brokers.values()) if (!broker.fenced) return broker.id
  return -1
}

export type PartitionView = {
  errorCode: number
  partitionIndex: number
  leaderId: number
  leaderEpoch: number
  replicaNodes: number[]
  isrNodes: number[]
  offlineReplicas: number[]
}

/** A partition whose leader cannot be reached has an error and no leader. */
export function viewPartition(image: ClusterImage, listener: string, partition: PartitionImage): PartitionView {
  const view = {
    partitionIndex: partition.index,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: [...partition.replicas],
    isrNodes: [...partition.isr],
    offlineReplicas: partition.replicas.filter((replica) => aliveEndpoint(image, replica, listener) === undefined),
  }
  if (aliveEndpoint(image, partition.leader, listener) !== undefined) return { ...view, errorCode: 0, leaderId: partition.leader }
  const leaderAlive = image.brokers.get(partition.leader)?.fenced === false
  return { ...view, errorCode: errorCode(leaderAlive ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE'), leaderId: -1 }
}

function endpointOf(broker: BrokerImage, listener: string): BrokerEndpoint | undefined {
  return broker.endpoints.find(({ name }) => name === listener)
}
