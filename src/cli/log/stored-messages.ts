// What the records of the broker's own topics say, in words: key and value as objects, whatever their version.

import { decodeMetadataRecord, decodeRecord, recordPrefix, storedRecordNames } from '../../protocol/codec.ts'

/** The logs whose records are messages, by the option that asks for them. */
export const STORED_MESSAGE_MODULES = {
  offsets: 'group-coordinator',
  transactions: 'transaction-coordinator',
  shareGroupState: 'share-coordinator',
} as const

export type StoredMessages = keyof typeof STORED_MESSAGE_MODULES | 'clusterMetadata'
export type DecodedMessage = { readonly name: string; readonly key?: unknown; readonly value: unknown }

/** Throws `MalformedMessage`. A type that this code does not know is null. */
export function decodeStoredMessage(messages: StoredMessages, key: Uint8Array | null, value: Uint8Array | null): DecodedMessage | null {
  if (messages === 'clusterMetadata') {
    if (value === null) return null
    const record = decodeMetadataRecord(value)
    return { name: `${record.name} v${record.version}`, value: record.value }
  }
  if (key === null) return null
  const names = storedRecordNames(STORED_MESSAGE_MODULES[messages], recordPrefix(key))
  if (names === null) return null
  return { name: names.name, key: decodeRecord(names.key, key), value: value === null ? null : decodeRecord(names.value, value) }
}
