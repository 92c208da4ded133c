// Records of `__consumer_offsets` that share groups are made of, in Kafka's schemas (KIP-932).

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { encodeRecord } from '../../protocol/codec.ts'
import type { ShareGroupCurrentMemberAssignmentValue, ShareGroupMemberMetadataValue, ShareGroupStatePartitionMetadataValue } from '../../protocol/messages.ts'
import type { Assignment } from '../modern/assignment.ts'
import { fromTopicPartitions, toTopicPartitions } from '../modern/assignment.ts'
import type { CurrentShares, ShareMemberMetadata } from './share-member.ts'
import { sortedNames } from './share-member.ts'
import type { SharePartitions, ShareTopics } from './share-partitions.ts'

/** Record types: the int16 that every key starts with. */
export const SHARE_KEYS = {
  memberMetadata: 10,
  metadata: 11,
  targetAssignmentMetadata: 12,
  targetAssignmentMember: 13,
  currentMemberAssignment: 14,
  statePartitionMetadata: 15,
} as const

const VERSION = 0
/** The only state that a member of a share group has. */
const STABLE = 0

export function shareGroupRecord(groupId: string, epoch: number, metadataHash: bigint): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupMetadataKey', SHARE_KEYS.metadata, { groupId }),
    value: encodeRecord('ShareGroupMetadataValue', VERSION, { epoch, metadataHash }),
  }
}

export function shareMemberRecord(groupId: string, { memberId, rackId, clientId, clientHost, subscribedTopicNames }: ShareMemberMetadata): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupMemberMetadataKey', SHARE_KEYS.memberMetadata, { groupId, memberId }),
    value: encodeRecord('ShareGroupMemberMetadataValue', VERSION, { rackId, clientId, clientHost, subscribedTopicNames: [...subscribedTopicNames] }),
  }
}

export function shareMemberFromRecord(memberId: string, value: ShareGroupMemberMetadataValue): ShareMemberMetadata {
  return { ...value, memberId, subscribedTopicNames: sortedNames(value.subscribedTopicNames) }
}

export function shareTargetRecord(groupId: string, memberId: string, target: Assignment): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupTargetAssignmentMemberKey', SHARE_KEYS.targetAssignmentMember, { groupId, memberId }),
    value: encodeRecord('ShareGroupTargetAssignmentMemberValue', VERSION, { topicPartitions: toTopicPartitions(target) }),
  }
}

export function shareTargetEpochRecord(groupId: string, assignmentEpoch: number, timestampMs: number): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupTargetAssignmentMetadataKey', SHARE_KEYS.targetAssignmentMetadata, { groupId }),
    value: encodeRecord('ShareGroupTargetAssignmentMetadataValue', VERSION, { assignmentEpoch, assignmentTimestamp: BigInt(timestampMs) }),
  }
}

export function currentSharesRecord(groupId: string, memberId: string, { memberEpoch, previousMemberEpoch, assigned }: CurrentShares): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupCurrentMemberAssignmentKey', SHARE_KEYS.currentMemberAssignment, { groupId, memberId }),
    value: encodeRecord('ShareGroupCurrentMemberAssignmentValue', VERSION, { memberEpoch, previousMemberEpoch, state: STABLE, assignedPartitions: toTopicPartitions(assigned) }),
  }
}

export function currentSharesFromRecord({ memberEpoch, previousMemberEpoch, state, assignedPartitions }: ShareGroupCurrentMemberAssignmentValue): CurrentShares {
  return { memberEpoch, previousMemberEpoch, state: state === STABLE ? 'STABLE' : 'UNKNOWN', assigned: fromTopicPartitions(assignedPartitions) }
}

export function sharePartitionsRecord(groupId: string, { initializing, initialized, deleting }: SharePartitions): CoordinatorRecord {
  return {
    key: encodeRecord('ShareGroupStatePartitionMetadataKey', SHARE_KEYS.statePartitionMetadata, { groupId }),
    value: encodeRecord('ShareGroupStatePartitionMetadataValue', VERSION, {
      initializingTopics: toRecord(initializing),
      initializedTopics: toRecord(initialized),
      deletingTopics: [...deleting].map(([topicId, topicName]) => ({ topicId, topicName })),
    }),
  }
}

export function sharePartitionsFromRecord({ initializingTopics, initializedTopics, deletingTopics }: ShareGroupStatePartitionMetadataValue): SharePartitions {
  return { initializing: fromRecord(initializingTopics), initialized: fromRecord(initializedTopics), deleting: new Map(deletingTopics.map(({ topicId, topicName }) => [topicId, topicName])) }
}

type StoredTopics = ShareGroupStatePartitionMetadataValue['initializedTopics']

function toRecord(topics: ShareTopics): StoredTopics {
  return [...topics].map(([topicId, { name, partitions }]) => ({ topicId, topicName: name, partitions: [...partitions].sort((one, other) => one - other) }))
}

function fromRecord(topics: StoredTopics): ShareTopics {
  return new Map(topics.map(({ topicId, topicName, partitions }) => [topicId, { name: topicName, partitions: new Set(partitions) }]))
}

/** What removes a member. In this order: a member that is gone has nothing that could still refer to it. */
export function shareMemberTombstones(groupId: string, memberId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('ShareGroupCurrentMemberAssignmentKey', SHARE_KEYS.currentMemberAssignment, { groupId, memberId }), value: null },
    { key: encodeRecord('ShareGroupTargetAssignmentMemberKey', SHARE_KEYS.targetAssignmentMember, { groupId, memberId }), value: null },
    { key: encodeRecord('ShareGroupMemberMetadataKey', SHARE_KEYS.memberMetadata, { groupId, memberId }), value: null },
  ]
}

/** What removes a group; its members' tombstones come before. */
export function shareGroupTombstones(groupId: string): CoordinatorRecord[] {
  return [
    { key: encodeRecord('ShareGroupTargetAssignmentMetadataKey', SHARE_KEYS.targetAssignmentMetadata, { groupId }), value: null },
    { key: encodeRecord('ShareGroupStatePartitionMetadataKey', SHARE_KEYS.statePartitionMetadata, { groupId }), value: null },
    { key: encodeRecord('ShareGroupMetadataKey', SHARE_KEYS.metadata, { groupId }), value: null },
  ]
}
