import { planCluster } from '../../admin/operations/balance.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses, parseInteger } from '../options.ts'
import { formatBytes, formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const planCommand = defineCommand({
  name: 'plan',
  summary: 'Show which replicas and leaderships would move for brokers to hold alike. Nothing is changed.',
  examples: ['cluster plan', 'cluster plan --imbalance-percentage 5 --imbalance-bytes 0', 'cluster plan --without-broker 3 --json'],
  configure: command => command
    .option('--imbalance-percentage <percent>', 'how far brokers may be from the mean before anything moves', '10')
    .option('--imbalance-bytes <bytes>', 'bytes that brokers may differ by whatever the percentage', '1073741824')
    .option('--without-broker <id>', 'plan as if this broker were to hold nothing; may be given several times', collect)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({
    imbalancePercentage: parseInteger('--imbalance-percentage', raw.imbalancePercentage, 1, 100),
    imbalanceBytes: parseInteger('--imbalance-bytes', raw.imbalanceBytes, 0),
    alsoDraining: (raw.withoutBroker ?? []).map(id => parseInteger('--without-broker', id, 0, 2_147_483_647)),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
    json: raw.json,
  }),
  call: async ({ bootstrapServers, ...options }, context) => planCluster(await context.connect(bootstrapServers), options),
  print({ moves, blocked, totalBytes }, { json }, terminal) {
    if (json) return printJson(terminal, { moves, blocked, totalBytes })
    if (moves.length === 0) printLine(terminal, 'Brokers hold alike: nothing to move.')
    else {
      const rows = moves.map(({ topic, partition, kind, from, to, reason, bytes, replicas }) => [topic, partition, kind, from < 0 ? 'none' : from, to, kind === 'replica' ? formatBytes(bytes) : null, reason, replicas.join(',')])
      for (const line of formatTable(['TOPIC', 'PARTITION', 'MOVE', 'FROM', 'TO', 'SIZE', 'REASON', 'REPLICAS'], rows)) printLine(terminal, line)
      const copied = moves.filter(({ kind }) => kind === 'replica').length
      printLine(terminal, `${copied} replicas to copy (${formatBytes(totalBytes)}), ${moves.length - copied} leaderships to hand over.`)
    }
    for (const { topic, partition, broker, reason } of blocked) printLine(terminal, `${topic}-${partition} cannot leave broker ${broker}: ${reason}`)
  },
})
