// FindCoordinator: which broker answers for a group or a transactional id. The first that asks brings the internal topic
// into being, and is told to ask again.

import { partitionForKey } from '../../coordinator/key-partition.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { ERRORS, errorCode } from '../../protocol/error-codes.ts'
import { OFFSETS_TOPIC } from '../group-records.ts'
import type { TopicLookup } from '../topic-lookup.ts'

const TRANSACTION_STATE_TOPIC = '__transaction_state'
const SHARE_STATE_TOPIC = '__share_group_state'
/** From this version on several keys are asked for at once (KIP-699). */
const BATCHED_KEYS_VERSION = 4
/** Internal topics by key type: 0 for groups, 1 for transactional ids, 2 for share partitions. */
const TOPICS = [OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC, SHARE_STATE_TOPIC]
const SHARE_KEY_TYPE = 2
/** A group, a topic's id and a partition; the group may hold any character. */
const SHARE_KEY = /^.+:[\w-]{22}:\d+$/s

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
  if (topic === undefined || (keyType === SHARE_KEY_TYPE && !SHARE_KEY.test(key))) return { error: 'INVALID_REQUEST', node: NO_NODE }
  const partitionCount = deps.topics.byName(topic)?.partitionCount
  if (partitionCount === undefined) {
    deps.ensureInternalTopic(topic)
    return { error: 'COORDINATOR_NOT_AVAILABLE', node: NO_NODE }
  }
  const node = deps.leaderOf(topic, partitionForKey(key, partitionCount), listener)
  return node === null ? { error: 'COORDINATOR_NOT_AVAILABLE', node: NO_NODE } : { error: 'NONE', node }
}
