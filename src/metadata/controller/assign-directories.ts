// AssignReplicasToDirs as a decision (KIP-858): a broker says in which of its log directories its replicas lie, so that the
// controller knows what is lost when one of them fails.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { AssignReplicasToDirsRequest, AssignReplicasToDirsResponse } from '../../protocol/messages.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { BrokerImage, ClusterImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { registeredBroker } from './broker-heartbeat.ts'
import { hasDirectories, metadataVersionOf } from './metadata-records.ts'
import { partitionChange } from './partition-change.ts'
import { changeOfPartition } from './partition-records.ts'
import { electionOf, isOnline, partitionRules } from './topic-policies.ts'
import type { TopicPolicies } from './topic-policies.ts'

type DirectoryOutcome = AssignReplicasToDirsResponse['directories'][number]

/** Throws STALE_BROKER_EPOCH; UNSUPPORTED_VERSION before the metadata has directories. */
export function assignDirectories(image: ClusterImage, { brokerId, brokerEpoch, directories }: AssignReplicasToDirsRequest, policies: TopicPolicies): ControllerResult<DirectoryOutcome[]> {
  if (!hasDirectories(metadataVersionOf(image))) throw new KafkaError('UNSUPPORTED_VERSION', 'Directory assignment is not supported yet.')
  const broker = registeredBroker(image, brokerId, brokerEpoch)
  const records: MetadataRecord[] = []
  const response = directories.map(({ id, topics }): DirectoryOutcome => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: assign(image, broker, id, topicId, partitionIndex, policies, records) })),
    })),
  }))
  return { records, response }
}

/** What is said to lie in a directory that has failed is out of sync with that. */
function assign(image: ClusterImage, broker: BrokerImage, directory: Uuid, topicId: Uuid, partitionIndex: number, policies: TopicPolicies, records: MetadataRecord[]): number {
  const topic = image.topicsById.get(topicId)
  if (topic === undefined) return errorCode('UNKNOWN_TOPIC_ID')
  const partition = topic.partitions[partitionIndex]
  if (partition === undefined) return errorCode('UNKNOWN_TOPIC_OR_PARTITION')
  if (!partition.replicas.includes(broker.id)) return errorCode('NOT_LEADER_OR_FOLLOWER')
  const policy = policies(image, topic.name)
  const isLost = !isOnline(broker, directory)
  const isr = isLost ? partition.isr.filter((replica) => replica !== broker.id) : partition.isr
  const change = partitionChange(partition, { isr, directories: new Map([[broker.id, directory]]), election: electionOf(policy) }, partitionRules(image, topic, policy))
  if (change !== undefined) records.push(changeOfPartition(topic.id, partitionIndex, change))
  return 0
}
