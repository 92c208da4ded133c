// Records of `__consumer_offsets` that streams groups are made of, in Kafka's schemas (KIP-1071).

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { encodeRecord } from '../../protocol/codec.ts'
import type { StreamsGroupCurrentMemberAssignmentValue, StreamsGroupMemberMetadataValue, StreamsGroupTargetAssignmentMemberValue } from '../../protocol/messages.ts'
import type { MemberState } from '../modern/reconcile.ts'
import type { CurrentTasks, KeyValue, StreamsMember, StreamsMemberMetadata } from './streams-member.ts'
import { sortedKeyValues } from './streams-member.ts'
import type { OwnedTasks, Tasks } from './tasks.ts'
import { activeFromRecord, activeToRecord, fromTaskIds, toTaskIds } from './tasks.ts'
import type { Topology } from './topology.ts'

/** Record types: the int16 that every key starts with. */
export const STREAMS_KEYS = {
  metadata: 17,
  partitionMetadata: 18,
  memberMetadata: 19,
  targetAssignmentMetadata: 20,
  targetAssignmentMember: 21,
  currentMemberAssignment: 22,
  topology: 23,
} as const

const VERSION = 0
const STATES: readonly MemberState[] = ['STABLE', 'UNREVOKED_PARTITIONS', 'UNRELEASED_PARTITIONS']
const UNKNOWN_STATE = 127

export type StreamsGroupValue = { readonly epoch: number; readonly metadataHash: bigint; readonly validatedTopologyEpoch: number; readonly lastAssignmentConfigs: readonly KeyValue[] }

export function streamsGroupRecord(groupId: string, { epoch, metadataHash, validatedTopologyEpoch, lastAssignmentConfigs }: StreamsGroupValue): CoordinatorRecord {
  return {
    key: encodeRecord('StreamsGroupMetadataKey', STREAMS_KEYS.metadata, { groupId }),
    value: encodeRecord('StreamsGroupMetadataValue', VERSION, { epoch, metadataHash, validatedTopologyEpoch, lastAssignmentConfigs: [...lastAssignmentConfigs] }),
  }
}

export function streamsMemberRecord(groupId: string, member: StreamsMember): CoordinatorRecord {
  const { memberId, instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, topologyEpoch, processId, userEndpoint, clientTags } = member
  return {
    key: encodeRecord('StreamsGroupMemberMetadataKey', STREAMS_KEYS.memberMetadata, { groupId, memberId }),
    value: encodeRecord('StreamsGroupMemberMetadataValue', VERSION, { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, topologyEpoch, processId, userEndpoint, clientTags: [...clientTags] }),
  }
}

export function streamsMemberFromRecord(memberId: string, value: StreamsGroupMemberMetadataValue): StreamsMemberMetadata {
  return { ...value, memberId, clientTags: sortedKeyValues(value.clientTags) }
}

export function topologyRecord(groupId: string, topology: Topology): CoordinatorRecord {
  return {
    key: encodeRecord('StreamsGroupTopologyKey', STREAMS_KEYS.topology, { groupId }),
    value: encodeRecord('StreamsGroupTopologyValue', VERSION, topology),
  }
}

export function streamsTargetRecord(groupId: string, memberId: string, { active, standby, warmup }: Tasks): CoordinatorRecord {
  return {
    key: encodeRecord('StreamsGroupTargetAssignmentMemberKey', STREAMS_KEYS.targetAssignmentMember, { groupId, memberId }),
    value: encodeRecord('StreamsGroupTargetAssignmentMemberValue', VERSION, { activeTasks: toTaskIds(active), standbyTasks: toTaskIds(standby), warmupTasks: toTaskIds(warmup) }),
  }
}

export function streamsTargetFromRecord({ activeTasks, standbyTasks, warmupTasks }: StreamsGroupTargetAssignmentMemberValue): Tasks {
  return { active: fromTaskIds(activeTasks), standby: fromTaskIds(standbyTasks), warmup: fromTaskIds(warmupTasks) }
}

export function streamsTargetEpochRecord(groupId: string, assignmentEpoch: number, timestampMs: number): CoordinatorRecord {
  return {
    key: encodeRecord('StreamsGroupTargetAssignmentMetadataKey', STREAMS_KEYS.targetAssignmentMetadata, { groupId }),
    value: encodeRecord('StreamsGroupTargetAssignmentMetadataValue', VERSION, { assignmentEpoch, assignmentTimestamp: BigInt(timestampMs) }),
  }
}

export function currentTasksRecord(groupId: string, memberId: string, { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation }: CurrentTasks): CoordinatorRecord {
  const number = STATES.indexOf(state)
  return {
    key: encodeRecord('StreamsGroupCurrentMemberAssignmentKey', STREAMS_KEYS.currentMemberAssignment, { groupId, memberId }),
    value: encodeRecord('StreamsGroupCurrentMemberAssignmentValue', VERSION, {
      memberEpoch,
      previousMemberEpoch,
      state: number < 0 ? UNKNOWN_STATE : number,
      activeTasks: activeToRecord(assigned.active),
      standbyTasks: toTaskIds(assigned.standby),
      warmupTasks: toTaskIds(assigned.warmup),
      activeTasksPendingRevocation: activeToRecord(pendingRevocation.active),
      standbyTasksPendingRevocation: toTaskIds(pendingRevocation.standby),
      warmupTasksPendingRevocation: toTaskIds(pendingRevocation.warmup),
    }),
  }
}

export function currentTasksFromRecord(value: StreamsGroupCurrentMemberAssignmentValue): CurrentTasks {
  const { memberEpoch, previousMemberEpoch } = value
  const assigned: OwnedTasks = { active: activeFromRecord(value.activeTasks, memberEpoch), standby: fromTaskIds(value.standbyTasks), warmup: fromTaskIds(value.warmupTasks) }
  const pendingRevocation: OwnedTasks = {
    active: activeFromRecord(value.activeTasksPendingRevocation, memberEpoch),
    standby: fromTaskIds(value.standbyTasksPendingRevocation),
    warmup: fromTaskIds(value.warmupTasksPendingRevocation),
  }
  return { memberEpoch, previousMemberEpoch, state: STATES[value.state] ?? 'UNKNOWN', assigned, pendingRevocation }
}

/** What removes a member. In this order: a member that is gone has nothing that could still refer to it. */
export function streamsMemberTombstones(groupId: string, memberId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('StreamsGroupCurrentMemberAssignmentKey', STREAMS_KEYS.currentMemberAssignment, { groupId, memberId }), value: null },
    { key: encodeRecord('StreamsGroupTargetAssignmentMemberKey', STREAMS_KEYS.targetAssignmentMember, { groupId, memberId }), value: null },
    { key: encodeRecord('StreamsGroupMemberMetadataKey', STREAMS_KEYS.memberMetadata, { groupId, memberId }), value: null },
  ]
}

/** What removes a group; its members' tombstones come before. */
export function streamsGroupTombstones(groupId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('StreamsGroupTargetAssignmentMetadataKey', STREAMS_KEYS.targetAssignmentMetadata, { groupId }), value: null },
    { key: encodeRecord('StreamsGroupTopologyKey', STREAMS_KEYS.topology, { groupId }), value: null },
    { key: encodeRecord('StreamsGroupMetadataKey', STREAMS_KEYS.metadata, { groupId }), value: null },
  ]
}
