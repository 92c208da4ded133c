// New partitions: the checks of an assignment given by hand, and the records of partitions that are placed.

import { KafkaError } from '../../protocol/error-codes.ts'
import type { MetadataRecord } from '../../protocol/codec.ts'
import type { Records } from '../../protocol/messages.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { ClusterImage } from '../cluster-image.ts'
import { metadataRecord } from './metadata-records.ts'

/** Kafka's id of a log directory that a broker is yet to choose. */
const DIRECTORY_UNASSIGNED = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid
const NO_LEADER = -1

/** Throws INVALID_REPLICA_ASSIGNMENT where replicas named by hand cannot be. */
export function checkAssignment(image: ClusterImage, replicas: readonly number[]): void {
  const refuse = (message: string): never => {
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', message)
  }
  if (replicas.length === 0) refuse('The manual partition assignment includes an empty replica list.')
  const sorted = [...replicas].sort((a, b) => a - b)
  for (const [index, broker] of sorted.entries()) {
    if (!image.brokers.has(broker)) refuse(`The manual partition assignment includes broker ${broker}, but no such broker is registered.`)
    if (sorted[index - 1] === broker) refuse(`The manual partition assignment includes the broker ${broker} more than once.`)
  }
}

/** The record of a new partition: in sync is whoever is up, the first of them leads. */
export function partitionRecord(image: ClusterImage, topicId: Uuid, partitionId: number, replicas: number[], leaderEpoch = 0): MetadataRecord {
  const isr = replicas.filter((broker) => image.brokers.get(broker)?.fenced === false)
  return metadataRecord('PartitionRecord', {
    partitionId,
    topicId,
    replicas,
    isr,
    removingReplicas: [],
    addingReplicas: [],
    leader: isr[0] ?? NO_LEADER,
    leaderEpoch,
    partitionEpoch: 0,
    directories: replicas.map(() => DIRECTORY_UNASSIGNED),
    leaderRecoveryState: 0,
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  })
}

export type PartitionChange = Partial<Omit<Records['PartitionChangeRecord'], 'topicId' | 'partitionId'>>
const NO_LEADER_CHANGE = -2
const NO_RECOVERY_STATE_CHANGE = -1

/** The record of a change of a partition; what is not named stays. */
export function changeOfPartition(topicId: Uuid, partitionId: number, change: PartitionChange): MetadataRecord {
  return metadataRecord('PartitionChangeRecord', {
    partitionId,
    topicId,
    isr: null,
    leader: NO_LEADER_CHANGE,
    replicas: null,
    removingReplicas: null,
    addingReplicas: null,
    leaderRecoveryState: NO_RECOVERY_STATE_CHANGE,
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
    directories: null,
    ...change,
  })
}
