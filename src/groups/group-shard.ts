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
import { ClassicProtocol } from './consumer/classic-protocol.ts'
import type { Assignor } from './consumer/assignors/assignor.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { ConsumerGroups } from './consumer/consumer-groups.ts'
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse, DescribedConsumerGroup } from './consumer/consumer-groups.ts'
import { isConsumerRecord, replayConsumerRecord } from './consumer/consumer-replay.ts'
import type { ReplayedGroups } from './consumer/consumer-replay.ts'
import type { TopicRegexes } from './consumer/topic-regex.ts'
import { decodeOffsetCommit, GROUP_METADATA_KEY, OFFSET_COMMIT_KEYS } from './group-records.ts'
import type { GroupConfig, GroupSettings } from './group-settings.ts'
import type { Group } from './group.ts'
import { ShareGroup } from './share/share-group.ts'
import { ShareGroups } from './share/share-groups.ts'
import type { DescribedShareGroup, ShareHeartbeatRequest, ShareHeartbeatResult } from './share/share-groups.ts'
import { withoutTopics } from './share/share-partitions.ts'
import { sharePartitionsRecord } from './share/share-records.ts'
import { isShareRecord, replayShareRecord } from './share/share-replay.ts'
import type { ReplayedShareGroups } from './share/share-replay.ts'
import type { DescribedStreamsGroup } from './streams/streams-description.ts'
import { StreamsGroup } from './streams/streams-group.ts'
import { StreamsGroups } from './streams/streams-groups.ts'
import type { StreamsHeartbeatRequest, StreamsHeartbeatResult } from './streams/streams-groups.ts'
import { isStreamsRecord, replayStreamsRecord } from './streams/streams-replay.ts'
import type { ReplayedStreamsGroups } from './streams/streams-replay.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { TopicLookup } from './topic-lookup.ts'
import type { CommitRequest, PartitionResult } from './offsets/offset-manager.ts'
import { OffsetManager } from './offsets/offset-manager.ts'

const EXPIRATION_TIMER = 'expire-offsets'

export type DescribedGroup = NonNullable<Encodable<ResponseOf<'DescribeGroups'>>['groups']>[number]

export type DeletedTopic = { readonly name: string; readonly id: Uuid }

export type GroupShardDeps = {
  readonly settings: GroupSettings
  readonly topics: TopicLookup
  readonly regexes: TopicRegexes
  readonly assignors: readonly Assignor[]
  groupConfig(groupId: string): GroupConfig
}

export class GroupShard implements CoordinatorShard {
  readonly offsets: OffsetManager
  readonly #context: ShardContext<GroupShard>
  readonly #deps: GroupShardDeps
  readonly #groups = new Map<string, Group>()
  readonly #classic: ClassicGroups
  readonly #consumer: ConsumerGroups
  readonly #classicProtocol: ClassicProtocol
  readonly #streams: StreamsGroups
  readonly #share: ShareGroups
  #loaded = false

  constructor(context: ShardContext<GroupShard>, deps: GroupShardDeps) {
    this.#context = context
    this.#deps = deps
    this.offsets = new OffsetManager(deps.settings)
    const surroundings = {
      settings: deps.settings,
      timers: context.timers,
      logger: context.logger,
      nowMs: () => context.nowMs(),
      monotonicMs: () => context.monotonicMs(),
    }
    this.#classic = new ClassicGroups({
      ...surroundings,
      change: (reason, groupId, change) => context.write(reason, (shard) => {
        const group = shard.group(groupId)
        return group instanceof ClassicGroup ? { response: undefined, ...change(group) } : NOTHING
      }, groupId),
    })
    const consumerDeps = {
      ...surroundings,
      topics: deps.topics,
      regexes: deps.regexes,
      assignors: deps.assignors,
      groupConfig: (groupId: string) => deps.groupConfig(groupId),
      change: (reason: string, groupId: string, change: (group: ConsumerGroup) => CoordinatorResult<void>) => context.write(reason, (shard) => {
        const group = shard.group(groupId)
        return group instanceof ConsumerGroup ? change(group) : NOTHING
      }, groupId),
      onDowngraded: (group: ClassicGroup) => this.#onDowngraded(group),
    }
    this.#consumer = new ConsumerGroups(consumerDeps)
    this.#classicProtocol = new ClassicProtocol(consumerDeps, this.#consumer)
    this.#streams = new StreamsGroups({
      ...surroundings,
      topics: deps.topics,
      groupConfig: (groupId) => deps.groupConfig(groupId),
      groupOf: (groupId) => this.#streamsGroup(groupId),
      change: (reason, groupId, change) => context.write(reason, (shard) => {
        const group = shard.group(groupId)
        return group instanceof StreamsGroup ? change(group) : NOTHING
      }, groupId),
    })
    this.#share = new ShareGroups({
      ...surroundings,
      topics: deps.topics,
      groupConfig: (groupId) => deps.groupConfig(groupId),
      groupOf: (groupId) => this.#shareGroup(groupId),
      change: (reason, groupId, change) => context.write(reason, (shard) => {
        const group = shard.group(groupId)
        return group instanceof ShareGroup ? change(group) : NOTHING
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
    else if (isConsumerRecord(type)) replayConsumerRecord(this.#modernGroups(), type, key, value)
    else if (isStreamsRecord(type)) replayStreamsRecord(this.#modernGroups(), type, key, value)
    else if (isShareRecord(type)) replayShareRecord(this.#modernGroups(), type, key, value)
    else this.#context.logger.debug('passes over a record of a kind that it does not know', { partition: this.#context.partition, offset, type })
  }

  replayMarker(producerId: bigint, _producerEpoch: number, commit: boolean): void {
    this.offsets.store.replayMarker(producerId, commit)
  }

  onLoaded(): void {
    this.#loaded = true
    for (const group of this.#groups.values()) {
      if (group instanceof ClassicGroup) this.#classic.onLoaded(group)
      else if (group instanceof ConsumerGroup) this.#consumer.onLoaded(group)
      else if (group instanceof StreamsGroup) this.#streams.onLoaded(group)
      else if (group instanceof ShareGroup) this.#share.onLoaded(group)
    }
    this.#scheduleExpiration()
  }

  onUnloaded(): void {
    for (const group of this.#groups.values()) if (group instanceof ClassicGroup) this.#classic.onUnloaded(group, 'NOT_COORDINATOR')
  }

  /** Where records of modern groups find their group: one of another kind of that id was removed by the records before. */
  #modernGroups(): ReplayedGroups & ReplayedStreamsGroups & ReplayedShareGroups {
    return {
      consumerGroup: (groupId, create) => {
        const existing = this.#groups.get(groupId)
        if (existing instanceof ConsumerGroup || !create) return existing instanceof ConsumerGroup ? existing : undefined
        if (existing instanceof ClassicGroup) this.#classic.onUnloaded(existing, 'REBALANCE_IN_PROGRESS')
        const created = new ConsumerGroup(groupId)
        this.#groups.set(groupId, created)
        return created
      },
      remove: (group) => {
        this.#consumer.onRemoved(group)
        this.#forget(group.groupId)
      },
      streamsGroup: (groupId, create) => {
        const existing = this.#groups.get(groupId)
        if (existing instanceof StreamsGroup || !create) return existing instanceof StreamsGroup ? existing : undefined
        const created = new StreamsGroup(groupId)
        this.#groups.set(groupId, created)
        return created
      },
      removeStreams: (group) => {
        this.#streams.onRemoved(group)
        this.#forget(group.groupId)
      },
      shareGroup: (groupId, create) => {
        const existing = this.#groups.get(groupId)
        if (existing instanceof ShareGroup || !create) return existing instanceof ShareGroup ? existing : undefined
        const created = new ShareGroup(groupId)
        this.#groups.set(groupId, created)
        return created
      },
      removeShare: (group) => {
        this.#share.onRemoved(group)
        this.#forget(group.groupId)
      },
      onRegex: () => {
        this.#deps.regexes.load().catch((error: unknown) => this.#context.logger.error('regular expressions cannot be loaded', { error }))
      },
    }
  }

  /** Offsets that are left make a simple group. */
  #forget(groupId: string): void {
    if (this.offsets.store.hasGroup(groupId)) this.#groups.set(groupId, new ClassicGroup(groupId))
    else this.#groups.delete(groupId)
  }

  #onDowngraded(group: ClassicGroup): void {
    const { groupId } = group
    this.#groups.set(groupId, group)
    this.#classic.onDowngraded(group)
  }

  #replayGroupMetadata(key: Uint8Array, value: Uint8Array | null): void {
    const { group: groupId } = decodeRecord('GroupMetadataKey', key)
    const existing = this.#groups.get(groupId)
    if (value === null) {
      if (existing instanceof ClassicGroup) {
        this.#classic.onUnloaded(existing, 'COORDINATOR_NOT_AVAILABLE')
        this.#forget(groupId)
      }
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

  /** 'once more' where the request is to be sent again, because the group had to be made another first. */
  join(request: JoinRequest, answer: JoinAnswer): CoordinatorResult<'done' | 'once more'> {
    const group = this.#groups.get(request.groupId)
    // An empty group of another kind gives way.
    if (group !== undefined && !(group instanceof ClassicGroup) && group.isEmpty()) return { records: group.tombstones(), response: 'once more' }
    return { ...this.#join(group, request, answer), response: 'done' }
  }

  #join(group: Group | undefined, request: JoinRequest, answer: JoinAnswer): Omit<CoordinatorResult<void>, 'response'> {
    if (group === undefined) return this.#joinNewGroup(request, answer)
    if (group instanceof ClassicGroup) return this.#classic.join(group, request, answer)
    if (group instanceof ConsumerGroup) return this.#classicProtocol.join(group, request, answer)
    answer({ errorCode: errorCode('INCONSISTENT_GROUP_PROTOCOL'), memberId: '' })
    return NOTHING
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
    if (group instanceof ConsumerGroup) return this.#classicProtocol.sync(group, request, answer)
    answer({ errorCode: errorCode('UNKNOWN_MEMBER_ID') })
    return NOTHING
  }

  heartbeat(request: RequestOf<'Heartbeat'>): ErrorName {
    const group = this.#groups.get(request.groupId)
    if (group instanceof ClassicGroup) return this.#classic.heartbeat(group, request)
    return group instanceof ConsumerGroup ? this.#classicProtocol.heartbeat(group, request) : 'UNKNOWN_MEMBER_ID'
  }

  leave(groupId: string, members: readonly LeavingMember[]): CoordinatorResult<LeftMember[]> {
    const group = this.#groups.get(groupId)
    if (group instanceof ClassicGroup) {
      const left = this.#classic.leave(group, members)
      return { ...left.change, response: left.members }
    }
    if (group instanceof ConsumerGroup) return this.#classicProtocol.leave(group, members)
    const unknown = errorCode('UNKNOWN_MEMBER_ID')
    return { records: [], response: members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode: unknown })) }
  }

  consumerHeartbeat(request: ConsumerHeartbeatRequest): CoordinatorResult<ConsumerHeartbeatResponse> {
    const group = this.#groups.get(request.groupId)
    if (group !== undefined && !(group instanceof ConsumerGroup) && !(group instanceof ClassicGroup)) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${request.groupId} is not a consumer group.`)
    return this.#consumer.heartbeat(group, request)
  }

  describeConsumer(groupId: string): DescribedConsumerGroup {
    const group = this.#groups.get(groupId)
    if (group instanceof ConsumerGroup) return this.#consumer.describe(group)
    return { groupId, errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a consumer group.` }
  }

  streamsHeartbeat(request: StreamsHeartbeatRequest): CoordinatorResult<StreamsHeartbeatResult> {
    const group = this.#groups.get(request.groupId)
    if (group === undefined || group instanceof StreamsGroup) return this.#streams.heartbeat(group, request)
    // An empty classic group, or one of offsets alone, gives way.
    if (group instanceof ClassicGroup && group.isEmpty() && request.memberEpoch === 0) return this.#streams.heartbeat(undefined, request, group.tombstones())
    throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${request.groupId} is not a streams group.`)
  }

  describeStreams(groupId: string): DescribedStreamsGroup {
    const group = this.#groups.get(groupId)
    if (group instanceof StreamsGroup) return this.#streams.describe(group)
    return { groupId, errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a streams group.` }
  }

  #streamsGroup(groupId: string): StreamsGroup | undefined {
    const group = this.#groups.get(groupId)
    return group instanceof StreamsGroup ? group : undefined
  }

  shareHeartbeat(request: ShareHeartbeatRequest): CoordinatorResult<ShareHeartbeatResult> {
    const group = this.#groups.get(request.groupId)
    if (group === undefined || group instanceof ShareGroup) return this.#share.heartbeat(group, request)
    throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${request.groupId} is not a share group.`)
  }

  describeShare(groupId: string): DescribedShareGroup {
    const group = this.#groups.get(groupId)
    if (group instanceof ShareGroup) return this.#share.describe(group)
    return { groupId, errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a share group.` }
  }

  #shareGroup(groupId: string): ShareGroup | undefined {
    const group = this.#groups.get(groupId)
    return group instanceof ShareGroup ? group : undefined
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

  deleteTopics(topics: readonly DeletedTopic[]): CoordinatorResult<void> {
    const topicIds = new Set(topics.map(({ id }) => id))
    const records = topics.flatMap(({ name }) => this.offsets.topicTombstones(name))
    for (const group of this.#groups.values()) {
      if (!(group instanceof ShareGroup)) continue
      const partitions = withoutTopics(group.partitions, topicIds)
      if (partitions !== group.partitions) records.push(sharePartitionsRecord(group.groupId, partitions))
    }
    return { records, response: undefined }
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
      return { groupId, groupState: 'Dead', errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.` }
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
    this.#context.timers.set(EXPIRATION_TIMER, this.#deps.settings.offsetsRetentionCheckIntervalMs, () => {
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
