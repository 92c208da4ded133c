// Opens this node's part of the metadata quorum where its log lies.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseProperties } from '../config/properties.ts'
import { METADATA_TOPIC } from '../metadata/cluster-image.ts'
import { QuorumMetadataLog } from '../metadata/quorum-metadata-log.ts'
import { openQuorum } from '../native.ts'
import type { Logger } from '../shared/logger.ts'
import { parseUuid, ZERO_UUID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'

export type QuorumParts = { readonly nodeId: number; readonly clusterId: Uuid; readonly logDirs: readonly string[]; readonly logger: Logger }

const METADATA_DIRECTORY = `${METADATA_TOPIC}-0`
/** Kafka's `controller.quorum.fetch.timeout.ms` is 2 s: after that long without its leader a voter begins an election. */
const TIMING = { heartbeatIntervalMs: 200, electionTimeoutMinMs: 1000, electionTimeoutMaxMs: 2000 }
const SEGMENT_BYTES = 64 * 1024 * 1024
const KEPT_ENTRY_COUNT = 1000

/**
 * The metadata log as a quorum of this node alone. The caller holds the directories' locks. A log from before there was a
 * quorum goes on. Throws a MillraceError in one line where it cannot.
 */
export function openMetadataLog({ nodeId, clusterId, logDirs, logger }: QuorumParts): Promise<QuorumMetadataLog> {
  const logDir = logDirs.find((dir) => existsSync(join(dir, METADATA_DIRECTORY))) ?? logDirs[0] ?? ''
  const directoryId = readDirectoryId(logDir)
  const options = {
    nodeId,
    clusterId,
    directoryId,
    dir: join(logDir, METADATA_DIRECTORY),
    host: null,
    port: 0,
    initialVoters: [{ nodeId, directoryId, host: '', port: 0 }],
    ...TIMING,
    segmentBytes: SEGMENT_BYTES,
    keptEntryCount: KEPT_ENTRY_COUNT,
  }
  return QuorumMetadataLog.open(
    nodeId,
    (onEvent) =>
      openQuorum(options, (event) => {
        if (event.kind === 'logCut') logger.warn('cut an unfinished write off a log', { topic: METADATA_TOPIC, partition: 0, bytes: event.bytes })
        onEvent(event)
      }),
    (message) => logger.error('the metadata log has stopped', { reason: message }),
  )
}

/** Zero, which is not checked, where the directory has no id. */
function readDirectoryId(logDir: string): Uuid {
  const path = join(logDir, 'meta.properties')
  const given = existsSync(path) ? parseProperties(readFileSync(path, 'utf8')).get('directory.id') : undefined
  return (given === undefined ? undefined : parseUuid(given)) ?? ZERO_UUID
}
