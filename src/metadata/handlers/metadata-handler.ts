// Metadata: brokers, and the topics that were asked for by name (creating them where that is allowed) or by id.

import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { MetadataRequest, MetadataResponse } from '../../protocol/messages.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { INTERNAL_TOPICS, METADATA_TOPIC } from '../cluster-image.ts'
import type { ClusterImage, TopicImage } from '../cluster-image.ts'
import { topicNameFault } from '../topic-name.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS } from './authorized-operations.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import { controllerId, reachableBrokers, viewPartitionForMetadata } from './partition-view.ts'
import type { MetadataRequestContext } from './request-context.ts'

type TopicView = MetadataResponse['topics'][number]

/** From here on a topic may be asked for by id (KIP-516). */
const TOPIC_ID_VERSION = 12
const ALL_TOPICS_BY_NULL_VERSION = 1

export function metadata(deps: MetadataHandlersDeps, context: MetadataRequestContext, request: MetadataRequest): MetadataResponse {
  const image = deps.runtime.image
  if (request.topics?.some(({ name, topicId }) => !isNamed(context.apiVersion, name, topicId))) return refuseAll(request)
  return {
    throttleTimeMs: 0,
    brokers: reachableBrokers(image, context.listener).map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId: image.clusterId,
    controllerId: controllerId(image),
    topics: viewTopics(deps, image, context, request),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED,
    errorCode: 0,
  }
}

function viewTopics(deps: MetadataHandlersDeps, image: ClusterImage, { apiVersion, listener }: MetadataRequestContext, request: MetadataRequest): TopicView[] {
  const operations = request.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED
  const view = (topic: TopicImage): TopicView => ({
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map((partition) => viewPartitionForMetadata(image, listener, partition, apiVersion)),
    topicAuthorizedOperations: operations,
  })
  const { topics } = request
  if (topics === null || (topics.length === 0 && apiVersion < ALL_TOPICS_BY_NULL_VERSION)) return [...image.topicsByName.values()].map(view)

  const ids = new Set(topics.map(({ topicId }) => topicId).filter((id) => id !== ZERO_UUID))
  if (ids.size > 0) {
    return [...ids].map((id) => {
      const topic = image.topicsById.get(id)
      return topic === undefined ? missing('UNKNOWN_TOPIC_ID', null, id, OPERATIONS_NOT_ASKED) : view(topic)
    })
  }
  const create = request.allowAutoTopicCreation && deps.config.settings['auto.create.topics.enable']
  return [...new Set(topics.map(({ name }) => name ?? ''))].map((name) => {
    const topic = image.topicsByName.get(name)
    if (topic !== undefined) return view(topic)
    if (topicNameFault(name) !== undefined) return missing('INVALID_TOPIC_EXCEPTION', name, ZERO_UUID, operations)
    if (create && name !== METADATA_TOPIC) deps.topicCreator.begin(name)
    // Also where it is being created: whoever asks again finds it.
    return missing('UNKNOWN_TOPIC_OR_PARTITION', name, ZERO_UUID, operations)
  })
}

function isNamed(apiVersion: number, name: string | null, topicId: Uuid): boolean {
  return apiVersion < TOPIC_ID_VERSION ? name !== null && topicId === ZERO_UUID : name !== null || topicId !== ZERO_UUID
}

/** A request that cannot be meant as it stands; the response has room for an error at each topic only. */
function refuseAll({ topics }: MetadataRequest): MetadataResponse {
  return {
    throttleTimeMs: 0,
    brokers: [],
    clusterId: null,
    controllerId: -1,
    topics: (topics ?? []).map(({ name, topicId }) => ({ ...missing('INVALID_REQUEST', name ?? '', topicId, OPERATIONS_NOT_ASKED), isInternal: false })),
    clusterAuthorizedOperations: OPERATIONS_NOT_ASKED,
    errorCode: 0,
  }
}

function missing(error: ErrorName, name: string | null, topicId: Uuid, operations: number): TopicView {
  return { errorCode: errorCode(error), name, topicId, isInternal: name !== null && INTERNAL_TOPICS.has(name), partitions: [], topicAuthorizedOperations: operations }
}
