// Writes Kafka's primitive types. Messages are cut one after the other from a slab that is never used twice, so what
// `finish` returns stays valid and costs no copy.

import type { Uuid } from '../shared/uuid.ts'

const SLAB_BYTES = 64 * 1024
/** A new message starts in the current slab only while this much of it is left. */
const SLAB_RESERVE_BYTES = 1024
const CLASSIC_STRING_BYTES_MAX = 0x7fff
/** Up to this many characters a loop beats the call into the runtime's encoder. */
const SHORT_STRING_LENGTH = 48

type Writes = {
  utf8Write(this: Uint8Array, text: string, offset: number): number
  base64urlWrite(this: Uint8Array, text: string, offset: number): number
}
const { utf8Write, base64urlWrite } = Buffer.prototype as unknown as Writes

export class Writer {
  private bytes: Uint8Array
  private view: DataView
  private start = 0
  /** Where the next byte goes; `start <= position <= bytes.length` always holds. */
  private position = 0

  constructor() {
    this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Starts a message, dropping one that was not finished (its encoder threw). */
  begin(): this {
    this.position = this.start
    const grown = this.bytes.length > SLAB_BYTES
    if (grown || this.bytes.length - this.start < SLAB_RESERVE_BYTES) this.replaceSlab(SLAB_BYTES, 0)
    return this
  }

  /** The bytes since `begin`. */
  finish(): Uint8Array {
    const message = this.bytes.subarray(this.start, this.position)
    this.start = this.position
    return message
  }

  private replaceSlab(size: number, used: number): void {
    const bytes = Buffer.allocUnsafeSlow(size)
    bytes.set(this.bytes.subarray(this.start, this.start + used))
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.start = 0
    this.position = used
  }

  private reserve(size: number): number {
    const position = this.position
    if (position + size > this.bytes.length) {
      const used = position - this.start
      this.replaceSlab(Math.max(SLAB_BYTES, (used + size) * 2), used)
      this.position = used + size
      return used
    }
    this.position = position + size
    return position
  }

  bool(value: boolean): void { const at = this.reserve(1); this.view.setInt8(at, value ? 1 : 0) }
  int8(value: number): void { const at = this.reserve(1); this.view.setInt8(at, value) }
  int16(value: number): void { const at = this.reserve(2); this.view.setInt16(at, value) }
  int32(value: number): void { const at = this.reserve(4); this.view.setInt32(at, value) }
  int64(value: bigint): void { const at = this.reserve(8); this.view.setBigInt64(at, value) }
  uint16(value: number): void { const at = this.reserve(2); this.view.setUint16(at, value) }
  uint32(value: number): void { const at = this.reserve(4); this.view.setUint32(at, value) }
  float64(value: number): void { const at = this.reserve(8); this.view.setFloat64(at, value) }

  uvarint(value: number): void {
    let rest = value
    let at = this.reserve(5)
    while (rest > 0x7f) {
      this.bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[at++] = rest
    this.position = at
  }

  uuid(value: Uuid): void {
    const at = this.reserve(16)
    if (base64urlWrite.call(this.bytes, value, at) !== 16) throw new RangeError(`not a uuid: ${value}`)
  }

  string(value: string): void {
    this.reserve(2)
    const size = this.utf8(value, utf8SizeIfLong(value))
    if (size > CLASSIC_STRING_BYTES_MAX) throw new RangeError(`string of ${size} bytes does not fit an int16 length`)
    this.view.setInt16(this.position - size - 2, size)
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.string(value)
  }

  compactString(value: string): void {
    // A short string is taken for ASCII, whose size is its length; if it is not, its length is put right and it is written again.
    const assumed = utf8SizeIfLong(value)
    this.uvarint(assumed + 1)
    const size = this.utf8(value, assumed)
    if (size !== assumed) {
      this.position -= size + 1
      this.uvarint(size + 1)
      const at = this.reserve(size)
      utf8Write.call(this.bytes, value, at)
    }
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0)
    else this.compactString(value)
  }

  bytesField(value: Uint8Array): void {
    this.int32(value.length)
    this.raw(value)
  }

  nullableBytesField(value: Uint8Array | null): void {
    if (value === null) this.int32(-1)
    else this.bytesField(value)
  }

  compactBytesField(value: Uint8Array): void {
    this.uvarint(value.length + 1)
    this.raw(value)
  }

  compactNullableBytesField(value: Uint8Array | null): void {
    if (value === null) this.uvarint(0)
    else this.compactBytesField(value)
  }

  raw(value: Uint8Array): void {
    const at = this.reserve(value.length)
    this.bytes.set(value, at)
  }

  /** Starts a tagged field of yet unknown size; `endTag` takes what this returns. */
  beginTag(tag: number): number {
    this.uvarint(tag)
    this.reserve(1)
    return this.position - this.start
  }

  /** Puts the size before a tagged field's bytes, moving them where it takes more than the one byte kept for it. */
  endTag(contentStart: number): void {
    const size = this.position - this.start - contentStart
    const extra = size < 0x80 ? 0 : size < 0x4000 ? 1 : size < 0x200000 ? 2 : size < 0x10000000 ? 3 : 4
    this.reserve(extra)
    const content = this.start + contentStart
    if (extra > 0) this.bytes.copyWithin(content + extra, content, content + size)
    let at = content - 1
    let rest = size
    for (; rest > 0x7f; rest >>>= 7) this.bytes[at++] = (rest & 0x7f) | 0x80
    this.bytes[at] = rest
  }

  /** Writes `value` at the position; `size` is its size in UTF-8, or its length where it is short. Returns its true size. */
  private utf8(value: string, size: number): number {
    const length = value.length
    if (length <= SHORT_STRING_LENGTH) {
      const at = this.reserve(length)
      const bytes = this.bytes
      let index = 0
      for (; index < length; index++) {
        const unit = value.charCodeAt(index)
        if (unit >= 0x80) break
        bytes[at + index] = unit
      }
      if (index === length) return length
      this.position = at
      const exact = Buffer.byteLength(value)
      const again = this.reserve(exact)
      utf8Write.call(this.bytes, value, again)
      return exact
    }
    const at = this.reserve(size)
    utf8Write.call(this.bytes, value, at)
    return size
  }
}

function utf8SizeIfLong(value: string): number {
  return value.length <= SHORT_STRING_LENGTH ? value.length : Buffer.byteLength(value)
}
