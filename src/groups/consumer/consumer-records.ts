// Records of `__consumer_offsets` that consumer groups are made of, in Kafka's schemas.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { decodeRecord, encodeRecord } from '../../protocol/codec.ts'
import type { ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue } from '../../protocol/messages.ts'
import type { Assignment } from '../modern/assignment.ts'
import { ownedFromRecord, ownedToRecord, toTopicPartitions } from '../modern/assignment.ts'
import type { CurrentAssignment, MemberState } from '../modern/reconcile.ts'
import type { ConsumerMember, MemberSubscription } from './consumer-member.ts'
import { topicNames } from './consumer-member.ts'
import type { ResolvedRegex } from './topic-regex.ts'

/** Record types: the int16 that every key starts with. */
export const CONSUMER_KEYS = {
  metadata: 3,
  partitionMetadata: 4,
  memberMetadata: 5,
  targetAssignmentMetadata: 6,
  targetAssignmentMember: 7,
  currentMemberAssignment: 8,
  regularExpression: 16,
} as const

const VERSION = 0
const STATES: readonly MemberState[] = ['STABLE', 'UNREVOKED_PARTITIONS', 'UNRELEASED_PARTITIONS']
const UNKNOWN_STATE = 127

export function memberRecord(groupId: string, member: ConsumerMember): CoordinatorRecord {
  const { memberId, subscribedTopicRegex, classic } = member
  return {
    key: encodeRecord('ConsumerGroupMemberMetadataKey', CONSUMER_KEYS.memberMetadata, { groupId, memberId }),
    value: encodeRecord('ConsumerGroupMemberMetadataValue', VERSION, {
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      subscribedTopicRegex,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: member.serverAssignor,
      classicMemberMetadata: classic === null ? null : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: classic.supportedProtocols.map(({ name, metadata }) => ({ name, metadata })) },
    }),
  }
}

export function memberFromRecord(memberId: string, value: ConsumerGroupMemberMetadataValue): MemberSubscription {
  const { classicMemberMetadata: classic } = value
  return {
    memberId,
    instanceId: value.instanceId,
    rackId: value.rackId,
    clientId: value.clientId,
    clientHost: value.clientHost,
    subscribedTopicNames: topicNames(value.subscribedTopicNames),
    subscribedTopicRegex: value.subscribedTopicRegex ?? '',
    rebalanceTimeoutMs: value.rebalanceTimeoutMs,
    serverAssignor: value.serverAssignor,
    classic: classic === null ? null : { sessionTimeoutMs: classic.sessionTimeoutMs, supportedProtocols: classic.supportedProtocols },
  }
}

export function groupRecord(groupId: string, epoch: number, metadataHash: bigint): CoordinatorRecord {
  return {
    key: encodeRecord('ConsumerGroupMetadataKey', CONSUMER_KEYS.metadata, { groupId }),
    value: encodeRecord('ConsumerGroupMetadataValue', VERSION, { epoch, metadataHash }),
  }
}

export function targetRecord(groupId: string, memberId: string, target: Assignment): CoordinatorRecord {
  return {
    key: encodeRecord('ConsumerGroupTargetAssignmentMemberKey', CONSUMER_KEYS.targetAssignmentMember, { groupId, memberId }),
    value: encodeRecord('ConsumerGroupTargetAssignmentMemberValue', VERSION, { topicPartitions: toTopicPartitions(target) }),
  }
}

export function targetEpochRecord(groupId: string, assignmentEpoch: number, timestampMs: number): CoordinatorRecord {
  return {
    key: encodeRecord('ConsumerGroupTargetAssignmentMetadataKey', CONSUMER_KEYS.targetAssignmentMetadata, { groupId }),
    value: encodeRecord('ConsumerGroupTargetAssignmentMetadataValue', VERSION, { assignmentEpoch, assignmentTimestamp: BigInt(timestampMs) }),
  }
}

export function currentAssignmentRecord(groupId: string, memberId: string, current: CurrentAssignment): CoordinatorRecord {
  const state = STATES.indexOf(current.state)
  return {
    key: encodeRecord('ConsumerGroupCurrentMemberAssignmentKey', CONSUMER_KEYS.currentMemberAssignment, { groupId, memberId }),
    value: encodeRecord('ConsumerGroupCurrentMemberAssignmentValue', VERSION, {
      memberEpoch: current.memberEpoch,
      previousMemberEpoch: current.previousMemberEpoch,
      state: state < 0 ? UNKNOWN_STATE : state,
      assignedPartitions: ownedToRecord(current.assigned),
      partitionsPendingRevocation: ownedToRecord(current.pendingRevocation),
    }),
  }
}

export function currentAssignmentFromRecord(value: ConsumerGroupCurrentMemberAssignmentValue): CurrentAssignment {
  const { memberEpoch, previousMemberEpoch } = value
  return {
    memberEpoch,
    previousMemberEpoch,
    state: STATES[value.state] ?? 'UNKNOWN',
    assigned: ownedFromRecord(value.assignedPartitions, memberEpoch),
    pendingRevocation: ownedFromRecord(value.partitionsPendingRevocation, memberEpoch),
  }
}

export function regexRecord(groupId: string, regularExpression: string, { topics, version, timestampMs }: ResolvedRegex): CoordinatorRecord {
  return {
    key: encodeRecord('ConsumerGroupRegularExpressionKey', CONSUMER_KEYS.regularExpression, { groupId, regularExpression }),
    value: encodeRecord('ConsumerGroupRegularExpressionValue', VERSION, { topics: [...topics], version, timestamp: BigInt(timestampMs) }),
  }
}

export function regexFromRecord(value: Uint8Array): ResolvedRegex {
  const { topics, version, timestamp } = decodeRecord('ConsumerGroupRegularExpressionValue', value)
  return { topics: new Set(topics), version, timestampMs: Number(timestamp) }
}

export function regexTombstone(groupId: string, regularExpression: string): CoordinatorRecord {
  return { key: encodeRecord('ConsumerGroupRegularExpressionKey', CONSUMER_KEYS.regularExpression, { groupId, regularExpression }), value: null }
}

/** What removes a member. In this order: a member that is gone has nothing that could still refer to it. */
export function memberTombstones(groupId: string, memberId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('ConsumerGroupCurrentMemberAssignmentKey', CONSUMER_KEYS.currentMemberAssignment, { groupId, memberId }), value: null },
    { key: encodeRecord('ConsumerGroupTargetAssignmentMemberKey', CONSUMER_KEYS.targetAssignmentMember, { groupId, memberId }), value: null },
    { key: encodeRecord('ConsumerGroupMemberMetadataKey', CONSUMER_KEYS.memberMetadata, { groupId, memberId }), value: null },
  ]
}

/** What removes a group; its members' tombstones come before. */
export function groupTombstones(groupId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('ConsumerGroupTargetAssignmentMetadataKey', CONSUMER_KEYS.targetAssignmentMetadata, { groupId }), value: null },
    { key: encodeRecord('ConsumerGroupMetadataKey', CONSUMER_KEYS.metadata, { groupId }), value: null },
  ]
}
