import { EARLIEST, findOffsets, LATEST, MAX_TIMESTAMP } from '../../admin/operations/offsets.ts'
import { describeTopics } from '../../admin/operations/topics.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses, parseInteger, parseMoment } from '../options.ts'
import { formatTable, formatTimestamp } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'
import { topicPattern } from '../topics/topic-pattern.ts'

/** Kafka's names and numbers of the special times. */
const SPECIAL_TIMES: Record<string, bigint> = {
  'latest': LATEST, '-1': LATEST, 'earliest': EARLIEST, '-2': EARLIEST, 'max-timestamp': MAX_TIMESTAMP, '-3': MAX_TIMESTAMP,
}

type PartitionOffset = { topic: string; partition: number; offset: number | null; timestampMs: number | null }

export const offsets = defineCommand({
  name: 'offsets',
  summary: 'Look up offsets of partitions: the end, the start, or the first record at or after a time.',
  examples: ['offsets --topic orders', 'offsets --topic orders --time earliest', 'offsets --topic orders --partitions 0 --time 2026-01-31T12:00:00Z --json'],
  configure: command => command
    .option('--topic <pattern>', 'topics that match this regular expression (default: all)')
    .option('--partitions <partitions>', 'only these partitions, comma separated')
    .option('--time <time>', 'latest, earliest, max-timestamp, milliseconds since 1970, or ISO 8601', 'latest')
    .option('--exclude-internal-topics', "leave Kafka's own topics out", false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({
    topic: raw.topic ?? null,
    pattern: raw.topic === undefined ? null : topicPattern(raw.topic),
    partitions: raw.partitions === undefined ? null : new Set(raw.partitions.split(',').map(partition => parseInteger('--partitions', partition, 0))),
    time: SPECIAL_TIMES[raw.time] ?? BigInt(parseMoment('--time', raw.time)),
    excludeInternal: raw.excludeInternalTopics,
    bootstrapServers: parseAddresses(raw.bootstrapServer),
    json: raw.json,
  }),
  async call(options, context): Promise<PartitionOffset[]> {
    const caller = await context.connect(options.bootstrapServers)
    const topics = (await describeTopics(caller, null)).filter(topic => !(options.excludeInternal && topic.internal) && (options.pattern?.test(topic.name) ?? true))
    if (topics.length === 0 && options.topic !== null) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `no topic matches ${options.topic}`)
    const queries = topics.flatMap(({ name, partitions }) =>
      partitions.filter(({ partition }) => options.partitions?.has(partition) ?? true).map(({ partition }) => ({ topic: name, partition, timestampMs: options.time })))
    return (await findOffsets(caller, queries)).map(({ topic, partition, offset, timestampMs, error }) => {
      if (error !== null) throw new KafkaError(error, `partition ${topic}-${partition}: ${error}`)
      return { topic, partition, offset: offset === null ? null : Number(offset), timestampMs: timestampMs === null ? null : Number(timestampMs) }
    })
  },
  print(found, { json }, terminal) {
    if (json) return printJson(terminal, found)
    const rows = found.map(({ topic, partition, offset, timestampMs }) => [topic, partition, offset, formatTimestamp(timestampMs)])
    for (const line of formatTable(['TOPIC', 'PARTITION', 'OFFSET', 'TIMESTAMP'], rows)) printLine(terminal, line)
  },
})
