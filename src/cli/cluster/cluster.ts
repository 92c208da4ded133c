import { describeCluster } from '../../admin/operations/cluster.ts'
import { defineCommand, defineGroup } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatTable } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'
import { drainCommand, undrainCommand } from './drain.ts'
import { initCommand, joinCommand } from './node-files.ts'
import { planCommand } from './plan.ts'
import { statusCommand } from './status.ts'
import { upgradeCommand } from './upgrade.ts'
import { addVoterCommand, removeVoterCommand } from './voters.ts'

const describe = defineCommand({
  name: 'describe',
  summary: 'Show the cluster and its brokers.',
  examples: ['cluster describe', 'cluster describe --json'],
  configure: command => command.addOption(bootstrapServer()).addOption(json()),
  parse: raw => ({ bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  call: async ({ bootstrapServers }, context) => describeCluster(await context.connect(bootstrapServers)),
  print(described, { json }, terminal) {
    if (json) return printJson(terminal, described)
    printLine(terminal, `Cluster id: ${described.clusterId}`)
    const rows = described.brokers.map(({ brokerId, host, port, rack, controller, fenced }) => [brokerId, host, port, rack, controller ? 'yes' : null, fenced ? 'yes' : null])
    for (const line of formatTable(['BROKER', 'HOST', 'PORT', 'RACK', 'CONTROLLER', 'FENCED'], rows)) printLine(terminal, line)
  },
})

const id = defineCommand({
  name: 'cluster-id',
  summary: 'Print the id of the cluster.',
  examples: ['cluster cluster-id'],
  configure: command => command.alias('id').addOption(bootstrapServer()),
  parse: raw => ({ bootstrapServers: parseAddresses(raw.bootstrapServer) }),
  call: async ({ bootstrapServers }, context) => (await describeCluster(await context.connect(bootstrapServers))).clusterId,
  print: (clusterId, _, terminal) => printLine(terminal, clusterId),
})

export const cluster = defineGroup('cluster', 'Set up, describe, balance and change a cluster.', [
  initCommand, joinCommand, statusCommand, describe, id, planCommand, drainCommand, undrainCommand, addVoterCommand, removeVoterCommand, upgradeCommand,
])
