// The two doors of the control plane: handlers answer the requests of clients, callers send requests from inside or outside.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'

/** Where a request comes from and when it is answered. */
export type RequestContext = {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly clientAddress: string
  readonly listener: string
  readonly principal: 'User:ANONYMOUS'
  /** Another broker took the request in and passed it on (KIP-590). */
  readonly isForwarded: boolean
  /** Wall clock in milliseconds. */
  readonly now: number
}

/** Answers one API. A thrown KafkaError becomes the API's own error response, anything else UNKNOWN_SERVER_ERROR and a log line. */
export type ApiHandler<N extends ApiName> = (context: RequestContext, request: RequestOf<N>) => Encodable<ResponseOf<N>> | Promise<Encodable<ResponseOf<N>>>

export type ApiHandlers = { [N in ApiName]?: ApiHandler<N> }

/** Sends requests to a broker: in the same process, or over a connection. Error codes stay in the response; it rejects when no answer comes. */
export interface ApiCaller {
  call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
}

/** The same, with a say in which broker is asked. It rejects with BROKER_NOT_AVAILABLE where that one cannot be reached. */
export interface BrokerCaller extends ApiCaller {
  callBroker<N extends ApiName>(brokerId: number, api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>>
}
