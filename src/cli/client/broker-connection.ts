// One connection to one broker: frames, correlation ids, the versions both sides speak. Answers come back in request order.

import { connect, type Socket } from 'node:net'
import { apiByName, type ApiName, type Encodable, type RequestOf, type ResponseOf } from '../../protocol/api-keys.ts'
import { decodeResponse, encodeRequest } from '../../protocol/codec.ts'
import { errorMessage, MillraceError } from '../../shared/errors.ts'
import { FrameReader } from './frame-reader.ts'

export type BrokerAddress = { host: string; port: number }
export type ConnectionOptions = { clientId: string; connectTimeoutMs: number; requestTimeoutMs: number }

/** The broker cannot be reached, went away, or does not speak a version that these tools need. */
export class ConnectionError extends MillraceError {}

type Pending = { resolve: (frame: Uint8Array) => void; reject: (error: Error) => void; timer: NodeJS.Timeout | null }
type VersionRange = { minVersion: number; maxVersion: number }

const SOFTWARE = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0' }
const UNSUPPORTED_VERSION = 35
const INT32_MAX = 2 ** 31 - 1

/**
 * Newest version used where a newer one names topics by id alone, and oldest version whose request has the fields
 * that are filled in here.
 */
const VERSION_LIMITS: { readonly [N in ApiName]?: VersionRange } = {
  Produce: { minVersion: 3, maxVersion: 12 },
  Fetch: { minVersion: 4, maxVersion: 12 },
  OffsetCommit: { minVersion: 2, maxVersion: 9 },
  OffsetFetch: { minVersion: 8, maxVersion: 9 },
  FindCoordinator: { minVersion: 4, maxVersion: INT32_MAX },
}

export class BrokerConnection {
  readonly address: BrokerAddress
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #pending: Pending[] = []
  readonly #frames = new FrameReader()
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #correlationId = 0
  #failure: Error | null = null

  private constructor(address: BrokerAddress, socket: Socket, options: ConnectionOptions) {
    this.address = address
    this.#socket = socket
    this.#options = options
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')))
  }

  /** Connects and asks for the broker's versions. Throws ConnectionError. */
  static async open(address: BrokerAddress, options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(address, await openSocket(address, options.connectTimeoutMs), options)
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

  /** The newest version that the broker, the codec and these tools have in common. Throws ConnectionError where there is none. */
  versionOf(api: ApiName): number {
    const ours = apiByName(api)
    const limits = VERSION_LIMITS[api] ?? ours
    const theirs = this.#versions.get(ours.key)
    const newest = Math.min(ours.maxVersion, limits.maxVersion, theirs?.maxVersion ?? -1)
    if (newest >= Math.max(ours.minVersion, limits.minVersion, theirs?.minVersion ?? 0)) return newest
    throw new ConnectionError('UNSUPPORTED_VERSION', `the broker at ${this.#where()} does not offer a version of ${api} that is known here`)
  }

  call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>, timeoutMs?: number): Promise<ResponseOf<N>> {
    return this.#send(api, this.versionOf(api), request, timeoutMs)
  }

  /** Sends a request that gets no answer: Produce with acks=0. Resolves once the bytes are handed to the system. */
  async post<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    this.#correlationId = (this.#correlationId + 1) & INT32_MAX
    const frame = encodeRequest(api, this.versionOf(api), this.#correlationId, this.#options.clientId, request)
    await new Promise<void>((resolve, reject) => this.#socket.write(withSize(frame), error => (error ? reject(error) : resolve())))
  }

  close(): void {
    this.#fail(new ConnectionError('CONNECTION_CLOSED', `the connection to ${this.#where()} was closed`))
  }

  async #negotiate(): Promise<void> {
    let response = await this.#send('ApiVersions', 3, SOFTWARE)
    if (response.errorCode === UNSUPPORTED_VERSION) response = await this.#send('ApiVersions', 0, {})
    if (response.errorCode !== 0) throw new ConnectionError('CONNECTION_FAILED', `the broker at ${this.#where()} answers ApiVersions with error ${response.errorCode}`)
    this.#versions = new Map(response.apiKeys.map(range => [range.apiKey, range]))
  }

  async #send<N extends ApiName>(api: N, version: number, request: Encodable<RequestOf<N>>, timeoutMs = this.#options.requestTimeoutMs): Promise<ResponseOf<N>> {
    if (this.#failure !== null) throw this.#failure
    this.#correlationId = (this.#correlationId + 1) & INT32_MAX
    const correlationId = this.#correlationId
    const frame = encodeRequest(api, version, correlationId, this.#options.clientId, request)
    const answer = await new Promise<Uint8Array>((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new ConnectionError('REQUEST_TIMED_OUT', `${this.#where()} did not answer ${api} within ${timeoutMs} ms`)), timeoutMs)
      this.#pending.push({ resolve, reject, timer })
      this.#socket.write(withSize(frame))
    })
    const response = decodeResponse(api, version, answer)
    if (response.correlationId !== correlationId) {
      throw new ConnectionError('CONNECTION_FAILED', `${this.#where()} answered request ${response.correlationId} where ${correlationId} was due`)
    }
    return response.body
  }

  #onData(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        const pending = this.#pending.shift()
        if (pending === undefined) throw new Error('an answer came without a request')
        if (pending.timer !== null) clearTimeout(pending.timer)
        pending.resolve(frame)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return
    this.#failure = error instanceof ConnectionError ? error : new ConnectionError('CONNECTION_LOST', `${this.#where()}: ${errorMessage(error)}`, error)
    this.#socket.destroy()
    for (const pending of this.#pending.splice(0)) {
      if (pending.timer !== null) clearTimeout(pending.timer)
      pending.reject(this.#failure)
    }
  }

  #where(): string {
    return `${this.address.host}:${this.address.port}`
  }
}

function withSize(frame: Uint8Array): Buffer {
  const sized = Buffer.allocUnsafe(4 + frame.length)
  sized.writeInt32BE(frame.length, 0)
  sized.set(frame, 4)
  return sized
}

function openSocket({ host, port }: BrokerAddress, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    const refuse = (reason: string, cause?: unknown) => {
      socket.destroy()
      reject(new ConnectionError('CONNECTION_FAILED', `cannot connect to ${host}:${port}: ${reason}`, cause))
    }
    const timer = setTimeout(() => refuse(`no answer within ${timeoutMs} ms`), timeoutMs)
    const onError = (error: Error) => {
      clearTimeout(timer)
      refuse(errorMessage(error) || 'refused', error)
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', onError)
      resolve(socket)
    })
  })
}
