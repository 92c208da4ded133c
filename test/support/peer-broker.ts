// A broker on a loopback socket whose answers the test decides: every request of a connection in order, answered in order.

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { apiByKey, API_KEYS } from '../../src/protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, encodeResponse } from '../../src/protocol/codec.ts'
import { FrameReader } from '../../src/interbroker/frame-reader.ts'
import { errorCode } from '../../src/protocol/error-codes.ts'

export type PeerRequest = {
  readonly api: ApiName
  readonly version: number
  readonly body: unknown
  readonly socket: Socket
  respond(body: unknown): void
  /** Sends these bytes as they are. */
  respondRaw(bytes: Uint8Array): void
}

type AnswerVersions = (version: number) => Encodable<ResponseOf<'ApiVersions'>>

const SERVED: Encodable<ResponseOf<'ApiVersions'>> = { apiKeys: API_KEYS.map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion })) }

export class PeerBroker {
  /** Connections that were ever accepted. */
  connectionCount = 0
  readonly received: PeerRequest[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #waiting: ((request: PeerRequest) => void)[] = []
  #taken = 0
  answerVersions: AnswerVersions = () => SERVED

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.#accept(socket))
  }

  static async start(port = 0): Promise<PeerBroker> {
    const server = createServer()
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new PeerBroker(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The next request, apart from ApiVersions; each is handed out once. */
  next(): Promise<PeerRequest> {
    const ready = this.received[this.#taken++]
    return ready === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(ready)
  }

  disconnectAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.disconnectAll()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(socket: Socket): void {
    this.connectionCount += 1
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    const frames = new FrameReader(1 << 26)
    socket.on('data', (chunk) => {
      for (const frame of frames.push(chunk)) this.#take(socket, frame)
    })
  }

  #take(socket: Socket, frame: Buffer): void {
    const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(frame)
    const api = apiByKey(apiKey)?.name as ApiName
    const respondRaw = (bytes: Uint8Array): void => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(bytes.length)
      socket.write(Buffer.concat([size, bytes]))
    }
    if (api === 'ApiVersions') {
      const answer = this.answerVersions(apiVersion)
      // A version that is not known is answered in version 0, which everybody can read.
      return respondRaw(encodeResponse(api, answer.errorCode === errorCode('UNSUPPORTED_VERSION') ? 0 : apiVersion, correlationId, answer))
    }
    const request: PeerRequest = {
      api,
      version: apiVersion,
      body: decodeRequest(api, apiVersion, frame, bodyOffset) satisfies RequestOf<ApiName>,
      socket,
      respond: (body) => respondRaw(encodeResponse(api, apiVersion, correlationId, body as Encodable<ResponseOf<ApiName>>)),
      respondRaw,
    }
    this.received.push(request)
    const waiting = this.#waiting.shift()
    waiting?.(request)
  }
}
