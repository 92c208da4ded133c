// Where replicas lie, by the names of their directories. A log directory that cannot be read has failed already and holds
// nothing that could be told of.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const LOG_SUFFIX = '.log'
const FUTURE_SUFFIX = '-future'

/** The log directory of each `topic-partition`. */
export async function replicaDirectories(logDirs: readonly string[]): Promise<Map<string, string>> {
  const found = await Promise.all(logDirs.map(async (logDir) => ({ logDir, names: await readdir(logDir).catch(() => []) })))
  return new Map(found.flatMap(({ logDir, names }) => names.map((name): [string, string] => [name, logDir])))
}

/** Bytes of the copy of a replica that is not whole yet; 0 where there is none. */
export async function futureBytes(logDir: string, topic: string, partition: number): Promise<number> {
  const prefix = `${topic}-${partition}.`
  const names = (await readdir(logDir).catch(() => [])).filter((name) => name.startsWith(prefix) && name.endsWith(FUTURE_SUFFIX))
  const sizes = names.map(async (name) => {
    const path = join(logDir, name)
    const files = (await readdir(path).catch(() => [])).filter((file) => file.endsWith(LOG_SUFFIX))
    // One that is gone meanwhile has no bytes.
    return Promise.all(files.map(async (file) => stat(join(path, file)).then(({ size }) => size, () => 0)))
  })
  return (await Promise.all(sizes)).flat().reduce((sum, size) => sum + size, 0)
}
