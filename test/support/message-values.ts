// Random values for any message of the table, from a seed.

import type { FieldSchema, PrimitiveType } from '../../src/protocol/schema.ts'
import { isArray, isInRange } from '../../src/protocol/schema.ts'
import { randomUuid } from '../../src/shared/uuid.ts'

/** A small generator of numbers below 2^32 (mulberry32). */
export class Random {
  private state: number
  constructor(seed: number) { this.state = seed | 0 }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  below(limit: number): number { return this.next() % limit }
  chance(oneIn: number): boolean { return this.below(oneIn) === 0 }
  pick<T>(values: readonly T[]): T { return values[this.below(values.length)] as T }
  fill(bytes: Uint8Array): void { for (let index = 0; index < bytes.length; index++) bytes[index] = this.below(256) }
}

/** A value with the fields that exist at `version`; those of other versions hold their defaults. */
export function randomValue(fields: FieldSchema[], version: number, random: Random, depth = 0): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [
    field.name,
    isInRange(field.versions, version) && !random.chance(6) ? randomField(field, version, random, depth) : defaultValue(field),
  ]))
}

export function defaultValue(field: FieldSchema): unknown {
  if (field.default === null) return null
  if (isArray(field.type)) return []
  if (field.type === '{}') return Object.fromEntries((field.fields ?? []).map((child) => [child.name, defaultValue(child)]))
  const types: Record<PrimitiveType, unknown> = {
    bool: false, int8: 0, int16: 0, int32: 0, int64: 0n, uint16: 0, uint32: 0, float64: 0,
    uuid: 'AAAAAAAAAAAAAAAAAAAAAA', string: '', bytes: new Uint8Array(0), records: field.nullable === undefined ? new Uint8Array(0) : null,
  }
  if (field.default === undefined) return types[field.type as PrimitiveType]
  return field.type === 'int64' ? BigInt(field.default as string) : field.default
}

function randomField(field: FieldSchema, version: number, random: Random, depth: number): unknown {
  if (isInRange(field.nullable, version) && random.chance(4)) return null
  if (field.type === '{}') return randomValue(field.fields ?? [], version, random, depth + 1)
  if (!isArray(field.type)) return randomPrimitive(field.type as PrimitiveType, random)
  const count = random.below(depth > 1 ? 2 : 4)
  return Array.from({ length: count }, () => field.type === '[]'
    ? randomValue(field.fields ?? [], version, random, depth + 1)
    : randomPrimitive(field.type.slice(2) as PrimitiveType, random))
}

function randomPrimitive(type: PrimitiveType, random: Random): unknown {
  switch (type) {
    case 'bool': return random.chance(2)
    case 'int8': return random.below(256) - 128
    case 'int16': return random.below(65_536) - 32_768
    case 'int32': return random.next() | 0
    case 'int64': return BigInt.asIntN(64, (BigInt(random.next()) << 32n) | BigInt(random.next()))
    case 'uint16': return random.below(65_536)
    case 'uint32': return random.next()
    case 'float64': return random.next() / 7
    case 'uuid': return randomUuid((bytes) => random.fill(bytes))
    case 'string': return randomString(random)
    case 'bytes': case 'records': {
      const bytes = new Uint8Array(random.pick([0, 1, 20, 126, 127, 128, 300]))
      random.fill(bytes)
      return bytes
    }
  }
}

function randomString(random: Random): string {
  const length = random.pick([0, 1, 5, 8, 9, 20, 47, 48, 49, 126, 127, 128, 300])
  const alphabet = random.chance(4) ? ['a', 'é', '€', '𝄞'] : ['a', 'b', '-', '7']
  return Array.from({ length }, () => random.pick(alphabet)).join('')
}
