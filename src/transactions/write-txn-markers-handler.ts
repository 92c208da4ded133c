// WriteTxnMarkers: markers on behalf of another coordinator, or of an operator who ends a hanging transaction (KIP-664).

import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { KafkaError, errorCode } from '../protocol/error-codes.ts'
import type { MarkerWriter } from './marker-sender.ts'
import type { TopicPartition } from './topic-partition.ts'

type Request = RequestOf<'WriteTxnMarkers'>
type MarkerResult = ResponseOf<'WriteTxnMarkers'>['markers'][number]

export type WriteTxnMarkersDeps = { readonly markers: MarkerWriter; partitionCount(topic: string): number | undefined }

/** One result per producer id, as in Kafka, also where a request names it more than once. */
export async function writeTxnMarkers(deps: WriteTxnMarkersDeps, request: Request): Promise<Encodable<ResponseOf<'WriteTxnMarkers'>>> {
  const results = new Map<bigint, MarkerResult>()
  await Promise.all(
    request.markers.map(async (marker) => {
      const partitions = marker.topics.flatMap(({ name, partitionIndexes }) => partitionIndexes.map((partition) => ({ topic: name, partition })))
      const errors = await Promise.all(partitions.map((partition) => writeOne(deps, partition, marker)))
      const result = results.get(marker.producerId) ?? { producerId: marker.producerId, topics: [] }
      results.set(marker.producerId, result)
      for (const [index, partition] of partitions.entries()) setError(result, partition, errors[index] ?? null)
    }),
  )
  return { markers: [...results.values()] }
}

async function writeOne(deps: WriteTxnMarkersDeps, partition: TopicPartition, marker: Request['markers'][number]): Promise<ErrorName | null> {
  if (partition.partition < 0 || partition.partition >= (deps.partitionCount(partition.topic) ?? 0)) return 'UNKNOWN_TOPIC_OR_PARTITION'
  try {
    await deps.markers.write(partition, marker.producerId, marker.producerEpoch, marker.coordinatorEpoch, marker.transactionResult, marker.transactionVersion >= 2)
    return null
  } catch (error) {
    return markerErrorName(error)
  }
}

/**
 * A transaction coordinator expects the errors of a partition, not those of the group coordinator behind it. The partition
 * exists, so where there is nothing of it here it is led elsewhere.
 */
function markerErrorName(error: unknown): ErrorName {
  if (!(error instanceof KafkaError)) return 'UNKNOWN_SERVER_ERROR'
  const { errorName } = error
  return errorName === 'COORDINATOR_NOT_AVAILABLE' || errorName === 'COORDINATOR_LOAD_IN_PROGRESS' || errorName === 'NOT_COORDINATOR' || errorName === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'NOT_LEADER_OR_FOLLOWER' : errorName
}

function setError(result: MarkerResult, { topic, partition }: TopicPartition, error: ErrorName | null): void {
  let topicResult = result.topics.find(({ name }) => name === topic)
  if (topicResult === undefined) result.topics.push((topicResult = { name: topic, partitions: [] }))
  topicResult.partitions.push({ partitionIndex: partition, errorCode: error === null ? 0 : errorCode(error) })
}
