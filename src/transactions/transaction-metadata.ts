// What the coordinator knows of one transactional id, as an immutable value. `__transaction_state` holds one record of
// it per id; all but `lastProducerEpoch` survive a reload.

import type { TopicPartition } from './topic-partition.ts'

/** `Dead` and `PrepareEpochFence` are names that Kafka's tools know; no transaction here is ever in them. */
export const TRANSACTION_STATES = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence'] as const
export type TransactionStateName = (typeof TRANSACTION_STATES)[number]
export type TransactionState = Exclude<TransactionStateName, 'Dead' | 'PrepareEpochFence'>

/** How a client runs its transactions: 0 adds partitions by request; 2 adds them by writing and gets a new epoch with each transaction (KIP-890). */
export type ClientTransactionVersion = 0 | 2

export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>

export type TransactionMetadata = {
  readonly transactionalId: string
  readonly producerId: bigint
  /** The producer id before the last change of this value; differs from `producerId` once epochs ran out. */
  readonly previousProducerId: bigint
  /** The producer id that takes over when the transaction completes, -1 if this one stays. */
  readonly nextProducerId: bigint
  readonly producerEpoch: number
  /** The epoch a producer may repeat its InitProducerId with, -1 for none (KIP-360). */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  readonly partitions: PartitionSet
  /** -1 before the first transaction. */
  readonly startTimestampMs: number
  readonly lastUpdateTimestampMs: number
  readonly clientTransactionVersion: ClientTransactionVersion
}

export const NO_PRODUCER_ID = -1n
export const NO_PRODUCER_EPOCH = -1
export const PRODUCER_EPOCH_MAX = 32_767
export const NO_PARTITIONS: PartitionSet = new Map()

/** The highest epoch is kept for fencing the producer that holds the last but one. */
export function isEpochExhausted(producerEpoch: number): boolean {
  return producerEpoch >= PRODUCER_EPOCH_MAX - 1
}

/** Decided, but not every partition has its marker yet. */
export function isCompleting(metadata: TransactionMetadata): boolean {
  return metadata.state === 'PrepareCommit' || metadata.state === 'PrepareAbort'
}

export function hasPartition(set: PartitionSet, { topic, partition }: TopicPartition): boolean {
  return set.get(topic)?.has(partition) ?? false
}

export function addPartitions(set: PartitionSet, added: readonly TopicPartition[]): PartitionSet {
  const result = new Map(set)
  for (const { topic, partition } of added) result.set(topic, new Set(result.get(topic)).add(partition))
  return result
}

export function listPartitions(set: PartitionSet): TopicPartition[] {
  return [...set].flatMap(([topic, partitions]) => [...partitions].map((partition) => ({ topic, partition })))
}
