// AlterPartitionReassignments as a decision (KIP-455): where the replicas of partitions are to be.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { AlterPartitionReassignmentsResponse } from '../../protocol/messages.ts'
import type { ClusterImage, PartitionImage, TopicImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { partitionChange } from './partition-change.ts'
import { changeOfPartition, checkAssignment } from './partition-records.ts'
import type { PartitionChange } from './partition-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import type { ErrorFields } from './outcome.ts'
import { electionOf, partitionRules } from './topic-policies.ts'
import type { TopicPolicies, TopicPolicy } from './topic-policies.ts'

/** `replicas` is null to end a reassignment that is under way. */
export type Reassignment = { readonly partitionIndex: number; readonly replicas: readonly number[] | null }
export type TopicReassignment = { readonly name: string; readonly partitions: readonly Reassignment[] }
type TopicOutcome = AlterPartitionReassignmentsResponse['responses'][number]

export function reassignPartitions(image: ClusterImage, topics: readonly TopicReassignment[], allowReplicationFactorChange: boolean, policies: TopicPolicies): ControllerResult<TopicOutcome[]> {
  const records: MetadataRecord[] = []
  const response = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      try {
        const topic = image.topicsByName.get(name)
        if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
        const partition = topic.partitions[partitionIndex]
        if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partitionIndex}.`)
        const policy = policies(image, name)
        const change = replicas === null ? cancel(image, topic, partition, policy) : reassign(image, topic, partition, replicas, policy, allowReplicationFactorChange)
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
function cancel(image: ClusterImage, topic: TopicImage, partition: PartitionImage, policy: TopicPolicy): PartitionChange | undefined {
  const { replicas, isr, addingReplicas, removingReplicas } = partition
  if (addingReplicas.length === 0 && removingReplicas.length === 0) throw new KafkaError('NO_REASSIGNMENT_IN_PROGRESS')
  const kept = replicas.filter((replica) => !addingReplicas.includes(replica))
  const [first] = kept
  if (first === undefined) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'Invalid replica assignment: addingReplicas contains all replicas.')
  const keptIsr = isr.filter((replica) => kept.includes(replica))
  const target = { replicas: kept, addingReplicas: [], removingReplicas: [], election: electionOf(policy) }
  const rules = partitionRules(image, topic, policy)
  if (keptIsr.length > 0) return partitionChange(partition, { ...target, isr: keptIsr }, rules)
  if (!policy.allowsUncleanElection) {
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `Unable to revert partition assignment for ${topic.name}:${partition.index} because it would require an unclean leader election.`)
  }
  return partitionChange(partition, { ...target, isr: [first] }, rules)
}

function reassign(image: ClusterImage, topic: TopicImage, partition: PartitionImage, wanted: readonly number[], policy: TopicPolicy, allowReplicationFactorChange: boolean): PartitionChange | undefined {
  const { replicas, addingReplicas } = partition
  checkAssignment(image, wanted, replicas)
  const before = replicas.filter((replica) => !addingReplicas.includes(replica))
  if (!allowReplicationFactorChange && wanted.length !== before.length) {
    throw new KafkaError('INVALID_REPLICATION_FACTOR', `The replication factor is changed from ${before.length} to ${wanted.length}`)
  }
  // Those that go stay at the end until the others are in sync; where they are already, all of it happens at once.
  const removing = replicas.filter((replica) => !wanted.includes(replica)).sort(byNumber)
  const all = [...wanted, ...removing]
  // Also one that was being added and now is to go: ending the reassignment leads back to those from before all of it.
  const adding = all.filter((replica) => !before.includes(replica)).sort(byNumber)
  return partitionChange(partition, { replicas: all, addingReplicas: adding, removingReplicas: removing }, partitionRules(image, topic, policy))
}

function byNumber(a: number, b: number): number {
  return a - b
}

/** Kafka says nothing beyond the code where there is nothing to cancel. */
function outcomeOf(error: unknown): ErrorFields {
  const fields = errorFields(error)
  return fields.errorCode === errorCode('NO_REASSIGNMENT_IN_PROGRESS') ? { ...fields, errorMessage: null } : fields
}
