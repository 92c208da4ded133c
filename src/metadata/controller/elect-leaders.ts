// ElectLeaders as a decision: who leads a partition from now on (KIP-183, KIP-460).

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { ElectLeadersResponse } from '../../protocol/messages.ts'
import type { ClusterImage, PartitionImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { changeOfPartition } from './partition-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'

/** The first replica of the assignment, where it is in sync; or any that is alive, where none in sync is. */
export const ELECTION_TYPES = { PREFERRED: 0, UNCLEAN: 1 } as const
/** What a leader that may lack records is marked with until it has looked after them (KIP-704). */
const RECOVERING = 1

export type ElectionTarget = { readonly topic: string; readonly partitions: readonly number[] }
type TopicElections = ElectLeadersResponse['replicaElectionResults'][number]

/** Elects where the type asks for it; of all partitions (`targets` is null) those are named that an election would have changed. */
export function electLeaders(image: ClusterImage, electionType: number, targets: readonly ElectionTarget[] | null): ControllerResult<TopicElections[]> {
  if (electionType !== ELECTION_TYPES.PREFERRED && electionType !== ELECTION_TYPES.UNCLEAN) throw new KafkaError('INVALID_REQUEST', `Unknown election type ${electionType}.`)
  const records: MetadataRecord[] = []
  const elect = (topicName: string, partitionId: number): TopicElections['partitionResult'][number] => {
    try {
      const topic = image.topicsByName.get(topicName)
      if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${topicName}`)
      const partition = topic.partitions[partitionId]
      if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${topicName}-${partitionId}`)
      records.push(changeOfPartition(topic.id, partitionId, electionType === ELECTION_TYPES.PREFERRED ? preferred(image, partition) : unclean(image, partition)))
      return { partitionId, ...NO_ERROR }
    } catch (error) {
      return { partitionId, ...errorFields(error) }
    }
  }
  if (targets !== null) return { response: targets.map(({ topic, partitions }) => ({ topic, partitionResult: partitions.map((id) => elect(topic, id)) })), records }
  const response = [...image.topicsByName.values()].map(({ name, partitions }) => ({
    topic: name,
    partitionResult: partitions.filter((partition) => needsElection(partition, electionType)).map(({ index }) => elect(name, index)),
  }))
  return { records, response }
}

function needsElection({ leader, replicas }: PartitionImage, electionType: number): boolean {
  return electionType === ELECTION_TYPES.PREFERRED ? leader !== replicas[0] : leader < 0
}

function preferred(image: ClusterImage, partition: PartitionImage): { leader: number } {
  const [leader = -1] = partition.replicas
  if (!needsElection(partition, ELECTION_TYPES.PREFERRED)) throw notNeeded()
  if (!partition.isr.includes(leader) || !isAlive(image, leader)) throw new KafkaError('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred leader is not available.')
  return { leader }
}

function unclean(image: ClusterImage, partition: PartitionImage): { leader: number; isr: number[]; leaderRecoveryState: number } {
  if (!needsElection(partition, ELECTION_TYPES.UNCLEAN)) throw notNeeded()
  const leader = partition.replicas.find((replica) => isAlive(image, replica))
  if (leader === undefined) throw new KafkaError('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'No replica of the partition is available.')
  return { leader, isr: [leader], leaderRecoveryState: RECOVERING }
}

function isAlive(image: ClusterImage, brokerId: number): boolean {
  const broker = image.brokers.get(brokerId)
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

function notNeeded(): KafkaError {
  return new KafkaError('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
}
