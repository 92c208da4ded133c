// Images of clusters as tests need them, in few words.

import { emptyImage } from '../../src/metadata/cluster-image.ts'
import type { BrokerEndpoint, BrokerImage, ClusterImage, PartitionImage } from '../../src/metadata/cluster-image.ts'
import { brokerRecord } from '../../src/metadata/controller/cluster-records.ts'
import { metadataRecord } from '../../src/metadata/controller/metadata-records.ts'
import { initialFeatureLevels, SUPPORTED_FEATURES } from '../../src/metadata/features.ts'
import { MetadataDelta } from '../../src/metadata/metadata-delta.ts'
import type { MetadataRecord } from '../../src/protocol/codec.ts'
import { randomUuid } from '../../src/shared/uuid.ts'
import type { Uuid } from '../../src/shared/uuid.ts'

export const CLUSTER_ID = 'Sm9pbi1UaGUtRmlyc3QtMQ' as Uuid

/** A readable id of 16 bytes. */
export function idOf(name: string): Uuid {
  return Buffer.from(name.padEnd(16, '-')).toString('base64url') as Uuid
}

export function after(image: ClusterImage, records: readonly MetadataRecord[]): ClusterImage {
  if (records.length === 0) return image
  const delta = new MetadataDelta(image)
  for (const record of records) delta.replay(record)
  return delta.apply(image.offset + BigInt(records.length))
}

/** The record of a broker that joins, ready at once; its epoch is the offset of its registration, as in KRaft. */
export function joiningBroker(image: ClusterImage, id: number, endpoints: readonly BrokerEndpoint[] = []): MetadataRecord {
  return brokerRecord({ id, incarnationId: randomUuid(), endpoints, rack: null, features: SUPPORTED_FEATURES, epoch: image.offset + 1n, fenced: false, inControlledShutdown: false, logDirs: [], cordonedLogDirs: [] })
}

/** Its only log directory, by which it is told apart. */
export const dirOf = (broker: number): Uuid => idOf(`dir-${broker}`)
/** The epoch of broker n is 100 n. */
export const epochOf = (broker: number): bigint => BigInt(broker) * 100n

export function broker(id: number, change: Partial<BrokerImage> = {}): BrokerImage {
  return {
    id,
    epoch: epochOf(id),
    incarnationId: idOf(`run-${id}`),
    endpoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9090 + id, securityProtocol: 0 }],
    features: SUPPORTED_FEATURES,
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    logDirs: [dirOf(id)],
    cordonedLogDirs: [],
    ...change,
  }
}

export type PartitionOf = Partial<Omit<PartitionImage, 'index'>>

/** Led by its first replica, with all in sync, but for what is given. */
export function partition(change: PartitionOf = {}): Omit<PartitionImage, 'index'> {
  const replicas = change.replicas ?? [1, 2, 3]
  return {
    leader: replicas[0] ?? -1,
    leaderEpoch: 5,
    partitionEpoch: 7,
    replicas,
    isr: replicas,
    addingReplicas: [],
    removingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leaderRecoveryState: 0,
    directories: replicas.map(dirOf),
    ...change,
  }
}

export type ClusterOf = {
  readonly brokers?: readonly BrokerImage[]
  readonly topics?: Readonly<Record<string, readonly PartitionOf[]>>
  /** Levels other than those of a new cluster. */
  readonly features?: Readonly<Record<string, number>>
}

export const NO_ELR = { 'eligible.leader.replicas.version': 0 }

/** Three brokers that are up, unless others are given. */
export function cluster({ brokers = [broker(1), broker(2), broker(3)], topics = {}, features = {} }: ClusterOf = {}): ClusterImage {
  const records: MetadataRecord[] = []
  for (const [name, featureLevel] of [...initialFeatureLevels(), ...Object.entries(features)]) records.push(metadataRecord('FeatureLevelRecord', { name, featureLevel }))
  for (const each of brokers) records.push(brokerRecord(each))
  for (const [name, partitions] of Object.entries(topics)) {
    records.push(metadataRecord('TopicRecord', { name, topicId: idOf(name) }))
    for (const [partitionId, change] of partitions.entries()) {
      const { replicas, isr, addingReplicas, removingReplicas, eligibleLeaderReplicas, lastKnownElr, directories, ...rest } = partition(change)
      records.push(
        metadataRecord('PartitionRecord', {
          ...rest,
          partitionId,
          topicId: idOf(name),
          replicas: [...replicas],
          isr: [...isr],
          addingReplicas: [...addingReplicas],
          removingReplicas: [...removingReplicas],
          eligibleLeaderReplicas: [...eligibleLeaderReplicas],
          lastKnownElr: [...lastKnownElr],
          directories: [...directories],
        }),
      )
    }
  }
  // Beyond the epochs of brokers, as it is in life.
  const delta = new MetadataDelta(emptyImage(CLUSTER_ID))
  for (const record of records) delta.replay(record)
  return delta.apply(1000n)
}

export function partitionOf(image: ClusterImage, topic = 't', index = 0): PartitionImage {
  const found = image.topicsByName.get(topic)?.partitions[index]
  if (found === undefined) throw new Error(`no partition ${topic}-${index}`)
  return found
}

/** Records of changes of partitions and brokers, with only what they change. */
export function changesOf(records: readonly MetadataRecord[]): object[] {
  return records.map((record) => {
    switch (record.name) {
      case 'PartitionChangeRecord': {
        const { partitionId, topicId: _topicId, leader, leaderRecoveryState, ...lists } = record.value
        const given = Object.fromEntries(Object.entries(lists).filter(([, value]) => value !== null))
        return { partition: partitionId, ...(leader !== -2 && { leader }), ...given, ...(leaderRecoveryState !== -1 && { leaderRecoveryState }) }
      }
      case 'BrokerRegistrationChangeRecord': {
        const { brokerId, brokerEpoch: _brokerEpoch, fenced, inControlledShutdown, logDirs, cordonedLogDirs } = record.value
        return { broker: brokerId, ...(fenced !== 0 && { fenced: fenced > 0 }), ...(inControlledShutdown !== 0 && { inControlledShutdown: true }), ...(logDirs.length > 0 && { logDirs }), ...(cordonedLogDirs !== null && { cordonedLogDirs }) }
      }
      default:
        return { [record.name]: record.value }
    }
  })
}
