// Names, keys and versions of all APIs, and the types of their messages.

import type { Requests, Responses } from './messages.ts'
import type { ApiEntry } from './schema-table.ts'
import { APIS } from './schema-table.ts'

/** Name of an API as Kafka's `ApiKeys` has it, in the spelling of its messages: 'Produce', 'Fetch', 'Metadata', … */
export type ApiName = keyof Requests
export type RequestOf<N extends ApiName> = Requests[N]
export type ResponseOf<N extends ApiName> = Responses[N]

/** A value to encode: every field may be left out, which means its default. */
export type Encodable<T> = T extends Uint8Array | string | number | bigint | boolean | null
  ? T
  : T extends readonly (infer E)[]
    ? readonly Encodable<E>[]
    : { readonly [K in keyof T]?: Encodable<T[K]> | undefined }

/** All APIs in order of their keys; `maxVersion` is the highest stable version, `flexibleFrom` null for never (KIP-482). */
export const API_KEYS: readonly ApiEntry[] = APIS

const byKey: (ApiEntry | undefined)[] = []
const byName = new Map<string, ApiEntry>()
for (const api of API_KEYS) {
  byKey[api.key] = api
  byName.set(api.name, api)
}

/** The API of a key, undefined where Kafka has none (any more). */
export function apiByKey(key: number): ApiEntry | undefined {
  return byKey[key]
}

export function apiByName(name: ApiName): ApiEntry {
  return byName.get(name) as ApiEntry
}

export type { ApiEntry }
