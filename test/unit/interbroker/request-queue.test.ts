import { expect, test } from 'vitest'
import { RequestQueue } from '../../../src/interbroker/request-queue.ts'

const LIMITS = { inFlightMax: 2, inFlightMaxBytes: 100, waitingMax: 3 }

function queueOf(...requests: string[]): RequestQueue<string> {
  const queue = new RequestQueue<string>(LIMITS)
  for (const request of requests) expect(queue.offer(request)).toBe(true)
  return queue
}

test('requests set out in the order of arrival, as many as may be under way', () => {
  const queue = queueOf('a', 'b', 'c')
  expect(queue.next()).toBe('a')
  queue.sent('a', 10)
  expect(queue.next()).toBe('b')
  queue.sent('b', 10)
  expect(queue.next()).toBeUndefined()
  queue.remove('a')
  expect(queue.next()).toBe('c')
})

test('none sets out while the bytes under way are too many, however few they are', () => {
  const queue = queueOf('large', 'small')
  queue.next()
  queue.sent('large', 1000)
  expect(queue.next()).toBeUndefined()
  queue.remove('large')
  expect(queue.next()).toBe('small')
})

test('what is too much to wait is refused, and room comes with what leaves', () => {
  const queue = queueOf('a', 'b', 'c')
  expect(queue.offer('d')).toBe(false)
  expect(queue.remove('b')).toBe(true)
  expect(queue.offer('d')).toBe(true)
  expect(queue.takeWaiting()).toEqual(['a', 'c', 'd'])
  expect(queue.remove('a')).toBe(false)
  expect(queue.hasWaiting).toBe(false)
})
