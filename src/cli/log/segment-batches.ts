// The batches of a segment file one after the other, read in pieces: a file of a gigabyte takes no gigabyte.

import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { batchSizeBytes, BATCH_OVERHEAD_BYTES, decodeRecordBatch } from '../../records/record-batch.ts'
import type { RecordBatch } from '../../records/record-batch.ts'

const READ_SIZE_BYTES = 1024 * 1024
/** No batch is larger: Kafka's own limit of a segment. */
const BATCH_SIZE_MAX_BYTES = 2 ** 31 - 1

export type PositionedBatch = { readonly position: number; readonly batch: RecordBatch }
/** What a file ends with that is no batch. */
export type Remainder = { readonly position: number; readonly sizeBytes: number; readonly reason: string }

/** Yields whole batches with their positions; returns what follows the last one, null where nothing does. */
export async function* segmentBatches(path: string, maxBytes: number): AsyncGenerator<PositionedBatch, Remainder | null> {
  const file = await open(path, 'r')
  try {
    return yield* batchesOf(file, maxBytes)
  } finally {
    await file.close()
  }
}

async function* batchesOf(file: FileHandle, maxBytes: number): AsyncGenerator<PositionedBatch, Remainder | null> {
  const end = Math.min((await file.stat()).size, maxBytes)
  let window = Buffer.alloc(0)
  let windowAt = 0
  const read = async (position: number, sizeBytes: number): Promise<Buffer> => {
    if (position + sizeBytes > windowAt + window.length) {
      const wanted = Math.min(Math.max(sizeBytes, READ_SIZE_BYTES), end - position)
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position)
      window = buffer.subarray(0, bytesRead)
      windowAt = position
    }
    return window.subarray(position - windowAt, position - windowAt + sizeBytes)
  }
  for (let position = 0; position < end; ) {
    const left = end - position
    const remainder = (reason: string): Remainder => ({ position, sizeBytes: left, reason })
    if (left < BATCH_OVERHEAD_BYTES) return remainder('too few bytes for a batch')
    const sizeBytes = batchSizeBytes(await read(position, BATCH_OVERHEAD_BYTES)) ?? 0
    if (sizeBytes < BATCH_OVERHEAD_BYTES || sizeBytes > BATCH_SIZE_MAX_BYTES) {
      const rest = await read(position, Math.min(left, READ_SIZE_BYTES))
      return remainder(rest.every((byte) => byte === 0) ? 'zeros: space reserved ahead of writes' : `a batch that claims ${sizeBytes} bytes`)
    }
    if (sizeBytes > left) return remainder(`a batch of ${sizeBytes} bytes that is not whole`)
    yield { position, batch: decodeRecordBatch(Buffer.from(await read(position, sizeBytes))) }
    position += sizeBytes
  }
  return null
}
