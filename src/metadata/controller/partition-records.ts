// New partitions: the checks of an assignment given by hand, and the records of partitions that are placed.

import { KafkaError } from '../../protocol/error-codes.ts'
import type { MetadataRecord } from '../../protocol/codec.ts'
import type { Records } from '../../protocol/messages.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { ClusterImage } from '../cluster-image.ts'
import { isCordoned } from '../placement.ts'
import { metadataRecord } from './metadata-records.ts'
import { directoryFor, isActive } from './topic-policies.ts'

/** Throws INVALID_REPLICA_ASSIGNMENT where replicas named by hand cannot be; `present` have their place already. */
export function checkAssignment(image: ClusterImage, replicas: readonly number[], present: readonly number[] = []): void {
  const refuse = (message: string): never => {
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', message)
  }
  if (replicas.length === 0) refuse('The manual partition assignment includes an empty replica list.')
  const sorted = [...replicas].sort((a, b) => a - b)
  for (const [index, broker] of sorted.entries()) {
    const registered = image.brokers.get(broker)
    if (registered === undefined) refuse(`The manual partition assignment includes broker ${broker}, but no such broker is registered.`)
    if (sorted[index - 1] === broker) refuse(`The manual partition assignment includes the broker ${broker} more than once.`)
    if (registered !== undefined && isCordoned(registered) && !present.includes(broker)) refuse(`The manual partition assignment includes broker ${broker}, but all its log directories are cordoned.`)
  }
}

/** The record of a new partition: in sync is whoever is up, the first of them leads. Throws INVALID_REPLICA_ASSIGNMENT where nobody is. */
export function partitionRecord(image: ClusterImage, topicId: Uuid, partitionId: number, replicas: number[], leaderEpoch = 0): MetadataRecord {
  const isr = replicas.filter((broker) => isActive(image.brokers.get(broker)))
  const [leader] = isr
  if (leader === undefined) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `All brokers specified in the manual partition assignment for partition ${partitionId} are fenced or in controlled shutdown.`)
  return metadataRecord('PartitionRecord', {
    partitionId,
    topicId,
    replicas,
    isr,
    removingReplicas: [],
    addingReplicas: [],
    leader,
    leaderEpoch,
    partitionEpoch: 0,
    directories: replicas.map((broker) => directoryFor(image, broker)),
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
