// AlterPartitionReassignments as a decision (KIP-455): where the replicas of partitions are to be.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { AlterPartitionReassignmentsResponse } from '../../protocol/messages.ts'
import type { ClusterImage, PartitionImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { changeOfPartition, checkAssignment } from './partition-records.ts'
import type { PartitionChange } from './partition-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import type { ErrorFields } from './outcome.ts'

/** `replicas` is null to end a reassignment that is under way. */
export type Reassignment = { readonly partitionIndex: number; readonly replicas: readonly number[] | null }
export type TopicReassignment = { readonly name: string; readonly partitions: readonly Reassignment[] }
type TopicOutcome = AlterPartitionReassignmentsResponse['responses'][number]

export function reassignPartitions(image: ClusterImage, topics: readonly TopicReassignment[], allowReplicationFactorChange: boolean): ControllerResult<TopicOutcome[]> {
  const records: MetadataRecord[] = []
  const response = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      try {
        const topic = image.topicsByName.get(name)
        if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
        const partition = topic.partitions[partitionIndex]
        if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partitionIndex}.`)
        const change = replicas === null ? cancel(partition) : reassign(image, partition, replicas, allowReplicationFactorChange)
        if (change !== undefined) records.push(changeOfPartition(topic.id, partitionIndex, change))
        return { partitionIndex, ...NO_ERROR }
      } catch (error) {
        return { partitionIndex, ...outcomeOf(error) }
      }
    }),
  }))
  return { records, response }
}

/** Back to the replicas from before: those that were being added go, those that were to go stay. */
function cancel({ replicas, isr, leader, addingReplicas, removingReplicas }: PartitionImage): PartitionChange {
  if (addingReplicas.length === 0 && removingReplicas.length === 0) throw new KafkaError('NO_REASSIGNMENT_IN_PROGRESS')
  const kept = replicas.filter((replica) => !addingReplicas.includes(replica))
  const keptIsr = isr.filter((replica) => kept.includes(replica))
  if (keptIsr.length === 0) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'No replica that would stay is in sync.')
  return { replicas: kept, isr: keptIsr, addingReplicas: [], removingReplicas: [], ...(kept.includes(leader) ? {} : { leader: keptIsr[0] ?? -1 }) }
}

function reassign(image: ClusterImage, partition: PartitionImage, target: readonly number[], allowReplicationFactorChange: boolean): PartitionChange | undefined {
  checkAssignment(image, target)
  const before = partition.replicas.filter((replica) => !partition.addingReplicas.includes(replica))
  if (!allowReplicationFactorChange && target.length !== before.length) {
    throw new KafkaError('INVALID_REPLICATION_FACTOR', `The replication factor would change from ${before.length} to ${target.length}.`)
  }
  const isMoving = partition.addingReplicas.length > 0 || partition.removingReplicas.length > 0
  if (!isMoving && before.length === target.length && before.every((replica, place) => replica === target[place])) return undefined
  const addingReplicas = target.filter((replica) => !before.includes(replica))
  const removingReplicas = before.filter((replica) => !target.includes(replica))
  if (addingReplicas.length > 0) return { replicas: [...target, ...removingReplicas], addingReplicas, removingReplicas }
  // Nothing has to be copied: the rest goes at once, as long as one that stays is in sync.
  const isr = partition.isr.filter((replica) => target.includes(replica))
  if (isr.length === 0) return { replicas: [...target, ...removingReplicas], addingReplicas, removingReplicas }
  return { replicas: [...target], isr, addingReplicas: [], removingReplicas: [], ...(target.includes(partition.leader) ? {} : { leader: isr[0] ?? -1 }) }
}

/** Kafka says nothing beyond the code where there is nothing to cancel. */
function outcomeOf(error: unknown): ErrorFields {
  const fields = errorFields(error)
  return fields.errorCode === errorCode('NO_REASSIGNMENT_IN_PROGRESS') ? { ...fields, errorMessage: null } : fields
}
