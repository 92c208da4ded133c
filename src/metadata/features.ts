// Features of the cluster: the levels that this code can act on, and those that a new cluster is given.

import type { ClusterImage, FeatureRange } from './cluster-image.ts'
import { mayHaveEligibleLeaders, METADATA_VERSION, METADATA_VERSION_MIN, metadataVersionOf } from './controller/metadata-records.ts'

/** Replicas that may lead though they are not in sync (KIP-966). */
export const ELIGIBLE_LEADER_REPLICAS = 'eligible.leader.replicas.version'

/**
 * The form of the metadata quorum (KIP-853). It is no record of the metadata, as in Kafka: here voters always come and go, so
 * a cluster is at this level from its beginning and there is no way back.
 */
export const KRAFT_VERSION = 'kraft.version'
export const KRAFT_VERSION_LEVEL = 1

/** Kafka's features that this broker has; one that is not here is at level 0. */
export const SUPPORTED_FEATURES: ReadonlyMap<string, FeatureRange> = new Map([
  ['metadata.version', { min: METADATA_VERSION_MIN, max: METADATA_VERSION }],
  [KRAFT_VERSION, { min: 0, max: KRAFT_VERSION_LEVEL }],
  ['transaction.version', { min: 0, max: 2 }],
  ['group.version', { min: 0, max: 1 }],
  ['share.version', { min: 0, max: 1 }],
  ['streams.version', { min: 0, max: 1 }],
  [ELIGIBLE_LEADER_REPLICAS, { min: 0, max: 1 }],
])

/** The levels that a new cluster writes down: the highest. */
export function initialFeatureLevels(): ReadonlyMap<string, number> {
  return new Map([...SUPPORTED_FEATURES].filter(([name]) => name !== KRAFT_VERSION).map(([name, { max }]) => [name, max]))
}

/** The level of every feature that is in use. */
export function finalizedFeatures(image: ClusterImage): ReadonlyMap<string, number> {
  return new Map([...image.features, [KRAFT_VERSION, KRAFT_VERSION_LEVEL]])
}

/** Whether partitions whose ISR is below min.insync.replicas keep eligible leaders (KIP-966). */
export function hasEligibleLeaderReplicas(image: ClusterImage): boolean {
  return (image.features.get(ELIGIBLE_LEADER_REPLICAS) ?? 0) >= 1 && mayHaveEligibleLeaders(metadataVersionOf(image))
}
