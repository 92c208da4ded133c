// Keeps the data plane's topics those of the metadata: created, grown, configured and removed with each change.

import type { ConfigLayers } from '../config/config-layers.ts'
import { topicDefaults, topicSettings } from '../config/config-layers.ts'
import type { TopicSettings } from '../config/topic-settings.ts'
import { CONFIG_RESOURCES, METADATA_TOPIC, configsOf } from '../metadata/cluster-image.ts'
import type { ClusterImage, TopicImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import type { DataPlane, TopicState } from '../native.ts'
import { METADATA_TOPIC_ID } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { topicLogConfig } from './topic-log-config.ts'

/** Where the metadata itself is kept: on disk before anything follows from it. */
export function metadataTopic(): TopicState {
  const defaults = topicDefaults({ dynamicBroker: new Map(), dynamicDefault: new Map(), given: new Map() })
  return {
    name: METADATA_TOPIC,
    id: METADATA_TOPIC_ID,
    internal: true,
    partitions: [{ index: 0, leaderEpoch: 0 }],
    config: { ...topicLogConfig(defaults), flushOnAck: true },
  }
}

/** Topics of which many are applied in one call. */
const APPLY_CHUNK_TOPIC_COUNT = 2_000

export class TopicFollower {
  readonly #dataPlane: Pick<DataPlane, 'applyTopics'>
  readonly #nodeId: number
  readonly #given: ReadonlyMap<string, string>
  #defaults: TopicSettings

  constructor(dataPlane: Pick<DataPlane, 'applyTopics'>, nodeId: number, given: ReadonlyMap<string, string>) {
    this.#dataPlane = dataPlane
    this.#nodeId = nodeId
    this.#given = given
    this.#defaults = topicDefaults({ dynamicBroker: new Map(), dynamicDefault: new Map(), given })
  }

  /** The layers below a topic's own configs. */
  layers(image: ClusterImage): ConfigLayers {
    return {
      dynamicBroker: configsOf(image, CONFIG_RESOURCES.BROKER, String(this.#nodeId)),
      dynamicDefault: configsOf(image, CONFIG_RESOURCES.BROKER, ''),
      given: this.#given,
    }
  }

  settings(image: ClusterImage, topic: string): TopicSettings {
    return topicSettings(this.#defaults, configsOf(image, CONFIG_RESOURCES.TOPIC, topic))
  }

  /** Applies all topics of the first image. */
  start(image: ClusterImage): void {
    this.#defaults = topicDefaults(this.layers(image))
    this.#apply(image, [...image.topicsByName.values()], [])
  }

  /** Applies what a change brought; throws where a directory cannot be made. */
  follow(image: ClusterImage, delta: MetadataDelta): void {
    const brokerChanged = [`${CONFIG_RESOURCES.BROKER}:`, `${CONFIG_RESOURCES.BROKER}:${this.#nodeId}`].some((key) => delta.configs.has(key))
    if (brokerChanged) {
      // Any topic may take a default from the broker.
      this.start(image)
    }
    const changed = new Set<TopicImage>()
    const removed: Uuid[] = []
    for (const [id, topic] of delta.topics) {
      const current = image.topicsById.get(id)
      if (topic === undefined || current === undefined) removed.push(id)
      else changed.add(current)
    }
    for (const key of delta.configs.keys()) {
      const topic = key.startsWith(`${CONFIG_RESOURCES.TOPIC}:`) ? image.topicsByName.get(key.slice(key.indexOf(':') + 1)) : undefined
      if (topic !== undefined) changed.add(topic)
    }
    if (changed.size > 0 || removed.length > 0) this.#apply(image, [...changed], removed)
  }

  #apply(image: ClusterImage, topics: readonly TopicImage[], removed: Uuid[]): void {
    // Removed first: a topic of the same name may follow in the same change.
    if (removed.length > 0) this.#dataPlane.applyTopics([], removed)
    for (let from = 0; from < topics.length; from += APPLY_CHUNK_TOPIC_COUNT) {
      const chunk = topics.slice(from, from + APPLY_CHUNK_TOPIC_COUNT)
      this.#dataPlane.applyTopics(chunk.map((topic) => this.#state(image, topic)), [])
    }
  }

  #state(image: ClusterImage, topic: TopicImage): TopicState {
    const partitions = topic.partitions.filter(({ replicas }) => replicas.includes(this.#nodeId))
    return {
      name: topic.name,
      id: topic.id,
      internal: topic.internal,
      partitions: partitions.map(({ index, leaderEpoch }) => ({ index, leaderEpoch })),
      config: topicLogConfig(this.settings(image, topic.name)),
    }
  }
}
