// DeleteTopics as a decision, for topics named by name or by id.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { DeleteTopicsResponse } from '../../protocol/messages.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { ClusterImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { metadataRecord } from './metadata-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'

export type DeletableTopic = { readonly name: string | null; readonly topicId: Uuid }
type DeletedTopic = DeleteTopicsResponse['responses'][number]

/** Removes what can be removed; what is named twice is refused. */
export function deleteTopics(image: ClusterImage, topics: readonly DeletableTopic[]): ControllerResult<DeletedTopic[]> {
  const records: MetadataRecord[] = []
  const response: DeletedTopic[] = []
  const keys = topics.map(({ name, topicId }) => (name === null ? `#${topicId}` : topicId === ZERO_UUID ? name : undefined))
  const removed = new Set<Uuid>()
  for (const [index, wanted] of topics.entries()) {
    const key = keys[index]
    if (key !== undefined && keys.indexOf(key) !== index) continue
    try {
      if (key !== undefined && keys.indexOf(key, index + 1) >= 0) throw new KafkaError('INVALID_REQUEST', wanted.name === null ? 'Duplicate topic id.' : 'Duplicate topic name.')
      const topic = findTopic(image, wanted)
      if (removed.has(topic.id)) throw new KafkaError('INVALID_REQUEST', 'The provided topic name maps to an ID that was already supplied.')
      removed.add(topic.id)
      records.push(metadataRecord('RemoveTopicRecord', { topicId: topic.id }))
      response.push({ name: topic.name, topicId: topic.id, ...NO_ERROR })
    } catch (error) {
      response.push({ name: wanted.name, topicId: wanted.topicId, ...errorFields(error) })
    }
  }
  return { records, response }
}

function findTopic(image: ClusterImage, { name, topicId }: DeletableTopic): { name: string; id: Uuid } {
  if (name !== null && topicId !== ZERO_UUID) throw new KafkaError('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
  if (name === null && topicId === ZERO_UUID) throw new KafkaError('INVALID_REQUEST', 'Neither topic name nor id were specified.')
  const topic = name === null ? image.topicsById.get(topicId) : image.topicsByName.get(name)
  if (topic === undefined) throw new KafkaError(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  return topic
}
