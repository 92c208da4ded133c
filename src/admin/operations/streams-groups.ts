import type { ApiCaller } from '../../broker/api.ts'
import type { StreamsGroupDescribeResponse } from '../../protocol/messages.ts'
import type { Group, GroupMember, GroupSummary } from '../schemas/groups.ts'
import { expectNoError } from './outcome.ts'

type Described = StreamsGroupDescribeResponse['groups'][number]
type Tasks = Described['members'][number]['assignment']['activeTasks']

/** A streams group (KIP-1071) and its members, each with the partitions that its active tasks read. Throws GROUP_ID_NOT_FOUND. */
export async function describeStreamsGroup(caller: ApiCaller, summary: GroupSummary): Promise<Omit<Group, 'offsets' | 'lag' | 'coordinator'>> {
  const response = await caller.call('StreamsGroupDescribe', { groupIds: [summary.groupId] })
  const [group] = response.groups
  expectNoError(group?.errorCode ?? -1, group?.errorMessage, `group ${summary.groupId}`)
  const sources = sourceTopics(group!)
  return {
    ...summary,
    state: group!.groupState,
    assignor: '',
    epoch: group!.groupEpoch,
    members: group!.members.map(({ memberId, instanceId, clientId, clientHost, memberEpoch, assignment }) => ({
      memberId,
      groupInstanceId: instanceId,
      clientId,
      host: clientHost,
      memberEpoch,
      assignment: partitionsOf(assignment.activeTasks, sources),
    })),
  }
}

/** What the tasks of each subtopology read. */
function sourceTopics({ topology }: Described): Map<string, string[]> {
  return new Map((topology?.subtopologies ?? []).map(({ subtopologyId, sourceTopics: given, repartitionSourceTopics }) => [subtopologyId, [...given, ...repartitionSourceTopics.map(({ name }) => name)]]))
}

function partitionsOf(tasks: Tasks, sources: ReadonlyMap<string, string[]>): GroupMember['assignment'] {
  return tasks.flatMap(({ subtopologyId, partitions }) => (sources.get(subtopologyId) ?? []).map(topic => ({ topic, partitions: [...partitions] })))
}
