// Configs as they stand at an image: what was set while running over what this broker was started with.

import { describeTopicConfigs } from '../config/describe-configs.ts'
import type { DescribedConfig } from '../config/describe-configs.ts'
import { brokerText, groupText, topicDefaults, topicDefaultSource, topicDefaultText, topicSettings } from '../config/config-layers.ts'
import type { ConfigLayers, ConfigTexts } from '../config/config-layers.ts'
import type { TopicSettings } from '../config/topic-settings.ts'
import { CONFIG_RESOURCES, configsOf } from './cluster-image.ts'
import type { ClusterImage } from './cluster-image.ts'
import type { ConfigFallbacks } from './controller/alter-configs.ts'

export class ClusterConfigs {
  readonly #brokerName: string
  readonly #given: ConfigTexts
  #layers: ConfigLayers | undefined
  #defaults: TopicSettings | undefined

  /** `given` is what broker `nodeId` was started with. */
  constructor(nodeId: number, given: ConfigTexts) {
    this.#brokerName = String(nodeId)
    this.#given = given
  }

  layers(image: ClusterImage): ConfigLayers {
    const dynamicBroker = configsOf(image, CONFIG_RESOURCES.BROKER, this.#brokerName)
    const dynamicDefault = configsOf(image, CONFIG_RESOURCES.BROKER, '')
    if (this.#layers?.dynamicBroker !== dynamicBroker || this.#layers.dynamicDefault !== dynamicDefault) {
      this.#layers = { dynamicBroker, dynamicDefault, given: this.#given }
      this.#defaults = undefined
    }
    return this.#layers
  }

  /** What a topic without settings of its own has. */
  topicDefaults(image: ClusterImage): TopicSettings {
    const layers = this.layers(image)
    return (this.#defaults ??= topicDefaults(layers))
  }

  topicSettings(image: ClusterImage, name: string): TopicSettings {
    return topicSettings(this.topicDefaults(image), configsOf(image, CONFIG_RESOURCES.TOPIC, name))
  }

  describeTopic(image: ClusterImage, own: ConfigTexts): DescribedConfig[] {
    return describeTopicConfigs(this.layers(image), own)
  }

  /** As `describeTopic`, with the sources that CreateTopics tells: also a value given in another unit has one. */
  describeNewTopic(image: ClusterImage, own: ConfigTexts): DescribedConfig[] {
    const layers = this.layers(image)
    return describeTopicConfigs(layers, own).map((config) => (config.source === 'DEFAULT_CONFIG' ? { ...config, source: topicDefaultSource(layers, config.name) } : config))
  }

  fallbacks(image: ClusterImage): ConfigFallbacks {
    const layers = this.layers(image)
    return { topic: (name) => topicDefaultText(layers, name), group: (name) => groupText(layers, name), broker: (name) => brokerText(layers, name) ?? '' }
  }
}
