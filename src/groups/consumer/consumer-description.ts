// A consumer group as ConsumerGroupDescribe tells it.

import type { Encodable, ResponseOf } from '../../protocol/api-keys.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import { toTopicPartitions } from '../modern/assignment.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { ConsumerGroup } from './consumer-group.ts'

type Described = NonNullable<Encodable<ResponseOf<'ConsumerGroupDescribe'>>['groups']>[number]

const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

export function describeConsumerGroup(group: ConsumerGroup, topics: TopicLookup, assignorName: string): Described {
  return {
    groupId: group.groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.subscribedTopicNames],
      subscribedTopicRegex: member.subscribedTopicRegex,
      // What it is giving up it still has.
      assignment: { topicPartitions: namedPartitions(union(member.assigned, member.pendingRevocation), topics) },
      targetAssignment: { topicPartitions: namedPartitions(group.targetOf(member.memberId), topics) },
      memberType: member.classic === null ? CONSUMER_MEMBER : CLASSIC_MEMBER,
    })),
  }
}

function union(one: OwnedPartitions, other: OwnedPartitions): OwnedPartitions {
  if (other.size === 0) return one
  const both = new Map(one)
  for (const [topicId, partitions] of other) both.set(topicId, new Map([...(one.get(topicId) ?? []), ...partitions]))
  return both
}

/** Topics that are gone have no name to be told by, and are left out. */
export function namedPartitions(partitions: Assignment | OwnedPartitions, topics: TopicLookup): { topicId: Uuid; topicName: string; partitions: number[] }[] {
  return toTopicPartitions(partitions).flatMap(({ topicId, partitions: each }) => {
    const topicName = topics.byId(topicId)?.name
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: each }]
  })
}
