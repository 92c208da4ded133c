// How each API says that the whole request failed. Most have an error code at the top; the others repeat it for
// everything they were asked about.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { ERRORS, KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { MillraceError } from '../shared/errors.ts'

/** The protocol outcome that an error stands for; UNKNOWN_SERVER_ERROR for a bug. */
export function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error
  if (error instanceof MillraceError && Object.hasOwn(ERRORS, error.code)) return new KafkaError(error.code as ErrorName, error.message, error)
  return new KafkaError('UNKNOWN_SERVER_ERROR', undefined, error)
}

type Failure = { readonly errorCode: number; readonly errorMessage: string }
type Writer<N extends ApiName> = (request: RequestOf<N>, failure: Failure, apiVersion: number) => Encodable<ResponseOf<N>>

const topicsAndPartitions = (
  topics: readonly { name: string; partitions: readonly { partitionIndex: number }[] }[],
  { errorCode }: Failure,
): { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[] =>
  topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }))

const groupsOf = (groupIds: readonly string[], { errorCode, errorMessage }: Failure): { groupId: string; errorCode: number; errorMessage: string }[] =>
  groupIds.map((groupId) => ({ groupId, errorCode, errorMessage }))

const WRITERS: { readonly [N in ApiName]?: Writer<N> } = {
  // A name may be null in a request from version 10, in a response from version 12 on.
  Metadata: (request, { errorCode }, apiVersion) => ({
    errorCode,
    topics: (request.topics ?? []).map(({ name, topicId }) => ({ name: apiVersion >= 12 ? name : (name ?? ''), topicId, errorCode })),
  }),
  OffsetCommit: (request, failure) => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: failure.errorCode })),
    })),
  }),
  OffsetFetch: (request, { errorCode }, apiVersion) => {
    if (apiVersion >= 8) return { groups: request.groups.map(({ groupId }) => ({ groupId, errorCode })) }
    // Version 1 has no error but that of a partition.
    const topics = (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1n, errorCode })),
    }))
    return { errorCode, topics }
  },
  FindCoordinator: (request, failure) => ({
    ...failure,
    nodeId: -1,
    port: -1,
    coordinators: request.coordinatorKeys.map((key) => ({ key, nodeId: -1, host: '', port: -1, ...failure })),
  }),
  DescribeGroups: (request, failure) => ({ groups: groupsOf(request.groups, failure) }),
  ConsumerGroupDescribe: (request, failure) => ({ groups: groupsOf(request.groupIds, failure) }),
  ShareGroupDescribe: (request, failure) => ({ groups: groupsOf(request.groupIds, failure) }),
  DescribeShareGroupOffsets: (request, failure) => ({ groups: groupsOf(request.groups.map(({ groupId }) => groupId), failure) }),
  StreamsGroupDescribe: (request, failure) => ({ groups: groupsOf(request.groupIds, failure) }),
  DeleteGroups: (request, { errorCode }) => ({ results: request.groupsNames.map((groupId) => ({ groupId, errorCode })) }),
  CreateTopics: (request, failure) => ({ topics: request.topics.map(({ name }) => ({ name, ...failure })) }),
  DeleteTopics: (request, failure, apiVersion) => ({
    responses: apiVersion >= 6 ? request.topics.map(({ name, topicId }) => ({ name, topicId, ...failure })) : request.topicNames.map((name) => ({ name, ...failure })),
  }),
  CreatePartitions: (request, failure) => ({ results: request.topics.map(({ name }) => ({ name, ...failure })) }),
  DeleteRecords: (request, { errorCode }) => ({
    topics: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, lowWatermark: -1n })) })),
  }),
  DescribeConfigs: (request, failure) => ({ results: request.resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...failure })) }),
  AlterConfigs: (request, failure) => ({ responses: request.resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...failure })) }),
  AlterReplicaLogDirs: (request, { errorCode }) => ({
    results: request.dirs.flatMap(({ topics }) =>
      topics.map(({ name, partitions }) => ({ topicName: name, partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode })) })),
    ),
  }),
  CreateAcls: (request, failure) => ({ results: request.creations.map(() => failure) }),
  DeleteAcls: (request, failure) => ({ filterResults: request.filters.map(() => ({ ...failure, matchingAcls: [] })) }),
  // Version 0 has no error but that of a partition.
  ElectLeaders: (request, failure) => ({
    errorCode: failure.errorCode,
    replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({ topic, partitionResult: partitions.map((partitionId) => ({ partitionId, ...failure })) })),
  }),
  IncrementalAlterConfigs: (request, failure) => ({ responses: request.resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, ...failure })) }),
  AddPartitionsToTxn: (request, failure, apiVersion) => {
    const errorsOf = (topics: readonly { name: string; partitions: readonly number[] }[]) =>
      topics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: failure.errorCode })),
      }))
    if (apiVersion >= 4) return { errorCode: failure.errorCode }
    return { resultsByTopicV3AndBelow: errorsOf(request.v3AndBelowTopics) }
  },
  TxnOffsetCommit: (request, failure) => ({ topics: topicsAndPartitions(request.topics, failure) }),
  WriteTxnMarkers: (request, { errorCode }) => ({
    markers: request.markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })) })),
    })),
  }),
  DescribeTransactions: (request, { errorCode }) => ({ transactionStates: request.transactionalIds.map((transactionalId) => ({ transactionalId, errorCode })) }),
  DescribeTopicPartitions: (request, { errorCode }) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) }),
  DescribeProducers: (request, failure) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...failure })) })),
  }),
}

/** The response that tells every part of the request of the failure. */
export function errorResponse<N extends ApiName>(api: N, apiVersion: number, request: unknown, error: KafkaError): Encodable<ResponseOf<N>> {
  const failure: Failure = { errorCode: error.errorCode, errorMessage: error.message }
  const writer = WRITERS[api] as Writer<N> | undefined
  return writer === undefined ? (failure as unknown as Encodable<ResponseOf<N>>) : writer(request as RequestOf<N>, failure, apiVersion)
}
