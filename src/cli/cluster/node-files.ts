// The settings file and the directory of a node, written once: of the first node of a cluster, or of one that joins it.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorMessage, MillraceError } from '../../shared/errors.ts'
import { defineCommand, UsageError } from '../command.ts'
import { parseInteger } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printLine } from '../terminal.ts'

const PORT_MAX = 65_535
const NODE_ID_MAX = 2_147_483_647

export type NodeSettings = {
  readonly file: string
  readonly dataDir: string
  /** In the order in which they are written. */
  readonly settings: ReadonlyMap<string, string>
}

type NodeOptions = { config: string; nodeId: string; host: string; port: string; controllerPort: string; adminPort: string; data: string; rack?: string | undefined }

export const initCommand = defineCommand({
  name: 'init',
  summary: 'Write the settings file and make the directory of the first node of a cluster.',
  examples: [
    'cluster init --config node1.properties --data ./node1',
    'cluster init --config a1.properties --data ./a1 --node-id 1 --rack a --controller-quorum-voters 1@127.0.0.1:9093,2@127.0.0.1:9193,3@127.0.0.1:9293',
  ],
  configure: command => command
    .option('--config <file>', 'the settings file to write', 'server.properties')
    .option('--data <dir>', 'directory for the data (log.dirs)', 'data')
    .option('--node-id <id>', 'the number of the node (node.id)', '1')
    .option('--host <host>', 'the address that clients and other nodes reach this node at', '127.0.0.1')
    .option('--port <port>', 'port for clients and brokers', '9092')
    .option('--controller-port <port>', 'port for the quorum of the metadata', '9093')
    .option('--admin-port <port>', 'port of the HTTP admin API on 127.0.0.1, or "none"', '9644')
    .option('--rack <name>', 'where the node stands (broker.rack)')
    .option('--controller-quorum-voters <voters>', 'id@host:port,id@host:port and so on, where the voters are fixed from the start; the same on each node'),
  parse(raw) {
    const voters = raw.controllerQuorumVoters
    const { host, controllerPort } = raw
    return nodeSettings(raw, voters === undefined ? { 'controller.quorum.bootstrap.servers': address(host, controllerPort) } : { 'controller.quorum.voters': parseVoters(voters, raw.nodeId) })
  },
  call: async node => writeNode(node),
  print: (_, node, terminal) => printNextStep(node, terminal),
})

export const joinCommand = defineCommand({
  name: 'join',
  summary: 'Write the settings file and make the directory of a further node of a cluster.',
  examples: ['cluster join --config node2.properties --data ./node2 --node-id 2 --port 9192 --controller-port 9193 --admin-port 9645 --bootstrap-controller 127.0.0.1:9093 --auto-join'],
  configure: command => command
    .requiredOption('--bootstrap-controller <addresses>', 'host:port of controllers of the cluster (their CONTROLLER listener), separated by commas')
    .requiredOption('--node-id <id>', 'the number of the node (node.id), which no other node of the cluster has')
    .option('--config <file>', 'the settings file to write', 'server.properties')
    .option('--data <dir>', 'directory for the data (log.dirs)', 'data')
    .option('--host <host>', 'the address that clients and other nodes reach this node at', '127.0.0.1')
    .option('--port <port>', 'port for clients and brokers', '9092')
    .option('--controller-port <port>', 'port for the quorum of the metadata', '9093')
    .option('--admin-port <port>', 'port of the HTTP admin API on 127.0.0.1, or "none"', '9644')
    .option('--rack <name>', 'where the node stands (broker.rack)')
    .option('--auto-join', 'become a voter of the quorum by itself; otherwise with cluster add-voter', false),
  parse: raw => nodeSettings(raw, {
    'controller.quorum.bootstrap.servers': parseControllers(raw.bootstrapController),
    ...(raw.autoJoin ? { 'controller.quorum.auto.join.enable': 'true' } : {}),
  }),
  call: async node => writeNode(node),
  print: (_, node, terminal) => printNextStep(node, terminal),
})

function nodeSettings(raw: NodeOptions, quorum: Readonly<Record<string, string>>): NodeSettings {
  const nodeId = parseInteger('--node-id', raw.nodeId, 0, NODE_ID_MAX)
  const port = parseInteger('--port', raw.port, 1, PORT_MAX)
  const controllerPort = parseInteger('--controller-port', raw.controllerPort, 1, PORT_MAX)
  if (port === controllerPort) throw new UsageError(`--port and --controller-port are both ${port}`)
  const admin = raw.adminPort === 'none' ? '' : `http://127.0.0.1:${parseInteger('--admin-port', raw.adminPort, 1, PORT_MAX)}`
  const dataDir = resolve(raw.data)
  const settings = new Map([
    ['process.roles', 'broker,controller'],
    ['node.id', String(nodeId)],
    ...(raw.rack === undefined ? [] : [['broker.rack', raw.rack] as [string, string]]),
    ['listeners', `PLAINTEXT://${address(raw.host, String(port))},CONTROLLER://${address(raw.host, String(controllerPort))}`],
    ['controller.listener.names', 'CONTROLLER'],
    ...Object.entries(quorum),
    ['log.dirs', dataDir],
    ['admin.listener', admin],
  ])
  return { file: raw.config, dataDir, settings }
}

function address(host: string, port: string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseControllers(text: string): string {
  for (const part of text.split(',')) if (!/^\s*(\[[^\]]+\]|[^:\s[\]]+):\d{1,5}\s*$/.test(part)) throw new UsageError(`--bootstrap-controller: "${part.trim()}" is not host:port`)
  return text
}

function parseVoters(text: string, nodeId: string): string {
  const voters = text.split(',').map(part => part.trim())
  for (const voter of voters) if (!/^\d+@(\[[^\]]+\]|[^:\s[\]]+):\d{1,5}$/.test(voter)) throw new UsageError(`--controller-quorum-voters: "${voter}" is not id@host:port`)
  if (!voters.some(voter => voter.startsWith(`${nodeId}@`))) throw new UsageError(`--controller-quorum-voters: node ${nodeId} itself is not among them`)
  return voters.join(',')
}

/** Nothing that is there already is touched. */
function writeNode({ file, dataDir, settings }: NodeSettings): void {
  if (existsSync(file)) throw new MillraceError('FILE_EXISTS', `${file} is there already; remove it, or name another with --config`)
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) throw new MillraceError('DIRECTORY_NOT_EMPTY', `${dataDir} holds data already; a node begins with an empty directory: name another with --data`)
  try {
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(file, propertiesText(settings), { flag: 'wx' })
  } catch (error) {
    throw new MillraceError('NOT_WRITTEN', `the files of the node cannot be written: ${errorMessage(error)}`, error)
  }
}

/** Backslashes are doubled: the format takes them for escapes. */
export function propertiesText(settings: ReadonlyMap<string, string>): string {
  return [...settings].map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`).join('')
}

function printNextStep({ file, dataDir }: NodeSettings, terminal: Terminal): void {
  printLine(terminal, `Wrote ${file}; the data will be in ${dataDir}. Start the node with:`)
  printLine(terminal, `  millrace serve ${file}`)
}
