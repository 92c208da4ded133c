import { expect, test } from 'vitest'
import { BrokerLifecycle } from '../../../src/broker/broker-lifecycle.ts'
import type { BrokerImage } from '../../../src/metadata/cluster-image.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'
import type { ErrorName } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { broker, dirOf, idOf } from '../../support/cluster-images.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const RUN = idOf('run-1')
type Heartbeat = { brokerEpoch: bigint; currentMetadataOffset: bigint; wantShutDown: boolean; offlineLogDirs: string[]; cordonedLogDirs: string[] | null }
type Answer = object | ErrorName

/** A controller that answers what it is told to: objects as responses, names as failures of the call. */
function start(options: { registers?: Answer[] } = {}) {
  const clock = new ManualClock()
  const lines: string[] = []
  const registrations: object[] = []
  const heartbeats: Heartbeat[] = []
  const answers = { register: options.registers ?? [], beat: [] as (Answer | 'NEVER')[] }
  const state: { self: BrokerImage | undefined; offline: string[]; cordoned: string[]; epoch: bigint } = { self: undefined, offline: [], cordoned: [], epoch: 7n }
  const call = async (api: string, request: object, { timeoutMs }: { timeoutMs: number }) => {
    const answer = api === 'BrokerRegistration' ? (registrations.push(request), answers.register.shift() ?? { errorCode: 0, brokerEpoch: state.epoch }) : (heartbeats.push(request as Heartbeat), answers.beat.shift() ?? { errorCode: 0, isFenced: false, shouldShutDown: false })
    if (answer === 'NEVER') {
      return new Promise((_, reject) => clock.set(`call-${heartbeats.length}`, timeoutMs, () => reject(new KafkaError('REQUEST_TIMED_OUT'))))
    }
    if (typeof answer === 'string') throw new KafkaError(answer)
    return answer
  }
  const lifecycle = new BrokerLifecycle({
    nodeId: 1, incarnationId: RUN, controller: { call: call as never }, timers: clock, clock,
    registration: () => ({ clusterId: 'c', listeners: [], features: [], rack: null, isMigratingZkBroker: false, logDirs: [dirOf(1)], previousBrokerEpoch: -1n }),
    logDirs: () => ({ offline: state.offline as never, cordoned: state.cordoned as never }),
    self: () => ({ broker: state.self, metadataOffset: 40n }),
    heartbeatIntervalMs: 500, sessionTimeoutMs: 9000,
    logger: new Logging({ write: (line) => lines.push(line) }).logger('broker'),
  })
  /** The image comes to tell of this process. */
  const appear = (change: Partial<BrokerImage> = {}): void => {
    state.self = broker(1, { incarnationId: RUN, epoch: state.epoch, fenced: true, ...change })
    lifecycle.onChange()
  }
  return { lifecycle, clock, lines, registrations, heartbeats, answers, state, appear }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
async function advance(clock: ManualClock, durationMs: number, stepMs = 50): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += stepMs) {
    clock.advance(stepMs)
    await settled()
  }
}

/** Registered, seen and unfenced. */
async function running() {
  const parts = start()
  const registered = parts.lifecycle.register()
  await settled()
  parts.appear()
  await registered
  const unfenced = parts.lifecycle.unfence()
  await settled()
  parts.appear({ fenced: false })
  await unfenced
  parts.lines.length = 0
  return parts
}

test('is registered once the metadata tells of this process, and has no epoch before', async () => {
  const { lifecycle, appear, registrations, state } = start()
  let done = false
  const registered = lifecycle.register().then(() => (done = true))
  await settled()
  state.self = broker(1, { incarnationId: idOf('run-0'), epoch: 7n })
  lifecycle.onChange()
  await settled()
  expect([done, lifecycle.epoch]).toEqual([false, -1n])
  appear()
  await registered
  expect(lifecycle.epoch).toBe(7n)
  expect(registrations).toEqual([expect.objectContaining({ brokerId: 1, incarnationId: RUN, logDirs: [dirOf(1)] })])
})

test('waits for the session of the process before it to end', async () => {
  const refused = { errorCode: errorCode('DUPLICATE_BROKER_REGISTRATION'), brokerEpoch: -1n }
  const { lifecycle, clock, appear, registrations } = start({ registers: [refused, refused] })
  const registered = lifecycle.register()
  await settled()
  await advance(clock, 1000, 500)
  expect(registrations).toHaveLength(3)
  appear()
  await registered
})

test.each(['INCONSISTENT_CLUSTER_ID', 'UNSUPPORTED_VERSION', 'INVALID_REGISTRATION'] as const)('one that is refused with %s stops with one line', async (name) => {
  for (const answer of [{ errorCode: errorCode(name), brokerEpoch: -1n }, name]) {
    const { lifecycle, registrations } = start({ registers: [answer] })
    const error = await lifecycle.register().then(() => undefined, (thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'REGISTRATION' })
    expect((error as Error).message).toMatch(new RegExp(`^the controller refuses node 1: ${name} .+$`))
    expect(registrations).toHaveLength(1)
  }
})

test('an id that stays taken is given up after a minute', async () => {
  const refused = { errorCode: errorCode('DUPLICATE_BROKER_REGISTRATION'), brokerEpoch: -1n }
  const { lifecycle, clock } = start({ registers: Array.from({ length: 200 }, () => refused) })
  const outcome = lifecycle.register().then(() => 'registered', (error: Error) => error.message)
  await advance(clock, 61_000, 500)
  expect(await outcome).toMatch(/DUPLICATE_BROKER_REGISTRATION/)
})

test('heartbeats go out at their interval, sooner while it is fenced, and tell of directories', async () => {
  const { clock, heartbeats, state, answers } = await running()
  heartbeats.length = 0
  await advance(clock, 1500)
  expect(heartbeats).toHaveLength(3)
  expect(heartbeats[0]).toEqual({ brokerId: 1, brokerEpoch: 7n, currentMetadataOffset: 40n, wantFence: false, wantShutDown: false, offlineLogDirs: [], cordonedLogDirs: [] })
  state.offline = ['x']
  state.cordoned = ['y']
  answers.beat.push({ errorCode: 0, isFenced: true, shouldShutDown: false }, { errorCode: 0, isFenced: true, shouldShutDown: false })
  await advance(clock, 600)
  expect(heartbeats.slice(3).map(({ offlineLogDirs, cordonedLogDirs }) => [offlineLogDirs, cordonedLogDirs])).toEqual([[['x'], ['y']], [['x'], ['y']], [['x'], ['y']]])
})

test('what the controller should know at once does not wait for the next heartbeat, nor double them', async () => {
  const { lifecycle, clock, heartbeats } = await running()
  heartbeats.length = 0
  lifecycle.hasten()
  clock.advance(0)
  await settled()
  expect(heartbeats).toHaveLength(1)
  await advance(clock, 2000)
  expect(heartbeats).toHaveLength(5)
})

test.each([
  { case: 'the call fails', answer: 'NETWORK_EXCEPTION' as Answer, warned: true },
  { case: 'the controller has an error', answer: { errorCode: errorCode('UNKNOWN_SERVER_ERROR'), isFenced: true, shouldShutDown: false }, warned: true },
])('goes on where $case', async ({ answer, warned }) => {
  const { clock, heartbeats, answers, lines, registrations } = await running()
  heartbeats.length = 0
  answers.beat.push(answer, answer)
  await advance(clock, 1500)
  expect(heartbeats.length).toBeGreaterThanOrEqual(3)
  expect([lines.some((line) => line.includes('WARN')), registrations.length]).toEqual([warned, 1])
})

test.each(['STALE_BROKER_EPOCH', 'BROKER_ID_NOT_REGISTERED'] as const)('registers again when the controller answers %s', async (name) => {
  for (const answer of [name, { errorCode: errorCode(name), isFenced: true, shouldShutDown: false }]) {
    const { lifecycle, clock, answers, registrations, heartbeats, state, appear } = await running()
    answers.beat.push(answer)
    state.epoch = 9n
    await advance(clock, 550)
    expect([registrations.length, lifecycle.epoch]).toEqual([2, -1n])
    appear()
    expect([lifecycle.epoch, heartbeats.at(-1)?.brokerEpoch]).toEqual([9n, 9n])
  }
})

test('a broker that is not taken back tries on without haste', async () => {
  const { clock, answers, registrations } = await running()
  const refused = { errorCode: errorCode('DUPLICATE_BROKER_REGISTRATION'), brokerEpoch: -1n }
  answers.beat.push(...Array.from({ length: 50 }, (): Answer => 'STALE_BROKER_EPOCH'))
  answers.register.push(...Array.from({ length: 50 }, () => refused))
  await advance(clock, 2600)
  expect(registrations).toHaveLength(6)
})

test('may stop when the controller says so', async () => {
  const { lifecycle, clock, heartbeats, answers, lines } = await running()
  heartbeats.length = 0
  answers.beat.push({ errorCode: 0, isFenced: false, shouldShutDown: false }, { errorCode: 0, isFenced: true, shouldShutDown: true })
  const stopped = lifecycle.shutDown(15_000)
  await advance(clock, 100)
  await stopped
  expect(heartbeats.map(({ wantShutDown }) => wantShutDown)).toEqual([true, true])
  await advance(clock, 5000)
  expect([heartbeats.length, lines]).toEqual([2, []])
})

test('does not wait long for a controller that is not there', async () => {
  const { lifecycle, clock, answers } = await running()
  answers.beat.push('NEVER')
  let stopped = false
  void lifecycle.shutDown(15_000).then(() => (stopped = true))
  await advance(clock, 3900)
  expect(stopped).toBe(false)
  await advance(clock, 150)
  expect(stopped).toBe(true)
})

test('stops with a warning where nobody takes over in time', async () => {
  const { lifecycle, clock, answers, lines } = await running()
  answers.beat.push(...Array.from({ length: 500 }, () => ({ errorCode: 0, isFenced: false, shouldShutDown: false })))
  const stopped = lifecycle.shutDown(1000)
  await advance(clock, 1000)
  await stopped
  expect(lines).toEqual([expect.stringMatching(/WARN .*stops without having handed over all leaderships waitedMs=1000/)])
})

test('a broker that the controller does not know any more stops without registering again', async () => {
  const { lifecycle, clock, answers, registrations } = await running()
  answers.beat.push({ errorCode: errorCode('STALE_BROKER_EPOCH'), isFenced: true, shouldShutDown: false })
  const stopped = lifecycle.shutDown(15_000)
  await advance(clock, 50)
  await stopped
  expect(registrations).toHaveLength(1)
})
