// What the runtime needs of the partitions of its internal topic, as the data plane offers it.

import type { CoordinatorRecord } from './coordinator-shard.ts'

/** The producer a batch is written for, where it is part of a transaction. */
export type BatchProducer = { producerId: bigint; producerEpoch: number; transactional: boolean }

export type StoredRecord = { offset: bigint; timestampMs: number; key: Uint8Array | null; value: Uint8Array | null }

/** A decoded batch; a control batch carries the marker instead of records. */
export type StoredBatch = {
  baseOffset: bigint
  lastOffset: bigint
  producerId: bigint
  producerEpoch: number
  transactional: boolean
  control: { type: 'COMMIT' | 'ABORT' | 'OTHER'; coordinatorEpoch: number } | null
  records: StoredRecord[]
}

export type LogOffsets = { logStartOffset: bigint; highWatermark: bigint; logEndOffset: bigint; leaderEpoch: number }

export interface CoordinatorLog {
  /**
   * Appends one batch; resolves with its base offset once it is committed. Appends take effect in the order of the calls.
   * Rejects with NOT_LEADER_OR_FOLLOWER where this broker does not lead the partition, or stops to before the commit.
   */
  append(topic: string, partition: number, records: CoordinatorRecord[], producer: BatchProducer | null): Promise<bigint>
  /** Appends a transaction marker (KIP-98); resolves once it is committed. */
  appendMarker(topic: string, partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void>
  /** Batches from the one that holds `offset` on, up to `maxBytes` but at least one, none behind the high watermark. */
  read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]>
  /** Null where this broker does not have the partition. */
  offsets(topic: string, partition: number): LogOffsets | null
  /** Calls `onAdvance` once when more is committed in the partition, or when it stops. Returns what ends the watch. */
  watch(topic: string, partition: number, onAdvance: () => void): () => void
}
