// What the handlers of metadata are given.

import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Logger, Logging } from '../../shared/logger.ts'
import type { ClusterConfigs } from '../cluster-configs.ts'
import type { MetadataRuntime } from '../metadata-runtime.ts'
import type { RandomInt } from '../placement.ts'
import type { TopicCreator } from '../topic-creator.ts'

type TopicPartition = { topic: string; partition: number }

/** What the handlers ask of partitions' logs; each is null where this node has no such log. */
export interface PartitionLogs {
  partitionOffsets(partitions: TopicPartition[]): ({ highWatermark: bigint; logEndOffset: bigint; leaderEpoch: number; sizeBytes: number; logDir: string } | null)[]
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): Promise<bigint>
  describeProducers(topic: string, partition: number): ProducerState[] | null
  logDirs(): { path: string; error: string | null; totalBytes: bigint; usableBytes: bigint }[]
}

/** Where replicas of this broker are to lie (KIP-113). */
export interface ReplicaDirectories {
  /** Throws a KafkaError where a replica cannot come to lie in `logDir`, or not yet. */
  place(topic: string, partition: number, logDir: string): void
  /** Copies that are not whole yet. */
  future(): Promise<(TopicPartition & { readonly logDir: string; readonly sizeBytes: number; readonly offsetLag: bigint })[]>
  /** Whether a log directory takes no new replicas (KIP-1066). */
  isCordoned(logDir: string): boolean
}

export type ProducerState = {
  producerId: bigint
  producerEpoch: number
  lastSequence: number
  lastTimestampMs: number
  coordinatorEpoch: number
  currentTxnStartOffset: bigint
}

export type MetadataHandlersDeps = {
  readonly runtime: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly config: BrokerConfig
  readonly topicCreator: TopicCreator
  readonly logs: PartitionLogs
  readonly directories: ReplicaDirectories
  readonly logging: Logging
  readonly logger: Logger
  readonly randomInt: RandomInt
}
