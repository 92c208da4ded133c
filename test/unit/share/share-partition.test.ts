import { expect, test } from 'vitest'
import { ACKNOWLEDGE_TYPES, ACQUIRE_MODES, SharePartition } from '../../../src/share/share-partition.ts'
import type { PreparedChange } from '../../../src/share/share-partition.ts'
import { mergeBatches } from '../../../src/share/share-state.ts'
import type { StateBatch } from '../../../src/share/share-state.ts'

const SETTINGS = { lockDurationMs: 1000, deliveryCountLimit: 3, recordLocksMax: 100, hasDeadLetterQueue: false }
const { ACCEPT, RELEASE, REJECT, RENEW, GAP } = ACKNOWLEDGE_TYPES

const partition = (startOffset = 0, batches: readonly StateBatch[] = [], settings = SETTINGS) => new SharePartition(startOffset, batches, () => settings)
const batch = (firstOffset: number, lastOffset: number, deliverable = true, dueMs = 0) => ({ firstOffset, lastOffset, deliverable, dueMs })
const take = (from: SharePartition, memberId: string, batches: ReturnType<typeof batch>[], maxRecords = 100, now = 0, mode: number = ACQUIRE_MODES.BATCH_OPTIMIZED) =>
  from.acquire(memberId, from.nextOffset(now) ?? 0, batches, maxRecords, 500, mode, now).map(({ firstOffset, lastOffset, deliveryCount }) => [firstOffset, lastOffset, deliveryCount])
const say = (to: SharePartition, memberId: string, firstOffset: number, lastOffset: number, types: number[], now = 0) => to.acknowledge(memberId, [{ firstOffset, lastOffset, types }], now)

function committed(to: SharePartition, change: PreparedChange | string | null): StateBatch[] {
  if (change === null || typeof change === 'string') throw new Error(`not a change: ${String(change)}`)
  to.commit(change)
  return [...change.stateBatches]
}

test('what one member has, no other gets', () => {
  const shared = partition()
  expect(take(shared, 'a', [batch(0, 4), batch(5, 9)], 5)).toEqual([[0, 4, 1]])
  expect(take(shared, 'b', [batch(0, 4), batch(5, 9)], 5)).toEqual([[5, 9, 1]])
  expect(take(shared, 'c', [batch(0, 4), batch(5, 9)], 5)).toEqual([])
})

test('the start moves over what is finished, and no further', () => {
  const shared = partition()
  take(shared, 'a', [batch(0, 9)])
  committed(shared, say(shared, 'a', 2, 9, [ACCEPT]))
  expect(shared.startOffset).toBe(0)
  const change = say(shared, 'a', 0, 1, [ACCEPT, REJECT])
  expect(change).toMatchObject({ startOffset: 10 })
  committed(shared, change)
  expect(shared.startOffset).toBe(10)
})

test('what is given back comes again, counted, until the limit', () => {
  const shared = partition()
  for (const count of [1, 2, 3]) {
    expect(take(shared, 'a', [batch(0, 0)])).toEqual([[0, 0, count]])
    committed(shared, say(shared, 'a', 0, 0, [RELEASE]))
  }
  expect(take(shared, 'a', [batch(0, 0)])).toEqual([])
  expect(shared.startOffset).toBe(1)
})

test('a change is nobody\'s until it is stored, and what could not be stored is still the member\'s', () => {
  const shared = partition()
  take(shared, 'a', [batch(0, 4)])
  const change = say(shared, 'a', 0, 4, [RELEASE])
  expect(take(shared, 'b', [batch(0, 4)])).toEqual([])
  expect(say(shared, 'a', 0, 4, [ACCEPT])).toBe('INVALID_RECORD_STATE')
  shared.undo(change as PreparedChange)
  committed(shared, say(shared, 'a', 0, 4, [ACCEPT]))
  expect(shared.startOffset).toBe(5)
})

test('only who has a record may speak of it, and in order', () => {
  const shared = partition()
  take(shared, 'a', [batch(0, 9)])
  expect(say(shared, 'b', 0, 9, [ACCEPT])).toBe('INVALID_RECORD_STATE')
  expect(say(shared, 'a', 5, 12, [ACCEPT])).toBe('INVALID_RECORD_STATE')
  expect(say(shared, 'a', 5, 4, [ACCEPT])).toBe('INVALID_REQUEST')
  expect(say(shared, 'a', 0, 2, [ACCEPT, ACCEPT])).toBe('INVALID_REQUEST')
  expect(say(shared, 'a', 0, 2, [9])).toBe('INVALID_REQUEST')
  expect(shared.acknowledge('a', [{ firstOffset: 5, lastOffset: 6, types: [ACCEPT] }, { firstOffset: 0, lastOffset: 1, types: [ACCEPT] }], 0)).toBe('INVALID_REQUEST')
})

test('a lock that runs out gives the records back; one that is renewed does not', () => {
  const shared = partition()
  take(shared, 'a', [batch(0, 1)], 100, 0)
  take(shared, 'a', [batch(2, 3)], 100, 500)
  expect(shared.nextLockEndMs()).toBe(1000)
  expect(say(shared, 'a', 0, 0, [RENEW], 900)).toMatchObject({ stateBatches: [] })
  expect(committed(shared, shared.expire(1000))).toEqual([{ firstOffset: 1n, lastOffset: 1n, deliveryState: 0, deliveryCount: 1 }])
  expect(take(shared, 'b', [batch(0, 3)], 100, 1000)).toEqual([[1, 1, 2]])
  expect(shared.expire(1400)).toBeNull()
})

test('control batches and gaps are finished by themselves', () => {
  const shared = partition()
  expect(take(shared, 'a', [batch(0, 1), batch(2, 2, false), batch(5, 6)])).toEqual([[0, 1, 1], [5, 6, 1]])
  committed(shared, say(shared, 'a', 0, 1, [GAP]))
  expect(shared.startOffset).toBe(5)
})

test('the record limit is kept to the record where a member asks for that', () => {
  const shared = partition()
  expect(take(shared, 'a', [batch(0, 9)], 3, 0, ACQUIRE_MODES.RECORD_LIMIT)).toEqual([[0, 2, 1]])
  expect(take(shared, 'b', [batch(0, 9)], 3)).toEqual([[3, 9, 1]])
})

test('no more is given out than may be out', () => {
  const shared = partition(0, [], { ...SETTINGS, recordLocksMax: 10 })
  take(shared, 'a', [batch(0, 9), batch(10, 19)], 100)
  expect(shared.nextOffset(0)).toBeNull()
  committed(shared, say(shared, 'a', 0, 4, [ACCEPT]))
  expect(shared.nextOffset(0)).toBe(10)
})

test('what was stored goes on: finished stays finished, the rest comes again', () => {
  const shared = partition(10, [
    { firstOffset: 10n, lastOffset: 11n, deliveryState: 2, deliveryCount: 1 },
    { firstOffset: 14n, lastOffset: 14n, deliveryState: 0, deliveryCount: 2 },
    { firstOffset: 15n, lastOffset: 15n, deliveryState: 4, deliveryCount: 3 },
  ])
  expect(shared.startOffset).toBe(12)
  expect(take(shared, 'a', [batch(10, 19)])).toEqual([[12, 13, 1], [14, 14, 3], [16, 19, 1]])
})

test('records that the log lost are finished', () => {
  const shared = partition()
  take(shared, 'a', [batch(0, 9)])
  shared.moveStart(5)
  expect(shared.startOffset).toBe(5)
  committed(shared, say(shared, 'a', 0, 9, [ACCEPT]))
  expect(shared.startOffset).toBe(10)
})

test('delayed records are passed by, take no room, and come when they are due', () => {
  const shared = partition(0, [], { ...SETTINGS, recordLocksMax: 10 })
  const log = [batch(0, 1), batch(2, 9, true, 500), batch(10, 15), batch(16, 16, true, 300), batch(17, 30)]
  expect(take(shared, 'a', log)).toEqual([[0, 1, 1], [10, 15, 1], [17, 30, 1]])
  expect(shared.nextDueMs(0)).toBe(300)
  expect(shared.hasAvailable(299)).toBe(false)
  committed(shared, say(shared, 'a', 0, 1, [ACCEPT]))
  expect(shared.startOffset).toBe(2)
  expect(take(shared, 'b', log, 100, 300)).toEqual([[16, 16, 1]])
  expect(shared.nextDueMs(300)).toBe(500)
  expect(take(shared, 'b', log, 100, 500)).toEqual([[2, 9, 1]])
  expect(shared.nextDueMs(500)).toBeNull()
})

test('after a restart the log says again what is delayed', () => {
  const shared = partition(0, [{ firstOffset: 5n, lastOffset: 5n, deliveryState: 2, deliveryCount: 1 }])
  expect(take(shared, 'a', [batch(0, 2, true, 100), batch(3, 4), batch(5, 6)])).toEqual([[3, 4, 1], [6, 6, 1]])
  expect(take(shared, 'a', [batch(0, 2, true, 100)], 100, 100)).toEqual([[0, 2, 1]])
})

test('what is given up waits for the dead-letter queue before it is archived', () => {
  const shared = partition(0, [], { ...SETTINGS, deliveryCountLimit: 2, hasDeadLetterQueue: true })
  take(shared, 'a', [batch(0, 4)])
  expect(committed(shared, say(shared, 'a', 0, 4, [REJECT, GAP, RELEASE, RELEASE, ACCEPT])).map(({ deliveryState }) => deliveryState)).toEqual([3, 4, 0, 2])
  expect(take(shared, 'a', [batch(0, 4)])).toEqual([[2, 3, 2]])
  committed(shared, shared.release('a'))
  const [rejected, exceeded] = shared.deadLetters()
  expect([rejected, exceeded]).toEqual([
    { firstOffset: 0, lastOffset: 0, deliveryCount: 1, cause: 'rejected' },
    { firstOffset: 2, lastOffset: 3, deliveryCount: 2, cause: 'deliveryCountExceeded' },
  ])
  expect(take(shared, 'b', [batch(0, 4)])).toEqual([])
  expect(shared.startOffset).toBe(0)
  for (const letters of shared.deadLetters()) committed(shared, shared.archive(letters))
  expect(shared.deadLetters()).toEqual([])
  expect(shared.startOffset).toBe(5)
})

test('dead letters that were not written yet go on after a restart, their cause told by their count', () => {
  const shared = partition(0, [{ firstOffset: 0n, lastOffset: 1n, deliveryState: 3, deliveryCount: 1 }, { firstOffset: 2n, lastOffset: 2n, deliveryState: 3, deliveryCount: 3 }])
  expect(shared.deadLetters().map(({ cause }) => cause)).toEqual(['rejected', 'deliveryCountExceeded'])
  expect(take(shared, 'a', [batch(0, 2)])).toEqual([])
})

test('later state covers earlier state', () => {
  const old = [{ firstOffset: 0n, lastOffset: 9n, deliveryState: 0, deliveryCount: 1 }]
  expect(mergeBatches(old, [{ firstOffset: 3n, lastOffset: 5n, deliveryState: 2, deliveryCount: 1 }], 1n)).toEqual([
    { firstOffset: 1n, lastOffset: 2n, deliveryState: 0, deliveryCount: 1 },
    { firstOffset: 3n, lastOffset: 5n, deliveryState: 2, deliveryCount: 1 },
    { firstOffset: 6n, lastOffset: 9n, deliveryState: 0, deliveryCount: 1 },
  ])
})

/** A small generator of numbers, so that a failing life can be lived again. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test.each(Array.from({ length: 60 }, (_, index) => index + 1))('a random life (seed %i): nothing is lost, nothing is at two members at once, no count is exceeded', (seed) => {
  const random = randomOf(seed)
  const log = Array.from({ length: 40 }, (_, index) => batch(index * 3, index * 3 + 2, random(8) > 0, random(4) > 0 ? 0 : random(3000)))
  const end = 120
  const finished = new Set<number>(log.filter(({ deliverable }) => !deliverable).flatMap(({ firstOffset }) => [firstOffset, firstOffset + 1, firstOffset + 2]))
  const deliveries = new Map<number, number>()
  const held = new Map<number, string>()
  let stored: StateBatch[] = []
  let storedStart = 0
  let shared = partition()
  let now = 0
  const store = (change: PreparedChange | string | null): void => {
    if (change === null || typeof change === 'string') return
    if (random(5) === 0) return shared.undo(change)
    for (const { firstOffset, lastOffset, deliveryState, deliveryCount } of change.stateBatches) {
      for (let offset = Number(firstOffset); offset <= lastOffset; offset++) {
        held.delete(offset)
        if (deliveryState !== 0) finished.add(offset)
        expect(deliveryCount).toBeLessThanOrEqual(SETTINGS.deliveryCountLimit)
      }
    }
    stored = mergeBatches(stored, change.stateBatches, BigInt(change.startOffset))
    storedStart = Math.max(storedStart, change.startOffset)
    shared.commit(change)
  }
  for (let step = 0; step < 400; step++) {
    const memberId = `m${random(3)}`
    switch (random(7)) {
      case 0:
      case 1:
      case 2: {
        const from = shared.nextOffset(now)
        if (from === null) break
        const batches = log.filter(({ lastOffset }) => lastOffset >= from).slice(0, 1 + random(6))
        for (const { firstOffset, lastOffset, deliveryCount } of shared.acquire(memberId, from, batches, 1 + random(10), 1 + random(10), random(2), now)) {
          for (let offset = firstOffset; offset <= lastOffset; offset++) {
            expect(held.has(offset), `${offset} is with ${held.get(offset)}`).toBe(false)
            expect(finished.has(offset), `${offset} was finished`).toBe(false)
            expect(log[Math.floor(offset / 3)]?.dueMs ?? 0, `${offset} is not due`).toBeLessThanOrEqual(now)
            held.set(offset, memberId)
            deliveries.set(offset, Math.max(deliveries.get(offset) ?? 0, deliveryCount))
          }
        }
        break
      }
      case 3:
      case 4: {
        const mine = [...held].flatMap(([offset, owner]) => (owner === memberId ? [offset] : [])).sort((a, b) => a - b)
        const offset = mine[random(Math.max(mine.length, 1))]
        if (offset !== undefined) store(say(shared, memberId, offset, offset, [1 + random(4)], now))
        break
      }
      case 5:
        store(random(2) === 0 ? shared.release(memberId) : shared.expire((now += 300)))
        break
      default:
        if (random(10) > 0) break
        // The broker comes back with what was stored.
        shared = partition(storedStart, stored)
        held.clear()
    }
    for (let offset = 0; offset < shared.startOffset; offset++) expect(finished.has(offset), `the start is at ${shared.startOffset}, ${offset} is not finished`).toBe(true)
  }
  // In the end all can be finished.
  for (let round = 0; round < 1000 && shared.startOffset < end; round++) {
    now += 2000
    const expired = shared.expire(now)
    if (expired !== null) shared.commit(expired)
    const from = shared.nextOffset(now)
    if (from === null) throw new Error('nothing can be taken')
    for (const { firstOffset, lastOffset } of shared.acquire('last', from, log.filter(({ lastOffset }) => lastOffset >= from), 100, 100, 0, now)) committed(shared, say(shared, 'last', firstOffset, lastOffset, [ACCEPT], now))
  }
  expect(shared.startOffset).toBe(end)
})
