// A streams group as StreamsGroupDescribe tells it, and the partitions behind its members' endpoints.

import type { Encodable, ResponseOf } from '../../protocol/api-keys.ts'
import type { Assignment, OwnedPartitions } from '../modern/assignment.ts'
import type { TopicLookup } from '../topic-lookup.ts'
import type { StreamsGroup } from './streams-group.ts'
import type { StreamsMember } from './streams-member.ts'
import type { OwnedTasks, Tasks } from './tasks.ts'
import { toTaskIds } from './tasks.ts'
import type { ConfiguredTopology, Topology } from './topology.ts'

export type DescribedStreamsGroup = NonNullable<Encodable<ResponseOf<'StreamsGroupDescribe'>>['groups']>[number]
type DescribedTopology = NonNullable<DescribedStreamsGroup['topology']>
type EndpointPartitions = NonNullable<Encodable<ResponseOf<'StreamsGroupHeartbeat'>>['partitionsByUserEndpoint']>[number]

export function describeStreamsGroup(group: StreamsGroup): DescribedStreamsGroup {
  return {
    groupId: group.groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    topology: group.topology === null ? null : describeTopology(group.topology, group.configured),
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      memberEpoch: member.memberEpoch,
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topologyEpoch: member.topologyEpoch,
      processId: member.processId,
      userEndpoint: member.userEndpoint,
      clientTags: [...member.clientTags],
      assignment: describeTasks(member.assigned),
      targetAssignment: describeTasks(group.targetOf(member.memberId)),
    })),
  }
}

/** With the partition counts that were decided, where the topics allow the topology to run. */
function describeTopology({ epoch, subtopologies }: Topology, configured: ConfiguredTopology | null): DescribedTopology {
  const withCounts = <T extends { name: string; partitions: number }>(topics: readonly T[]): T[] => topics.map((topic) => ({ ...topic, partitions: configured?.partitionCounts.get(topic.name) ?? topic.partitions }))
  return {
    epoch,
    subtopologies: subtopologies.map(({ subtopologyId, sourceTopics, repartitionSinkTopics, stateChangelogTopics, repartitionSourceTopics }) => ({
      subtopologyId, sourceTopics, repartitionSinkTopics,
      stateChangelogTopics: withCounts(stateChangelogTopics),
      repartitionSourceTopics: withCounts(repartitionSourceTopics),
    })),
  }
}

function describeTasks({ active, standby, warmup }: Tasks | OwnedTasks): { activeTasks: ReturnType<typeof toTaskIds>; standbyTasks: ReturnType<typeof toTaskIds>; warmupTasks: ReturnType<typeof toTaskIds> } {
  return { activeTasks: toTaskIds(active), standbyTasks: toTaskIds(standby), warmupTasks: toTaskIds(warmup) }
}

/** Which partitions can be asked for at which endpoint (interactive queries). */
export function partitionsByEndpoint(members: Iterable<StreamsMember>, configured: ConfiguredTopology, topics: TopicLookup): EndpointPartitions[] {
  const found: EndpointPartitions[] = []
  for (const { userEndpoint, assigned } of members) {
    if (userEndpoint === null) continue
    found.push({ userEndpoint, activePartitions: inputPartitions(assigned.active, configured, topics), standbyPartitions: inputPartitions(assigned.standby, configured, topics) })
  }
  return found
}

function inputPartitions(tasks: Assignment | OwnedPartitions, { subtopologies }: ConfiguredTopology, topics: TopicLookup): { topic: string; partitions: number[] }[] {
  return toTaskIds(tasks).flatMap(({ subtopologyId, partitions }) => (subtopologies?.get(subtopologyId)?.inputTopics ?? []).map((topic) => {
    const count = topics.byName(topic)?.partitionCount ?? 0
    return { topic, partitions: partitions.filter((partition) => partition < count) }
  }))
}
