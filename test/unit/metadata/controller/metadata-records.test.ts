// Records as brokers of an older metadata version understand them.

import { expect, test } from 'vitest'
import { brokerRecord } from '../../../../src/metadata/controller/cluster-records.ts'
import { fenceBroker, registrationChange } from '../../../../src/metadata/controller/broker-changes.ts'
import { atMetadataVersion, METADATA_VERSION, METADATA_VERSION_MIN } from '../../../../src/metadata/controller/metadata-records.ts'
import { imageRecords } from '../../../../src/metadata/image-records.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../../../../src/protocol/codec.ts'
import { after, broker, cluster, dirOf, partitionOf } from '../../../support/cluster-images.ts'

test.each([
  // As Kafka's MetadataVersion says: 3.3-IV3, 3.4-IV0, 3.7-IV2, 4.0-IV1, 4.3-IV0.
  [7, { RegisterBrokerRecord: 1, BrokerRegistrationChangeRecord: 1, PartitionRecord: 0 }],
  [8, { RegisterBrokerRecord: 2, BrokerRegistrationChangeRecord: 1, PartitionRecord: 0 }],
  [16, { RegisterBrokerRecord: 2, BrokerRegistrationChangeRecord: 1, PartitionRecord: 0 }],
  [17, { RegisterBrokerRecord: 3, BrokerRegistrationChangeRecord: 2, PartitionRecord: 1 }],
  [23, { RegisterBrokerRecord: 3, BrokerRegistrationChangeRecord: 2, PartitionRecord: 2 }],
  [30, { RegisterBrokerRecord: 4, BrokerRegistrationChangeRecord: 3, PartitionRecord: 2 }],
])('at metadata version %i', (metadataVersion, versions) => {
  const { 'metadata.version': _newest, ...features } = { 'metadata.version': METADATA_VERSION, 'eligible.leader.replicas.version': 1 }
  const image = cluster({ features, topics: { t: [{ isr: [], leader: -1, eligibleLeaderReplicas: [1, 2] }] } })
  const records = [...imageRecords(image), registrationChange(broker(1), { cordonedLogDirs: [dirOf(1)], logDirs: [dirOf(1)] })]
  const lowered = atMetadataVersion(records, metadataVersion)
  for (const [name, version] of Object.entries(versions)) expect([...new Set(lowered.filter((record) => record.name === name).map((record) => [name, record.version].join()))]).toEqual([`${name},${version}`])
  // What it holds is what comes back from the log.
  for (const record of lowered) expect(decodeMetadataRecord(encodeMetadataRecord(record.name, record.version, record.value))).toEqual(record)
})

test('the newest version is written as it is', () => {
  const records = [brokerRecord(broker(1))]
  expect(atMetadataVersion(records, METADATA_VERSION)).toBe(records)
})

test('a snapshot of a cluster at an older version is of that version, and its partitions never get what that has no place for', () => {
  const old = cluster({ features: { 'metadata.version': METADATA_VERSION_MIN, 'eligible.leader.replicas.version': 1 }, topics: { t: [{ isr: [1], directories: [] }] } })
  expect(imageRecords(old).map(({ version }) => version).reduce((a, b) => Math.max(a, b))).toBe(1)
  const { records } = fenceBroker(old, broker(1), { policies: () => ({ minInsyncReplicas: 2, allowsUncleanElection: false }), partitionCountMax: 9 })
  expect(partitionOf(after(old, atMetadataVersion(records, METADATA_VERSION_MIN)))).toMatchObject({ leader: -1, isr: [1], eligibleLeaderReplicas: [], directories: [] })
})
