// `cordoned.log.dirs`: log directories that take no new replicas (KIP-1066).

import { resolve } from 'node:path'

export const CORDONED_LOG_DIRS = 'cordoned.log.dirs'
export const ALL_LOG_DIRS = '*'

/** Those that are none of a broker's log directories, which are absolute. */
export function unknownDirectories(names: readonly string[], logDirs: readonly string[]): string[] {
  return names.filter((name) => name !== ALL_LOG_DIRS && !logDirs.some((logDir) => isSameDirectory(name, logDir)))
}

/** Those that changes of a broker's configs would add to it. */
export function unknownCordoned(changes: readonly { readonly name: string; readonly value: string | null }[], logDirs: readonly string[]): string[] {
  const texts = changes.flatMap(({ name, value }) => (name === CORDONED_LOG_DIRS ? (value ?? '') : []))
  const names = texts.flatMap((text) => text.split(',')).map((name) => name.trim())
  return unknownDirectories(names.filter((name) => name !== ''), logDirs)
}

export function isSameDirectory(name: string, logDir: string): boolean {
  return resolve(name) === logDir
}
