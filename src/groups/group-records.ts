// Records of `__consumer_offsets` that classic groups and offsets are made of, in Kafka's schemas.

import type { CoordinatorRecord } from '../coordinator/coordinator-shard.ts'
import type { Encodable } from '../protocol/api-keys.ts'
import { decodeRecord, encodeRecord } from '../protocol/codec.ts'
import type { GroupMetadataValue } from '../protocol/messages.ts'
import type { CommittedOffset } from './offsets/offset-store.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

/** Record types: the int16 that every key starts with. */
export const OFFSET_COMMIT_KEYS = [0, 1] as const
export const GROUP_METADATA_KEY = 2
const OFFSET_COMMIT_KEY = 1

/** The version with an expire timestamp; the one after it with a leader epoch; the one with a topic id. */
const OFFSET_COMMIT_VALUE_EXPIRING = 1
const OFFSET_COMMIT_VALUE = 4
const GROUP_METADATA_VALUE = 3

export function offsetCommitRecord(groupId: string, topic: string, partition: number, offset: Omit<CommittedOffset, 'recordOffset'>): CoordinatorRecord {
  const version = offset.expireTimestampMs === -1 ? OFFSET_COMMIT_VALUE : OFFSET_COMMIT_VALUE_EXPIRING
  return {
    key: encodeRecord('OffsetCommitKey', OFFSET_COMMIT_KEY, { group: groupId, topic, partition }),
    value: encodeRecord('OffsetCommitValue', version, {
      offset: offset.offset,
      leaderEpoch: offset.leaderEpoch,
      metadata: offset.metadata,
      commitTimestamp: BigInt(offset.commitTimestampMs),
      expireTimestamp: BigInt(offset.expireTimestampMs),
      topicId: offset.topicId,
    }),
  }
}

export function offsetCommitTombstone(groupId: string, topic: string, partition: number): CoordinatorRecord {
  return { key: encodeRecord('OffsetCommitKey', OFFSET_COMMIT_KEY, { group: groupId, topic, partition }), value: null }
}

export function decodeOffsetCommit(value: Uint8Array, recordOffset: bigint): CommittedOffset {
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp, topicId } = decodeRecord('OffsetCommitValue', value)
  return {
    offset, leaderEpoch, metadata, topicId, recordOffset,
    commitTimestampMs: Number(commitTimestamp),
    expireTimestampMs: Number(expireTimestamp),
  }
}

export function groupMetadataRecord(groupId: string, value: Encodable<GroupMetadataValue>): CoordinatorRecord {
  return {
    key: encodeRecord('GroupMetadataKey', GROUP_METADATA_KEY, { group: groupId }),
    value: encodeRecord('GroupMetadataValue', GROUP_METADATA_VALUE, value),
  }
}

export function groupMetadataTombstone(groupId: string): CoordinatorRecord {
  return { key: encodeRecord('GroupMetadataKey', GROUP_METADATA_KEY, { group: groupId }), value: null }
}
