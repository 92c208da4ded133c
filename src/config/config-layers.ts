// Where a value comes from: a topic's own, then what was set while running for this broker, then for all brokers, then
// the configuration the broker was started with, then the default.

import { BROKER_SETTINGS, brokerSynonyms, isBrokerSetting } from './broker-settings.ts'
import { parseConfig } from './config-key.ts'
import type { ConfigKey, ConfigValue } from './config-key.ts'
import { GROUP_SETTINGS, groupSynonym, isGroupSetting } from './group-config-settings.ts'
import { knownSettings } from './known-settings.ts'
import { isTopicSetting, TOPIC_SETTINGS, TOPIC_SYNONYMS } from './topic-settings.ts'
import type { TopicSettings } from './topic-settings.ts'

export type ConfigTexts = ReadonlyMap<string, string>

/** The broker's own layers, the one that counts first at the top. */
export type ConfigLayers = {
  readonly dynamicBroker: ConfigTexts
  readonly dynamicDefault: ConfigTexts
  readonly given: ConfigTexts
}

export const NO_CONFIGS: ConfigTexts = new Map()

/** Kafka's numbers for where a value comes from. */
export const CONFIG_SOURCES = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
  CLIENT_METRICS_CONFIG: 7,
  GROUP_CONFIG: 8,
} as const
export type ConfigSource = keyof typeof CONFIG_SOURCES

export type Synonym = { readonly name: string; readonly value: string | null; readonly source: ConfigSource }

/** The text that counts for a broker setting; null where nothing is set and the default is none. */
export function brokerText(layers: ConfigLayers, name: string): string | null {
  return layers.dynamicBroker.get(name) ?? layers.dynamicDefault.get(name) ?? layers.given.get(name) ?? defaultText(name)
}

/** What a group without a value of its own has. */
export function groupText(layers: ConfigLayers, name: string): string {
  const synonym = groupSynonym(name)
  return (synonym === null ? undefined : brokerText(layers, synonym)) ?? (isGroupSetting(name) ? (GROUP_SETTINGS[name].default ?? '') : '')
}

/**
 * Every value set for a broker setting, the one that counts first. As in Kafka the list starts only where the setting is
 * named itself: a value under an older name in another unit shows only behind one.
 */
export function brokerSynonymValues(layers: ConfigLayers, name: string): Synonym[] {
  const names = brokerSynonyms(name)
  const found: Synonym[] = []
  const add = (source: ConfigSource, valueOf: (name: string) => string | null | undefined): void => {
    for (const each of names) {
      const value = valueOf(each)
      if (value !== null && value !== undefined) found.push({ name: each, value, source })
    }
  }
  add('DYNAMIC_BROKER_CONFIG', (each) => layers.dynamicBroker.get(each))
  add('DYNAMIC_DEFAULT_BROKER_CONFIG', (each) => layers.dynamicDefault.get(each))
  add('STATIC_BROKER_CONFIG', (each) => layers.given.get(each))
  add('DEFAULT_CONFIG', defaultText)
  const first = found.findIndex((synonym) => synonym.name === name)
  return first < 0 ? [] : found.slice(first)
}

/** The settings of a topic without any of its own. */
export function topicDefaults(layers: ConfigLayers): TopicSettings {
  const entries = Object.entries<ConfigKey>(TOPIC_SETTINGS).map(([name, key]) => [name, parseConfig(name, key, topicDefaultText(layers, name))])
  return Object.freeze(Object.fromEntries(entries) as TopicSettings)
}

/** A topic's settings: its own over the defaults. Texts were checked when they were set; an unknown one is passed over. */
export function topicSettings(defaults: TopicSettings, own: ConfigTexts): TopicSettings {
  if (own.size === 0) return defaults
  const settings: Record<string, ConfigValue> = { ...defaults }
  for (const [name, text] of own) if (isTopicSetting(name)) settings[name] = parseConfig(name, TOPIC_SETTINGS[name], text)
  return Object.freeze(settings as TopicSettings)
}

/** What a topic without a value of its own takes, as text. */
export function topicDefaultText(layers: ConfigLayers, name: string): string {
  const ownDefault = isTopicSetting(name) ? (TOPIC_SETTINGS[name].default ?? '') : ''
  const synonym = isTopicSetting(name) ? TOPIC_SYNONYMS[name] : undefined
  if (synonym === undefined) return ownDefault
  const text = brokerText(layers, synonym)
  switch (synonym) {
    case 'log.retention.ms':
      return text ?? noLimitBelowZero(scaled(layers, 'log.retention.minutes', 60_000) ?? scaled(layers, 'log.retention.hours', 3_600_000))
    case 'log.roll.ms':
      return text ?? scaled(layers, 'log.roll.hours', 3_600_000) ?? ownDefault
    case 'log.roll.jitter.ms':
      return text ?? scaled(layers, 'log.roll.jitter.hours', 3_600_000) ?? ownDefault
    case 'log.flush.interval.ms':
      return text ?? brokerText(layers, 'log.flush.scheduler.interval.ms') ?? ownDefault
    default:
      return text ?? ownDefault
  }
}

/** Where `topicDefaultText` comes from, under whichever name and in whichever unit it was given. */
export function topicDefaultSource(layers: ConfigLayers, name: string): ConfigSource {
  const names = brokerSynonyms((isTopicSetting(name) ? TOPIC_SYNONYMS[name] : undefined) ?? name)
  if (names.some((each) => layers.dynamicBroker.has(each))) return 'DYNAMIC_BROKER_CONFIG'
  if (names.some((each) => layers.dynamicDefault.has(each))) return 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  return names.some((each) => layers.given.has(each)) ? 'STATIC_BROKER_CONFIG' : 'DEFAULT_CONFIG'
}

function scaled(layers: ConfigLayers, name: string, unitMs: number): string | undefined {
  const text = brokerText(layers, name)
  return text === null ? undefined : String(Number(text) * unitMs)
}

function noLimitBelowZero(text: string | undefined): string {
  return text === undefined || text.startsWith('-') ? '-1' : text
}

function defaultText(name: string): string | null {
  return isBrokerSetting(name) ? BROKER_SETTINGS[name].default : (knownSettings().get(name)?.default ?? null)
}
