// What the writer of dead letters is given: the settings of groups, broker and topics, and the logs it reads and writes.

import { brokerText } from '../config/config-layers.ts'
import type { ClusterConfigs } from '../metadata/cluster-configs.ts'
import { CONFIG_RESOURCES, configsOf } from '../metadata/cluster-image.ts'
import type { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { TopicCreator } from '../metadata/topic-creator.ts'
import type { DataPlane } from '../native.ts'
import type { DeadLetterDeps } from '../share/dead-letter-writer.ts'
import type { Clock } from '../shared/clock.ts'

type Parts = { dataPlane: DataPlane; metadata: MetadataRuntime; configs: ClusterConfigs; topicCreator: TopicCreator; clock: Clock }

export function deadLetterDeps({ dataPlane, metadata, configs, topicCreator, clock }: Parts): DeadLetterDeps {
  const ofBroker = (name: string): string => brokerText(configs.layers(metadata.image), name) ?? ''
  return {
    queueOf: (groupId) => {
      const own = configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)
      const topic = own.get('errors.deadletterqueue.topic.name')?.trim() ?? ''
      if (topic === '') return null
      return {
        topic,
        copiesRecords: isTrue(own.get('errors.deadletterqueue.copy.record.enable')),
        topicPrefix: ofBroker('errors.deadletterqueue.topic.name.prefix'),
        createsTopics: isTrue(ofBroker('errors.deadletterqueue.auto.create.topics.enable')),
      }
    },
    topic: (name) => {
      const topic = metadata.image.topicsByName.get(name)
      if (topic === undefined) return undefined
      const settings = configs.topicSettings(metadata.image, name)
      return { partitionCount: topic.partitions.length, isEnabled: settings['errors.deadletterqueue.group.enable'], maxMessageBytes: settings['max.message.bytes'] }
    },
    // The records carry the time at which they were written there.
    createTopic: (name) => topicCreator.beginAs({
      name, numPartitions: -1, replicationFactor: -1, assignments: [],
      configs: [{ name: 'errors.deadletterqueue.group.enable', value: 'true' }, { name: 'message.timestamp.type', value: 'CreateTime' }],
    }),
    append: (topic, partition, records) => dataPlane.append(topic, partition, [...records], null),
    read: (topic, partition, offset, maxBytes) => dataPlane.read(topic, partition, offset, maxBytes),
    nowMs: () => clock.nowMs(),
  }
}

function isTrue(text: string | undefined): boolean {
  return text?.trim().toLowerCase() === 'true'
}
