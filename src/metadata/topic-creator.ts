// Topics that come into being because someone asked for them: those of clients, where that is allowed, and the internal
// ones. Nobody waits: who asks is told to ask again, and finds the topic then.

import type { BrokerConfig } from '../config/broker-config.ts'
import { errorCode, KafkaError } from '../protocol/error-codes.ts'
import type { Logger } from '../shared/logger.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ClusterConfigs } from './cluster-configs.ts'
import { INTERNAL_TOPICS } from './cluster-image.ts'
import type { ClusterImage } from './cluster-image.ts'
import { createTopics } from './controller/create-topics.ts'
import type { CreatableTopic, TopicCreation } from './controller/create-topics.ts'
import type { MetadataRuntime } from './metadata-runtime.ts'
import type { RandomInt } from './placement.ts'

export type TopicCreatorDeps = {
  readonly runtime: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly config: BrokerConfig
  readonly newTopicId: () => Uuid
  readonly randomInt: RandomInt
  readonly logger: Logger
  /** Has the active controller create a topic where that is another node; null where it is this one. */
  readonly elsewhere: () => ((topic: CreatableTopic) => Promise<CreationOutcome | undefined>) | null
}

type CreationOutcome = { readonly errorCode: number; readonly errorMessage: string | null; readonly numPartitions: number }

const REFUSALS_KEPT_MAX = 1000

export class TopicCreator {
  readonly #deps: TopicCreatorDeps
  readonly #underway = new Set<string>()
  /** Why topics could not be created, as it was told: clients ask again and again. */
  readonly #refusals = new Map<string, string | null>()

  constructor(deps: TopicCreatorDeps) {
    this.#deps = deps
  }

  /** Begins to create the topic as it is created on demand, unless that is underway. Failures are logged. */
  begin(name: string): void {
    const { config } = this.#deps
    this.#begin(name, (image) => (INTERNAL_TOPICS.has(name) ? internalTopic(name, config, Math.max(image.brokers.size, config.quorum.voters.length)) : ordinaryTopic(name)))
  }

  /** The same for a topic whose shape is given. */
  beginAs(topic: CreatableTopic): void {
    this.#begin(topic.name, () => topic)
  }

  #begin(name: string, shape: (image: ClusterImage) => CreatableTopic): void {
    if (this.#underway.has(name)) return
    this.#underway.add(name)
    void this.#create(name, shape).finally(() => this.#underway.delete(name))
  }

  /** What CreateTopics needs to know, for the image it decides on. */
  creation(image: ClusterImage): TopicCreation {
    const { config, configs, newTopicId, randomInt } = this.#deps
    return {
      defaultPartitionCount: config.settings['num.partitions'],
      defaultReplicationFactor: config.settings['default.replication.factor'],
      newTopicId,
      randomInt,
      fallback: configs.fallbacks(image).topic,
      describe: (own) => configs.describeNewTopic(image, own),
    }
  }

  async #create(name: string, shape: (image: ClusterImage) => CreatableTopic): Promise<void> {
    const { runtime, logger, elsewhere } = this.#deps
    try {
      const create = elsewhere()
      const created = create === null ? (await runtime.write((image) => createTopics(image, [shape(image)], false, this.creation(image))))[0] : await create(shape(runtime.image))
      if (created === undefined || created.errorCode === 0) {
        this.#refusals.delete(name)
        logger.info(`created topic ${name} because it was asked for`, { partitions: created?.numPartitions })
      } else if (created.errorCode === errorCode('TOPIC_ALREADY_EXISTS')) {
        // Another broker was asked for it at the same time: what was wanted is there.
        this.#refusals.delete(name)
      } else if (this.#refusals.get(name) !== created.errorMessage) {
        if (this.#refusals.size >= REFUSALS_KEPT_MAX) this.#refusals.clear()
        this.#refusals.set(name, created.errorMessage)
        logger.warn(`cannot create topic ${name}: ${created.errorMessage}`)
      }
    } catch (error) {
      logger.error(`cannot create topic ${name}`, { error })
    }
  }
}

function ordinaryTopic(name: string): CreatableTopic {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }
}

/** The internal topics as Kafka makes them. */
function internalTopic(name: string, config: BrokerConfig, brokerCount: number): CreatableTopic {
  const { settings } = config
  // Kafka's default of three replicas would keep a small cluster from having the topic at all; only a value that was asked for may do that.
  const least = (setting: 'share.coordinator.state.topic.replication.factor' | 'share.coordinator.state.topic.min.isr' | 'offsets.topic.replication.factor' | 'transaction.state.log.replication.factor' | 'transaction.state.log.min.isr'): number =>
    config.given.has(setting) ? settings[setting] : Math.min(settings[setting], brokerCount)
  switch (name) {
    case '__consumer_offsets':
      return topicOf(name, settings['offsets.topic.num.partitions'], least('offsets.topic.replication.factor'), {
        'compression.type': 'producer',
        'cleanup.policy': 'compact',
        'segment.bytes': String(settings['offsets.topic.segment.bytes']),
      })
    case '__transaction_state':
      return topicOf(name, settings['transaction.state.log.num.partitions'], least('transaction.state.log.replication.factor'), {
        'unclean.leader.election.enable': 'false',
        'compression.type': 'uncompressed',
        'cleanup.policy': 'compact',
        'min.insync.replicas': String(least('transaction.state.log.min.isr')),
        'segment.bytes': String(settings['transaction.state.log.segment.bytes']),
      })
    case '__share_group_state':
      return topicOf(name, settings['share.coordinator.state.topic.num.partitions'], least('share.coordinator.state.topic.replication.factor'), {
        'compression.type': 'producer',
        'cleanup.policy': 'delete',
        'retention.ms': '-1',
        'min.insync.replicas': String(least('share.coordinator.state.topic.min.isr')),
        'segment.bytes': String(settings['share.coordinator.state.topic.segment.bytes']),
      })
    default:
      throw new KafkaError('INVALID_TOPIC_EXCEPTION', `internal topic ${name} has no use on this broker`)
  }
}

function topicOf(name: string, numPartitions: number, replicationFactor: number, configs: Readonly<Record<string, string>>): CreatableTopic {
  return { name, numPartitions, replicationFactor, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }
}
