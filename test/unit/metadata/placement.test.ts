import { expect, test } from 'vitest'
import type { BrokerImage } from '../../../src/metadata/cluster-image.ts'
import { placeReplicas } from '../../../src/metadata/placement.ts'
import { broker, dirOf } from '../../support/cluster-images.ts'
import { random } from '../../support/random.ts'

const inRacks = (...racks: (string | null)[]): BrokerImage[] => racks.map((rack, index) => broker(index + 1, { rack }))
const count = (values: readonly (number | undefined)[]) => {
  const counts = new Map<number | undefined, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts.values()].sort((a, b) => a - b)
}
const spread = (values: readonly (number | undefined)[]) => {
  const counts = count(values)
  return (counts.at(-1) ?? 0) - (counts[0] ?? 0)
}

test.each([
  ['three brokers', inRacks(null, null, null), 3, 0],
  ['five brokers, two replicas', inRacks(null, null, null, null, null), 2, 1],
  ['nine brokers in three racks', inRacks('a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c'), 3, 2],
  ['nine brokers in nine racks', inRacks('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'), 3, 2],
] as const)('%s lead, hold, and stand in for each other about equally often', (_what, brokers, replicationFactor, most) => {
  for (let seed = 0; seed < 5; seed++) {
    const placed = placeReplicas(brokers, brokers.length * 40, replicationFactor, random(seed))
    for (const replicas of placed) expect(new Set(replicas).size).toBe(replicationFactor)
    expect(spread(placed.map(([leader]) => leader))).toBe(0)
    expect(spread(placed.flat())).toBeLessThanOrEqual(most)
    for (const { id } of brokers) {
      const seconds = count(placed.filter(([leader]) => leader === id).map(([, second]) => second))
      expect(seconds.length).toBeGreaterThan(1)
      // Who fails is followed by several, none of which takes on most of it.
      expect((seconds.at(-1) ?? 0) / 40).toBeLessThanOrEqual(0.5)
    }
  }
})

test('replicas stand in as many racks as there are, whatever their sizes', () => {
  const brokers = inRacks('a', 'a', 'a', 'a', 'b', 'b', 'c')
  const rackOf = new Map(brokers.map(({ id, rack }) => [id, rack]))
  for (const replicas of placeReplicas(brokers, 70, 3, random(1))) expect(new Set(replicas.map((id) => rackOf.get(id))).size).toBe(3)
  // With more replicas than racks none has two more than another, as far as it has brokers.
  for (const replicas of placeReplicas(brokers, 70, 5, random(1))) expect(count(replicas.map((id) => rackOf.get(id)?.charCodeAt(0)))).toEqual([1, 2, 2])
})

test('brokers that are fenced come last and never lead, ones on their way out get nothing', () => {
  const brokers = [broker(1, { fenced: true }), broker(2), broker(3), broker(4, { inControlledShutdown: true }), broker(5)]
  for (const replicas of placeReplicas(brokers, 50, 3, random(2))) expect([...replicas].sort()).toEqual([2, 3, 5])
  for (const replicas of placeReplicas(brokers, 50, 4, random(2))) expect(replicas.at(-1)).toBe(1)
})

test('a broker gets nothing once all its directories are cordoned', () => {
  const brokers = [broker(1), broker(2, { logDirs: [dirOf(2), dirOf(9)], cordonedLogDirs: [dirOf(2)] }), broker(3, { cordonedLogDirs: [dirOf(3)] })]
  for (const replicas of placeReplicas(brokers, 10, 2, random(3))) expect([...replicas].sort()).toEqual([1, 2])
  expect(() => placeReplicas(brokers, 1, 3, random(3))).toThrow(
    'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 2 broker(s) are registered or some brokers have all their log directories cordoned.',
  )
})

test('nobody is up', () => {
  expect(() => placeReplicas([broker(1, { fenced: true })], 1, 1, random(4))).toThrow('Unable to replicate the partition 1 time(s): All brokers are currently fenced or in controlled shutdown.')
})
