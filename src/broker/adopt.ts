// Adopting topics that lie in the log directories but not in the metadata, such as those of a broker of Apache Kafka:
// their files stay where they are, their ids stay what they are.

import { partitionRecord } from '../metadata/controller/partition-records.ts'
import { metadataRecord } from '../metadata/controller/metadata-records.ts'
import type { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { DataPlane } from '../native.ts'
import { MillraceError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import { randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'

/** Registers the topics. Throws where one is not there, has gaps, or is known already under another id; those before it stay registered. */
export async function adoptTopics(
  names: readonly string[],
  metadata: MetadataRuntime,
  dataPlane: Pick<DataPlane, 'listLocalTopics'>,
  nodeId: number,
  logger: Logger,
): Promise<void> {
  const local = names.length === 0 ? [] : dataPlane.listLocalTopics()
  for (const name of names) {
    const found = findLocal(name, local)
    const known = metadata.image.topicsByName.get(name)
    if (known?.id === found.id) continue
    if (known !== undefined) throw new MillraceError('ADOPT', `topic ${name} exists already with id ${known.id}; its files have id ${found.id}`)
    await metadata.write((image) => ({
      records: [
        metadataRecord('TopicRecord', { name, topicId: found.id }),
        ...Array.from({ length: found.partitionCount }, (_, partition) => partitionRecord(image, found.id, partition, [nodeId])),
      ],
      response: undefined,
    }))
    logger.info(`adopted topic ${name}`, { partitions: found.partitionCount, id: found.id })
  }
}

/** A topic may lie in several log directories. */
function findLocal(name: string, topics: ReturnType<DataPlane['listLocalTopics']>): { id: Uuid; partitionCount: number } {
  const parts = topics.filter((topic) => topic.name === name)
  if (parts.length === 0) throw new MillraceError('ADOPT', `no log directory holds a topic named ${name}`)
  const [id = randomUuid(), another] = new Set(parts.flatMap((part) => part.id ?? []))
  if (another !== undefined) throw new MillraceError('ADOPT', `topic ${name} cannot be adopted: its files have different ids, ${id} and ${another}`)
  const indexes = new Set(parts.flatMap(({ partitions }) => partitions))
  for (let index = 0; index < indexes.size; index++) {
    if (!indexes.has(index)) throw new MillraceError('ADOPT', `topic ${name} cannot be adopted: partition ${index} is missing`)
  }
  return { id, partitionCount: indexes.size }
}
