// CreateTopics as a decision: image and request in, records and response out, with Kafka's checks in Kafka's order.

import { checkTopicConfigs } from '../../config/alter-configs.ts'
import { CONFIG_SOURCES } from '../../config/config-layers.ts'
import type { ConfigTexts } from '../../config/config-layers.ts'
import type { DescribedConfig } from '../../config/describe-configs.ts'
import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { CreateTopicsRequest, CreateTopicsResponse } from '../../protocol/messages.ts'
import { PARTITIONS_PER_REQUEST_MAX, RECORDS_PER_OPERATION_MAX } from '../../shared/limits.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { CONFIG_RESOURCES, INTERNAL_TOPICS, METADATA_TOPIC } from '../cluster-image.ts'
import type { ClusterImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { placeableBrokers } from '../balancer/image-state.ts'
import { placeReplicas } from '../placement.ts'
import type { RandomInt } from '../placement.ts'
import { collisionKey, topicNameFault } from '../topic-name.ts'
import { metadataRecord } from './metadata-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import type { ErrorFields } from './outcome.ts'
import { checkAssignment, partitionRecord } from './partition-records.ts'

export type CreatableTopic = CreateTopicsRequest['topics'][number]
export type CreatedTopic = CreateTopicsResponse['topics'][number]

export type TopicCreation = {
  readonly defaultPartitionCount: number
  readonly defaultReplicationFactor: number
  readonly newTopicId: () => Uuid
  readonly randomInt: RandomInt
  /** The config of a topic that does not set it. */
  readonly fallback: (name: string) => string
  /** All configs of a topic with these of its own. */
  readonly describe: (own: ConfigTexts) => DescribedConfig[]
}

/** Creates what can be created; each other topic is refused on its own. With `validateOnly` nothing is written. */
export function createTopics(image: ClusterImage, topics: readonly CreatableTopic[], validateOnly: boolean, creation: TopicCreation): ControllerResult<CreatedTopic[]> {
  const partitionCount = topics.reduce((sum, topic) => sum + Math.max(topic.assignments.length, topic.numPartitions, 0), 0)
  if (partitionCount > PARTITIONS_PER_REQUEST_MAX) {
    const excess = new KafkaError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
    return { records: [], response: topics.map(({ name }) => refused(name, errorFields(excess))) }
  }
  const names = topics.map(({ name }) => name)
  const records: MetadataRecord[] = []
  const response: CreatedTopic[] = []
  for (const [index, topic] of topics.entries()) {
    if (names.indexOf(topic.name) !== index) continue
    try {
      if (names.indexOf(topic.name, index + 1) >= 0) throw new KafkaError('INVALID_REQUEST', 'Duplicate topic name.')
      const created = createTopic(image, topic, creation)
      records.push(...created.records)
      response.push(created.response)
    } catch (error) {
      response.push(refused(topic.name, errorFields(error)))
    }
  }
  if (records.length > RECORDS_PER_OPERATION_MAX) {
    const excess = new KafkaError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
    return { records: [], response: topics.map(({ name }) => refused(name, errorFields(excess))) }
  }
  return { records: validateOnly ? [] : records, response }
}

function createTopic(image: ClusterImage, topic: CreatableTopic, creation: TopicCreation): ControllerResult<CreatedTopic> {
  checkName(image, topic.name)
  const configs = new Map(topic.configs.map(({ name, value }) => [name, value]))
  checkTopicConfigs(configs, creation.fallback, INTERNAL_TOPICS.has(topic.name))
  const own = configs as ConfigTexts
  const replicas = topic.assignments.length > 0 ? assignedReplicas(image, topic) : placedReplicas(image, topic, creation)
  const topicId = creation.newTopicId()
  const records = [
    metadataRecord('TopicRecord', { name: topic.name, topicId }),
    ...[...own].map(([name, value]) => metadataRecord('ConfigRecord', { resourceType: CONFIG_RESOURCES.TOPIC, resourceName: topic.name, name, value })),
    ...replicas.map((brokers, partition) => partitionRecord(image, topicId, partition, brokers)),
  ]
  return {
    records,
    response: {
      ...NO_ERROR,
      name: topic.name,
      topicId,
      numPartitions: replicas.length,
      replicationFactor: replicas[0]?.length ?? 0,
      configs: creation.describe(own).map((config) => ({
        name: config.name,
        value: config.value,
        readOnly: config.readOnly,
        configSource: CONFIG_SOURCES[config.source],
        isSensitive: config.sensitive,
      })),
      topicConfigErrorCode: 0,
    },
  }
}

function checkName(image: ClusterImage, name: string): void {
  const fault = topicNameFault(name)
  if (fault !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', fault)
  if (name === METADATA_TOPIC) throw new KafkaError('INVALID_REQUEST', `Creation of internal topic ${METADATA_TOPIC} is prohibited.`)
  if (image.topicsByName.has(name)) throw new KafkaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  const key = collisionKey(name)
  const other = key === undefined ? undefined : image.collidingNames.get(key)?.[0]
  if (other !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)
}

function assignedReplicas(image: ClusterImage, topic: CreatableTopic): number[][] {
  if (topic.replicationFactor !== -1) throw new KafkaError('INVALID_REQUEST', 'A manual partition assignment was specified, but replication factor was not set to -1.')
  if (topic.numPartitions !== -1) throw new KafkaError('INVALID_REQUEST', 'A manual partition assignment was specified, but numPartitions was not set to -1.')
  const byPartition = new Map<number, number[]>()
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (byPartition.has(partitionIndex)) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `Found multiple manual partition assignments for partition ${partitionIndex}`)
    checkAssignment(image, brokerIds)
    const replicationFactor = topic.assignments[0]?.brokerIds.length
    if (brokerIds.length !== replicationFactor) {
      throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), but this is not consistent with previous partitions, which have ${replicationFactor} replica(s).`)
    }
    byPartition.set(partitionIndex, brokerIds)
  }
  return topic.assignments.map((_, index) => {
    const brokers = byPartition.get(index)
    if (brokers === undefined) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence')
    return brokers
  })
}

function placedReplicas(image: ClusterImage, topic: CreatableTopic, creation: TopicCreation): number[][] {
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) throw new KafkaError('INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0, or -1 to use the default value.')
  if (topic.numPartitions < -1 || topic.numPartitions === 0) throw new KafkaError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  const count = topic.numPartitions === -1 ? creation.defaultPartitionCount : topic.numPartitions
  const replicationFactor = topic.replicationFactor === -1 ? creation.defaultReplicationFactor : topic.replicationFactor
  return placeReplicas(placeableBrokers(image), count, replicationFactor, creation.randomInt)
}

function refused(name: string, error: ErrorFields): CreatedTopic {
  return { name, topicId: ZERO_UUID, ...error, numPartitions: -1, replicationFactor: -1, configs: [], topicConfigErrorCode: 0 }
}
