// Sends records to the leaders of their partitions: in order, batched, retried without duplicates where all replicas acknowledge.

import type { ProduceResponse } from '../../protocol/messages.ts'
import { ERRORS, errorName, KafkaError } from '../../protocol/error-codes.ts'
import { expectNoError } from '../../admin/operations/outcome.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { type Codec, type CompressionType, loadCodec } from '../../native.ts'
import { encodeRecordBatch, type NewRecord, NO_PRODUCER, recordSizeMax } from '../../records/record-batch.ts'
import { partitionOfKey } from './murmur2.ts'

export type RecordWriterOptions = {
  topic: string
  /** Null: by the key, and records without a key in turn, a batch at a time. */
  partition: number | null
  acks: -1 | 0 | 1
  compression: CompressionType
  batchSizeBytes: number
  timeoutMs: number
}

type Producer = { producerId: bigint; producerEpoch: number }
type Batch = { partition: number; records: NewRecord[]; sizeBytes: number }

const RETRY_BACKOFF_MS = 100
const RETRIES_MAX = 100
const INT32_RANGE = 2 ** 31
/** It was written by an earlier try whose answer was lost. */
const DUPLICATE_SEQUENCE_NUMBER = ERRORS.DUPLICATE_SEQUENCE_NUMBER.code

export class RecordWriter {
  readonly #client: ClusterClient
  readonly #options: RecordWriterOptions
  readonly #codec: Codec
  readonly #sequences = new Map<number, number>()
  #producer: Producer | null = null
  #leaders: number[] = []
  #turn = 0

  private constructor(client: ClusterClient, options: RecordWriterOptions, codec: Codec) {
    this.#client = client
    this.#options = options
    this.#codec = codec
  }

  /** Looks the topic up (a broker may create it) and takes a producer id. Throws KafkaError. */
  static async open(client: ClusterClient, options: RecordWriterOptions): Promise<RecordWriter> {
    const writer = new RecordWriter(client, options, await loadCodec())
    await writer.#refreshLeaders()
    if (options.partition !== null && options.partition >= writer.#leaders.length) {
      throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${options.topic} has no partition ${options.partition}`)
    }
    if (options.acks === -1) {
      const response = await client.call('InitProducerId', { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 })
      expectNoError(response.errorCode, null, 'producer id')
      writer.#producer = { producerId: response.producerId, producerEpoch: response.producerEpoch }
    }
    return writer
  }

  /** Resolves once the records are acknowledged (with acks=0, sent). Throws KafkaError at the first batch that is refused. */
  async write(records: readonly NewRecord[]): Promise<void> {
    for (const wave of wavesOf(this.#batches(records))) await Promise.all(wave.map(batch => this.#send(batch)))
  }

  #batches(records: readonly NewRecord[]): Batch[] {
    const open = new Map<number, Batch>()
    const batches: Batch[] = []
    for (const record of records) {
      const partition = this.#partitionOf(record)
      const sizeBytes = recordSizeMax(record)
      let batch = open.get(partition)
      if (batch === undefined || batch.sizeBytes + sizeBytes > this.#options.batchSizeBytes) {
        if (batch !== undefined && record.key === null) this.#turn += 1
        batch = { partition, records: [], sizeBytes: 0 }
        open.set(partition, batch)
        batches.push(batch)
      }
      batch.records.push(record)
      batch.sizeBytes += sizeBytes
    }
    this.#turn += 1
    return batches
  }

  #partitionOf(record: NewRecord): number {
    if (this.#options.partition !== null) return this.#options.partition
    return record.key === null ? this.#turn % this.#leaders.length : partitionOfKey(record.key, this.#leaders.length)
  }

  async #send({ partition, records }: Batch): Promise<void> {
    const sequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, (sequence + records.length) % INT32_RANGE)
    const producer = this.#producer === null ? NO_PRODUCER : { ...this.#producer, baseSequence: sequence }
    const batch = encodeRecordBatch(records, this.#options.compression, this.#codec, producer)
    for (let retries = 0; ; retries += 1) {
      const result = await this.#produce(partition, batch)
      if (result === null || result.errorCode === 0 || result.errorCode === DUPLICATE_SEQUENCE_NUMBER) return
      if (retries >= RETRIES_MAX || !ERRORS[errorName(result.errorCode)].retriable) {
        const detail = result.recordErrors[0]?.batchIndexErrorMessage ?? result.errorMessage
        expectNoError(result.errorCode, detail, `partition ${this.#options.topic}-${partition}`)
      }
      await new Promise(resolve => setTimeout(resolve, RETRY_BACKOFF_MS))
      await this.#refreshLeaders()
    }
  }

  async #produce(partition: number, records: Uint8Array): Promise<ProduceResponse['responses'][number]['partitionResponses'][number] | null> {
    const { topic, acks, timeoutMs } = this.#options
    const connection = await this.#client.connectionTo(this.#leaders[partition]!)
    const request = { transactionalId: null, acks, timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] }
    if (acks === 0) {
      await connection.post('Produce', request)
      return null
    }
    return (await connection.call('Produce', request)).responses[0]?.partitionResponses[0] ?? null
  }

  /** Waits for a topic that is being created and for partitions that are without a leader. */
  async #refreshLeaders(): Promise<void> {
    for (let retries = 0; ; retries += 1) {
      const response = await this.#client.call('Metadata', { topics: [{ name: this.#options.topic }], allowAutoTopicCreation: true })
      const topic = response.topics[0]
      const partitions = [...(topic?.partitions ?? [])].sort((a, b) => a.partitionIndex - b.partitionIndex)
      if (topic?.errorCode === 0 && partitions.length > 0 && partitions.every(({ leaderId }) => leaderId >= 0)) {
        this.#leaders = partitions.map(({ leaderId }) => leaderId)
        return
      }
      const code = topic?.errorCode || partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode || ERRORS.LEADER_NOT_AVAILABLE.code
      if (retries >= RETRIES_MAX || !ERRORS[errorName(code)].retriable) expectNoError(code, null, `topic ${this.#options.topic}`)
      await new Promise(resolve => setTimeout(resolve, RETRY_BACKOFF_MS))
    }
  }
}

/** Batches of different partitions go out together, batches of one partition one after the other. */
function wavesOf(batches: readonly Batch[]): Batch[][] {
  const waves: Batch[][] = []
  const depths = new Map<number, number>()
  for (const batch of batches) {
    const depth = depths.get(batch.partition) ?? 0
    depths.set(batch.partition, depth + 1)
    ;(waves[depth] ??= []).push(batch)
  }
  return waves
}
