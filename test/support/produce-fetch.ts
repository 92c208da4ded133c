// The two APIs of the data plane as a client without conveniences uses them.

import type { WireClient } from './wire-client.ts'

export type BatchSequence = { readonly producerId: bigint; readonly producerEpoch: number; readonly baseSequence: number; readonly transactional?: boolean }

/** One uncompressed batch of values without keys, sealed, with base offset 0. */
export function recordBatch(values: readonly string[], sequence?: BatchSequence, timestampMs = Date.now()): Buffer {
  const records = Buffer.concat(values.map((value, index) => record(value, index)))
  const batch = Buffer.alloc(61 + records.length)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(sequence?.transactional === true ? 0x10 : 0, 21)
  batch.writeInt32BE(values.length - 1, 23)
  batch.writeBigInt64BE(BigInt(timestampMs), 27)
  batch.writeBigInt64BE(BigInt(timestampMs), 35)
  batch.writeBigInt64BE(sequence?.producerId ?? -1n, 43)
  batch.writeInt16BE(sequence?.producerEpoch ?? -1, 51)
  batch.writeInt32BE(sequence?.baseSequence ?? -1, 53)
  batch.writeInt32BE(values.length, 57)
  records.copy(batch, 61)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

function record(value: string, offsetDelta: number): Buffer {
  const bytes = Buffer.from(value)
  const body = Buffer.concat([Buffer.from([0, 0]), varint(offsetDelta), varint(-1), varint(bytes.length), bytes, varint(0)])
  return Buffer.concat([varint(body.length), body])
}

function varint(value: number): Buffer {
  let rest = (value << 1) ^ (value >> 31)
  const bytes: number[] = []
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
  return crc >>> 0
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 255] ?? 0)
  return (crc ^ 0xffff_ffff) >>> 0
}

export type Produced = { readonly errorCode: number; readonly baseOffset: bigint }

export async function produce(client: WireClient, topic: string, partition: number, records: Uint8Array, acks = -1): Promise<Produced> {
  const response = await client.call('Produce', 9, { acks, timeoutMs: 10_000, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] })
  const result = response.responses[0]?.partitionResponses[0]
  if (result === undefined) throw new Error('the response names no partition')
  return { errorCode: result.errorCode, baseOffset: result.baseOffset }
}

/** Within a transaction, which the partition joins if it has to (KIP-890), or without one. */
export async function produceVersion12(client: WireClient, transactionalId: string | null, topic: string, partition: number, values: readonly string[], sequence: BatchSequence): Promise<Produced> {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: recordBatch(values, sequence) }] }]
  const response = await client.call('Produce', 12, { transactionalId, acks: -1, timeoutMs: 10_000, topicData })
  const result = response.responses[0]?.partitionResponses[0]
  if (result === undefined) throw new Error('the response names no partition')
  return { errorCode: result.errorCode, baseOffset: result.baseOffset }
}

/** Every value of a partition by its offset, from batches as `recordBatch` makes them. */
export async function readAll(client: WireClient, topic: string, partition: number): Promise<Map<bigint, string>> {
  const values = new Map<bigint, string>()
  let offset = 0n
  for (;;) {
    const response = await client.call('Fetch', 12, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 50_000_000,
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 10_000_000 }] }],
    })
    const result = response.responses[0]?.partitions[0]
    if (result === undefined || result.errorCode !== 0) throw new Error(`fetch at ${offset} failed with ${result?.errorCode}`)
    const bytes = Buffer.from(result.records ?? [])
    for (let at = 0; at + 61 <= bytes.length; ) {
      const size = 12 + bytes.readInt32BE(at + 8)
      if (at + size > bytes.length) break
      offset = readBatch(bytes.subarray(at, at + size), values)
      at += size
    }
    if (offset >= result.highWatermark) return values
  }
}

/** Adds a batch's values; the offset after its last. */
export function readBatch(batch: Buffer, values: Map<bigint, string>): bigint {
  const baseOffset = batch.readBigInt64BE(0)
  if (batch.readUInt32BE(17) !== crc32c(batch.subarray(21))) throw new Error(`the batch at ${baseOffset} is damaged`)
  let position = 61
  const next = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = batch.readUInt8(position++)
      value |= (byte & 127) << shift
      if (byte < 128) return (value >>> 1) ^ -(value & 1)
    }
  }
  for (let count = batch.readInt32BE(57); count > 0; count--) {
    const end = next() + position
    position++
    next()
    const offset = baseOffset + BigInt(next())
    const keySize = next()
    position += Math.max(0, keySize)
    const valueSize = next()
    values.set(offset, batch.toString('utf8', position, position + valueSize))
    position = end
  }
  return baseOffset + BigInt(batch.readInt32BE(23)) + 1n
}

export type Fetched = { readonly errorCode: number; readonly highWatermark: bigint; readonly bytes: number; readonly baseOffsets: readonly bigint[] }

export async function fetch(client: WireClient, topic: string, partition: number, offset: bigint, maxWaitMs = 0): Promise<Fetched> {
  const response = await client.call('Fetch', 12, {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 10_000_000,
    topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 10_000_000 }] }],
  })
  const result = response.responses[0]?.partitions[0]
  if (result === undefined) return { errorCode: response.errorCode, highWatermark: -1n, bytes: 0, baseOffsets: [] }
  const records = Buffer.from(result.records ?? [])
  const baseOffsets: bigint[] = []
  for (let at = 0; at + 61 <= records.length; at += 12 + records.readInt32BE(at + 8)) baseOffsets.push(records.readBigInt64BE(at))
  return { errorCode: result.errorCode, highWatermark: result.highWatermark, bytes: records.length, baseOffsets }
}
