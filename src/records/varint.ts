// Zigzag varints of records, within the range where JavaScript's numbers are exact.

/** Reads records field by field and never leaves its bytes. Throws RangeError where they end too early or a length lies. */
export class RecordReader {
  readonly bytes: Buffer
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let length = 1; ; length += 1) {
      const byte = this.bytes[this.position]
      if (byte === undefined) throw new RangeError('a record ends in the middle of a number')
      this.position += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      if (length === 10) throw new RangeError('a number of a record is longer than 10 bytes')
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Bytes after their length, null for length -1; a view, not a copy. */
  nullableBytes(): Uint8Array | null {
    const length = this.varint()
    return length === -1 ? null : this.slice(length)
  }

  slice(length: number): Buffer {
    if (length < 0 || length > this.bytes.length - this.position) throw new RangeError(`a record claims ${length} bytes, ${this.bytes.length - this.position} are left`)
    this.position += length
    return this.bytes.subarray(this.position - length, this.position)
  }
}

export function varintSize(value: number): number {
  let zigzag = value >= 0 ? value * 2 : -value * 2 - 1
  let size = 1
  while (zigzag >= 128) {
    zigzag = Math.floor(zigzag / 128)
    size += 1
  }
  return size
}

/** Writes at `position` and returns the position after it. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let zigzag = value >= 0 ? value * 2 : -value * 2 - 1
  while (zigzag >= 128) {
    bytes[position++] = (zigzag % 128) | 0x80
    zigzag = Math.floor(zigzag / 128)
  }
  bytes[position++] = zigzag
  return position
}
