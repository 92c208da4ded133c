import { expect, test } from 'vitest'
import { parseUuid, randomUuid, uuidFromBytes, uuidToBytes, ZERO_UUID } from '../../../src/shared/uuid.ts'

test('an id survives the way through bytes, at any offset', () => {
  const id = randomUuid()
  const bytes = Buffer.concat([Buffer.from([1, 2, 3]), uuidToBytes(id), Buffer.from([4])])
  expect(uuidFromBytes(bytes, 3)).toBe(id)
  expect(uuidToBytes(ZERO_UUID)).toEqual(Buffer.alloc(16))
})

test('a random id is of version 4 and never starts with a dash', () => {
  const fills = [0xf8, 0x12]
  const id = randomUuid((bytes) => void bytes.fill(fills.shift() ?? 0))
  expect(id).toBe('EhISEhISQhKSEhISEhISEg')
})

test('only whole, canonical ids are parsed', () => {
  expect(parseUuid(ZERO_UUID)).toBe(ZERO_UUID)
  for (const text of ['', 'abc', 'AAAAAAAAAAAAAAAAAAAAAB', 'AAAAAAAAAAAAAAAAAAAAA=', 'AAAAAAAAAAAAAAAAAAAAAAA']) {
    expect(parseUuid(text), text).toBeUndefined()
  }
})
