// What parts of a broker use to ask other brokers.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'

export type SendOptions = {
  /** Default: the newest that both sides know. */
  version?: number
  /** From the call to the answer, the time to connect included; default `requestTimeoutMs` of the implementation. */
  timeoutMs?: number
  /**
   * Requests of different channels do not wait for each other. A broker answers a connection's requests in their order, so
   * what must never wait behind a slow answer (heartbeats behind a write that waits for replicas) names a channel of its own.
   */
  channel?: string
}

/** Asks other brokers, over their inter-broker listener, in Kafka's protocol. */
export interface InterBroker {
  /**
   * Resolves with the response, whose error codes are the caller's to look at. Rejects with a KafkaError: BROKER_NOT_AVAILABLE
   * where the node has no address, NETWORK_EXCEPTION where the connection fails or ends before the answer or too much
   * waits for the node already, REQUEST_TIMED_OUT after `timeoutMs`, UNSUPPORTED_VERSION where the node does not serve the API.
   * Requests of a channel to one node keep their order.
   */
  send<N extends ApiName>(nodeId: number, api: N, request: Encodable<RequestOf<N>>, options?: SendOptions): Promise<ResponseOf<N>>
}

export type BrokerAddress = { readonly host: string; readonly port: number }
/** Where a node listens for other brokers; undefined where it is not known. */
export type AddressLookup = (nodeId: number) => BrokerAddress | undefined
