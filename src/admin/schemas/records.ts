import { Type, type Static } from '@sinclair/typebox'
import { nullable, offset, timestampMs } from './fields.ts'

export const DATA_ENCODINGS = ['text', 'json', 'base64'] as const
export type DataEncoding = (typeof DATA_ENCODINGS)[number]

export const RecordData = Type.Union([
  Type.Object({ encoding: Type.Literal('text'), data: Type.String() }),
  Type.Object({ encoding: Type.Literal('json'), data: Type.Unknown({ description: 'The JSON value itself.' }) }),
  Type.Object({ encoding: Type.Literal('base64'), data: Type.String() }),
], { $id: 'RecordData', description: 'Bytes, decoded as they allow or as it was asked for.' })
export type RecordData = Static<typeof RecordData>

export const RecordView = Type.Object({
  offset: offset('Offset of the record.'),
  timestampMs: timestampMs('Timestamp of the record'),
  key: nullable(RecordData),
  value: nullable(RecordData),
  headers: Type.Array(Type.Object({ key: Type.String(), value: nullable(RecordData) })),
  compression: Type.String({ description: 'How the batch of the record is compressed.' }),
  producerId: nullable(Type.Integer({ description: 'Id of an idempotent or transactional producer.' })),
  transactional: Type.Boolean(),
}, { $id: 'Record' })
export type RecordView = Static<typeof RecordView>

export const RecordPage = Type.Object({
  records: Type.Array(RecordView),
  nextOffset: offset('Where the next page begins.'),
  logStartOffset: offset('First offset that can be read.'),
  highWatermark: offset('End of what can be read.'),
}, { $id: 'RecordPage' })
export type RecordPage = Static<typeof RecordPage>

const Encoding = Type.Union([Type.Literal('auto'), Type.Literal('text'), Type.Literal('json'), Type.Literal('base64')], {
  default: 'auto',
  description: 'auto: JSON objects and arrays as JSON, other valid UTF-8 as text, the rest as base64. json falls back to text, text to base64.',
})

export const RecordQuery = Type.Object({
  offset: Type.Optional(Type.Integer({ minimum: 0, description: 'First offset. Default: the start of the log; below it, the start too.' })),
  timestampMs: Type.Optional(Type.Integer({ minimum: 0, description: 'Begin at the first record with this timestamp or a later one; not with offset.' })),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Most records in the answer.' }),
  maxBytes: Type.Integer({ minimum: 1024, maximum: 16777216, default: 1048576, description: 'Most bytes of log that are read; at least one batch always is.' }),
  keyEncoding: Encoding,
  valueEncoding: Encoding,
}, { additionalProperties: false })
export type RecordQuery = Static<typeof RecordQuery>
