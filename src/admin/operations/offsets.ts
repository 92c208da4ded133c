import type { ApiCaller } from '../../broker/api.ts'
import { errorName, type ErrorName } from '../../protocol/error-codes.ts'

/** Special timestamps of ListOffsets. */
export const EARLIEST = -2n
export const LATEST = -1n
export const MAX_TIMESTAMP = -3n

export type PartitionRef = { topic: string; partition: number }
export type OffsetQuery = PartitionRef & { timestampMs: bigint }
/** `offset` is null where the log holds no record at or after the timestamp. */
export type FoundOffset = PartitionRef & { offset: bigint | null; timestampMs: bigint | null; error: ErrorName | null }

/** Looks offsets up, in the order asked; an error of one partition is reported with it, not thrown. */
export async function findOffsets(caller: ApiCaller, queries: readonly OffsetQuery[], readCommitted = false): Promise<FoundOffset[]> {
  if (queries.length === 0) return []
  const topics = groupByTopic(queries, query => ({ partitionIndex: query.partition, timestamp: query.timestampMs }))
  const response = await caller.call('ListOffsets', {
    replicaId: -1,
    isolationLevel: readCommitted ? 1 : 0,
    topics: topics.map(({ topic, partitions }) => ({ name: topic, partitions })),
  })
  const found = new Map(response.topics.flatMap(topic => topic.partitions.map(partition => [partitionKey(topic.name, partition.partitionIndex), partition] as const)))
  return queries.map(({ topic, partition }) => {
    const result = found.get(partitionKey(topic, partition))
    if (result === undefined) return { topic, partition, offset: null, timestampMs: null, error: 'UNKNOWN_TOPIC_OR_PARTITION' }
    if (result.errorCode !== 0) return { topic, partition, offset: null, timestampMs: null, error: errorName(result.errorCode) }
    return {
      topic,
      partition,
      offset: result.offset < 0n ? null : result.offset,
      timestampMs: result.timestamp < 0n ? null : result.timestamp,
      error: null,
    }
  })
}

/** The requests' form of a list of partitions: one entry for each topic, in the order first met. */
export function groupByTopic<T extends PartitionRef, P>(partitions: readonly T[], toPartition: (partition: T) => P): { topic: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>()
  for (const partition of partitions) {
    const listed = topics.get(partition.topic)
    if (listed === undefined) topics.set(partition.topic, [toPartition(partition)])
    else listed.push(toPartition(partition))
  }
  return [...topics].map(([topic, listed]) => ({ topic, partitions: listed }))
}

export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
