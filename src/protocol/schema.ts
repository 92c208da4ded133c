// The description of a message as the table holds it: every field once, with the versions it exists in. It owns no
// messages and no bytes; `schema-table.ts` holds the descriptions, `compile.ts` turns one into code for one version.

export type PrimitiveType =
  | 'bool' | 'int8' | 'int16' | 'int32' | 'int64' | 'uint16' | 'uint32' | 'float64'
  | 'uuid' | 'string' | 'bytes' | 'records'

/** `[]` is an array of structs and `{}` a struct, both described by `fields`; `[]int32` is an array of a primitive. */
export type FieldType = PrimitiveType | `[]${PrimitiveType}` | '[]' | '{}'

export type FieldSchema = {
  name: string
  type: FieldType
  /** `3+`, `3-5` or `3`. */
  versions: string
  nullable?: string
  /** Present on the tagged fields of flexible versions (KIP-482). */
  tag?: number
  /** Absent where it is the type's own: 0, false, '', [], the struct of defaults; null for nullable records. An int64 may be a string. */
  default?: null | boolean | number | string
  fields?: FieldSchema[]
}

export type ApiSchema = {
  name: string
  key: number
  minVersion: number
  /** The highest version that is stable in Kafka; `unstableVersion` is described too where there is one. */
  maxVersion: number
  unstableVersion?: number
  /** First version with compact lengths and tagged fields; null for never. */
  flexibleFrom: number | null
  listeners: string[]
  request: FieldSchema[]
  response: FieldSchema[]
}

export type RecordSchema = {
  name: string
  module: string
  /** What tells records of one topic apart: the record type of a coordinator record, the API key of a metadata record. */
  key: number | null
  minVersion: number
  maxVersion: number
  flexibleFrom: number | null
  fields: FieldSchema[]
}

/** Whether `version` lies in a range such as `3+`, `3-5` or `3`; never for an absent range. */
export function isInRange(range: string | undefined, version: number): boolean {
  if (range === undefined) return false
  if (range.endsWith('+')) return version >= Number(range.slice(0, -1))
  const dash = range.indexOf('-')
  if (dash < 0) return version === Number(range)
  return version >= Number(range.slice(0, dash)) && version <= Number(range.slice(dash + 1))
}

export const isArray = (type: FieldType): boolean => type.startsWith('[]')
