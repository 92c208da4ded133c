// Records on their way to the log, and batches on their way back, as native/binding packs them.

import type { RecordHeader, RecordToAppend, StoredBatch, StoredRecord } from '../native.ts'
import { Packer, Unpacker } from './packing.ts'

const CONTROL_TYPES = [null, 'COMMIT', 'ABORT', 'OTHER'] as const
const COMPRESSION_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export function packRecords(records: readonly RecordToAppend[], packer: Packer): Buffer {
  for (const record of records) {
    packer.f64(record.timestampMs ?? Number.NaN)
    packer.blob(record.key)
    packer.blob(record.value)
    packer.u32(record.headers.length)
    for (const header of record.headers) {
      packer.string(header.key)
      packer.blob(header.value)
    }
  }
  return packer.take()
}

export function unpackBatches(packed: Buffer): StoredBatch[] {
  const unpacker = new Unpacker(packed)
  return Array.from({ length: unpacker.u32() }, () => unpackBatch(unpacker))
}

function unpackBatch(unpacker: Unpacker): StoredBatch {
  const baseOffset = unpacker.i64()
  const lastOffset = unpacker.i64()
  const leaderEpoch = unpacker.i32()
  const producerId = unpacker.i64()
  const producerEpoch = unpacker.i16()
  const baseSequence = unpacker.i32()
  const transactional = unpacker.u8() === 1
  const controlType = CONTROL_TYPES[unpacker.u8()] ?? null
  const coordinatorEpoch = unpacker.i32()
  const compression = COMPRESSION_NAMES[unpacker.u8()] ?? 'unknown'
  const sizeBytes = unpacker.u32()
  const records = Array.from({ length: unpacker.u32() }, () => unpackRecord(unpacker))
  return {
    baseOffset,
    lastOffset,
    leaderEpoch,
    producerId,
    producerEpoch,
    baseSequence,
    transactional,
    control: controlType === null ? null : { type: controlType, coordinatorEpoch },
    compression,
    sizeBytes,
    records: controlType === null ? records : [],
  }
}

function unpackRecord(unpacker: Unpacker): StoredRecord {
  const offset = unpacker.i64()
  const timestampMs = Number(unpacker.i64())
  const key = unpacker.blob()
  const value = unpacker.blob()
  const headers = Array.from({ length: unpacker.u32() }, (): RecordHeader => ({ key: unpacker.string(), value: unpacker.blob() }))
  return { offset, timestampMs, key, value, headers }
}
