import { deleteGroups } from '../../admin/operations/groups.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, collect, parseAddresses } from '../options.ts'
import { printLine } from '../terminal.ts'

export const deleteGroup = defineCommand({
  name: 'delete',
  summary: 'Delete groups without members, and their offsets.',
  examples: ['groups delete --group billing', 'groups delete --group billing --group audit'],
  configure: command => command.requiredOption('--group <id>', 'the group, can be repeated', collect).addOption(bootstrapServer()),
  parse: raw => ({ groupIds: raw.group, bootstrapServers: parseAddresses(raw.bootstrapServer) }),
  async call({ groupIds, bootstrapServers }, context) {
    const caller = await context.connect(bootstrapServers)
    for (const groupId of groupIds) await deleteGroups(caller, [groupId])
  },
  print(_, { groupIds }, terminal) {
    for (const groupId of groupIds) printLine(terminal, `Deleted group ${groupId}.`)
  },
})
