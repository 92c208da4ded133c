// Little-endian packing of plain values: the other half of native/binding/src/packing.rs.

/** Appends values to a buffer that grows; `take` hands out what was written and starts anew. */
export class Packer {
  #buffer: Buffer
  #position = 0

  constructor(initialBytes = 1024) {
    this.#buffer = Buffer.allocUnsafe(initialBytes)
  }

  get length(): number { return this.#position }

  u32(value: number): void {
    this.#reserve(4)
    this.#position = this.#buffer.writeUInt32LE(value, this.#position)
  }

  i16(value: number): void {
    this.#reserve(2)
    this.#position = this.#buffer.writeInt16LE(value, this.#position)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#position = this.#buffer.writeDoubleLE(value, this.#position)
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#position)
    this.#position += value.length
  }

  /** Length as 32 bits, -1 for null, then the bytes. */
  blob(value: Uint8Array | null): void {
    this.u32(value === null ? 0xffff_ffff : value.length)
    if (value !== null) this.bytes(value)
  }

  string(value: string): void {
    const size = Buffer.byteLength(value)
    this.u32(size)
    this.#reserve(size)
    this.#position += this.#buffer.write(value, this.#position)
  }

  /** What was written; valid until the next write. */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.#position)
    this.#position = 0
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(1024)
    return written
  }

  #reserve(size: number): void {
    if (this.#position + size <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#position + size, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#position))
    this.#buffer = larger
  }
}

/** A buffer that grew beyond this for one large value is given back. */
const KEPT_BYTES = 1024 * 1024

/** Takes values from a packed buffer. Blobs are views of it. */
export class Unpacker {
  readonly #buffer: Buffer
  #position: number

  constructor(buffer: Buffer, position = 0) {
    this.#buffer = buffer
    this.#position = position
  }

  get position(): number { return this.#position }

  u8(): number {
    return this.#buffer.readUInt8(this.#position++)
  }

  i16(): number {
    const value = this.#buffer.readInt16LE(this.#position)
    this.#position += 2
    return value
  }

  i32(): number {
    const value = this.#buffer.readInt32LE(this.#position)
    this.#position += 4
    return value
  }

  u32(): number {
    const value = this.#buffer.readUInt32LE(this.#position)
    this.#position += 4
    return value
  }

  i64(): bigint {
    const value = this.#buffer.readBigInt64LE(this.#position)
    this.#position += 8
    return value
  }

  f64(): number {
    const value = this.#buffer.readDoubleLE(this.#position)
    this.#position += 8
    return value
  }

  blob(): Buffer | null {
    const size = this.i32()
    if (size < 0) return null
    const start = this.#position
    this.#position += size
    return this.#buffer.subarray(start, this.#position)
  }

  string(): string {
    const size = this.i32()
    const start = this.#position
    this.#position += size
    return this.#buffer.toString('utf8', start, this.#position)
  }
}
