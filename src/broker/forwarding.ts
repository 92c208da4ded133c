// Requests that change metadata reach the active controller wherever a client sends them: a broker that is not it wraps
// them in an Envelope (KIP-590) and passes its answer on.

import { isIP } from 'node:net'
import { apiByKey } from '../protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../protocol/codec.ts'
import { errorCode, KafkaError } from '../protocol/error-codes.ts'
import { KEPT_IN_METADATA } from '../config/broker-settings.ts'
import { unknownCordoned } from '../config/cordoned-directories.ts'
import { CONFIG_RESOURCES } from '../metadata/cluster-image.ts'
import type { ApiHandler, ApiHandlers, RequestContext } from './api.ts'
import type { ControllerClient } from './controller-client.ts'
import { asKafkaError, errorResponse } from './error-responses.ts'

/** What only the controller decides or knows. */
const FORWARDED = [
  'CreateTopics', 'DeleteTopics', 'CreatePartitions', 'AlterConfigs', 'IncrementalAlterConfigs', 'ElectLeaders', 'AlterPartitionReassignments',
  'UpdateFeatures', 'UnregisterBroker', 'AddRaftVoter', 'RemoveRaftVoter', 'DescribeQuorum',
] as const satisfies readonly ApiName[]
const ENVELOPE_VERSION = 0
const FORWARD_TIMEOUT_MS = 25_000

export type ForwardingDeps = {
  readonly nodeId: number
  /** This broker's. */
  readonly logDirs: readonly string[]
  isActive(): boolean
  readonly controller: ControllerClient
}

type AnyHandler = ApiHandler<ApiName>
type ConfigApi = 'AlterConfigs' | 'IncrementalAlterConfigs'

/** The handlers, of which those of the controller pass requests on where this node is not it. */
export function forwardToController(handlers: ApiHandlers, deps: ForwardingDeps): ApiHandlers {
  const forwarding: Record<string, AnyHandler> = { ...(handlers as Record<string, AnyHandler>) }
  for (const api of FORWARDED) {
    const here = forwarding[api]
    if (here === undefined) continue
    const elsewhere: AnyHandler = (context, request) => forward(deps.controller, api, context, request)
    const away = api === 'AlterConfigs' || api === 'IncrementalAlterConfigs' ? splitConfigs(here as ApiHandler<ConfigApi>, elsewhere as ApiHandler<ConfigApi>, deps) : elsewhere
    forwarding[api] = (context, request) => (context.isForwarded || deps.isActive() ? here(context, request) : (away as AnyHandler)(context, request))
  }
  return forwarding as ApiHandlers
}

async function forward<N extends ApiName>(controller: ControllerClient, api: N, context: RequestContext, request: RequestOf<N>): Promise<Encodable<ResponseOf<N>>> {
  const { apiVersion, correlationId, clientId, clientAddress } = context
  const envelope = {
    requestData: encodeRequest(api, apiVersion, correlationId, clientId, request as Encodable<RequestOf<N>>).slice(),
    requestPrincipal: null,
    clientHostAddress: addressBytes(clientAddress),
  }
  const { responseData } = await controller.call('Envelope', envelope, { version: ENVELOPE_VERSION, timeoutMs: FORWARD_TIMEOUT_MS, channel: 'forward' })
  if (responseData === null) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'The controller did not understand a request that was passed on to it.')
  return decodeResponse(api, apiVersion, responseData).body as Encodable<ResponseOf<N>>
}

/** Loggers belong to the broker that was asked, and so do complaints about another broker's name or about directories that this one has not; all else is the controller's. */
function splitConfigs(here: ApiHandler<ConfigApi>, elsewhere: ApiHandler<ConfigApi>, { nodeId, logDirs }: ForwardingDeps): ApiHandler<ConfigApi> {
  type Resource = { resourceType: number; resourceName: string; configs: readonly { name: string; value: string | null; configOperation?: number }[] }
  const isOwn = ({ resourceType, resourceName, configs }: Resource): boolean => {
    if (resourceType === CONFIG_RESOURCES.BROKER_LOGGER) return true
    if (resourceType === CONFIG_RESOURCES.BROKER && resourceName === String(nodeId) && unknownCordoned(configs, logDirs).length > 0) return true
    const isAnothers = resourceType === CONFIG_RESOURCES.BROKER && resourceName !== '' && resourceName !== String(nodeId)
    return isAnothers && !configs.every(({ name }) => KEPT_IN_METADATA.has(name))
  }
  return async (context, request) => {
    const own = request.resources.filter(isOwn)
    if (own.length === 0) return elsewhere(context, request)
    if (own.length === request.resources.length) return here(context, request)
    const part = (resources: typeof own) => ({ ...request, resources }) as typeof request
    const [mine, others] = await Promise.all([here(context, part(own)), elsewhere(context, part(request.resources.filter((resource) => !isOwn(resource)) as typeof own))])
    return { responses: [...(mine.responses ?? []), ...(others.responses ?? [])] }
  }
}

/** Answers Envelope on the controller. A node that is not it says so and never passes an Envelope on. */
export function envelopeHandler(handlers: () => ApiHandlers, isActive: () => boolean): ApiHandler<'Envelope'> {
  return async (context, { requestData }) => {
    if (!isActive()) return { errorCode: errorCode('NOT_CONTROLLER') }
    const { apiKey, apiVersion, correlationId, clientId, bodyOffset } = decodeRequestHeader(requestData)
    const api = apiByKey(apiKey)?.name as ApiName | undefined
    if (api === undefined || !(FORWARDED as readonly ApiName[]).includes(api)) return { errorCode: errorCode('INVALID_REQUEST') }
    const handler = handlers()[api] as AnyHandler
    const request = decodeRequest(api, apiVersion, requestData, bodyOffset)
    const inner: RequestContext = { ...context, apiKey, apiVersion, correlationId, clientId, isForwarded: true }
    try {
      return { responseData: encodeResponse(api, apiVersion, correlationId, await handler(inner, request)).slice() }
    } catch (error) {
      const refusal = asKafkaError(error)
      // Who passed it on looks for the controller that took over.
      if (refusal.errorName === 'NOT_CONTROLLER') return { errorCode: refusal.errorCode }
      return { responseData: encodeResponse(api, apiVersion, correlationId, errorResponse(api, apiVersion, request, refusal)).slice() }
    }
  }
}

/** The bytes of `1.2.3.4:5` or `[::1]:5`; none where there is no IPv4 address. */
function addressBytes(clientAddress: string): Uint8Array {
  const host = clientAddress.replace(/:\d+$/, '')
  return isIP(host) === 4 ? Uint8Array.from(host.split('.').map(Number)) : new Uint8Array(16)
}
