// AddRaftVoter and RemoveRaftVoter (KIP-853): who votes in the metadata quorum. One change at a time, by its leader.

import type { Encodable } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse } from '../../protocol/messages.ts'
import { errorMessage } from '../../shared/errors.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'

export async function addRaftVoter({ runtime }: MetadataHandlersDeps, { clusterId, voterId, voterDirectoryId, listeners }: AddRaftVoterRequest): Promise<Encodable<AddRaftVoterResponse>> {
  checkCluster(runtime.image.clusterId, clusterId)
  const [listener] = listeners
  if (voterId < 0 || listener === undefined) throw new KafkaError('INVALID_REQUEST', 'A voter needs an id and the listener that other voters reach it at.')
  const { leaderId, replicas } = await runtime.describeQuorum()
  checkLeads(leaderId)
  const known = replicas.find(({ nodeId, isVoter }) => isVoter && nodeId === voterId)
  if (known !== undefined) return refusal('DUPLICATE_VOTER', `The voter id for ${replicaKey(voterId, voterDirectoryId)} is already part of the set of voters.`)
  return outcome(runtime.addVoter({ nodeId: voterId, directoryId: voterDirectoryId, host: listener.host, port: listener.port }))
}

export async function removeRaftVoter({ runtime }: MetadataHandlersDeps, { clusterId, voterId, voterDirectoryId }: RemoveRaftVoterRequest): Promise<Encodable<RemoveRaftVoterResponse>> {
  checkCluster(runtime.image.clusterId, clusterId)
  const { leaderId, replicas } = await runtime.describeQuorum()
  checkLeads(leaderId)
  const voters = replicas.filter(({ isVoter }) => isVoter)
  if (!voters.some(({ nodeId, directoryId }) => nodeId === voterId && directoryId === voterDirectoryId)) {
    const keys = voters.map(({ nodeId, directoryId }) => replicaKey(nodeId, directoryId)).join(', ')
    return refusal('VOTER_NOT_FOUND', `Cannot remove voter ${replicaKey(voterId, voterDirectoryId)} from the set of voters [${keys}]`)
  }
  return outcome(runtime.removeVoter(voterId, voterDirectoryId))
}

/** As Kafka writes it. */
function replicaKey(id: number, directoryId: Uuid): string {
  return `ReplicaKey(id=${id}, directoryId=${directoryId})`
}

function checkCluster(own: string, asked: string | null): void {
  if (asked !== null && asked !== own) throw new KafkaError('INCONSISTENT_CLUSTER_ID', `Expected cluster ID ${own}, but got cluster ID ${asked}`)
}

function checkLeads(leaderId: number): void {
  if (leaderId < 0) throw new KafkaError('NOT_CONTROLLER')
}

/** Another change of voters that is under way, or a node that cannot be reached, is told in the response. */
async function outcome(change: Promise<void>): Promise<{ errorCode: number; errorMessage: string | null }> {
  try {
    await change
    return { errorCode: 0, errorMessage: null }
  } catch (error) {
    if (error instanceof KafkaError && error.errorName === 'NOT_LEADER_OR_FOLLOWER') throw new KafkaError('NOT_CONTROLLER', error.message, error)
    return refusal('INVALID_REQUEST', errorMessage(error))
  }
}

function refusal(name: ErrorName, message: string): { errorCode: number; errorMessage: string } {
  return { errorCode: errorCode(name), errorMessage: message }
}
