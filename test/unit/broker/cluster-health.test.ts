import { expect, test } from 'vitest'
import { clusterHealth, IsrChanges } from '../../../src/broker/cluster-health.ts'
import { emptyImage } from '../../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../../src/metadata/cluster-image.ts'
import { brokerRecord } from '../../../src/metadata/controller/cluster-records.ts'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { changeOfPartition, partitionRecord } from '../../../src/metadata/controller/partition-records.ts'
import { MetadataDelta } from '../../../src/metadata/metadata-delta.ts'
import type { MetadataRecord } from '../../../src/protocol/codec.ts'
import { CLUSTER_ID } from '../../support/metadata-fixture.ts'

const TOPIC = CLUSTER_ID

function deltaOf(image: ClusterImage, ...records: MetadataRecord[]): MetadataDelta {
  const delta = new MetadataDelta(image)
  for (const record of records) delta.replay(record)
  return delta
}

const after = (image: ClusterImage, ...records: MetadataRecord[]): ClusterImage => deltaOf(image, ...records).apply(image.offset + BigInt(records.length))

/** Brokers 1 to 3, of which 3 is down; partitions 0 and 1 led by 1 and 2. */
function cluster(): ClusterImage {
  // Fields that later registrations have beside these are theirs.
  const broker = (id: number, fenced: boolean) => brokerRecord({ id, epoch: 1n, incarnationId: CLUSTER_ID, endpoints: [], rack: null, fenced, inControlledShutdown: false, features: new Map(), logDirs: [], cordonedLogDirs: [] } as Parameters<typeof brokerRecord>[0])
  const image = after(emptyImage(CLUSTER_ID), broker(1, false), broker(2, false), broker(3, true), metadataRecord('TopicRecord', { name: 't', topicId: TOPIC }))
  return after(image, partitionRecord(image, TOPIC, 0, [1, 2]), partitionRecord(image, TOPIC, 1, [2, 1]))
}

test('partitions in trouble count on the broker that leads them, those without a leader on all', () => {
  const image = after(cluster(), changeOfPartition(TOPIC, 0, { isr: [1] }), changeOfPartition(TOPIC, 1, { leader: -1, isr: [2] }), metadataRecord('ConfigRecord', { resourceType: 4, resourceName: '2', name: 'broker.draining', value: 'true' }))
  expect(clusterHealth(image, 1, () => 2)).toEqual({ brokers: 3, fencedBrokers: 1, drainingBrokers: 1, underReplicatedPartitions: 1, underMinIsrPartitions: 1, offlinePartitions: 1, reassigningPartitions: 0 })
  expect(clusterHealth(image, 2, () => 2)).toMatchObject({ underReplicatedPartitions: 0, underMinIsrPartitions: 0, offlinePartitions: 1 })
})

test('a replica that copies for a reassignment is not missing', () => {
  const image = after(cluster(), changeOfPartition(TOPIC, 0, { replicas: [1, 3, 2], addingReplicas: [3], removingReplicas: [2] }))
  expect(clusterHealth(image, 1, () => 1)).toMatchObject({ underReplicatedPartitions: 0, reassigningPartitions: 1 })
})

test('changes of who is in sync count where the partition is led', () => {
  const changes = [new IsrChanges(1), new IsrChanges(2)]
  const image = cluster()
  const shrunk = deltaOf(image, changeOfPartition(TOPIC, 0, { isr: [1] }))
  for (const each of changes) each.follow(shrunk)
  const grown = deltaOf(shrunk.apply(10n), changeOfPartition(TOPIC, 0, { isr: [1, 2] }))
  for (const each of changes) each.follow(grown)
  expect(changes.map(({ shrinks, expands }) => [shrinks, expands])).toEqual([[1, 1], [0, 0]])
})
