// A group whose assignments the coordinator computes (KIP-848). Three epochs tell how far it is: the group epoch counts
// changes that need a new assignment, the assignment epoch says for which of them the target was computed, and a member's
// epoch says which target it has reached. Hard state only, changed by replay alone.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { Committer, Group } from '../group.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { ownedOf } from '../modern/assignment.ts'
import type { CurrentAssignment } from '../modern/reconcile.ts'
import type { CommittedOffset } from '../offsets/offset-store.ts'
import type { ConsumerMember, MemberSubscription } from './consumer-member.ts'
import { LEAVE_EPOCH, NEW_CURRENT_ASSIGNMENT, newMember } from './consumer-member.ts'
import { groupTombstones, memberTombstones, regexTombstone } from './consumer-records.ts'
import type { ResolvedRegex } from './topic-regex.ts'

export type ConsumerState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** From this version on an OffsetCommit can carry a member epoch. */
const MEMBER_EPOCH_VERSION = 9
const NO_TARGET: Assignment = new Map<Uuid, Set<number>>()

export class ConsumerGroup implements Group {
  readonly type = 'consumer'
  readonly protocolType = 'consumer'
  readonly groupId: string
  groupEpoch = 0
  /** Tells whether the topics subscribed to are as they were when the group epoch was last raised. */
  metadataHash = 0n
  assignmentEpoch = 0
  /** When the target was computed; 0 for never. */
  assignedAtMs = 0
  readonly members = new Map<string, ConsumerMember>()
  /** Member id by instance id. */
  readonly staticMembers = new Map<string, string>()
  readonly target = new Map<string, Assignment>()
  readonly regexes = new Map<string, ResolvedRegex>()
  /** Version of the topics that `metadataHash` was last compared with; soft state. */
  checkedVersion: bigint | null = null
  /** The same for the expressions, and when that was, in ms since the epoch; soft state. */
  regexesCheckedVersion: bigint | null = null
  regexesCheckedAtMs = 0
  /** Whoever has a partition or is giving it up. Never more than one member. */
  readonly #owners = new Map<Uuid, Map<number, string>>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): ConsumerState {
    if (this.members.size === 0) return 'Empty'
    if (this.groupEpoch > this.assignmentEpoch) return 'Assigning'
    for (const { state, memberEpoch } of this.members.values()) if (state !== 'STABLE' || memberEpoch !== this.assignmentEpoch) return 'Reconciling'
    return 'Stable'
  }

  isEmpty(): boolean { return this.members.size === 0 }

  targetOf(memberId: string): Assignment {
    return this.target.get(memberId) ?? NO_TARGET
  }

  isOwned(topicId: Uuid, partition: number): boolean {
    return this.#owners.get(topicId)?.has(partition) ?? false
  }

  staticMember(instanceId: string): ConsumerMember | undefined {
    return this.members.get(this.staticMembers.get(instanceId) ?? '')
  }

  isSubscribed(member: MemberSubscription, topicName: string): boolean {
    return member.subscribedTopicNames.includes(topicName) || (this.regexes.get(member.subscribedTopicRegex)?.topics.has(topicName) ?? false)
  }

  /** Whether partitions that the member shall have are still with others. */
  waitsForOthers(member: ConsumerMember): boolean {
    for (const [topicId, partitions] of this.targetOf(member.memberId)) {
      for (const partition of partitions) if (!ownedOf(member.assigned, topicId).has(partition) && this.isOwned(topicId, partition)) return true
    }
    return false
  }

  // ---- replay ----

  replayMember(memberId: string, subscription: MemberSubscription | null): void {
    const existing = this.members.get(memberId)
    if (existing?.instanceId != null && this.staticMembers.get(existing.instanceId) === memberId) this.staticMembers.delete(existing.instanceId)
    if (subscription === null) {
      this.members.delete(memberId)
      return
    }
    this.members.set(memberId, { ...(existing ?? newMember(memberId)), ...subscription })
    if (subscription.instanceId !== null) this.staticMembers.set(subscription.instanceId, memberId)
  }

  replayCurrentAssignment(memberId: string, current: CurrentAssignment | null): void {
    const existing = this.members.get(memberId)
    if (existing !== undefined) this.#release(existing)
    if (current === null) {
      if (existing !== undefined) this.members.set(memberId, { ...existing, ...NEW_CURRENT_ASSIGNMENT, memberEpoch: LEAVE_EPOCH, previousMemberEpoch: LEAVE_EPOCH })
      return
    }
    const member = { ...(existing ?? newMember(memberId)), ...current }
    this.members.set(memberId, member)
    this.#own(memberId, member.assigned)
    this.#own(memberId, member.pendingRevocation)
  }

  replayTarget(memberId: string, target: Assignment | null): void {
    if (target === null) this.target.delete(memberId)
    else this.target.set(memberId, target)
  }

  replayRegex(expression: string, resolved: ResolvedRegex | null): void {
    if (resolved === null) this.regexes.delete(expression)
    else this.regexes.set(expression, resolved)
  }

  #own(memberId: string, partitions: OwnedPartitions): void {
    for (const [topicId, each] of partitions) {
      let owners = this.#owners.get(topicId)
      if (owners === undefined) this.#owners.set(topicId, (owners = new Map()))
      for (const partition of each.keys()) owners.set(partition, memberId)
    }
  }

  #release({ memberId, assigned, pendingRevocation }: ConsumerMember): void {
    for (const partitions of [assigned, pendingRevocation]) {
      for (const [topicId, each] of partitions) {
        const owners = this.#owners.get(topicId)
        if (owners === undefined) continue
        // Another may have it already where records of a log that was compacted come in another order.
        for (const partition of each.keys()) if (owners.get(partition) === memberId) owners.delete(partition)
        if (owners.size === 0) this.#owners.delete(topicId)
      }
    }
  }

  // ---- what offsets ask ----

  validateOffsetCommit({ memberId, generationIdOrMemberEpoch: epoch, transactional, apiVersion }: Committer, committed: readonly { topicId: Uuid; partition: number }[]): ErrorName {
    // Epoch -1 is the Admin client, or a consumer that assigns its partitions itself.
    if (epoch < 0 && this.isEmpty()) return 'NONE'
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (!transactional && member.classic === null && apiVersion < MEMBER_EPOCH_VERSION) return 'UNSUPPORTED_VERSION'
    if (epoch === member.memberEpoch) return 'NONE'
    if (member.classic !== null) return 'ILLEGAL_GENERATION'
    if (epoch > member.memberEpoch) return 'STALE_MEMBER_EPOCH'
    // KIP-1251: an epoch that the member had when it already had the partition is as good as the current one.
    const hadAll = committed.every(({ topicId, partition }) => {
      const since = ownedOf(member.assigned, topicId).get(partition) ?? ownedOf(member.pendingRevocation, topicId).get(partition)
      return since !== undefined && epoch >= since
    })
    return hadAll ? 'NONE' : 'STALE_MEMBER_EPOCH'
  }

  validateOffsetFetch(memberId: string, memberEpoch: number): ErrorName {
    if (memberId === '' && memberEpoch < 0) return 'NONE'
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (memberEpoch === member.memberEpoch) return 'NONE'
    return member.classic === null ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION'
  }

  validateOffsetDelete(): ErrorName { return 'NONE' }

  validateDelete(): ErrorName { return this.isEmpty() ? 'NONE' : 'NON_EMPTY_GROUP' }

  isSubscribedToTopic(topic: string): boolean {
    for (const member of this.members.values()) if (this.isSubscribed(member, topic)) return true
    return false
  }

  retentionStartMs(offset: CommittedOffset): number { return offset.commitTimestampMs }

  tombstones(): CoordinatorRecord[] {
    return [
      ...[...this.members.keys()].flatMap((memberId) => memberTombstones(this.groupId, memberId)),
      ...[...this.regexes.keys()].map((expression) => regexTombstone(this.groupId, expression)),
      ...groupTombstones(this.groupId),
    ]
  }
}
