// CreateTopics, DeleteTopics and CreatePartitions: the request's form here, the decision in the controller.

import type { Encodable } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse } from '../../protocol/messages.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import { createPartitions as decideCreatePartitions } from '../controller/create-partitions.ts'
import { createTopics as decideCreateTopics } from '../controller/create-topics.ts'
import { deleteTopics as decideDeleteTopics } from '../controller/delete-topics.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import type { MetadataRequestContext } from './request-context.ts'

export async function createTopics({ runtime, topicCreator }: MetadataHandlersDeps, request: CreateTopicsRequest): Promise<Encodable<CreateTopicsResponse>> {
  const topics = await runtime.write((image) => decideCreateTopics(image, request.topics, request.validateOnly, topicCreator.creation(image)))
  return { topics }
}

/** From here on topics are named one by one, each by name or id (KIP-516). */
const TOPIC_ID_VERSION = 6

export async function deleteTopics({ runtime, config }: MetadataHandlersDeps, { apiVersion }: MetadataRequestContext, request: DeleteTopicsRequest): Promise<Encodable<DeleteTopicsResponse>> {
  const topics = apiVersion < TOPIC_ID_VERSION ? request.topicNames.map((name) => ({ name, topicId: ZERO_UUID })) : request.topics
  if (!config.settings['delete.topic.enable']) {
    throw apiVersion < 3 ? new KafkaError('INVALID_REQUEST', 'This version does not support delete topics on a broker where that is disabled.') : new KafkaError('TOPIC_DELETION_DISABLED')
  }
  return { responses: await runtime.write((image) => decideDeleteTopics(image, topics)) }
}

export async function createPartitions({ runtime, randomInt }: MetadataHandlersDeps, request: CreatePartitionsRequest): Promise<Encodable<CreatePartitionsResponse>> {
  return { results: await runtime.write((image) => decideCreatePartitions(image, request.topics, request.validateOnly, randomInt)) }
}
