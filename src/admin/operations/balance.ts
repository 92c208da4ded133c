// What the balancer would do, planned here from what brokers tell: the same decision as the controller's.

import { electPreferred, reassign } from '../../broker/balancer-cluster.ts'
import type { BrokerCaller } from '../../broker/api.ts'
import { collectPartitionSizes, largestReplica } from '../../broker/partition-sizes.ts'
import type { BalancedPartition, BalancerState } from '../../metadata/balancer/balancer-state.ts'
import { partitionsOf } from '../../metadata/balancer/plan-execution.ts'
import type { BalancedCluster } from '../../metadata/balancer/plan-execution.ts'
import { planBalance } from '../../metadata/balancer/plan.ts'
import type { BalancerThresholds, Plan } from '../../metadata/balancer/plan.ts'
import type { ResourceConfigs } from '../../metadata/balancer/throttle.ts'
import type { ClusterPlan } from '../schemas/cluster.ts'
import { listReassignments } from './cluster-status.ts'
import { describeCluster } from './cluster.ts'
import { alterConfigs } from './configs.ts'
import { drainingBrokers } from './draining.ts'
import { describeTopics } from './topics.ts'

const DEFAULT_IMBALANCE_PERCENTAGE = 10
const DEFAULT_IMBALANCE_BYTES = 1_073_741_824

/** Brokers that are taken as draining besides those that are. */
export type PlanOptions = { readonly imbalancePercentage?: number; readonly imbalanceBytes?: number; readonly alsoDraining?: readonly number[] }

export async function planCluster(caller: BrokerCaller, { imbalancePercentage = DEFAULT_IMBALANCE_PERCENTAGE, imbalanceBytes = DEFAULT_IMBALANCE_BYTES, alsoDraining = [] }: PlanOptions = {}): Promise<ClusterPlan> {
  const thresholds: BalancerThresholds = { imbalance: imbalancePercentage / 100, imbalanceBytes }
  return viewPlan(planBalance(await readBalancerState(caller, alsoDraining), thresholds))
}

export function viewPlan({ moves, blocked }: Plan): ClusterPlan {
  return {
    moves: moves.map(({ kind, topic, partition, from, to, bytes, reason, replicas }) => ({ kind, topic, partition, from, to, bytes, reason, replicas: [...replicas] })),
    blocked: blocked.map((each) => ({ ...each })),
    totalBytes: moves.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

export async function readBalancerState(caller: BrokerCaller, alsoDraining: readonly number[] = []): Promise<BalancerState> {
  const [{ brokers }, partitions] = await Promise.all([describeCluster(caller), readPartitions(caller)])
  const up = brokers.filter(({ fenced }) => !fenced).map(({ brokerId }) => brokerId)
  const [{ draining }, sizes] = await Promise.all([drainingBrokers(caller, brokers.map(({ brokerId }) => brokerId)), collectPartitionSizes(caller, up)])
  const sizeOf = largestReplica(sizes)
  return {
    brokers: brokers.map(({ brokerId, rack, fenced }) => ({ id: brokerId, rack, available: !fenced, draining: draining.has(brokerId) || alsoDraining.includes(brokerId) })),
    partitions: partitions.map((partition) => ({ ...partition, sizeBytes: sizeOf(partition.topic, partition.partition) })),
  }
}

/** A cluster over the protocol, for a plan that a tool carries out itself. */
export function remoteCluster(caller: BrokerCaller): BalancedCluster {
  const alterEach = async (configs: readonly ResourceConfigs[], change: (values: ResourceConfigs['values']) => Parameters<typeof alterConfigs>[2]): Promise<void> => {
    for (const { type, name, values } of configs) await alterConfigs(caller, { type, name }, change(values))
  }
  return {
    throttle: (configs) => alterEach(configs, (values) => ({ set: values as Record<string, string> })),
    unthrottle: (configs) => alterEach(configs, (values) => ({ delete: Object.keys(values) })),
    reassign: (targets) => reassign(caller, targets),
    electPreferred: (targets) => electPreferred(caller, targets),
    current: async (targets) => partitionsOf({ brokers: [], partitions: await readPartitions(caller) }, targets),
  }
}

async function readPartitions(caller: BrokerCaller): Promise<BalancedPartition[]> {
  const [topics, reassignments] = await Promise.all([describeTopics(caller, null), listReassignments(caller)])
  const moving = new Map(reassignments.flatMap(({ name, partitions }) => partitions.map((each) => [`${name}-${each.partitionIndex}`, each.removingReplicas] as const)))
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partition, leader, replicas, isr }): BalancedPartition => {
      const removing = moving.get(`${name}-${partition}`)
      return { topic: name, partition, leader, isr, replicas: replicas.filter((id) => !(removing?.includes(id) ?? false)), moving: removing !== undefined, sizeBytes: 0, bytesInPerSecond: 0 }
    }))
}
