import { listGroups } from '../../admin/operations/groups.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const listGroupsCommand = defineCommand({
  name: 'list',
  summary: 'List groups.',
  examples: ['groups list', 'groups list --state Stable', 'groups list --json'],
  configure: command => command
    .option('--state <states>', 'only groups in one of these states, comma separated')
    .option('--type <types>', 'only groups of one of these types, comma separated')
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({ states: lowerCaseSet(raw.state), types: lowerCaseSet(raw.type), bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  async call({ states, types, bootstrapServers }, context) {
    const groups = await listGroups(await context.connect(bootstrapServers))
    return groups.filter(group => (states?.has(group.state.toLowerCase()) ?? true) && (types?.has(group.type.toLowerCase()) ?? true))
  },
  print(groups, { json }, terminal) {
    if (json) return printJson(terminal, groups)
    const rows = groups.map(({ groupId, type, state, protocolType }) => [groupId, type, state, protocolType || null])
    for (const line of formatTable(['GROUP', 'TYPE', 'STATE', 'PROTOCOL'], rows)) printLine(terminal, line)
  },
})

function lowerCaseSet(list: string | undefined): Set<string> | null {
  return list === undefined ? null : new Set(list.toLowerCase().split(',').map(item => item.trim()))
}
