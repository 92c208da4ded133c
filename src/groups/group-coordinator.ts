// The group coordinator of this broker: finds the shard a group lives in, runs operations on it, and turns failures into
// what the client is told. Answers that need nothing written come at once.

import type { BatchProducer, CoordinatorLog } from '../coordinator/coordinator-log.ts'
import { CoordinatorRuntime } from '../coordinator/coordinator-runtime.ts'
import { partitionForKey } from '../coordinator/key-partition.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { ERRORS, errorCode, KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { LeavingMember, LeftMember } from './classic/classic-groups.ts'
import type { JoinRequest } from './classic/classic-join.ts'
import type { JoinResponse, SyncResponse } from './classic/classic-member.ts'
import { RANGE_ASSIGNOR } from './consumer/assignors/range.ts'
import { UNIFORM_ASSIGNOR } from './consumer/assignors/uniform.ts'
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse, DescribedConsumerGroup } from './consumer/consumer-groups.ts'
import { TopicRegexes } from './consumer/topic-regex.ts'
import { validateHeartbeat } from './consumer/validate-heartbeat.ts'
import { OFFSETS_TOPIC } from './group-records.ts'
import type { GroupConfig, GroupSettings } from './group-settings.ts'
import { GroupShard } from './group-shard.ts'
import type { DeletedTopic, DescribedGroup } from './group-shard.ts'
import type { GroupSummary } from './group-summary.ts'
import { summarizeGroup } from './group-summary.ts'
import type { CommitRequest, FetchedGroup, FetchGroup, FetchTopic, PartitionResult } from './offsets/offset-manager.ts'
import { operationErrorName } from './operation-errors.ts'
import { ShareCoordination } from './share/share-coordination.ts'
import type { AlteredShareOffsets, DeletedShareOffsets, DescribedShareOffsets } from './share/share-coordination.ts'
import type { DescribedShareGroup, ShareHeartbeatRequest, ShareHeartbeatResponse } from './share/share-groups.ts'
import type { ShareStates } from './share/share-states.ts'
import { validateShareHeartbeat } from './share/validate-share-heartbeat.ts'
import type { DescribedStreamsGroup } from './streams/streams-description.ts'
import type { StreamsHeartbeatRequest, StreamsHeartbeatResponse } from './streams/streams-groups.ts'
import type { InternalTopic } from './streams/topology.ts'
import { validateStreamsHeartbeat } from './streams/validate-streams-heartbeat.ts'
import type { TopicLookup } from './topic-lookup.ts'
import { ZERO_UUID } from '../shared/uuid.ts'

export type GroupCoordinatorDeps = {
  readonly log: CoordinatorLog
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: GroupSettings
  readonly topics: TopicLookup
  /** Begins to create the internal topics of a streams application; failures are the implementer's to log. */
  createTopics(topics: readonly InternalTopic[]): void
  /** What is set for one group alone; nothing by default. */
  groupConfig?(groupId: string): GroupConfig
  /** The share coordinator, for share groups. */
  readonly shareStates: ShareStates
  /** Where the committed records of a partition end; an error's name where nobody can say. */
  latestOffset(topic: string, partition: number): Promise<bigint | ErrorName>
}

const ASSIGNORS = [UNIFORM_ASSIGNOR, RANGE_ASSIGNOR]

export type ListedGroup = NonNullable<Encodable<ResponseOf<'ListGroups'>>['groups']>[number]

export class GroupCoordinator {
  readonly #deps: GroupCoordinatorDeps
  readonly #runtime: CoordinatorRuntime<GroupShard>
  readonly #regexes = new TopicRegexes()
  readonly #share: ShareCoordination

  constructor(deps: GroupCoordinatorDeps) {
    this.#deps = deps
    const assignors = deps.settings.consumerAssignors.flatMap((name) => ASSIGNORS.filter((assignor) => assignor.name === name))
    const shardDeps = { settings: deps.settings, topics: deps.topics, regexes: this.#regexes, assignors, groupConfig: (groupId: string) => deps.groupConfig?.(groupId) ?? {} }
    this.#runtime = new CoordinatorRuntime<GroupShard>({
      topic: OFFSETS_TOPIC, log: deps.log, timers: deps.timers, clock: deps.clock, logger: deps.logger,
      writeTimeoutMs: deps.settings.offsetsCommitTimeoutMs,
      createShard: (_partition, context) => new GroupShard(context, shardDeps),
    })
    this.#share = new ShareCoordination({
      states: deps.shareStates, topics: deps.topics, logger: deps.logger,
      latestOffset: (topic, partition) => deps.latestOffset(topic, partition),
      read: (groupId, look) => this.#runtime.read(this.partitionFor(groupId), (shard) => look(shard.group(groupId))),
      change: (groupId, change) => this.#runtime.write(this.partitionFor(groupId), (shard) => change(shard.group(groupId)), null, groupId),
    })
  }

  /** This broker leads the partition of `__consumer_offsets` from now on; resolves when its groups are there. */
  load(partition: number, leaderEpoch: number): Promise<void> {
    return this.#runtime.load(partition, leaderEpoch)
  }

  unload(partition: number): void {
    this.#runtime.unload(partition)
  }

  close(): void {
    for (const partition of this.#runtime.partitions()) this.#runtime.unload(partition)
  }

  /** The partition of `__consumer_offsets` that keeps the group; -1 while there is no such topic. */
  partitionFor(groupId: string): number {
    return partitionForKey(groupId, this.#deps.topics.byName(OFFSETS_TOPIC)?.partitionCount ?? 0)
  }

  joinGroup(request: JoinRequest): Promise<JoinResponse> {
    const { groupId, memberId, sessionTimeoutMs } = request
    const { settings } = this.#deps
    const refuse = (error: ErrorName): JoinResponse => ({ errorCode: errorCode(error), memberId })
    if (groupId === '') return Promise.resolve(refuse('INVALID_GROUP_ID'))
    if (sessionTimeoutMs < settings.groupMinSessionTimeoutMs || sessionTimeoutMs > settings.groupMaxSessionTimeoutMs) {
      return Promise.resolve(refuse('INVALID_SESSION_TIMEOUT'))
    }
    return new Promise((resolve) => {
      const join = async (): Promise<void> => {
        const outcome = await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.join(request, resolve), null, groupId)
        if (outcome === 'once more') await join()
      }
      join().catch((error: unknown) => resolve(refuse(this.#outcome('JoinGroup', groupId, error))))
    })
  }

  syncGroup(request: RequestOf<'SyncGroup'>): Promise<SyncResponse> {
    const { groupId } = request
    if (groupId === '') return Promise.resolve({ errorCode: errorCode('INVALID_GROUP_ID') })
    return new Promise((resolve) => {
      this.#runtime.write(this.partitionFor(groupId), (shard) => shard.sync(request, resolve), null, groupId)
        .catch((error: unknown) => resolve({ errorCode: errorCode(this.#outcome('SyncGroup', groupId, error)) }))
    })
  }

  heartbeat(request: RequestOf<'Heartbeat'>): ErrorName {
    if (request.groupId === '') return 'INVALID_GROUP_ID'
    try {
      return this.#runtime.read(this.partitionFor(request.groupId), (shard) => shard.heartbeat(request))
    } catch (error) {
      const outcome = this.#outcome('Heartbeat', request.groupId, error)
      // Sessions begin anew once the group is loaded; until then nobody has to do anything.
      return outcome === 'COORDINATOR_LOAD_IN_PROGRESS' ? 'NONE' : outcome
    }
  }

  async consumerGroupHeartbeat(request: ConsumerHeartbeatRequest, apiVersion: number): Promise<ConsumerHeartbeatResponse> {
    const { groupId, subscribedTopicRegex } = request
    try {
      validateHeartbeat(request, apiVersion, this.#deps.settings.consumerAssignors)
      if (subscribedTopicRegex !== null && subscribedTopicRegex !== '') {
        await this.#regexes.load()
        this.#regexes.compile(subscribedTopicRegex)
      }
      return await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.consumerHeartbeat(request), null, groupId)
    } catch (error) {
      return this.#failed('ConsumerGroupHeartbeat', groupId, error)
    }
  }

  describeConsumerGroup(groupId: string): DescribedConsumerGroup {
    if (groupId === '') return { groupId, errorCode: errorCode('INVALID_GROUP_ID') }
    try {
      return this.#runtime.read(this.partitionFor(groupId), (shard) => shard.describeConsumer(groupId))
    } catch (error) {
      return { groupId, ...this.#failed('ConsumerGroupDescribe', groupId, error) }
    }
  }

  async streamsGroupHeartbeat(request: StreamsHeartbeatRequest): Promise<StreamsHeartbeatResponse> {
    const { groupId } = request
    try {
      validateStreamsHeartbeat(request)
      const { response, missingTopics } = await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.streamsHeartbeat(request), null, groupId)
      if (missingTopics.length > 0) this.#deps.createTopics(missingTopics)
      return response
    } catch (error) {
      return this.#failed('StreamsGroupHeartbeat', groupId, error)
    }
  }

  describeStreamsGroup(groupId: string): DescribedStreamsGroup {
    if (groupId === '') return { groupId, errorCode: errorCode('INVALID_GROUP_ID') }
    try {
      return this.#runtime.read(this.partitionFor(groupId), (shard) => shard.describeStreams(groupId))
    } catch (error) {
      return { groupId, ...this.#failed('StreamsGroupDescribe', groupId, error) }
    }
  }

  async shareGroupHeartbeat(request: ShareHeartbeatRequest): Promise<ShareHeartbeatResponse> {
    const { groupId } = request
    try {
      validateShareHeartbeat(request)
      const { response, begun, stateEpoch } = await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.shareHeartbeat(request), null, groupId)
      // The member does not wait: it gets the partitions with a later heartbeat.
      if (begun.size > 0) this.#share.initialize(groupId, begun, stateEpoch).catch((error: unknown) => this.#outcome('InitializeShareGroupState', groupId, error))
      return response
    } catch (error) {
      return this.#failed('ShareGroupHeartbeat', groupId, error)
    }
  }

  describeShareGroup(groupId: string): DescribedShareGroup {
    if (groupId === '') return { groupId, errorCode: errorCode('INVALID_GROUP_ID') }
    try {
      return this.#runtime.read(this.partitionFor(groupId), (shard) => shard.describeShare(groupId))
    } catch (error) {
      return { groupId, ...this.#failed('ShareGroupDescribe', groupId, error) }
    }
  }

  async describeShareOffsets(request: RequestOf<'DescribeShareGroupOffsets'>['groups'][number]): Promise<DescribedShareOffsets> {
    try {
      return await this.#share.describeOffsets(request)
    } catch (error) {
      return { groupId: request.groupId, ...this.#failed('DescribeShareGroupOffsets', request.groupId, error) }
    }
  }

  async alterShareOffsets(request: RequestOf<'AlterShareGroupOffsets'>): Promise<AlteredShareOffsets> {
    if (request.groupId === '') return { errorCode: errorCode('INVALID_GROUP_ID'), errorMessage: ERRORS.INVALID_GROUP_ID.message }
    try {
      return await this.#share.alterOffsets(request)
    } catch (error) {
      return this.#failed('AlterShareGroupOffsets', request.groupId, error)
    }
  }

  async deleteShareOffsets(request: RequestOf<'DeleteShareGroupOffsets'>): Promise<DeletedShareOffsets> {
    if (request.groupId === '') return { errorCode: errorCode('INVALID_GROUP_ID'), errorMessage: ERRORS.INVALID_GROUP_ID.message }
    try {
      return await this.#share.deleteOffsets(request)
    } catch (error) {
      return this.#failed('DeleteShareGroupOffsets', request.groupId, error)
    }
  }

  async leaveGroup(groupId: string, members: readonly LeavingMember[]): Promise<{ error: ErrorName; members: LeftMember[] }> {
    if (groupId === '') return { error: 'INVALID_GROUP_ID', members: [] }
    try {
      return { error: 'NONE', members: await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.leave(groupId, members), null, groupId) }
    } catch (error) {
      return { error: this.#outcome('LeaveGroup', groupId, error), members: [] }
    }
  }

  /** Commits offsets of partitions that exist; with a producer as part of its transaction. Per topic and partition, in the order of the request. */
  async commitOffsets(request: CommitRequest, producer: BatchProducer | null = null): Promise<PartitionResult[][]> {
    const refuse = (error: ErrorName): PartitionResult[][] => request.topics.map(({ partitions }) => partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCode(error) })))
    // Without a transaction the empty name is one that old clients keep offsets under.
    if (producer !== null && request.groupId === '') return refuse('INVALID_GROUP_ID')
    try {
      return await this.#runtime.write(this.partitionFor(request.groupId), (shard, now) => shard.commitOffsets(request, now), producer)
    } catch (error) {
      return refuse(this.#outcome('OffsetCommit', request.groupId, error))
    }
  }

  fetchOffsets(request: FetchGroup, topics: readonly FetchTopic[] | null, requireStable: boolean): FetchedGroup {
    const { groupId } = request
    try {
      return this.#runtime.read(this.partitionFor(groupId), (shard) =>
        shard.offsets.fetch(shard.group(groupId), request, topics, requireStable, (name) => this.#deps.topics.byName(name)?.id ?? ZERO_UUID))
    } catch (error) {
      return { groupId, errorCode: errorCode(this.#outcome('OffsetFetch', groupId, error)), topics: [] }
    }
  }

  /** Throws a KafkaError for what concerns the whole request. */
  async deleteOffsets(groupId: string, topics: readonly { name: string; partitions: number[] }[]): Promise<PartitionResult[][]> {
    if (groupId === '') throw new KafkaError('INVALID_GROUP_ID')
    try {
      return await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.deleteOffsets(groupId, topics))
    } catch (error) {
      throw new KafkaError(this.#outcome('OffsetDelete', groupId, error))
    }
  }

  async deleteGroup(groupId: string): Promise<ErrorName> {
    try {
      const error = await this.#share.deleteStates(groupId)
      if (error !== 'NONE') return error
      return await this.#runtime.write(this.partitionFor(groupId), (shard) => shard.deleteGroup(groupId), null, groupId)
    } catch (error) {
      return this.#outcome('DeleteGroups', groupId, error)
    }
  }

  describeGroup(groupId: string): DescribedGroup {
    try {
      return this.#runtime.read(this.partitionFor(groupId), (shard) => shard.describe(groupId))
    } catch (error) {
      return { groupId, errorCode: errorCode(this.#outcome('DescribeGroups', groupId, error)) }
    }
  }

  /** All groups of this coordinator; throws COORDINATOR_LOAD_IN_PROGRESS while they are not all there. */
  listGroups(): ListedGroup[] {
    if (this.#runtime.isLoading()) throw new KafkaError('COORDINATOR_LOAD_IN_PROGRESS')
    return this.#runtime.shards().flatMap((shard) => [...shard.groups()].map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type })))
  }

  /** Every loaded group with its members and committed offsets, for tools and metrics. */
  listGroupsWithOffsets(): GroupSummary[] {
    return this.#runtime.shards().flatMap((shard) => [...shard.groups()].map((group) => summarizeGroup(group, shard.offsets.store, this.#deps.topics)))
  }

  /** Their offsets go too, so that a topic of the same name begins anew. */
  async onTopicsDeleted(topics: readonly DeletedTopic[]): Promise<void> {
    await Promise.all(this.#runtime.partitions().map(async (partition) => {
      try {
        await this.#runtime.write(partition, (shard) => shard.deleteTopics(topics))
      } catch (error) {
        this.#deps.logger.warn('could not delete the offsets of deleted topics', { partition, topics: topics.map(({ name }) => name), error: errorMessage(error) })
      }
    }))
  }

  /** Ends a transaction in a partition of `__consumer_offsets`: its offsets count from now on, or never. */
  completeTransaction(partition: number, producerId: bigint, producerEpoch: number, coordinatorEpoch: number, commit: boolean, bumpsEpoch: boolean): Promise<void> {
    return this.#runtime.completeTransaction(partition, producerId, producerEpoch, coordinatorEpoch, commit, bumpsEpoch)
  }

  #failed(operation: string, groupId: string, error: unknown): { errorCode: number; errorMessage: string } {
    const name = this.#outcome(operation, groupId, error)
    return { errorCode: errorCode(name), errorMessage: error instanceof KafkaError ? error.message : ERRORS[name].message }
  }

  #outcome(operation: string, groupId: string, error: unknown): ErrorName {
    const name = operationErrorName(error)
    if (name === 'UNKNOWN_SERVER_ERROR') this.#deps.logger.error('an operation on a group has failed', { operation, groupId, error: error instanceof Error ? (error.stack ?? error.message) : error })
    return name
  }
}
