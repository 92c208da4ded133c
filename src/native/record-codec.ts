// The compression types of a record batch, in the order of their ids. The codecs are the broker's own.

import { loadAddon } from './addon.ts'
import { MillraceError, errorMessage } from '../shared/errors.ts'

export const COMPRESSION_TYPES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionType = (typeof COMPRESSION_TYPES)[number]

/** A batch that claims to hold more is refused rather than unpacked. */
const UNCOMPRESSED_SIZE_MAX = 1024 * 1024 * 1024
/** The codec's own. */
const DEFAULT_LEVEL = 0

export type Codec = {
  compress(type: CompressionType, bytes: Uint8Array): Uint8Array
  /** Throws on data that is not of this type. */
  decompress(type: CompressionType, bytes: Uint8Array): Uint8Array
}

export async function loadCodec(): Promise<Codec> {
  const addon = await loadAddon()
  return {
    compress: (type, bytes) => (type === 'none' ? bytes : addon.compress(COMPRESSION_TYPES.indexOf(type), DEFAULT_LEVEL, asBuffer(bytes))),
    decompress(type, bytes) {
      if (type === 'none') return bytes
      try {
        return addon.decompress(COMPRESSION_TYPES.indexOf(type), asBuffer(bytes), UNCOMPRESSED_SIZE_MAX)
      } catch (error) {
        throw new MillraceError('CORRUPT_MESSAGE', `${type} data cannot be unpacked: ${errorMessage(error)}`, error)
      }
    },
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
