import type { ApiCaller } from '../../broker/api.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { MetadataResponse } from '../../protocol/messages.ts'
import type { NewTopic, Topic, TopicSummary } from '../schemas/topics.ts'
import { expectNoError, jsonInteger } from './outcome.ts'

/** How long a broker may take over a change of topics. */
const CHANGE_TIMEOUT_MS = 30_000

/** Every topic of the cluster, by name. */
export async function listTopics(caller: ApiCaller): Promise<TopicSummary[]> {
  return (await describeTopics(caller, null)).map(summaryOf)
}

/** The topics named, or all; throws UNKNOWN_TOPIC_OR_PARTITION where one is missing. */
export async function describeTopics(caller: ApiCaller, names: readonly string[] | null): Promise<Topic[]> {
  const response = await caller.call('Metadata', { topics: names === null ? null : names.map(name => ({ name })), allowAutoTopicCreation: false })
  const topics = response.topics.map(topic => {
    expectNoError(topic.errorCode, null, `topic ${topic.name}`)
    return topicOf(topic)
  })
  return topics.sort((a, b) => compareNames(a.name, b.name))
}

export async function describeTopic(caller: ApiCaller, name: string): Promise<Topic> {
  const [topic] = await describeTopics(caller, [name])
  if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} is not in the answer`)
  return topic
}

/** Returns the topic as it was created (or would be, with validateOnly). */
export async function createTopic(caller: ApiCaller, topic: NewTopic): Promise<TopicSummary> {
  const assignments = topic.replicaAssignment ?? []
  const assigned = assignments.length > 0
  const response = await caller.call('CreateTopics', {
    topics: [{
      name: topic.name,
      numPartitions: assigned ? -1 : topic.partitionCount ?? -1,
      replicationFactor: assigned ? -1 : topic.replicationFactor ?? -1,
      assignments: assignments.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
      configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
    }],
    timeoutMs: CHANGE_TIMEOUT_MS,
    validateOnly: topic.validateOnly ?? false,
  })
  const [created] = response.topics
  expectNoError(created?.errorCode ?? -1, created?.errorMessage, `topic ${topic.name}`)
  return {
    name: topic.name,
    topicId: created!.topicId,
    internal: false,
    partitionCount: created!.numPartitions,
    replicationFactor: created!.replicationFactor,
  }
}

export async function deleteTopics(caller: ApiCaller, names: readonly string[]): Promise<void> {
  const response = await caller.call('DeleteTopics', { topics: names.map(name => ({ name })), topicNames: [...names], timeoutMs: CHANGE_TIMEOUT_MS })
  for (const topic of response.responses) expectNoError(topic.errorCode, topic.errorMessage, `topic ${topic.name}`)
}

/** Raises the number of partitions to `partitionCount`. */
export async function createPartitions(caller: ApiCaller, name: string, partitionCount: number, validateOnly = false): Promise<void> {
  const response = await caller.call('CreatePartitions', {
    topics: [{ name, count: partitionCount, assignments: null }],
    timeoutMs: CHANGE_TIMEOUT_MS,
    validateOnly,
  })
  for (const topic of response.results) expectNoError(topic.errorCode, topic.errorMessage, `topic ${topic.name}`)
}

/** Deletes the records below `beforeOffset` (-1: all that consumers can read); returns the new first offset. */
export async function deleteRecords(caller: ApiCaller, name: string, partition: number, beforeOffset: bigint): Promise<number> {
  const response = await caller.call('DeleteRecords', {
    topics: [{ name, partitions: [{ partitionIndex: partition, offset: beforeOffset }] }],
    timeoutMs: CHANGE_TIMEOUT_MS,
  })
  const result = response.topics[0]?.partitions[0]
  expectNoError(result?.errorCode ?? -1, null, `partition ${name}-${partition}`)
  return jsonInteger(result!.lowWatermark)
}

function topicOf(topic: MetadataResponse['topics'][number]): Topic {
  const partitions = topic.partitions
    .map(partition => ({
      partition: partition.partitionIndex,
      leader: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes,
      isr: partition.isrNodes,
      offlineReplicas: partition.offlineReplicas,
    }))
    .sort((a, b) => a.partition - b.partition)
  return {
    name: topic.name ?? '',
    topicId: topic.topicId,
    internal: topic.isInternal,
    partitionCount: partitions.length,
    replicationFactor: partitions[0]?.replicas.length ?? 0,
    partitions,
  }
}

function summaryOf({ partitions: _, ...summary }: Topic): TopicSummary {
  return summary
}

/** By UTF-16 code units, as Kafka's tools sort; never by locale. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
