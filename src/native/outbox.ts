// Answers on their way to the data plane: those of one turn of the event loop leave in one call.

import { Packer } from './packing.ts'

const DISCONNECT = 0xffff_ffff
const VERIFIED = 0xffff_fffe

export class Outbox {
  readonly #packer = new Packer(64 * 1024)
  readonly #send: (packed: Buffer) => void
  #scheduled = false

  constructor(send: (packed: Buffer) => void) {
    this.#send = send
  }

  respond(requestId: number, payload: Uint8Array): void {
    this.#begin(payload.length, requestId)
    this.#packer.bytes(payload)
  }

  disconnect(requestId: number): void {
    this.#begin(DISCONNECT, requestId)
  }

  verified(requestId: number, errorCodes: readonly number[]): void {
    this.#begin(VERIFIED, requestId)
    this.#packer.u32(errorCodes.length)
    for (const code of errorCodes) this.#packer.i16(code)
  }

  flush(): void {
    this.#scheduled = false
    if (this.#packer.length > 0) this.#send(this.#packer.take())
  }

  #begin(size: number, requestId: number): void {
    if (!this.#scheduled) {
      this.#scheduled = true
      // After the handlers of this turn, before anything else.
      queueMicrotask(() => this.flush())
    }
    this.#packer.u32(size)
    this.#packer.f64(requestId)
  }
}
