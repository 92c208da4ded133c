// What the group coordinator and the share coordinator do together for a share group: partitions that it begins to read are
// initialized, and how far it is in them is told, moved and removed. Each step that must not be forgotten is a record of
// the group before the share coordinator is asked.

import type { CoordinatorResult } from '../../coordinator/coordinator-shard.ts'
import type { Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import type { ErrorName } from '../../protocol/error-codes.ts'
import { ERRORS, errorCode, errorName, KafkaError } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Uuid } from '../../shared/uuid.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { Group } from '../group.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import { ShareGroup } from './share-group.ts'
import { beginDeleting, beginDeletingAll, beginInitializing, difference, finishDeleting, finishInitializing, giveUpInitializing, partitionsOf, union } from './share-partitions.ts'
import type { ShareTopic, ShareTopics } from './share-partitions.ts'
import { sharePartitionsRecord } from './share-records.ts'
import type { DeleteShareTopics, ShareStates } from './share-states.ts'

export type ShareCoordinationDeps = {
  readonly states: ShareStates
  readonly topics: TopicLookup
  readonly logger: Logger
  /** Where the partition's committed records end; the error's name where nobody can say. */
  latestOffset(topic: string, partition: number): Promise<bigint | ErrorName>
  read<R>(groupId: string, look: (group: Group | undefined) => R): R
  /** In the group's turn; resolves once the records are committed. */
  change<R>(groupId: string, change: (group: Group | undefined) => CoordinatorResult<R>): Promise<R>
}

export type DescribedShareOffsets = NonNullable<Encodable<ResponseOf<'DescribeShareGroupOffsets'>>['groups']>[number]
type DescribedTopic = NonNullable<DescribedShareOffsets['topics']>[number]
type DescribedPartition = NonNullable<DescribedTopic['partitions']>[number]
type WantedOffsets = RequestOf<'DescribeShareGroupOffsets'>['groups'][number]
export type AlteredShareOffsets = Encodable<ResponseOf<'AlterShareGroupOffsets'>>
type AlteredTopic = NonNullable<AlteredShareOffsets['responses']>[number]
export type DeletedShareOffsets = Encodable<ResponseOf<'DeleteShareGroupOffsets'>>
type DeletedTopic = NonNullable<DeletedShareOffsets['responses']>[number]

/** The share coordinator finds the offset itself, by the group's `share.auto.offset.reset`. */
const NOT_SET = -1n

export class ShareCoordination {
  readonly #deps: ShareCoordinationDeps

  constructor(deps: ShareCoordinationDeps) {
    this.#deps = deps
  }

  /** Resolves with what failed, by topic and partition; that is tried again when a member next shows up. */
  async initialize(groupId: string, begun: ShareTopics, stateEpoch: number, startOffset: (topicId: Uuid, partition: number) => bigint = () => NOT_SET): Promise<Map<Uuid, Map<number, ErrorName>>> {
    const asked = [...begun].map(([topicId, { partitions }]) => ({ topicId, partitions: [...partitions].map((partition) => ({ partition, stateEpoch, startOffset: startOffset(topicId, partition) })) }))
    const results = await this.#deps.states.initialize(groupId, asked)
    const failures = failuresOf(results)
    const failed = new Map([...failures].map(([topicId, partitions]): [Uuid, ShareTopic] => [topicId, { name: begun.get(topicId)?.name ?? '', partitions: new Set(partitions.keys()) }]))
    if (failed.size > 0) this.#deps.logger.warn('share partitions could not be initialized', { groupId, failures: [...failures].map(([topicId, partitions]) => [topicId, ...partitions]) })
    await this.#deps.change(groupId, (group) => {
      if (!(group instanceof ShareGroup)) return NOTHING
      // What is no longer initializing has been deleted meanwhile, with its topic or by hand.
      const { initializing } = group.partitions
      const done = difference(initializing, difference(initializing, difference(begun, failed)))
      if (done.size === 0 && failed.size === 0) return NOTHING
      return { records: [sharePartitionsRecord(groupId, giveUpInitializing(finishInitializing(group.partitions, done), failed))], response: undefined }
    })
    return failures
  }

  /** Removes all that the share coordinator has of a group without members; NONE where the group itself may go. */
  async deleteStates(groupId: string): Promise<ErrorName> {
    const { states, topics } = this.#deps
    const doomed = await this.#deps.change(groupId, (group): CoordinatorResult<DeleteShareTopics | ErrorName> => {
      if (!(group instanceof ShareGroup)) return { records: [], response: [] }
      const error = group.validateDelete()
      if (error !== 'NONE') return { records: [], response: error }
      const { initializing, initialized, deleting } = group.partitions
      const all = new Map(union(initialized, initializing))
      for (const [topicId, name] of deleting) if (!all.has(topicId)) all.set(topicId, { name, partitions: everyPartition(topics.byId(topicId)?.partitionCount ?? 0) })
      if (all.size === 0) return { records: [], response: [] }
      return { records: [sharePartitionsRecord(groupId, beginDeletingAll(group.partitions))], response: toDelete(all) }
    })
    if (typeof doomed === 'string') return doomed
    if (doomed.length === 0) return 'NONE'
    for (const partitions of failuresOf(await states.delete(groupId, doomed)).values()) for (const error of partitions.values()) return error
    return 'NONE'
  }

  async describeOffsets({ groupId, topics: wanted }: WantedOffsets): Promise<DescribedShareOffsets> {
    const { topics, states, read } = this.#deps
    const names = new Map<Uuid, string>()
    const asked: { topicId: Uuid; partitions: { partition: number; leaderEpoch: number }[] }[] = []
    const unknown: DescribedTopic[] = []
    const ask = (topicId: Uuid, name: string, partitions: Iterable<number>): void => {
      names.set(topicId, name)
      asked.push({ topicId, partitions: [...partitions].map((partition) => ({ partition, leaderEpoch: -1 })) })
    }
    if (wanted === null) {
      const initialized = read(groupId, (group) => (group instanceof ShareGroup ? group.partitions.initialized : new Map<Uuid, ShareTopic>()))
      for (const [topicId, { partitions }] of initialized) {
        const name = topics.byId(topicId)?.name
        if (name !== undefined) ask(topicId, name, partitions)
      }
    } else {
      for (const { topicName, partitions } of wanted) {
        const topic = topics.byName(topicName)
        if (topic !== undefined) ask(topic.id, topicName, partitions)
        else unknown.push({ topicName, topicId: ZERO_UUID, partitions: partitions.map((partitionIndex) => ({ partitionIndex, startOffset: NOT_SET })) })
      }
    }
    if (asked.length === 0) return { groupId, topics: unknown }
    const summaries = await states.readSummary(groupId, asked)
    const described = await Promise.all(summaries.map(async ({ topicId, partitions }) => {
      const topicName = names.get(topicId) ?? ''
      return { topicName, topicId, partitions: await Promise.all(partitions.map((summary) => this.#describePartition(topicName, summary))) }
    }))
    return { groupId, topics: [...described, ...unknown] }
  }

  /** Without a summary there is no error either: to tools such a partition is one that was never read. */
  async #describePartition(topicName: string, summary: ResponseOf<'ReadShareGroupStateSummary'>['results'][number]['partitions'][number]): Promise<DescribedPartition> {
    const { partition: partitionIndex, startOffset, leaderEpoch, deliveryCompleteCount } = summary
    if (summary.errorCode !== 0) return { partitionIndex, startOffset: NOT_SET, leaderEpoch: 0, lag: -1n }
    if (startOffset === NOT_SET || deliveryCompleteCount === -1) return { partitionIndex, startOffset, leaderEpoch, lag: -1n }
    const latest = await this.#deps.latestOffset(topicName, partitionIndex)
    if (typeof latest === 'string') return { partitionIndex, ...problem(latest) }
    return { partitionIndex, startOffset, leaderEpoch, lag: latest - startOffset - BigInt(deliveryCompleteCount) }
  }

  /** Moves a group without members; one that does not exist yet begins there. Throws what concerns the whole request. */
  async alterOffsets({ groupId, topics: wanted }: RequestOf<'AlterShareGroupOffsets'>): Promise<AlteredShareOffsets> {
    const { topics, change, logger } = this.#deps
    const begun = new Map<Uuid, ShareTopic>()
    const offsets = new Map<string, bigint>()
    const responses = wanted.map(({ topicName, partitions }): AlteredTopic => {
      const topic = topics.byName(topicName)
      const known = partitions.filter(({ partitionIndex }) => topic !== undefined && partitionIndex >= 0 && partitionIndex < topic.partitionCount)
      if (topic !== undefined && known.length > 0) begun.set(topic.id, { name: topicName, partitions: new Set([...partitionsOf(begun, topic.id), ...known.map(({ partitionIndex }) => partitionIndex)]) })
      for (const { partitionIndex, startOffset } of known) offsets.set(`${topic?.id}-${partitionIndex}`, startOffset)
      return { topicName, topicId: topic?.id ?? ZERO_UUID, partitions: partitions.map((each) => ({ partitionIndex: each.partitionIndex, ...(known.includes(each) ? {} : problem('UNKNOWN_TOPIC_OR_PARTITION')) })) }
    })
    const stateEpoch = await change(groupId, (group) => {
      if (group !== undefined && !(group instanceof ShareGroup)) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a share group.`)
      const current = group ?? new ShareGroup(groupId)
      if (!current.isEmpty()) throw new KafkaError('NON_EMPTY_GROUP')
      const records = begun.size === 0 ? [] : [sharePartitionsRecord(groupId, beginInitializing(current.partitions, begun))]
      return { records, response: current.groupEpoch }
    })
    if (begun.size === 0) return { responses }
    logger.info('the offsets of a share group are moved', { groupId, topics: [...begun.values()].map(({ name }) => name) })
    const failures = await this.initialize(groupId, begun, stateEpoch, (topicId, partition) => offsets.get(`${topicId}-${partition}`) ?? NOT_SET)
    return {
      responses: responses.map(({ topicName, topicId = ZERO_UUID, partitions = [] }) => ({
        topicName, topicId,
        partitions: partitions.map((partition) => {
          const failure = failures.get(topicId)?.get(partition.partitionIndex ?? -1)
          return failure === undefined ? partition : { partitionIndex: partition.partitionIndex, ...problem(failure) }
        }),
      })),
    }
  }

  /** Forgets whole topics of a group without members. Throws what concerns the whole request. */
  async deleteOffsets({ groupId, topics: wanted }: RequestOf<'DeleteShareGroupOffsets'>): Promise<DeletedShareOffsets> {
    const { topics, states, change } = this.#deps
    const { doomed, refused } = await change(groupId, (group) => {
      if (group === undefined) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
      if (!(group instanceof ShareGroup)) throw new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a share group.`)
      if (!group.isEmpty()) throw new KafkaError('NON_EMPTY_GROUP')
      const { initialized, deleting } = group.partitions
      const found = new Map<Uuid, ShareTopic>()
      const refusals: DeletedTopic[] = []
      for (const { topicName } of wanted) {
        const topic = topics.byName(topicName)
        const known = topic === undefined ? undefined : initialized.get(topic.id)
        if (topic === undefined) refusals.push({ topicName, ...problem('UNKNOWN_TOPIC_OR_PARTITION') })
        else if (known !== undefined) found.set(topic.id, known)
        else if (deleting.has(topic.id)) found.set(topic.id, { name: topicName, partitions: everyPartition(topic.partitionCount) })
        else refusals.push({ topicName, errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: 'There is no offset information to delete.' })
      }
      const records = found.size === 0 ? [] : [sharePartitionsRecord(groupId, beginDeleting(group.partitions, found.keys()))]
      return { records, response: { doomed: found, refused: refusals } }
    })
    if (doomed.size === 0) return { responses: refused }
    const failures = failuresOf(await states.delete(groupId, toDelete(doomed)))
    const gone = [...doomed].filter(([topicId]) => !failures.has(topicId))
    await change(groupId, (group) => {
      if (!(group instanceof ShareGroup) || gone.length === 0) return NOTHING
      return { records: [sharePartitionsRecord(groupId, finishDeleting(group.partitions, gone.map(([topicId]) => topicId)))], response: undefined }
    })
    const failed = [...failures].map(([topicId, partitions]): DeletedTopic => ({ topicId, topicName: doomed.get(topicId)?.name ?? '', ...problem([...partitions.values()][0] ?? 'UNKNOWN_SERVER_ERROR') }))
    return { responses: [...refused, ...failed, ...gone.map(([topicId, { name }]) => ({ topicId, topicName: name }))] }
  }
}

const NOTHING: CoordinatorResult<void> = { records: [], response: undefined }

function failuresOf(results: readonly { readonly topicId: Uuid; readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[] }[]): Map<Uuid, Map<number, ErrorName>> {
  const failures = new Map<Uuid, Map<number, ErrorName>>()
  for (const { topicId, partitions } of results) {
    const failed = partitions.filter((partition) => partition.errorCode !== 0)
    if (failed.length > 0) failures.set(topicId, new Map(failed.map((partition) => [partition.partition, errorName(partition.errorCode)])))
  }
  return failures
}

function toDelete(topics: ShareTopics): DeleteShareTopics {
  return [...topics].map(([topicId, { partitions }]) => ({ topicId, partitions: [...partitions].map((partition) => ({ partition })) }))
}

function everyPartition(count: number): ReadonlySet<number> {
  return new Set(Array.from({ length: count }, (_, partition) => partition))
}

function problem(name: ErrorName): { errorCode: number; errorMessage: string } {
  return { errorCode: errorCode(name), errorMessage: ERRORS[name].message }
}
