// Every message at every version: what is encoded decodes to the same value, and any damage to it is a MalformedMessage
// or another value, never another failure.

import { describe, expect, test } from 'vitest'
import * as codec from '../../src/protocol/codec.ts'
import { MalformedMessage } from '../../src/protocol/malformed-message.ts'
import { readTable } from '../../src/protocol/generate.ts'
import type { FieldSchema } from '../../src/protocol/schema.ts'
import { Random, randomValue } from '../support/message-values.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const ROUNDS = 8

type Message = {
  name: string
  fields: FieldSchema[]
  versions: number[]
  encode: (version: number, value: object) => Uint8Array
  decode: (version: number, bytes: Uint8Array) => unknown
}

const versions = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

const { apis, records } = readTable()
const messages: Message[] = [
  ...apis.flatMap((api): Message[] => {
    const name = api.name as 'Metadata'
    const all = versions(api.minVersion, api.maxVersion)
    return [
      {
        name: `${name}Request`, fields: api.request, versions: all,
        encode: (version, value) => codec.encodeRequest(name, version, 7, 'client', value),
        decode: (version, bytes) => codec.decodeRequest(name, version, bytes, codec.decodeRequestHeader(bytes).bodyOffset),
      },
      {
        name: `${name}Response`, fields: api.response, versions: all,
        encode: (version, value) => codec.encodeResponse(name, version, 7, value),
        decode: (version, bytes) => codec.decodeResponse(name, version, bytes).body,
      },
    ]
  }),
  ...records.map((record): Message => {
    const name = record.name as 'TopicRecord'
    return {
      name, fields: record.fields, versions: versions(record.minVersion, record.maxVersion),
      encode: (version, value) => codec.encodeRecordBody(name, version, value),
      decode: (version, bytes) => codec.decodeRecordBody(name, version, bytes),
    }
  }),
]

describe(`seed ${SEED}`, () => {
  test.each(messages)('$name', ({ fields, versions: all, encode, decode }) => {
    for (const version of all) {
      const random = new Random(SEED + version)
      for (let round = 0; round < ROUNDS; round++) {
        const value = randomValue(fields, version, random)
        const bytes = encode(version, value)
        expect(decode(version, bytes)).toEqual(value)
        damage(bytes, random, (damaged) => decode(version, damaged))
      }
    }
  })
})

function damage(bytes: Uint8Array, random: Random, decode: (bytes: Uint8Array) => unknown): void {
  const cut = bytes.slice(0, random.below(bytes.length + 1))
  const flipped = bytes.slice()
  if (flipped.length > 8) flipped[8 + random.below(flipped.length - 8)] = random.pick([0, 1, 0x7f, 0x80, 0xff])
  for (const damaged of [cut, flipped]) {
    try {
      decode(damaged)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedMessage)
    }
  }
}
