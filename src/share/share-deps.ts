// What the delivery of records to share groups needs from outside.

import type { AutoOffsetReset } from '../config/auto-offset-reset.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { DeadLetterSource } from './dead-letters.ts'
import type { DeadLetters } from './share-partition.ts'
import type { SharePartitionKey } from './share-state-records.ts'
import type { StateWrite } from './share-state-shard.ts'
import type { ShareState } from './share-state.ts'

/** The settings of one share group; those of its own before the broker's. */
export type ShareGroupSettings = {
  readonly autoOffsetReset: AutoOffsetReset
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly lockDurationMs: number
  readonly deliveryCountLimit: number
  readonly recordLocksMax: number
  /** Whether members may ask for more time for a record. */
  readonly allowsRenewal: boolean
}

export type RecordToStore = { readonly key: Uint8Array | null; readonly value: Uint8Array | null; readonly timestampMs: number; readonly headers: { key: string; value: Uint8Array }[] }

export interface ShareLogs {
  readRaw(topic: string, partition: number, offset: bigint, maxBytes: number, isolation: 'read_committed' | 'read_uncommitted'): Promise<{
    readonly logStartOffset: bigint
    readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
    readonly waiting: readonly { readonly firstOffset: bigint; readonly lastOffset: bigint; readonly dueMs: bigint }[]
    readonly bytes: Uint8Array
  }>
  partitionOffsets(partitions: { topic: string; partition: number }[]): ({ logStartOffset: bigint; highWatermark: bigint; leaderEpoch: number } | null)[]
  offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<{ offset: bigint } | null>
  watch(topic: string, partition: number, onAdvance: () => void): () => void
}

/** Where states are kept; the share coordinator, wherever it is. */
export interface ShareStateStore {
  readState(key: SharePartitionKey, leaderEpoch: number): Promise<ShareState | ErrorName>
  writeState(key: SharePartitionKey, write: StateWrite): Promise<ErrorName>
}

export type PartitionLeader = { readonly leaderId: number; readonly leaderEpoch: number }
export type NodeEndpoint = { readonly nodeId: number; readonly host: string; readonly port: number; readonly rack: string | null }

/** Where records go that a group has given up. */
export interface DeadLetterQueues {
  hasQueue(groupId: string): boolean
  /** Null once they are there; a sentence where they could not be written. */
  write(source: DeadLetterSource, letters: DeadLetters): Promise<string | null>
}

export type ShareDeliveryDeps = {
  readonly logs: ShareLogs
  readonly states: ShareStateStore
  readonly deadLetters: DeadLetterQueues
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  /** `group.share.max.share.sessions` */
  readonly sessionsMax: number
  readonly nodeId: number
  topicById(topicId: Uuid): { readonly name: string; readonly partitionCount: number } | undefined
  /** Who leads a partition in which epoch, -1 for nobody. */
  leaderOf(topic: string, partition: number): PartitionLeader
  /** Where a broker listens for clients that came over this listener; undefined where that cannot be told. */
  endpointOf(nodeId: number, listener: string): NodeEndpoint | undefined
  settingsOf(groupId: string): ShareGroupSettings
}
