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

type LocalTopic = { id: Uuid; partitionCount: number }

/** Registers the topics; throws where one is not there, has gaps, or is known already under another id. */
export async function adoptTopics(
  names: readonly string[],
  metadata: MetadataRuntime,
  dataPlane: Pick<DataPlane, 'listLocalTopics'>,
  nodeId: number,
  logger: Logger,
): Promise<void> {
  const local = findLocal(dataPlane.listLocalTopics())
  for (const name of names) {
    const found = local.get(name)
    if (found === undefined) throw new MillraceError('ADOPT', `no log directory holds a topic named ${name}`)
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

function findLocal(topics: ReturnType<DataPlane['listLocalTopics']>): Map<string, LocalTopic> {
  const partitions = new Map<string, { ids: Set<Uuid>; indexes: Set<number> }>()
  for (const topic of topics) {
    const entry = partitions.get(topic.name) ?? { ids: new Set<Uuid>(), indexes: new Set<number>() }
    if (topic.id !== null) entry.ids.add(topic.id)
    for (const index of topic.partitions) entry.indexes.add(index)
    partitions.set(topic.name, entry)
  }
  const found = new Map<string, LocalTopic>()
  for (const [name, { ids, indexes }] of partitions) {
    const [id = randomUuid(), another] = ids
    const hasGaps = [...indexes].some((index) => index >= indexes.size)
    if (another !== undefined || hasGaps) continue
    found.set(name, { id, partitionCount: indexes.size })
  }
  return found
}
