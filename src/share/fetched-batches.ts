// The batches in bytes of a log, as far as share groups look at them.

import type { FetchedBatch } from './share-partition.ts'

export type PositionedBatch = FetchedBatch & { readonly position: number; readonly sizeBytes: number }
type WaitingRun = { readonly firstOffset: bigint; readonly lastOffset: bigint; readonly dueMs: bigint }
type AbortedTransaction = { readonly producerId: bigint; readonly firstOffset: bigint }

const LENGTH_PREFIX_BYTES = 12
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** The type of a control record that ends an aborted transaction; its key follows five one-byte fields. */
const ABORT = 0
const CONTROL_TYPE_AT = 61 + 5 + 2

/** Control batches and those of aborted transactions are not deliverable; those of `waiting` are not before their time. */
export function fetchedBatches(bytes: Uint8Array, aborted: readonly AbortedTransaction[], waiting: readonly WaitingRun[]): PositionedBatch[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pending = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const active = new Set<bigint>()
  const batches: PositionedBatch[] = []
  let run = 0
  for (let position = 0; position < view.length; ) {
    const sizeBytes = LENGTH_PREFIX_BYTES + view.readInt32BE(position + 8)
    const firstOffset = view.readBigInt64BE(position)
    const lastOffset = Number(firstOffset) + view.readInt32BE(position + 23)
    const attributes = view.readInt16BE(position + 21)
    const producerId = view.readBigInt64BE(position + 43)
    while (pending[0] !== undefined && pending[0].firstOffset <= BigInt(lastOffset)) active.add(pending.shift()?.producerId ?? -1n)
    const isControl = (attributes & CONTROL) !== 0
    const isAborted = (attributes & TRANSACTIONAL) !== 0 && active.has(producerId)
    if (isControl && view.readInt16BE(position + CONTROL_TYPE_AT) === ABORT) active.delete(producerId)
    while (run < waiting.length && Number(waiting[run]?.lastOffset) < firstOffset) run++
    const dueMs = Number(waiting[run]?.firstOffset ?? Infinity) <= lastOffset ? Number(waiting[run]?.dueMs) : 0
    batches.push({ firstOffset: Number(firstOffset), lastOffset, deliverable: !isControl && !isAborted, dueMs, position, sizeBytes })
    position += sizeBytes
  }
  return batches
}
