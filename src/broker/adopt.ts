// Adopting topics that lie in the log directories but not in the metadata, such as those of a broker of Apache Kafka:
// their files stay where they are, their ids and configs stay what they are.

import { isTopicSetting } from '../config/topic-settings.ts'
import { CONFIG_RESOURCES } from '../metadata/cluster-image.ts'
import { raiseNextProducerId } from '../metadata/controller/cluster-records.ts'
import { metadataRecord } from '../metadata/controller/metadata-records.ts'
import { partitionRecord } from '../metadata/controller/partition-records.ts'
import type { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { DataPlane } from '../native.ts'
import { MillraceError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import { randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { lastLeaderEpoch } from './kafka-metadata.ts'
import type { KafkaMetadata } from './kafka-metadata.ts'

export type Adoption = {
  readonly names: readonly string[]
  /** What was known of the topics before. */
  readonly before: KafkaMetadata
}

export type AdoptionDeps = {
  readonly metadata: MetadataRuntime
  readonly dataPlane: Pick<DataPlane, 'listLocalTopics'>
  readonly nodeId: number
  readonly logger: Logger
}

/** By index, the log directory of each partition. */
type LocalTopic = { readonly id: Uuid; readonly logDirs: readonly string[] }

/** Registers the topics. Throws where one is not there, has gaps, or is known already under another id; those before it stay registered. */
export async function adoptTopics({ names, before }: Adoption, { metadata, dataPlane, nodeId, logger }: AdoptionDeps): Promise<void> {
  const local = names.length === 0 ? [] : dataPlane.listLocalTopics()
  if (names.length > 0) await metadata.write((image) => raiseNextProducerId(image, nodeId, before.nextProducerId))
  for (const name of names) {
    const { id, logDirs } = findLocal(name, local)
    const known = metadata.image.topicsByName.get(name)
    if (known?.id === id) continue
    if (known !== undefined) throw new MillraceError('ADOPT', `topic ${name} exists already with id ${known.id}; its files have id ${id}`)
    const kept = [...(before.topicConfigs.get(name) ?? [])].filter(([key]) => isTopicSetting(key))
    await metadata.write((image) => ({
      records: [
        metadataRecord('TopicRecord', { name, topicId: id }),
        // A new leader begins after all that wrote before.
        ...logDirs.map((dir, partition) => partitionRecord(image, id, partition, [nodeId], lastLeaderEpoch(dir, name, partition) + 1)),
        ...kept.map(([key, value]) => metadataRecord('ConfigRecord', { resourceType: CONFIG_RESOURCES.TOPIC, resourceName: name, name: key, value })),
      ],
      response: undefined,
    }))
    logger.info(`adopted topic ${name}`, { partitions: logDirs.length, id, configs: kept.map(([key, value]) => `${key}=${value}`).join(',') })
  }
}

/** A topic may lie in several log directories. */
function findLocal(name: string, topics: ReturnType<DataPlane['listLocalTopics']>): LocalTopic {
  const parts = topics.filter((topic) => topic.name === name)
  if (parts.length === 0) throw new MillraceError('ADOPT', `no log directory holds a topic named ${name}`)
  const [id = randomUuid(), another] = new Set(parts.flatMap((part) => part.id ?? []))
  if (another !== undefined) throw new MillraceError('ADOPT', `topic ${name} cannot be adopted: its files have different ids, ${id} and ${another}`)
  const dirs = new Map(parts.flatMap(({ partitions, logDir }) => partitions.map((index) => [index, logDir])))
  const logDirs = Array.from({ length: dirs.size }, (_, index) => {
    const dir = dirs.get(index)
    if (dir === undefined) throw new MillraceError('ADOPT', `topic ${name} cannot be adopted: partition ${index} is missing`)
    return dir
  })
  return { id, logDirs }
}
