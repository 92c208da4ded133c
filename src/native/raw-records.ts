// Batches as they lie in the log, as native/binding packs them.

import type { RawRecords } from '../native.ts'
import { Unpacker } from './packing.ts'

export function unpackRawRecords(packed: Buffer): RawRecords {
  const unpacker = new Unpacker(packed)
  const logStartOffset = unpacker.i64()
  const highWatermark = unpacker.i64()
  const aborted = Array.from({ length: unpacker.u32() }, () => ({ producerId: unpacker.i64(), firstOffset: unpacker.i64() }))
  const waiting = Array.from({ length: unpacker.u32() }, () => ({ firstOffset: unpacker.i64(), lastOffset: unpacker.i64(), dueMs: unpacker.i64() }))
  return { logStartOffset, highWatermark, aborted, waiting, bytes: packed.subarray(unpacker.position) }
}
