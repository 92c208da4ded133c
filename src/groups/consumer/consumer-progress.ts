// One step of a consumer group and one of its members: the member's subscription is noted, the group epoch raised where
// that or the topics have changed, a new target computed where the group epoch is ahead of it, and the member brought closer
// to its target. KIP-848.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { Logger } from '../../shared/logger.ts'
import type { GroupConfig, GroupSettings } from '../group-settings.ts'
import type { Assignment } from '../modern/assignment.ts'
import { assignmentWaitMs } from '../modern/assignment-interval.ts'
import { reconcile } from '../modern/reconcile.ts'
import { metadataHash } from '../modern/metadata-hash.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { Assignor } from './assignors/assignor.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { sameNames, sameSubscription } from './consumer-member.ts'
import { currentAssignmentRecord, groupRecord, memberRecord, memberTombstones, regexRecord, regexTombstone, targetRecord } from './consumer-records.ts'
import { computeTarget, preferredAssignor, subscribedNames } from './target-assignment.ts'
import type { ResolvedRegex, TopicRegexes } from './topic-regex.ts'

export type ProgressDeps = {
  readonly settings: GroupSettings
  groupConfig(groupId: string): GroupConfig
  readonly topics: TopicLookup
  readonly regexes: TopicRegexes
  readonly assignors: readonly Assignor[]
  readonly logger: Logger
}

export type ProgressInput = {
  readonly group: ConsumerGroup
  /** As the log has it; for one that joins, as a new one; for a static one that has come back, as a copy of the one before. */
  readonly before: ConsumerMember
  /** With what the request says. */
  readonly after: ConsumerMember
  readonly isNew: boolean
  /** The static member whose place it takes. */
  readonly replaced: ConsumerMember | null
  readonly ownedByMember: Assignment | null
  readonly nowMs: number
}

export type Progress = {
  readonly member: ConsumerMember
  readonly records: CoordinatorRecord[]
  /** Until a new target may be computed, in milliseconds; 0 where none is needed. */
  readonly waitMs: number
  /** Notes what was looked at; to be called once the records are committed. */
  onCommitted(): void
}

/** Expressions are matched again at most this often while topics come and go. */
const REGEX_REFRESH_INTERVAL_MS = 10_000

export function progress(deps: ProgressDeps, input: ProgressInput): Progress {
  const { group, before, after, replaced, nowMs } = input
  const { groupId } = group
  const version = deps.topics.version()
  const records: CoordinatorRecord[] = []
  if (replaced !== null) {
    records.push(...memberTombstones(groupId, replaced.memberId), memberRecord(groupId, before), targetRecord(groupId, before.memberId, group.targetOf(replaced.memberId)), currentAssignmentRecord(groupId, before.memberId, before))
  }
  if (input.isNew || !sameSubscription(before, after)) records.push(memberRecord(groupId, after))

  const regexes = updateRegexes(deps, input, version)
  records.push(...regexes.records)
  const subscriptionChanged = !sameNames(before.subscribedTopicNames, after.subscribedTopicNames) || before.subscribedTopicRegex !== after.subscribedTopicRegex
  let bump = subscriptionChanged || regexes.changed
  // A group of its own has an epoch of its own before it has members; 0 is the epoch of those who join.
  let groupEpoch = group.groupEpoch
  if (groupEpoch === 0) [groupEpoch, bump] = subscriptionChanged ? [1, true] : [0, true]
  if (bump || group.checkedVersion !== version) {
    const hash = metadataHash(subscribedNames(membersWith(group, after, replaced), regexes.resolved), deps.topics)
    bump ||= hash !== group.metadataHash
    if (bump) records.push(groupRecord(groupId, ++groupEpoch, hash))
  }

  let target = group.targetOf(replaced?.memberId ?? after.memberId)
  let targetEpoch = group.assignmentEpoch
  const intervalMs = deps.groupConfig(groupId).consumerAssignmentIntervalMs ?? deps.settings.consumerAssignmentIntervalMs
  const needsTarget = groupEpoch > group.assignmentEpoch
  const waitMs = needsTarget ? assignmentWaitMs(group.assignedAtMs, intervalMs, nowMs) : 0
  if (needsTarget && waitMs === 0) {
    const members = [...membersWith(group, after, replaced)]
    const assignor = preferredAssignor(members, deps.assignors)
    if (assignor === undefined) throw new KafkaError('UNSUPPORTED_ASSIGNOR')
    const targetOf = (memberId: string): Assignment | undefined => group.target.get(memberId === after.memberId && replaced !== null ? replaced.memberId : memberId)
    const computed = computeTarget({ group, groupEpoch, members, targetOf, regexes: regexes.resolved, topics: deps.topics, assignor, nowMs })
    records.push(...computed.records)
    target = computed.target.get(after.memberId) ?? target
    targetEpoch = groupEpoch
    deps.logger.info('a group has a new assignment', { groupId, groupEpoch, assignor: assignor.name, memberCount: members.length })
  }

  const matched = regexes.resolved.get(after.subscribedTopicRegex)?.topics
  const current = reconcile(after, {
    targetEpoch, target, ownedByMember: input.ownedByMember, subscriptionChanged,
    isSubscribed: (topicId) => {
      const name = deps.topics.byId(topicId)?.name
      return name !== undefined && (after.subscribedTopicNames.includes(name) || (matched?.has(name) ?? false))
    },
    isOwned: (topicId, partition) => group.isOwned(topicId, partition),
  })
  if (current === undefined) throw new KafkaError('FENCED_MEMBER_EPOCH', 'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.')
  const hasMoved = current !== after && !isSameCurrent(current, after)
  const member = hasMoved ? { ...after, ...current } : after
  if (hasMoved || input.isNew) records.push(currentAssignmentRecord(groupId, member.memberId, member))
  return {
    member,
    records,
    waitMs,
    onCommitted: () => {
      group.checkedVersion = version
      if (!regexes.checked) return
      group.regexesCheckedVersion = version
      group.regexesCheckedAtMs = nowMs
    },
  }
}

function isSameCurrent(one: Pick<ConsumerMember, 'memberEpoch' | 'previousMemberEpoch' | 'state' | 'assigned' | 'pendingRevocation'>, other: typeof one): boolean {
  return one.memberEpoch === other.memberEpoch && one.previousMemberEpoch === other.previousMemberEpoch && one.state === other.state &&
    isSameOwned(one.assigned, other.assigned) && isSameOwned(one.pendingRevocation, other.pendingRevocation)
}

function isSameOwned(one: ConsumerMember['assigned'], other: ConsumerMember['assigned']): boolean {
  if (one === other) return true
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const [partition, epoch] of partitions) if (others.get(partition) !== epoch) return false
  }
  return true
}

/** The members as they will be: looked at one by one, for most heartbeats need none of them. */
function* membersWith(group: ConsumerGroup, member: ConsumerMember, replaced: ConsumerMember | null): Generator<ConsumerMember> {
  for (const [memberId, each] of group.members) if (memberId !== replaced?.memberId) yield memberId === member.memberId ? member : each
  if (!group.members.has(member.memberId)) yield member
}

type RegexUpdate = { records: CoordinatorRecord[]; resolved: ReadonlyMap<string, ResolvedRegex>; changed: boolean; checked: boolean }

/** Resolves the member's expression where nobody had it before, forgets the one that nobody has any more, and matches all again where topics have changed. */
function updateRegexes(deps: ProgressDeps, { group, before, after, replaced, nowMs }: ProgressInput, version: bigint): RegexUpdate {
  const { groupId } = group
  const expression = after.subscribedTopicRegex
  if (expression === '' && group.regexes.size === 0) return { records: [], resolved: group.regexes, changed: false, checked: false }
  const records: CoordinatorRecord[] = []
  const resolved = new Map(group.regexes)
  let changed = false
  if (expression !== '' && !resolved.has(expression)) {
    const found = deps.regexes.resolve(expression, deps.topics, nowMs)
    resolved.set(expression, found)
    records.push(regexRecord(groupId, expression, found))
    changed = true
  }
  const left = before.subscribedTopicRegex
  if (left !== expression && resolved.has(left) && !isUsed(group, left, new Set([after.memberId, replaced?.memberId ?? '']))) {
    resolved.delete(left)
    records.push(regexTombstone(groupId, left))
  }
  const checked = group.regexesCheckedVersion !== version && nowMs - group.regexesCheckedAtMs >= REGEX_REFRESH_INTERVAL_MS && deps.regexes.isLoaded
  if (checked) {
    for (const [each, known] of resolved) {
      if (known.version === version) continue
      const found = deps.regexes.resolve(each, deps.topics, nowMs)
      if (found.topics.size === known.topics.size && [...found.topics].every((name) => known.topics.has(name))) continue
      resolved.set(each, found)
      records.push(regexRecord(groupId, each, found))
      changed = true
    }
  }
  return { records, resolved, changed, checked }
}

export function isUsed(group: ConsumerGroup, expression: string, except: ReadonlySet<string>): boolean {
  for (const member of group.members.values()) if (member.subscribedTopicRegex === expression && !except.has(member.memberId)) return true
  return false
}
