import { Type } from '@sinclair/typebox'
import { KafkaError } from '../../protocol/error-codes.ts'
import { route } from '../http/route.ts'
import { alterConfigs, describeConfigs } from '../operations/configs.ts'
import { createPartitions, createTopic, deleteRecords, deleteTopics, describeTopic, listTopics } from '../operations/topics.ts'
import { ConfigChanges, Configs } from '../schemas/configs.ts'
import { PartitionIndex, TopicName } from '../schemas/fields.ts'
import { LowWatermark, NewPartitions, NewTopic, PartitionLogs, RecordsDeletion, Segments, Topic, TopicSummary } from '../schemas/topics.ts'

const OneTopic = Type.Object({ topic: TopicName })
const OnePartition = Type.Object({ topic: TopicName, partition: PartitionIndex })

export const topicRoutes = [
  route({
    method: 'GET',
    path: '/topics',
    operationId: 'listTopics',
    summary: 'All topics, by name.',
    response: Type.Object({ topics: Type.Array(TopicSummary) }),
    answer: async ({ caller }) => ({ topics: await listTopics(caller) }),
  }),
  route({
    method: 'POST',
    path: '/topics',
    operationId: 'createTopic',
    summary: 'Creates a topic.',
    body: NewTopic,
    response: TopicSummary,
    status: 201,
    answer: ({ caller }, { body }) => createTopic(caller, body),
  }),
  route({
    method: 'GET',
    path: '/topics/{topic}',
    operationId: 'describeTopic',
    summary: 'A topic with leaders and replicas of its partitions.',
    params: OneTopic,
    response: Topic,
    answer: ({ caller }, { params }) => describeTopic(caller, params.topic),
  }),
  route({
    method: 'PATCH',
    path: '/topics/{topic}',
    operationId: 'createPartitions',
    summary: 'Gives a topic more partitions.',
    params: OneTopic,
    body: NewPartitions,
    response: Topic,
    answer: async ({ caller }, { params, body }) => {
      await createPartitions(caller, params.topic, body.partitionCount, body.validateOnly)
      return describeTopic(caller, params.topic)
    },
  }),
  route({
    method: 'DELETE',
    path: '/topics/{topic}',
    operationId: 'deleteTopic',
    summary: 'Deletes a topic and all its records.',
    params: OneTopic,
    response: null,
    answer: ({ caller }, { params }) => deleteTopics(caller, [params.topic]),
  }),
  route({
    method: 'GET',
    path: '/topics/{topic}/configs',
    operationId: 'describeTopicConfigs',
    summary: 'Every config of a topic, with where its value comes from.',
    params: OneTopic,
    response: Configs,
    answer: async ({ caller }, { params }) => ({ configs: await describeConfigs(caller, { type: 'topic', name: params.topic }, true) }),
  }),
  route({
    method: 'PATCH',
    path: '/topics/{topic}/configs',
    operationId: 'alterTopicConfigs',
    summary: 'Changes configs of a topic; all of the changes or none.',
    params: OneTopic,
    body: ConfigChanges,
    response: Configs,
    answer: async ({ caller }, { params, body }) => {
      await alterConfigs(caller, { type: 'topic', name: params.topic }, body)
      return { configs: await describeConfigs(caller, { type: 'topic', name: params.topic }) }
    },
  }),
  route({
    method: 'GET',
    path: '/topics/{topic}/partitions',
    operationId: 'describePartitionLogs',
    summary: 'Offsets and sizes of the logs that this broker has of a topic.',
    params: OneTopic,
    response: PartitionLogs,
    answer: async ({ caller, dataPlane }, { params }) => {
      const { partitionCount } = await describeTopic(caller, params.topic)
      const partitions = Array.from({ length: partitionCount }, (_, partition) => ({ topic: params.topic, partition }))
      const logs = dataPlane.partitionOffsets(partitions).flatMap((log, partition) =>
        log === null ? [] : [{
          partition,
          leaderEpoch: log.leaderEpoch,
          logStartOffset: Number(log.logStartOffset),
          highWatermark: Number(log.highWatermark),
          lastStableOffset: Number(log.lastStableOffset),
          logEndOffset: Number(log.logEndOffset),
          sizeBytes: log.sizeBytes,
          segmentCount: log.segmentCount,
          logDir: log.logDir,
        }],
      )
      return { name: params.topic, partitions: logs }
    },
  }),
  route({
    method: 'GET',
    path: '/topics/{topic}/partitions/{partition}/segments',
    operationId: 'listSegments',
    summary: 'The segments of a log, oldest first.',
    params: OnePartition,
    response: Segments,
    answer: async ({ dataPlane }, { params }) => {
      const segments = dataPlane.listSegments(params.topic, params.partition)
      if (segments === null) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
      return { segments: segments.map((segment) => ({ ...segment, baseOffset: Number(segment.baseOffset) })) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/topics/{topic}/partitions/{partition}/records',
    operationId: 'deleteRecords',
    summary: 'Deletes the records below an offset.',
    params: OnePartition,
    body: RecordsDeletion,
    response: LowWatermark,
    answer: async ({ caller }, { params, body }) => ({ logStartOffset: await deleteRecords(caller, params.topic, params.partition, BigInt(body.beforeOffset)) }),
  }),
]
