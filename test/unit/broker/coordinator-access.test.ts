import { expect, test } from 'vitest'
import { inTime } from '../../../src/broker/coordinator-access.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { FakePartitions } from '../../support/transaction-broker.ts'

test('a marker that is not replicated in time fails, and takes effect all the same', async () => {
  const clock = new ManualClock()
  const partitions = new FakePartitions()
  const markers = inTime(partitions, clock, 1000)
  await markers.write({ topic: 'quick', partition: 0 }, 1n, 0, 0, true, false)
  partitions.hold()
  const late = expect(markers.write({ topic: 'late', partition: 0 }, 1n, 0, 0, true, false)).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
  clock.advance(1000)
  await late
  partitions.release()
  await new Promise(setImmediate)
  expect(partitions.markers.map(({ topic }) => topic)).toEqual(['quick', 'late'])
  expect(clock.pending().size).toBe(0)
})
