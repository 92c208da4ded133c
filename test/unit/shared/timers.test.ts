import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SystemTimers } from '../../../src/shared/timers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a key holds one timer, the last that was set', () => {
  const timers = new SystemTimers()
  const ran: string[] = []
  timers.set('a', 10, () => ran.push('first'))
  timers.set('a', 20, () => ran.push('second'))
  timers.set('b', 5, () => ran.push('cancelled'))
  timers.cancel('b')
  vi.advanceTimersByTime(100)
  expect(ran).toEqual(['second'])
})

test('a delay beyond what Node can hold is waited out in full', () => {
  const timers = new SystemTimers()
  const ran: string[] = []
  timers.set('a', 2 ** 31 + 50, () => ran.push('late'))
  vi.advanceTimersByTime(2 ** 31 + 49)
  expect(ran).toEqual([])
  vi.advanceTimersByTime(1)
  expect(ran).toEqual(['late'])
})

test('a closed set of timers runs nothing any more', () => {
  const timers = new SystemTimers()
  const ran: string[] = []
  timers.set('a', 1, () => ran.push('a'))
  timers.close()
  timers.set('b', 1, () => ran.push('b'))
  vi.advanceTimersByTime(10)
  expect(ran).toEqual([])
})
