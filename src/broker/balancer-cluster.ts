// The cluster as the balancer of the active controller reaches it: state from the image, changes through the controller.

import { CONFIG_RESOURCES, configsOf } from '../metadata/cluster-image.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { BalancedPartition } from '../metadata/balancer/balancer-state.ts'
import { isMoving, stateOfImage } from '../metadata/balancer/image-state.ts'
import { FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS } from '../metadata/balancer/throttle.ts'
import type { ResourceConfigs } from '../metadata/balancer/throttle.ts'
import type { PartitionTarget } from '../metadata/balancer/wave.ts'
import type { Refusal } from '../metadata/balancer/plan-execution.ts'
import type { Encodable } from '../protocol/api-keys.ts'
import type { IncrementalAlterConfigsRequest } from '../protocol/messages.ts'
import { KafkaError, errorName } from '../protocol/error-codes.ts'
import type { ApiCaller, BrokerCaller } from './api.ts'
import type { RunnerCluster } from './balancer-runner.ts'
import { collectPartitionSizes, largestReplica } from './partition-sizes.ts'

export type BalancerClusterDeps = {
  image(): ClusterImage
  readonly caller: BrokerCaller
  isActiveController(): boolean
}

/** How long the controller may take over what it is asked. */
const CHANGE_TIMEOUT_MS = 30_000
const PREFERRED = 0
const [SET, DELETE] = [0, 1]

export function balancerCluster({ image, caller, isActiveController }: BalancerClusterDeps): RunnerCluster {
  const write = async (changes: readonly ResourceConfigs[]): Promise<void> => {
    const request: Encodable<IncrementalAlterConfigsRequest> = {
      resources: changes.map(({ type, name, values }) => ({
        resourceType: type === 'broker' ? CONFIG_RESOURCES.BROKER : CONFIG_RESOURCES.TOPIC,
        resourceName: name,
        configs: Object.entries(values).map(([key, value]) => ({ name: key, configOperation: value === null ? DELETE : SET, value })),
      })),
      validateOnly: false,
    }
    const refused = (await caller.call('IncrementalAlterConfigs', request)).responses.find(({ errorCode }) => errorCode !== 0)
    if (refused !== undefined) throw new KafkaError(errorName(refused.errorCode), `${refused.resourceName}: ${refused.errorMessage ?? ''}`)
  }
  const unthrottle = async (configs: readonly ResourceConfigs[]): Promise<void> => {
    const ours = configs.flatMap((each) => {
      const values = Object.entries(each.values).filter(([name, value]) => valueOf(image(), each, name) === value)
      return values.length === 0 ? [] : [{ ...each, values: Object.fromEntries(values.map(([name]) => [name, null])) }]
    })
    if (ours.length > 0) await write(ours)
  }
  return {
    isActiveController,
    async state() {
      // Alone there is nowhere to move to, and a start need not wait for sizes.
      if (image().brokers.size < 2) return { brokers: [], partitions: [] }
      const up = [...image().brokers.values()].filter(({ fenced }) => !fenced).map(({ id }) => id)
      const sizes = await collectPartitionSizes(caller, up)
      return stateOfImage(image(), largestReplica(sizes))
    },
    async current(targets) {
      return targets.flatMap((target) => currentOf(image(), target))
    },
    async throttle(configs) {
      const free = configs.flatMap((each) => {
        const values = Object.entries(each.values).filter(([name]) => valueOf(image(), each, name) === undefined)
        return values.length === 0 ? [] : [{ ...each, values: Object.fromEntries(values) }]
      })
      if (free.length > 0) await write(free)
    },
    unthrottle,
    reassign: (targets) => reassign(caller, targets),
    electPreferred: (targets) => electPreferred(caller, targets),
    clearLeftovers: (bytesPerSecond) => unthrottle(leftovers(image(), String(bytesPerSecond))),
  }
}

/** Those that are refused are told; the others begin. */
export async function reassign(caller: ApiCaller, targets: readonly PartitionTarget[]): Promise<Refusal[]> {
  const topics = [...groupByTopic(targets)].map(([name, partitions]) => ({ name, partitions: partitions.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas: [...replicas] })) }))
  const response = await caller.call('AlterPartitionReassignments', { timeoutMs: CHANGE_TIMEOUT_MS, topics })
  if (response.errorCode !== 0) throw new KafkaError(errorName(response.errorCode), response.errorMessage ?? undefined)
  return response.responses.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, errorCode, errorMessage }): Refusal[] => {
      const target = targets.find(({ topic, partition }) => topic === name && partition === partitionIndex)
      return errorCode === 0 || target === undefined ? [] : [{ ...target, message: errorMessage ?? errorName(errorCode) }]
    }))
}

/** Whoever cannot lead yet is looked at again with the next plan. */
export async function electPreferred(caller: ApiCaller, targets: readonly PartitionTarget[]): Promise<void> {
  if (targets.length === 0) return
  const topicPartitions = [...groupByTopic(targets)].map(([topic, partitions]) => ({ topic, partitions: partitions.map(({ partition }) => partition) }))
  await caller.call('ElectLeaders', { electionType: PREFERRED, topicPartitions, timeoutMs: CHANGE_TIMEOUT_MS })
}

function groupByTopic(targets: readonly PartitionTarget[]): Map<string, PartitionTarget[]> {
  const topics = new Map<string, PartitionTarget[]>()
  for (const target of targets) {
    const others = topics.get(target.topic)
    if (others === undefined) topics.set(target.topic, [target])
    else others.push(target)
  }
  return topics
}

function currentOf(image: ClusterImage, { topic, partition: index }: PartitionTarget): BalancedPartition[] {
  const partition = image.topicsByName.get(topic)?.partitions[index]
  if (partition === undefined) return []
  const { replicas, leader, isr } = partition
  return [{ topic, partition: index, replicas, leader, isr, moving: isMoving(partition), sizeBytes: 0, bytesInPerSecond: 0 }]
}

function valueOf(image: ClusterImage, { type, name }: ResourceConfigs, key: string): string | undefined {
  return configsOf(image, type === 'broker' ? CONFIG_RESOURCES.BROKER : CONFIG_RESOURCES.TOPIC, name).get(key)
}

/** Throttles at the balancer's own rate: nothing moves any more, so nobody needs them. Others' have another rate and stay, with the lists they hold for. */
function leftovers(image: ClusterImage, rate: string): ResourceConfigs[] {
  const rated = [...image.brokers.keys()].map((id) => ({ id: String(id), own: configsOf(image, CONFIG_RESOURCES.BROKER, String(id)) }))
  const brokers = rated
    .filter(({ own }) => own.get(LEADER_RATE) === rate || own.get(FOLLOWER_RATE) === rate)
    .map(({ id }): ResourceConfigs => ({ type: 'broker', name: id, values: { [LEADER_RATE]: rate, [FOLLOWER_RATE]: rate } }))
  const hasOthers = rated.some(({ own }) => [own.get(LEADER_RATE), own.get(FOLLOWER_RATE)].some((value) => value !== undefined && value !== rate))
  if (brokers.length === 0 || hasOthers) return brokers
  const topics = [...image.topicsByName.keys()].flatMap((name): ResourceConfigs[] => {
    const own = configsOf(image, CONFIG_RESOURCES.TOPIC, name)
    const values = [LEADER_REPLICAS, FOLLOWER_REPLICAS].flatMap((key) => (own.has(key) ? [[key, own.get(key) ?? '']] : []))
    return values.length === 0 ? [] : [{ type: 'topic', name, values: Object.fromEntries(values) as Record<string, string> }]
  })
  return [...brokers, ...topics]
}
