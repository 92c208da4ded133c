import { beforeEach, expect, test } from 'vitest'
import { describeGroup } from '../../../../src/admin/operations/groups.ts'
import type { ApiCaller } from '../../../../src/broker/api.ts'
import { GROUP_APIS } from '../../../../src/groups/group-handlers.ts'
import type { ApiName } from '../../../../src/protocol/api-keys.ts'
import { FakeShareStates } from '../../../support/fake-share-states.ts'
import { settled } from '../../../support/fake-coordinator-log.ts'
import { MemoryGroupPeer } from '../../../support/group-peer.ts'

let peer: MemoryGroupPeer
let caller: ApiCaller

beforeEach(async () => {
  peer = await MemoryGroupPeer.start()
  caller = {
    call: (async (api: ApiName, request: never) => {
      if (api === 'ListOffsets') {
        const { topics } = request as { topics: { name: string; partitions: { partitionIndex: number }[] }[] }
        return { topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0, offset: 10n, timestamp: -1n, leaderEpoch: 0 })) })) }
      }
      return peer.call(api, GROUP_APIS[api as keyof typeof GROUP_APIS].maxVersion, request)
    }) as ApiCaller['call'],
  }
  peer.latestOffsets.set('gamma', 10n)
})

const beat = async (memberId: string, memberEpoch: number, subscribedTopicNames: string[] | null = null) => {
  await peer.call('ShareGroupHeartbeat', 1, { groupId: 'g', memberId, memberEpoch, rackId: null, subscribedTopicNames })
  await settled()
}

test('a share group is described with its members, and with what is done in each partition', async () => {
  await beat('a', 0, ['gamma'])
  await beat('a', 2)
  await beat('b', 0, ['gamma'])
  const nowhere = { topic: 'gamma', partition: 0, logEndOffset: 10, lagSeconds: null, metadata: '', memberId: null, clientId: null, host: null }
  const described = await describeGroup(caller, 'g')
  expect(described).toMatchObject({ type: 'Share', state: 'Stable', assignor: 'simple', epoch: 4, lag: 0, offsets: [{ ...nowhere, committedOffset: null, lag: null }] })
  expect(described.members.map(({ memberId, assignment }) => [memberId, assignment])).toEqual([['a', [{ topic: 'gamma', partitions: [0] }]], ['b', [{ topic: 'gamma', partitions: [0] }]]])
  peer.shareStates.states.set(FakeShareStates.key('g', peer.topicId('gamma'), 0), { stateEpoch: 2, startOffset: 4n, deliveryCompleteCount: 1 })
  expect(await describeGroup(caller, 'g')).toMatchObject({ lag: 5, offsets: [{ ...nowhere, committedOffset: 4, lag: 5 }] })
})
