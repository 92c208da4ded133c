// OffsetCommit, OffsetFetch, OffsetDelete and the part of TxnOffsetCommit that concerns offsets. Topics come by name or,
// from version 10 on, by id; partitions that do not exist are sorted out here.

import type { BatchProducer } from '../../coordinator/coordinator-log.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { GroupCoordinator } from '../group-coordinator.ts'
import type { Committer } from '../group.ts'
import type { FetchedGroup, FetchGroup, FetchTopic, PartitionCommit, PartitionResult, TopicCommit } from '../offsets/offset-manager.ts'
import type { TopicLookup, TopicSummary } from '../topic-lookup.ts'

const TOPIC_ID_VERSION = 10
/** The same of TxnOffsetCommit (KIP-1319). */
const TXN_TOPIC_ID_VERSION = 6
const GROUPS_VERSION = 8
const TOP_LEVEL_ERROR_VERSION = 2

type RequestedTopic<P> = { readonly name: string; readonly topicId: Uuid; readonly partitions: readonly P[] }
type TopicResults = { name: string; topicId: Uuid; partitions: PartitionResult[] }[]

export async function offsetCommit(coordinator: GroupCoordinator, topics: TopicLookup, apiVersion: number, request: RequestOf<'OffsetCommit'>): Promise<Encodable<ResponseOf<'OffsetCommit'>>> {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = request
  const committer = { memberId, groupInstanceId, generationIdOrMemberEpoch, transactional: false, apiVersion }
  return { topics: await commit(coordinator, topics, apiVersion >= TOPIC_ID_VERSION, groupId, committer, request.retentionTimeMs, request.topics, null) }
}

/** Writes the offsets into the producer's transaction. Whether that is open is the transaction coordinator's to say, before. */
export async function txnOffsetCommit(coordinator: GroupCoordinator, topics: TopicLookup, apiVersion: number, request: RequestOf<'TxnOffsetCommit'>): Promise<Encodable<ResponseOf<'TxnOffsetCommit'>>> {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, producerId, producerEpoch } = request
  const committer = { memberId, groupInstanceId, generationIdOrMemberEpoch, transactional: true, apiVersion }
  return { topics: await commit(coordinator, topics, apiVersion >= TXN_TOPIC_ID_VERSION, groupId, committer, -1n, request.topics, { producerId, producerEpoch, transactional: true }) }
}

/** What is answered where the offsets are not written, for this reason. */
export function refusedTxnOffsetCommit(topics: TopicLookup, apiVersion: number, request: RequestOf<'TxnOffsetCommit'>, error: ErrorName): Encodable<ResponseOf<'TxnOffsetCommit'>> {
  const code = errorCode(error)
  return {
    topics: request.topics.map((topic) => {
      const { known, result } = sortOut(topics, topic, apiVersion >= TXN_TOPIC_ID_VERSION)
      return { ...result, partitions: [...result.partitions, ...known.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code }))] }
    }),
  }
}

async function commit(
  coordinator: GroupCoordinator, topics: TopicLookup, byId: boolean, groupId: string, committer: Committer, retentionMs: bigint,
  requested: readonly RequestedTopic<PartitionCommit>[], producer: BatchProducer | null,
): Promise<TopicResults> {
  const commits: TopicCommit[] = []
  const commitIndexes: number[] = []
  const results = requested.map((topic, index) => {
    const { found, known, result } = sortOut(topics, topic, byId)
    if (found !== undefined && known.length > 0) {
      commits.push({ name: found.name, topicId: found.id, partitions: known })
      commitIndexes.push(index)
    }
    return result
  })
  if (commits.length === 0) return results
  const committed = await coordinator.commitOffsets({ groupId, committer, retentionMs, topics: commits }, producer)
  committed.forEach((partitions, index) => results[commitIndexes[index] ?? -1]?.partitions.push(...partitions))
  return results
}

/** The partitions that exist, and a result that holds those that do not. */
function sortOut<P extends { readonly partitionIndex: number }>(topics: TopicLookup, topic: RequestedTopic<P>, byId: boolean): { found: TopicSummary | undefined; known: P[]; result: TopicResults[number] } {
  const found = byId ? topics.byId(topic.topicId) : topics.byName(topic.name)
  const missing = errorCode(byId && found === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  const exists = ({ partitionIndex }: P): boolean => found !== undefined && partitionIndex >= 0 && partitionIndex < found.partitionCount
  const partitions = topic.partitions.filter((partition) => !exists(partition)).map(({ partitionIndex }) => ({ partitionIndex, errorCode: missing }))
  return { found, known: topic.partitions.filter(exists), result: { name: topic.name, topicId: topic.topicId, partitions } }
}

export function offsetFetch(coordinator: GroupCoordinator, topics: TopicLookup, apiVersion: number, request: RequestOf<'OffsetFetch'>): Encodable<ResponseOf<'OffsetFetch'>> {
  const { requireStable } = request
  if (apiVersion >= GROUPS_VERSION) {
    const byId = apiVersion >= TOPIC_ID_VERSION
    return { groups: request.groups.map((group) => fetchGroup(coordinator, group, resolveTopics(topics, group.topics, byId), requireStable, byId)) }
  }
  const wanted = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null
  const group: FetchGroup = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics: wanted }
  const fetched = coordinator.fetchOffsets(group, wanted, requireStable)
  const error = fetched.errorCode ?? 0
  if (error === 0 || apiVersion >= TOP_LEVEL_ERROR_VERSION) return { errorCode: error, topics: namedTopics(fetched) }
  // Version 1 has no room for the error but each partition.
  return {
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1n, metadata: '', errorCode: error })),
    })),
  }
}

function fetchGroup(coordinator: GroupCoordinator, group: FetchGroup, wanted: FetchTopic[] | null, requireStable: boolean, byId: boolean): FetchedGroup {
  const fetched = coordinator.fetchOffsets(group, wanted, requireStable)
  if (!byId || wanted !== null) return fetched
  // Offsets of a topic that is gone have no id to be told by.
  return { ...fetched, topics: (fetched.topics ?? []).filter((topic) => topic.topicId !== ZERO_UUID) }
}

function namedTopics(fetched: FetchedGroup): NonNullable<Encodable<ResponseOf<'OffsetFetch'>>['topics']> {
  return (fetched.topics ?? []).map(({ name, partitions }) => ({ name, partitions }))
}

function resolveTopics(topics: TopicLookup, requested: FetchGroup['topics'], byId: boolean): FetchTopic[] | null {
  if (requested === null) return null
  return requested.map(({ name, topicId, partitionIndexes }) => byId
    ? { name: topics.byId(topicId)?.name ?? null, topicId, partitionIndexes }
    : { name, topicId: ZERO_UUID, partitionIndexes })
}

export async function offsetDelete(coordinator: GroupCoordinator, topics: TopicLookup, request: RequestOf<'OffsetDelete'>): Promise<Encodable<ResponseOf<'OffsetDelete'>>> {
  const sorted = request.topics.map((topic) => ({ topic, ...sortOut(topics, { ...topic, topicId: ZERO_UUID }, false) }))
  const known = sorted.filter((each) => each.known.length > 0)
  try {
    const deleted = await coordinator.deleteOffsets(request.groupId, known.map(({ topic, known: partitions }) => ({ name: topic.name, partitions: partitions.map((partition) => partition.partitionIndex) })))
    deleted.forEach((partitions, index) => known[index]?.result.partitions.push(...partitions))
    return { topics: sorted.map(({ result: { name, partitions } }) => ({ name, partitions })) }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    const name: ErrorName = error.errorName
    return { errorCode: errorCode(name) }
  }
}
