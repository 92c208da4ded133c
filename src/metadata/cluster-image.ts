// The state of the cluster at one offset of its metadata log. Immutable: a change makes a new image that shares what
// stayed the same, so whoever holds one may keep reading it.

import type { ConfigTexts } from '../config/config-layers.ts'
import { NO_CONFIGS } from '../config/config-layers.ts'
import type { Uuid } from '../shared/uuid.ts'
import { OverlayMap } from './overlay-map.ts'

export type PartitionImage = {
  readonly index: number
  /** -1 where no replica can lead. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** In order of preference. */
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
  readonly leaderRecoveryState: number
  /** The log directory of each replica, in the order of `replicas`. */
  readonly directories: readonly Uuid[]
}

export type TopicImage = {
  readonly name: string
  readonly id: Uuid
  readonly internal: boolean
  /** Partition i at place i. */
  readonly partitions: readonly PartitionImage[]
}

/** `securityProtocol` is Kafka's number: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
export type BrokerEndpoint = { readonly name: string; readonly host: string; readonly port: number; readonly securityProtocol: number }
export type FeatureRange = { readonly min: number; readonly max: number }

export type BrokerImage = {
  readonly id: number
  readonly epoch: bigint
  readonly incarnationId: Uuid
  readonly endpoints: readonly BrokerEndpoint[]
  /** What the broker's code can act on, by feature; one that is not here is at level 0 there. */
  readonly features: ReadonlyMap<string, FeatureRange>
  readonly rack: string | null
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  /** Those that are online; empty where the broker names none. */
  readonly logDirs: readonly Uuid[]
  /** Log directories that take no new replicas (KIP-1066). */
  readonly cordonedLogDirs: readonly Uuid[]
}

export type ClusterImage = {
  readonly clusterId: Uuid
  /** Of the last record that is part of this image; -1 for none. */
  readonly offset: bigint
  readonly topicsByName: OverlayMap<string, TopicImage>
  readonly topicsById: OverlayMap<Uuid, TopicImage>
  /** Names with dots or underscores, by what they have in common (`collisionKey`). */
  readonly collidingNames: OverlayMap<string, readonly string[]>
  readonly brokers: OverlayMap<number, BrokerImage>
  /** Configs set while running, by `configKey`. */
  readonly configs: OverlayMap<string, ConfigTexts>
  /** Finalized levels; a feature at level 0 is absent. */
  readonly features: OverlayMap<string, number>
  readonly nextProducerId: bigint
}

/** Kafka's numbers for kinds of resources that have configs. */
export const CONFIG_RESOURCES = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const

export const INTERNAL_TOPICS: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const METADATA_TOPIC = '__cluster_metadata'

export function emptyImage(clusterId: Uuid): ClusterImage {
  return {
    clusterId,
    offset: -1n,
    topicsByName: OverlayMap.empty(),
    topicsById: OverlayMap.empty(),
    collidingNames: OverlayMap.empty(),
    brokers: OverlayMap.empty(),
    configs: OverlayMap.empty(),
    features: OverlayMap.empty(),
    nextProducerId: 0n,
  }
}

export function configKey(resourceType: number, resourceName: string): string {
  return `${resourceType}:${resourceName}`
}

/** What is set for a resource while running; empty where nothing is. */
export function configsOf(image: ClusterImage, resourceType: number, resourceName: string): ConfigTexts {
  return image.configs.get(configKey(resourceType, resourceName)) ?? NO_CONFIGS
}

export type TopicSummary = {
  readonly name: string
  readonly id: Uuid
  readonly partitionCount: number
  /** Racks that hold a replica of the partition; brokers that name no rack are left out. */
  racks(partition: number): readonly string[]
}

/** What consumers of the image need to know of topics without knowing the image. */
export interface TopicLookup {
  byName(name: string): TopicSummary | undefined
  byId(id: Uuid): TopicSummary | undefined
  /** Names of all topics, internal ones included. */
  names(): Iterable<string>
  /** Differs whenever anything has changed. */
  version(): bigint
}
