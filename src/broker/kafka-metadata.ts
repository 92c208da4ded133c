// The metadata that Apache Kafka left in a log directory: found, read for what an adopted topic needs to keep, and set
// aside. It is read from a copy, by the same data plane that reads logs; nothing of Kafka's is changed but one name.

import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONFIG_RESOURCES, METADATA_TOPIC } from '../metadata/cluster-image.ts'
import { PartitionMetadataLog } from '../metadata/metadata-log.ts'
import type { DataPlane, DataPlaneOptions, TopicState } from '../native.ts'
import type { MetadataRecord } from '../protocol/codec.ts'
import { MillraceError } from '../shared/errors.ts'
import type { Uuid } from '../shared/uuid.ts'

/** What adopted topics need to keep. */
export type KafkaMetadata = {
  /** By topic name. */
  readonly topicConfigs: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Ids below were given to producers, and logs remember their sequences. */
  readonly nextProducerId: bigint
}

const METADATA_DIRECTORY = `${METADATA_TOPIC}-0`
const ASIDE = `${METADATA_DIRECTORY}.kafka`
/** Written by Kafka's consensus beside its log, and by nobody else. */
const QUORUM_STATE = 'quorum-state'
const FIRST_SEGMENT = '00000000000000000000.log'

export type MetadataReading = {
  open(options: DataPlaneOptions): Promise<DataPlane>
  readonly options: DataPlaneOptions
  /** The metadata log as the data plane is told of it. */
  readonly metadataLog: TopicState
}

/**
 * Makes room for this broker's own metadata, and returns what was found in Kafka's, now or at an earlier adoption. The
 * caller holds the directories' locks. Throws where Kafka's metadata is in place and no topic is to be adopted.
 */
export async function takeOverKafkaMetadata(logDirs: readonly string[], adopted: readonly string[], reading: MetadataReading): Promise<KafkaMetadata> {
  const inPlace = logDirs.find((dir) => isKafkaMetadata(join(dir, METADATA_DIRECTORY)))
  if (inPlace !== undefined && adopted.length === 0) {
    throw new MillraceError('ADOPT', `${inPlace} was written by Apache Kafka; its topics are served when they are named: millrace adopt --data ${inPlace} --topic NAME`)
  }
  const metadata = new KafkaMetadataReplay()
  for (const dir of adopted.length === 0 ? [] : logDirs) {
    const found = [METADATA_DIRECTORY, ASIDE].map((name) => join(dir, name)).find(isKafkaMetadata)
    if (found !== undefined) await replayMetadata(found, reading, metadata)
  }
  if (inPlace !== undefined) {
    // Under a name that no broker looks at; what was not adopted can be found there later.
    renameSync(join(inPlace, METADATA_DIRECTORY), join(inPlace, ASIDE))
    mkdirSync(join(inPlace, METADATA_DIRECTORY))
  }
  return metadata
}

/** The epoch of the last leader that wrote to a partition; -1 where none did. */
export function lastLeaderEpoch(logDir: string, topic: string, partition: number): number {
  const path = join(logDir, `${topic}-${partition}`, 'leader-epoch-checkpoint')
  if (!existsSync(path)) return -1
  // A version, a count, then a line of epoch and start offset for each leader.
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(2)
  const epochs = lines.map((line) => Number.parseInt(line, 10)).filter((epoch) => Number.isSafeInteger(epoch))
  return Math.max(-1, ...epochs)
}

function isKafkaMetadata(path: string): boolean {
  return existsSync(join(path, QUORUM_STATE))
}

/** A log holds all changes from its start to its end, so what a snapshot told before is overwritten only by what came later. */
async function replayMetadata(path: string, reading: MetadataReading, into: KafkaMetadataReplay): Promise<void> {
  const names = readdirSync(path).sort()
  const snapshot = names.filter((name) => name.endsWith('.checkpoint')).at(-1)
  const segments = names.filter((name) => name.endsWith('.log'))
  if (snapshot !== undefined) await replayCopy(path, new Map([[snapshot, FIRST_SEGMENT]]), reading, into)
  if (segments.length > 0) await replayCopy(path, new Map(segments.map((name) => [name, name])), reading, into)
}

async function replayCopy(path: string, files: ReadonlyMap<string, string>, { open, options, metadataLog }: MetadataReading, into: KafkaMetadataReplay): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'millrace-adopt-'))
  try {
    mkdirSync(join(scratch, METADATA_DIRECTORY))
    for (const [name, copied] of files) {
      const copy = join(scratch, METADATA_DIRECTORY, copied)
      copyFileSync(join(path, name), copy)
      // Kafka's snapshots are read-only.
      chmodSync(copy, 0o600)
    }
    const dataPlane = await open({ ...options, logDirs: [scratch], threadCount: 1 })
    try {
      dataPlane.applyTopics([metadataLog], [])
      await new PartitionMetadataLog(dataPlane, options.nodeId).replay((_offset, records) => records.forEach((record) => into.replay(record)))
    } finally {
      await dataPlane.close()
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Follows what is kept through the records; those of a transaction (KIP-868) count when it ends. */
class KafkaMetadataReplay implements KafkaMetadata {
  readonly topicConfigs = new Map<string, Map<string, string>>()
  nextProducerId = 0n
  readonly #names = new Map<Uuid, string>()
  #transaction: MetadataRecord[] | null = null

  replay(record: MetadataRecord): void {
    switch (record.name) {
      case 'BeginTransactionRecord':
        this.#transaction = []
        return
      case 'AbortTransactionRecord':
        this.#transaction = null
        return
      case 'EndTransactionRecord': {
        const records = this.#transaction ?? []
        this.#transaction = null
        for (const each of records) this.#apply(each)
        return
      }
      default:
        if (this.#transaction === null) this.#apply(record)
        else this.#transaction.push(record)
    }
  }

  #apply(record: MetadataRecord): void {
    switch (record.name) {
      case 'TopicRecord':
        this.#names.set(record.value.topicId, record.value.name)
        return
      case 'RemoveTopicRecord': {
        const name = this.#names.get(record.value.topicId)
        if (name !== undefined) this.topicConfigs.delete(name)
        return
      }
      case 'ProducerIdsRecord':
        this.nextProducerId = record.value.nextProducerId
        return
      case 'ConfigRecord': {
        const { resourceType, resourceName, name, value } = record.value
        if (resourceType !== CONFIG_RESOURCES.TOPIC) return
        const configs = this.topicConfigs.get(resourceName) ?? new Map<string, string>()
        this.topicConfigs.set(resourceName, configs)
        if (value === null) configs.delete(name)
        else configs.set(name, value)
      }
    }
  }
}
