// UpdateFeatures: levels of features, decided in the controller.

import type { Encodable } from '../../protocol/api-keys.ts'
import type { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../protocol/messages.ts'
import { MIN_INSYNC_REPLICAS } from '../controller/cluster-records.ts'
import { updateFeatures as decideFeatures, UPGRADE_TYPES } from '../controller/update-features.ts'
import { errorFields } from '../controller/outcome.ts'
import { SUPPORTED_FEATURES } from '../features.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import type { MetadataRequestContext } from './request-context.ts'

/** From here on a request says how a level may change; before, only upgrades are taken. */
const UPGRADE_TYPE_VERSION = 1
/** From here on a response has one outcome for all features. */
const ONE_OUTCOME_VERSION = 2

export async function updateFeatures({ runtime, config, configs }: MetadataHandlersDeps, { apiVersion }: MetadataRequestContext, request: UpdateFeaturesRequest): Promise<Encodable<UpdateFeaturesResponse>> {
  const updates = apiVersion < UPGRADE_TYPE_VERSION ? request.featureUpdates.map((update) => ({ ...update, upgradeType: UPGRADE_TYPES.UPGRADE })) : request.featureUpdates
  try {
    await runtime.write((image) => decideFeatures(image, updates, SUPPORTED_FEATURES, config.nodeId, request.validateOnly, configs.fallbacks(image).broker(MIN_INSYNC_REPLICAS)))
  } catch (error) {
    return { ...errorFields(error), results: [] }
  }
  const results = apiVersion < ONE_OUTCOME_VERSION ? updates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: 'NONE' })) : []
  return { errorMessage: null, results }
}
