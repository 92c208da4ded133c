import { expect, test } from 'vitest'
import { OverlayMap } from '../../../src/metadata/overlay-map.ts'

test('behaves as a map that is copied at every change, whatever the order of changes', () => {
  let seed = 42
  const random = (bound: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % bound
  let map = OverlayMap.empty<number, string>()
  const model = new Map<number, string>()
  for (let step = 0; step < 3000; step++) {
    const before = map
    const beforeEntries = step % 100 === 0 ? [...before].sort() : undefined
    const changes = new Map<number, string | undefined>()
    for (let index = random(4); index >= 0; index--) changes.set(random(400), random(3) === 0 ? undefined : `v${step}`)
    for (const [key, value] of changes) {
      if (value === undefined) model.delete(key)
      else model.set(key, value)
    }
    map = map.with(changes)
    expect(map.size).toBe(model.size)
    if (beforeEntries !== undefined) {
      expect([...map].sort()).toEqual([...model].sort())
      expect([...before].sort()).toEqual(beforeEntries)
    }
  }
  expect([...map.keys()].every((key) => map.has(key) && map.get(key) === model.get(key))).toBe(true)
})

test('without changes it is the same map', () => {
  const map = OverlayMap.empty<string, number>().with(new Map([['a', 1]]))
  expect(map.with(new Map())).toBe(map)
})
