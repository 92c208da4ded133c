// ElectLeaders and AlterPartitionReassignments: who leads, and where replicas are to be.

import type { Encodable } from '../../protocol/api-keys.ts'
import type { AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ElectLeadersRequest, ElectLeadersResponse } from '../../protocol/messages.ts'
import { electLeaders as decideElections } from '../controller/elect-leaders.ts'
import { reassignPartitions } from '../controller/reassign-partitions.ts'
import { topicPolicies } from '../controller/topic-policies.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'

export async function electLeaders({ runtime, configs }: MetadataHandlersDeps, { electionType, topicPartitions }: ElectLeadersRequest): Promise<Encodable<ElectLeadersResponse>> {
  return { replicaElectionResults: await runtime.write((image) => decideElections(image, electionType, topicPartitions, topicPolicies(configs))) }
}

export async function alterPartitionReassignments({ runtime, configs }: MetadataHandlersDeps, { topics, allowReplicationFactorChange }: AlterPartitionReassignmentsRequest): Promise<Encodable<AlterPartitionReassignmentsResponse>> {
  const responses = await runtime.write((image) => reassignPartitions(image, topics, allowReplicationFactorChange, topicPolicies(configs)))
  return { allowReplicationFactorChange, errorMessage: topics.length === 0 ? '' : null, responses }
}
