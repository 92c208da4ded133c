import { expect, test } from 'vitest'
import { UPGRADE_TYPES, updateFeatures } from '../../../../src/metadata/controller/update-features.ts'
import { finalizedFeatures, SUPPORTED_FEATURES } from '../../../../src/metadata/features.ts'
import { cluster } from '../../../support/cluster-images.ts'

const { UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE } = UPGRADE_TYPES
const update = (feature: string, maxVersionLevel: number, upgradeType: number) => updateFeatures(cluster(), [{ feature, maxVersionLevel, upgradeType }], SUPPORTED_FEATURES, 1, false, '2')

test('the quorum is of the form in which voters come and go, though no record says so', () => {
  expect(finalizedFeatures(cluster()).get('kraft.version')).toBe(1)
  expect(cluster().features.has('kraft.version')).toBe(false)
})

test.each([UPGRADE, SAFE_DOWNGRADE])('kraft.version may be set to what it is, in way %i', (upgradeType) => {
  expect(update('kraft.version', 1, upgradeType).records).toEqual([])
})

test.each([
  ['kraft.version', 2, UPGRADE, 'Invalid update version 2 for feature kraft.version. Local controller 1 only supports versions 0-1'],
  ['kraft.version', 0, SAFE_DOWNGRADE, "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature."],
  ['kraft.version', 0, UNSAFE_DOWNGRADE, "Invalid update version 0 for feature kraft.version. Can't downgrade the version of this feature."],
  ['metadata.version', 29, UPGRADE, "Invalid update version 29 for feature metadata.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."],
  ['metadata.version', 29, SAFE_DOWNGRADE, 'Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because it might delete metadata information.'],
  ['metadata.version', 7, UNSAFE_DOWNGRADE, 'Unsupported metadata.version downgrade from 30 to 7. Unsafe metadata downgrade is not supported in this version.'],
])('%s to %i in way %i is refused as by Kafka', (feature, level, upgradeType, fault) => {
  expect(() => update(feature, level, upgradeType)).toThrow(`The update failed for all features since the following feature had an error: ${fault}`)
})
