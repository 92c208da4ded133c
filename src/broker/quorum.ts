// Opens this node's part of the metadata quorum where its log lies, and finds the quorum that it belongs to.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostname } from 'node:os'
import type { BrokerConfig } from '../config/broker-config.ts'
import { parseProperties } from '../config/properties.ts'
import { METADATA_TOPIC } from '../metadata/cluster-image.ts'
import { QuorumMetadataLog } from '../metadata/quorum-metadata-log.ts'
import { findQuorum, openQuorum } from '../native.ts'
import type { FoundQuorum, QuorumVoter } from '../native.ts'
import type { Logger } from '../shared/logger.ts'
import { parseUuid, randomUuid, ZERO_UUID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { readIdentity } from './identity.ts'

const METADATA_DIRECTORY = `${METADATA_TOPIC}-0`
/** What a node of the quorum writes first. */
const VOTE_FILE = 'quorum-vote'
const HEARTBEATS_PER_TIMEOUT = 5
const SEGMENT_BYTES = 64 * 1024 * 1024
const KEPT_ENTRY_COUNT = 1000
const FIND_BACKOFF_MS = 300
const WAITING_TOLD_EVERY_MS = 10_000

/** Where this node belongs. */
export type Membership = {
  readonly clusterId: Uuid
  /** What others said at the start; null where nobody was asked or answered. */
  readonly found: FoundQuorum | null
}

/**
 * The cluster of this node's directories. A node on its first start asks the others that its settings name; where it is to
 * begin the cluster, which is for the voter with the least id, it chooses the id. Waits for as long as nobody can tell.
 */
export async function findMembership({ nodeId, logDirs, quorum }: BrokerConfig, logger: Logger): Promise<Membership> {
  const known = readIdentity(logDirs)
  const { voters, otherServers } = quorum
  const isOld = known !== undefined && existsSync(join(metadataDir(logDirs), VOTE_FILE))
  if (isOld || otherServers.length === 0) return { clusterId: known ?? randomUuid(), found: null }
  const begins = voters.length > 0 && voters.every((voter) => voter.nodeId >= nodeId)
  let toldAtMs = performance.now()
  for (;;) {
    const found = await findQuorum(otherServers)
    const clusterId = known ?? found?.clusterId ?? (begins ? randomUuid() : undefined)
    if (clusterId !== undefined) return { clusterId, found }
    if (performance.now() - toldAtMs >= WAITING_TOLD_EVERY_MS) {
      toldAtMs = performance.now()
      logger.warn('waits for a node of the cluster to answer', { servers: otherServers.map(({ host, port }) => `${host}:${port}`).join(',') })
    }
    await new Promise((resolve) => setTimeout(resolve, FIND_BACKOFF_MS))
  }
}

/**
 * The metadata log as a node of the quorum keeps it. The caller holds the directories' locks. A log from before there was a
 * quorum goes on. Throws a MillraceError in one line where it cannot.
 */
export function openMetadataLog(config: BrokerConfig, { clusterId, found }: Membership, logger: Logger): Promise<QuorumMetadataLog> {
  const { nodeId, logDirs, quorum, listeners } = config
  // Zero is not checked.
  const directoryId = quorumDirectoryId(logDirs)
  const { controller } = listeners
  const options = {
    nodeId,
    clusterId,
    directoryId,
    dir: metadataDir(logDirs),
    host: controller === null ? null : controller.bind.host || '::',
    port: controller?.bind.port ?? 0,
    initialVoters: initialVoters(config, directoryId, found),
    advertisedHost: quorumAddress(config, 0)?.host ?? '',
    advertisedPort: controller?.advertised.port ?? 0,
    bootstrapServers: [...quorum.otherServers],
    replacesFormerSelf: quorum.becomesVoter,
    heartbeatIntervalMs: Math.max(10, Math.floor(quorum.electionTimeoutMinMs / HEARTBEATS_PER_TIMEOUT)),
    electionTimeoutMinMs: quorum.electionTimeoutMinMs,
    electionTimeoutMaxMs: quorum.electionTimeoutMaxMs,
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

/** Where others of the quorum reach this node, whose listener was bound to `port`; null where it has none. */
export function quorumAddress({ listeners }: BrokerConfig, port: number): { name: string; host: string; port: number } | null {
  if (listeners.controller === null) return null
  const { name, host, port: told } = listeners.controller.advertised
  return { name, host: host === '' ? hostname() : host, port: told === 0 ? port : told }
}

/** Those that begin the quorum, as each of them knows them; none where there is one already. */
function initialVoters({ nodeId, quorum, listeners }: BrokerConfig, directoryId: Uuid, found: FoundQuorum | null): QuorumVoter[] {
  const { voters, otherServers } = quorum
  // All begin with the same entry, and nobody knows the others' directories yet.
  if (voters.length > 0) return found !== null && found.leaderId !== null ? [] : voters.map((voter) => ({ ...voter, directoryId: ZERO_UUID }))
  if (otherServers.length > 0) return []
  const advertised = listeners.controller?.advertised
  return [{ nodeId, directoryId, host: advertised?.host ?? '', port: advertised?.port ?? 0 }]
}

function logDirOf(logDirs: readonly string[]): string {
  return logDirs.find((dir) => existsSync(join(dir, METADATA_DIRECTORY))) ?? logDirs[0] ?? ''
}

function metadataDir(logDirs: readonly string[]): string {
  return join(logDirOf(logDirs), METADATA_DIRECTORY)
}

/** The directory that makes this node the voter it is. */
export function quorumDirectoryId(logDirs: readonly string[]): Uuid {
  return directoryIdOf(logDirOf(logDirs)) ?? ZERO_UUID
}

export function directoryIdOf(logDir: string): Uuid | undefined {
  const path = join(logDir, 'meta.properties')
  const given = existsSync(path) ? parseProperties(readFileSync(path, 'utf8')).get('directory.id') : undefined
  return given === undefined ? undefined : parseUuid(given)
}
