// One connection to one broker: frames, correlation ids, the versions both sides speak. Answers come back in request order.
// Used between brokers, and by tools that connect from outside.

import { connect, type Socket } from 'node:net'
import { apiByName, type ApiName, type Encodable, type RequestOf, type ResponseOf } from '../protocol/api-keys.ts'
import { decodeResponse, encodeRequest } from '../protocol/codec.ts'
import { errorMessage, MillraceError } from '../shared/errors.ts'
import { INT32_MAX } from '../shared/limits.ts'
import type { Timers } from '../shared/timers.ts'
import { FrameReader } from './frame-reader.ts'
import type { BrokerAddress } from './inter-broker.ts'

export type VersionRange = { readonly minVersion: number; readonly maxVersion: number }
export type VersionLimits = { readonly [N in ApiName]?: VersionRange }

export type ConnectionOptions = {
  clientId: string
  connectTimeoutMs: number
  requestTimeoutMs: number
  /** A larger size in front of a response means that the other side does not speak Kafka's protocol. */
  responseSizeMaxBytes: number
  timers: Timers
  /** Versions that this side keeps to beyond what the codec knows; none by default. */
  versionLimits?: VersionLimits
}

/**
 * The broker cannot be reached (CONNECTION_FAILED), went away (CONNECTION_LOST), took too long (REQUEST_TIMED_OUT), does not
 * speak a needed version (UNSUPPORTED_VERSION); or this side closed the connection (CONNECTION_CLOSED).
 */
export class ConnectionError extends MillraceError {}

type Pending = { correlationId: number; resolve: (frame: Uint8Array) => void; reject: (error: Error) => void }

const SOFTWARE = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0' }
/** The versions of ApiVersions asked for first, and where the broker does not know that one (KIP-511). */
const API_VERSIONS_VERSION = 3
const API_VERSIONS_FALLBACK = 0
const UNSUPPORTED_VERSION = 35

let connectionCount = 0

export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #timerPrefix: string
  readonly #pending: Pending[] = []
  readonly #frames: FrameReader
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #correlationId = 0
  #failure: Error | null = null
  #onClose: () => void = () => {}

  private constructor(address: BrokerAddress, socket: Socket, timerPrefix: string, options: ConnectionOptions) {
    this.address = address
    this.#socket = socket
    this.#options = options
    this.#timerPrefix = timerPrefix
    this.#frames = new FrameReader(options.responseSizeMaxBytes)
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')))
  }

  /** Connects and asks for the broker's versions. Throws ConnectionError. */
  static async open(address: BrokerAddress, options: ConnectionOptions): Promise<BrokerConnection> {
    const timerPrefix = `broker-connection-${++connectionCount}`
    const connection = new BrokerConnection(address, await openSocket(address, timerPrefix, options), timerPrefix, options)
    try {
      await connection.#negotiate()
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  get open(): boolean {
    return this.#failure === null
  }

  /** Calls `handler` once when the connection has ended, whoever ended it; at once where it has already. */
  onClose(handler: () => void): void {
    this.#onClose = handler
    if (this.#failure !== null) handler()
  }

  /** The newest version that the broker, the codec and this side's limits have in common. Throws ConnectionError where there is none. */
  versionOf(api: ApiName): number {
    const ours = apiByName(api)
    const limits = this.#options.versionLimits?.[api] ?? ours
    const theirs = this.#versions.get(ours.key)
    const newest = Math.min(ours.maxVersion, limits.maxVersion, theirs?.maxVersion ?? -1)
    if (newest >= Math.max(ours.minVersion, limits.minVersion, theirs?.minVersion ?? 0)) return newest
    throw this.#unsupported(`a version of ${api} that is known here`)
  }

  call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>, timeoutMs?: number): Promise<ResponseOf<N>> {
    return this.#send(api, this.versionOf(api), request, timeoutMs)
  }

  /**
   * Sends in this very version. Returns the size of what was sent beside the answer. Throws ConnectionError where the broker
   * says that it does not know the version; of what only brokers ask each other it says nothing.
   */
  start<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>, timeoutMs: number): { sizeBytes: number; response: Promise<ResponseOf<N>> } {
    const theirs = this.#versions.get(apiByName(api).key)
    if (theirs !== undefined && (version < theirs.minVersion || version > theirs.maxVersion)) throw this.#unsupported(`version ${version} of ${api}`)
    if (this.#failure !== null) throw this.#failure
    const { correlationId, bytes } = this.#encode(api, version, request)
    return { sizeBytes: bytes.length, response: this.#exchange(api, version, correlationId, bytes, timeoutMs) }
  }

  /** Sends a request that gets no answer: Produce with acks=0. Resolves once the bytes are handed to the system. */
  async post<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const { bytes } = this.#encode(api, this.versionOf(api), request)
    await new Promise<void>((resolve, reject) => this.#socket.write(bytes, error => (error ? reject(error) : resolve())))
  }

  close(): void {
    this.#fail(new ConnectionError('CONNECTION_CLOSED', `the connection to ${this.#where()} was closed`))
  }

  async #negotiate(): Promise<void> {
    let response = await this.#send('ApiVersions', API_VERSIONS_VERSION, SOFTWARE)
    if (response.errorCode === UNSUPPORTED_VERSION) response = await this.#send('ApiVersions', API_VERSIONS_FALLBACK, {})
    if (response.errorCode !== 0) throw new ConnectionError('CONNECTION_FAILED', `the broker at ${this.#where()} answers ApiVersions with error ${response.errorCode}`)
    this.#versions = new Map(response.apiKeys.map(range => [range.apiKey, range]))
  }

  async #send<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>, timeoutMs = this.#options.requestTimeoutMs): Promise<ResponseOf<N>> {
    if (this.#failure !== null) throw this.#failure
    const { correlationId, bytes } = this.#encode(api, version, request)
    return this.#exchange(api, version, correlationId, bytes, timeoutMs)
  }

  async #exchange<N extends ApiName>(api: N, version: number, correlationId: number, bytes: Buffer, timeoutMs: number): Promise<ResponseOf<N>> {
    const timer = `${this.#timerPrefix}-request-${correlationId}`
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.#pending.push({ correlationId, resolve, reject })
      this.#socket.write(bytes)
      this.#options.timers.set(timer, timeoutMs, () => this.#timeOut(api, correlationId, timeoutMs))
    })
    try {
      return this.#decode(api, version, await answer)
    } finally {
      this.#options.timers.cancel(timer)
    }
  }

  #encode<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>): { correlationId: number; bytes: Buffer } {
    this.#correlationId = (this.#correlationId + 1) & INT32_MAX
    return { correlationId: this.#correlationId, bytes: withSize(encodeRequest(api, version, this.#correlationId, this.#options.clientId, request)) }
  }

  /** What cannot be read ends the connection: nothing that follows could be trusted. */
  #decode<N extends ApiName>(api: N, version: number, frame: Uint8Array): ResponseOf<N> {
    try {
      return decodeResponse(api, api === 'ApiVersions' ? apiVersionsVersion(version, frame) : version, frame).body
    } catch (error) {
      throw this.#fail(new ConnectionError('CONNECTION_LOST', `${this.#where()} answered ${api} with what cannot be read: ${errorMessage(error)}`, error))
    }
  }

  /** The answer may come late or never, and all others behind it: the connection is of no use any more, as in Kafka's clients. */
  #timeOut(api: ApiName, correlationId: number, timeoutMs: number): void {
    const reason = `${this.#where()} did not answer ${api} within ${timeoutMs} ms`
    const index = this.#pending.findIndex(pending => pending.correlationId === correlationId)
    const [pending] = index < 0 ? [] : this.#pending.splice(index, 1)
    pending?.reject(new ConnectionError('REQUEST_TIMED_OUT', reason))
    this.#fail(new ConnectionError('CONNECTION_LOST', reason))
  }

  #onData(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        const pending = this.#pending.shift()
        if (pending === undefined) throw new Error('an answer came without a request')
        const answered = frame.length < 4 ? -1 : frame.readInt32BE(0)
        if (answered !== pending.correlationId) {
          this.#pending.unshift(pending)
          throw new Error(`request ${answered} was answered where ${pending.correlationId} was due`)
        }
        pending.resolve(frame)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Ends the connection, unless it has ended; returns what all requests fail with from now on. */
  #fail(error: unknown): Error {
    if (this.#failure !== null) return this.#failure
    const failure = error instanceof ConnectionError ? error : new ConnectionError('CONNECTION_LOST', `${this.#where()}: ${errorMessage(error)}`, error)
    this.#failure = failure
    this.#socket.destroy()
    for (const pending of this.#pending.splice(0)) pending.reject(failure)
    this.#onClose()
    return failure
  }

  #unsupported(what: string): ConnectionError {
    return new ConnectionError('UNSUPPORTED_VERSION', `the broker at ${this.#where()} does not offer ${what}`)
  }

  #where(): string {
    return `${this.address.host}:${this.address.port}`
  }
}

/** A broker that does not know the version of ApiVersions says so in version 0, which everybody can read (KIP-511). */
function apiVersionsVersion(version: number, frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  return frame.byteLength >= 6 && view.getInt16(4) === UNSUPPORTED_VERSION ? 0 : version
}

function withSize(frame: Uint8Array): Buffer {
  const sized = Buffer.allocUnsafe(4 + frame.length)
  sized.writeInt32BE(frame.length, 0)
  sized.set(frame, 4)
  return sized
}

function openSocket({ host, port }: BrokerAddress, timerPrefix: string, { connectTimeoutMs, timers }: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const timer = `${timerPrefix}-connect`
    const refuse = (reason: string, cause?: unknown) => {
      timers.cancel(timer)
      socket.destroy()
      reject(new ConnectionError('CONNECTION_FAILED', `cannot connect to ${host}:${port}: ${reason}`, cause))
    }
    const onError = (error: Error) => refuse(errorMessage(error) || 'refused', error)
    timers.set(timer, connectTimeoutMs, () => refuse(`no answer within ${connectTimeoutMs} ms`))
    socket.once('error', onError)
    socket.once('connect', () => {
      timers.cancel(timer)
      socket.off('error', onError)
      resolve(socket)
    })
  })
}
