import { expect, test } from 'vitest'
import { CoordinatorFollower } from '../../../src/broker/coordinator-follower.ts'
import type { ClusterImage } from '../../../src/metadata/cluster-image.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const NODE = 1

/** An image of one topic whose partitions these nodes lead. */
const ledBy = (...leaders: number[]): ClusterImage =>
  ({ topicsByName: new Map([['__consumer_offsets', { partitions: leaders.map((leader, index) => ({ index, leader })) }]]) }) as unknown as ClusterImage

function follower(load: (partition: number) => Promise<void> = () => Promise.resolve()) {
  const calls: string[] = []
  const coordinator = {
    load: (partition: number) => (calls.push(`load ${partition}`), load(partition)),
    unload: (partition: number) => void calls.push(`unload ${partition}`),
  }
  return { calls, follower: new CoordinatorFollower('__consumer_offsets', coordinator, NODE, silentLogger) }
}

test('what this node leads is loaded once, and given up when it is led elsewhere or gone', () => {
  const { calls, follower: follows } = follower()
  follows.follow({ topicsByName: new Map() } as unknown as ClusterImage)
  follows.follow(ledBy(1, 2, 1))
  follows.follow(ledBy(1, 2, 1))
  expect(calls.splice(0)).toEqual(['load 0', 'load 2'])
  follows.follow(ledBy(2, 1, 1))
  expect(calls.splice(0)).toEqual(['unload 0', 'load 1'])
  follows.follow({ topicsByName: new Map() } as unknown as ClusterImage)
  expect(calls.sort()).toEqual(['unload 1', 'unload 2'])
})

test('a partition that could not be loaded is tried again with the next change', async () => {
  let fail = true
  const { calls, follower: follows } = follower(() => (fail ? Promise.reject(new Error('no disk')) : Promise.resolve()))
  follows.follow(ledBy(1))
  await new Promise(setImmediate)
  fail = false
  follows.follow(ledBy(1))
  follows.follow(ledBy(1))
  expect(calls).toEqual(['load 0', 'load 0'])
})
