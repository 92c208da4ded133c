import { beforeEach, expect, test } from 'vitest'
import { API_VERSIONS_VERSIONS, apiVersionsHandler } from '../../../src/broker/api-versions.ts'
import type { ApiHandlers, RequestContext } from '../../../src/broker/api.ts'
import { Router } from '../../../src/broker/router.ts'
import { servedApis } from '../../../src/broker/served-apis.ts'
import type { ServedApis } from '../../../src/broker/served-apis.ts'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import { FakeDataPlane } from '../../support/fake-data-plane.ts'
import { ManualClock } from '../../support/manual-clock.ts'

let dataPlane: FakeDataPlane
let handlers: ApiHandlers
let lines: { level: string; message: string; fields: unknown }[]
const clock = new ManualClock()

beforeEach(() => {
  dataPlane = new FakeDataPlane()
  lines = []
  handlers = {}
})

function start(): void {
  let served: ServedApis
  const all: ApiHandlers = {
    ...handlers,
    ApiVersions: apiVersionsHandler({
      served: () => served,
      features: [
        { name: 'metadata.version', minVersion: 7, maxVersion: 29 },
        { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
      ],
      finalized: () => ({ epoch: 12n, levels: new Map([['metadata.version', 29]]) }),
    }),
  }
  served = servedApis(all, { ApiVersions: API_VERSIONS_VERSIONS, Heartbeat: { minVersion: 1, maxVersion: 3 } })
  const log = (level: string) => (message: string, fields?: unknown) => void lines.push({ level, message, fields })
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const router = new Router({ dataPlane, handlers: all, served, clock, logger })
  dataPlane.onRequest((request) => router.handle(request))
}

async function ask(frame: Uint8Array): Promise<Uint8Array> {
  const answer = await dataPlane.request(frame)
  if ('disconnected' in answer) throw new Error(`disconnected: ${answer.disconnected}`)
  return answer.payload
}

test('a handler gets the request with its context, and its answer goes back under the correlation id', async () => {
  const seen: unknown[] = []
  handlers.Heartbeat = (context: RequestContext, request) => {
    seen.push(context, request)
    return { throttleTimeMs: 5 }
  }
  start()
  const payload = await ask(encodeRequest('Heartbeat', 3, 99, 'me', { groupId: 'g', memberId: 'm', generationId: 4 }))
  expect(decodeResponse('Heartbeat', 3, payload)).toEqual({ correlationId: 99, body: { throttleTimeMs: 5, errorCode: 0 } })
  expect(seen).toEqual([
    {
      apiKey: 12, apiVersion: 3, correlationId: 99, isForwarded: false, clientId: 'me', clientAddress: '127.0.0.1', listener: 'PLAINTEXT',
      principal: 'User:ANONYMOUS', now: clock.nowMs(),
    },
    { groupId: 'g', memberId: 'm', generationId: 4, groupInstanceId: null },
  ])
})

test.each([
  { name: 'at once', heartbeat: () => { throw new KafkaError('ILLEGAL_GENERATION') }, code: 22, logged: 0 },
  { name: 'later', heartbeat: () => Promise.reject(new KafkaError('ILLEGAL_GENERATION')), code: 22, logged: 0 },
  { name: 'at once by a bug', heartbeat: () => { throw new TypeError('undefined is not a function') }, code: -1, logged: 1 },
  { name: 'later by a bug', heartbeat: () => Promise.reject(new TypeError('undefined is not a function')), code: -1, logged: 1 },
])('a handler that fails $name becomes an error response', async ({ heartbeat, code, logged }) => {
  handlers.Heartbeat = heartbeat
  start()
  const payload = await ask(encodeRequest('Heartbeat', 1, 1, null, { groupId: 'g', memberId: 'm', generationId: 4 }))
  expect(decodeResponse('Heartbeat', 1, payload).body.errorCode).toBe(code)
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(logged)
})

test('an answer that cannot be encoded ends the connection with a line in the log', async () => {
  handlers.Heartbeat = () => null as never
  start()
  const answer = await dataPlane.request(encodeRequest('Heartbeat', 1, 1, null, { groupId: 'g', memberId: 'm', generationId: 4 }))
  expect(answer).toEqual({ disconnected: 'the response to Heartbeat cannot be encoded' })
  expect(lines.map(({ level }) => level)).toEqual(['error', 'info'])
})

const valid = encodeRequest('Heartbeat', 1, 1, null, { groupId: 'group', memberId: 'm', generationId: 4 })
const withHeader = (apiKey: number, apiVersion: number): Uint8Array => {
  const frame = Buffer.from(valid)
  frame.writeInt16BE(apiKey, 0)
  frame.writeInt16BE(apiVersion, 2)
  return frame
}

test.each([
  { name: 'an unknown API', frame: withHeader(999, 0), reason: 'API 999 (version 0) is not served here' },
  { name: 'a negative API key', frame: withHeader(-5, 0), reason: 'API -5 (version 0) is not served here' },
  { name: 'an API without a handler', frame: withHeader(10, 4), reason: 'API 10 (version 4) is not served here' },
  { name: 'a version below', frame: withHeader(12, 0), reason: 'version 0 of Heartbeat is not supported' },
  { name: 'a version above', frame: withHeader(12, 4), reason: 'version 4 of Heartbeat is not supported' },
  { name: 'a negative version', frame: withHeader(12, -1), reason: 'version -1 of Heartbeat is not supported' },
  { name: 'a header that ends early', frame: valid.subarray(0, 7), reason: /^a request's header cannot be read: / },
  { name: 'an empty frame', frame: new Uint8Array(0), reason: /^a request's header cannot be read: / },
  { name: 'a body that ends early', frame: valid.subarray(0, valid.length - 2), reason: /^a Heartbeat request cannot be read: / },
])('$name ends the connection with one line in the log', async ({ frame, reason }) => {
  handlers.Heartbeat = () => ({})
  start()
  expect(await dataPlane.request(frame)).toEqual({ disconnected: typeof reason === 'string' ? reason : expect.stringMatching(reason) })
  expect(lines).toEqual([{ level: 'info', message: 'closed a connection', fields: expect.objectContaining({ client: '127.0.0.1', listener: 'PLAINTEXT' }) }])
})

test('ApiVersions lists what is served here and by the data plane, and nothing else', async () => {
  handlers.Heartbeat = () => ({})
  start()
  const payload = await ask(encodeRequest('ApiVersions', 4, 1, null, { clientSoftwareName: 'kafka', clientSoftwareVersion: '4.3.1' }))
  expect(decodeResponse('ApiVersions', 4, payload).body).toEqual({
    errorCode: 0,
    apiKeys: [
      { apiKey: 0, minVersion: 0, maxVersion: 13 },
      { apiKey: 1, minVersion: 4, maxVersion: 18 },
      { apiKey: 2, minVersion: 1, maxVersion: 11 },
      { apiKey: 12, minVersion: 1, maxVersion: 3 },
      { apiKey: 18, minVersion: 0, maxVersion: 4 },
      { apiKey: 23, minVersion: 2, maxVersion: 4 },
    ],
    throttleTimeMs: 0,
    supportedFeatures: [
      { name: 'metadata.version', minVersion: 7, maxVersion: 29 },
      { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
    ],
    finalizedFeaturesEpoch: 12n,
    finalizedFeatures: [{ name: 'metadata.version', maxVersionLevel: 29, minVersionLevel: 29 }],
    zkMigrationReady: false,
  })
})

test('ApiVersions 3 leaves out features whose minimum is 0', async () => {
  start()
  const payload = await ask(encodeRequest('ApiVersions', 3, 1, null, { clientSoftwareName: 'kafka', clientSoftwareVersion: '3.9' }))
  expect(decodeResponse('ApiVersions', 3, payload).body.supportedFeatures.map(({ name }) => name)).toEqual(['metadata.version'])
})

test.each(['', '-kafka', 'kafka.', 'ka ka', 'kafka\n'])('ApiVersions refuses the software name %j', async (clientSoftwareName) => {
  start()
  const payload = await ask(encodeRequest('ApiVersions', 3, 1, null, { clientSoftwareName, clientSoftwareVersion: '1' }))
  expect(decodeResponse('ApiVersions', 3, payload).body).toMatchObject({ errorCode: 42, apiKeys: [] })
})

test.each([5, 99, 32_767])('ApiVersions %i, which is not known, is answered in version 0 with the versions that are', async (version) => {
  start()
  const frame = Buffer.from(encodeRequest('ApiVersions', 4, 77, 'me', {}))
  frame.writeInt16BE(version, 2)
  const { correlationId, body } = decodeResponse('ApiVersions', 0, await ask(frame))
  expect({ correlationId, errorCode: body.errorCode, apiKeys: body.apiKeys }).toEqual({
    correlationId: 77,
    errorCode: 35,
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
  })
})
