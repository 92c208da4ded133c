// DescribeLogDirs, AlterReplicaLogDirs, DeleteRecords and DescribeProducers: questions and orders to partitions' logs.

import type { Encodable } from '../../protocol/api-keys.ts'
import { ERRORS, errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, DeleteRecordsRequest, DeleteRecordsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeProducersRequest, DescribeProducersResponse } from '../../protocol/messages.ts'
import { asKafkaError } from '../controller/outcome.ts'
import { topicNameFault } from '../topic-name.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'

type LogDirPartition = { partitionIndex: number; partitionSize: bigint; offsetLag: bigint; isFutureKey: boolean }

export async function describeLogDirs({ runtime, logs, directories }: MetadataHandlersDeps, request: DescribeLogDirsRequest): Promise<Encodable<DescribeLogDirsResponse>> {
  const image = runtime.image
  const asked = (request.topics ?? [...image.topicsByName.values()].map(({ name, partitions }) => ({ topic: name, partitions: partitions.map(({ index }) => index) }))).flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  )
  const byDir = new Map<string, Map<string, LogDirPartition[]>>()
  const add = (logDir: string, topic: string, partition: LogDirPartition): void => {
    const topics = byDir.get(logDir) ?? new Map<string, LogDirPartition[]>()
    byDir.set(logDir, topics)
    const partitions = topics.get(topic) ?? []
    topics.set(topic, partitions)
    partitions.push(partition)
  }
  for (const [index, offsets] of logs.partitionOffsets(asked).entries()) {
    const partition = asked[index]
    if (offsets === null || partition === undefined || !image.topicsByName.has(partition.topic)) continue
    add(offsets.logDir, partition.topic, { partitionIndex: partition.partition, partitionSize: BigInt(offsets.sizeBytes), offsetLag: 0n, isFutureKey: false })
  }
  const isAsked = new Set(asked.map(({ topic, partition }) => `${topic}-${partition}`))
  for (const { topic, partition, logDir, sizeBytes, offsetLag } of await directories.future()) {
    if (isAsked.has(`${topic}-${partition}`)) add(logDir, topic, { partitionIndex: partition, partitionSize: BigInt(sizeBytes), offsetLag, isFutureKey: true })
  }
  const results = logs.logDirs().map(({ path, error, totalBytes, usableBytes }) => ({
    errorCode: error === null ? 0 : errorCode('KAFKA_STORAGE_ERROR'),
    logDir: path,
    topics: [...(byDir.get(path) ?? [])].map(([name, partitions]) => ({ name, partitions })),
    totalBytes,
    usableBytes,
    isCordoned: directories.isCordoned(path),
  }))
  return { results }
}

/** KIP-113; what is asked for goes on after the answer. */
export function alterReplicaLogDirs(deps: MetadataHandlersDeps, { dirs }: AlterReplicaLogDirsRequest): Encodable<AlterReplicaLogDirsResponse> {
  const outcomes = new Map<string, Map<number, number>>()
  // A replica that is named for several directories goes to the last of them.
  for (const { path, topics } of dirs) {
    for (const { name, partitions } of topics) {
      const codes = outcomes.get(name) ?? new Map<number, number>()
      outcomes.set(name, codes)
      for (const partition of partitions) codes.set(partition, placeReplica(deps, name, partition, path))
    }
  }
  return { results: [...outcomes].map(([topicName, codes]) => ({ topicName, partitions: [...codes].map(([partitionIndex, code]) => ({ partitionIndex, errorCode: code })) })) }
}

function placeReplica({ directories, logger }: MetadataHandlersDeps, topic: string, partition: number, logDir: string): number {
  try {
    directories.place(topic, partition, logDir)
    return 0
  } catch (error) {
    const refusal = asKafkaError(error)
    if (refusal !== undefined) return refusal.errorCode
    logger.error('cannot move a replica', { error })
    return errorCode('UNKNOWN_SERVER_ERROR')
  }
}

const NO_LOW_WATERMARK = -1n

export async function deleteRecords(deps: MetadataHandlersDeps, request: DeleteRecordsRequest): Promise<Encodable<DeleteRecordsResponse>> {
  const topics = await Promise.all(
    request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, offset }) => {
          try {
            return { partitionIndex, lowWatermark: await deleteBefore(deps, name, partitionIndex, offset), errorCode: 0 }
          } catch (error) {
            return { partitionIndex, lowWatermark: NO_LOW_WATERMARK, errorCode: refusalOf(deps, error).errorCode }
          }
        }),
      ),
    })),
  )
  return { topics }
}

async function deleteBefore({ runtime, config, configs, logs }: MetadataHandlersDeps, topic: string, partition: number, offset: bigint): Promise<bigint> {
  const image = runtime.image
  const found = image.topicsByName.get(topic)
  const leader = found?.partitions[partition]?.leader
  if (found === undefined || leader === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  if (found.internal) throw new KafkaError('INVALID_TOPIC_EXCEPTION')
  // A client that hears this looks for the leader again; a broker without a replica knows nothing of the log.
  if (leader !== config.nodeId) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
  const policy = configs.topicSettings(image, topic)['cleanup.policy']
  if (policy.includes('compact') && !policy.includes('delete')) throw new KafkaError('POLICY_VIOLATION')
  return await logs.deleteRecords(topic, partition, offset)
}

export function describeProducers(deps: MetadataHandlersDeps, request: DescribeProducersRequest): Encodable<DescribeProducersResponse> {
  const topics = request.topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...producersOf(deps, name, partitionIndex) })) }))
  return { topics }
}

type ProducersOfPartition = Omit<Encodable<DescribeProducersResponse['topics'][number]['partitions'][number]>, 'partitionIndex'>

function producersOf({ runtime, config, logs }: MetadataHandlersDeps, topic: string, partition: number): ProducersOfPartition {
  const fault = topicNameFault(topic)
  if (fault !== undefined) return { errorCode: errorCode('INVALID_TOPIC_EXCEPTION'), errorMessage: fault }
  if (!runtime.image.topicsByName.has(topic)) return { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: ERRORS.UNKNOWN_TOPIC_OR_PARTITION.message }
  const leader = runtime.image.topicsByName.get(topic)?.partitions[partition]?.leader
  if (leader !== undefined && leader !== config.nodeId) return { errorCode: errorCode('NOT_LEADER_OR_FOLLOWER'), errorMessage: ERRORS.NOT_LEADER_OR_FOLLOWER.message }
  const producers = logs.describeProducers(topic, partition)
  if (producers === null) return { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: null }
  return { errorMessage: null, activeProducers: producers.map(({ lastTimestampMs, ...producer }) => ({ ...producer, lastTimestamp: BigInt(lastTimestampMs) })) }
}

function refusalOf({ logger }: MetadataHandlersDeps, error: unknown): KafkaError {
  const refusal = asKafkaError(error)
  if (refusal !== undefined) return refusal
  logger.error('cannot delete records', { error })
  return new KafkaError('UNKNOWN_SERVER_ERROR')
}
