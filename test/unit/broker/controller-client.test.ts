import { expect, test } from 'vitest'
import { ControllerClient } from '../../../src/broker/controller-client.ts'
import { errorCode, errorName, KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'
import { ManualClock } from '../../support/manual-clock.ts'

type Answer = 'NEVER' | ErrorName | { error: ErrorName } | bigint

/** Node 1; who leads and what each answers is told. A number is the broker epoch of a response, a name fails the call. */
function start(answers: { from: number; answer: Answer }[], leads: { leaderId: number | null; isActive?: boolean }) {
  const clock = new ManualClock()
  const asked: { nodeId: number; version: number; timeoutMs: number; channel: string }[] = []
  const contexts: object[] = []
  const leadership = { epoch: 1, isActive: false, ...leads }
  const answerOf = (nodeId: number): object => {
    const next = answers.shift()
    if (next === undefined) throw new Error('not expected to be asked')
    expect(next.from).toBe(nodeId)
    if (next.answer === 'NEVER') throw new Error('only this node itself may not answer')
    if (typeof next.answer === 'string') throw new KafkaError(next.answer)
    return typeof next.answer === 'bigint' ? { errorCode: 0, brokerEpoch: next.answer, throttleTimeMs: 0 } : { errorCode: errorCode(next.answer.error), brokerEpoch: -1n, throttleTimeMs: 0 }
  }
  const client = new ControllerClient({
    nodeId: 1, leadership: () => leadership as never, listener: 'INTERNAL', clock, timers: clock,
    interBroker: {
      send: (async (nodeId: number, _api: string, _request: object, options: { version: number; timeoutMs: number; channel: string }) => {
        asked.push({ nodeId, ...options })
        return answerOf(nodeId)
      }) as never,
    },
    handlers: () => ({
      BrokerRegistration: async (context: object, request: { previousBrokerEpoch: bigint }) => {
        contexts.push({ ...context, previousBrokerEpoch: request.previousBrokerEpoch })
        return answers[0]?.answer === 'NEVER' ? (answers.shift(), new Promise(() => undefined)) : answerOf(1)
      },
    }) as never,
  })
  const call = (timeoutMs = 5000) =>
    client.call('BrokerRegistration', { brokerId: 1, clusterId: 'c', incarnationId: 'AAAAAAAAAAAAAAAAAAAAAA', listeners: [], features: [], rack: null, logDirs: [] } as never, { version: 4, timeoutMs, channel: 'lifecycle' })
  return { call, clock, asked, contexts, leadership }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
async function advance(clock: ManualClock, durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += 50) {
    await settled()
    clock.advance(50)
  }
  await settled()
}

test('asks the node that leads', async () => {
  const { call, asked } = start([{ from: 2, answer: 5n }], { leaderId: 2 })
  expect((await call()).brokerEpoch).toBe(5n)
  expect(asked).toEqual([{ nodeId: 2, version: 4, timeoutMs: 5000, channel: 'lifecycle' }])
})

test('answers itself where it leads, as if it had come over the network', async () => {
  const { call, asked, contexts } = start([{ from: 1, answer: 6n }], { leaderId: 1, isActive: true })
  expect((await call()).brokerEpoch).toBe(6n)
  expect(asked).toEqual([])
  // What is not given has its default.
  expect(contexts).toEqual([expect.objectContaining({ apiKey: 62, apiVersion: 4, listener: 'INTERNAL', clientId: 'broker-1', isForwarded: false, previousBrokerEpoch: -1n })])
})

test.each(['NOT_CONTROLLER', 'NETWORK_EXCEPTION', 'BROKER_NOT_AVAILABLE', 'REQUEST_TIMED_OUT', 'UNSUPPORTED_VERSION'] as const)('after %s asks whoever leads then', async (name) => {
  const { call, clock, asked, leadership } = start([{ from: 2, answer: name }, { from: 3, answer: 7n }], { leaderId: 2 })
  const answer = call()
  await settled()
  leadership.leaderId = 3
  await advance(clock, 50)
  expect((await answer).brokerEpoch).toBe(7n)
  expect(asked.map(({ nodeId }) => nodeId)).toEqual([2, 3])
})

test('follows a NOT_CONTROLLER in a response, also to itself', async () => {
  const { call, clock, leadership } = start([{ from: 2, answer: { error: 'NOT_CONTROLLER' } }, { from: 1, answer: 8n }], { leaderId: 2 })
  const answer = call()
  await settled()
  Object.assign(leadership, { leaderId: 1, isActive: true })
  await advance(clock, 50)
  expect((await answer).brokerEpoch).toBe(8n)
})

test('other errors are the caller\'s', async () => {
  expect(errorName((await start([{ from: 2, answer: { error: 'STALE_BROKER_EPOCH' } }], { leaderId: 2 }).call()).errorCode)).toBe('STALE_BROKER_EPOCH')
  await expect(start([{ from: 2, answer: 'CLUSTER_AUTHORIZATION_FAILED' }], { leaderId: 2 }).call()).rejects.toMatchObject({ errorName: 'CLUSTER_AUTHORIZATION_FAILED' })
})

test.each([
  { case: 'nobody leads', leads: { leaderId: null } },
  { case: 'this node was elected and is not ready', leads: { leaderId: 1, isActive: false } },
])('waits while $case, until its time is up', async ({ leads }) => {
  const { call, clock, asked } = start([], leads)
  const outcome = call(1000).then(() => 'answered', (error: KafkaError) => error.errorName)
  await advance(clock, 900)
  let ended = false
  void outcome.then(() => (ended = true))
  await settled()
  expect(ended).toBe(false)
  await advance(clock, 100)
  expect([await outcome, asked]).toEqual(['NOT_CONTROLLER', []])
})

test('a controller that cannot answer itself is not waited for without end', async () => {
  const { call, clock } = start([{ from: 1, answer: 'NEVER' }, { from: 1, answer: 'NEVER' }], { leaderId: 1, isActive: true })
  const outcome = call(1000).then(() => 'answered', (error: KafkaError) => error.errorName)
  await advance(clock, 1600)
  expect(await Promise.race([outcome, Promise.resolve('waits')])).toBe('REQUEST_TIMED_OUT')
})

test('one node is not asked for the whole of a long time, nor for less than it takes to answer', async () => {
  const long = start([{ from: 2, answer: 5n }], { leaderId: 2 })
  await long.call(60_000)
  const short = start([{ from: 2, answer: 5n }], { leaderId: 2 })
  await short.call(10)
  expect([long.asked[0]?.timeoutMs, short.asked[0]?.timeoutMs]).toEqual([10_000, 500])
})
