// What keeps eligible leaders true: the feature, and that every controller means the same by min.insync.replicas.

import { expect, test } from 'vitest'
import { CONFIG_RESOURCES, configsOf } from '../../../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../../../src/metadata/cluster-image.ts'
import { alterConfigs } from '../../../../src/metadata/controller/alter-configs.ts'
import { metadataRecord } from '../../../../src/metadata/controller/metadata-records.ts'
import { UPGRADE_TYPES, updateFeatures } from '../../../../src/metadata/controller/update-features.ts'
import { ELIGIBLE_LEADER_REPLICAS, SUPPORTED_FEATURES } from '../../../../src/metadata/features.ts'
import { errorName } from '../../../../src/protocol/error-codes.ts'
import { after, broker, changesOf, cluster, NO_ELR, partitionOf } from '../../../support/cluster-images.ts'

const { TOPIC, BROKER } = CONFIG_RESOURCES
const MIN_ISR = 'min.insync.replicas'
const waiting = { leader: -1, isr: [], eligibleLeaderReplicas: [1, 2], lastKnownElr: [1] }
const fallbacks = { topic: () => '1', group: () => '', broker: () => '1' }
const set = (image: ClusterImage, resourceType: number, resourceName: string, value: string | null) =>
  alterConfigs(image, [{ resourceType, resourceName, changes: [{ name: MIN_ISR, operation: value === null ? 'DELETE' : 'SET', value }], replace: false }], false, fallbacks)
const update = (image: ClusterImage, feature: string, maxVersionLevel: number, upgradeType: number = UPGRADE_TYPES.UPGRADE) =>
  updateFeatures(image, [{ feature, maxVersionLevel, upgradeType }], SUPPORTED_FEATURES, 1, false, '2')

test('another min.insync.replicas ends eligibility: of its topic, or of all', () => {
  const image = cluster({ topics: { t: [waiting], u: [waiting] } })
  const ofTopic = after(image, set(image, TOPIC, 't', '2').records)
  expect([partitionOf(ofTopic, 't'), partitionOf(ofTopic, 'u')]).toMatchObject([{ eligibleLeaderReplicas: [], lastKnownElr: [], partitionEpoch: 8, leaderEpoch: 5 }, waiting])
  const ofAll = after(image, set(image, BROKER, '', '2').records)
  expect([partitionOf(ofAll, 't'), partitionOf(ofAll, 'u')]).toMatchObject([{ eligibleLeaderReplicas: [] }, { eligibleLeaderReplicas: [] }])
  // Nothing is written that is not understood, nor where nothing has changed.
  expect(set(cluster({ topics: { t: [{}] }, features: NO_ELR }), TOPIC, 't', '2').records.map(({ name }) => name)).toEqual(['ConfigRecord'])
  expect(set(ofTopic, TOPIC, 't', '2').records).toEqual([])
})

test('min.insync.replicas is one for all brokers while there are eligible leaders', () => {
  const image = after(cluster(), set(cluster(), BROKER, '', '2').records)
  const outcome = ({ response, records }: ReturnType<typeof set>) => [errorName(response[0]?.errorCode ?? -1), response[0]?.errorMessage, records.length]
  expect(outcome(set(image, BROKER, '1', '3'))).toEqual(['INVALID_CONFIG', 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.', 0])
  expect(outcome(set(image, BROKER, '', null))).toEqual(['INVALID_CONFIG', 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.', 0])
  expect(outcome(set(cluster({ features: NO_ELR }), BROKER, '1', '3'))).toEqual(['NONE', null, 1])
})

test('the feature brings one min.insync.replicas with it, and takes eligibility away when it goes', () => {
  const before = after(cluster({ features: NO_ELR, topics: { t: [{}] } }), [metadataRecord('ConfigRecord', { resourceType: BROKER, resourceName: '2', name: MIN_ISR, value: '3' })])
  const image = after(before, update(before, ELIGIBLE_LEADER_REPLICAS, 1).records)
  expect([...configsOf(image, BROKER, ''), ...configsOf(image, BROKER, '2')]).toEqual([[MIN_ISR, '2']])
  const eligible = cluster({ topics: { t: [waiting] } })
  const without = after(eligible, update(eligible, ELIGIBLE_LEADER_REPLICAS, 0, UPGRADE_TYPES.SAFE_DOWNGRADE).records)
  expect(partitionOf(without)).toMatchObject({ eligibleLeaderReplicas: [], lastKnownElr: [] })
})

test('a level is finalized only where every registered broker can act on it, fenced or not', () => {
  const old = new Map([...SUPPORTED_FEATURES, [ELIGIBLE_LEADER_REPLICAS, { min: 0, max: 0 }], ['streams.version', { min: 0, max: 0 }]] as const)
  const image = cluster({ brokers: [broker(1), broker(2, { features: old, fenced: true })], features: { ...NO_ELR, 'streams.version': 0, 'metadata.version': 29 } })
  expect(() => update(image, ELIGIBLE_LEADER_REPLICAS, 1)).toThrow('Broker 2 does not support this feature.')
  const narrow = cluster({ brokers: [broker(3, { features: new Map([['metadata.version', { min: 7, max: 29 }]]) })], features: { 'metadata.version': 29 } })
  expect(() => update(narrow, 'metadata.version', 30)).toThrow('Broker 3 only supports versions 7-29')
  expect(changesOf(update(image, 'metadata.version', 30).records)).toEqual([{ FeatureLevelRecord: { name: 'metadata.version', featureLevel: 30 } }])
})

test('eligible leaders need a metadata version that has them', () => {
  expect(() => update(cluster({ features: { ...NO_ELR, 'metadata.version': 22 } }), ELIGIBLE_LEADER_REPLICAS, 1)).toThrow('4.0-IV1')
})
