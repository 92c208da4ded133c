// DescribeCluster, DescribeQuorum and what tools ask of reassignments: the cluster as a whole.

import type { Encodable } from '../../protocol/api-keys.ts'
import { ERRORS, errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type {
  DescribeClusterRequest,
  DescribeClusterResponse,
  DescribeQuorumRequest,
  DescribeQuorumResponse,
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../protocol/messages.ts'
import { METADATA_TOPIC } from '../cluster-image.ts'
import type { ClusterImage, PartitionImage } from '../cluster-image.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED } from './authorized-operations.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import { controllerId, reachableBrokers } from './partition-view.ts'
import type { MetadataRequestContext } from './request-context.ts'

const BROKER_ENDPOINTS = 1
const CONTROLLER_ENDPOINTS = 2

export function describeCluster({ runtime }: MetadataHandlersDeps, { listener }: MetadataRequestContext, request: DescribeClusterRequest): Encodable<DescribeClusterResponse> {
  const { endpointType } = request
  const refuse = (name: ErrorName, errorMessage: string): Encodable<DescribeClusterResponse> => ({ errorCode: errorCode(name), errorMessage, clusterId: '', controllerId: -1 })
  if (endpointType === CONTROLLER_ENDPOINTS) return refuse('MISMATCHED_ENDPOINT_TYPE', 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER')
  if (endpointType !== BROKER_ENDPOINTS) return refuse('UNSUPPORTED_ENDPOINT_TYPE', `Unsupported endpoint type ${endpointType}`)
  const image = runtime.image
  return {
    endpointType: BROKER_ENDPOINTS,
    clusterId: image.clusterId,
    controllerId: controllerId(image),
    brokers: reachableBrokers(image, listener, request.includeFencedBrokers).map(({ id, host, port, rack, fenced }) => ({ brokerId: id, host, port, rack, isFenced: fenced })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}

export async function describeQuorum({ runtime, config }: MetadataHandlersDeps, request: DescribeQuorumRequest): Promise<Encodable<DescribeQuorumResponse>> {
  const [asked, ...others] = request.topics
  if (asked?.topicName !== METADATA_TOPIC || others.length > 0 || asked.partitions.length !== 1 || asked.partitions[0]?.partitionIndex !== 0) {
    const { code, message } = ERRORS.UNKNOWN_TOPIC_OR_PARTITION
    const topics = request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code, errorMessage: message })),
    }))
    return { topics }
  }
  const { leaderId, epoch, highWatermark, replicas } = await runtime.describeQuorum()
  const controllerListener = config.listeners.controller?.advertised.name ?? ''
  const view = (isVoter: boolean) =>
    replicas
      .filter((replica) => replica.isVoter === isVoter)
      .map(({ nodeId, directoryId, logEndOffset, lastFetchMs, lastCaughtUpMs }) => ({
        replicaId: nodeId,
        replicaDirectoryId: directoryId,
        logEndOffset,
        lastFetchTimestamp: BigInt(lastFetchMs),
        lastCaughtUpTimestamp: BigInt(lastCaughtUpMs),
      }))
  return {
    topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0, leaderId, leaderEpoch: epoch, highWatermark, currentVoters: view(true), observers: view(false) }] }],
    nodes: replicas.filter(({ isVoter }) => isVoter).map(({ nodeId, host, port }) => ({ nodeId, listeners: host === '' ? brokerListeners(runtime.image, nodeId) : [{ name: controllerListener, host, port }] })),
  }
}

/** A voter without a controller listener has nobody to talk to; it is found where its clients find it. */
function brokerListeners(image: ClusterImage, nodeId: number): { name: string; host: string; port: number }[] {
  return (image.brokers.get(nodeId)?.endpoints ?? []).map(({ name, host, port }) => ({ name, host, port }))
}

export function listPartitionReassignments({ runtime }: MetadataHandlersDeps, request: ListPartitionReassignmentsRequest): Encodable<ListPartitionReassignmentsResponse> {
  const image = runtime.image
  const asked = request.topics ?? [...image.topicsByName.values()].map(({ name, partitions }) => ({ name, partitionIndexes: partitions.map(({ index }) => index) }))
  const topics = asked.map(({ name, partitionIndexes }) => {
    const partitions = image.topicsByName.get(name)?.partitions
    const moving = partitionIndexes.flatMap((index) => partitions?.[index] ?? []).filter(isMoving)
    return { name, partitions: moving.map(viewReassignment) }
  })
  return { errorMessage: null, topics: topics.filter(({ partitions }) => partitions.length > 0) }
}

function isMoving({ addingReplicas, removingReplicas }: PartitionImage): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

function viewReassignment({ index, replicas, addingReplicas, removingReplicas }: PartitionImage): ListPartitionReassignmentsResponse['topics'][number]['partitions'][number] {
  return { partitionIndex: index, replicas: [...replicas], addingReplicas: [...addingReplicas], removingReplicas: [...removingReplicas] }
}
