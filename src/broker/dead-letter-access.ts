// What the writer of dead letters is given: the settings of groups, broker and topics, and the logs it reads and writes.

import { brokerText } from '../config/config-layers.ts'
import { CONFIG_RESOURCES, configsOf } from '../metadata/cluster-image.ts'
import { loadCodec } from '../native.ts'
import { errorName, KafkaError } from '../protocol/error-codes.ts'
import { encodeRecordBatch } from '../records/record-batch.ts'
import type { DeadLetterDeps } from '../share/dead-letter-writer.ts'
import type { BrokerContext } from './broker-context.ts'

type Parts = Pick<BrokerContext, 'config' | 'dataPlane' | 'metadata' | 'configs' | 'topicCreator' | 'clock' | 'interBroker' | 'view'>

const PRODUCE = { version: 9, timeoutMs: 10_000, channel: 'dead-letters' }

export function deadLetterDeps({ config, dataPlane, metadata, configs, topicCreator, clock, interBroker, view }: Parts): DeadLetterDeps {
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
    append: async (topic, partition, records) => {
      const leader = view.leaderIdOf(topic, partition)
      if (leader === config.nodeId) return dataPlane.append(topic, partition, [...records], null)
      const batch = encodeRecordBatch(records.map((record) => ({ ...record, timestampMs: record.timestampMs ?? clock.nowMs() })), 'none', await loadCodec())
      const request = { transactionalId: null, acks: -1, timeoutMs: PRODUCE.timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }] }
      const written = (await interBroker.send(leader, 'Produce', request, PRODUCE)).responses[0]?.partitionResponses[0]
      if (written === undefined || written.errorCode !== 0) throw new KafkaError(errorName(written?.errorCode ?? -1))
      return written.baseOffset
    },
    read: (topic, partition, offset, maxBytes) => dataPlane.read(topic, partition, offset, maxBytes),
    nowMs: () => clock.nowMs(),
  }
}

function isTrue(text: string | undefined): boolean {
  return text?.trim().toLowerCase() === 'true'
}
