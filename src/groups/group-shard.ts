// One partition of `__consumer_offsets`: all groups whose id hashes there, and their offsets. It finds the group an
// operation is for and leaves the rest to the group's kind.

import type { CoordinatorRecord, CoordinatorResult, CoordinatorShard, ShardContext } from '../coordinator/coordinator-shard.ts'
import { decodeRecord, recordPrefix } from '../protocol/codec.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorCode, KafkaError } from '../protocol/error-codes.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import type { LeavingMember, LeftMember, SyncAnswer } from './classic/classic-groups.ts'
import { ClassicGroups } from './classic/classic-groups.ts'
import type { JoinAnswer, JoinRequest } from './classic/classic-join.ts'
import { decodeOffsetCommit, GROUP_METADATA_KEY, OFFSET_COMMIT_KEYS } from './group-records.ts'
import type { GroupSettings } from './group-settings.ts'
import type { Group } from './group.ts'
import type { CommitRequest, PartitionResult } from './offsets/offset-manager.ts'
import { OffsetManager } from './offsets/offset-manager.ts'

const EXPIRATION_TIMER = 'expire-offsets'

export type DescribedGroup = NonNullable<Encodable<ResponseOf<'DescribeGroups'>>['groups']>[number]

export class GroupShard implements CoordinatorShard {
  readonly offsets: OffsetManager
  readonly #context: ShardContext<GroupShard>
  readonly #settings: GroupSettings
  readonly #groups = new Map<string, Group>()
  readonly #classic: ClassicGroups
  #loaded = false

  constructor(context: ShardContext<GroupShard>, settings: GroupSettings) {
    this.#context = context
    this.#settings = settings
    this.offsets = new OffsetManager(settings)
    this.#classic = new ClassicGroups({
      settings,
      timers: context.timers,
      logger: context.logger,
      nowMs: () => context.nowMs(),
      monotonicMs: () => context.monotonicMs(),
      change: (reason, groupId, change) => context.write(reason, (shard) => {
        const group = shard.group(groupId)
        return group instanceof ClassicGroup ? { response: undefined, ...change(group) } : NOTHING
      }, groupId),
    })
  }

  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  groups(): IterableIterator<Group> {
    return this.#groups.values()
  }

  // ---- the log ----

  replay(offset: bigint, producerId: bigint, { key, value }: CoordinatorRecord): void {
    const type = recordPrefix(key)
    if (type === GROUP_METADATA_KEY) this.#replayGroupMetadata(key, value)
    else if ((OFFSET_COMMIT_KEYS as readonly number[]).includes(type)) this.#replayOffsetCommit(type, offset, producerId, key, value)
    else this.#context.logger.debug('passes over a record of a kind that it does not know', { partition: this.#context.partition, offset, type })
  }

  replayMarker(producerId: bigint, _producerEpoch: number, commit: boolean): void {
    this.offsets.store.replayMarker(producerId, commit)
  }

  onLoaded(): void {
    this.#loaded = true
    for (const group of this.#groups.values()) if (group instanceof ClassicGroup) this.#classic.onLoaded(group)
    this.#scheduleExpiration()
  }

  onUnloaded(): void {
    for (const group of this.#groups.values()) if (group instanceof ClassicGroup) this.#classic.onUnloaded(group, 'NOT_COORDINATOR')
  }

  #replayGroupMetadata(key: Uint8Array, value: Uint8Array | null): void {
    const { group: groupId } = decodeRecord('GroupMetadataKey', key)
    const existing = this.#groups.get(groupId)
    if (value === null) {
      this.#groups.delete(groupId)
      if (existing instanceof ClassicGroup) this.#classic.onUnloaded(existing, 'COORDINATOR_NOT_AVAILABLE')
      if (this.offsets.store.hasGroup(groupId)) this.#groups.set(groupId, new ClassicGroup(groupId))
    } else if (!this.#loaded || !(existing instanceof ClassicGroup)) {
      // A live group wrote this itself and is what it says already.
      this.#groups.set(groupId, this.#classic.fromRecord(groupId, decodeRecord('GroupMetadataValue', value)))
    }
  }

  #replayOffsetCommit(type: number, offset: bigint, producerId: bigint, key: Uint8Array, value: Uint8Array | null): void {
    const { group, topic, partition } = decodeRecord(type === 0 ? 'LegacyOffsetCommitKey' : 'OffsetCommitKey', key)
    if (value === null) {
      this.offsets.store.replayTombstone(group, topic, partition)
      return
    }
    // Offsets without members make a simple group: a classic one without a protocol type.
    if (!this.#groups.has(group)) this.#groups.set(group, new ClassicGroup(group))
    this.offsets.store.replayCommit(producerId, group, topic, partition, decodeOffsetCommit(value, offset))
  }

  // ---- members ----

  join(request: JoinRequest, answer: JoinAnswer): CoordinatorResult<void> {
    const group = this.#groups.get(request.groupId)
    if (group === undefined) return this.#joinNewGroup(request, answer)
    if (!(group instanceof ClassicGroup)) {
      answer({ errorCode: errorCode('INCONSISTENT_GROUP_PROTOCOL'), memberId: '' })
      return NOTHING
    }
    return { response: undefined, ...this.#classic.join(group, request, answer) }
  }

  #joinNewGroup(request: JoinRequest, answer: JoinAnswer): CoordinatorResult<void> {
    if (request.memberId !== '') {
      // It has its id from a group that is no more.
      answer({ errorCode: errorCode('UNKNOWN_MEMBER_ID'), memberId: request.memberId })
      return NOTHING
    }
    const group = new ClassicGroup(request.groupId)
    const change = this.#classic.join(group, request, answer)
    if (group.members.size > 0 || group.pendingJoinMembers.size > 0) this.#groups.set(request.groupId, group)
    return { response: undefined, ...change }
  }

  sync(request: RequestOf<'SyncGroup'>, answer: SyncAnswer): CoordinatorResult<void> {
    const group = this.#groups.get(request.groupId)
    if (group instanceof ClassicGroup) return { response: undefined, ...this.#classic.sync(group, request, answer) }
    answer({ errorCode: errorCode('UNKNOWN_MEMBER_ID') })
    return NOTHING
  }

  heartbeat(request: RequestOf<'Heartbeat'>): ErrorName {
    const group = this.#groups.get(request.groupId)
    return group instanceof ClassicGroup ? this.#classic.heartbeat(group, request) : 'UNKNOWN_MEMBER_ID'
  }

  leave(groupId: string, members: readonly LeavingMember[]): CoordinatorResult<LeftMember[]> {
    const group = this.#groups.get(groupId)
    if (group instanceof ClassicGroup) {
      const left = this.#classic.leave(group, members)
      return { ...left.change, response: left.members }
    }
    const unknown = errorCode('UNKNOWN_MEMBER_ID')
    return { records: [], response: members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode: unknown })) }
  }

  // ---- offsets ----

  commitOffsets(request: CommitRequest, now: number): CoordinatorResult<PartitionResult[][]> {
    const group = this.#groups.get(request.groupId)
    const result = this.offsets.commit(group, request, now)
    // A commit shows that the member lives, as a heartbeat does.
    if (group instanceof ClassicGroup && !request.committer.transactional && group.state !== 'CompletingRebalance') this.#classic.extendSession(group, request.committer.memberId)
    return result
  }

  deleteOffsets(groupId: string, topics: readonly { name: string; partitions: number[] }[]): CoordinatorResult<PartitionResult[][]> {
    const group = this.#groups.get(groupId)
    if (group === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
    return this.offsets.delete(group, topics)
  }

  deleteTopicOffsets(topics: readonly string[]): CoordinatorResult<void> {
    return { records: topics.flatMap((topic) => this.offsets.topicTombstones(topic)), response: undefined }
  }

  // ---- whole groups ----

  deleteGroup(groupId: string): CoordinatorResult<ErrorName> {
    const group = this.#groups.get(groupId)
    if (group === undefined) return { records: [], response: 'GROUP_ID_NOT_FOUND' }
    const error = group.validateDelete()
    if (error !== 'NONE') return { records: [], response: error }
    return { records: [...this.offsets.tombstones(groupId), ...group.tombstones()], response: 'NONE' }
  }

  describe(groupId: string): DescribedGroup {
    const group = this.#groups.get(groupId)
    if (!(group instanceof ClassicGroup)) {
      return { groupId, groupState: 'Dead', errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: `Group ${groupId} not found.` }
    }
    const isStable = group.state === 'Stable'
    return {
      groupId,
      groupState: group.state,
      protocolType: group.protocolType,
      protocolData: isStable ? (group.protocolName ?? '') : '',
      members: [...group.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isStable ? member.metadata(group.protocolName) : EMPTY,
        memberAssignment: member.assignment,
      })),
    }
  }

  #scheduleExpiration(): void {
    this.#context.timers.set(EXPIRATION_TIMER, this.#settings.offsetsRetentionCheckIntervalMs, () => {
      this.#scheduleExpiration()
      this.#expire(this.#context.nowMs())
    })
  }

  /** Looks first and writes only for groups where something has expired, each in its turn. */
  #expire(nowMs: number): void {
    for (const group of this.#groups.values()) {
      const { records, allExpired } = this.offsets.expire(group, nowMs)
      if (records.length === 0 && !(allExpired && group.isEmpty())) continue
      this.#context.write('offsets expire', (shard, now) => {
        const current = shard.group(group.groupId)
        if (current === undefined) return NOTHING
        const expired = shard.offsets.expire(current, now)
        const isGone = expired.allExpired && current.isEmpty()
        return { records: isGone ? [...expired.records, ...current.tombstones()] : expired.records, response: undefined }
      }, group.groupId)
    }
  }
}

const EMPTY = new Uint8Array(0)
const NOTHING: CoordinatorResult<void> = { records: [], response: undefined }
