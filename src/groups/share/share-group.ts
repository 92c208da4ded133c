// A group whose members share partitions (KIP-932): each partition goes to at least one member and records are delivered to
// one of them at a time. Group, assignment and member epochs are those of a consumer group. Hard state only but for the
// fields that say otherwise, changed by replay alone.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { Group } from '../group.ts'
import type { Assignment } from '../modern/assignment.ts'
import type { CurrentShares, ShareMember, ShareMemberMetadata } from './share-member.ts'
import { LEAVE_EPOCH, NEW_CURRENT_SHARES, newShareMember } from './share-member.ts'
import type { SharePartitions } from './share-partitions.ts'
import { NO_SHARE_PARTITIONS } from './share-partitions.ts'
import { shareGroupTombstones, shareMemberTombstones } from './share-records.ts'

export type ShareState = 'Empty' | 'Stable'

const NO_TARGET: Assignment = new Map<Uuid, Set<number>>()

export type SettledFor = { readonly partitions: SharePartitions; readonly assignmentEpoch: number; readonly version: bigint }

/** That of a group before its first member. */
const NEW_GROUP_EPOCH = 1

export class ShareGroup implements Group {
  readonly type = 'share'
  readonly protocolType = 'share'
  readonly groupId: string
  groupEpoch = NEW_GROUP_EPOCH
  /** Tells whether the topics subscribed to are as they were when the group epoch was last raised. */
  metadataHash = 0n
  assignmentEpoch = NEW_GROUP_EPOCH
  /** When the target was last computed, in ms since the epoch; 0 for never. */
  assignedAtMs = 0
  readonly members = new Map<string, ShareMember>()
  readonly target = new Map<string, Assignment>()
  partitions: SharePartitions = NO_SHARE_PARTITIONS
  /** Version of the topics that `metadataHash` was last compared with; soft state. */
  checkedVersion: bigint | null = null
  /** For what the target was last found to have all that is initialized; soft state. */
  settledFor: SettledFor | null = null
  /** Since when the share coordinator is at a topic's partitions, in ms since the epoch; soft state, so that a group that was loaded anew asks again at once. */
  readonly initializingSinceMs = new Map<Uuid, number>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): ShareState { return this.isEmpty() ? 'Empty' : 'Stable' }

  isEmpty(): boolean { return this.members.size === 0 }

  targetOf(memberId: string): Assignment {
    return this.target.get(memberId) ?? NO_TARGET
  }

  // ---- replay ----

  replayMember(memberId: string, metadata: ShareMemberMetadata | null): void {
    if (metadata === null) this.members.delete(memberId)
    else this.members.set(memberId, { ...(this.members.get(memberId) ?? newShareMember(memberId)), ...metadata })
  }

  replayCurrentShares(memberId: string, current: CurrentShares | null): void {
    const existing = this.members.get(memberId)
    if (current !== null) this.members.set(memberId, { ...(existing ?? newShareMember(memberId)), ...current })
    else if (existing !== undefined) this.members.set(memberId, { ...existing, ...NEW_CURRENT_SHARES, memberEpoch: LEAVE_EPOCH, previousMemberEpoch: LEAVE_EPOCH })
  }

  replayTarget(memberId: string, target: Assignment | null): void {
    if (target === null) this.target.delete(memberId)
    else this.target.set(memberId, target)
  }

  replayPartitions(partitions: SharePartitions): void {
    this.partitions = partitions
    for (const topicId of this.initializingSinceMs.keys()) if (!partitions.initializing.has(topicId)) this.initializingSinceMs.delete(topicId)
  }

  // ---- what offsets ask: there are none, the share coordinator keeps how far the group is ----

  validateOffsetCommit(): ErrorName { return 'GROUP_ID_NOT_FOUND' }

  validateOffsetFetch(): ErrorName { return 'NONE' }

  validateOffsetDelete(): ErrorName { return 'GROUP_ID_NOT_FOUND' }

  validateDelete(): ErrorName { return this.isEmpty() ? 'NONE' : 'NON_EMPTY_GROUP' }

  isSubscribedToTopic(topic: string): boolean {
    for (const { subscribedTopicNames } of this.members.values()) if (subscribedTopicNames.includes(topic)) return true
    return false
  }

  retentionStartMs(): null { return null }

  tombstones(): CoordinatorRecord[] {
    return [...[...this.members.keys()].flatMap((memberId) => shareMemberTombstones(this.groupId, memberId)), ...shareGroupTombstones(this.groupId)]
  }
}
