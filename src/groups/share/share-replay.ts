// Records of share groups applied to the groups of a shard.

import { decodeRecord } from '../../protocol/codec.ts'
import { fromTopicPartitions } from '../modern/assignment.ts'
import { replayTargetEpoch } from '../modern/target-epoch.ts'
import type { ShareGroup } from './share-group.ts'
import { NO_SHARE_PARTITIONS } from './share-partitions.ts'
import { currentSharesFromRecord, SHARE_KEYS, shareMemberFromRecord, sharePartitionsFromRecord } from './share-records.ts'

export interface ReplayedShareGroups {
  /** The share group of that id; made where `create` says so and there is none. */
  shareGroup(groupId: string, create: boolean): ShareGroup | undefined
  removeShare(group: ShareGroup): void
}

const TYPES: ReadonlySet<number> = new Set(Object.values(SHARE_KEYS))

export function isShareRecord(type: number): boolean {
  return TYPES.has(type)
}

export function replayShareRecord(groups: ReplayedShareGroups, type: number, key: Uint8Array, value: Uint8Array | null): void {
  const groupOf = (groupId: string): ShareGroup | undefined => groups.shareGroup(groupId, value !== null)
  switch (type) {
    case SHARE_KEYS.metadata: {
      const group = groupOf(decodeRecord('ShareGroupMetadataKey', key).groupId)
      if (group === undefined) return
      if (value === null) {
        groups.removeShare(group)
        return
      }
      const { epoch, metadataHash } = decodeRecord('ShareGroupMetadataValue', value)
      group.groupEpoch = epoch
      group.metadataHash = metadataHash
      return
    }
    case SHARE_KEYS.memberMetadata: {
      const { groupId, memberId } = decodeRecord('ShareGroupMemberMetadataKey', key)
      groupOf(groupId)?.replayMember(memberId, value === null ? null : shareMemberFromRecord(memberId, decodeRecord('ShareGroupMemberMetadataValue', value)))
      return
    }
    case SHARE_KEYS.targetAssignmentMetadata: {
      const group = groupOf(decodeRecord('ShareGroupTargetAssignmentMetadataKey', key).groupId)
      if (group !== undefined) replayTargetEpoch(group, value === null ? null : decodeRecord('ShareGroupTargetAssignmentMetadataValue', value))
      return
    }
    case SHARE_KEYS.targetAssignmentMember: {
      const { groupId, memberId } = decodeRecord('ShareGroupTargetAssignmentMemberKey', key)
      groupOf(groupId)?.replayTarget(memberId, value === null ? null : fromTopicPartitions(decodeRecord('ShareGroupTargetAssignmentMemberValue', value).topicPartitions))
      return
    }
    case SHARE_KEYS.currentMemberAssignment: {
      const { groupId, memberId } = decodeRecord('ShareGroupCurrentMemberAssignmentKey', key)
      groupOf(groupId)?.replayCurrentShares(memberId, value === null ? null : currentSharesFromRecord(decodeRecord('ShareGroupCurrentMemberAssignmentValue', value)))
      return
    }
    case SHARE_KEYS.statePartitionMetadata: {
      const { groupId } = decodeRecord('ShareGroupStatePartitionMetadataKey', key)
      // Offsets can be set before the first member joins: this record alone makes a group, an empty one.
      groupOf(groupId)?.replayPartitions(value === null ? NO_SHARE_PARTITIONS : sharePartitionsFromRecord(decodeRecord('ShareGroupStatePartitionMetadataValue', value)))
    }
  }
}

