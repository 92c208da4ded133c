// The quorum that keeps the metadata: how it is, and who votes in it.

import type { ApiCaller } from '../../broker/api.ts'
import type { DescribeQuorumResponse } from '../../protocol/messages.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { Quorum, QuorumReplica } from '../schemas/cluster.ts'
import { expectNoError, jsonInteger, jsonIntegerOrNull } from './outcome.ts'

const METADATA_TOPIC = '__cluster_metadata'
const CHANGE_TIMEOUT_MS = 60_000

export type VoterListener = { name: string; host: string; port: number }
type State = DescribeQuorumResponse['topics'][number]['partitions'][number]['currentVoters'][number]

export async function describeQuorum(caller: ApiCaller): Promise<Quorum> {
  const response = await caller.call('DescribeQuorum', { topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }] })
  expectNoError(response.errorCode, response.errorMessage, 'quorum')
  const partition = response.topics[0]?.partitions[0]
  expectNoError(partition?.errorCode ?? -1, partition?.errorMessage, 'quorum')
  const { leaderId, leaderEpoch, highWatermark, currentVoters, observers } = partition!
  const end = [...currentVoters, ...observers].find(({ replicaId }) => replicaId === leaderId)?.logEndOffset ?? highWatermark
  const view = (voter: boolean) => (state: State): QuorumReplica => ({
    nodeId: state.replicaId,
    directoryId: state.replicaDirectoryId,
    voter,
    logEndOffset: jsonInteger(state.logEndOffset),
    lag: Math.max(0, jsonInteger(end - state.logEndOffset)),
    lastFetchMs: jsonIntegerOrNull(state.lastFetchTimestamp),
    lastCaughtUpMs: jsonIntegerOrNull(state.lastCaughtUpTimestamp),
  })
  return {
    leaderId,
    leaderEpoch,
    highWatermark: jsonInteger(highWatermark),
    voters: currentVoters.map(view(true)).sort((a, b) => a.nodeId - b.nodeId),
    observers: observers.map(view(false)).sort((a, b) => a.nodeId - b.nodeId),
  }
}

/** Makes an observer a voter (KIP-853); its directory is that of the observer where it is not given. */
export async function addVoter(caller: ApiCaller, voterId: number, directoryId: Uuid | null, listeners: readonly VoterListener[]): Promise<QuorumReplica> {
  const { voters, observers } = await describeQuorum(caller)
  if (directoryId === null && voters.some(({ nodeId }) => nodeId === voterId)) throw new KafkaError('DUPLICATE_VOTER', `node ${voterId} is a voter already`)
  const id = directoryId ?? onlyDirectory(observers, voterId, 'observer', 'start it with controller.quorum.bootstrap.servers, and try again once it has joined')
  const response = await caller.call('AddRaftVoter', { clusterId: null, timeoutMs: CHANGE_TIMEOUT_MS, voterId, voterDirectoryId: id, listeners: [...listeners], ackWhenCommitted: true })
  expectNoError(response.errorCode, response.errorMessage, `voter ${voterId}`)
  return observers.find(({ nodeId }) => nodeId === voterId) ?? { nodeId: voterId, directoryId: id, voter: true, logEndOffset: -1, lag: 0, lastFetchMs: null, lastCaughtUpMs: null }
}

/** Takes a voter's vote away; its directory is that of the voter where it is not given. */
export async function removeVoter(caller: ApiCaller, voterId: number, directoryId: Uuid | null): Promise<void> {
  const { voters } = await describeQuorum(caller)
  const id = directoryId ?? onlyDirectory(voters, voterId, 'voter', `voters are ${voters.map(({ nodeId }) => nodeId).join(', ')}`)
  const response = await caller.call('RemoveRaftVoter', { clusterId: null, voterId, voterDirectoryId: id })
  expectNoError(response.errorCode, response.errorMessage, `voter ${voterId}`)
}

function onlyDirectory(replicas: readonly QuorumReplica[], wanted: number, role: string, advice: string): Uuid {
  const [first, ...others] = replicas.filter(({ nodeId }) => nodeId === wanted)
  if (first === undefined) throw new KafkaError('VOTER_NOT_FOUND', `node ${wanted} is no ${role} of the quorum: ${advice}`)
  if (others.length > 0) throw new KafkaError('INVALID_REQUEST', `node ${wanted} is ${role} with several directories: name one with --controller-directory-id`)
  return first.directoryId as Uuid
}
