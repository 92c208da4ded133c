// One connection to any broker that speaks Kafka's protocol: a request in, its response out, one at a time.

import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'

export class WireClient {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #received = Buffer.alloc(0)
  #correlationId = 0
  #onChange: (() => void) | undefined

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data])
      this.#onChange?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#onChange?.())
  }

  /** With a time-out the connection ends where connecting, or an answer, takes longer: whoever does not answer may be cut off. */
  static async connect(port: number, host = '127.0.0.1', timeoutMs = Infinity): Promise<WireClient> {
    const socket = connect({ port, host, noDelay: true })
    await within(socket, timeoutMs, once(socket, 'connect'))
    return new WireClient(socket, timeoutMs)
  }

  async call<N extends ApiName>(api: N, version: number, body: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const frame = encodeRequest(api, version, ++this.#correlationId, 'wire-client', body)
    const size = Buffer.alloc(4)
    size.writeInt32BE(frame.length)
    this.#socket.write(Buffer.concat([size, frame]))
    return decodeResponse(api, version, await within(this.#socket, this.#timeoutMs, this.#frame())).body
  }

  async #frame(): Promise<Uint8Array> {
    for (;;) {
      const size = this.#received.length < 4 ? Infinity : this.#received.readInt32BE()
      if (this.#received.length >= 4 + size) {
        const frame = this.#received.subarray(4, 4 + size)
        this.#received = this.#received.subarray(4 + size)
        return frame
      }
      if (this.#socket.closed) throw new Error('the broker closed the connection')
      await new Promise<void>((resolve) => (this.#onChange = resolve))
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

async function within<T>(socket: Socket, timeoutMs: number, work: Promise<T>): Promise<T> {
  if (timeoutMs === Infinity) return work
  const timer = setTimeout(() => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}
