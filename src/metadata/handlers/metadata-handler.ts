// Metadata: brokers, and the topics that were asked for by name (creating them where that is allowed) or by id.

import { KafkaError, errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { MetadataRequest, MetadataResponse } from '../../protocol/messages.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { INTERNAL_TOPICS } from '../cluster-image.ts'
import type { ClusterImage, TopicImage } from '../cluster-image.ts'
import { topicNameFault } from '../topic-name.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS } from './authorized-operations.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import { controllerId, reachableBrokers, viewPartition } from './partition-view.ts'
import type { MetadataRequestContext } from './request-context.ts'

type TopicView = MetadataResponse['topics'][number]

/** From here on a topic may be asked for by id (KIP-516). */
const TOPIC_ID_VERSION = 12
const ALL_TOPICS_BY_NULL_VERSION = 1

export function metadata(deps: MetadataHandlersDeps, context: MetadataRequestContext, request: MetadataRequest): MetadataResponse {
  const image = deps.runtime.image
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
    partitions: topic.partitions.map((partition) => viewPartition(image, listener, partition)),
    topicAuthorizedOperations: operations,
  })
  const { topics } = request
  if (topics === null || (topics.length === 0 && apiVersion < ALL_TOPICS_BY_NULL_VERSION)) return [...image.topicsByName.values()].map(view)
  checkTopics(apiVersion, topics)

  const ids = new Set(topics.map(({ topicId }) => topicId).filter((id) => id !== ZERO_UUID))
  if (ids.size > 0) {
    return [...ids].map((id) => {
      const topic = image.topicsById.get(id)
      return topic === undefined ? missing('UNKNOWN_TOPIC_ID', null, id) : view(topic)
    })
  }
  const create = request.allowAutoTopicCreation && deps.config.settings['auto.create.topics.enable']
  return [...new Set(topics.map(({ name }) => name))].map((name) => {
    if (name === null) return missing('UNKNOWN_TOPIC_OR_PARTITION', name, ZERO_UUID)
    const topic = image.topicsByName.get(name)
    if (topic !== undefined) return view(topic)
    if (topicNameFault(name) !== undefined) return missing('INVALID_TOPIC_EXCEPTION', name, ZERO_UUID)
    if (create) deps.topicCreator.begin(name)
    return missing('UNKNOWN_TOPIC_OR_PARTITION', name, ZERO_UUID)
  })
}

function checkTopics(apiVersion: number, topics: NonNullable<MetadataRequest['topics']>): void {
  if (apiVersion >= TOPIC_ID_VERSION) return
  for (const { name, topicId } of topics) {
    if (name === null) throw new KafkaError('INVALID_REQUEST', `MetadataRequest version ${apiVersion} does not support null topic names.`)
    if (topicId !== ZERO_UUID) throw new KafkaError('INVALID_REQUEST', `MetadataRequest version ${apiVersion} does not support non-zero topic IDs.`)
  }
}

function missing(error: ErrorName, name: string | null, topicId: Uuid): TopicView {
  return { errorCode: errorCode(error), name, topicId, isInternal: name !== null && INTERNAL_TOPICS.has(name), partitions: [], topicAuthorizedOperations: OPERATIONS_NOT_ASKED }
}
