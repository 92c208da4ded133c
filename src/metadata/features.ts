// Features of the cluster: the levels that this code can act on, and those that a new cluster is given.

import { METADATA_VERSION, METADATA_VERSION_MIN } from './controller/metadata-records.ts'

export type FeatureRange = { readonly min: number; readonly max: number }

/** Kafka's features that this broker has; one that is not here is at level 0. */
export const SUPPORTED_FEATURES: ReadonlyMap<string, FeatureRange> = new Map([
  ['metadata.version', { min: METADATA_VERSION_MIN, max: METADATA_VERSION }],
  ['transaction.version', { min: 0, max: 2 }],
  ['group.version', { min: 0, max: 1 }],
  ['share.version', { min: 0, max: 1 }],
  ['streams.version', { min: 0, max: 1 }],
])

/** The levels that a new cluster starts with: the highest. */
export function initialFeatureLevels(): ReadonlyMap<string, number> {
  return new Map([...SUPPORTED_FEATURES].map(([name, { max }]) => [name, max]))
}
