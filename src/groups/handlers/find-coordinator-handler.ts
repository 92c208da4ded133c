// FindCoordinator: which broker answers for a group or a transactional id. The first that asks brings the internal topic
// into being, and is told to ask again.

import { partitionForKey } from '../../coordinator/key-partition.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { ERRORS, errorCode } from '../../protocol/error-codes.ts'
import { OFFSETS_TOPIC } from '../group-records.ts'
import type { TopicLookup } from '../topic-lookup.ts'

const TRANSACTION_STATE_TOPIC = '__transaction_state'
/** From this version on several keys are asked for at once (KIP-699). */
const BATCHED_KEYS_VERSION = 4
/** Internal topics by key type: 0 for groups, 1 for transactional ids. Share groups (2) are refused as by a broker without them. */
const TOPICS = [OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC]

export type CoordinatorNode = { readonly nodeId: number; readonly host: string; readonly port: number }

export type FindCoordinatorDeps = {
  readonly topics: TopicLookup
  /** Begins to create the internal topic where it is missing; failures are the implementer's to log. */
  ensureInternalTopic(name: string): void
  /** Leader of a partition, at its address on the listener that was asked; null for none at the moment. */
  leaderOf(topic: string, partition: number, listener: string): CoordinatorNode | null
}

type Found = { readonly error: ErrorName; readonly node: CoordinatorNode }
const NO_NODE: CoordinatorNode = { nodeId: -1, host: '', port: -1 }

export function findCoordinator(deps: FindCoordinatorDeps, apiVersion: number, listener: string, request: RequestOf<'FindCoordinator'>): Encodable<ResponseOf<'FindCoordinator'>> {
  const find = (key: string): Found => findOne(deps, request.keyType, key, listener)
  if (apiVersion >= BATCHED_KEYS_VERSION) {
    return { coordinators: request.coordinatorKeys.map((key) => {
      const { error, node } = find(key)
      return { key, ...node, errorCode: errorCode(error), errorMessage: error === 'INVALID_REQUEST' ? ERRORS[error].message : '' }
    }) }
  }
  const { error, node } = find(request.key)
  return { ...node, errorCode: errorCode(error), errorMessage: error === 'NONE' ? 'NONE' : ERRORS[error].message }
}

function findOne(deps: FindCoordinatorDeps, keyType: number, key: string, listener: string): Found {
  const topic = TOPICS[keyType]
  if (topic === undefined) return { error: 'INVALID_REQUEST', node: NO_NODE }
  const partitionCount = deps.topics.byName(topic)?.partitionCount
  if (partitionCount === undefined) {
    deps.ensureInternalTopic(topic)
    return { error: 'COORDINATOR_NOT_AVAILABLE', node: NO_NODE }
  }
  const node = deps.leaderOf(topic, partitionForKey(key, partitionCount), listener)
  return node === null ? { error: 'COORDINATOR_NOT_AVAILABLE', node: NO_NODE } : { error: 'NONE', node }
}
