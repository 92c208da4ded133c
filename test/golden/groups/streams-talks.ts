// Talks of members of the streams protocol (KIP-1071). Besides the settings of the other talks both sides have
// group.streams.session.timeout.ms=1000, group.streams.heartbeat.interval.ms=100 and group.streams.initial.rebalance.delay.ms=0.

import type { RequestOf, ResponseOf } from '../../../src/protocol/api-keys.ts'
import type { Talk, Talker } from '../../support/group-talk.ts'

type Request = RequestOf<'StreamsGroupHeartbeat'>
type Topology = NonNullable<Request['topology']>
type Subtopology = Topology['subtopologies'][number]

const beat = (talker: Talker, step: string, memberId: string, memberEpoch: number, body: Partial<Request> = {}): Promise<ResponseOf<'StreamsGroupHeartbeat'>> =>
  talker.send(step, 'StreamsGroupHeartbeat', 0, {
    groupId: talker.groupId, memberId, memberEpoch, endpointInformationEpoch: -1, instanceId: null, rackId: null, rebalanceTimeoutMs: -1, topology: null,
    activeTasks: null, standbyTasks: null, warmupTasks: null, processId: null, userEndpoint: null, clientTags: null, taskOffsets: null, taskEndOffsets: null, ...body,
  })
const subtopology = (subtopologyId: string, sourceTopics: string[], body: Partial<Subtopology> = {}): Subtopology => ({
  subtopologyId, sourceTopics, sourceTopicRegex: [], stateChangelogTopics: [], repartitionSinkTopics: [], repartitionSourceTopics: [], copartitionGroups: [], ...body,
})
const internal = (name: string, partitions = 0): Subtopology['stateChangelogTopics'][number] => ({ name, partitions, replicationFactor: 1, topicConfigs: [{ key: 'cleanup.policy', value: 'compact' }] })
const topology = (...subtopologies: Subtopology[]): Topology => ({ epoch: 0, subtopologies })
const joining = (given: Topology = topology(subtopology('0', ['alpha'])), body: Partial<Request> = {}): Partial<Request> =>
  ({ rebalanceTimeoutMs: 2_000, topology: given, activeTasks: [], standbyTasks: [], warmupTasks: [], processId: 'p', clientTags: [], ...body })
const join = (talker: Talker, who: string, body: Partial<Request> = joining()): Promise<ResponseOf<'StreamsGroupHeartbeat'>> => beat(talker, `${who} joins`, who, 0, { processId: who, ...body })
const owning = (active: Record<string, number[]>): Partial<Request> => ({ activeTasks: Object.entries(active).map(([subtopologyId, partitions]) => ({ subtopologyId, partitions })), standbyTasks: [], warmupTasks: [] })
const describe = (talker: Talker, step: string): Promise<ResponseOf<'StreamsGroupDescribe'>> =>
  talker.send(step, 'StreamsGroupDescribe', 0, { groupIds: [talker.groupId], includeAuthorizedOperations: true })

function commit(talker: Talker, step: string, memberId: string, epoch: number, partitionIndex = 0): Promise<ResponseOf<'OffsetCommit'>> {
  return talker.send(step, 'OffsetCommit', 9, {
    groupId: talker.groupId, memberId, generationIdOrMemberEpoch: epoch, groupInstanceId: null,
    topics: [{ name: 'alpha', partitions: [{ partitionIndex, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }] }],
  })
}

export const STREAMS_TALKS: readonly Talk[] = [
  {
    name: 'refused-streams',
    run: async (talker) => {
      const other = { groupId: 'nobody' }
      await join(talker, 'a', joining(undefined, { groupId: '' }))
      await beat(talker, 'no member id', '', 0, joining())
      await join(talker, 'a', joining(undefined, { instanceId: 'i' }))
      await join(talker, 'a', joining(undefined, { rackId: '' }))
      await join(talker, 'a', joining(undefined, { rebalanceTimeoutMs: -1 }))
      await join(talker, 'a', joining(undefined, { activeTasks: null }))
      await join(talker, 'a', joining(undefined, { activeTasks: [{ subtopologyId: '0', partitions: [0] }] }))
      await join(talker, 'a', joining(undefined, { topology: null }))
      await join(talker, 'a', joining(undefined, { warmupTasks: [{ subtopologyId: '0', partitions: [0] }] }))
      await join(talker, 'a', joining(undefined, { taskOffsets: [] }))
      await join(talker, 'a', joining(undefined, { taskEndOffsets: [] }))
      await join(talker, 'a', joining(topology(subtopology('0', ['alpha'], { sourceTopicRegex: ['x.*'] }))))
      await join(talker, 'a', joining(topology(subtopology('0', ['alpha'], { stateChangelogTopics: [internal('log', 3)] }))))
      await join(talker, 'a', joining(topology(subtopology('0', ['__consumer_offsets']))))
      await join(talker, 'a', joining(topology(subtopology('0', ['not a name']))))
      await beat(talker, 'a topology later', 'a', 2, { topology: topology() })
      await beat(talker, 'one kind of task', 'a', 2, { activeTasks: [] })
      await beat(talker, 'an epoch that is none', 'a', -3)
      await beat(talker, 'no group', 'a', 2, other)
      await beat(talker, 'leaves no group', 'a', -1, other)
      await talker.send('describe nothing', 'StreamsGroupDescribe', 0, { groupIds: ['', 'nobody'], includeAuthorizedOperations: true })
    },
  },
  {
    name: 'one-stream',
    run: async (talker) => {
      await join(talker, 'a')
      await describe(talker, 'stable')
      await beat(talker, 'beats', 'a', 2, { endpointInformationEpoch: 0 })
      await beat(talker, 'beats with what it has', 'a', 2, owning({ 0: [0, 1, 2, 3] }))
      await beat(talker, 'a future epoch', 'a', 5)
      await beat(talker, 'a stranger', 'z', 2)
      await beat(talker, 'a task that is none', 'a', 2, owning({ 0: [9] }))
      await beat(talker, 'a subtopology that is none', 'a', 2, owning({ 7: [0] }))
      await commit(talker, 'commits', 'a', 2)
      await commit(talker, 'commits for a future epoch', 'a', 3)
      await commit(talker, 'a stranger commits', 'z', 2)
      await commit(talker, 'an administrator commits', '', -1)
      await talker.send('listed', 'DescribeGroups', 6, { groups: [talker.groupId] })
      await talker.send('as a consumer group', 'ConsumerGroupDescribe', 1, { groupIds: [talker.groupId] })
      await talker.send('a consumer joins', 'ConsumerGroupHeartbeat', 1, { groupId: talker.groupId, memberId: 'c', memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['alpha'], topicPartitions: [] })
      await beat(talker, 'another process', 'a', 2, { processId: 'q', clientTags: [{ key: 'zone', value: 'z' }] })
      await describe(talker, 'after that')
      await beat(talker, 'with an older epoch', 'a', 2)
      await beat(talker, 'with an older epoch and what it has', 'a', 2, owning({ 0: [0, 1, 2, 3] }))
      await commit(talker, 'commits for an older epoch', 'a', 2)
      await beat(talker, 'wants all to stop', 'a', 3, { shutdownApplication: true })
      await beat(talker, 'is told so', 'a', 3)
      await talker.send('delete the group with members', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await beat(talker, 'leaves', 'a', -1)
      await describe(talker, 'empty')
      await talker.send('delete the group', 'DeleteGroups', 2, { groupsNames: [talker.groupId] })
      await describe(talker, 'gone')
    },
  },
  {
    name: 'two-streams',
    run: async (talker) => {
      await join(talker, 'a')
      await join(talker, 'b')
      await describe(talker, 'b waits')
      await beat(talker, 'a is told to give up', 'a', 2, owning({ 0: [0, 1, 2, 3] }))
      await beat(talker, 'b waits', 'b', 3)
      await beat(talker, 'a has given up', 'a', 2, owning({ 0: [0, 1] }))
      await describe(talker, 'b can go on')
      await beat(talker, 'b goes on', 'b', 3, owning({}))
      await beat(talker, 'b confirms', 'b', 3, owning({ 0: [2, 3] }))
      await describe(talker, 'stable')
      await beat(talker, 'a leaves', 'a', -1)
      await beat(talker, 'b gets all', 'b', 3, owning({ 0: [2, 3] }))
      await talker.pass(1_200)
      await describe(talker, 'b is out')
    },
  },
  {
    name: 'missing-sources',
    run: async (talker) => {
      await join(talker, 'a', joining(topology(subtopology('0', ['nowhere', 'alpha']))))
      await describe(talker, 'not ready')
      await beat(talker, 'beats', 'a', 2)
    },
  },
  {
    name: 'internal-topics',
    run: async (talker) => {
      const { groupId } = talker
      const given = topology(
        subtopology('1', [], { repartitionSourceTopics: [internal(`${groupId}-repartition`)], stateChangelogTopics: [internal(`${groupId}-changelog`)] }),
        subtopology('0', ['alpha', 'beta'], { repartitionSinkTopics: [`${groupId}-repartition`] }),
      )
      await join(talker, 'a', joining(given))
      await talker.pass(800)
      await beat(talker, 'topics are there', 'a', 2)
      await describe(talker, 'ready')
      await join(talker, 'b', joining(topology(subtopology('0', ['alpha']))))
      await join(talker, 'b', joining({ ...given, epoch: 1 }))
    },
  },
  {
    name: 'copartitioning',
    run: async (talker) => {
      await join(talker, 'a', joining(topology(subtopology('0', ['alpha', 'beta'], { copartitionGroups: [{ sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }] }))))
      await describe(talker, 'not ready')
    },
  },
  {
    name: 'endpoints',
    run: async (talker) => {
      await join(talker, 'a', joining(undefined, { userEndpoint: { host: 'one', port: 1 } }))
      await beat(talker, 'a beats', 'a', 2, { endpointInformationEpoch: 0 })
      await join(talker, 'b', joining(undefined, { userEndpoint: { host: 'two', port: 2 } }))
      await beat(talker, 'a gives up', 'a', 2, { ...owning({ 0: [0, 1] }), endpointInformationEpoch: 0 })
      await beat(talker, 'b goes on', 'b', 3, { ...owning({}), endpointInformationEpoch: 1 })
    },
  },
  {
    name: 'streams-from-classic',
    run: async (talker) => {
      await commit(talker, 'offsets alone', '', -1)
      await join(talker, 'a')
      await talker.send('offsets stay', 'OffsetFetch', 9, { groups: [{ groupId: talker.groupId, topics: null }] })
      await beat(talker, 'a leaves', 'a', -1)
      await talker.send('a classic member asks for an id', 'JoinGroup', 9, { groupId: talker.groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: new Uint8Array() }] })
      await describe(talker, 'no streams group')
    },
  },
]
