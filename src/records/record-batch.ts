// The record batch of magic 2, written and read by the tools. The broker's own code for it is native.
//
//   0 baseOffset i64 · 8 batchLength i32 · 12 partitionLeaderEpoch i32 · 16 magic i8 · 17 crc u32 · 21 attributes i16
//  23 lastOffsetDelta i32 · 27 baseTimestamp i64 · 35 maxTimestamp i64 · 43 producerId i64 · 51 producerEpoch i16
//  53 baseSequence i32 · 57 recordCount i32 · 61 records; the crc covers everything from attributes on.

import { type Codec, COMPRESSION_TYPES, type CompressionType } from '../native.ts'
import { crc32c } from './crc32c.ts'
import { RecordReader, varintSize, writeVarint } from './varint.ts'

export type RecordHeader = { key: string; value: Uint8Array | null }
export type NewRecord = { timestampMs: number; key: Uint8Array | null; value: Uint8Array | null; headers: readonly RecordHeader[] }
export type LogRecord = { offset: bigint; timestampMs: number; sequence: number; key: Uint8Array | null; value: Uint8Array | null; headers: RecordHeader[] }

export type RecordBatch = {
  baseOffset: bigint
  lastOffset: bigint
  sizeBytes: number
  partitionLeaderEpoch: number
  magic: number
  crc: number
  valid: boolean
  compression: CompressionType
  logAppendTime: boolean
  transactional: boolean
  control: boolean
  deleteHorizonMs: number | null
  baseTimestampMs: number
  maxTimestampMs: number
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  recordCount: number
  /** The records as they lie in the batch, compressed or not. */
  payload: Uint8Array
}

export const BATCH_OVERHEAD_BYTES = 61
/** baseOffset and batchLength: what batchLength does not count. */
const LENGTH_PREFIX_BYTES = 12
const CRC_FROM = 21
const MAGIC = 2
const ATTRIBUTES = { compressionMask: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20, deleteHorizon: 0x40 }

/** Who sends a batch, and the sequence of its first record (KIP-98). */
export type BatchProducer = { producerId: bigint; producerEpoch: number; baseSequence: number }
export const NO_PRODUCER: BatchProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1 }

/** One batch of at least one record, as a producer sends it. */
export function encodeRecordBatch(records: readonly NewRecord[], compression: CompressionType, codec: Codec, producer: BatchProducer = NO_PRODUCER): Buffer {
  const baseTimestamp = records[0]!.timestampMs
  const plain = encodeRecords(records, baseTimestamp)
  const payload = codec.compress(compression, plain)
  const batch = Buffer.alloc(BATCH_OVERHEAD_BYTES + payload.length)
  batch.writeInt32BE(batch.length - LENGTH_PREFIX_BYTES, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(MAGIC, 16)
  batch.writeInt16BE(COMPRESSION_TYPES.indexOf(compression), 21)
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(baseTimestamp), 27)
  batch.writeBigInt64BE(BigInt(records.reduce((max, record) => Math.max(max, record.timestampMs), -1)), 35)
  batch.writeBigInt64BE(producer.producerId, 43)
  batch.writeInt16BE(producer.producerEpoch, 51)
  batch.writeInt32BE(producer.baseSequence, 53)
  batch.writeInt32BE(records.length, 57)
  batch.set(payload, BATCH_OVERHEAD_BYTES)
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17)
  return batch
}

/** Upper bound of what a record adds to a batch. */
export function recordSizeMax(record: NewRecord): number {
  let size = 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const header of record.headers) size += 10 + Buffer.byteLength(header.key) + (header.value?.length ?? 0)
  return size
}

function encodeRecords(records: readonly NewRecord[], baseTimestamp: number): Buffer {
  const bytes = Buffer.allocUnsafe(records.reduce((size, record) => size + recordSizeMax(record), 0))
  let position = 0
  records.forEach((record, index) => {
    const timestampDelta = record.timestampMs - baseTimestamp
    position = writeVarint(bytes, position, bodySize(record, index, timestampDelta))
    bytes[position++] = 0
    position = writeVarint(bytes, position, timestampDelta)
    position = writeVarint(bytes, position, index)
    position = writeNullable(bytes, position, record.key)
    position = writeNullable(bytes, position, record.value)
    position = writeVarint(bytes, position, record.headers.length)
    for (const header of record.headers) {
      position = writeNullable(bytes, position, Buffer.from(header.key))
      position = writeNullable(bytes, position, header.value)
    }
  })
  return bytes.subarray(0, position)
}

function bodySize(record: NewRecord, index: number, timestampDelta: number): number {
  let size = 1 + varintSize(timestampDelta) + varintSize(index) + nullableSize(record.key?.length) + nullableSize(record.value?.length) + varintSize(record.headers.length)
  for (const header of record.headers) size += nullableSize(Buffer.byteLength(header.key)) + nullableSize(header.value?.length)
  return size
}

function nullableSize(length: number | undefined): number {
  return length === undefined ? 1 : varintSize(length) + length
}

function writeNullable(bytes: Buffer, position: number, value: Uint8Array | null): number {
  if (value === null) return writeVarint(bytes, position, -1)
  const start = writeVarint(bytes, position, value.length)
  bytes.set(value, start)
  return start + value.length
}

/** The whole batches at the beginning of `bytes`; what follows them is the start of the next one, or not a batch. */
export function* decodeRecordBatches(bytes: Uint8Array): Generator<RecordBatch, void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  while (buffer.length - position >= BATCH_OVERHEAD_BYTES) {
    const sizeBytes = LENGTH_PREFIX_BYTES + buffer.readInt32BE(position + 8)
    if (sizeBytes < BATCH_OVERHEAD_BYTES || sizeBytes > buffer.length - position) return
    yield decodeRecordBatch(buffer.subarray(position, position + sizeBytes))
    position += sizeBytes
  }
}

/** The size of the batch that begins here, null where there are too few bytes to tell. */
export function batchSizeBytes(bytes: Buffer): number | null {
  return bytes.length < LENGTH_PREFIX_BYTES ? null : LENGTH_PREFIX_BYTES + bytes.readInt32BE(8)
}

/** Reads the header of one whole batch of at least 61 bytes; whether its checksum holds is told, not thrown. */
export function decodeRecordBatch(batch: Buffer): RecordBatch {
  const attributes = batch.readInt16BE(21)
  const compression = COMPRESSION_TYPES[attributes & ATTRIBUTES.compressionMask]
  const baseOffset = batch.readBigInt64BE(0)
  const crc = batch.readUInt32BE(17)
  const baseTimestampMs = Number(batch.readBigInt64BE(27))
  const hasDeleteHorizon = (attributes & ATTRIBUTES.deleteHorizon) !== 0
  return {
    baseOffset,
    lastOffset: baseOffset + BigInt(batch.readInt32BE(23)),
    sizeBytes: batch.length,
    partitionLeaderEpoch: batch.readInt32BE(12),
    magic: batch.readInt8(16),
    crc,
    valid: compression !== undefined && crc === crc32c(batch.subarray(CRC_FROM)),
    compression: compression ?? 'none',
    logAppendTime: (attributes & ATTRIBUTES.logAppendTime) !== 0,
    transactional: (attributes & ATTRIBUTES.transactional) !== 0,
    control: (attributes & ATTRIBUTES.control) !== 0,
    deleteHorizonMs: hasDeleteHorizon ? baseTimestampMs : null,
    baseTimestampMs,
    maxTimestampMs: Number(batch.readBigInt64BE(35)),
    producerId: batch.readBigInt64BE(43),
    producerEpoch: batch.readInt16BE(51),
    baseSequence: batch.readInt32BE(53),
    recordCount: batch.readInt32BE(57),
    payload: batch.subarray(BATCH_OVERHEAD_BYTES),
  }
}

/** The records of a batch, unpacked one by one. Throws on a record that does not fit its batch. */
export function* decodeRecords(batch: RecordBatch, codec: Codec): Generator<LogRecord, void> {
  const reader = new RecordReader(codec.decompress(batch.compression, batch.payload))
  for (let index = 0; index < batch.recordCount; index += 1) {
    const sizeBytes = reader.varint()
    const record = new RecordReader(reader.slice(sizeBytes))
    record.position = 1
    const timestampDelta = record.varint()
    const offsetDelta = record.varint()
    const key = record.nullableBytes()
    const value = record.nullableBytes()
    const headers: RecordHeader[] = []
    for (let remaining = record.varint(); remaining > 0; remaining -= 1) {
      headers.push({ key: record.slice(record.varint()).toString(), value: record.nullableBytes() })
    }
    yield {
      offset: batch.baseOffset + BigInt(offsetDelta),
      timestampMs: batch.logAppendTime ? batch.maxTimestampMs : batch.baseTimestampMs + timestampDelta,
      sequence: batch.baseSequence < 0 ? -1 : (batch.baseSequence + offsetDelta) % 2 ** 31,
      key,
      value,
      headers,
    }
  }
}
