// An image as the records that make it from nothing, which is what a snapshot of the metadata log holds.

import type { MetadataRecord } from '../protocol/codec.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ClusterImage, PartitionImage } from './cluster-image.ts'
import { brokerRecord } from './controller/cluster-records.ts'
import { atMetadataVersion, metadataRecord, metadataVersionOf } from './controller/metadata-records.ts'

/** Kafka's "nobody", for records that name who asked. */
const NO_BROKER = -1

/** Replayed onto an empty image of the same cluster, these make an image equal to this one but for its offset. */
export function imageRecords(image: ClusterImage): readonly MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const [name, featureLevel] of image.features) records.push(metadataRecord('FeatureLevelRecord', { name, featureLevel }))
  for (const broker of image.brokers.values()) records.push(brokerRecord(broker))
  for (const { name, id, partitions } of image.topicsByName.values()) {
    records.push(metadataRecord('TopicRecord', { name, topicId: id }))
    for (const partition of partitions) records.push(partitionRecord(id, partition))
  }
  for (const [key, texts] of image.configs) {
    const colon = key.indexOf(':')
    const resource = { resourceType: Number(key.slice(0, colon)), resourceName: key.slice(colon + 1) }
    for (const [name, value] of texts) records.push(metadataRecord('ConfigRecord', { ...resource, name, value }))
  }
  if (image.nextProducerId > 0n) {
    records.push(metadataRecord('ProducerIdsRecord', { brokerId: NO_BROKER, brokerEpoch: -1n, nextProducerId: image.nextProducerId }))
  }
  return atMetadataVersion(records, metadataVersionOf(image))
}

function partitionRecord(topicId: Uuid, partition: PartitionImage): MetadataRecord {
  const { index, leader, leaderEpoch, partitionEpoch, leaderRecoveryState, eligibleLeaderReplicas, lastKnownElr } = partition
  return metadataRecord('PartitionRecord', {
    partitionId: index,
    topicId,
    replicas: [...partition.replicas],
    isr: [...partition.isr],
    removingReplicas: [...partition.removingReplicas],
    addingReplicas: [...partition.addingReplicas],
    leader,
    leaderEpoch,
    partitionEpoch,
    leaderRecoveryState,
    directories: [...partition.directories],
    eligibleLeaderReplicas: eligibleLeaderReplicas.length === 0 ? null : [...eligibleLeaderReplicas],
    lastKnownElr: lastKnownElr.length === 0 ? null : [...lastKnownElr],
  })
}
