import { randomUUID } from 'node:crypto'
import type { ClusterClient } from '../client/cluster-client.ts'
import { EARLIEST, LATEST, findOffsets } from '../../admin/operations/offsets.ts'
import { describeTopic } from '../../admin/operations/topics.ts'
import { UsageError, defineCommand } from '../command.ts'
import { bootstrapServer, collect, parseAddresses, parseInteger, parseProperties } from '../options.ts'
import { printLine, write } from '../terminal.ts'
import { formatRecord, parseOutputFormat } from './output-format.ts'
import { openStream } from './record-stream.ts'
import type { StartOffset } from './record-stream.ts'

const OFFSET_MAX = Number.MAX_SAFE_INTEGER
const ISOLATION_LEVELS = { read_uncommitted: 0, read_committed: 1 } as const

export const consume = defineCommand({
  name: 'consume',
  summary: 'Read records and print one line for each, until interrupted.',
  examples: [
    'consume --topic orders --from-beginning --timeout-ms 2000',
    'consume --topic orders --group billing --from-beginning --max-messages 10 --timeout-ms 2000',
    'consume --topic orders --partition 0 --offset 2 --timeout-ms 2000 --json',
    'consume --topic orders --from-beginning --timeout-ms 2000 --property print.key=true --property print.offset=true',
  ],
  configure: command => command
    .requiredOption('--topic <name>', 'topic to read')
    .option('--from-beginning', 'begin with the first record where the group has no offsets', false)
    .option('--group <id>', 'read as a member of this group, and commit what was read')
    .option('--partition <partition>', 'read only this partition')
    .option('--offset <offset>', 'with --partition: where to begin, a number, earliest or latest')
    .option('--max-messages <count>', 'end after so many records')
    .option('--timeout-ms <ms>', 'end when no record came for so long')
    .option('--isolation-level <level>', 'read_uncommitted or read_committed', 'read_uncommitted')
    .option('--property <name=value>', 'what is printed: print.key, print.value, print.headers, print.timestamp, print.partition, print.offset, key.separator, line.separator, headers.separator, null.literal', collect)
    .option('--json', 'print each record as a JSON object', false)
    .addOption(bootstrapServer()),
  parse(raw) {
    if (raw.offset !== undefined && raw.partition === undefined) throw new UsageError('--offset needs --partition')
    if (raw.partition !== undefined && raw.group !== undefined) throw new UsageError('--partition and --group exclude each other')
    if (!(raw.isolationLevel in ISOLATION_LEVELS)) throw new UsageError(`--isolation-level: "${raw.isolationLevel}" is none of read_uncommitted, read_committed`)
    return {
      topic: raw.topic,
      fromBeginning: raw.fromBeginning,
      group: raw.group ?? null,
      partition: raw.partition === undefined ? null : parseInteger('--partition', raw.partition, 0),
      offset: parseOffset(raw.offset),
      maxMessages: raw.maxMessages === undefined ? Infinity : parseInteger('--max-messages', raw.maxMessages, 0),
      timeoutMs: raw.timeoutMs === undefined ? null : parseInteger('--timeout-ms', raw.timeoutMs, 0),
      isolationLevel: ISOLATION_LEVELS[raw.isolationLevel as keyof typeof ISOLATION_LEVELS],
      format: raw.json ? null : parseOutputFormat(parseProperties('--property', raw.property ?? [])),
      bootstrapServers: parseAddresses(raw.bootstrapServer),
    }
  },
  async call(options, context) {
    const { terminal } = context
    const client = await context.connect(options.bootstrapServers)
    const start = await startOffsets(client, options.topic, options.partition, options.offset)
    const stream = await openStream({
      brokers: options.bootstrapServers.map(({ host, port }) => `${host}:${port}`),
      topic: options.topic,
      groupId: options.group ?? `millrace-consume-${randomUUID()}`,
      commits: options.group !== null,
      fromBeginning: options.fromBeginning,
      start,
      isolationLevel: options.isolationLevel,
      idleTimeoutMs: options.timeoutMs,
      signal: terminal.signal,
    })
    let count = 0
    try {
      if (options.maxMessages > 0) {
        for await (const record of stream.records()) {
          if (options.partition !== null && record.partition !== options.partition) continue
          await write(terminal, formatRecord(record, options.format))
          count++
          if (count >= options.maxMessages || terminal.signal.aborted) break
        }
      }
    } finally {
      await stream.close()
    }
    return count
  },
  print(count, _options, terminal) {
    if (terminal.interactive) terminal.stderr.write(`Read ${count} record${count === 1 ? '' : 's'}.\n`)
    else printLine({ ...terminal, stdout: terminal.stderr }, `Read ${count} record${count === 1 ? '' : 's'}.`)
  },
})

function parseOffset(text: string | undefined): number | 'earliest' | 'latest' {
  if (text === undefined || text === 'latest') return 'latest'
  return text === 'earliest' ? text : parseInteger('--offset', text, 0, OFFSET_MAX)
}

/** Where each partition is read from, when one was chosen; the others are read from their end, and nothing of them printed. */
async function startOffsets(client: ClusterClient, topic: string, partition: number | null, offset: number | 'earliest' | 'latest'): Promise<StartOffset[] | null> {
  if (partition === null) return null
  const { partitionCount } = await describeTopic(client, topic)
  if (partition >= partitionCount) throw new UsageError(`--partition: ${topic} has partitions 0 to ${partitionCount - 1}`)
  const ends = await findOffsets(client, Array.from({ length: partitionCount }, (_, each) => ({ topic, partition: each, timestampMs: each === partition && offset === 'earliest' ? EARLIEST : LATEST })))
  return ends.map((end) => ({ partition: end.partition, offset: end.partition === partition && typeof offset === 'number' ? BigInt(offset) : (end.offset ?? 0n) }))
}
