import { expect, test } from 'vitest'
import { envelopeHandler, forwardToController } from '../../../src/broker/forwarding.ts'
import type { ApiHandlers, RequestContext } from '../../../src/broker/api.ts'
import { encodeRequest, decodeRequestHeader, encodeResponse, decodeResponse } from '../../../src/protocol/codec.ts'
import { errorCode, KafkaError } from '../../../src/protocol/error-codes.ts'

const CONTEXT: RequestContext = { apiKey: 44, apiVersion: 1, correlationId: 5, clientId: 'a client', clientAddress: '10.1.2.3:4567', listener: 'PLAINTEXT', principal: 'User:ANONYMOUS', isForwarded: false, now: 1 }
type Resource = { resourceType: number; resourceName: string; configs: { name: string; configOperation: number; value: string | null }[] }
type Envelope = { requestData: Uint8Array; clientHostAddress: Uint8Array; requestPrincipal: Uint8Array | null }

const resource = (resourceType: number, resourceName: string, name = 'x', value: string | null = 'v'): Resource => ({ resourceType, resourceName, configs: [{ name, configOperation: 0, value }] })
const alteration = (...resources: Resource[]) => ({ resources, validateOnly: false })
const outcomes = (resources: readonly Resource[], errorMessage: string) => ({ responses: resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, errorCode: 0, errorMessage })) })

/** Node 1, whose own answers say "here"; the controller answers envelopes with what `responds` makes of them. */
function start({ isActive = false, responds }: { isActive?: boolean; responds?: (envelope: Envelope) => { responseData: Uint8Array | null } } = {}) {
  const envelopes: Envelope[] = []
  const calls: object[] = []
  const handlers = {
    IncrementalAlterConfigs: async (_context: object, { resources }: { resources: Resource[] }) => outcomes(resources, 'here'),
    UnregisterBroker: async () => ({ errorMessage: 'here' }),
    Metadata: async () => ({ clusterId: 'here' }),
  } as unknown as ApiHandlers
  const call = async (_api: string, envelope: Envelope, options: object) => {
    envelopes.push(envelope)
    calls.push(options)
    if (responds !== undefined) return responds(envelope)
    const { apiKey, apiVersion, correlationId } = decodeRequestHeader(envelope.requestData)
    return { responseData: apiKey === 64 ? encodeResponse('UnregisterBroker', apiVersion, correlationId, { errorMessage: 'there' }) : encodeResponse('IncrementalAlterConfigs', apiVersion, correlationId, outcomes([resource(2, 't')], 'there')) }
  }
  const forwarding = forwardToController(handlers, { nodeId: 1, logDirs: ['/a'], isActive: () => isActive, controller: { call } as never })
  return { forwarding, envelopes, calls }
}

const unregister = { brokerId: 9 }

test('what only the controller decides is passed on as it came, with who sent it', async () => {
  const { forwarding, envelopes, calls } = start()
  const response = await forwarding.UnregisterBroker?.({ ...CONTEXT, apiKey: 64, apiVersion: 0 }, unregister)
  expect(response).toMatchObject({ errorMessage: 'there' })
  const [{ requestData, clientHostAddress } = {} as Envelope] = envelopes
  expect(decodeRequestHeader(requestData)).toMatchObject({ apiKey: 64, apiVersion: 0, correlationId: 5, clientId: 'a client' })
  expect([...clientHostAddress]).toEqual([10, 1, 2, 3])
  expect(calls).toEqual([{ version: 0, timeoutMs: 25_000, channel: 'forward' }])
})

test.each([
  { case: 'this node is the controller', active: true, forwarded: false },
  { case: 'it was passed on already', active: false, forwarded: true },
])('is answered here where $case', async ({ active, forwarded }) => {
  const { forwarding, envelopes } = start({ isActive: active })
  expect(await forwarding.UnregisterBroker?.({ ...CONTEXT, apiVersion: 0, isForwarded: forwarded }, unregister)).toEqual({ errorMessage: 'here' })
  expect(envelopes).toEqual([])
})

test('all else is answered here', async () => {
  const { forwarding, envelopes } = start()
  expect(await forwarding.Metadata?.(CONTEXT, {} as never)).toEqual({ clusterId: 'here' })
  expect(envelopes).toEqual([])
})

test('a controller that does not understand is told to the client as an error', async () => {
  const { forwarding } = start({ responds: () => ({ responseData: null }) })
  await expect(forwarding.UnregisterBroker?.({ ...CONTEXT, apiVersion: 0 }, unregister)).rejects.toMatchObject({ errorName: 'UNKNOWN_SERVER_ERROR' })
})

test.each([
  { case: 'a topic', of: resource(2, 't'), here: false },
  { case: 'all brokers', of: resource(4, ''), here: false },
  { case: 'this broker', of: resource(4, '1'), here: false },
  { case: 'another broker', of: resource(4, '2'), here: true },
  { case: 'another broker, kept in the metadata', of: resource(4, '2', 'leader.replication.throttled.rate'), here: false },
  { case: 'loggers', of: resource(8, '1'), here: true },
  { case: 'a directory of this broker', of: resource(4, '1', 'cordoned.log.dirs', '/a'), here: false },
  { case: 'a directory that this broker has not', of: resource(4, '1', 'cordoned.log.dirs', '/b'), here: true },
  { case: 'no directory any more', of: resource(4, '1', 'cordoned.log.dirs', null), here: false },
])('configs of $case are for this broker to answer: $here', async ({ of, here }) => {
  const { forwarding, envelopes } = start()
  const response = await forwarding.IncrementalAlterConfigs?.(CONTEXT, alteration(of) as never)
  expect([envelopes.length, response?.responses?.[0]?.errorMessage]).toEqual(here ? [0, 'here'] : [1, 'there'])
})

test('configs of both kinds are answered by both', async () => {
  const { forwarding, envelopes } = start()
  const response = await forwarding.IncrementalAlterConfigs?.(CONTEXT, alteration(resource(8, '1'), resource(2, 't')) as never)
  expect(response?.responses?.map(({ resourceType, errorMessage }) => [resourceType, errorMessage])).toEqual([[8, 'here'], [2, 'there']])
  expect(envelopes).toHaveLength(1)
})

/** What a controller makes of an Envelope. */
async function envelope(api: 'UnregisterBroker' | 'Metadata', answer: () => unknown, isActive = true) {
  const seen: { context: RequestContext; request: unknown }[] = []
  const handlers = { [api]: async (context: RequestContext, request: unknown) => (seen.push({ context, request }), answer()) } as unknown as ApiHandlers
  const requestData = api === 'Metadata' ? encodeRequest('Metadata', 12, 5, 'a client', { topics: null } as never) : encodeRequest('UnregisterBroker', 0, 5, 'a client', unregister)
  const response = await envelopeHandler(() => handlers, () => isActive)(CONTEXT, { requestData, requestPrincipal: null, clientHostAddress: new Uint8Array(4) })
  const data = response.responseData as Uint8Array | undefined
  return { seen, errorCode: response.errorCode, body: data === undefined || data === null ? undefined : decodeResponse('UnregisterBroker', 0, data).body }
}

test('the controller answers an Envelope as the client would be answered, and never passes it on', async () => {
  const { seen, body } = await envelope('UnregisterBroker', () => ({ errorMessage: 'done' }))
  expect(body).toMatchObject({ errorCode: 0, errorMessage: 'done' })
  expect(seen).toEqual([{ request: unregister, context: { ...CONTEXT, apiKey: 64, apiVersion: 0, correlationId: 5, clientId: 'a client', isForwarded: true } }])
})

test.each([
  { case: 'a node that is not the controller', run: () => envelope('UnregisterBroker', () => ({}), false), error: 'NOT_CONTROLLER' },
  { case: 'a controller that was deposed meanwhile', run: () => envelope('UnregisterBroker', () => { throw new KafkaError('NOT_CONTROLLER') }), error: 'NOT_CONTROLLER' },
  { case: 'a request that is not the controller\'s', run: () => envelope('Metadata', () => ({})), error: 'INVALID_REQUEST' },
] as const)('$case refuses with $error', async ({ run, error }) => {
  const { errorCode: code, body } = await run()
  expect([code, body]).toEqual([errorCode(error), undefined])
})

test('other refusals are the client\'s to see', async () => {
  const { errorCode: code, body } = await envelope('UnregisterBroker', () => { throw new KafkaError('BROKER_ID_NOT_REGISTERED', 'Broker ID 9 is not currently registered') })
  expect([code ?? 0, body?.errorCode, body?.errorMessage]).toEqual([0, errorCode('BROKER_ID_NOT_REGISTERED'), 'Broker ID 9 is not currently registered'])
})
