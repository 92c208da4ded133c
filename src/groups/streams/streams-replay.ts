// Records of streams groups applied to the groups of a shard.

import { decodeRecord } from '../../protocol/codec.ts'
import { replayTargetEpoch } from '../modern/target-epoch.ts'
import type { StreamsGroup } from './streams-group.ts'
import { sortedKeyValues } from './streams-member.ts'
import { currentTasksFromRecord, STREAMS_KEYS, streamsMemberFromRecord, streamsTargetFromRecord } from './streams-records.ts'

export interface ReplayedStreamsGroups {
  /** The streams group of that id; made where `create` says so and there is none. */
  streamsGroup(groupId: string, create: boolean): StreamsGroup | undefined
  removeStreams(group: StreamsGroup): void
}

const TYPES: ReadonlySet<number> = new Set(Object.values(STREAMS_KEYS))

export function isStreamsRecord(type: number): boolean {
  return TYPES.has(type)
}

export function replayStreamsRecord(groups: ReplayedStreamsGroups, type: number, key: Uint8Array, value: Uint8Array | null): void {
  const groupOf = (groupId: string): StreamsGroup | undefined => groups.streamsGroup(groupId, value !== null)
  switch (type) {
    case STREAMS_KEYS.metadata: {
      const group = groupOf(decodeRecord('StreamsGroupMetadataKey', key).groupId)
      if (group === undefined) return
      if (value === null) {
        groups.removeStreams(group)
        return
      }
      const stored = decodeRecord('StreamsGroupMetadataValue', value)
      group.replayGroup({ ...stored, lastAssignmentConfigs: sortedKeyValues(stored.lastAssignmentConfigs ?? []) })
      return
    }
    case STREAMS_KEYS.memberMetadata: {
      const { groupId, memberId } = decodeRecord('StreamsGroupMemberMetadataKey', key)
      groupOf(groupId)?.replayMember(memberId, value === null ? null : streamsMemberFromRecord(memberId, decodeRecord('StreamsGroupMemberMetadataValue', value)))
      return
    }
    case STREAMS_KEYS.targetAssignmentMetadata: {
      const group = groupOf(decodeRecord('StreamsGroupTargetAssignmentMetadataKey', key).groupId)
      if (group !== undefined) replayTargetEpoch(group, value === null ? null : decodeRecord('StreamsGroupTargetAssignmentMetadataValue', value))
      return
    }
    case STREAMS_KEYS.targetAssignmentMember: {
      const { groupId, memberId } = decodeRecord('StreamsGroupTargetAssignmentMemberKey', key)
      groupOf(groupId)?.replayTarget(memberId, value === null ? null : streamsTargetFromRecord(decodeRecord('StreamsGroupTargetAssignmentMemberValue', value)))
      return
    }
    case STREAMS_KEYS.currentMemberAssignment: {
      const { groupId, memberId } = decodeRecord('StreamsGroupCurrentMemberAssignmentKey', key)
      groupOf(groupId)?.replayCurrentTasks(memberId, value === null ? null : currentTasksFromRecord(decodeRecord('StreamsGroupCurrentMemberAssignmentValue', value)))
      return
    }
    case STREAMS_KEYS.topology: {
      groupOf(decodeRecord('StreamsGroupTopologyKey', key).groupId)?.replayTopology(value === null ? null : decodeRecord('StreamsGroupTopologyValue', value))
      return
    }
    default:
      // Partition metadata of older brokers: the hash in the group's record has taken its place.
  }
}
