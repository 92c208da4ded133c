// The other brokers as seen from this one: a channel for each that was ever asked, made on first use.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import type { Clock } from '../shared/clock.ts'
import type { Timers } from '../shared/timers.ts'
import type { AddressLookup, InterBroker, SendOptions } from './inter-broker.ts'
import { NodeChannel } from './node-channel.ts'
import type { QueueLimits } from './request-queue.ts'

export type InterBrokerDeps = {
  /** What other brokers see as the client id. */
  readonly clientId: string
  readonly clock: Clock
  readonly timers: Timers
  /** `request.timeout.ms` */
  readonly requestTimeoutMs: number
  /** `socket.connection.setup.timeout.ms` */
  readonly connectTimeoutMs: number
  /** Default `INTER_BROKER_LIMITS`. */
  readonly limits?: QueueLimits
  readonly addressOf: AddressLookup
}

export const INTER_BROKER_LIMITS: QueueLimits = { inFlightMax: 100, inFlightMaxBytes: 32 * 1024 * 1024, waitingMax: 10_000 }
/** No answer between brokers is nearly as large; records are read in pieces that name their own bound. */
const RESPONSE_SIZE_MAX_BYTES = 256 * 1024 * 1024
const DEFAULT_CHANNEL = 'default'

export class SocketInterBroker implements InterBroker {
  readonly #deps: InterBrokerDeps
  readonly #channels = new Map<string, NodeChannel>()
  #closed = false

  constructor(deps: InterBrokerDeps) {
    this.#deps = deps
  }

  send<N extends ApiName>(nodeId: number, api: N, request: Encodable<RequestOf<N>>, options: SendOptions = {}): Promise<ResponseOf<N>> {
    return this.#channel(nodeId, options.channel ?? DEFAULT_CHANNEL).send(api, request, options)
  }

  /** Ends all connections; whatever is under way or sent from now on is rejected with NETWORK_EXCEPTION. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels.values()) channel.close()
  }

  #channel(nodeId: number, channel: string): NodeChannel {
    const key = `${nodeId}/${channel}`
    let found = this.#channels.get(key)
    if (found === undefined) {
      const { clientId, clock, timers, requestTimeoutMs, connectTimeoutMs, limits = INTER_BROKER_LIMITS, addressOf } = this.#deps
      const connection = { clientId, connectTimeoutMs, requestTimeoutMs, responseSizeMaxBytes: RESPONSE_SIZE_MAX_BYTES, timers }
      found = new NodeChannel({ name: `broker ${key}`, clock, connection, limits, addressOf: () => addressOf(nodeId) })
      if (this.#closed) found.close()
      this.#channels.set(key, found)
    }
    return found
  }
}
