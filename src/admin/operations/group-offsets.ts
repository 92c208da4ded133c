import type { ApiCaller } from '../../broker/api.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { OffsetReset, ResetOffset, ResetOffsets } from '../schemas/groups.ts'
import { EARLIEST, findOffsets, groupByTopic, LATEST, partitionKey, type FoundOffset, type PartitionRef } from './offsets.ts'
import { expectNoError, jsonInteger } from './outcome.ts'
import { alterShareOffsets, describeShareOffsets } from './share-groups.ts'
import { describeTopics } from './topics.ts'

export type CommittedOffset = PartitionRef & { offset: bigint; leaderEpoch: number; metadata: string }

/** Group ids of a generation and member that stand for "no member": a commit by a tool. */
const NO_GENERATION = -1
const NO_MEMBER = ''

/** What the group has committed, by topic and partition; partitions without a commit are left out. */
export async function fetchGroupOffsets(caller: ApiCaller, groupId: string): Promise<CommittedOffset[]> {
  const response = await caller.call('OffsetFetch', { groups: [{ groupId, memberId: null, memberEpoch: -1, topics: null }], requireStable: false })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, null, `offsets of group ${groupId}`)
  const names = group!.topics.some(topic => topic.name === '') ? await topicNamesById(caller) : new Map<string, string>()
  return group!.topics.flatMap(topic =>
    topic.partitions.filter(partition => partition.committedOffset >= 0n).map(partition => ({
      topic: topic.name || names.get(topic.topicId) || topic.topicId,
      partition: partition.partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.metadata ?? '',
    })))
}

/**
 * Computes and, unless it is a dry run, commits new offsets. Offsets outside the log move to its nearer end, a timestamp
 * beyond the last record to the end. Throws NON_EMPTY_GROUP while the group has members: they would commit over it. What
 * a share group commits is where its partitions begin; records before that are done with.
 */
export async function resetGroupOffsets(caller: ApiCaller, groupId: string, reset: OffsetReset, now: number): Promise<ResetOffsets> {
  const isShare = (await findGroup(caller, groupId))?.groupType.toLowerCase() === 'share'
  const before = isShare ? await shareStarts(caller, groupId) : await committedOrNone(caller, groupId)
  const committed = new Map(before.map(offset => [partitionKey(offset.topic, offset.partition), offset.offset]))
  const partitions = await partitionsToReset(caller, reset.topics, committed)
  const bounds = await findBounds(caller, partitions)
  const offsets = await newOffsets(caller, partitions, reset.to, committed, bounds, now)
  const dryRun = reset.dryRun ?? false
  if (!dryRun && offsets.length > 0) {
    await expectEmpty(caller, groupId)
    await (isShare ? alterShareOffsets(caller, groupId, offsets) : commitOffsets(caller, groupId, offsets))
  }
  return { groupId, dryRun, offsets }
}

/** Forgets the group's offsets of these partitions. Throws GROUP_SUBSCRIBED_TO_TOPIC while a member reads the topic. */
export async function deleteGroupOffsets(caller: ApiCaller, groupId: string, partitions: readonly PartitionRef[]): Promise<void> {
  const topics = groupByTopic(partitions, ({ partition }) => ({ partitionIndex: partition })).map(({ topic, partitions: listed }) => ({ name: topic, partitions: listed }))
  const response = await caller.call('OffsetDelete', { groupId, topics })
  expectNoError(response.errorCode, null, `group ${groupId}`)
  for (const topic of response.topics) {
    for (const partition of topic.partitions) expectNoError(partition.errorCode, null, `partition ${topic.name}-${partition.partitionIndex}`)
  }
}

/** Resetting may begin a group, so one that does not exist has no offsets. */
async function committedOrNone(caller: ApiCaller, groupId: string): Promise<CommittedOffset[]> {
  try {
    return await fetchGroupOffsets(caller, groupId)
  } catch (error) {
    if (error instanceof KafkaError && error.errorName === 'GROUP_ID_NOT_FOUND') return []
    throw error
  }
}

async function partitionsToReset(caller: ApiCaller, topics: OffsetReset['topics'], committed: ReadonlyMap<string, bigint>): Promise<PartitionRef[]> {
  if (topics === undefined) return [...committed.keys()].map(partitionOfKey)
  const described = new Map((await describeTopics(caller, topics.map(({ topic }) => topic))).map(topic => [topic.name, topic]))
  return topics.flatMap(({ topic, partitions }) => {
    const existing = described.get(topic)?.partitions.map(({ partition }) => partition) ?? []
    const missing = partitions?.find(partition => !existing.includes(partition))
    if (missing !== undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${missing}`)
    return (partitions ?? existing).map(partition => ({ topic, partition }))
  })
}

type Bounds = { earliest: bigint; latest: bigint }

async function findBounds(caller: ApiCaller, partitions: readonly PartitionRef[]): Promise<Bounds[]> {
  const [earliest, latest] = await Promise.all([
    findOffsets(caller, partitions.map(partition => ({ ...partition, timestampMs: EARLIEST }))),
    findOffsets(caller, partitions.map(partition => ({ ...partition, timestampMs: LATEST }))),
  ])
  return partitions.map((_, index) => ({ earliest: expectOffset(earliest[index]!), latest: expectOffset(latest[index]!) }))
}

function expectOffset(found: FoundOffset): bigint {
  if (found.offset === null) throw new KafkaError(found.error ?? 'UNKNOWN_SERVER_ERROR', `no offset for partition ${found.topic}-${found.partition}`)
  return found.offset
}

async function newOffsets(
  caller: ApiCaller, partitions: readonly PartitionRef[], to: OffsetReset['to'], committed: ReadonlyMap<string, bigint>, bounds: readonly Bounds[], now: number,
): Promise<ResetOffset[]> {
  const timestampMs = 'timestampMs' in to ? to.timestampMs : 'ageMs' in to ? now - to.ageMs : null
  const found = timestampMs === null ? null : await findOffsets(caller, partitions.map(partition => ({ ...partition, timestampMs: BigInt(timestampMs) })))
  return partitions.map((partition, index) => {
    const { earliest, latest } = bounds[index]!
    const previous = committed.get(partitionKey(partition.topic, partition.partition)) ?? null
    const target = found === null ? targetOf(to, previous, earliest, latest) : found[index]!.offset ?? latest
    const clamped = target < earliest ? earliest : target > latest ? latest : target
    return { ...partition, previousOffset: previous === null ? null : jsonInteger(previous), newOffset: jsonInteger(clamped) }
  })
}

function targetOf(to: OffsetReset['to'], previous: bigint | null, earliest: bigint, latest: bigint): bigint {
  if ('earliest' in to) return earliest
  if ('offset' in to) return BigInt(to.offset)
  if ('current' in to) return previous ?? latest
  if ('shiftBy' in to) {
    if (previous === null) throw new KafkaError('INVALID_REQUEST', 'cannot shift: the group has no committed offset for one of the partitions')
    return previous + BigInt(to.shiftBy)
  }
  return latest
}

async function commitOffsets(caller: ApiCaller, groupId: string, offsets: readonly ResetOffset[]): Promise<void> {
  const ids = new Map((await describeTopics(caller, [...new Set(offsets.map(({ topic }) => topic))])).map(topic => [topic.name, topic.topicId]))
  const topics = groupByTopic(offsets, ({ partition, newOffset }) => ({
    partitionIndex: partition, committedOffset: BigInt(newOffset), committedLeaderEpoch: -1, committedMetadata: '',
  }))
  const response = await caller.call('OffsetCommit', {
    groupId,
    generationIdOrMemberEpoch: NO_GENERATION,
    memberId: NO_MEMBER,
    groupInstanceId: null,
    topics: topics.map(({ topic, partitions }) => ({ name: topic, topicId: (ids.get(topic) ?? ZERO_UUID) as typeof ZERO_UUID, partitions })),
  })
  for (const topic of response.topics) {
    for (const partition of topic.partitions) expectNoError(partition.errorCode, null, `group ${groupId}, partition ${topic.name || topic.topicId}-${partition.partitionIndex}`)
  }
}

async function expectEmpty(caller: ApiCaller, groupId: string): Promise<void> {
  const group = await findGroup(caller, groupId)
  if (group === undefined || group.groupState === 'Empty' || group.groupState === 'Dead') return
  throw new KafkaError('NON_EMPTY_GROUP', `group ${groupId} is ${group.groupState}: offsets can be reset only while it has no members`)
}

async function findGroup(caller: ApiCaller, groupId: string): Promise<{ groupType: string; groupState: string } | undefined> {
  return (await caller.call('ListGroups', {})).groups.find(candidate => candidate.groupId === groupId)
}

async function shareStarts(caller: ApiCaller, groupId: string): Promise<(PartitionRef & { offset: bigint })[]> {
  const offsets = await describeShareOffsets(caller, groupId)
  return offsets.flatMap(({ topic, partition, committedOffset }) => (committedOffset === null ? [] : [{ topic, partition, offset: BigInt(committedOffset) }]))
}

async function topicNamesById(caller: ApiCaller): Promise<Map<string, string>> {
  return new Map((await describeTopics(caller, null)).map(topic => [topic.topicId, topic.name]))
}

function partitionOfKey(key: string): PartitionRef {
  const dash = key.lastIndexOf('-')
  return { topic: key.slice(0, dash), partition: Number(key.slice(dash + 1)) }
}
