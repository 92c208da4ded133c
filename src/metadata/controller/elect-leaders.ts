// ElectLeaders as a decision: who leads a partition from now on (KIP-183, KIP-460). The same without anybody asking: what the
// controller does from time to time so that leaderships stay spread, and partitions that may be led uncleanly are led.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { ElectLeadersResponse } from '../../protocol/messages.ts'
import type { ClusterImage, PartitionImage, TopicImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import { NO_LEADER, partitionChange } from './partition-change.ts'
import type { Election } from './partition-change.ts'
import { partitionsWithoutLeader, partitionsWithoutPreferredLeader } from './partition-index.ts'
import type { PartitionOfTopic } from './partition-index.ts'
import { changeOfPartition } from './partition-records.ts'
import type { PartitionChange } from './partition-records.ts'
import { partitionRules } from './topic-policies.ts'
import type { TopicPolicies } from './topic-policies.ts'

/** The first replica of the assignment, where it is in sync; or any that is alive, where none in sync is. */
export const ELECTION_TYPES = { PREFERRED: 0, UNCLEAN: 1 } as const

export type ElectionTarget = { readonly topic: string; readonly partitions: readonly number[] }
type TopicElections = ElectLeadersResponse['replicaElectionResults'][number]

/** Elects where the type asks for it; of all partitions (`targets` is null) those are named that an election would have changed. */
export function electLeaders(image: ClusterImage, electionType: number, targets: readonly ElectionTarget[] | null, policies: TopicPolicies): ControllerResult<TopicElections[]> {
  if (electionType !== ELECTION_TYPES.PREFERRED && electionType !== ELECTION_TYPES.UNCLEAN) throw new KafkaError('INVALID_REQUEST', `Unknown election type ${electionType}`)
  const records: MetadataRecord[] = []
  const elect = (topicName: string, partitionId: number): TopicElections['partitionResult'][number] => {
    try {
      const topic = image.topicsByName.get(topicName)
      if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${topicName}`)
      const partition = topic.partitions[partitionId]
      if (partition === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${topicName}-${partitionId}`)
      if (!needsElection(partition, electionType)) throw new KafkaError('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
      const change = changeByElection(image, { topic, partition }, electionType === ELECTION_TYPES.PREFERRED ? 'PREFERRED' : 'UNCLEAN', policies)
      if (change === undefined) {
        throw electionType === ELECTION_TYPES.PREFERRED
          ? new KafkaError('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred leader is not available.')
          : new KafkaError('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'No replica of the partition is available.')
      }
      records.push(changeOfPartition(topic.id, partitionId, change))
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

/** Elections that one turn may hold, as in Kafka; others of the cluster's business go between two turns. */
export const ELECTIONS_PER_TURN_MAX = 1000
/** Whether there may be more to elect. */
export type ElectionTurn = ControllerResult<{ readonly isLast: boolean }>

/** Leaderships go back to the first replicas where these are in sync. */
export function balanceLeaders(image: ClusterImage, policies: TopicPolicies, electionCountMax = ELECTIONS_PER_TURN_MAX): ElectionTurn {
  return electEach(partitionsWithoutPreferredLeader(image), electionCountMax, (found) => {
    const { leader, replicas } = found.partition
    // Who is without a leader is so for want of one, not of balance.
    return leader === NO_LEADER || replicas.length === 0 ? undefined : changeByElection(image, found, 'PREFERRED', policies)
  })
}

/** Leaders for partitions without one whose topic would rather lose records than wait. */
export function electUncleanLeaders(image: ClusterImage, policies: TopicPolicies, electionCountMax = ELECTIONS_PER_TURN_MAX): ElectionTurn {
  return electEach(partitionsWithoutLeader(image), electionCountMax, (found) => (policies(image, found.topic.name).allowsUncleanElection ? changeByElection(image, found, 'UNCLEAN', policies) : undefined))
}

function electEach(partitions: Iterable<PartitionOfTopic>, electionCountMax: number, elect: (found: PartitionOfTopic) => PartitionChange | undefined): ElectionTurn {
  const records: MetadataRecord[] = []
  for (const found of partitions) {
    const change = elect(found)
    if (change === undefined) continue
    if (records.length === electionCountMax) return { records, response: { isLast: false } }
    records.push(changeOfPartition(found.topic.id, found.partition.index, change))
  }
  return { records, response: { isLast: true } }
}

function changeByElection(image: ClusterImage, { topic, partition }: { topic: TopicImage; partition: PartitionImage }, election: Election, policies: TopicPolicies): PartitionChange | undefined {
  return partitionChange(partition, { election }, partitionRules(image, topic, policies(image, topic.name)))
}

function needsElection({ leader, replicas }: PartitionImage, electionType: number): boolean {
  return electionType === ELECTION_TYPES.PREFERRED ? leader !== replicas[0] : leader === NO_LEADER
}
