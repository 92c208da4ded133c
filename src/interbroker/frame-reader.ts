// Cuts the byte stream of a connection into frames: an int32 size, then that many bytes.

export class FrameReader {
  readonly #frameSizeMaxBytes: number
  #chunks: Buffer[] = []
  #bufferedBytes = 0

  constructor(frameSizeMaxBytes: number) {
    this.#frameSizeMaxBytes = frameSizeMaxBytes
  }

  /** Takes bytes as they came and returns the frames that are whole now. Throws on an impossible size. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    const frames: Buffer[] = []
    while (this.#bufferedBytes >= 4) {
      const sizeBytes = this.#peekSize()
      if (sizeBytes < 0 || sizeBytes > this.#frameSizeMaxBytes) throw new Error(`a frame of ${sizeBytes} bytes: this is not a Kafka broker`)
      if (this.#bufferedBytes < 4 + sizeBytes) break
      const bytes = this.#join()
      frames.push(bytes.subarray(4, 4 + sizeBytes))
      this.#keep(bytes.subarray(4 + sizeBytes))
    }
    return frames
  }

  #peekSize(): number {
    const first = this.#chunks[0]!
    return first.length >= 4 ? first.readInt32BE(0) : this.#join().readInt32BE(0)
  }

  /** Joined only when a frame is whole (or its size is split), so a large frame is copied once. */
  #join(): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#chunks = [bytes]
    return bytes
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#bufferedBytes = rest.length
  }
}
