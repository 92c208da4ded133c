import { clusterStatus } from '../../admin/operations/cluster-status.ts'
import type { ClusterStatus, QuorumReplica, Reassignment, TroubledPartition } from '../../admin/schemas/cluster.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses } from '../options.ts'
import { formatBytes, formatTable, formatTimestamp } from '../table.ts'
import { printJson, printLine } from '../terminal.ts'

export const statusCommand = defineCommand({
  name: 'status',
  summary: 'Show brokers and what they hold, the quorum, partitions in trouble, and replicas that move.',
  examples: ['cluster status', 'cluster status --json'],
  configure: command => command.addOption(bootstrapServer()).addOption(json()),
  parse: raw => ({ bootstrapServers: parseAddresses(raw.bootstrapServer), json: raw.json }),
  call: async ({ bootstrapServers }, context) => clusterStatus(await context.connect(bootstrapServers)),
  print(status, { json }, terminal) {
    if (json) return printJson(terminal, status)
    for (const line of statusLines(status)) printLine(terminal, line)
  },
})

export function statusLines(status: ClusterStatus): string[] {
  const { clusterId, controllerId, brokers, quorum, partitionCount, underReplicated, offline, underMinIsr, reassignments } = status
  const brokerRows = brokers.map(broker => [
    broker.brokerId, `${broker.host}:${broker.port}`, broker.rack, stateOf(broker), broker.leaders, broker.replicas, broker.sizeBytes === null ? null : formatBytes(broker.sizeBytes),
  ])
  const replicaRow = (replica: QuorumReplica) => [
    replica.nodeId, replica.nodeId === quorum.leaderId ? 'leader' : replica.voter ? 'voter' : 'observer', replica.lag, formatTimestamp(replica.lastCaughtUpMs), replica.directoryId,
  ]
  return [
    `Cluster id: ${clusterId}  Controller: ${controllerId < 0 ? 'none' : controllerId}`,
    ...formatTable(['BROKER', 'ADDRESS', 'RACK', 'STATE', 'LEADERS', 'REPLICAS', 'SIZE'], brokerRows),
    '',
    `Quorum: leader ${quorum.leaderId}, epoch ${quorum.leaderEpoch}, high watermark ${quorum.highWatermark}`,
    ...formatTable(['NODE', 'ROLE', 'LAG', 'LAST-CAUGHT-UP', 'DIRECTORY-ID'], [...quorum.voters, ...quorum.observers].map(replicaRow)),
    '',
    `Partitions: ${partitionCount}, under-replicated: ${underReplicated.length}, offline: ${offline.length}, under min ISR: ${underMinIsr.length}`,
    ...troubleLines(underReplicated, offline, underMinIsr),
    `Reassignments: ${reassignments.length}`,
    ...reassignmentLines(reassignments),
  ]
}

function stateOf({ fenced, draining, controller }: ClusterStatus['brokers'][number]): string {
  return [fenced ? 'fenced' : 'up', ...(draining ? ['draining'] : []), ...(controller ? ['controller'] : [])].join(',')
}

function troubleLines(underReplicated: readonly TroubledPartition[], offline: readonly TroubledPartition[], underMinIsr: readonly TroubledPartition[]): string[] {
  const troubles = new Map<string, { partition: TroubledPartition; kinds: string[] }>()
  for (const [kind, partitions] of [['under-replicated', underReplicated], ['offline', offline], ['under-min-isr', underMinIsr]] as const) {
    for (const partition of partitions) {
      const key = `${partition.topic}-${partition.partition}`
      const known = troubles.get(key)
      if (known === undefined) troubles.set(key, { partition, kinds: [kind] })
      else known.kinds.push(kind)
    }
  }
  if (troubles.size === 0) return []
  const rows = [...troubles.values()].map(({ partition: { topic, partition, leader, replicas, isr, minIsr }, kinds }) => [topic, partition, kinds.join(','), leader < 0 ? 'none' : leader, replicas.join(','), isr.join(',') || null, minIsr])
  return formatTable(['TOPIC', 'PARTITION', 'TROUBLE', 'LEADER', 'REPLICAS', 'ISR', 'MIN-ISR'], rows)
}

function reassignmentLines(reassignments: readonly Reassignment[]): string[] {
  if (reassignments.length === 0) return []
  const rows = reassignments.map(({ topic, partition, addingReplicas, removingReplicas, copiedBytes, sizeBytes }) => [topic, partition, addingReplicas.join(',') || null, removingReplicas.join(',') || null, progressOf(copiedBytes, sizeBytes)])
  return formatTable(['TOPIC', 'PARTITION', 'ADDING', 'REMOVING', 'COPIED'], rows)
}

function progressOf(copiedBytes: number | null, sizeBytes: number | null): string | null {
  if (copiedBytes === null || sizeBytes === null) return null
  const share = sizeBytes === 0 ? 1 : Math.min(1, copiedBytes / sizeBytes)
  return `${Math.floor(share * 100)}% of ${formatBytes(sizeBytes)}`
}
