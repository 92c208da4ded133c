// The compression types of a record batch, in the order of their ids.

import { gunzipSync, gzipSync } from 'node:zlib'
import { MillraceError } from '../../shared/errors.ts'

export const COMPRESSION_TYPES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionType = (typeof COMPRESSION_TYPES)[number]

/** A batch that claims to hold more is refused rather than unpacked. */
const UNCOMPRESSED_SIZE_MAX = 1024 * 1024 * 1024

export function compress(type: CompressionType, bytes: Uint8Array): Uint8Array {
  if (type === 'none') return bytes
  if (type === 'gzip') return gzipSync(bytes)
  throw new MillraceError('UNSUPPORTED_COMPRESSION_TYPE', `${type} is not available here`)
}

/** Throws on data that is not of this type. */
export function decompress(type: CompressionType, bytes: Uint8Array): Uint8Array {
  if (type === 'none') return bytes
  if (type === 'gzip') return gunzipSync(bytes, { maxOutputLength: UNCOMPRESSED_SIZE_MAX })
  throw new MillraceError('UNSUPPORTED_COMPRESSION_TYPE', `${type} is not available here`)
}
