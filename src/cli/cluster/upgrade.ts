import { describeFeatures, upgradeFeatures } from '../../admin/operations/features.ts'
import type { FeatureLevel } from '../../admin/operations/features.ts'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses, parseInteger, parseProperties } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

const LEVEL_MAX = 32_767

export const upgradeCommand = defineCommand({
  name: 'upgrade',
  summary: 'Show the feature levels that the cluster uses, or raise them once all brokers run the new version.',
  examples: ['cluster upgrade', 'cluster upgrade --all --dry-run', 'cluster upgrade --feature share.version=1'],
  configure: command => command
    .option('--feature <name=level>', 'raise this feature to this level; may be given several times', collect)
    .option('--all', 'raise every feature to the highest level that all brokers support', false)
    .option('--dry-run', 'check only, change nothing', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse(raw) {
    if (raw.all && raw.feature !== undefined) throw new UsageError('give --all or --feature, not both')
    const levels = Object.entries(parseProperties('--feature', raw.feature ?? [])).map(([feature, level]): FeatureLevel => ({ feature, level: parseInteger('--feature', level, 0, LEVEL_MAX) }))
    return { levels, all: raw.all, dryRun: raw.dryRun, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }
  },
  async call({ levels, all, dryRun, bootstrapServers }, context) {
    const client = await context.connect(bootstrapServers)
    const before = await describeFeatures(client)
    const wanted = all ? before.filter(({ finalizedVersionLevel, supportedMaxVersion }) => finalizedVersionLevel < supportedMaxVersion).map(({ feature, supportedMaxVersion }) => ({ feature, level: supportedMaxVersion })) : levels
    if (wanted.length > 0) await upgradeFeatures(client, wanted, dryRun)
    return { features: wanted.length > 0 && !dryRun ? await describeFeatures(client) : before, upgraded: wanted }
  },
  print({ features, upgraded }, { json, all, dryRun }, terminal) {
    if (json) return printJson(terminal, { features, upgraded, dryRun })
    for (const { feature, level } of upgraded) printLine(terminal, `${feature} ${dryRun ? 'can be' : 'was'} upgraded to ${level}.`)
    if (all && upgraded.length === 0) printLine(terminal, 'Every feature is at the highest level that all brokers support.')
    const rows = features.map(({ feature, supportedMinVersion, supportedMaxVersion, finalizedVersionLevel, epoch }) => [feature, supportedMinVersion, supportedMaxVersion, finalizedVersionLevel, epoch])
    for (const line of formatTable(['FEATURE', 'SUPPORTED-MIN-VERSION', 'SUPPORTED-MAX-VERSION', 'FINALIZED-VERSION-LEVEL', 'EPOCH'], rows)) printLine(terminal, line)
  },
})
