import { expect, test } from 'vitest'
import { CoordinatorFollower } from '../../../src/broker/coordinator-follower.ts'
import type { ClusterImage } from '../../../src/metadata/cluster-image.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const NODE = 1

type Leader = number | { leader: number; leaderEpoch: number }

/** An image of one topic whose partitions these nodes lead; in epoch 0 where nothing is said of it. */
const ledBy = (...leaders: Leader[]): ClusterImage => ofTopic('first', ...leaders)
const ofTopic = (id: string, ...leaders: Leader[]): ClusterImage => {
  const partitions = leaders.map((leader, index) => (typeof leader === 'number' ? { index, leader, leaderEpoch: 0 } : { index, ...leader }))
  return { topicsByName: new Map([['__consumer_offsets', { id, partitions }]]) } as unknown as ClusterImage
}

const NO_TOPIC = { topicsByName: new Map() } as unknown as ClusterImage

function follower(load: () => Promise<void> = () => Promise.resolve()) {
  const calls: string[] = []
  const coordinator = {
    load: (partition: number, leaderEpoch: number) => (calls.push(`load ${partition} in ${leaderEpoch}`), load()),
    unload: (partition: number) => void calls.push(`unload ${partition}`),
  }
  return { calls, follower: new CoordinatorFollower('__consumer_offsets', coordinator, NODE, silentLogger) }
}

test('what this node leads is loaded once, and given up when it is led elsewhere or gone', () => {
  const { calls, follower: follows } = follower()
  follows.follow(NO_TOPIC)
  follows.follow(ledBy(1, 2, 1))
  follows.follow(ledBy(1, 2, 1))
  expect(calls.splice(0)).toEqual(['load 0 in 0', 'load 2 in 0'])
  follows.follow(ledBy(2, 1, 1))
  expect(calls.splice(0)).toEqual(['unload 0', 'load 1 in 0'])
  follows.follow(NO_TOPIC)
  expect(calls.sort()).toEqual(['unload 1', 'unload 2'])
})

test('a new epoch of the same leader is told; a topic that was made anew begins anew', () => {
  const { calls, follower: follows } = follower()
  follows.follow(ledBy({ leader: 1, leaderEpoch: 3 }))
  follows.follow(ledBy({ leader: 1, leaderEpoch: 5 }))
  expect(calls.splice(0)).toEqual(['load 0 in 3', 'load 0 in 5'])
  follows.follow(ofTopic('second', { leader: 1, leaderEpoch: 5 }))
  expect(calls).toEqual(['unload 0', 'load 0 in 5'])
})

test('a load that fails is nobody else\'s concern', async () => {
  const { calls, follower: follows } = follower(() => Promise.reject(new Error('no disk')))
  follows.follow(ledBy(1, 1))
  await new Promise(setImmediate)
  follows.follow(ledBy(1, 1))
  expect(calls).toEqual(['load 0 in 0', 'load 1 in 0'])
})
