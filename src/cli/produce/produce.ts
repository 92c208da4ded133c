import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses, parseInteger, parseProperties } from '../options.ts'
import { Progress } from '../progress.ts'
import { COMPRESSION_TYPES, type CompressionType } from '../../native.ts'
import type { NewRecord } from '../../records/record-batch.ts'
import { printJson, printLine } from '../terminal.ts'
import { parseLine, parseLineFormat } from './line-format.ts'
import { RecordWriter } from './record-writer.ts'
import { readLines } from './read-lines.ts'

const ACKS: Record<string, -1 | 0 | 1> = { 'all': -1, '-1': -1, '0': 0, '1': 1 }
const FILE_CHUNK_BYTES = 1024 * 1024

export const produce = defineCommand({
  name: 'produce',
  summary: 'Write records: one for each line of standard input or of a file.',
  examples: [
    'produce --topic orders < orders.txt',
    'produce --topic orders --file orders.txt --compression-codec gzip',
    "produce --topic orders --file keyed.txt --property parse.key=true --property key.separator=:",
    'produce --topic orders --file orders.txt --key order-7 --header source:shop --partition 0',
  ],
  configure: command => command
    .requiredOption('--topic <name>', 'topic to write to')
    .option('--file <path>', 'file to read instead of standard input')
    .option('--partition <partition>', 'partition to write to (default: by the key)')
    .option('--key <key>', 'key of every record')
    .option('--header <name:value>', 'header of every record, can be repeated', collect)
    .option('--property <name=value>', 'how lines are read: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, headers.key.separator, null.marker, ignore.error', collect)
    .option('--request-required-acks <acks>', 'who confirms a record: all, 1 (the leader), 0 (nobody)', 'all')
    .option('--compression-codec <codec>', COMPRESSION_TYPES.join(', '), 'none')
    .option('--batch-size <bytes>', 'most bytes of a batch', '262144')
    .option('--timeout <ms>', 'how long the broker may take to replicate', '30000')
    .addOption(bootstrapServer())
    .addOption(json()),
  parse(raw) {
    const acks = ACKS[raw.requestRequiredAcks]
    if (acks === undefined) throw new UsageError(`--request-required-acks: "${raw.requestRequiredAcks}" is none of all, -1, 0, 1`)
    const format = parseLineFormat(parseProperties('--property', raw.property ?? []))
    if (raw.key !== undefined && format.parseKey) throw new UsageError('--key and --property parse.key=true exclude each other')
    return {
      file: raw.file ?? null,
      format,
      key: raw.key === undefined ? null : Buffer.from(raw.key),
      headers: (raw.header ?? []).map(parseHeader),
      writer: {
        topic: raw.topic,
        partition: raw.partition === undefined ? null : parseInteger('--partition', raw.partition, 0),
        acks,
        compression: parseCompression(raw.compressionCodec),
        batchSizeBytes: parseInteger('--batch-size', raw.batchSize, 1, 2 ** 30),
        timeoutMs: parseInteger('--timeout', raw.timeout, 1, 2 ** 31 - 1),
      },
      bootstrapServers: parseAddresses(raw.bootstrapServer),
      json: raw.json,
    }
  },
  async call({ file, format, key, headers, writer: options, bootstrapServers }, context) {
    const { terminal } = context
    const input: Readable = file === null ? terminal.stdin : createReadStream(file, { highWaterMark: FILE_CHUNK_BYTES })
    const sizeBytes = file === null ? null : (await stat(file)).size
    const writer = await RecordWriter.open(await context.connect(bootstrapServers), options)
    const progress = new Progress(terminal, file === null ? 'records' : options.topic, sizeBytes)
    let recordCount = 0
    try {
      for await (const { lines, readBytes } of readLines(input, terminal.signal)) {
        const records = lines.map((line, index): NewRecord => {
          const record = parseLine(line, recordCount + index + 1, format, terminal.nowMs())
          return { ...record, key: key ?? record.key, headers: [...record.headers, ...headers] }
        })
        await writer.write(records)
        recordCount += records.length
        progress.advance(sizeBytes === null ? records.length : readBytes)
      }
    } finally {
      progress.end()
    }
    return { topic: options.topic, recordCount }
  },
  print({ topic, recordCount }, { json }, terminal) {
    if (json) printJson(terminal, { topic, recordCount })
    else printLine(terminal, `Wrote ${recordCount} record${recordCount === 1 ? '' : 's'} to ${topic}.`)
  },
})

function parseCompression(text: string): CompressionType {
  const type = COMPRESSION_TYPES.find(candidate => candidate === text)
  if (type === undefined) throw new UsageError(`--compression-codec: "${text}" is none of ${COMPRESSION_TYPES.join(', ')}`)
  return type
}

function parseHeader(text: string): { key: string; value: Buffer } {
  const colon = text.indexOf(':')
  if (colon < 1) throw new UsageError(`--header: "${text}" is not name:value`)
  return { key: text.slice(0, colon), value: Buffer.from(text.slice(colon + 1)) }
}
