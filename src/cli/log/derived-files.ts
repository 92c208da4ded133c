// The small files beside a segment: indexes, aborted transactions, producers' state and leader epochs.

import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { decodeRecordBody } from '../../protocol/codec.ts'
import { MillraceError } from '../../shared/errors.ts'
import { crc32c } from '../../records/crc32c.ts'

export class CorruptFile extends MillraceError {
  constructor(message: string) {
    super('CORRUPT_FILE', message)
  }
}

export type OffsetEntry = { readonly offset: number; readonly position: number }
export type TimeEntry = { readonly timestampMs: number; readonly offset: number }
export type AbortedTransaction = { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number; readonly lastStableOffset: number }

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12
const ABORTED_ENTRY_BYTES = 34

/** The offset that a file's segment begins with, as its name says. Throws CorruptFile where it says none. */
export function baseOffsetOf(path: string): number {
  const digits = /^(\d{20})\./.exec(basename(path))?.[1]
  if (digits === undefined) throw new CorruptFile(`${path}: the name does not begin with an offset of 20 digits`)
  return Number(digits)
}

/** Entries of `.index`; slots that were reserved and not filled are left out. */
export async function readOffsetIndex(path: string): Promise<OffsetEntry[]> {
  const base = baseOffsetOf(path)
  const entries = slots(await readFile(path), OFFSET_ENTRY_BYTES).map((slot) => ({ offset: base + slot.readInt32BE(0), position: slot.readInt32BE(4) }))
  return entries.slice(0, filledCount(entries, ({ offset, position }) => offset === base && position === 0))
}

/** Entries of `.timeindex`. */
export async function readTimeIndex(path: string): Promise<TimeEntry[]> {
  const base = baseOffsetOf(path)
  const entries = slots(await readFile(path), TIME_ENTRY_BYTES).map((slot) => ({ timestampMs: Number(slot.readBigInt64BE(0)), offset: base + slot.readInt32BE(8) }))
  return entries.slice(0, filledCount(entries, ({ timestampMs }) => timestampMs === 0))
}

/** Entries of `.txnindex`. */
export async function readTransactionIndex(path: string): Promise<AbortedTransaction[]> {
  return slots(await readFile(path), ABORTED_ENTRY_BYTES).map((slot) => ({
    producerId: Number(slot.readBigInt64BE(2)),
    firstOffset: Number(slot.readBigInt64BE(10)),
    lastOffset: Number(slot.readBigInt64BE(18)),
    lastStableOffset: Number(slot.readBigInt64BE(26)),
  }))
}

const SNAPSHOT_CRC_FROM = 6

/** What `.snapshot` remembers of each producer. Throws CorruptFile where its checksum does not hold. */
export async function readProducerSnapshot(path: string): Promise<unknown[]> {
  const bytes = await readFile(path)
  if (bytes.length < SNAPSHOT_CRC_FROM || bytes.readUInt32BE(2) !== crc32c(bytes.subarray(SNAPSHOT_CRC_FROM))) throw new CorruptFile(`${path}: the checksum does not hold`)
  return decodeRecordBody('ProducerSnapshot', bytes.readInt16BE(0), bytes.subarray(2)).producerEntries
}

export type LeaderEpochStart = { readonly epoch: number; readonly startOffset: number }

/** Lines of `leader-epoch-checkpoint`. */
export async function readLeaderEpochs(path: string): Promise<LeaderEpochStart[]> {
  const [version, count, ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n')
  if (version !== '0' || Number(count) !== lines.length) throw new CorruptFile(`${path}: not a checkpoint of version 0 with ${count ?? 'some'} lines`)
  return lines.map((line) => {
    const [epoch, startOffset] = line.split(' ').map(Number)
    return { epoch: epoch ?? Number.NaN, startOffset: startOffset ?? Number.NaN }
  })
}

function slots(bytes: Buffer, sizeBytes: number): Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / sizeBytes) }, (_, index) => bytes.subarray(index * sizeBytes, (index + 1) * sizeBytes))
}

/** Entries up to the last that is not empty; the first may look empty and yet be one. */
function filledCount<T>(entries: readonly T[], isEmpty: (entry: T) => boolean): number {
  return entries.findLastIndex((entry) => !isEmpty(entry)) + 1
}
