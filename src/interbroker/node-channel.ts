// All that one channel has to say to one node: a connection while there is something to say, made anew after a failure, and
// the requests that wait for it. Back-off delays new attempts and nothing else.

import { apiByName, type ApiName, type Encodable, type RequestOf, type ResponseOf } from '../protocol/api-keys.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { errorMessage } from '../shared/errors.ts'
import { BrokerConnection, ConnectionError } from './broker-connection.ts'
import type { ConnectionOptions } from './broker-connection.ts'
import type { BrokerAddress, SendOptions } from './inter-broker.ts'
import { RequestQueue } from './request-queue.ts'
import type { QueueLimits } from './request-queue.ts'

export type NodeChannelDeps = {
  /** Unique among all channels, for names of timers and in messages. */
  readonly name: string
  readonly clock: Clock
  readonly connection: ConnectionOptions
  readonly limits: QueueLimits
  addressOf(): BrokerAddress | undefined
}

type Queued = {
  readonly api: ApiName
  readonly request: Encodable<RequestOf<ApiName>>
  readonly version: number | undefined
  readonly deadlineMs: number
  readonly timer: string
  resolve(response: never): void
  reject(error: KafkaError): void
}

const BACKOFF_FIRST_MS = 50
const BACKOFF_MAX_MS = 1000

export class NodeChannel {
  readonly #deps: NodeChannelDeps
  readonly #queue: RequestQueue<Queued>
  #connection: BrokerConnection | null = null
  #connecting = false
  /** What the last attempts that failed in a row have led to; 0 after one that did not. */
  #backoffMs = 0
  #requestCount = 0
  #closed = false

  constructor(deps: NodeChannelDeps) {
    this.#deps = deps
    this.#queue = new RequestQueue(deps.limits)
  }

  send<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>, { version, timeoutMs }: SendOptions): Promise<ResponseOf<N>> {
    const { name, clock, connection } = this.#deps
    if (this.#closed) return Promise.reject(new KafkaError('NETWORK_EXCEPTION', 'This broker is stopping.'))
    const address = this.#deps.addressOf()
    if (address === undefined) return Promise.reject(new KafkaError('BROKER_NOT_AVAILABLE', `It is not known where ${name} listens for other brokers.`))
    if (version !== undefined && !isKnown(api, version)) return Promise.reject(new KafkaError('UNSUPPORTED_VERSION', `Version ${version} of ${api} is not known here.`))
    const waitMs = timeoutMs ?? connection.requestTimeoutMs
    return new Promise<ResponseOf<N>>((resolve, reject) => {
      const timer = `${name}-waiting-${++this.#requestCount}`
      const queued: Queued = { api, request, version, deadlineMs: clock.monotonicMs() + waitMs, timer, resolve, reject }
      if (!this.#queue.offer(queued)) return reject(new KafkaError('NETWORK_EXCEPTION', `Too many requests wait for ${name}.`))
      connection.timers.set(timer, waitMs, () => {
        this.#queue.remove(queued)
        reject(new KafkaError('REQUEST_TIMED_OUT', `${api} could not be sent to ${name} within ${waitMs} ms.`))
      })
      this.#follow(address)
      this.#sendWaiting()
    })
  }

  /** Ends the connection; what waits and what is under way is rejected. */
  close(): void {
    this.#closed = true
    this.#deps.connection.timers.cancel(this.#backoffTimer())
    this.#rejectWaiting(new KafkaError('NETWORK_EXCEPTION', 'This broker is stopping.'))
    this.#connection?.close()
  }

  /** A node that came back elsewhere is not reached by the old way, even where something still listens there. */
  #follow({ host, port }: BrokerAddress): void {
    const current = this.#connection?.address
    if (current !== undefined && (current.host !== host || current.port !== port)) this.#connection?.close()
  }

  #sendWaiting(): void {
    if (this.#connection === null) {
      if (this.#queue.hasWaiting) this.#connect()
      return
    }
    for (;;) {
      const queued = this.#connection === null ? undefined : this.#queue.next()
      if (queued === undefined || this.#connection === null) return
      this.#start(this.#connection, queued)
    }
  }

  #start(connection: BrokerConnection, queued: Queued): void {
    const { api, request, version, deadlineMs, timer } = queued
    this.#deps.connection.timers.cancel(timer)
    try {
      const remainingMs = Math.max(0, deadlineMs - this.#deps.clock.monotonicMs())
      const { sizeBytes, response } = connection.start(api, version ?? connection.versionOf(api), request, remainingMs)
      this.#queue.sent(queued, sizeBytes)
      response.then(
        (value) => this.#done(queued, () => queued.resolve(value as never)),
        (error: unknown) => this.#done(queued, () => queued.reject(asKafkaError(error))),
      )
    } catch (error) {
      queued.reject(asKafkaError(error))
    }
  }

  #done(queued: Queued, tell: () => void): void {
    this.#queue.remove(queued)
    tell()
    this.#sendWaiting()
  }

  #connect(): void {
    if (this.#connecting || this.#closed) return
    this.#connecting = true
    const { timers } = this.#deps.connection
    if (this.#backoffMs > 0) timers.set(this.#backoffTimer(), this.#backoffMs, () => void this.#attempt())
    else void this.#attempt()
  }

  async #attempt(): Promise<void> {
    try {
      const address = this.#deps.addressOf()
      if (address === undefined) throw new ConnectionError('CONNECTION_FAILED', `it is not known any more where ${this.#deps.name} listens for other brokers`)
      const connection = await BrokerConnection.open(address, this.#deps.connection)
      this.#connecting = false
      if (this.#closed) return connection.close()
      this.#backoffMs = 0
      this.#connection = connection
      connection.onClose(() => {
        if (this.#connection === connection) this.#connection = null
      })
      this.#sendWaiting()
    } catch (error) {
      this.#connecting = false
      this.#backoffMs = Math.min(BACKOFF_MAX_MS, Math.max(BACKOFF_FIRST_MS, this.#backoffMs * 2))
      this.#rejectWaiting(asKafkaError(error))
    }
  }

  #rejectWaiting(error: KafkaError): void {
    for (const queued of this.#queue.takeWaiting()) {
      this.#deps.connection.timers.cancel(queued.timer)
      queued.reject(error)
    }
  }

  #backoffTimer(): string {
    return `${this.#deps.name}-backoff`
  }
}

function isKnown(api: ApiName, version: number): boolean {
  const { minVersion, maxVersion } = apiByName(api)
  return version >= minVersion && version <= maxVersion
}

/** Whatever ends a connection is one outcome to who asked: the answer is not known. */
function asKafkaError(error: unknown): KafkaError {
  if (!(error instanceof ConnectionError)) return new KafkaError('UNKNOWN_SERVER_ERROR', errorMessage(error), error)
  const { code } = error
  const outcome = code === 'REQUEST_TIMED_OUT' || code === 'UNSUPPORTED_VERSION' ? code : 'NETWORK_EXCEPTION'
  return new KafkaError(outcome, errorMessage(error), error)
}
