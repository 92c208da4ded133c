import { randomFillSync } from 'node:crypto'

/** 128 bits in Kafka's printed form: 22 characters of unpadded URL-safe base64. */
export type Uuid = string & { readonly __brand: 'Uuid' }

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid
/** The id that Kafka gives its metadata topic; reserved like the zero id. */
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid

/** A random (version 4) id; never a reserved one, and never with a leading dash, which tools would take for an option. */
export function randomUuid(random: (bytes: Buffer) => void = randomFillSync): Uuid {
  const bytes = Buffer.allocUnsafe(16)
  for (;;) {
    random(bytes)
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const uuid = bytes.toString('base64url')
    if (!uuid.startsWith('-')) return uuid as Uuid
  }
}

/** The 16 bytes of an id. */
export function uuidToBytes(uuid: Uuid): Buffer {
  return Buffer.from(uuid, 'base64url')
}

/** The id in the 16 bytes at `offset`; the caller has checked that they are there. */
export function uuidFromBytes(bytes: Uint8Array, offset = 0): Uuid {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, 16).toString('base64url') as Uuid
}

/** The id a text stands for, or undefined where it is none. */
export function parseUuid(text: string): Uuid | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return text.length === 22 && bytes.length === 16 && bytes.toString('base64url') === text ? (text as Uuid) : undefined
}
