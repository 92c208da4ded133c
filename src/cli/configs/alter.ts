import { alterConfigs, describeResource } from '../../admin/operations/configs.ts'
import type { ConfigChanges } from '../../admin/schemas/configs.ts'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, collect, parseAddresses, parseProperties, splitList } from '../options.ts'
import { printLine } from '../terminal.ts'
import { brokerOption, entityDefaultOption, entityNameOption, entityTypeOption, groupOption, parseResource, topicOption } from './config-resource.ts'

export const alterConfigsCommand = defineCommand({
  name: 'alter',
  summary: 'Set configs, or give them back their default. All changes are made, or none.',
  examples: [
    'configs alter --topic orders --add-config retention.ms=86400000,cleanup.policy=[compact,delete]',
    'configs alter --topic reminders --add-config delivery.delay.enable=true,delivery.delay.max.ms=3600000',
    'configs alter --entity-type groups --entity-name workers --add-config errors.deadletterqueue.topic.name=dlq.jobs',
    'configs alter --topic orders --delete-config retention.ms,cleanup.policy',
  ],
  configure: command => command
    .addOption(topicOption())
    .addOption(brokerOption())
    .addOption(groupOption())
    .addOption(entityTypeOption())
    .addOption(entityNameOption())
    .addOption(entityDefaultOption())
    .option('--add-config <name=value,...>', 'values to set; a list goes in [brackets]', collect)
    .option('--delete-config <name,...>', 'names to give back their default', collect)
    .addOption(bootstrapServer()),
  parse(raw) {
    const set = parseProperties('--add-config', (raw.addConfig ?? []).flatMap(splitList))
    const deleted = (raw.deleteConfig ?? []).flatMap(splitList)
    if (Object.keys(set).length + deleted.length === 0) throw new UsageError('nothing to do: give --add-config or --delete-config')
    const changes: ConfigChanges = {
      set: Object.fromEntries(Object.entries(set).map(([name, value]) => [name, value.replace(/^\[(.*)\]$/, '$1')])),
      delete: deleted,
    }
    return { resource: parseResource(raw), changes, bootstrapServers: parseAddresses(raw.bootstrapServer) }
  },
  async call({ resource, changes, bootstrapServers }, context) {
    await alterConfigs(await context.connect(bootstrapServers), resource, changes)
  },
  print(_, { resource }, terminal) {
    printLine(terminal, `Updated configs of ${describeResource(resource)}.`)
  },
})
