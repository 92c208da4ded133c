import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiHandlers } from '../../../src/broker/api.ts'
import { LocalCaller } from '../../../src/broker/local-caller.ts'
import { servedApis } from '../../../src/broker/served-apis.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'
import { FakeDataPlane, partitionState } from '../../support/fake-data-plane.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const clock = new ManualClock()
let dataPlane: FakeDataPlane
let leads = true

beforeEach(() => {
  dataPlane = new FakeDataPlane({ nowMs: () => clock.nowMs() })
})

const callerOf = (handlers: ApiHandlers): LocalCaller =>
  new LocalCaller({ handlers, served: servedApis(handlers, { Heartbeat: { minVersion: 0, maxVersion: 2 } }), dataPlane, listener: 'CLIENTS', clock, leads: () => leads })

test('a handler sees a request of the highest version served, with every default filled in, and so is its answer', async () => {
  const seen: unknown[] = []
  const caller = callerOf({ Heartbeat: (...call) => (seen.push(...call), { throttleTimeMs: 3 }) })
  expect(await caller.call('Heartbeat', { groupId: 'g', memberId: 'm' })).toEqual({ throttleTimeMs: 3, errorCode: 0 })
  expect(seen).toMatchObject([{ apiVersion: 2, listener: 'CLIENTS', now: clock.nowMs() }, { groupId: 'g', generationId: 0, groupInstanceId: null }])
})

test('errors stay in the response, as over a connection', async () => {
  const caller = callerOf({ Heartbeat: () => Promise.reject(new KafkaError('UNKNOWN_MEMBER_ID')), LeaveGroup: () => { throw new TypeError('bug') } })
  expect((await caller.call('Heartbeat', {})).errorCode).toBe(25)
  expect((await caller.call('LeaveGroup', {})).errorCode).toBe(-1)
})

test('an API without a handler is refused', async () => {
  await expect(callerOf({}).call('Metadata', {})).rejects.toMatchObject({ errorName: 'UNSUPPORTED_VERSION' })
})

describe('ListOffsets', () => {
  const at = (nowMs: number) => ({ key: null, value: new Uint8Array(1), timestampMs: nowMs, headers: [] })
  const ask = async (timestamp: bigint, isolationLevel = 0, topic = 't') =>
    (await callerOf({}).call('ListOffsets', { isolationLevel, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] })).topics[0]?.partitions[0]

  beforeEach(async () => {
    dataPlane.applyTopics([{ name: 't', id: 'dG9waWMtMDAwMDAwMDAwMQ' as Uuid, internal: false, partitions: [partitionState(0, 1, 4)], config: {} as never }], [])
    await dataPlane.append('t', 0, [at(1000), at(2000), at(3000)], null)
    await dataPlane.append('t', 0, [at(4000)], { producerId: 7n, producerEpoch: 0, transactional: true })
    await dataPlane.deleteRecords('t', 0, 1n)
  })

  test.each([
    { what: 'the end', timestamp: -1n, isolation: 0, answer: { offset: 4n, timestamp: -1n, leaderEpoch: 4 } },
    { what: 'the end of what is decided', timestamp: -1n, isolation: 1, answer: { offset: 3n, timestamp: -1n, leaderEpoch: 4 } },
    { what: 'the start', timestamp: -2n, isolation: 0, answer: { offset: 1n, timestamp: -1n, leaderEpoch: 4 } },
    { what: 'a time', timestamp: 1500n, isolation: 0, answer: { offset: 1n, timestamp: 2000n, leaderEpoch: 4 } },
    { what: 'a time past the end', timestamp: 5000n, isolation: 0, answer: { offset: -1n, timestamp: -1n, leaderEpoch: -1 } },
    { what: 'a time of what is undecided', timestamp: 3500n, isolation: 1, answer: { offset: -1n, timestamp: -1n, leaderEpoch: -1 } },
  ])('$what', async ({ timestamp, isolation, answer }) => {
    expect(await ask(timestamp, isolation)).toMatchObject({ errorCode: 0, ...answer })
  })

  test('a copy that another broker leads', async () => {
    leads = false
    try {
      expect(await ask(-1n)).toMatchObject({ errorCode: 6, offset: -1n })
    } finally {
      leads = true
    }
  })

  test('a partition that is not here', async () => {
    expect(await ask(-1n, 0, 'other')).toMatchObject({ errorCode: 3, offset: -1n })
  })
})
