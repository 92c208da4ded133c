// Commits, fetches, deletes and expires offsets of one shard. Commits are checked against the group and become records;
// what is answered comes from the store, which replay alone changes.

import type { CoordinatorRecord, CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Committer, Group } from '../group.ts'
import { offsetCommitRecord, offsetCommitTombstone } from '../group-records.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { CommittedOffset } from './offset-store.ts'
import { OffsetStore } from './offset-store.ts'

/** One topic of a commit whose partitions all exist. */
export type TopicCommit = {
  readonly name: string
  readonly topicId: Uuid
  readonly partitions: readonly PartitionCommit[]
}
export type PartitionCommit = {
  readonly partitionIndex: number
  readonly committedOffset: bigint
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}
export type PartitionResult = { partitionIndex: number; errorCode: number }

export type CommitRequest = {
  readonly groupId: string
  readonly committer: Committer
  /** -1 for the broker's own retention (`offsets.retention.minutes`). */
  readonly retentionMs: bigint
  readonly topics: readonly TopicCommit[]
}

export type FetchGroup = RequestOf<'OffsetFetch'>['groups'][number]
export type FetchedGroup = NonNullable<Encodable<ResponseOf<'OffsetFetch'>>['groups']>[number]
type FetchedPartition = NonNullable<NonNullable<FetchedGroup['topics']>[number]['partitions']>[number]
/** A topic asked for, by the name its id stands for; null for an id nobody knows. */
export type FetchTopic = { readonly name: string | null; readonly topicId: Uuid; readonly partitionIndexes: readonly number[] }

/** -1, never 0: "no offset" must not send a consumer to the beginning. */
const NO_OFFSET = { committedOffset: -1n, committedLeaderEpoch: -1, metadata: '' }

export class OffsetManager {
  readonly store = new OffsetStore()
  readonly #settings: GroupSettings

  constructor(settings: GroupSettings) {
    this.#settings = settings
  }

  /** Throws the KafkaError that keeps the whole request from being committed. `group` undefined: there is none yet. */
  commit(group: Group | undefined, { groupId, committer, retentionMs, topics }: CommitRequest, now: number): CoordinatorResult<PartitionResult[][]> {
    this.#validateCommit(group, groupId, committer, topics)
    const records: CoordinatorRecord[] = []
    const tooLarge = errorCode('OFFSET_METADATA_TOO_LARGE')
    const response = topics.map(({ name, topicId, partitions }) => partitions.map((partition) => {
      const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } = partition
      const metadata = committedMetadata ?? ''
      if (metadata.length > this.#settings.offsetMetadataMaxBytes) return { partitionIndex, errorCode: tooLarge }
      records.push(offsetCommitRecord(groupId, name, partitionIndex, {
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata,
        commitTimestampMs: now,
        expireTimestampMs: retentionMs === -1n ? -1 : now + Number(retentionMs),
        topicId,
      }))
      return { partitionIndex, errorCode: 0 }
    }))
    return { records, response }
  }

  /** The offsets of the topics asked for; of all topics where `topics` is null. */
  fetch(group: Group | undefined, request: FetchGroup, topics: readonly FetchTopic[] | null, requireStable: boolean, topicId: (name: string) => Uuid): FetchedGroup {
    const { groupId } = request
    const error = group?.validateOffsetFetch(request.memberId ?? '', request.memberEpoch) ?? 'NONE'
    if (error !== 'NONE') return { groupId, errorCode: errorCode(error), topics: [] }
    const wanted = topics ?? [...(this.store.ofGroup(groupId) ?? [])].map(([name, partitions]) => ({ name, topicId: topicId(name), partitionIndexes: [...partitions.keys()] }))
    return {
      groupId,
      topics: wanted.map(({ name, topicId: id, partitionIndexes }) => ({
        name: name ?? '',
        topicId: id,
        partitions: partitionIndexes.map((partitionIndex) => name === null
          ? { partitionIndex, ...NO_OFFSET, errorCode: errorCode('UNKNOWN_TOPIC_ID') }
          : this.#fetchPartition(groupId, name, id, partitionIndex, requireStable)),
      })),
    }
  }

  #fetchPartition(groupId: string, topic: string, topicId: Uuid, partitionIndex: number, requireStable: boolean): FetchedPartition {
    if (requireStable && this.store.hasPending(groupId, topic, partitionIndex)) {
      return { partitionIndex, ...NO_OFFSET, errorCode: errorCode('UNSTABLE_OFFSET_COMMIT') }
    }
    const found = this.store.get(groupId, topic, partitionIndex)
    // An offset of a topic of the same name that was deleted since says nothing about this one.
    if (found === undefined || isOfOtherTopic(found, topicId)) return { partitionIndex, ...NO_OFFSET, errorCode: 0 }
    return { partitionIndex, committedOffset: found.offset, committedLeaderEpoch: found.leaderEpoch, metadata: found.metadata, errorCode: 0 }
  }

  /** Tombstones for those of the partitions that hold something; topics that members subscribe to are left alone. */
  delete(group: Group, topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]): CoordinatorResult<PartitionResult[][]> {
    const error = group.validateOffsetDelete()
    if (error !== 'NONE') throw new KafkaError(error)
    const records: CoordinatorRecord[] = []
    const subscribed = errorCode('GROUP_SUBSCRIBED_TO_TOPIC')
    const response = topics.map(({ name, partitions }) => {
      const isSubscribed = group.isSubscribedToTopic(name)
      return partitions.map((partitionIndex) => {
        if (isSubscribed) return { partitionIndex, errorCode: subscribed }
        if (this.#has(group.groupId, name, partitionIndex)) records.push(offsetCommitTombstone(group.groupId, name, partitionIndex))
        return { partitionIndex, errorCode: 0 }
      })
    })
    return { records, response }
  }

  /** Tombstones for everything the group has here. */
  tombstones(groupId: string): CoordinatorRecord[] {
    return this.store.allPartitions(groupId).map(([topic, partition]) => offsetCommitTombstone(groupId, topic, partition))
  }

  /** Tombstones for every group's offsets of a topic that is gone. */
  topicTombstones(topic: string): CoordinatorRecord[] {
    return this.store.partitionsOfTopic(topic).flatMap(([groupId, partitions]) => partitions.map((partition) => offsetCommitTombstone(groupId, topic, partition)))
  }

  /** Tombstones for the group's offsets whose retention has passed, and whether nothing of the group is left then. */
  expire(group: Group, now: number): { records: CoordinatorRecord[]; allExpired: boolean } {
    const { groupId } = group
    const records: CoordinatorRecord[] = []
    let allExpired = !this.store.hasOpenTransaction(groupId)
    for (const [topic, partitions] of this.store.ofGroup(groupId) ?? []) {
      const isSubscribed = group.isSubscribedToTopic(topic)
      for (const [partition, offset] of partitions) {
        if (!isSubscribed && this.#isExpired(group, offset, now) && !this.store.hasPending(groupId, topic, partition)) {
          records.push(offsetCommitTombstone(groupId, topic, partition))
        } else allExpired = false
      }
    }
    return { records, allExpired }
  }

  #isExpired(group: Group, offset: CommittedOffset, now: number): boolean {
    const startMs = group.retentionStartMs(offset)
    if (startMs === null) return false
    return offset.expireTimestampMs === -1 ? now - startMs >= this.#settings.offsetsRetentionMs : now >= offset.expireTimestampMs
  }

  #has(groupId: string, topic: string, partition: number): boolean {
    return this.store.get(groupId, topic, partition) !== undefined || this.store.hasPending(groupId, topic, partition)
  }

  #validateCommit(group: Group | undefined, groupId: string, committer: Committer, topics: readonly TopicCommit[]): void {
    if (group !== undefined) {
      const error = group.validateOffsetCommit(committer, topics.flatMap(({ name, topicId, partitions }) => partitions.map(({ partitionIndex }) => ({ topicId, topic: name, partition: partitionIndex }))))
      // TxnOffsetCommit knows no member epochs by that name.
      if (error !== 'NONE') throw new KafkaError(error === 'STALE_MEMBER_EPOCH' && committer.transactional ? 'ILLEGAL_GENERATION' : error)
      return
    }
    // Without a generation it is the Admin client or a consumer without a group: offsets alone make a simple group.
    if (committer.generationIdOrMemberEpoch < 0) return
    if (committer.transactional || committer.apiVersion < 9) throw new KafkaError('ILLEGAL_GENERATION')
    throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
  }
}

function isOfOtherTopic(offset: CommittedOffset, topicId: Uuid): boolean {
  return offset.topicId !== ZERO_UUID && topicId !== ZERO_UUID && offset.topicId !== topicId
}
