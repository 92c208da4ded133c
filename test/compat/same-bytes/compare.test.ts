import { expect, test } from 'vitest'
import { differences, normalize } from './compare.ts'

test('values that are a broker’s own count only as set, zero or unset', () => {
  const one = normalize({ topicId: 'k3lQ9Zr5T6uVwX1yZ2a3bQ', port: 9092, producerId: 7n, memberId: '' })
  expect(one).toEqual(normalize({ topicId: 'AAAAAAAAAAAAAAAAAAAABA', port: 1, producerId: 4000n, memberId: '' }))
  expect(one).not.toEqual(normalize({ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', port: 1, producerId: 4000n, memberId: '' }))
  expect(one).not.toEqual(normalize({ topicId: 'AAAAAAAAAAAAAAAAAAAABA', port: 1, producerId: -1n, memberId: 'm' }))
})

test('a difference names its place; the order of an array is none', () => {
  const kafka = normalize({ topics: [{ name: 'b', errorCode: 0 }, { name: 'a', errorCode: 3 }] })
  expect(differences(kafka, normalize({ topics: [{ name: 'a', errorCode: 3 }, { name: 'b', errorCode: 0 }] }))).toEqual([])
  expect(differences(kafka, normalize({ topics: [{ name: 'a', errorCode: 5 }, { name: 'b', errorCode: 0 }] }))).toEqual([{ path: 'topics[a].errorCode', kafka: 3, millrace: 5 }])
  expect(differences(kafka, normalize({ topics: [] }))).toHaveLength(2)
})

test('bytes are compared as they are', () => {
  expect(differences(normalize({ records: Buffer.from([1, 2]) }), normalize({ records: new Uint8Array([1, 2]) }))).toEqual([])
  expect(differences(normalize({ records: Buffer.from([1, 2]) }), normalize({ records: new Uint8Array([1, 3]) }))).toHaveLength(1)
})
