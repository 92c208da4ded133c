// The log that metadata changes go through: replicated, or a partition of this node; nobody above knows.

import { decodeMetadataRecord, encodeMetadataRecord } from '../protocol/codec.ts'
import type { MetadataRecord } from '../protocol/codec.ts'
import { ZERO_UUID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { METADATA_TOPIC } from './cluster-image.ts'

/** `offset` is that of the first record. */
export type CommittedHandler = (offset: bigint, records: readonly MetadataRecord[]) => void

/** Who keeps the log, where the others reach it (`host` is empty for a node that is alone), and how far each is; times in milliseconds since 1970, -1 for unknown. */
export type QuorumDescription = {
  readonly leaderId: number
  readonly epoch: number
  readonly highWatermark: bigint
  readonly replicas: readonly { nodeId: number; directoryId: Uuid; host: string; port: number; isVoter: boolean; logEndOffset: bigint; lastFetchMs: number; lastCaughtUpMs: number }[]
}

export interface MetadataLog {
  /** Appends records as one; resolves once they are committed and were handed to `onCommitted`, with the offset of the first. Where it rejects they may still be committed later. */
  append(records: readonly MetadataRecord[]): Promise<bigint>
  /** Hands over all committed records in order, in steps of many; `offset` is that of the first of a step. */
  replay(onRecords: (offset: bigint, records: MetadataRecord[]) => void): Promise<void>
  /** Calls `handler` for all records committed after the replay, whoever appended them, in the order of the log. */
  onCommitted(handler: CommittedHandler): void
  /**
   * Calls `handler` with all records of a state that takes the place of the one before: this node was behind what the
   * others still have. The offset is that of the last change in that state.
   */
  onSnapshot(handler: CommittedHandler): void
  /** Of the record that would come next. */
  endOffset(): bigint
  describe(nowMs: number): Promise<QuorumDescription>
  /** Lets a node vote once it has what is committed (KIP-853). Rejects with NOT_LEADER_OR_FOLLOWER where this node does not lead. */
  addVoter(voter: Voter): Promise<void>
  removeVoter(nodeId: number, directoryId: Uuid): Promise<void>
  /** Looks for a node without a vote no longer. */
  removeObserver(nodeId: number): Promise<void>
}

/** A node of the quorum, and the address that others reach it at. */
export type Voter = { nodeId: number; directoryId: Uuid; host: string; port: number }

type StoredValue = { offset: bigint; value: Uint8Array | null }

/** What a log of one partition needs of the data plane. */
export interface PartitionAccess {
  append(topic: string, partition: number, records: { key: null; value: Uint8Array; timestampMs: null; headers: [] }[], producer: null): Promise<bigint>
  read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<{ lastOffset: bigint; control: object | null; records: readonly StoredValue[] }[]>
  partitionOffsets(partitions: { topic: string; partition: number }[]): ({ logStartOffset: bigint; logEndOffset: bigint; leaderEpoch: number } | null)[]
}

const READ_SIZE_BYTES = 4_194_304

/** The metadata log as a partition of this node, each record in KRaft's framing. */
export class PartitionMetadataLog implements MetadataLog {
  readonly #partition: PartitionAccess
  readonly #nodeId: number
  #onCommitted: CommittedHandler | null = null

  constructor(partition: PartitionAccess, nodeId: number) {
    this.#partition = partition
    this.#nodeId = nodeId
  }

  async append(records: readonly MetadataRecord[]): Promise<bigint> {
    const values = records.map(({ name, version, value }) => ({ key: null, value: encodeMetadataRecord(name, version, value), timestampMs: null, headers: [] as [] }))
    const offset = await this.#partition.append(METADATA_TOPIC, 0, values, null)
    this.#onCommitted?.(offset, records)
    return offset
  }

  async replay(onRecords: (offset: bigint, records: MetadataRecord[]) => void): Promise<void> {
    const offsets = this.#offsets()
    let offset = offsets.logStartOffset
    while (offset < offsets.logEndOffset) {
      const batches = await this.#partition.read(METADATA_TOPIC, 0, offset, READ_SIZE_BYTES)
      if (batches.length === 0) throw new RangeError(`the metadata log ends at ${offset}, before ${offsets.logEndOffset}`)
      for (const batch of batches) {
        // KRaft's leader changes and snapshot marks are control records; they carry no state.
        const records = batch.control === null ? batch.records.flatMap(({ value }) => (value === null ? [] : [decodeMetadataRecord(value)])) : []
        if (records.length > 0) onRecords(batch.lastOffset - BigInt(batch.records.length - 1), records)
        offset = batch.lastOffset + 1n
      }
    }
  }

  onCommitted(handler: CommittedHandler): void {
    this.#onCommitted = handler
  }

  /** It is behind nobody. */
  onSnapshot(): void {}

  endOffset(): bigint {
    return this.#offsets().logEndOffset
  }

  /** The node alone, which is always caught up with itself. */
  async describe(nowMs: number): Promise<QuorumDescription> {
    const { logEndOffset, leaderEpoch } = this.#offsets()
    const replica = { nodeId: this.#nodeId, directoryId: ZERO_UUID, host: '', port: 0, isVoter: true, logEndOffset, lastFetchMs: nowMs, lastCaughtUpMs: nowMs }
    return { leaderId: this.#nodeId, epoch: leaderEpoch, highWatermark: logEndOffset, replicas: [replica] }
  }

  /** It is alone and stays so. */
  addVoter(): Promise<void> {
    return Promise.reject(new RangeError('a log of one partition has no voters'))
  }

  removeVoter(): Promise<void> {
    return this.addVoter()
  }

  removeObserver(): Promise<void> {
    return this.addVoter()
  }

  #offsets(): { logStartOffset: bigint; logEndOffset: bigint; leaderEpoch: number } {
    const [offsets] = this.#partition.partitionOffsets([{ topic: METADATA_TOPIC, partition: 0 }])
    if (offsets === null || offsets === undefined) throw new RangeError('the metadata log is not open')
    return offsets
  }
}
