// UpdateFeatures as a decision: the levels of features that the whole cluster uses (KIP-584).

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { ClusterImage, FeatureRange } from '../cluster-image.ts'
import { ELIGIBLE_LEADER_REPLICAS, finalizedFeatures, hasEligibleLeaderReplicas, KRAFT_VERSION } from '../features.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { unifyMinInsyncReplicas } from './cluster-records.ts'
import { mayHaveEligibleLeaders, metadataRecord } from './metadata-records.ts'

export const UPGRADE_TYPES = { UPGRADE: 1, SAFE_DOWNGRADE: 2, UNSAFE_DOWNGRADE: 3 } as const
export type FeatureUpdate = { readonly feature: string; readonly maxVersionLevel: number; readonly upgradeType: number }

/** All updates or none; of a feature that is named more than once the last counts. Throws INVALID_UPDATE_VERSION. */
export function updateFeatures(image: ClusterImage, updates: readonly FeatureUpdate[], supported: ReadonlyMap<string, FeatureRange>, nodeId: number, validateOnly: boolean, minInsyncReplicas: string): ControllerResult<void> {
  const wanted = new Map(updates.map((update) => [update.feature, update]))
  const records: MetadataRecord[] = []
  for (const update of wanted.values()) {
    const fault = faultOf(image, update, supported, nodeId)
    if (fault !== undefined) throw new KafkaError('INVALID_UPDATE_VERSION', `The update failed for all features since the following feature had an error: ${fault}`)
    if (update.maxVersionLevel !== levelOf(image, update.feature)) records.push(metadataRecord('FeatureLevelRecord', { name: update.feature, featureLevel: update.maxVersionLevel }))
  }
  const eligibleLeaders = wanted.get(ELIGIBLE_LEADER_REPLICAS)?.maxVersionLevel
  if (eligibleLeaders !== undefined && eligibleLeaders > levelOf(image, ELIGIBLE_LEADER_REPLICAS)) records.push(...unifyMinInsyncReplicas(image, minInsyncReplicas))
  // Without the feature nothing keeps eligible leaders true.
  if (eligibleLeaders === 0 && hasEligibleLeaderReplicas(image)) records.push(metadataRecord('ClearElrRecord', { topicName: '' }))
  return { records: validateOnly ? [] : records, response: undefined }
}

function levelOf(image: ClusterImage, feature: string): number {
  return finalizedFeatures(image).get(feature) ?? 0
}

function faultOf(image: ClusterImage, update: FeatureUpdate, supported: ReadonlyMap<string, FeatureRange>, nodeId: number): string | undefined {
  const fault = levelFault(image, update, supported, nodeId)
  return fault === undefined ? metadataDowngradeFault(image, update) : `Invalid update version ${update.maxVersionLevel} for feature ${update.feature}. ${fault}`
}

function levelFault(image: ClusterImage, { feature, maxVersionLevel, upgradeType }: FeatureUpdate, supported: ReadonlyMap<string, FeatureRange>, nodeId: number): string | undefined {
  if (!Object.values<number>(UPGRADE_TYPES).includes(upgradeType)) return 'The controller does not support the given upgrade type.'
  if (maxVersionLevel < 0) return 'A feature version cannot be less than 0.'
  const range = supported.get(feature)
  if (range === undefined) return maxVersionLevel === 0 ? `Feature ${feature} not found.` : `Local controller ${nodeId} does not support this feature.`
  if (maxVersionLevel < range.min || maxVersionLevel > range.max) return `Local controller ${nodeId} only supports versions ${range.min}-${range.max}`
  for (const broker of image.brokers.values()) {
    const { min, max } = broker.features.get(feature) ?? { min: 0, max: 0 }
    if (maxVersionLevel < min || maxVersionLevel > max) return max === 0 ? `Broker ${broker.id} does not support this feature.` : `Broker ${broker.id} only supports versions ${min}-${max}`
  }
  if (feature === ELIGIBLE_LEADER_REPLICAS && maxVersionLevel > 0 && !mayHaveEligibleLeaders(levelOf(image, 'metadata.version'))) return 'It depends on a metadata.version of 4.0-IV1 or later.'
  const level = levelOf(image, feature)
  if (maxVersionLevel > level && upgradeType !== UPGRADE_TYPES.UPGRADE) return "Can't downgrade to a newer version."
  if (maxVersionLevel >= level) return undefined
  if (upgradeType === UPGRADE_TYPES.UPGRADE) return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
  return feature === KRAFT_VERSION ? "Can't downgrade the version of this feature." : undefined
}

/** Records are written as of the newest version; an older broker could not read them. */
function metadataDowngradeFault(image: ClusterImage, { feature, maxVersionLevel, upgradeType }: FeatureUpdate): string | undefined {
  const level = levelOf(image, feature)
  if (feature !== 'metadata.version' || maxVersionLevel >= level) return undefined
  const reason = upgradeType === UPGRADE_TYPES.SAFE_DOWNGRADE ? 'Refusing to perform the requested downgrade because it might delete metadata information.' : 'Unsafe metadata downgrade is not supported in this version.'
  return `Unsupported metadata.version downgrade from ${level} to ${maxVersionLevel}. ${reason}`
}
