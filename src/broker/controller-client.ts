// Asks the active controller, wherever it is: this node by its own handlers, another one over the network. Who leads
// changes; until a deadline whoever leads next is asked.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import { apiByName } from '../protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../protocol/codec.ts'
import { ERRORS, KafkaError } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Leadership } from '../metadata/quorum-metadata-log.ts'
import type { Clock } from '../shared/clock.ts'
import type { Timers } from '../shared/timers.ts'
import type { ApiHandler, ApiHandlers, RequestContext } from './api.ts'

export type ControllerClientDeps = {
  readonly nodeId: number
  leadership(): Leadership
  readonly interBroker: InterBroker
  /** Those of this node, for when it is the controller. */
  handlers(): ApiHandlers
  readonly listener: string
  readonly clock: Clock
  readonly timers: Timers
}

export type ControllerCall = { readonly version: number; readonly timeoutMs: number; /** See `SendOptions`. */ readonly channel: string }

const RETRY_BACKOFF_MS = 50
/** One node is not asked for longer than this: another may lead by then. */
const ATTEMPT_TIMEOUT_MS = 10_000
const ATTEMPT_TIMEOUT_MIN_MS = 500
/** What another node, or the same one a moment later, may answer better. */
const RETRIED: ReadonlySet<ErrorName> = new Set(['NOT_CONTROLLER', 'NETWORK_EXCEPTION', 'BROKER_NOT_AVAILABLE', 'REQUEST_TIMED_OUT', 'UNSUPPORTED_VERSION'])

export class ControllerClient {
  readonly #deps: ControllerClientDeps
  #waits = 0

  constructor(deps: ControllerClientDeps) {
    this.#deps = deps
  }

  /**
   * Resolves with the controller's response; its error codes are the caller's to look at, but NOT_CONTROLLER is never among
   * them. Rejects with the last reason once nobody has answered for `timeoutMs`.
   */
  async call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>, { version, timeoutMs, channel }: ControllerCall): Promise<ResponseOf<N>> {
    const { clock, interBroker } = this.#deps
    const deadlineMs = clock.monotonicMs() + timeoutMs
    for (;;) {
      const leftMs = deadlineMs - clock.monotonicMs()
      try {
        const leaderId = this.#controllerId()
        // Where the time is up, whoever can answer at once still may.
        const options = { version, timeoutMs: Math.max(ATTEMPT_TIMEOUT_MIN_MS, Math.min(leftMs, ATTEMPT_TIMEOUT_MS)), channel }
        const response = leaderId === this.#deps.nodeId ? await this.#within(options.timeoutMs, this.#callHere(api, version, request)) : await interBroker.send(leaderId, api, request, options)
        if ((response as { errorCode?: number }).errorCode !== ERRORS.NOT_CONTROLLER.code) return response
        if (leftMs <= 0) throw new KafkaError('NOT_CONTROLLER')
      } catch (error) {
        if (!(error instanceof KafkaError && RETRIED.has(error.errorName)) || leftMs <= RETRY_BACKOFF_MS) throw error
      }
      await this.#pause()
    }
  }

  /** Throws NOT_CONTROLLER where nobody is known to lead. */
  #controllerId(): number {
    const { leaderId, isActive } = this.#deps.leadership()
    // A node that was elected and does not know everything before it yet is no controller yet.
    if (leaderId === null || (leaderId === this.#deps.nodeId && !isActive)) throw new KafkaError('NOT_CONTROLLER', 'The metadata quorum has no leader at the moment.')
    return leaderId
  }

  async #callHere<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const handler = this.#deps.handlers()[api] as ApiHandler<N> | undefined
    if (handler === undefined) throw new KafkaError('INVALID_REQUEST', `${api} is not served here.`)
    const context: RequestContext = {
      apiKey: apiByName(api).key,
      apiVersion: version,
      correlationId: 0,
      clientId: `broker-${this.#deps.nodeId}`,
      clientAddress: '127.0.0.1',
      listener: this.#deps.listener,
      principal: 'User:ANONYMOUS',
      isForwarded: false,
      now: this.#deps.clock.nowMs(),
    }
    // Through the codec both ways, as over the network: defaults are filled in.
    const frame = encodeRequest(api, version, 0, null, request)
    const response = await handler(context, decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset))
    return decodeResponse(api, version, encodeResponse(api, version, 0, response)).body
  }

  /** A controller that nobody follows any more cannot answer itself either. */
  #within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
    const timer = `controller-client-${this.#waits++}`
    return new Promise((resolve, reject) => {
      this.#deps.timers.set(timer, timeoutMs, () => reject(new KafkaError('REQUEST_TIMED_OUT', 'This node leads the metadata quorum and cannot write to it at the moment.')))
      answer.then(resolve, reject).finally(() => this.#deps.timers.cancel(timer))
    })
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#deps.timers.set(`controller-client-${this.#waits++}`, RETRY_BACKOFF_MS, resolve))
  }
}
