import { basename } from 'node:path'
import { MillraceError } from '../../shared/errors.ts'
import { defineCommand, UsageError } from '../command.ts'
import { json, parseInteger, splitList } from '../options.ts'
import { loadCodec } from '../../native.ts'
import type { Codec } from '../../native.ts'
import { decodeRecords } from '../../records/record-batch.ts'
import type { LogRecord, RecordBatch } from '../../records/record-batch.ts'
import { formatTimestamp, printable } from '../table.ts'
import { printLine, write } from '../terminal.ts'
import { readLeaderEpochs, readOffsetIndex, readProducerSnapshot, readTimeIndex, readTransactionIndex } from './derived-files.ts'
import { segmentBatches } from './segment-batches.ts'
import { decodeStoredMessage } from './stored-messages.ts'
import type { DecodedMessage, StoredMessages } from './stored-messages.ts'

/** One thing that a file says; `kind` tells them apart, and what else there is depends on it. */
export type DumpEntry = { readonly file: string; readonly kind: string; readonly [field: string]: unknown }
type DumpOptions = { files: string[]; records: boolean; messages: StoredMessages | null; maxBytes: number; json: boolean }

class CorruptLog extends MillraceError {
  constructor(message: string) {
    super('CORRUPT_LOG', message)
  }
}

export const dump = defineCommand({
  name: 'dump',
  summary: 'Show what the files of a log hold: segments (.log), indexes, producer snapshots, leader epochs. Needs no broker, changes nothing.',
  examples: [
    'log dump --files data/orders-0/00000000000000000000.log',
    'log dump --files data/orders-0/00000000000000000000.log --print-data-log --json',
    'log dump --files data/orders-0/00000000000000000000.index,data/orders-0/00000000000000000000.timeindex',
    'log dump --files data/__cluster_metadata-0/00000000000000000000.log --cluster-metadata-decoder',
  ],
  configure: command => command
    .requiredOption('--files <files>', 'files to show, comma separated')
    .option('--print-data-log', 'show the records of batches too', false)
    .option('--offsets-decoder', 'show records as those of __consumer_offsets', false)
    .option('--transaction-log-decoder', 'show records as those of __transaction_state', false)
    .option('--share-group-state-decoder', 'show records as those of __share_group_state', false)
    .option('--cluster-metadata-decoder', 'show records as those of the metadata log', false)
    .option('--max-bytes <bytes>', 'how much of a segment to read', String(Number.MAX_SAFE_INTEGER))
    .addOption(json()),
  parse(raw): DumpOptions {
    const decoders = ([['offsets', raw.offsetsDecoder], ['transactions', raw.transactionLogDecoder], ['shareGroupState', raw.shareGroupStateDecoder], ['clusterMetadata', raw.clusterMetadataDecoder]] as const)
      .flatMap(([messages, asked]) => (asked ? [messages] : []))
    if (decoders.length > 1) throw new UsageError('only one decoder can be chosen')
    return { files: splitList(raw.files), records: raw.printDataLog || decoders.length > 0, messages: decoders[0] ?? null, maxBytes: parseInteger('--max-bytes', raw.maxBytes, 0), json: raw.json }
  },
  async call(options) {
    const codec = await loadCodec()
    return entriesOf(options, codec)
  },
  async print(entries, { json }, terminal) {
    let file: string | null = null
    for await (const entry of entries) {
      if (terminal.signal.aborted) return
      if (json) {
        await write(terminal, `${JSON.stringify(entry, jsonValue)}\n`)
        continue
      }
      if (entry.file !== file) printLine(terminal, (file = entry.file))
      await write(terminal, `${lineOf(entry)}\n`)
    }
  },
})

async function* entriesOf({ files, ...options }: DumpOptions, codec: Codec): AsyncGenerator<DumpEntry, void> {
  for (const file of files) {
    if (file.endsWith('.log') || file.endsWith('.checkpoint')) yield* segmentEntries(file, options, codec)
    else yield* await derivedEntries(file)
  }
}

async function* segmentEntries(file: string, { records, messages, maxBytes }: Omit<DumpOptions, 'files'>, codec: Codec): AsyncGenerator<DumpEntry, void> {
  const batches = segmentBatches(file, maxBytes)
  let corrupt: string | null = null
  for (;;) {
    const step = await batches.next()
    if (step.done) {
      if (step.value !== null) yield { file, kind: 'remainder', ...step.value }
      break
    }
    const { position, batch } = step.value
    yield { file, kind: 'batch', position, ...headerOf(batch) }
    if (!batch.valid) corrupt ??= `the batch at position ${position} of ${file} is corrupt`
    else if (records) for (const record of decodeRecords(batch, codec)) yield { file, kind: 'record', ...(batch.control ? controlOf(record) : recordOf(record, messages)) }
  }
  if (corrupt !== null) throw new CorruptLog(corrupt)
}

function headerOf({ payload: _, ...header }: RecordBatch): object {
  return header
}

const CONTROL_TYPES = ['ABORT', 'COMMIT', 'LEADER_CHANGE', 'SNAPSHOT_HEADER', 'SNAPSHOT_FOOTER', 'KRAFT_VERSION', 'KRAFT_VOTERS']

/** A record of a control batch: its key is a version and a type (KIP-98, KIP-595). */
function controlOf({ offset, timestampMs, key }: LogRecord): object {
  const type = key === null || key.length < 4 ? -1 : Buffer.from(key).readInt16BE(2)
  return { offset, timestampMs, control: CONTROL_TYPES[type] ?? `of type ${type}` }
}

function recordOf({ key, value, headers, ...rest }: LogRecord, messages: StoredMessages | null): object {
  const message = messages === null ? undefined : decodedOr(messages, key, value)
  if (message !== undefined) return { ...rest, ...message }
  return { ...rest, key: textOf(key), value: textOf(value), headers: headers.map((header) => ({ key: header.key, value: textOf(header.value) })) }
}

/** Undefined for a record that is none of these messages, as control records are; what cannot be decoded says so. */
function decodedOr(messages: StoredMessages, key: Uint8Array | null, value: Uint8Array | null): DecodedMessage | { undecodable: string } | undefined {
  try {
    return decodeStoredMessage(messages, key, value) ?? undefined
  } catch (error) {
    return { undecodable: (error as Error).message }
  }
}

async function derivedEntries(file: string): Promise<DumpEntry[]> {
  const as = (kind: string, entries: readonly object[]): DumpEntry[] => entries.map((entry) => ({ file, kind, ...entry }))
  if (file.endsWith('.index')) return as('offsetIndexEntry', await readOffsetIndex(file))
  if (file.endsWith('.timeindex')) return as('timeIndexEntry', await readTimeIndex(file))
  if (file.endsWith('.txnindex')) return as('abortedTransaction', await readTransactionIndex(file))
  if (file.endsWith('.snapshot')) return as('producer', (await readProducerSnapshot(file)) as object[])
  if (basename(file) === 'leader-epoch-checkpoint') return as('leaderEpoch', await readLeaderEpochs(file))
  throw new UsageError(`--files: ${file} is none of .log, .checkpoint, .index, .timeindex, .txnindex, .snapshot, leader-epoch-checkpoint`)
}

/** Text where the bytes are text, otherwise base64 with a mark. */
function textOf(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return `base64:${Buffer.from(bytes).toString('base64')}`
  }
}

function jsonValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Uint8Array ? textOf(value) : value
}

function lineOf({ file: _, kind, ...fields }: DumpEntry): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(name, value)}`)
  return `${kind === 'record' ? '    ' : '  '}${kind} ${shown.join(' ')}`
}

function wordOf(name: string, value: unknown): string {
  if (/TimestampMs$|^timestampMs$/.test(name)) return formatTimestamp(Number(value)) ?? '-'
  if (value === null) return 'null'
  return printable(typeof value === 'object' ? JSON.stringify(value, jsonValue) : String(value))
}
