import { describeGroup } from '../../admin/operations/groups.ts'
import type { Group } from '../../admin/schemas/groups.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, collect, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const describeGroupCommand = defineCommand({
  name: 'describe',
  summary: 'Describe groups: offsets and lag, or members, or state.',
  examples: ['groups describe --group billing', 'groups describe --group billing --members', 'groups describe --group billing --state --json'],
  configure: command => command
    .requiredOption('--group <id>', 'the group, can be repeated', collect)
    .option('--members', 'show members and what they are assigned', false)
    .option('--state', 'show state, coordinator and assignor', false)
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({ groupIds: raw.group, members: raw.members, state: raw.state, bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  async call({ groupIds, bootstrapServers }, context) {
    const caller = await context.connect(bootstrapServers)
    const groups: Group[] = []
    for (const groupId of groupIds) groups.push(await describeGroup(caller, groupId))
    return groups
  },
  print(groups, { members, state, json }, terminal) {
    if (json) return printJson(terminal, groups)
    for (const [index, group] of groups.entries()) {
      if (index > 0) printLine(terminal)
      const lines = state ? stateLines(group) : members ? memberLines(group) : offsetLines(group)
      for (const line of lines) printLine(terminal, line)
    }
  },
})

function offsetLines(group: Group): string[] {
  if (group.offsets.length === 0) return [`Group ${group.groupId} is ${group.state} and has no committed offsets.`]
  const rows = group.offsets.map(offset =>
    [group.groupId, offset.topic, offset.partition, offset.committedOffset, offset.logEndOffset, offset.lag, offset.memberId, offset.host, offset.clientId])
  return formatTable(['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID'], rows)
}

function memberLines(group: Group): string[] {
  if (group.members.length === 0) return [`Group ${group.groupId} is ${group.state} and has no members.`]
  const rows = group.members.map(member => [
    group.groupId, member.memberId, member.groupInstanceId, member.host, member.clientId,
    member.assignment.reduce((count, { partitions }) => count + partitions.length, 0),
    member.assignment.map(({ topic, partitions }) => `${topic}(${partitions.join(',')})`).join(' ') || null,
  ])
  return formatTable(['GROUP', 'CONSUMER-ID', 'INSTANCE-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS', 'ASSIGNMENT'], rows)
}

function stateLines(group: Group): string[] {
  const row = [group.groupId, group.coordinator, group.type, group.assignor || null, group.state, group.members.length, group.lag]
  return formatTable(['GROUP', 'COORDINATOR', 'TYPE', 'ASSIGNOR', 'STATE', '#MEMBERS', 'LAG'], [row])
}
