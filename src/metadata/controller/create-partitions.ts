// CreatePartitions as a decision.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { CreatePartitionsRequest, CreatePartitionsResponse } from '../../protocol/messages.ts'
import { PARTITIONS_PER_REQUEST_MAX } from '../../shared/limits.ts'
import type { ClusterImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { placeableBrokers } from '../balancer/image-state.ts'
import { placeReplicas } from '../placement.ts'
import type { RandomInt } from '../placement.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import { checkAssignment, partitionRecord } from './partition-records.ts'

type GrowingTopic = CreatePartitionsRequest['topics'][number]
type GrownTopic = CreatePartitionsResponse['results'][number]

/** Adds partitions where that is possible; each other topic is refused on its own. With `validateOnly` nothing is written. */
export function createPartitions(image: ClusterImage, topics: readonly GrowingTopic[], validateOnly: boolean, randomInt: RandomInt): ControllerResult<GrownTopic[]> {
  const names = topics.map(({ name }) => name)
  const records: MetadataRecord[] = []
  const response: GrownTopic[] = []
  for (const [index, topic] of topics.entries()) {
    if (names.indexOf(topic.name) !== index) continue
    if (!image.topicsByName.has(topic.name)) {
      // Kafka says no more than the code here.
      response.push({ name: topic.name, errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: null })
      continue
    }
    try {
      if (names.indexOf(topic.name, index + 1) >= 0) throw new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
      const added = addPartitions(image, topic, randomInt)
      if (records.length + added.length > PARTITIONS_PER_REQUEST_MAX) throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
      if (!validateOnly) records.push(...added)
      response.push({ name: topic.name, ...NO_ERROR })
    } catch (error) {
      response.push({ name: topic.name, ...errorFields(error) })
    }
  }
  return { records, response }
}

function addPartitions(image: ClusterImage, { name, count, assignments }: GrowingTopic, randomInt: RandomInt): MetadataRecord[] {
  const topic = image.topicsByName.get(name)
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  const current = topic.partitions.length
  if (count === current) throw new KafkaError('INVALID_PARTITIONS', `Topic already has ${current} partition(s).`)
  if (count < current) throw new KafkaError('INVALID_PARTITIONS', `The topic ${name} currently has ${current} partition(s); ${count} would not be an increase.`)
  const additional = count - current
  if (assignments !== null && assignments.length !== additional) {
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `Attempted to add ${additional} additional partition(s), but only ${assignments.length} assignment(s) were specified.`)
  }
  if (additional > PARTITIONS_PER_REQUEST_MAX) throw new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  const replicationFactor = topic.partitions[0]?.replicas.length ?? 1
  for (const { brokerIds } of assignments ?? []) {
    checkAssignment(image, brokerIds)
    if (brokerIds.length !== replicationFactor) {
      throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), but this is not consistent with previous partitions, which have ${replicationFactor} replica(s).`)
    }
  }
  const replicas = assignments?.map(({ brokerIds }) => brokerIds) ?? placeReplicas(placeableBrokers(image), additional, replicationFactor, randomInt)
  return replicas.map((brokers, index) => partitionRecord(image, topic.id, current + index, brokers))
}
