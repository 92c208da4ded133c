import { addVoter, removeVoter } from '../../admin/operations/quorum.ts'
import type { VoterListener } from '../../admin/operations/quorum.ts'
import { parseUuid } from '../../shared/uuid.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { defineCommand, UsageError } from '../command.ts'
import { bootstrapServer, parseAddresses, parseInteger } from '../options.ts'
import { printLine } from '../terminal.ts'

const NODE_ID_MAX = 2_147_483_647

export const addVoterCommand = defineCommand({
  name: 'add-voter',
  summary: 'Make a node that reads the metadata log one of those that vote on it.',
  examples: ['cluster add-voter --controller-id 2 --controller-listener CONTROLLER://127.0.0.1:9193'],
  configure: command => command
    .requiredOption('--controller-id <id>', 'the node (node.id)')
    .requiredOption('--controller-listener <name://host:port>', 'where the other voters reach it')
    .option('--controller-directory-id <id>', 'the directory of its metadata log (default: the one that it reads with)')
    .addOption(bootstrapServer()),
  parse: raw => ({
    voterId: parseInteger('--controller-id', raw.controllerId, 0, NODE_ID_MAX),
    directoryId: raw.controllerDirectoryId === undefined ? null : parseDirectoryId(raw.controllerDirectoryId),
    listener: parseListener(raw.controllerListener),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
  }),
  call: async ({ voterId, directoryId, listener, bootstrapServers }, context) => addVoter(await context.connect(bootstrapServers), voterId, directoryId, [listener]),
  print: ({ nodeId, directoryId }, _, terminal) => printLine(terminal, `Node ${nodeId} votes now, with directory ${directoryId}.`),
})

export const removeVoterCommand = defineCommand({
  name: 'remove-voter',
  summary: 'Take a node out of those that vote on the metadata log; it goes on reading it.',
  examples: ['cluster remove-voter --controller-id 2'],
  configure: command => command
    .requiredOption('--controller-id <id>', 'the node (node.id)')
    .option('--controller-directory-id <id>', 'the directory of its metadata log (default: the one that it votes with)')
    .addOption(bootstrapServer()),
  parse: raw => ({
    voterId: parseInteger('--controller-id', raw.controllerId, 0, NODE_ID_MAX),
    directoryId: raw.controllerDirectoryId === undefined ? null : parseDirectoryId(raw.controllerDirectoryId),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
  }),
  call: async ({ voterId, directoryId, bootstrapServers }, context) => removeVoter(await context.connect(bootstrapServers), voterId, directoryId),
  print: (_, { voterId }, terminal) => printLine(terminal, `Node ${voterId} does not vote any more.`),
})

function parseDirectoryId(text: string): Uuid {
  const id = parseUuid(text)
  if (id === undefined) throw new UsageError(`--controller-directory-id: "${text}" is not an id such as cluster status shows`)
  return id
}

function parseListener(text: string): VoterListener {
  const match = /^([A-Za-z0-9._-]+):\/\/(?:\[([0-9a-fA-F:.%]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[4])
  if (match === null || port < 1 || port > 65_535) throw new UsageError(`--controller-listener: "${text}" is not of the form NAME://host:port`)
  return { name: (match[1] ?? '').toUpperCase(), host: match[2] ?? match[3] ?? '', port }
}
