// What a broker's failure means for many partitions, and what is not told elsewhere.

import { expect, test } from 'vitest'
import { fenceBroker, unfenceBroker, unregisterBroker } from '../../../../src/metadata/controller/broker-changes.ts'
import { hasLeaderships } from '../../../../src/metadata/controller/partition-index.ts'
import { after, broker, changesOf, cluster, NO_ELR, partitionOf } from '../../../support/cluster-images.ts'

const PARTS = { policies: () => ({ minInsyncReplicas: 1, allowsUncleanElection: false }), partitionCountMax: 20_000 }
const UNCLEAN = { ...PARTS, policies: () => ({ minInsyncReplicas: 1, allowsUncleanElection: true }) }

test('one of three brokers of 10,000 partitions is fenced and unfenced within a second of work', () => {
  const orders = [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
  const partitions = Array.from({ length: 10_000 }, (_, index) => ({ replicas: orders[index % 3] ?? [] }))
  const image = cluster({ topics: { t: partitions } })
  const begun = process.cpuUsage()
  const fenced = fenceBroker(image, broker(2), PARTS)
  const without = after(image, fenced.records)
  const back = unfenceBroker(without, { ...broker(2), fenced: true }, PARTS)
  const { user, system } = process.cpuUsage(begun)
  expect(fenced.records.length).toBe(10_001)
  expect([fenced.isLast, hasLeaderships(image, 2), hasLeaderships(without, 2), back.records.length]).toEqual([true, true, false, 1])
  expect((user + system) / 1000).toBeLessThan(1000)
})

test('the last in sync fails where uncleanly is better than not at all', () => {
  const image = cluster({ features: NO_ELR, topics: { t: [{ isr: [1] }, { replicas: [1] }] } })
  const { records } = fenceBroker(image, broker(1), UNCLEAN)
  expect(changesOf(records)).toEqual([
    { partition: 0, leader: 2, isr: [2], leaderRecoveryState: 1 },
    { partition: 1, leader: -1 },
    { broker: 1, fenced: true },
  ])
})

test('a broker that is unregistered is in sync nowhere but where it is the last, and then is gone', () => {
  const topics = { t: [{}, { leader: 2, isr: [2] }, { leader: 2 }] }
  const image = cluster({ topics })
  const { records } = unregisterBroker(image, broker(2), PARTS)
  expect(changesOf(records.slice(0, -1))).toEqual([
    { partition: 0, isr: [1, 3] },
    { partition: 1, leader: -1, isr: [], eligibleLeaderReplicas: [2], lastKnownElr: [2] },
    { partition: 2, leader: 1, isr: [1, 3] },
  ])
  const next = after(image, records)
  expect([next.brokers.has(2), partitionOf(next, 't', 0).replicas]).toEqual([false, [1, 2, 3]])
})
