// A group whose members agree on assignments among themselves: the coordinator brings them together in a generation and
// hands out what the leader decided. Legal transitions:
//   Empty → PreparingRebalance → CompletingRebalance → Stable → PreparingRebalance → …
//   CompletingRebalance → PreparingRebalance; PreparingRebalance → Empty when the last member has gone
// The members and their assignments as of the last Stable or Empty state are in the log; everything else is soft state
// that a new coordinator does without.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { decodeRecordBody, MalformedMessage } from '../../protocol/codec.ts'
import { errorCode } from '../../protocol/error-codes.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import type { Committer, Group } from '../group.ts'
import { groupMetadataRecord, groupMetadataTombstone } from '../group-records.ts'
import type { CommittedOffset } from '../offsets/offset-store.ts'
import type { ClassicMember, JoinResponse, MemberProtocol } from './classic-member.ts'

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export const CONSUMER_PROTOCOL_TYPE = 'consumer'

export class ClassicGroup implements Group {
  readonly type = 'classic'
  readonly groupId: string
  state: ClassicState = 'Empty'
  previousState: ClassicState = 'Empty'
  /** When the state was entered, in ms since the epoch; null where the log does not say. */
  stateTimestampMs: number | null = null
  generationId = 0
  /** '' for a group that only offsets were committed for. */
  protocolType = ''
  protocolName: string | null = null
  leaderId: string | null = null
  /** Topics the members subscribe to; null where that cannot be told. */
  subscribedTopics: ReadonlySet<string> | null = null
  /** A member has joined since the initial rebalance was last prolonged. */
  newMemberAdded = false
  readonly members = new Map<string, ClassicMember>()
  /** Ids given out to members that have yet to join with them (KIP-394). */
  readonly pendingJoinMembers = new Set<string>()
  /** Members of the generation that have not sent SyncGroup yet. */
  readonly pendingSyncMembers = new Set<string>()
  /** Member id by group.instance.id (KIP-345). */
  readonly staticMembers = new Map<string, string>()
  readonly #supportCounts = new Map<string, number>()
  #awaitingJoinCount = 0

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get awaitingJoinCount(): number { return this.#awaitingJoinCount }

  isEmpty(): boolean { return this.state === 'Empty' }
  isLeader(memberId: string): boolean { return this.leaderId === memberId }
  usesConsumerProtocol(): boolean { return this.protocolType === CONSUMER_PROTOCOL_TYPE }
  canRebalance(): boolean { return this.state !== 'PreparingRebalance' }
  hasAllMembersJoined(): boolean { return this.members.size === this.#awaitingJoinCount && this.pendingJoinMembers.size === 0 }

  transitionTo(state: ClassicState, nowMs: number): void {
    this.previousState = this.state
    this.state = state
    this.stateTimestampMs = nowMs
  }

  /** The longest that a member may take to join again. */
  rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  add(member: ClassicMember, protocolType: string): void {
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId)
    if (this.members.size === 0) this.protocolType = protocolType
    this.leaderId ??= member.memberId
    this.members.set(member.memberId, member)
    this.#countSupport(member.protocols, 1)
    this.pendingJoinMembers.delete(member.memberId)
  }

  /** Takes a member out, or an id that was only given out; another member leads if it led. Its parked requests must have been answered. */
  remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member !== undefined) {
      this.members.delete(memberId)
      this.#countSupport(member.protocols, -1)
      if (member.awaitingJoin !== null) this.#awaitingJoinCount--
      if (member.groupInstanceId !== null) this.staticMembers.delete(member.groupInstanceId)
    }
    if (this.isLeader(memberId)) this.leaderId = this.members.keys().next().value ?? null
    this.pendingJoinMembers.delete(memberId)
    this.pendingSyncMembers.delete(memberId)
  }

  updateMember(member: ClassicMember, protocols: readonly MemberProtocol[], rebalanceTimeoutMs: number, sessionTimeoutMs: number): void {
    this.#countSupport(member.protocols, -1)
    member.protocols = protocols
    this.#countSupport(protocols, 1)
    member.rebalanceTimeoutMs = rebalanceTimeoutMs
    member.sessionTimeoutMs = sessionTimeoutMs
  }

  /** Parks a join; one that was parked before is forgotten, its connection has sent a newer one. */
  awaitJoin(member: ClassicMember, answer: ((response: JoinResponse) => void) | null): void {
    if ((member.awaitingJoin === null) !== (answer === null)) this.#awaitingJoinCount += answer === null ? -1 : 1
    member.awaitingJoin = answer
  }

  answerJoin(member: ClassicMember, response: JoinResponse): void {
    const answer = member.awaitingJoin
    this.awaitJoin(member, null)
    answer?.(response)
  }

  /** A static member has come back under a new id: it takes the old one's place, and whoever still uses that is fenced. */
  replaceStaticMember(oldMember: ClassicMember, newMember: ClassicMember): void {
    const fenced = errorCode('FENCED_INSTANCE_ID')
    this.answerJoin(oldMember, { memberId: oldMember.memberId, errorCode: fenced, protocolName: null, protocolType: null })
    oldMember.answerSync({ errorCode: fenced, protocolName: null, protocolType: null })
    this.members.delete(oldMember.memberId)
    this.members.set(newMember.memberId, newMember)
    if (this.isLeader(oldMember.memberId)) this.leaderId = newMember.memberId
    if (newMember.groupInstanceId !== null) this.staticMembers.set(newMember.groupInstanceId, newMember.memberId)
  }

  /** Makes a member that has joined again the leader, where the leader has not; false where nobody has. */
  maybeElectJoinedLeader(): boolean {
    if (this.leaderId === null) return false
    if ((this.members.get(this.leaderId)?.awaitingJoin ?? null) !== null) return true
    const joined = [...this.members.values()].find((member) => member.awaitingJoin !== null)
    if (joined === undefined) return false
    this.leaderId = joined.memberId
    return true
  }

  /** Whether a member of these protocols may join: every member must share one. */
  supportsProtocols(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0
    return this.protocolType === protocolType && protocols.some(({ name }) => this.#supportCounts.get(name) === this.members.size)
  }

  /** The protocol that all members share and most of them like best. */
  selectProtocol(): string {
    const candidates = new Set([...this.#supportCounts].filter(([, count]) => count === this.members.size).map(([name]) => name))
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const vote = member.vote(candidates)
      if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1)
    }
    let best = ''
    for (const [name, count] of votes) if (count > (votes.get(best) ?? 0)) best = name
    return best
  }

  beginGeneration(nowMs: number): void {
    this.generationId++
    const hasMembers = this.members.size > 0
    this.protocolName = hasMembers ? this.selectProtocol() : null
    this.updateSubscribedTopics()
    this.transitionTo(hasMembers ? 'CompletingRebalance' : 'Empty', nowMs)
    this.pendingSyncMembers.clear()
  }

  /** Reads the subscriptions of members of the consumer protocol; other protocols' metadata is opaque. */
  updateSubscribedTopics(): void {
    this.subscribedTopics = this.usesConsumerProtocol() ? readSubscribedTopics([...this.members.values()], this.protocolName) : null
  }

  /** UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID where a request does not come from a member. */
  validateMember(memberId: string, groupInstanceId: string | null): ErrorName {
    if (groupInstanceId !== null) {
      const current = this.staticMembers.get(groupInstanceId)
      if (current === undefined) return 'UNKNOWN_MEMBER_ID'
      if (current !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.members.has(memberId) ? 'NONE' : 'UNKNOWN_MEMBER_ID'
  }

  validateOffsetCommit({ memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, transactional }: Committer): ErrorName {
    // Generation -1 is the Admin client, or a consumer that assigns its partitions itself.
    if (generationId < 0 && this.state === 'Empty') return 'NONE'
    if (generationId >= 0 || memberId !== '' || groupInstanceId !== null) {
      const error = this.validateMember(memberId, groupInstanceId)
      if (error !== 'NONE') return error
      if (generationId !== this.generationId) return 'ILLEGAL_GENERATION'
    } else if (!transactional) {
      return 'UNKNOWN_MEMBER_ID'
    }
    // The member has this generation from JoinGroup, but its assignment is still to come.
    return !transactional && this.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  validateOffsetFetch(): ErrorName { return 'NONE' }

  validateOffsetDelete(): ErrorName {
    return this.state === 'Empty' || this.usesConsumerProtocol() ? 'NONE' : 'NON_EMPTY_GROUP'
  }

  validateDelete(): ErrorName { return this.state === 'Empty' ? 'NONE' : 'NON_EMPTY_GROUP' }

  isSubscribedToTopic(topic: string): boolean {
    return this.subscribedTopics === null ? this.usesConsumerProtocol() : this.subscribedTopics.has(topic)
  }

  /** KIP-211: counts from when the group became empty; for members' unsubscribed topics and simple groups from the commit. */
  retentionStartMs(offset: CommittedOffset): number | null {
    if (this.protocolType === '') return offset.commitTimestampMs
    if (this.state === 'Empty') return this.stateTimestampMs ?? offset.commitTimestampMs
    if (this.state === 'Stable' && this.usesConsumerProtocol() && this.subscribedTopics !== null) return offset.commitTimestampMs
    return null
  }

  tombstones(): CoordinatorRecord[] { return [groupMetadataTombstone(this.groupId)] }

  /** The group as the log keeps it, with the given assignments in place of the current ones. */
  metadataRecord(assignments: ReadonlyMap<string, Uint8Array> | null): CoordinatorRecord {
    return groupMetadataRecord(this.groupId, {
      protocolType: this.protocolType,
      generation: this.generationId,
      protocol: this.protocolName,
      leader: this.leaderId,
      currentStateTimestamp: BigInt(this.stateTimestampMs ?? -1),
      members: [...this.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadata(this.protocolName),
        assignment: assignments?.get(member.memberId) ?? member.assignment,
      })),
    })
  }

  #countSupport(protocols: readonly MemberProtocol[], change: 1 | -1): void {
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.#supportCounts.get(name) ?? 0) + change
      if (count === 0) this.#supportCounts.delete(name)
      else this.#supportCounts.set(name, count)
    }
  }
}

/** All later versions of a subscription start with version 0's fields, which name the topics. */
function readSubscribedTopics(members: ClassicMember[], protocolName: string | null): ReadonlySet<string> | null {
  if (members.length > 0 && protocolName === null) return null
  const topics = new Set<string>()
  try {
    for (const member of members) {
      const subscription = decodeRecordBody('ConsumerProtocolSubscription', 0, member.metadata(protocolName).subarray(2))
      for (const topic of subscription.topics) topics.add(topic)
    }
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
  return topics
}
