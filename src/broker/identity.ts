// Which cluster the log directories belong to: told by their meta.properties, chosen on the first start.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseProperties } from '../config/properties.ts'
import { MillraceError } from '../shared/errors.ts'
import { parseUuid, randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'

export type Identity = { readonly clusterId: Uuid; readonly firstStart: boolean }

/** Creates missing directories. Throws a MillraceError in one line where they cannot be used or contradict each other. */
export function readIdentity(logDirs: readonly string[]): Identity {
  let known: { clusterId: Uuid; dir: string } | undefined
  for (const dir of logDirs) {
    const clusterId = readClusterId(dir)
    if (clusterId === undefined) continue
    if (known !== undefined && known.clusterId !== clusterId) {
      throw new MillraceError('LOG_DIRS', `${dir} belongs to cluster ${clusterId}, and ${known.dir} to cluster ${known.clusterId}`)
    }
    known = { clusterId, dir }
  }
  return known === undefined ? { clusterId: randomUuid(), firstStart: true } : { clusterId: known.clusterId, firstStart: false }
}

function readClusterId(dir: string): Uuid | undefined {
  const path = join(dir, 'meta.properties')
  let text: string
  try {
    mkdirSync(dir, { recursive: true })
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return undefined
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw new MillraceError('LOG_DIRS', `${dir} cannot be written: ${code}`, error)
    throw new MillraceError('LOG_DIRS', `${dir} cannot be used: ${(error as Error).message}`, error)
  }
  const given = parseProperties(text).get('cluster.id')
  const clusterId = given === undefined ? undefined : parseUuid(given)
  if (clusterId === undefined) throw new MillraceError('LOG_DIRS', `${path} has no valid cluster.id${given === undefined ? '' : `: ${given}`}`)
  return clusterId
}
