// Levels of features: what the brokers support, and what the cluster uses (KIP-584).

import type { BrokerCaller } from '../../broker/api.ts'
import type { ClusterFeature } from '../schemas/cluster.ts'
import { describeCluster } from './cluster.ts'
import { expectNoError, jsonInteger } from './outcome.ts'

const CHANGE_TIMEOUT_MS = 60_000
export const UPGRADE = 1

export type FeatureLevel = { readonly feature: string; readonly level: number }

/** By name; a level counts as supported where every broker that is up supports it. */
export async function describeFeatures(caller: BrokerCaller): Promise<ClusterFeature[]> {
  const { brokers } = await describeCluster(caller)
  const up = brokers.filter(({ fenced }) => !fenced)
  const answers = await Promise.all(up.map(({ brokerId }) => caller.callBroker(brokerId, 'ApiVersions', { clientSoftwareName: 'millrace', clientSoftwareVersion: '0' })))
  const names = [...new Set(answers.flatMap(({ supportedFeatures }) => supportedFeatures.map(({ name }) => name)))].sort()
  const newest = answers.reduce((best, answer) => (answer.finalizedFeaturesEpoch > best.finalizedFeaturesEpoch ? answer : best), answers[0]!)
  return names.map((feature) => {
    const ranges = answers.map(({ supportedFeatures }) => supportedFeatures.find(({ name }) => name === feature) ?? { minVersion: 0, maxVersion: 0 })
    return {
      feature,
      supportedMinVersion: Math.max(...ranges.map(({ minVersion }) => minVersion)),
      supportedMaxVersion: Math.min(...ranges.map(({ maxVersion }) => maxVersion)),
      finalizedVersionLevel: newest.finalizedFeatures.find(({ name }) => name === feature)?.maxVersionLevel ?? 0,
      epoch: jsonInteger(newest.finalizedFeaturesEpoch),
    }
  })
}

/** All levels are raised, or none. */
export async function upgradeFeatures(caller: BrokerCaller, levels: readonly FeatureLevel[], dryRun: boolean): Promise<void> {
  const response = await caller.call('UpdateFeatures', {
    timeoutMs: CHANGE_TIMEOUT_MS,
    featureUpdates: levels.map(({ feature, level }) => ({ feature, maxVersionLevel: level, allowDowngrade: false, upgradeType: UPGRADE })),
    validateOnly: dryRun,
  })
  expectNoError(response.errorCode, response.errorMessage, 'features')
  for (const { feature, errorCode, errorMessage } of response.results) expectNoError(errorCode, errorMessage, `feature ${feature}`)
}
