import { expect, test } from 'vitest'
import { assignmentWaitMs, nextHeartbeatMs } from '../../../../src/groups/modern/assignment-interval.ts'

test.each([
  { assignedAtMs: 0, intervalMs: 1_000, nowMs: 5_000, waitMs: 0, when: 'there was none before' },
  { assignedAtMs: 5_000, intervalMs: 0, nowMs: 5_000, waitMs: 0, when: 'there is no interval' },
  { assignedAtMs: 5_000, intervalMs: 1_000, nowMs: 5_400, waitMs: 600, when: 'the last was a moment ago' },
  { assignedAtMs: 5_000, intervalMs: 1_000, nowMs: 6_000, waitMs: 0, when: 'the interval is over' },
  { assignedAtMs: 5_000, intervalMs: 1_000, nowMs: 4_000, waitMs: 0, when: 'the clock was set back' },
])('a target waits $waitMs ms where $when', ({ assignedAtMs, intervalMs, nowMs, waitMs }) => {
  expect(assignmentWaitMs(assignedAtMs, intervalMs, nowMs)).toBe(waitMs)
})

test('a member never comes back later than usual', () => {
  expect([nextHeartbeatMs(5_000, 0), nextHeartbeatMs(5_000, 150), nextHeartbeatMs(100, 150)]).toEqual([5_000, 150, 100])
})
