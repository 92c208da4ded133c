// Configs as DescribeConfigs tells them: every one, with where its value comes from and what stands behind it.

import { BROKER_SETTINGS, brokerKey, isDynamic, KEPT_IN_METADATA } from './broker-settings.ts'
import { CLIENT_METRICS_SETTINGS } from './client-metrics-settings.ts'
import type { ClientMetricsSettingName } from './client-metrics-settings.ts'
import { parseList } from './config-key.ts'
import type { ConfigKey, ConfigType } from './config-key.ts'
import { brokerSynonymValues, brokerText, groupText, topicDefaultText } from './config-layers.ts'
import type { ConfigLayers, ConfigSource, ConfigTexts, Synonym } from './config-layers.ts'
import { GROUP_SETTINGS, groupSynonym } from './group-config-settings.ts'
import type { GroupSettingName } from './group-config-settings.ts'
import { knownSettings } from './known-settings.ts'
import { TOPIC_SETTINGS, TOPIC_SYNONYMS } from './topic-settings.ts'
import type { TopicSettingName } from './topic-settings.ts'

export type DescribedConfig = {
  readonly name: string
  /** Null also where the value is secret. */
  readonly value: string | null
  readonly type: ConfigType | 'UNKNOWN'
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly synonyms: readonly Synonym[]
  readonly documentation: string
}

/** Kafka's numbers for the types of configs on the wire. */
export const CONFIG_TYPE_IDS: Readonly<Record<DescribedConfig['type'], number>> = {
  UNKNOWN: 0,
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

/** All configs of a topic. */
export function describeTopicConfigs(layers: ConfigLayers, own: ConfigTexts): DescribedConfig[] {
  return (Object.keys(TOPIC_SETTINGS) as TopicSettingName[]).map((name) => {
    const key: ConfigKey = TOPIC_SETTINGS[name]
    const synonym = TOPIC_SYNONYMS[name]
    const synonyms = synonym === undefined ? [] : brokerSynonymValues(layers, synonym)
    const ownValue = own.get(name)
    if (ownValue !== undefined) synonyms.unshift({ name, value: ownValue, source: 'DYNAMIC_TOPIC_CONFIG' })
    return {
      name,
      value: ownValue ?? topicDefaultText(layers, name),
      type: key.type,
      source: synonyms[0]?.source ?? 'DEFAULT_CONFIG',
      readOnly: false,
      sensitive: false,
      synonyms,
      documentation: key.documentation,
    }
  })
}

/** All configs of a group. */
export function describeGroupConfigs(layers: ConfigLayers, own: ConfigTexts): DescribedConfig[] {
  return (Object.keys(GROUP_SETTINGS) as GroupSettingName[]).map((name) => {
    const { type, documentation } = GROUP_SETTINGS[name]
    const synonym = groupSynonym(name)
    const synonyms: Synonym[] = synonym === null ? [{ name, value: GROUP_SETTINGS[name].default, source: 'DEFAULT_CONFIG' }] : brokerSynonymValues(layers, synonym)
    const ownValue = own.get(name)
    if (ownValue !== undefined) synonyms.unshift({ name, value: ownValue, source: 'GROUP_CONFIG' })
    return { name, value: ownValue ?? groupText(layers, name), type, source: synonyms[0]?.source ?? 'DEFAULT_CONFIG', readOnly: false, sensitive: false, synonyms, documentation }
  })
}

/** All configs of a subscription to metrics of clients, also of one that nobody has made. */
export function describeClientMetricsConfigs(own: ConfigTexts): DescribedConfig[] {
  return (Object.keys(CLIENT_METRICS_SETTINGS) as ClientMetricsSettingName[]).map((name) => {
    const { type, documentation, default: fallback } = CLIENT_METRICS_SETTINGS[name]
    const given = own.get(name)
    const ownValue = given === undefined || type !== 'LIST' ? given : parseList(given).join(',')
    const synonyms: Synonym[] = ownValue === undefined ? [] : [{ name, value: ownValue, source: 'CLIENT_METRICS_CONFIG' }]
    return { name, value: ownValue ?? fallback, type, source: synonyms[0]?.source ?? 'DEFAULT_CONFIG', readOnly: false, sensitive: false, synonyms, documentation }
  })
}

/** All configs of a broker: those it acts on, those of Kafka that it knows, and those that are set though nobody knows them. */
export function describeBrokerConfigs(layers: ConfigLayers): DescribedConfig[] {
  // As in Kafka throttles show only where they are set.
  const set = new Set([...layers.dynamicBroker.keys(), ...layers.dynamicDefault.keys()])
  const always = [...Object.keys(BROKER_SETTINGS), ...knownSettings().keys()].filter((name) => !isThrottle(name))
  return [...new Set([...always, ...set])].sort().map((name) => describeBroker(layers, name))
}

/** What any broker knows of another: what is kept in the metadata alone. */
export function describeKeptInMetadata(dynamicBroker: ConfigTexts): DescribedConfig[] {
  const layers: ConfigLayers = { dynamicBroker, dynamicDefault: new Map(), given: new Map() }
  return describeBrokerConfigs(layers).filter(({ name }) => KEPT_IN_METADATA.has(name))
}

/** What is set while running for all brokers. */
export function describeDefaultBrokerConfigs(dynamicDefault: ConfigTexts): DescribedConfig[] {
  const layers: ConfigLayers = { dynamicBroker: new Map(), dynamicDefault, given: new Map() }
  return [...dynamicDefault.keys()].sort().map((name) => {
    const described = describeBroker(layers, name)
    return { ...described, synonyms: described.synonyms.filter(({ source }) => source !== 'DEFAULT_CONFIG') }
  })
}

function describeBroker(layers: ConfigLayers, name: string): DescribedConfig {
  const key = brokerKey(name)
  const sensitive = key === undefined || key.type === 'PASSWORD'
  const synonyms = brokerSynonymValues(layers, name).filter(({ source }) => source !== 'DEFAULT_CONFIG' || !isThrottle(name))
  return {
    name,
    value: sensitive ? null : brokerText(layers, name),
    type: key?.type ?? 'UNKNOWN',
    source: synonyms[0]?.source ?? 'DEFAULT_CONFIG',
    readOnly: key !== undefined && !isDynamic(name),
    sensitive,
    synonyms: sensitive ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms,
    documentation: key?.documentation ?? '',
  }
}

/** A setting that as in Kafka exists only while it is set. */
function isThrottle(name: string): boolean {
  return name.endsWith('.replication.throttled.rate')
}
