// Reads Kafka's primitive types from one frame. It cannot leave the frame, and it takes no memory for a length before the
// bytes for it are known to be there. Values never alias the frame, so that its buffer may be reused at once.

import type { Uuid } from '../shared/uuid.ts'
import { ZERO_UUID } from '../shared/uuid.ts'
import { MalformedMessage } from './malformed-message.ts'

/** Array elements one message may hold: an element takes a byte of the frame but a hundred once it is an object. */
export const ELEMENT_COUNT_MAX = 2_000_000

/** Up to this many bytes a loop beats the call into the runtime's decoder. */
const SHORT_STRING_BYTES = 8

type Slices = {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  base64urlSlice(this: Uint8Array, start: number, end: number): string
}
const { utf8Slice, base64urlSlice } = Buffer.prototype as unknown as Slices

let sharedView: DataView = new DataView(new ArrayBuffer(0))

/** A view of the whole buffer under `bytes`; requests of one drain share a buffer, so the last view is kept. */
function viewOf(buffer: ArrayBufferLike): DataView {
  if (sharedView.buffer !== buffer) sharedView = new DataView(buffer)
  return sharedView
}

export class Reader {
  /** Position in `bytes`; `position <= end <= bytes.length` always holds. */
  position: number
  readonly end: number
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly base: number
  private elementCount = 0

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes
    this.position = position
    this.end = bytes.length
    this.view = viewOf(bytes.buffer)
    this.base = bytes.byteOffset
    if (position > this.end) throw new MalformedMessage(`message of ${this.end} bytes ends before position ${position}`)
  }

  private take(size: number): number {
    const position = this.position
    if (size > this.end - position) {
      throw new MalformedMessage(`${size} bytes wanted at position ${position}, ${this.end - position} left`)
    }
    this.position = position + size
    return position + this.base
  }

  bool(): boolean { return this.view.getInt8(this.take(1)) !== 0 }
  int8(): number { return this.view.getInt8(this.take(1)) }
  int16(): number { return this.view.getInt16(this.take(2)) }
  int32(): number { return this.view.getInt32(this.take(4)) }
  int64(): bigint { return this.view.getBigInt64(this.take(8)) }
  uint16(): number { return this.view.getUint16(this.take(2)) }
  uint32(): number { return this.view.getUint32(this.take(4)) }
  float64(): number { return this.view.getFloat64(this.take(8)) }

  /** Unsigned LEB128 of at most 32 bits. */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.view.getUint8(this.take(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return value >>> 0
      }
    }
    throw new MalformedMessage(`varint before position ${this.position} is longer than 32 bits`)
  }

  uuid(): Uuid {
    const start = this.take(16)
    if (this.view.getBigInt64(start) === 0n && this.view.getBigInt64(start + 8) === 0n) return ZERO_UUID
    return base64urlSlice.call(this.bytes, start - this.base, start - this.base + 16) as Uuid
  }

  string(): string { return this.utf8(this.present(this.int16())) }
  nullableString(): string | null { return this.maybeUtf8(this.int16()) }
  compactString(): string { return this.utf8(this.present(this.uvarint() - 1)) }
  compactNullableString(): string | null { return this.maybeUtf8(this.uvarint() - 1) }

  bytesField(): Uint8Array { return this.copy(this.present(this.int32())) }
  nullableBytesField(): Uint8Array | null { return this.maybeCopy(this.int32()) }
  compactBytesField(): Uint8Array { return this.copy(this.present(this.uvarint() - 1)) }
  compactNullableBytesField(): Uint8Array | null { return this.maybeCopy(this.uvarint() - 1) }

  /** Element count of an array whose elements take at least `elementSizeMin` bytes each. */
  arrayCount(elementSizeMin: number): number { return this.count(this.present(this.int32()), elementSizeMin) }
  compactArrayCount(elementSizeMin: number): number { return this.count(this.present(this.uvarint() - 1), elementSizeMin) }
  /** As `arrayCount`, -1 for a null array. */
  nullableArrayCount(elementSizeMin: number): number { return this.maybeCount(this.int32(), elementSizeMin) }
  compactNullableArrayCount(elementSizeMin: number): number { return this.maybeCount(this.uvarint() - 1, elementSizeMin) }

  /** Skips tagged fields, known or not, where none has a meaning (request headers). */
  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.take(this.uvarint())
    }
  }

  /** Position where the tagged field of `size` bytes that starts here ends. */
  tagEnd(size: number): number {
    if (size > this.end - this.position) throw new MalformedMessage(`tagged field of ${size} bytes at position ${this.position} leaves the message`)
    return this.position + size
  }

  /** A known tagged field must take exactly the bytes it claims. */
  expectPosition(position: number): void {
    if (this.position !== position) throw new MalformedMessage(`tagged field ends at position ${this.position} instead of ${position}`)
  }

  private present(length: number): number {
    if (length < 0) throw new MalformedMessage(`null where a value is required before position ${this.position}`)
    return length
  }

  private count(count: number, elementSizeMin: number): number {
    this.elementCount += count
    if (count * elementSizeMin > this.end - this.position || this.elementCount > ELEMENT_COUNT_MAX) {
      throw new MalformedMessage(`array of ${count} elements at position ${this.position}, ${this.end - this.position} bytes left`)
    }
    return count
  }

  private maybeCount(count: number, elementSizeMin: number): number {
    return count < 0 ? -1 : this.count(count, elementSizeMin)
  }

  private utf8(size: number): string {
    const start = this.take(size) - this.base
    const bytes = this.bytes
    if (size <= SHORT_STRING_BYTES) {
      let text = ''
      let index = start
      for (const end = start + size; index < end; index++) {
        const byte = bytes[index] as number
        if (byte >= 0x80) break
        text += String.fromCharCode(byte)
      }
      if (index === start + size) return text
      return utf8Slice.call(bytes, start, start + size)
    }
    return utf8Slice.call(bytes, start, start + size)
  }

  private maybeUtf8(size: number): string | null {
    return size < 0 ? null : this.utf8(size)
  }

  private copy(size: number): Uint8Array {
    const start = this.take(size) - this.base
    return new Uint8Array(this.bytes.subarray(start, start + size))
  }

  private maybeCopy(size: number): Uint8Array | null {
    return size < 0 ? null : this.copy(size)
  }
}
