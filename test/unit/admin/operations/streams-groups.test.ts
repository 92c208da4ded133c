import { expect, test } from 'vitest'
import { describeStreamsGroup } from '../../../../src/admin/operations/streams-groups.ts'
import type { ApiCaller } from '../../../../src/broker/api.ts'

const tasks = (subtopologyId: string, partitions: number[]) => ({ activeTasks: [{ subtopologyId, partitions }], standbyTasks: [], warmupTasks: [] })
const caller = {
  call: async () => ({
    groups: [{
      errorCode: 0, errorMessage: null, groupId: 's', groupState: 'Stable', groupEpoch: 4,
      topology: { epoch: 0, subtopologies: [{ subtopologyId: '0', sourceTopics: ['in'], repartitionSourceTopics: [] }, { subtopologyId: '1', sourceTopics: [], repartitionSourceTopics: [{ name: 's-repartition' }] }] },
      members: [
        { memberId: 'a', instanceId: null, clientId: 'c', clientHost: '/127.0.0.1', memberEpoch: 4, assignment: tasks('0', [0, 2]) },
        { memberId: 'b', instanceId: 'i', clientId: 'c', clientHost: '/127.0.0.1', memberEpoch: 4, assignment: tasks('1', [1]) },
      ],
    }],
  }),
} as unknown as ApiCaller

test('members of a streams group are shown with the partitions that their active tasks read', async () => {
  const group = await describeStreamsGroup(caller, { groupId: 's', type: 'Streams', state: 'Stable', protocolType: 'streams' })
  expect(group).toMatchObject({ state: 'Stable', epoch: 4 })
  expect(group.members.map(({ memberId, assignment }) => [memberId, assignment])).toEqual([
    ['a', [{ topic: 'in', partitions: [0, 2] }]],
    ['b', [{ topic: 's-repartition', partitions: [1] }]],
  ])
})
