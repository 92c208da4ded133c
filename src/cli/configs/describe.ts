import { describeConfigs, describeResource } from '../../admin/operations/configs.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'
import { brokerOption, entityDefaultOption, entityNameOption, entityTypeOption, groupOption, parseResource, topicOption } from './config-resource.ts'

const DEFAULT_SOURCES = new Set(['DEFAULT_CONFIG', 'STATIC_BROKER_CONFIG', 'UNKNOWN'])

export const describeConfigsCommand = defineCommand({
  name: 'describe',
  summary: 'Show configs that were set, or all of them.',
  examples: ['configs describe --topic orders', 'configs describe --topic orders --all', 'configs describe --entity-type brokers --entity-name 1 --all --json'],
  configure: command => command
    .addOption(topicOption())
    .addOption(brokerOption())
    .addOption(groupOption())
    .addOption(entityTypeOption())
    .addOption(entityNameOption())
    .addOption(entityDefaultOption())
    .option('--all', 'also configs that have their default or come from server.properties', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({ resource: parseResource(raw), all: raw.all, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  async call({ resource, all, bootstrapServers }, context) {
    const configs = await describeConfigs(await context.connect(bootstrapServers), resource, true)
    return configs.filter(({ source }) => all || !DEFAULT_SOURCES.has(source))
  },
  print(configs, { resource, all, json }, terminal) {
    if (json) return printJson(terminal, configs)
    if (configs.length === 0) return printLine(terminal, `No configs are set for ${describeResource(resource)}${all ? '' : ' (--all shows the defaults)'}.`)
    const rows = configs.map(({ name, value, sensitive, source, readOnly }) => [name, sensitive ? '(hidden)' : value, source, readOnly ? 'yes' : null])
    for (const line of formatTable(['NAME', 'VALUE', 'SOURCE', 'READ-ONLY'], rows)) printLine(terminal, line)
  },
})
