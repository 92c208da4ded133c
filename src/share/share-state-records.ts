// The state of share partitions as records of `__share_group_state`, in Kafka's own format: a snapshot holds all of it, an
// update what has changed since.

import type { CoordinatorRecord } from '../coordinator/coordinator-shard.ts'
import { decodeRecord, encodeRecord, recordPrefix } from '../protocol/codec.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ShareState } from './share-state.ts'

export const SHARE_STATE_TOPIC = '__share_group_state'

export type SharePartitionKey = { readonly groupId: string; readonly topicId: Uuid; readonly partition: number }

const SNAPSHOT_KEY = 0
const UPDATE_KEY = 1
const VALUE_VERSION = 0

/** The coordinator's key of a share partition: what FindCoordinator asks for, and what decides its place. */
export function coordinatorKey({ groupId, topicId, partition }: SharePartitionKey): string {
  return `${groupId}:${topicId}:${partition}`
}

export function snapshotRecord(key: SharePartitionKey, state: ShareState, snapshotEpoch: number, nowMs: number): CoordinatorRecord {
  const time = BigInt(nowMs)
  return {
    key: encodeRecord('ShareSnapshotKey', SNAPSHOT_KEY, key),
    value: encodeRecord('ShareSnapshotValue', VALUE_VERSION, { ...state, stateBatches: [...state.stateBatches], snapshotEpoch, createTimestamp: time, writeTimestamp: time }),
  }
}

/** `state.stateBatches` are only those that have changed. */
export function updateRecord(key: SharePartitionKey, state: ShareState, snapshotEpoch: number): CoordinatorRecord {
  const { leaderEpoch, startOffset, deliveryCompleteCount } = state
  return {
    key: encodeRecord('ShareUpdateKey', UPDATE_KEY, key),
    value: encodeRecord('ShareUpdateValue', VALUE_VERSION, { snapshotEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches: [...state.stateBatches] }),
  }
}

export function shareStateTombstone(key: SharePartitionKey): CoordinatorRecord {
  return { key: encodeRecord('ShareSnapshotKey', SNAPSHOT_KEY, key), value: null }
}

export type ShareStateRecord =
  | { readonly kind: 'snapshot'; readonly key: SharePartitionKey; readonly snapshotEpoch: number; readonly state: ShareState }
  | { readonly kind: 'update'; readonly key: SharePartitionKey; readonly snapshotEpoch: number; readonly state: Omit<ShareState, 'stateEpoch'> }
  | { readonly kind: 'removal'; readonly key: SharePartitionKey }

/** Null for a record of a type that is not known. */
export function decodeShareStateRecord({ key, value }: CoordinatorRecord): ShareStateRecord | null {
  switch (recordPrefix(key)) {
    case SNAPSHOT_KEY: {
      const partition = decodeRecord('ShareSnapshotKey', key)
      if (value === null) return { kind: 'removal', key: partition }
      const { snapshotEpoch, stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches } = decodeRecord('ShareSnapshotValue', value)
      return { kind: 'snapshot', key: partition, snapshotEpoch, state: { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches } }
    }
    case UPDATE_KEY: {
      if (value === null) return null
      const { snapshotEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches } = decodeRecord('ShareUpdateValue', value)
      return { kind: 'update', key: decodeRecord('ShareUpdateKey', key), snapshotEpoch, state: { leaderEpoch, startOffset, deliveryCompleteCount, stateBatches } }
    }
    default:
      return null
  }
}
