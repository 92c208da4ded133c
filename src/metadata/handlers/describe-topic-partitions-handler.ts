// DescribeTopicPartitions: topics in order of their names, in pages of so many partitions (KIP-966).

import type { Encodable } from '../../protocol/api-keys.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../protocol/messages.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import { INTERNAL_TOPICS } from '../cluster-image.ts'
import { topicNameFault } from '../topic-name.ts'
import { OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS } from './authorized-operations.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import { viewPartition } from './partition-view.ts'
import type { MetadataRequestContext } from './request-context.ts'

type TopicView = Encodable<DescribeTopicPartitionsResponse['topics'][number]>
type Cursor = DescribeTopicPartitionsResponse['nextCursor']

export function describeTopicPartitions({ runtime, config }: MetadataHandlersDeps, { listener }: MetadataRequestContext, request: DescribeTopicPartitionsRequest): Encodable<DescribeTopicPartitionsResponse> {
  const image = runtime.image
  const { cursor } = request
  const all = request.topics.length === 0
  const from = cursor?.topicName ?? ''
  const asked = all ? [...image.topicsByName.keys()] : request.topics.map(({ name }) => name)
  const names = [...new Set(asked.filter((name) => name >= from))].sort()
  if (cursor !== null && !isUsable(cursor, all ? undefined : names)) return { topics: request.topics.map(({ name }) => refused(name)), nextCursor: null }

  let room = Math.max(1, Math.min(config.settings['max.request.partition.size.limit'], request.responsePartitionLimit))
  const topics: TopicView[] = []
  let nextCursor: Cursor = null
  for (const name of names) {
    if (room === 0) {
      nextCursor = { topicName: name, partitionIndex: 0 }
      break
    }
    const topic = image.topicsByName.get(name)
    if (topic === undefined) {
      if (!all) topics.push(missing(name))
      continue
    }
    const first = name === cursor?.topicName ? cursor.partitionIndex : 0
    const page = topic.partitions.slice(first, first + room)
    room -= page.length
    topics.push({
      errorCode: 0,
      name,
      topicId: topic.id,
      isInternal: topic.internal,
      partitions: page.map((partition) => ({ ...viewPartition(image, listener, partition), eligibleLeaderReplicas: partition.eligibleLeaderReplicas, lastKnownElr: partition.lastKnownElr })),
      topicAuthorizedOperations: TOPIC_OPERATIONS,
    })
    if (first + page.length < topic.partitions.length) {
      nextCursor = { topicName: name, partitionIndex: first + page.length }
      break
    }
  }
  return { topics, nextCursor }
}

/** A page begins at a topic that was asked for; `names` is undefined where all were. */
function isUsable({ topicName, partitionIndex }: NonNullable<Cursor>, names: readonly string[] | undefined): boolean {
  return partitionIndex >= 0 && (names === undefined || names.includes(topicName))
}

/** The response has room for an error at each topic only. */
function refused(name: string): TopicView {
  return { errorCode: errorCode('INVALID_REQUEST'), name, topicId: ZERO_UUID, isInternal: false, partitions: [], topicAuthorizedOperations: OPERATIONS_NOT_ASKED }
}

function missing(name: string): TopicView {
  const error = topicNameFault(name) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  return { errorCode: errorCode(error), name, topicId: ZERO_UUID, isInternal: INTERNAL_TOPICS.has(name), partitions: [], topicAuthorizedOperations: TOPIC_OPERATIONS }
}
