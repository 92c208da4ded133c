import { expect, test } from 'vitest'
import { ClusterConfigs } from '../../../src/metadata/cluster-configs.ts'
import { CONFIG_RESOURCES } from '../../../src/metadata/cluster-image.ts'
import { metadataRecord } from '../../../src/metadata/controller/metadata-records.ts'
import { MetadataDelta } from '../../../src/metadata/metadata-delta.ts'
import { allTopicLogStates, topicLogChanges } from '../../../src/metadata/topic-log-states.ts'
import type { MetadataRecord } from '../../../src/protocol/codec.ts'
import { after, cluster, idOf, partition } from '../../support/cluster-images.ts'

const IMAGE = cluster({ topics: { t: [partition({ replicas: [1, 2] }), partition({ replicas: [2, 3] }), partition({ replicas: [3, 1], isr: [3] })], u: [partition({ replicas: [3] })] } })

const config = (resourceType: number, resourceName: string, name: string, value: string | null): MetadataRecord => metadataRecord('ConfigRecord', { resourceType, resourceName, name, value })

/** Partitions of t that broker 1 throttles, as leader and as follower. */
function throttled(leader: string, follower: string): [leader: number[], follower: number[]] {
  const image = after(IMAGE, [config(CONFIG_RESOURCES.TOPIC, 't', 'leader.replication.throttled.replicas', leader), config(CONFIG_RESOURCES.TOPIC, 't', 'follower.replication.throttled.replicas', follower)])
  const partitions = allTopicLogStates(image, 1, new ClusterConfigs(1, new Map())).find(({ name }) => name === 't')?.partitions ?? []
  return [partitions.filter(({ leaderThrottled }) => leaderThrottled).map(({ index }) => index), partitions.filter(({ followerThrottled }) => followerThrottled).map(({ index }) => index)]
}

test('a broker is told of the partitions that are its to keep, as the metadata has them', () => {
  const states = allTopicLogStates(IMAGE, 1, new ClusterConfigs(1, new Map()))
  expect(states.map(({ name, id, internal, partitions }) => ({ name, id, internal, partitions }))).toEqual([
    {
      name: 't', id: idOf('t'), internal: false,
      partitions: [
        { index: 0, leader: 1, leaderEpoch: 5, partitionEpoch: 7, replicas: [1, 2], isr: [1, 2], leaderThrottled: false, followerThrottled: false },
        { index: 2, leader: 3, leaderEpoch: 5, partitionEpoch: 7, replicas: [3, 1], isr: [3], leaderThrottled: false, followerThrottled: false },
      ],
    },
    { name: 'u', id: idOf('u'), internal: false, partitions: [] },
  ])
})

test.each([
  { leader: '', follower: '', are: [[], []] },
  { leader: '*', follower: '', are: [[0, 2], []] },
  { leader: '', follower: '*', are: [[], [0, 2]] },
  { leader: '0:1,1:1', follower: '2:1', are: [[0], [2]] },
  { leader: '0:2,2:3', follower: '0:11,2:12', are: [[], []] },
  { leader: '2:3,2:1', follower: '0:1', are: [[2], [0]] },
])('throttled replicas "$leader" and "$follower" are $are here', ({ leader, follower, are }) => {
  expect(throttled(leader, follower)).toEqual(are)
})

test.each([
  { case: 'a partition', records: [metadataRecord('PartitionChangeRecord', { topicId: idOf('t'), partitionId: 1, leader: 3, isr: null, replicas: null, removingReplicas: null, addingReplicas: null, leaderRecoveryState: -1, eligibleLeaderReplicas: null, lastKnownElr: null, directories: null })], names: ['t'], removed: [] },
  { case: 'configs of a topic', records: [config(CONFIG_RESOURCES.TOPIC, 'u', 'segment.bytes', '1048576')], names: ['u'], removed: [] },
  { case: 'defaults of all brokers', records: [config(CONFIG_RESOURCES.BROKER, '', 'log.segment.bytes', '1048576')], names: ['t', 'u'], removed: [] },
  { case: 'defaults of this broker', records: [config(CONFIG_RESOURCES.BROKER, '1', 'log.segment.bytes', '1048576')], names: ['t', 'u'], removed: [] },
  { case: 'configs of another broker', records: [config(CONFIG_RESOURCES.BROKER, '2', 'log.segment.bytes', '1048576')], names: [], removed: [] },
  { case: 'a topic that goes', records: [metadataRecord('RemoveTopicRecord', { topicId: idOf('u') })], names: [], removed: ['u'] },
])('a change of $case concerns $names and removes $removed', ({ records, names, removed }) => {
  const delta = new MetadataDelta(IMAGE)
  for (const record of records) delta.replay(record)
  const { upserts, removedTopicIds } = topicLogChanges(delta.apply(2000n), delta, 1, new ClusterConfigs(1, new Map()))
  expect([upserts.map(({ name }) => name), removedTopicIds]).toEqual([names, removed.map(idOf)])
})
