// Records of consumer groups applied to the groups of a shard.

import { decodeRecord } from '../../protocol/codec.ts'
import { fromTopicPartitions } from '../modern/assignment.ts'
import { replayTargetEpoch } from '../modern/target-epoch.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { CONSUMER_KEYS, currentAssignmentFromRecord, memberFromRecord, regexFromRecord } from './consumer-records.ts'

export interface ReplayedGroups {
  /** The consumer group of that id; made where `create` says so and there is none. */
  consumerGroup(groupId: string, create: boolean): ConsumerGroup | undefined
  remove(group: ConsumerGroup): void
  /** An expression will have to be matched again. */
  onRegex(): void
}

const TYPES: ReadonlySet<number> = new Set(Object.values(CONSUMER_KEYS))

export function isConsumerRecord(type: number): boolean {
  return TYPES.has(type)
}

export function replayConsumerRecord(groups: ReplayedGroups, type: number, key: Uint8Array, value: Uint8Array | null): void {
  const groupOf = (groupId: string): ConsumerGroup | undefined => groups.consumerGroup(groupId, value !== null)
  switch (type) {
    case CONSUMER_KEYS.metadata: {
      const group = groupOf(decodeRecord('ConsumerGroupMetadataKey', key).groupId)
      if (group === undefined) return
      if (value === null) {
        groups.remove(group)
        return
      }
      const { epoch, metadataHash } = decodeRecord('ConsumerGroupMetadataValue', value)
      group.groupEpoch = epoch
      group.metadataHash = metadataHash
      return
    }
    case CONSUMER_KEYS.memberMetadata: {
      const { groupId, memberId } = decodeRecord('ConsumerGroupMemberMetadataKey', key)
      groupOf(groupId)?.replayMember(memberId, value === null ? null : memberFromRecord(memberId, decodeRecord('ConsumerGroupMemberMetadataValue', value)))
      return
    }
    case CONSUMER_KEYS.targetAssignmentMetadata: {
      const group = groupOf(decodeRecord('ConsumerGroupTargetAssignmentMetadataKey', key).groupId)
      if (group !== undefined) replayTargetEpoch(group, value === null ? null : decodeRecord('ConsumerGroupTargetAssignmentMetadataValue', value))
      return
    }
    case CONSUMER_KEYS.targetAssignmentMember: {
      const { groupId, memberId } = decodeRecord('ConsumerGroupTargetAssignmentMemberKey', key)
      groupOf(groupId)?.replayTarget(memberId, value === null ? null : fromTopicPartitions(decodeRecord('ConsumerGroupTargetAssignmentMemberValue', value).topicPartitions))
      return
    }
    case CONSUMER_KEYS.currentMemberAssignment: {
      const { groupId, memberId } = decodeRecord('ConsumerGroupCurrentMemberAssignmentKey', key)
      groupOf(groupId)?.replayCurrentAssignment(memberId, value === null ? null : currentAssignmentFromRecord(decodeRecord('ConsumerGroupCurrentMemberAssignmentValue', value)))
      return
    }
    case CONSUMER_KEYS.regularExpression: {
      const { groupId, regularExpression } = decodeRecord('ConsumerGroupRegularExpressionKey', key)
      groupOf(groupId)?.replayRegex(regularExpression, value === null ? null : regexFromRecord(value))
      if (value !== null) groups.onRegex()
      return
    }
    default:
      // Partition metadata of older brokers: the hash in the group's record has taken its place.
  }
}
