// Reads partitions over the wire with nothing between the bytes and the reader, and leaves out the records of aborted
// transactions the way consumers do.

import type { WireClient } from '../support/wire-client.ts'
import { readBatch } from '../support/produce-fetch.ts'

const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const ABORT_MARKER = 0

export type Polled = { readonly records: [offset: number, value: string][]; readonly nextOffset: bigint; readonly lastStableOffset: bigint; readonly highWatermark: bigint }

/** One fetch; rejects with the error's code in its message where the broker refuses it. */
export async function poll(client: WireClient, topic: string, partition: number, offset: bigint, committed: boolean, maxWaitMs = 0): Promise<Polled> {
  const response = await client.call('Fetch', 12, {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 50_000_000,
    isolationLevel: committed ? 1 : 0,
    topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }],
  })
  const result = response.responses[0]?.partitions[0]
  if (result === undefined || result.errorCode !== 0) throw new Error(`fetch of ${topic}-${partition} at ${offset} failed with ${result?.errorCode ?? response.errorCode}`)
  const aborted = (result.abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  const bytes = Buffer.from(result.records ?? [])
  const open = new Set<bigint>()
  const records: [number, string][] = []
  let nextOffset = offset
  for (let at = 0; at + 61 <= bytes.length; ) {
    const size = 12 + bytes.readInt32BE(at + 8)
    if (at + size > bytes.length) break
    const batch = bytes.subarray(at, at + size)
    at += size
    const baseOffset = batch.readBigInt64BE(0)
    const producerId = batch.readBigInt64BE(43)
    const attributes = batch.readInt16BE(21)
    nextOffset = baseOffset + BigInt(batch.readInt32BE(23)) + 1n
    while (aborted[0] !== undefined && aborted[0].firstOffset < nextOffset) open.add(aborted.shift()?.producerId ?? -1n)
    if ((attributes & CONTROL) !== 0) {
      if (markerType(batch) === ABORT_MARKER) open.delete(producerId)
      continue
    }
    if (committed && (attributes & TRANSACTIONAL) !== 0 && open.has(producerId)) continue
    const values = new Map<bigint, string>()
    readBatch(batch, values)
    for (const [each, value] of values) if (each >= offset) records.push([Number(each), value])
  }
  return { records, nextOffset, lastStableOffset: result.lastStableOffset, highWatermark: result.highWatermark }
}

/** The type is the second int16 of the only record's key, before which come the attributes and four varints of one byte each. */
function markerType(batch: Buffer): number {
  return batch.readInt16BE(61 + 5 + 2)
}
