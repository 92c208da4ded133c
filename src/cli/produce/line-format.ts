// Lines of text to records, by the properties that Kafka's console producer has for it.

import type { NewRecord, RecordHeader } from '../../records/record-batch.ts'
import { MillraceError } from '../../shared/errors.ts'
import { UsageError } from '../command.ts'

export type LineFormat = {
  parseKey: boolean
  keySeparator: string
  parseHeaders: boolean
  headersDelimiter: string
  headersSeparator: string
  headersKeySeparator: string
  /** This text stands for null, in keys, values and header values. */
  nullMarker: string | null
  /** A line without the separators that are due becomes a value as a whole, instead of an error. */
  ignoreError: boolean
}

const BOOLEAN_PROPERTIES = { 'parse.key': 'parseKey', 'parse.headers': 'parseHeaders', 'ignore.error': 'ignoreError' } as const
const TEXT_PROPERTIES = {
  'key.separator': 'keySeparator',
  'headers.delimiter': 'headersDelimiter',
  'headers.separator': 'headersSeparator',
  'headers.key.separator': 'headersKeySeparator',
  'null.marker': 'nullMarker',
} as const

/** Throws UsageError on a property that is not known. */
export function parseLineFormat(properties: Readonly<Record<string, string>>): LineFormat {
  const format: LineFormat = {
    parseKey: false, keySeparator: '\t', parseHeaders: false, headersDelimiter: '\t', headersSeparator: ',', headersKeySeparator: ':', nullMarker: null, ignoreError: false,
  }
  for (const [name, value] of Object.entries(properties)) {
    if (name in BOOLEAN_PROPERTIES) format[BOOLEAN_PROPERTIES[name as keyof typeof BOOLEAN_PROPERTIES]] = parseBoolean(name, value)
    else if (name in TEXT_PROPERTIES && value !== '') format[TEXT_PROPERTIES[name as keyof typeof TEXT_PROPERTIES]] = value
    else throw new UsageError(`--property: ${name} is none of ${[...Object.keys(BOOLEAN_PROPERTIES), ...Object.keys(TEXT_PROPERTIES)].join(', ')}, or it is empty`)
  }
  return format
}

/** A line is [headers, delimiter,] [key, separator,] value. Throws where a separator is missing, naming the line. */
export function parseLine(line: string, lineNumber: number, format: LineFormat, timestampMs: number): NewRecord {
  let rest = line
  let headers: RecordHeader[] = []
  if (format.parseHeaders) {
    const [text, after] = cut(rest, format.headersDelimiter, lineNumber, 'headers.delimiter', format)
    rest = after
    if (text !== null) headers = parseHeaders(text, lineNumber, format)
  }
  let key: string | null = null
  if (format.parseKey) [key, rest] = cut(rest, format.keySeparator, lineNumber, 'key.separator', format)
  return { timestampMs, key: encode(key, format), value: encode(rest, format), headers }
}

function cut(text: string, separator: string, lineNumber: number, property: string, format: LineFormat): [string | null, string] {
  const index = text.indexOf(separator)
  if (index >= 0) return [text.slice(0, index), text.slice(index + separator.length)]
  if (format.ignoreError) return [null, text]
  throw new MillraceError('BAD_LINE', `line ${lineNumber}: there is no ${property} (${JSON.stringify(separator)}) in it`)
}

function parseHeaders(text: string, lineNumber: number, format: LineFormat): RecordHeader[] {
  if (text === '' || text === format.nullMarker) return []
  return text.split(format.headersSeparator).map(pair => {
    const [key, value] = cut(pair, format.headersKeySeparator, lineNumber, 'headers.key.separator', format)
    return key === null ? { key: pair, value: null } : { key, value: encode(value, format) }
  })
}

function encode(text: string | null, format: LineFormat): Uint8Array | null {
  return text === null || text === format.nullMarker ? null : Buffer.from(text)
}

function parseBoolean(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new UsageError(`--property: ${name} is true or false, not "${value}"`)
}
