import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BrokerAddress } from '../../../src/interbroker/inter-broker.ts'
import { SocketInterBroker } from '../../../src/interbroker/socket-inter-broker.ts'
import { errorCode } from '../../../src/protocol/error-codes.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { PeerBroker } from '../../support/peer-broker.ts'

const NODE = 2
const LIMITS = { inFlightMax: 3, inFlightMaxBytes: 1 << 20, waitingMax: 4 }

let clock: ManualClock
let peer: PeerBroker
let addresses: Map<number, BrokerAddress>
let brokers: SocketInterBroker

beforeEach(async () => {
  clock = new ManualClock()
  peer = await PeerBroker.start()
  addresses = new Map([[NODE, { host: '127.0.0.1', port: peer.port }]])
  brokers = new SocketInterBroker({ clientId: 'broker-1', clock, timers: clock, requestTimeoutMs: 30_000, connectTimeoutMs: 10_000, limits: LIMITS, addressOf: (nodeId) => addresses.get(nodeId) })
})

afterEach(async () => {
  brokers.close()
  await peer.close()
})

const find = (key: string, options: { timeoutMs?: number; channel?: string; version?: number } = {}) => brokers.send(NODE, 'FindCoordinator', { coordinatorKeys: [key] }, options)
const answer = (...keys: string[]) => ({ coordinators: keys.map((key) => ({ key })) })
const keyOf = ({ body }: { body: unknown }): string | undefined => (body as { coordinatorKeys: string[] }).coordinatorKeys[0]
/** What a port answers nothing at. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('requests go out at once over one connection, and are answered in their order', async () => {
  const asked = ['a', 'b', 'c'].map((key) => find(key))
  const requests = [await peer.next(), await peer.next(), await peer.next()]
  expect(requests.map(keyOf)).toEqual(['a', 'b', 'c'])
  for (const request of requests) request.respond(answer(keyOf(request) ?? ''))
  expect((await Promise.all(asked)).map(({ coordinators }) => coordinators[0]?.key)).toEqual(['a', 'b', 'c'])
  expect(peer.connectionCount).toBe(1)
  expect(clock.pending()).toEqual(new Map())
})

test('no more are under way than may be, and no more wait', async () => {
  const asked = ['a', 'b', 'c', 'd'].map((key) => find(key))
  await expect(find('one too many')).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  const first = await peer.next()
  const others = [await peer.next(), await peer.next()]
  const more = ['e', 'f', 'g'].map((key) => find(key))
  await expect(find('again')).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  expect(peer.received).toHaveLength(3)
  first.respond(answer('a'))
  expect(keyOf(await peer.next())).toBe('d')
  for (const request of others) request.respond(answer(keyOf(request) ?? ''))
  await Promise.all(asked.slice(0, 3))
  brokers.close()
  for (const rest of [...asked.slice(3), ...more]) await expect(rest).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
})

test('uses the newest version that both sides know, and refuses one that the other does not', async () => {
  peer.answerVersions = () => ({ apiKeys: [{ apiKey: 10, minVersion: 0, maxVersion: 4 }] })
  const asked = find('a')
  const request = await peer.next()
  expect(request.version).toBe(4)
  request.respond(answer('a'))
  await asked
  await expect(find('a', { version: 5 })).rejects.toMatchObject({ errorName: 'UNSUPPORTED_VERSION' })
  await expect(find('a', { version: 99 })).rejects.toMatchObject({ errorName: 'UNSUPPORTED_VERSION' })
  await expect(brokers.send(NODE, 'WriteTxnMarkers', { markers: [] })).rejects.toMatchObject({ errorName: 'UNSUPPORTED_VERSION' })
})

test('asks once more for the versions of a broker that knows only the oldest form of the question', async () => {
  const asked: number[] = []
  peer.answerVersions = (version) => {
    asked.push(version)
    return version > 0 ? { errorCode: errorCode('UNSUPPORTED_VERSION') } : { apiKeys: [{ apiKey: 10, minVersion: 0, maxVersion: 4 }] }
  }
  const found = find('a')
  ;(await peer.next()).respond(answer('a'))
  await found
  expect(asked).toEqual([3, 0])
})

test('a node without an address is not available', async () => {
  await expect(brokers.send(9, 'FindCoordinator', {})).rejects.toMatchObject({ errorName: 'BROKER_NOT_AVAILABLE' })
})

test('all that is under way fails with the connection, and the next request makes a new one', async () => {
  const lost = [find('a'), find('b')]
  await peer.next()
  await peer.next()
  peer.disconnectAll()
  for (const each of lost) await expect(each).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  const again = find('c')
  ;(await peer.next()).respond(answer('c'))
  expect((await again).coordinators[0]?.key).toBe('c')
  expect(peer.connectionCount).toBe(2)
})

test('a request that is not answered in time ends the connection, which those behind it learn as well', async () => {
  const slow = find('slow', { timeoutMs: 1000 })
  const behind = find('behind')
  await peer.next()
  await peer.next()
  clock.advance(1000)
  await expect(slow).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
  await expect(behind).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
})

test('a request of another channel does not wait behind a slow one', async () => {
  const slow = find('slow')
  const quick = find('quick', { channel: 'heartbeats' })
  const requests = [await peer.next(), await peer.next()]
  requests.find((request) => keyOf(request) === 'quick')?.respond(answer('quick'))
  expect((await quick).coordinators[0]?.key).toBe('quick')
  requests.find((request) => keyOf(request) === 'slow')?.respond(answer('slow'))
  await slow
  expect(peer.connectionCount).toBe(2)
})

test('after attempts that failed new ones wait, longer each time, and what is asked meanwhile waits with them', async () => {
  addresses.set(NODE, { host: '127.0.0.1', port: await closedPort() })
  const backoffs: number[] = []
  await expect(find('first')).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  for (let attempt = 0; attempt < 7; attempt++) {
    const next = find('next')
    const dueMs = [...clock.pending()].find(([name]) => name.includes('backoff'))?.[1] ?? 0
    backoffs.push(dueMs - clock.monotonicMs())
    clock.advance(dueMs - clock.monotonicMs())
    await expect(next).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  }
  expect(backoffs).toEqual([50, 100, 200, 400, 800, 1000, 1000])
  addresses.set(NODE, { host: '127.0.0.1', port: peer.port })
  const impatient = find('impatient', { timeoutMs: 10 })
  const patient = find('patient')
  clock.advance(10)
  await expect(impatient).rejects.toMatchObject({ errorName: 'REQUEST_TIMED_OUT' })
  clock.advance(990)
  const request = await peer.next()
  expect(keyOf(request)).toBe('patient')
  request.respond(answer('patient'))
  await patient
})

test('a node that came back elsewhere is asked there', async () => {
  const before = find('before')
  await peer.next()
  const other = await PeerBroker.start()
  try {
    addresses.set(NODE, { host: '127.0.0.1', port: other.port })
    const after = find('after')
    await expect(before).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
    ;(await other.next()).respond(answer('after'))
    expect((await after).coordinators[0]?.key).toBe('after')
  } finally {
    await other.close()
  }
})

test.each([
  ['of another request', Buffer.from('7fffffff', 'hex')],
  ['that is too short', Buffer.from('00', 'hex')],
])('an answer %s ends the connection', async (_, bytes) => {
  const asked = find('a')
  ;(await peer.next()).respondRaw(bytes)
  await expect(asked).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
})

test('an answer that cannot be read ends the connection', async () => {
  const asked = find('a')
  const request = await peer.next()
  const header = Buffer.alloc(4)
  header.writeInt32BE(2)
  request.respondRaw(Buffer.concat([header, Buffer.from('00ff', 'hex')]))
  await expect(asked).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
})

test('once closed, everything is rejected and no timer is left', async () => {
  const under = find('under way')
  await peer.next()
  brokers.close()
  await expect(under).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  await expect(find('late')).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  await expect(find('new', { channel: 'new' })).rejects.toMatchObject({ errorName: 'NETWORK_EXCEPTION' })
  expect(clock.pending()).toEqual(new Map())
})
