import { expect, test } from 'vitest'
import { asKafkaError, errorResponse } from '../../../src/broker/error-responses.ts'
import { GROUP_APIS } from '../../../src/groups/group-handlers.ts'
import { METADATA_APIS } from '../../../src/metadata/metadata-handlers.ts'
import type { ApiName } from '../../../src/protocol/api-keys.ts'
import { decodeResponse, encodeResponse } from '../../../src/protocol/codec.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import { readTable } from '../../../src/protocol/generate.ts'
import { isArray, isInRange } from '../../../src/protocol/schema.ts'
import type { FieldSchema } from '../../../src/protocol/schema.ts'
import { MillraceError } from '../../../src/shared/errors.ts'
import { TRANSACTION_APIS } from '../../../src/transactions/handlers.ts'
import { defaultValue } from '../../support/message-values.ts'

const schemas = new Map(readTable().apis.map((api) => [api.name, api]))
const served = Object.entries<{ minVersion: number; maxVersion: number }>({ ...METADATA_APIS, ...GROUP_APIS, ...TRANSACTION_APIS })
const cases = served.flatMap(([name, { minVersion, maxVersion }]) =>
  Array.from({ length: maxVersion - minVersion + 1 }, (_, index): [ApiName, number] => [name as ApiName, minVersion + index]),
)
/** Their first versions have no place for an error of the whole request. */
const WITHOUT_ERROR = new Set(['DescribeLogDirs 1', 'DescribeLogDirs 2'])

/** A request with one element in every array and null wherever that is allowed, if `nulls` says so. */
function sample(fields: FieldSchema[], version: number, nulls: boolean): Record<string, unknown> {
  return Object.fromEntries(
    fields.map((field) => {
      if (!isInRange(field.versions, version)) return [field.name, defaultValue(field)]
      if (nulls && isInRange(field.nullable, version)) return [field.name, null]
      if (field.type === '[]') return [field.name, [sample(field.fields ?? [], version, nulls)]]
      if (isArray(field.type)) return [field.name, [field.type === '[]string' ? 'x' : field.type === '[]uuid' ? 'AAAAAAAAAAAAAAAAAAAAAg' : 1]]
      return [field.name, field.type === '{}' ? sample(field.fields ?? [], version, nulls) : (defaultValue(field) ?? 'x')]
    }),
  )
}

function errorCodes(fields: FieldSchema[], version: number, value: Record<string, unknown>): unknown[] {
  return fields.flatMap((field) => {
    if (!isInRange(field.versions, version)) return []
    const held = value[field.name]
    if (field.name === 'errorCode' || field.name === 'partitionErrorCode') return [held]
    if (field.type === '{}' && held !== null) return errorCodes(field.fields ?? [], version, held as Record<string, unknown>)
    if (field.type === '[]') return ((held ?? []) as Record<string, unknown>[]).flatMap((element) => errorCodes(field.fields ?? [], version, element))
    return []
  })
}

test.each(cases)('%s %i says everywhere it can that the request failed', (api, version) => {
  const schema = schemas.get(api)
  if (schema === undefined) throw new Error(`no schema of ${api}`)
  for (const nulls of [false, true]) {
    const response = errorResponse(api, version, sample(schema.request, version, nulls), new KafkaError('INVALID_REQUEST'))
    const { body } = decodeResponse(api, version, encodeResponse(api, version, 1, response))
    const codes = errorCodes(schema.response, version, body as unknown as Record<string, unknown>)
    if (!nulls && !WITHOUT_ERROR.has(`${api} ${version}`)) expect(codes).not.toEqual([])
    expect(codes.filter((code) => code !== 42)).toEqual([])
  }
})

test('an error is the protocol outcome it names, and anything else is UNKNOWN_SERVER_ERROR', () => {
  expect(asKafkaError(new KafkaError('INVALID_REQUEST', 'no'))).toMatchObject({ errorName: 'INVALID_REQUEST', message: 'no' })
  expect(asKafkaError(new MillraceError('OFFSET_OUT_OF_RANGE', 'far'))).toMatchObject({ errorCode: 1, message: 'far' })
  expect(asKafkaError(new MillraceError('DATA_PLANE', 'secret path'))).toMatchObject({ errorCode: -1, message: 'The broker failed in a way it did not expect.' })
  expect(asKafkaError('thrown text')).toMatchObject({ errorCode: -1 })
})
