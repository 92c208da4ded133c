// Records of any partition of the cluster, decoded, for those who look at them from inside the process: read from the log
// where this broker leads, else with Fetch from the broker that does.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import { loadCodec } from '../native.ts'
import type { Codec, DataPlane, StoredBatch } from '../native.ts'
import { decodeRecordBatches, decodeRecords } from '../records/record-batch.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { KafkaError, errorName } from '../protocol/error-codes.ts'
import { ZERO_UUID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ApiCaller } from './api.ts'

/** What can be read of a partition. */
export type ReadableRange = { readonly logStartOffset: bigint; readonly highWatermark: bigint }

export type ClusterRecordsDeps = {
  readonly nodeId: number
  readonly dataPlane: Pick<DataPlane, 'partitionOffsets' | 'read' | 'offsetForTimestamp'>
  readonly caller: ApiCaller
  readonly interBroker: InterBroker
  leaderOf(topic: string, partition: number): number
  /** Undefined where there is no such topic. */
  topic(name: string): { readonly id: Uuid; readonly partitionCount: number } | undefined
}

const CHANNEL = 'records'
const EARLIEST = -2n
const LATEST = -1n
const NO_SESSION_EPOCH = -1
const COMMIT = 1
const ABORT = 0

/** Methods reject with a KafkaError: UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, or what the leader or the way to it says. */
export class ClusterRecords {
  readonly #deps: ClusterRecordsDeps
  #codec: Promise<Codec> | undefined

  constructor(deps: ClusterRecordsDeps) {
    this.#deps = deps
  }

  async range(topic: string, partition: number): Promise<ReadableRange> {
    if (this.#leader(topic, partition) === this.#deps.nodeId) {
      const offsets = this.#deps.dataPlane.partitionOffsets([{ topic, partition }])[0]
      if (!offsets) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${topic}-${partition} is not on this broker.`)
      return offsets
    }
    const [logStartOffset, highWatermark] = await Promise.all([this.#listOffset(topic, partition, EARLIEST), this.#listOffset(topic, partition, LATEST)])
    return { logStartOffset, highWatermark }
  }

  /** The first offset at or after a time; null where there is none. */
  async offsetForTimestamp(topic: string, partition: number, timestampMs: number): Promise<bigint | null> {
    if (this.#leader(topic, partition) === this.#deps.nodeId) return (await this.#deps.dataPlane.offsetForTimestamp(topic, partition, timestampMs))?.offset ?? null
    const offset = await this.#listOffset(topic, partition, BigInt(timestampMs))
    return offset < 0n ? null : offset
  }

  /** Batches from the one that holds `offset`, up to `maxBytes` but at least one; none at the end of what is committed. */
  async read(topic: string, partition: number, offset: bigint, maxBytes: number): Promise<StoredBatch[]> {
    const leader = this.#leader(topic, partition)
    if (leader === this.#deps.nodeId) return this.#deps.dataPlane.read(topic, partition, offset, maxBytes)
    const topicId = this.#deps.topic(topic)?.id ?? ZERO_UUID
    const response = await this.#deps.interBroker.send(leader, 'Fetch', {
      replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes, isolationLevel: 0, sessionEpoch: NO_SESSION_EPOCH,
      topics: [{ topic, topicId, partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset: offset, partitionMaxBytes: maxBytes }] }],
    }, { channel: CHANNEL })
    const fetched = response.responses[0]?.partitions[0]
    const code = response.errorCode !== 0 ? response.errorCode : (fetched?.errorCode ?? 0)
    if (code !== 0) throw new KafkaError(errorName(code))
    this.#codec ??= loadCodec()
    const codec = await this.#codec
    return [...decodeRecordBatches(fetched?.records ?? new Uint8Array(0))].map((batch) => storedBatch(batch, codec))
  }

  #leader(topic: string, partition: number): number {
    const count = this.#deps.topic(topic)?.partitionCount ?? 0
    if (partition < 0 || partition >= count) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `There is no partition ${topic}-${partition}.`)
    const leader = this.#deps.leaderOf(topic, partition)
    if (leader < 0) throw new KafkaError('LEADER_NOT_AVAILABLE', `${topic}-${partition} has no leader at the moment.`)
    return leader
  }

  async #listOffset(topic: string, partition: number, timestamp: bigint): Promise<bigint> {
    const { topics } = await this.#deps.caller.call('ListOffsets', { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }] })
    const found = topics[0]?.partitions[0]
    if (found === undefined || found.errorCode !== 0) throw new KafkaError(found === undefined ? 'UNKNOWN_SERVER_ERROR' : errorName(found.errorCode))
    return found.offset
  }
}

function storedBatch(batch: RecordBatch, codec: Codec): StoredBatch {
  const records = batch.control ? [] : [...decodeRecords(batch, codec)].map(({ sequence: _, ...record }) => record)
  return {
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    leaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    transactional: batch.transactional,
    control: batch.control ? controlOf(batch, codec) : null,
    compression: batch.compression,
    sizeBytes: batch.sizeBytes,
    records,
  }
}

/** A marker's key is version and type, its value version and coordinator epoch (KIP-98). */
function controlOf(batch: RecordBatch, codec: Codec): NonNullable<StoredBatch['control']> {
  const [record] = decodeRecords(batch, codec)
  const type = record?.key !== null && record?.key !== undefined && record.key.length >= 4 ? Buffer.from(record.key).readInt16BE(2) : -1
  const value = record?.value ?? null
  const coordinatorEpoch = value !== null && value.length >= 6 ? Buffer.from(value).readInt32BE(2) : -1
  return { type: type === COMMIT ? 'COMMIT' : type === ABORT ? 'ABORT' : 'OTHER', coordinatorEpoch }
}
