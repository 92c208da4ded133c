// AlterPartition as a decision: a leader says who is in sync (KIP-497), and is taken at its word only for the leader epoch
// and partition epoch that the partition has.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { AlterPartitionRequest, AlterPartitionResponse, PartitionChangeRecord } from '../../protocol/messages.ts'
import type { ClusterImage, PartitionImage, TopicImage } from '../cluster-image.ts'
import { changePartition } from '../metadata-delta.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { registeredBroker } from './broker-heartbeat.ts'
import { partitionChange, RECOVERED, RECOVERING } from './partition-change.ts'
import { changeOfPartition } from './partition-records.ts'
import { electionOf, isActive, partitionRules } from './topic-policies.ts'
import type { TopicPolicies } from './topic-policies.ts'

export type PartitionAlteration = AlterPartitionRequest['topics'][number]['partitions'][number]
type TopicOutcome = AlterPartitionResponse['topics'][number]
type PartitionOutcome = TopicOutcome['partitions'][number]
type InSync = { readonly brokerId: number; readonly brokerEpoch: bigint }

/** From here on the members of an ISR are named with their epochs (KIP-903). */
const EPOCHS_VERSION = 3
/** Of a replica whose epoch the leader does not know; then it is not checked. */
const UNKNOWN_EPOCH = -1n

/** Each partition is decided for itself. Throws STALE_BROKER_EPOCH where the leader is not who it says. */
export function alterPartitions(image: ClusterImage, request: AlterPartitionRequest, apiVersion: number, policies: TopicPolicies): ControllerResult<TopicOutcome[]> {
  registeredBroker(image, request.brokerId, request.brokerEpoch)
  const records: MetadataRecord[] = []
  const response = request.topics.map(({ topicId, partitions }): TopicOutcome => {
    const topic = image.topicsById.get(topicId)
    return {
      topicId,
      partitions: partitions.map((alteration) => {
        const { partitionIndex } = alteration
        if (topic === undefined) return refused(partitionIndex, 'UNKNOWN_TOPIC_ID')
        const partition = topic.partitions[partitionIndex]
        if (partition === undefined) return refused(partitionIndex, 'UNKNOWN_TOPIC_OR_PARTITION')
        const isr = apiVersion < EPOCHS_VERSION ? alteration.newIsr.map((brokerId) => ({ brokerId, brokerEpoch: UNKNOWN_EPOCH })) : alteration.newIsrWithEpochs
        const fault = faultOf(image, request.brokerId, partition, alteration, isr)
        return fault === undefined ? alter(image, request.brokerId, topic, partition, alteration, isr, policies, records) : refused(partitionIndex, fault)
      }),
    }
  })
  return { records, response }
}

function alter(
  image: ClusterImage,
  leader: number,
  topic: TopicImage,
  partition: PartitionImage,
  { leaderRecoveryState }: PartitionAlteration,
  isr: readonly InSync[],
  policies: TopicPolicies,
  records: MetadataRecord[],
): PartitionOutcome {
  const policy = policies(image, topic.name)
  const target = { isr: isr.map(({ brokerId }) => brokerId), leaderRecoveryState, election: electionOf(policy) }
  const change = partitionChange(partition, target, partitionRules(image, topic, policy))
  if (change === undefined) return accepted(partition)
  const record = changeOfPartition(topic.id, partition.index, change)
  records.push(record)
  const next = changePartition(partition, record.value as PartitionChangeRecord)
  // A reassignment that is complete with this ISR may leave its leader without a replica: the change holds, but not its leadership.
  return next.leader === leader ? accepted(next) : refused(partition.index, 'NEW_LEADER_ELECTED')
}

/** Why the leader is not followed; undefined where it is. */
function faultOf(image: ClusterImage, brokerId: number, partition: PartitionImage, { leaderEpoch, partitionEpoch, leaderRecoveryState }: PartitionAlteration, isr: readonly InSync[]): ErrorName | undefined {
  // A leader that knows more than this node has it from the controller that came after it.
  if (leaderEpoch > partition.leaderEpoch || partitionEpoch > partition.partitionEpoch) return 'NOT_CONTROLLER'
  if (leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (brokerId !== partition.leader) return 'INVALID_REQUEST'
  if (partitionEpoch < partition.partitionEpoch) return 'INVALID_UPDATE_VERSION'
  const ids = isr.map((member) => member.brokerId)
  if (!ids.includes(brokerId) || new Set(ids).size !== ids.length || ids.some((id) => !partition.replicas.includes(id))) return 'INVALID_REQUEST'
  if (leaderRecoveryState !== RECOVERED && leaderRecoveryState !== RECOVERING) return 'INVALID_REQUEST'
  if (leaderRecoveryState === RECOVERING && (ids.length > 1 || partition.leaderRecoveryState === RECOVERED)) return 'INVALID_REQUEST'
  return isr.every((member) => isEligible(image, member)) ? undefined : 'INELIGIBLE_REPLICA'
}

/** A replica that restarted since the leader saw it may have lost what made it be in sync (KIP-903). */
function isEligible(image: ClusterImage, { brokerId, brokerEpoch }: InSync): boolean {
  const broker = image.brokers.get(brokerId)
  return isActive(broker) && (brokerEpoch === UNKNOWN_EPOCH || brokerEpoch === broker.epoch)
}

function accepted({ index, leader, leaderEpoch, isr, leaderRecoveryState, partitionEpoch }: PartitionImage): PartitionOutcome {
  return { partitionIndex: index, errorCode: 0, leaderId: leader, leaderEpoch, isr: [...isr], leaderRecoveryState, partitionEpoch }
}

function refused(partitionIndex: number, error: ErrorName): PartitionOutcome {
  return { partitionIndex, errorCode: errorCode(error), leaderId: 0, leaderEpoch: 0, isr: [], leaderRecoveryState: 0, partitionEpoch: 0 }
}
