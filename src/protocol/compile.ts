// Turns the description of a message into code for one of its versions: straight-line functions that the engine optimises
// like hand-written ones (a walk over the description at run time was 10 times slower). Called once per message and version, on first use.
// Every name and number that enters the code comes from the project's own table, nothing from a peer.

import { ZERO_UUID } from '../shared/uuid.ts'
import type { Reader } from './reader.ts'
import type { FieldSchema, PrimitiveType } from './schema.ts'
import { isArray, isInRange } from './schema.ts'
import type { Writer } from './writer.ts'

export type Decoder = (reader: Reader) => unknown
export type Encoder = (writer: Writer, value: unknown) => void

const IDENTIFIER = /^[A-Za-z][A-Za-z0-9]*$/

/** Bytes on the wire of a value of fixed size; lengths count as the least they take. */
const SIZE_MIN: Record<PrimitiveType, number> = {
  bool: 1, int8: 1, int16: 2, int32: 4, int64: 8, uint16: 2, uint32: 4, float64: 8, uuid: 16, string: 1, bytes: 1, records: 1,
}

/** One message at one version. */
class Layout {
  readonly version: number
  readonly flexible: boolean
  readonly functions: string[] = []

  constructor(version: number, flexible: boolean) {
    this.version = version
    this.flexible = flexible
  }

  has(field: FieldSchema): boolean { return isInRange(field.versions, this.version) }
  isNullable(field: FieldSchema): boolean { return isInRange(field.nullable, this.version) }
  untagged(fields: FieldSchema[]): FieldSchema[] { return fields.filter((field) => this.has(field) && field.tag === undefined) }
  tagged(fields: FieldSchema[]): FieldSchema[] { return fields.filter((field) => this.has(field) && field.tag !== undefined) }

  /** Adds a function and returns its name. */
  define(parameters: string, body: string): string {
    const name = `f${this.functions.length}`
    this.functions.push(`function ${name}(${parameters}) {${body}}`)
    return name
  }

  /** Name of the reader's or writer's method for a value. */
  method(type: PrimitiveType, nullable: boolean): string {
    if (type !== 'string' && type !== 'bytes' && type !== 'records') return type
    const noun = type === 'string' ? 'String' : 'BytesField'
    const name = `${this.flexible ? 'compact' : ''}${nullable ? 'Nullable' : ''}${noun}`
    return name.charAt(0).toLowerCase() + name.slice(1)
  }

  sizeMin(fields: FieldSchema[]): number {
    let size = this.flexible ? 1 : 0
    for (const field of this.untagged(fields)) {
      if (isArray(field.type)) size += this.flexible ? 1 : 4
      else if (field.type === '{}') size += this.isNullable(field) ? 1 : this.sizeMin(field.fields ?? [])
      else size += SIZE_MIN[field.type as PrimitiveType]
    }
    return size
  }
}

/** The source of a field's default; a new object each time it is evaluated. */
function defaultSource(field: FieldSchema): string {
  const value = field.default
  if (value === null) return 'null'
  if (isArray(field.type)) return '[]'
  switch (field.type) {
    case '{}': return structDefaultSource(field.fields ?? [])
    case 'int64': return `${value ?? 0}n`
    case 'uuid': return JSON.stringify(value ?? ZERO_UUID)
    case 'bool': return String(value ?? false)
    case 'string': return JSON.stringify(value ?? '')
    case 'bytes': return 'new Uint8Array(0)'
    case 'records': return field.nullable === undefined ? 'new Uint8Array(0)' : 'null'
    default: return String(value ?? 0)
  }
}

function structDefaultSource(fields: FieldSchema[]): string {
  return `({${fields.map((field) => `${nameOf(field)}:${defaultSource(field)}`).join(',')}})`
}

function nameOf(field: FieldSchema): string {
  if (!IDENTIFIER.test(field.name)) throw new Error(`field name ${field.name} in the message table`)
  return field.name
}

export function compileDecoder(fields: FieldSchema[], version: number, flexible: boolean): Decoder {
  const layout = new Layout(version, flexible)
  return link<Decoder>(layout, defineDecoder(layout, fields))
}

export function compileEncoder(fields: FieldSchema[], version: number, flexible: boolean): Encoder {
  const layout = new Layout(version, flexible)
  return link<Encoder>(layout, defineEncoder(layout, fields))
}

function link<F>(layout: Layout, name: string): F {
  return new Function('sameBytes', `'use strict';${layout.functions.join('\n')}\nreturn ${name}`)(sameBytes) as F
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function defineDecoder(layout: Layout, fields: FieldSchema[]): string {
  let body = ''
  for (const field of fields) {
    const untagged = layout.has(field) && field.tag === undefined
    body += untagged ? decodeSource(layout, field) : `let ${nameOf(field)}=${defaultSource(field)};`
  }
  if (layout.flexible) {
    const cases = layout.tagged(fields).map((field) => `case ${field.tag}:{${decodeSource(layout, field, true)}r.expectPosition(end);break}`)
    body += `for(let n=r.uvarint();n>0;n--){const tag=r.uvarint(),end=r.tagEnd(r.uvarint());switch(tag){${cases.join('')}default:r.position=end}}`
  }
  return layout.define('r', `${body}return {${fields.map(nameOf).join(',')}}`)
}

/** Reads one field into a variable of its name. */
function decodeSource(layout: Layout, field: FieldSchema, tagged = false): string {
  const name = nameOf(field)
  const target = tagged ? name : `let ${name}`
  const nullable = layout.isNullable(field)
  if (field.type === '{}') {
    const decode = defineDecoder(layout, field.fields ?? [])
    return nullable ? `${target}=r.int8()<0?null:${decode}(r);` : `${target}=${decode}(r);`
  }
  if (!isArray(field.type)) return `${target}=r.${layout.method(field.type as PrimitiveType, nullable)}();`

  const struct = field.type === '[]'
  const element = struct ? `${defineDecoder(layout, field.fields ?? [])}(r)` : `r.${layout.method(field.type.slice(2) as PrimitiveType, false)}()`
  const sizeMin = struct ? layout.sizeMin(field.fields ?? []) : SIZE_MIN[field.type.slice(2) as PrimitiveType]
  if (sizeMin < 1) throw new Error(`elements of ${name} may take no bytes at version ${layout.version}`)
  const countMethod = layout.flexible ? (nullable ? 'compactNullableArrayCount' : 'compactArrayCount') : nullable ? 'nullableArrayCount' : 'arrayCount'
  const count = `${name}Count`
  const fill = `for(let i=0;i<${count};i++)${name}.push(${element});`
  const start = `const ${count}=r.${countMethod}(${sizeMin});`
  return nullable
    ? `${tagged ? '' : `let ${name};`}${start}if(${count}<0)${name}=null;else{${name}=[];${fill}}`
    : `${start}${target}=[];${fill}`
}

function defineEncoder(layout: Layout, fields: FieldSchema[]): string {
  let body = layout.untagged(fields).map((field) => valueSource(field) + encodeSource(layout, field)).join('')
  if (layout.flexible) {
    const tagged = layout.tagged(fields)
    if (tagged.length === 0) body += 'w.uvarint(0);'
    else {
      const present = tagged.map((field) => `${valueSource(field)}const ${nameOf(field)}Set=${differsSource(field, nameOf(field))};`).join('')
      const count = tagged.map((field) => `(${nameOf(field)}Set?1:0)`).join('+')
      const writes = tagged.map((field) => `if(${nameOf(field)}Set){const start=w.beginTag(${field.tag});${encodeSource(layout, field)}w.endTag(start)}`)
      body += `${present}w.uvarint(${count});${writes.join('')}`
    }
  }
  return layout.define('w,v', body)
}

/** Takes a field's value, or its default, into a variable of its name. */
function valueSource(field: FieldSchema): string {
  const name = nameOf(field)
  return `let ${name}=v.${name};if(${name}===undefined)${name}=${defaultSource(field)};`
}

function encodeSource(layout: Layout, field: FieldSchema): string {
  const name = nameOf(field)
  const nullable = layout.isNullable(field)
  if (field.type === '{}') {
    const encode = `${defineEncoder(layout, field.fields ?? [])}(w,${name});`
    return nullable ? `if(${name}===null)w.int8(-1);else{w.int8(1);${encode}}` : encode
  }
  if (!isArray(field.type)) return `w.${layout.method(field.type as PrimitiveType, nullable)}(${name});`
  const write = field.type === '[]'
    ? `${defineEncoder(layout, field.fields ?? [])}(w,${name}[i]);`
    : `w.${layout.method(field.type.slice(2) as PrimitiveType, false)}(${name}[i]);`
  const length = layout.flexible ? `w.uvarint(${name}.length+1);` : `w.int32(${name}.length);`
  const all = `${length}for(let i=0;i<${name}.length;i++)${write}`
  return nullable ? `if(${name}===null)${layout.flexible ? 'w.uvarint(0)' : 'w.int32(-1)'};else{${all}}` : all
}

/** An expression for "the value of this field is not its default", which is when a tagged field is written. */
function differsSource(field: FieldSchema, value: string): string {
  if (field.default === null || (field.type === 'records' && field.nullable !== undefined)) return `${value}!==null`
  if (isArray(field.type)) return orNull(field, value, `${value}.length!==0`)
  if (field.type === 'bytes' || field.type === 'records') return orNull(field, value, `!sameBytes(${value},${defaultSource(field)})`)
  if (field.type === '{}') {
    const inner = (field.fields ?? []).map((child) => {
      const path = `${value}.${nameOf(child)}`
      return `(${path}!==undefined&&(${differsSource(child, path)}))`
    })
    return orNull(field, value, inner.join('||') || 'false')
  }
  return `${value}!==${defaultSource(field)}`
}

function orNull(field: FieldSchema, value: string, differs: string): string {
  return field.nullable === undefined ? `(${differs})` : `(${value}===null||${differs})`
}

