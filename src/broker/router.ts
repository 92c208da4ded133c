// From frames to handlers and back: what is not understood ends its connection with one line in the log, as Kafka does;
// what fails in a handler becomes that API's own error response.

import type { DataPlane, ForwardedRequest } from '../native.ts'
import { apiByKey } from '../protocol/api-keys.ts'
import type { ApiName, Encodable, ResponseOf } from '../protocol/api-keys.ts'
import { MalformedMessage, decodeRequest, decodeRequestHeader, encodeResponse } from '../protocol/codec.ts'
import type { RequestHeader } from '../protocol/codec.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { ApiHandlers, RequestContext } from './api.ts'
import { asKafkaError, errorResponse } from './error-responses.ts'
import { unsupportedApiVersions } from './api-versions.ts'
import type { ServedApis } from './served-apis.ts'

export type RouterDeps = {
  readonly dataPlane: Pick<DataPlane, 'respond' | 'disconnect'>
  readonly handlers: ApiHandlers
  readonly served: ServedApis
  readonly clock: Clock
  readonly logger: Logger
}

/** One handler's type without its API's: the router pairs them by name. */
type AnyHandler = (context: RequestContext, request: unknown) => Encodable<ResponseOf<ApiName>> | Promise<Encodable<ResponseOf<ApiName>>>

const API_VERSIONS_KEY = 18

export class Router {
  readonly #deps: RouterDeps

  constructor(deps: RouterDeps) {
    this.#deps = deps
  }

  /** Answers the request at once or later; never throws. */
  handle(request: ForwardedRequest): void {
    let header: RequestHeader
    try {
      header = decodeRequestHeader(request.frame)
    } catch (error) {
      return this.#disconnect(request, `a request's header cannot be read: ${errorMessage(error)}`)
    }
    const { apiKey, apiVersion, correlationId, clientId } = header
    const api = apiByKey(apiKey)?.name as ApiName | undefined
    const versions = api === undefined ? undefined : this.#deps.served.get(api)
    const handler = api === undefined ? undefined : (this.#deps.handlers[api] as AnyHandler | undefined)
    if (api === undefined || versions === undefined || handler === undefined) {
      return this.#disconnect(request, `API ${apiKey} (version ${apiVersion}) is not served here`)
    }
    if (apiVersion < versions.minVersion || apiVersion > versions.maxVersion) {
      if (apiKey === API_VERSIONS_KEY) return this.#deps.dataPlane.respond(request.requestId, unsupportedApiVersions(correlationId, versions))
      return this.#disconnect(request, `version ${apiVersion} of ${api} is not supported`)
    }
    const context: RequestContext = {
      apiKey,
      apiVersion,
      correlationId,
      clientId,
      clientAddress: request.clientAddress,
      listener: request.listener,
      principal: 'User:ANONYMOUS',
      isForwarded: false,
      now: this.#deps.clock.nowMs(),
    }
    let body: unknown
    try {
      body = decodeRequest(api, apiVersion, request.frame, header.bodyOffset)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) this.#deps.logger.error('decoding a request failed', { api, apiVersion, error })
      return this.#disconnect(request, `a ${api} request cannot be read: ${errorMessage(error)}`)
    }
    this.#run(api, handler, context, body, request)
  }

  #run(api: ApiName, handler: AnyHandler, context: RequestContext, body: unknown, request: ForwardedRequest): void {
    try {
      const response = handler(context, body)
      if (response instanceof Promise) {
        response.then(
          (value) => this.#respond(api, context, request, value),
          (error: unknown) => this.#fail(api, context, body, request, error),
        )
      } else {
        this.#respond(api, context, request, response)
      }
    } catch (error) {
      this.#fail(api, context, body, request, error)
    }
  }

  #respond(api: ApiName, context: RequestContext, request: ForwardedRequest, response: Encodable<ResponseOf<ApiName>>): void {
    let payload: Uint8Array
    try {
      payload = encodeResponse(api, context.apiVersion, context.correlationId, response)
    } catch (error) {
      this.#deps.logger.error('a response cannot be encoded', { api, version: context.apiVersion, error: stackOf(error) })
      return this.#disconnect(request, `the response to ${api} cannot be encoded`)
    }
    this.#deps.dataPlane.respond(request.requestId, payload)
  }

  #fail(api: ApiName, context: RequestContext, body: unknown, request: ForwardedRequest, error: unknown): void {
    const outcome = asKafkaError(error)
    if (outcome.errorName === 'UNKNOWN_SERVER_ERROR') {
      this.#deps.logger.error('a request failed unexpectedly', { api, version: context.apiVersion, client: context.clientId, error: stackOf(error) })
    }
    this.#respond(api, context, request, errorResponse(api, context.apiVersion, body, outcome))
  }

  #disconnect(request: ForwardedRequest, reason: string): void {
    this.#deps.logger.info('closed a connection', { client: request.clientAddress, listener: request.listener, reason })
    this.#deps.dataPlane.disconnect(request.requestId, reason)
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
