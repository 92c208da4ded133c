// Frames and stored records to values and back, for every message and version of the table. Decoded values hold every
// field of every version, with its default where this version has none; encoders fill the same defaults in.

import { apiByKey, apiByName } from './api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from './api-keys.ts'
import type { Decoder, Encoder } from './compile.ts'
import { compileDecoder, compileEncoder } from './compile.ts'
import { MalformedMessage } from './malformed-message.ts'
import type { Records } from './messages.ts'
import { Reader } from './reader.ts'
import type { RecordEntry } from './schema-table.ts'
import { API_FIELDS, RECORD_FIELDS, RECORDS } from './schema-table.ts'
import type { FieldSchema } from './schema.ts'
import { Writer } from './writer.ts'

export { MalformedMessage } from './malformed-message.ts'

export type RecordName = keyof Records
export type RequestHeader = {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
  /** Where the request's body starts in the frame. */
  bodyOffset: number
}

type Side = 0 | 1
const REQUEST: Side = 0
const RESPONSE: Side = 1

/** Code per version of one message, compiled on first use. */
class MessageCodec {
  private readonly fields: FieldSchema[]
  private readonly flexibleFrom: number | null
  private readonly decoders: (Decoder | undefined)[] = []
  private readonly encoders: (Encoder | undefined)[] = []

  constructor(fields: FieldSchema[], flexibleFrom: number | null) {
    this.fields = fields
    this.flexibleFrom = flexibleFrom
  }

  isFlexible(version: number): boolean { return this.flexibleFrom !== null && version >= this.flexibleFrom }

  decoder(version: number): Decoder {
    return (this.decoders[version] ??= compileDecoder(this.fields, version, this.isFlexible(version)))
  }

  encoder(version: number): Encoder {
    return (this.encoders[version] ??= compileEncoder(this.fields, version, this.isFlexible(version)))
  }
}

const apiCodecs = new Map<ApiName, readonly [MessageCodec, MessageCodec]>()
const recordCodecs = new Map<RecordName, MessageCodec>()
const recordEntries = new Map<string, RecordEntry>(RECORDS.map((entry) => [entry.name, entry]))
const metadataRecords = new Map<number, RecordEntry>(RECORDS.flatMap((entry) => (entry.module === 'metadata' && entry.key !== null ? [[entry.key, entry]] : [])))
const writer = new Writer()

function apiCodec(api: ApiName, side: Side): MessageCodec {
  let pair = apiCodecs.get(api)
  if (pair === undefined) {
    const [request, response] = JSON.parse(API_FIELDS[api]) as [FieldSchema[], FieldSchema[]]
    const { flexibleFrom } = apiByName(api)
    pair = [new MessageCodec(request, flexibleFrom), new MessageCodec(response, flexibleFrom)]
    apiCodecs.set(api, pair)
  }
  return pair[side]
}

function recordCodec(name: RecordName): MessageCodec {
  let codec = recordCodecs.get(name)
  if (codec === undefined) {
    codec = new MessageCodec(JSON.parse(RECORD_FIELDS[name]) as FieldSchema[], recordEntry(name).flexibleFrom)
    recordCodecs.set(name, codec)
  }
  return codec
}

function recordEntry(name: RecordName): RecordEntry {
  return recordEntries.get(name) as RecordEntry
}

/** The header of a request frame. An API key or version nobody knows is no failure here: only the header's own form is checked. */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  // The client id keeps its classic length in flexible headers too.
  const clientId = reader.nullableString()
  const api = apiByKey(apiKey)
  if (api !== undefined && api.flexibleFrom !== null && apiVersion >= api.flexibleFrom) reader.skipTags()
  return { apiKey, apiVersion, correlationId, clientId, bodyOffset: reader.position }
}

/** The request whose body starts at `offset`. The version must be one the table describes. Throws `MalformedMessage`. */
export function decodeRequest<N extends ApiName>(api: N, version: number, frame: Uint8Array, offset: number): RequestOf<N> {
  return apiCodec(api, REQUEST).decoder(version)(new Reader(frame, offset)) as RequestOf<N>
}

/** A response frame (header and body, without size). */
export function encodeResponse<N extends ApiName>(api: N, version: number, correlationId: number, body: Encodable<ResponseOf<N>>): Uint8Array {
  const codec = apiCodec(api, RESPONSE)
  writer.begin().int32(correlationId)
  if (hasResponseTags(api, codec, version)) writer.uvarint(0)
  codec.encoder(version)(writer, body)
  return writer.finish()
}

/** A request frame (header and body, without size). */
export function encodeRequest<N extends ApiName>(api: N, version: number, correlationId: number, clientId: string | null, body: Encodable<RequestOf<N>>): Uint8Array {
  const codec = apiCodec(api, REQUEST)
  writer.begin().int16(apiByName(api).key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.nullableString(clientId)
  if (codec.isFlexible(version)) writer.uvarint(0)
  codec.encoder(version)(writer, body)
  return writer.finish()
}

/** A response frame's correlation id and body. Throws `MalformedMessage`. */
export function decodeResponse<N extends ApiName>(api: N, version: number, frame: Uint8Array): { correlationId: number; body: ResponseOf<N> } {
  const codec = apiCodec(api, RESPONSE)
  const reader = new Reader(frame)
  const correlationId = reader.int32()
  if (hasResponseTags(api, codec, version)) reader.skipTags()
  return { correlationId, body: codec.decoder(version)(reader) as ResponseOf<N> }
}

/** An ApiVersions response has no tagged header at any version: its reader does not know yet what the broker speaks (KIP-511). */
function hasResponseTags(api: ApiName, codec: MessageCodec, version: number): boolean {
  return api !== 'ApiVersions' && codec.isFlexible(version)
}

/** Keys of coordinator records carry the record's type where values carry a version; their layout has one version only. */
function layoutVersion(entry: RecordEntry, prefix: number): number {
  if (isCoordinatorKey(entry)) return prefix === entry.key ? 0 : -1
  return prefix >= entry.minVersion && prefix <= entry.maxVersion ? prefix : -1
}

function isCoordinatorKey(entry: RecordEntry): boolean {
  return entry.key !== null && entry.name.endsWith('Key')
}

/**
 * A stored message with its leading int16: the version, or for keys of coordinator records the record type (1 for
 * OffsetCommitKey, 2 for GroupMetadataKey, …).
 */
export function encodeRecord<N extends RecordName>(name: N, version: number, value: Encodable<Records[N]>): Uint8Array {
  const layout = layoutVersion(recordEntry(name), version)
  if (layout < 0) throw new RangeError(`${name} has no version ${version}`)
  writer.begin().int16(version)
  recordCodec(name).encoder(layout)(writer, value)
  return writer.finish()
}

/** The message behind a leading int16. Throws `MalformedMessage`, also for a version or record type that is not this message's. */
export function decodeRecord<N extends RecordName>(name: N, bytes: Uint8Array): Records[N] {
  const reader = new Reader(bytes)
  const version = reader.int16()
  const layout = layoutVersion(recordEntry(name), version)
  if (layout < 0) throw new MalformedMessage(`${name} has no version ${version}`)
  return recordCodec(name).decoder(layout)(reader) as Records[N]
}

/** The int16 before a stored message: the record type of a coordinator record's key, the version of any other. */
export function recordPrefix(bytes: Uint8Array): number {
  return new Reader(bytes).int16()
}

/**
 * What the key and value of a record of this module are called whose key has this prefix, and the name they share; null where
 * none is known. Offset commits have two prefixes, the older for keys of version 0.
 */
export function storedRecordNames(module: string, prefix: number): { name: string; key: RecordName; value: RecordName } | null {
  const entries = RECORDS.filter((entry) => entry.module === module && entry.key === prefix && !entry.name.startsWith('Legacy'))
  const key = entries.find(({ name }) => name.endsWith('Key'))?.name
  const value = entries.find(({ name }) => name.endsWith('Value'))?.name
  if (key !== undefined && value !== undefined) return { name: key.slice(0, -'Key'.length), key, value }
  return module === 'group-coordinator' && prefix === 0 ? { name: 'OffsetCommit', key: 'OffsetCommitKey', value: 'OffsetCommitValue' } : null
}

/** A stored message without any prefix. */
export function encodeRecordBody<N extends RecordName>(name: N, version: number, value: Encodable<Records[N]>): Uint8Array {
  recordCodec(name).encoder(version)(writer.begin(), value)
  return writer.finish()
}

/** A stored message without any prefix. Throws `MalformedMessage`. */
export function decodeRecordBody<N extends RecordName>(name: N, version: number, bytes: Uint8Array): Records[N] {
  return recordCodec(name).decoder(version)(new Reader(bytes)) as Records[N]
}

const METADATA_FRAME_VERSION = 1

/** Names of the records of the metadata log. */
export type MetadataRecord = { [N in RecordName]: { name: N; version: number; value: Records[N] } }[RecordName]

/** A record of the metadata log as KRaft frames it: frame version, API key and version as varints, then the body. */
export function encodeMetadataRecord<N extends RecordName>(name: N, version: number, value: Encodable<Records[N]>): Uint8Array {
  const entry = recordEntry(name)
  if (entry.module !== 'metadata' || entry.key === null) throw new RangeError(`${name} is no metadata record`)
  writer.begin().uvarint(METADATA_FRAME_VERSION)
  writer.uvarint(entry.key)
  writer.uvarint(version)
  recordCodec(name).encoder(version)(writer, value)
  return writer.finish()
}

/** A record of the metadata log. Throws `MalformedMessage`, also for a frame version, key or version that is not known. */
export function decodeMetadataRecord(bytes: Uint8Array): MetadataRecord {
  const reader = new Reader(bytes)
  const frameVersion = reader.uvarint()
  if (frameVersion !== METADATA_FRAME_VERSION) throw new MalformedMessage(`metadata record in frame version ${frameVersion}`)
  const key = reader.uvarint()
  const version = reader.uvarint()
  const entry = metadataRecords.get(key)
  if (entry === undefined || version < entry.minVersion || version > entry.maxVersion) {
    throw new MalformedMessage(`metadata record ${key} at version ${version} is not known`)
  }
  return { name: entry.name, version, value: recordCodec(entry.name).decoder(version)(reader) } as MetadataRecord
}
