// Writes `messages.ts` (types) and `schema-table.ts` (descriptions for the codec) from `schemas.json`, the one place where a
// field is written down. Run by `npm run generate`; a test fails where the written files differ from what this returns.

import { readFileSync, writeFileSync } from 'node:fs'
import type { ApiSchema, FieldSchema, PrimitiveType, RecordSchema } from './schema.ts'
import { isArray } from './schema.ts'

const NOTICE = '// Generated from schemas.json by `npm run generate`; edit that file instead.\n'

const TYPES: Record<PrimitiveType, string> = {
  bool: 'boolean', int8: 'number', int16: 'number', int32: 'number', int64: 'bigint', uint16: 'number', uint32: 'number',
  float64: 'number', uuid: 'Uuid', string: 'string', bytes: 'Uint8Array', records: 'Uint8Array',
}

export type Table = { apis: ApiSchema[]; records: RecordSchema[] }

const here = (name: string): URL => new URL(name, import.meta.url)

export function readTable(): Table {
  return JSON.parse(readFileSync(here('schemas.json'), 'utf8')) as Table
}

/** The text of both generated files. */
export function generate(table: Table): { messages: string; schemaTable: string } {
  return { messages: messagesSource(table), schemaTable: schemaTableSource(table) }
}

function messagesSource({ apis, records }: Table): string {
  const parts = [NOTICE, "import type { Uuid } from '../shared/uuid.ts'\n"]
  for (const api of apis) {
    parts.push(typeSource(`${api.name}Request`, api.request), typeSource(`${api.name}Response`, api.response))
  }
  for (const record of records) parts.push(typeSource(record.name, record.fields))
  parts.push(mapSource('Requests', 'Every request by the name of its API.', apis.map((api) => [api.name, `${api.name}Request`])))
  parts.push(mapSource('Responses', 'Every response by the name of its API.', apis.map((api) => [api.name, `${api.name}Response`])))
  parts.push(mapSource('Records', 'Every stored or embedded message by its name.', records.map((record) => [record.name, record.name])))
  return parts.join('\n')
}

function typeSource(name: string, fields: FieldSchema[]): string {
  return `export type ${name} = ${structSource(fields, '')}\n`
}

function structSource(fields: FieldSchema[], indent: string): string {
  if (fields.length === 0) return 'Record<string, never>'
  const inner = `${indent}  `
  return `{\n${fields.map((field) => `${inner}${field.name}: ${fieldSource(field, inner)}\n`).join('')}${indent}}`
}

function fieldSource(field: FieldSchema, indent: string): string {
  const struct = field.type === '[]' || field.type === '{}'
  const element = struct ? structSource(field.fields ?? [], indent) : TYPES[field.type.replace('[]', '') as PrimitiveType]
  const type = isArray(field.type) ? `${element}[]` : element
  return field.nullable !== undefined || field.default === null ? `${type} | null` : type
}

function mapSource(name: string, comment: string, entries: string[][]): string {
  return `/** ${comment} */\nexport type ${name} = {\n${entries.map(([key, type]) => `  ${key}: ${type}\n`).join('')}}\n`
}

function schemaTableSource({ apis, records }: Table): string {
  const line = (name: string, value: unknown): string => `  ${name}: '${JSON.stringify(value)}',\n`
  return [
    NOTICE,
    '// Descriptions stay text until a message is first used: a broker uses few of them.\n',
    "import type { Records, Requests } from './messages.ts'\n",
    '/** By name of the API: [fields of the request, fields of the response]. */',
    `export const API_FIELDS: Record<keyof Requests, string> = {\n${apis.map((api) => line(api.name, [api.request, api.response])).join('')}}\n`,
    '/** By name of the record: its fields. */',
    `export const RECORD_FIELDS: Record<keyof Records, string> = {\n${records.map((record) => line(record.name, record.fields)).join('')}}\n`,
    'export type ApiEntry = { name: keyof Requests; key: number; minVersion: number; maxVersion: number; flexibleFrom: number | null; listeners: readonly string[] }',
    `export const APIS: readonly ApiEntry[] = [\n${apis.map((api) => `  { name: '${api.name}', key: ${api.key}, minVersion: ${api.minVersion}, maxVersion: ${api.maxVersion}, flexibleFrom: ${api.flexibleFrom}, listeners: ${quotedList(api.listeners)} },\n`).join('')}]\n`,
    'export type RecordEntry = { name: keyof Records; module: string; key: number | null; minVersion: number; maxVersion: number; flexibleFrom: number | null }',
    `export const RECORDS: readonly RecordEntry[] = [\n${records.map((record) => `  { name: '${record.name}', module: '${record.module}', key: ${record.key}, minVersion: ${record.minVersion}, maxVersion: ${record.maxVersion}, flexibleFrom: ${record.flexibleFrom} },\n`).join('')}]\n`,
  ].join('\n')
}

function quotedList(values: string[]): string {
  return `[${values.map((value) => `'${value}'`).join(', ')}]`
}

if (process.argv[1] !== undefined && import.meta.url === new URL(process.argv[1], 'file:').href) {
  const { messages, schemaTable } = generate(readTable())
  writeFileSync(here('messages.ts'), messages)
  writeFileSync(here('schema-table.ts'), schemaTable)
}
