// The target of a consumer group: which topics its members subscribe to, whether those have changed, and who shall have
// which partitions.

import type { CoordinatorRecord } from '../../coordinator/coordinator-shard.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { errorMessage } from '../../shared/errors.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { Assignment } from '../modern/assignment.ts'
import { sameAssignment } from '../modern/assignment.ts'
import type { Assignor, AssignorTopic } from './assignors/assignor.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember, MemberSubscription } from './consumer-member.ts'
import { targetEpochRecord, targetRecord } from './consumer-records.ts'
import type { ResolvedRegex } from './topic-regex.ts'

/** Names that the members subscribe to and the expressions match. */
export function subscribedNames(members: Iterable<MemberSubscription>, regexes: ReadonlyMap<string, ResolvedRegex>): Set<string> {
  const names = new Set<string>()
  const used = new Set<string>()
  for (const { subscribedTopicNames, subscribedTopicRegex } of members) {
    for (const name of subscribedTopicNames) names.add(name)
    used.add(subscribedTopicRegex)
  }
  for (const expression of used) for (const name of regexes.get(expression)?.topics ?? []) names.add(name)
  return names
}

/** The assignor that most members prefer; the first of the broker's where they do not say. */
export function preferredAssignor(members: Iterable<MemberSubscription>, assignors: readonly Assignor[]): Assignor | undefined {
  const votes = new Map<string, number>()
  for (const { serverAssignor } of members) if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1)
  let best: Assignor | undefined
  let bestCount = 0
  for (const assignor of assignors) {
    const count = votes.get(assignor.name) ?? 0
    if (count > bestCount) [best, bestCount] = [assignor, count]
  }
  return best ?? assignors[0]
}

export type TargetInput = {
  readonly group: ConsumerGroup
  readonly groupEpoch: number
  /** As they are with what the request changes. */
  readonly members: readonly ConsumerMember[]
  /** What a member had until now; one that replaces another has that one's target. */
  targetOf(memberId: string): Assignment | undefined
  readonly regexes: ReadonlyMap<string, ResolvedRegex>
  readonly topics: TopicLookup
  readonly assignor: Assignor
  readonly nowMs: number
}

/** The new target of every member, and the records for those whose target changes. Throws UNKNOWN_SERVER_ERROR where the assignor fails. */
export function computeTarget({ group, groupEpoch, members, targetOf, regexes, topics, assignor, nowMs }: TargetInput): { target: Map<string, Assignment>; records: CoordinatorRecord[] } {
  const known = new Map<Uuid, AssignorTopic>()
  const idsOf = ({ subscribedTopicNames, subscribedTopicRegex }: MemberSubscription): ReadonlySet<Uuid> => {
    const ids = new Set<Uuid>()
    for (const names of [subscribedTopicNames, regexes.get(subscribedTopicRegex)?.topics ?? []]) {
      for (const name of names) {
        const topic = topics.byName(name)
        if (topic === undefined) continue
        ids.add(topic.id)
        if (!known.has(topic.id)) known.set(topic.id, { partitionCount: topic.partitionCount, racks: (partition) => topic.racks?.(partition) ?? [] })
      }
    }
    return ids
  }
  const input = members.map((member) => ({
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    topicIds: idsOf(member),
    target: targetOf(member.memberId) ?? new Map<Uuid, Set<number>>(),
  }))
  let target: Map<string, Assignment>
  try {
    target = assignor.assign(input, known)
  } catch (error) {
    throw new KafkaError('UNKNOWN_SERVER_ERROR', `Failed to compute a new target assignment for epoch ${groupEpoch}: ${errorMessage(error)}`)
  }
  const records: CoordinatorRecord[] = []
  for (const { memberId } of members) {
    const assignment = target.get(memberId) ?? new Map<Uuid, Set<number>>()
    const before = targetOf(memberId)
    if (before === undefined || !sameAssignment(before, assignment)) records.push(targetRecord(group.groupId, memberId, assignment))
  }
  records.push(targetEpochRecord(group.groupId, groupEpoch, nowMs))
  return { target, records }
}
