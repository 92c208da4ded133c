// How a record becomes a line, with the properties of Kafka's console consumer.

import { UsageError } from '../command.ts'

export type ConsumedRecord = {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
}

export type OutputFormat = {
  readonly printTimestamp: boolean
  readonly printPartition: boolean
  readonly printOffset: boolean
  readonly printHeaders: boolean
  readonly printKey: boolean
  readonly printValue: boolean
  readonly keySeparator: string
  readonly lineSeparator: string
  readonly headersSeparator: string
  readonly nullLiteral: string
}

const NAMES = {
  'print.timestamp': 'printTimestamp',
  'print.partition': 'printPartition',
  'print.offset': 'printOffset',
  'print.headers': 'printHeaders',
  'print.key': 'printKey',
  'print.value': 'printValue',
  'key.separator': 'keySeparator',
  'line.separator': 'lineSeparator',
  'headers.separator': 'headersSeparator',
  'null.literal': 'nullLiteral',
} as const

const DEFAULTS: OutputFormat = {
  printTimestamp: false,
  printPartition: false,
  printOffset: false,
  printHeaders: false,
  printKey: false,
  printValue: true,
  keySeparator: '\t',
  lineSeparator: '\n',
  headersSeparator: ',',
  nullLiteral: 'null',
}

/** Throws a UsageError for a property that is not known or not understood. */
export function parseOutputFormat(properties: Readonly<Record<string, string>>): OutputFormat {
  const format: Record<string, string | boolean> = { ...DEFAULTS }
  for (const [name, text] of Object.entries(properties)) {
    const field = (NAMES as Record<string, keyof OutputFormat | undefined>)[name]
    if (field === undefined) throw new UsageError(`--property: "${name}" is none of ${Object.keys(NAMES).join(', ')}`)
    if (typeof DEFAULTS[field] === 'string') format[field] = text
    else if (text === 'true' || text === 'false') format[field] = text === 'true'
    else throw new UsageError(`--property ${name}: "${text}" is neither true nor false`)
  }
  return format as OutputFormat
}

/** One record as a line; without a format as JSON. */
export function formatRecord(record: ConsumedRecord, format: OutputFormat | null): string {
  if (format === null) return `${JSON.stringify(jsonRecord(record))}\n`
  const text = (bytes: Buffer | null): string => bytes?.toString('utf8') ?? format.nullLiteral
  const parts: string[] = []
  if (format.printTimestamp) parts.push(`CreateTime:${record.timestampMs}`)
  if (format.printPartition) parts.push(`Partition:${record.partition}`)
  if (format.printOffset) parts.push(`Offset:${record.offset}`)
  if (format.printHeaders) parts.push(record.headers.length === 0 ? 'NO_HEADERS' : record.headers.map(({ key, value }) => `${key}:${text(value)}`).join(format.headersSeparator))
  if (format.printKey) parts.push(text(record.key))
  if (format.printValue) parts.push(text(record.value))
  return parts.join(format.keySeparator) + format.lineSeparator
}

/** Texts where the bytes are UTF-8, `{ "base64": … }` where not. */
function jsonRecord(record: ConsumedRecord): object {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: Number(record.offset),
    timestampMs: record.timestampMs,
    key: jsonBytes(record.key),
    value: jsonBytes(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: jsonBytes(value) })),
  }
}

function jsonBytes(bytes: Buffer | null): unknown {
  if (bytes === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { base64: bytes.toString('base64') }
  }
}
