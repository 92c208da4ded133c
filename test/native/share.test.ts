// A share group over the wire: records go to members, what they say of them outlasts the broker (KIP-932).

import { afterEach, beforeEach, expect, test } from 'vitest'
import { ERRORS } from '../../src/protocol/error-codes.ts'
import { GROUP, ShareBroker } from '../support/share-broker.ts'
import { WireClient } from '../support/wire-client.ts'

const ACCEPT = 1
const RELEASE = 2
let broker: ShareBroker

beforeEach(async () => {
  broker = await ShareBroker.start()
})

afterEach(() => broker.close())

test('a member gets records, gives some back, and another gets those', async () => {
  await broker.join('a')
  await broker.produce(['one', 'two', 'three'])
  expect((await broker.fetch('a', 0)).records).toEqual([[0, 2, 1]])
  expect((await broker.fetch('a', 1, [{ first: 0, last: 1, type: ACCEPT }])).acknowledgeError).toBe(0)
  const acknowledgementBatches = [{ firstOffset: 2n, lastOffset: 2n, acknowledgeTypes: [RELEASE] }]
  const released = await broker.client.call('ShareAcknowledge', 1, { groupId: GROUP, memberId: 'a', shareSessionEpoch: 2, topics: [{ topicId: broker.topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }] })
  expect(released.responses[0]?.partitions[0]?.errorCode).toBe(0)
  expect((await broker.fetch('b', 0)).records).toEqual([[2, 2, 2]])
  expect((await broker.fetch('a', 3, [{ first: 2, last: 2, type: ACCEPT }])).acknowledgeError).toBe(ERRORS.INVALID_RECORD_STATE.code)
})

test('a waiting member is answered when records come', async () => {
  await broker.join('a')
  await broker.fetch('a', 0, [], 0)
  const waiting = broker.fetch('a', 1, [], 30_000)
  const waiter = broker.client
  broker.client = await WireClient.connect(broker.node.listeners[0]?.port ?? 0)
  await broker.produce(['late'])
  expect((await waiting).records).toEqual([[0, 0, 1]])
  waiter.close()
})

test('what was finished stays so when the broker comes back, and what was not comes again', async () => {
  await broker.join('a')
  await broker.produce(['one', 'two', 'three'])
  await broker.fetch('a', 0)
  await broker.fetch('a', 1, [{ first: 1, last: 1, type: ACCEPT }], 0)
  await broker.restart()
  await broker.join('b')
  expect((await broker.fetch('b', 0)).records).toEqual([[0, 0, 1], [2, 2, 1]])
})

test('a session out of step is told so', async () => {
  await broker.join('a')
  const answer = await broker.client.call('ShareFetch', 1, { groupId: GROUP, memberId: 'a', shareSessionEpoch: 5, maxWaitMs: 0, minBytes: 1, maxBytes: 1, maxRecords: 1, batchSize: 1, topics: [], forgottenTopicsData: [] })
  expect(answer.errorCode).toBe(ERRORS.SHARE_SESSION_NOT_FOUND.code)
})
