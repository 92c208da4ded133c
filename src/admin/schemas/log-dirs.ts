import { Type, type Static } from '@sinclair/typebox'
import { nullable } from './fields.ts'

export const LogDir = Type.Object({
  path: Type.String(),
  error: nullable(Type.String({ description: 'Why the directory is offline.' })),
  totalBytes: nullable(Type.Integer({ description: 'Size of the volume.' })),
  usableBytes: nullable(Type.Integer({ description: 'Free space of the volume.' })),
}, { $id: 'LogDir' })
export type LogDir = Static<typeof LogDir>

export const LogDirs = Type.Object({ logDirs: Type.Array(LogDir) }, { $id: 'LogDirs' })
export type LogDirs = Static<typeof LogDirs>
