// Partitions and brokers as clients are told of them on one listener.

import type { BrokerEndpoint, BrokerImage, ClusterImage, PartitionImage } from '../cluster-image.ts'
import { directoryOf } from '../controller/partition-change.ts'
import { isOnline } from '../controller/topic-policies.ts'
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
    offlineReplicas: partition.replicas.filter((replica) => aliveEndpoint(image, replica, listener) === undefined || !isReplicaOnline(image, partition, replica)),
  }
  if (aliveEndpoint(image, partition.leader, listener) !== undefined) return { ...view, errorCode: 0, leaderId: partition.leader }
  const leaderAlive = image.brokers.get(partition.leader)?.fenced === false
  return { ...view, errorCode: errorCode(leaderAlive ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE'), leaderId: -1 }
}

/** From here on a client knows that a leader may lack its listener. */
const LISTENER_NOT_FOUND_VERSION = 6

/** A partition as versions of Metadata before others tell of it: the first leaves out whom nobody can reach, and says that it did. */
export function viewPartitionForMetadata(image: ClusterImage, listener: string, partition: PartitionImage, apiVersion: number): PartitionView {
  const view = viewPartition(image, listener, partition)
  if (apiVersion < LISTENER_NOT_FOUND_VERSION && view.errorCode === errorCode('LISTENER_NOT_FOUND')) view.errorCode = errorCode('LEADER_NOT_AVAILABLE')
  if (apiVersion > 0) return view
  const isReachable = (replica: number): boolean => aliveEndpoint(image, replica, listener) !== undefined
  const replicaNodes = view.replicaNodes.filter(isReachable)
  const isrNodes = view.isrNodes.filter(isReachable)
  const isWhole = replicaNodes.length === view.replicaNodes.length && isrNodes.length === view.isrNodes.length
  return { ...view, replicaNodes, isrNodes, errorCode: view.errorCode === 0 && !isWhole ? errorCode('REPLICA_NOT_AVAILABLE') : view.errorCode }
}

function isReplicaOnline(image: ClusterImage, partition: PartitionImage, replica: number): boolean {
  const broker = image.brokers.get(replica)
  const directory = directoryOf(partition, replica)
  return broker !== undefined && (directory === undefined || isOnline(broker, directory))
}

function endpointOf(broker: BrokerImage, listener: string): BrokerEndpoint | undefined {
  return broker.endpoints.find(({ name }) => name === listener)
}
