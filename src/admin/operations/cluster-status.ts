// How a cluster is: its brokers and what they hold, its quorum, partitions in trouble, replicas that move.

import type { BrokerCaller } from '../../broker/api.ts'
import { collectPartitionSizes, largestReplica, partitionKey } from '../../broker/partition-sizes.ts'
import type { PartitionSizes } from '../../broker/partition-sizes.ts'
import type { ListPartitionReassignmentsResponse } from '../../protocol/messages.ts'
import type { BrokerStatus, ClusterStatus, Reassignment, TroubledPartition } from '../schemas/cluster.ts'
import type { Topic } from '../schemas/topics.ts'
import { describeCluster } from './cluster.ts'
import { CONFIG_RESOURCE_TYPES } from './configs.ts'
import { drainingBrokers } from './draining.ts'
import { expectNoError } from './outcome.ts'
import { describeQuorum } from './quorum.ts'
import { describeTopics } from './topics.ts'

const LIST_TIMEOUT_MS = 30_000

export async function clusterStatus(caller: BrokerCaller): Promise<ClusterStatus> {
  const [{ clusterId, brokers }, quorum, topics, moving] = await Promise.all([describeCluster(caller), describeQuorum(caller), describeTopics(caller, null), listReassignments(caller)])
  const ids = brokers.map(({ brokerId }) => brokerId)
  const up = brokers.filter(({ fenced }) => !fenced).map(({ brokerId }) => brokerId)
  const [sizes, { draining }, minIsrs] = await Promise.all([collectPartitionSizes(caller, up), drainingBrokers(caller, ids), minIsrOf(caller, topics.map(({ name }) => name))])
  const partitions = topics.flatMap(({ name, partitions: all }) =>
    all.map(({ partition, leader, replicas, isr }): TroubledPartition => ({ topic: name, partition, leader, replicas, isr, minIsr: minIsrs.get(name) ?? 1 })))
  const reassignments = progressOf(moving, sizes)
  return {
    clusterId,
    // Clients may be told of any broker as the controller; the one that acts leads the quorum.
    controllerId: quorum.leaderId,
    brokers: brokers.map((broker): BrokerStatus => ({ ...broker, controller: broker.brokerId === quorum.leaderId, draining: draining.has(broker.brokerId), ...holdings(broker.brokerId, topics, sizes) })),
    quorum,
    partitionCount: partitions.length,
    // What still copies for a reassignment is not missing.
    underReplicated: partitions.filter(({ topic, partition, replicas, isr }) => isr.length < replicas.length - (reassignments.find((each) => each.topic === topic && each.partition === partition)?.addingReplicas.filter((id) => !isr.includes(id)).length ?? 0)),
    offline: partitions.filter(({ leader }) => leader < 0),
    underMinIsr: partitions.filter(({ isr, minIsr }) => isr.length < minIsr),
    reassignments,
  }
}

export async function describeReassignments(caller: BrokerCaller): Promise<Reassignment[]> {
  const moving = await listReassignments(caller)
  if (moving.length === 0) return []
  const { brokers } = await describeCluster(caller)
  return progressOf(moving, await collectPartitionSizes(caller, brokers.filter(({ fenced }) => !fenced).map(({ brokerId }) => brokerId)))
}

export async function listReassignments(caller: BrokerCaller): Promise<ListPartitionReassignmentsResponse['topics']> {
  const response = await caller.call('ListPartitionReassignments', { timeoutMs: LIST_TIMEOUT_MS, topics: null })
  expectNoError(response.errorCode, response.errorMessage, 'reassignments')
  return response.topics
}

function progressOf(moving: ListPartitionReassignmentsResponse['topics'], sizes: PartitionSizes): Reassignment[] {
  const sizeOf = largestReplica(sizes)
  return moving.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }): Reassignment => {
      const held = addingReplicas.flatMap((id) => (sizes.has(id) ? [sizes.get(id)?.get(partitionKey(name, partitionIndex)) ?? 0] : []))
      const known = held.length > 0 && held.length === addingReplicas.length
      return { topic: name, partition: partitionIndex, replicas, addingReplicas, removingReplicas, copiedBytes: known ? Math.min(...held) : null, sizeBytes: sizes.size > 0 ? sizeOf(name, partitionIndex) : null }
    }))
}

function holdings(brokerId: number, topics: readonly Topic[], sizes: PartitionSizes): { leaders: number; replicas: number; sizeBytes: number | null } {
  let [leaders, replicas] = [0, 0]
  for (const { partitions } of topics) {
    for (const partition of partitions) {
      if (partition.leader === brokerId) leaders++
      if (partition.replicas.includes(brokerId)) replicas++
    }
  }
  const held = sizes.get(brokerId)
  return { leaders, replicas, sizeBytes: held === undefined ? null : [...held.values()].reduce((sum, bytes) => sum + bytes, 0) }
}

async function minIsrOf(caller: BrokerCaller, topics: readonly string[]): Promise<Map<string, number>> {
  if (topics.length === 0) return new Map()
  const { results } = await caller.call('DescribeConfigs', { resources: topics.map((resourceName) => ({ resourceType: CONFIG_RESOURCE_TYPES.topic, resourceName, configurationKeys: ['min.insync.replicas'] })) })
  return new Map(results.flatMap(({ resourceName, configs }) => (configs[0]?.value == null ? [] : [[resourceName, Number(configs[0].value)] as const])))
}
