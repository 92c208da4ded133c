import { resetGroupOffsets } from '../../admin/operations/group-offsets.ts'
import type { OffsetReset } from '../../admin/schemas/groups.ts'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses, parseDuration, parseInteger, parseMoment } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

type Target = OffsetReset['to']

export const resetOffsets = defineCommand({
  name: 'reset-offsets',
  summary: 'Move the committed offsets of a group. Shows what would change; --execute does it.',
  examples: [
    'groups reset-offsets --group billing --topic orders --to-earliest',
    'groups reset-offsets --group billing --topic orders:0,1 --to-offset 5 --execute',
    'groups reset-offsets --group billing --all-topics --by-duration PT1H --execute',
  ],
  configure: command => command
    .requiredOption('--group <id>', 'the group')
    .option('--topic <topic[:partition,...]>', 'a topic or partitions of it, can be repeated', collect)
    .option('--all-topics', 'every topic that the group has committed offsets for', false)
    .option('--to-earliest', 'to the start of the log')
    .option('--to-latest', 'to the end of the log')
    .option('--to-current', 'to where the group is: brings offsets outside the log back into it')
    .option('--to-offset <offset>', 'to this offset')
    .option('--to-datetime <time>', 'to the first record at or after this time, such as 2026-01-31T12:00:00.000')
    .option('--by-duration <duration>', 'to the first record of this last stretch of time, such as PT1H')
    .option('--shift-by <count>', 'by this many records, back if it is negative')
    .option('--dry-run', 'only show what would change (the default)', false)
    .option('--execute', 'commit the new offsets', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse(raw) {
    const targets: Target[] = []
    if (raw.toEarliest) targets.push({ earliest: true })
    if (raw.toLatest) targets.push({ latest: true })
    if (raw.toCurrent) targets.push({ current: true })
    if (raw.toOffset !== undefined) targets.push({ offset: parseInteger('--to-offset', raw.toOffset, 0) })
    if (raw.toDatetime !== undefined) targets.push({ timestampMs: parseMoment('--to-datetime', raw.toDatetime) })
    if (raw.byDuration !== undefined) targets.push({ ageMs: parseDuration('--by-duration', raw.byDuration) })
    if (raw.shiftBy !== undefined) targets.push({ shiftBy: parseInteger('--shift-by', raw.shiftBy, Number.MIN_SAFE_INTEGER) })
    const [to] = targets
    if (to === undefined || targets.length > 1) throw new UsageError('say where to with exactly one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, --shift-by')
    if (raw.allTopics === (raw.topic !== undefined)) throw new UsageError('give either --topic or --all-topics')
    if (raw.execute && raw.dryRun) throw new UsageError('--execute and --dry-run exclude each other')
    const reset: OffsetReset = { to, dryRun: !raw.execute }
    if (raw.topic !== undefined) reset.topics = raw.topic.map(parseTopicPartitions)
    return { groupId: raw.group, reset, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }
  },
  async call({ groupId, reset, bootstrapServers }, context) {
    return resetGroupOffsets(await context.connect(bootstrapServers), groupId, reset, context.terminal.nowMs())
  },
  print({ groupId, dryRun, offsets }, { json }, terminal) {
    if (json) return printJson(terminal, { groupId, dryRun, offsets })
    const rows = offsets.map(({ topic, partition, previousOffset, newOffset }) => [groupId, topic, partition, previousOffset, newOffset])
    for (const line of formatTable(['GROUP', 'TOPIC', 'PARTITION', 'OLD-OFFSET', 'NEW-OFFSET'], rows)) printLine(terminal, line)
    if (dryRun) printLine(terminal, 'Nothing was changed: add --execute to commit these offsets.')
  },
})

function parseTopicPartitions(text: string): { topic: string; partitions?: number[] } {
  const [topic = '', partitions] = text.split(':')
  if (topic === '') throw new UsageError(`--topic: "${text}" names no topic`)
  if (partitions === undefined) return { topic }
  return { topic, partitions: partitions.split(',').map(partition => parseInteger('--topic', partition, 0)) }
}
