// Which cluster the log directories belong to: told by their meta.properties; on the first start by other nodes, or chosen.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseProperties } from '../config/properties.ts'
import { MillraceError } from '../shared/errors.ts'
import { parseUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'

/** Undefined on the first start. Creates missing directories; throws a MillraceError in one line where they cannot be used or contradict each other. */
export function readIdentity(logDirs: readonly string[]): Uuid | undefined {
  let known: { clusterId: Uuid; dir: string } | undefined
  for (const dir of logDirs) {
    const clusterId = readClusterId(dir)
    if (clusterId === undefined) continue
    if (known !== undefined && known.clusterId !== clusterId) {
      throw new MillraceError('LOG_DIRS', `${dir} belongs to cluster ${clusterId}, and ${known.dir} to cluster ${known.clusterId}`)
    }
    known = { clusterId, dir }
  }
  return known?.clusterId
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
