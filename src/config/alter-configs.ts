// Changes of configs, decided without touching anything: what is set comes out, or Kafka's error for what may not be.

import { MillraceError } from '../shared/errors.ts'
import { brokerKey, isDynamic } from './broker-settings.ts'
import { InvalidConfig, parseConfig, parseList } from './config-key.ts'
import type { ConfigKey } from './config-key.ts'
import type { ConfigTexts } from './config-layers.ts'
import { GROUP_SETTINGS, isGroupSetting, outOfBounds } from './group-config-settings.ts'
import { isTopicSetting, TOPIC_SETTINGS } from './topic-settings.ts'

export const CONFIG_OPERATIONS = ['SET', 'DELETE', 'APPEND', 'SUBTRACT'] as const
export type ConfigOperation = (typeof CONFIG_OPERATIONS)[number]
export type ConfigChange = { readonly name: string; readonly operation: ConfigOperation; readonly value: string | null }

export class InvalidConfigRequest extends MillraceError {
  constructor(message: string) {
    super('INVALID_REQUEST', message)
  }
}

/** The keys of one kind of resource, and what is wrong with changing one at all. */
export type ConfigSpace = {
  key(name: string): ConfigKey | undefined
  /** The text a key has without a value of its own; what APPEND adds to. */
  fallback(name: string): string
  /** What APPEND and SUBTRACT are refused with for a key that is no list. */
  notAList(name: string, operation: ConfigOperation): MillraceError
  check(texts: ConfigTexts, changed: readonly string[]): void
}

/** Throws InvalidConfig for what a topic with these configs would be refused for; `fallback` gives those it does not set. Internal topics are the coordinators' own. */
export function checkTopicConfigs(texts: ReadonlyMap<string, string | null>, fallback: (name: string) => string, isInternal = false): void {
  for (const [name, text] of texts) {
    if (text === null) throw new InvalidConfig(`Null value not supported for topic configs: ${name}`)
    // Kafka compiles the name into its own tests; nobody else may shrink a segment below the least size.
    if (!isTopicSetting(name)) throw new InvalidConfig(`Unknown topic config name: ${name}`)
    parseConfig(name, TOPIC_SETTINGS[name], text)
  }
  if (isTrue(texts.get('remote.storage.enable'))) {
    throw new InvalidConfig('Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.')
  }
  const least = Number(texts.get('min.compaction.lag.ms') ?? fallback('min.compaction.lag.ms'))
  const most = Number(texts.get('max.compaction.lag.ms') ?? fallback('max.compaction.lag.ms'))
  if (least > most) throw new InvalidConfig(`conflict topic config setting min.compaction.lag.ms (${least}) > max.compaction.lag.ms (${most})`)
  checkDelay((name) => texts.get(name) ?? fallback(name))
  if (isInternal) checkKeepsAll(texts)
}

/** A coordinator that reads less than all of its log would forget what it acknowledged. */
function checkKeepsAll(texts: ReadonlyMap<string, string | null>): void {
  for (const name of ['delivery.delay.enable', 'record.ttl.enable']) {
    if (isTrue(texts.get(name))) throw new InvalidConfig(`${name} cannot be set for an internal topic: its coordinator has to read every record.`)
  }
}

/** A record that is deleted before its time would never be delivered. */
function checkDelay(text: (name: string) => string): void {
  if (!isTrue(text('delivery.delay.enable')) || !parseList(text('cleanup.policy')).includes('delete')) return
  const [delayMs, retentionMs] = [Number(text('delivery.delay.max.ms')), Number(text('retention.ms'))]
  if (retentionMs < 0 || delayMs <= retentionMs) return
  throw new InvalidConfig(`delivery.delay.max.ms (${delayMs}) is longer than retention.ms (${retentionMs}): delayed records would be deleted before they are delivered. Set delivery.delay.max.ms to at most retention.ms, or keep records longer.`)
}

function isTrue(text: string | null | undefined): boolean {
  return text?.trim().toLowerCase() === 'true'
}

export function topicConfigSpace(fallback: (name: string) => string, isInternal = false): ConfigSpace {
  return {
    key: (name) => (isTopicSetting(name) ? TOPIC_SETTINGS[name] : undefined),
    fallback,
    notAList: (name, operation) => new InvalidConfig(`Can't ${operation} to key ${name} because its type is not LIST.`),
    check: (texts) => checkTopicConfigs(texts, fallback, isInternal),
  }
}

/** `fallback`: what a group has without a value of its own; `brokerText`: the broker's settings, which bound some of a group's. */
export function groupConfigSpace(fallback: (name: string) => string, brokerText: (name: string) => string): ConfigSpace {
  return {
    key: (name) => (isGroupSetting(name) ? GROUP_SETTINGS[name] : undefined),
    fallback,
    notAList: (name, operation) => new InvalidConfig(`Can't ${operation} to key ${name} because its type is not LIST.`),
    check: (texts) => {
      for (const [name, text] of texts) {
        if (!isGroupSetting(name)) throw new InvalidConfig(`Unknown group config name: ${name}`)
        parseConfig(name, GROUP_SETTINGS[name], text)
      }
      const fault = outOfBounds(texts, brokerText)
      if (fault !== undefined) throw new InvalidConfig(fault)
    },
  }
}

/** Broker configs, for one broker or (`clusterDefault`) for all of them. */
export function brokerConfigSpace(fallback: (name: string) => string): ConfigSpace {
  return {
    key: brokerKey,
    fallback,
    notAList: (name, operation) => new InvalidConfig(`Config value ${operation.toLowerCase()} is not allowed for config key: ${name}`),
    check: (texts, changed) => {
      // What nobody knows may be set while running, as in Kafka, where plugins have settings of their own.
      const fixed = changed.filter((name) => brokerKey(name) !== undefined && !isDynamic(name))
      if (fixed.length > 0) throw new InvalidConfigRequest(`Cannot update these configs dynamically: [${fixed.join(', ')}]`)
      for (const [name, text] of texts) {
        const key = brokerKey(name)
        if (key === undefined) continue
        try {
          parseConfig(name, key, text)
        } catch (error) {
          throw error instanceof InvalidConfig ? new InvalidConfigRequest(error.message) : error
        }
      }
    },
  }
}

/** What `own` becomes, and the names that changed. Throws InvalidConfig or InvalidConfigRequest. */
export function changeConfigs(space: ConfigSpace, own: ConfigTexts, changes: readonly ConfigChange[]): { texts: Map<string, string>; changed: string[] } {
  const names = new Set<string>()
  const texts = new Map(own)
  for (const { name, operation, value } of changes) {
    if (names.has(name)) throw new InvalidConfigRequest('Error due to duplicate config keys')
    names.add(name)
    if (operation === 'DELETE') texts.delete(name)
    else if (value === null) throw new InvalidConfigRequest(`Null value not supported for : ${name}`)
    else if (operation === 'SET') texts.set(name, value)
    else {
      if (space.key(name)?.type !== 'LIST') throw space.notAList(name, operation)
      const current = parseList(texts.get(name) ?? space.fallback(name))
      const members = parseList(value)
      const next = operation === 'APPEND' ? [...current, ...members.filter((member) => !current.includes(member))] : current.filter((member) => !members.includes(member))
      texts.set(name, next.join(','))
    }
  }
  // A DELETE of what was never set is checked by nobody in Kafka either.
  const changed = [...names].filter((name) => texts.get(name) !== own.get(name) || texts.has(name))
  space.check(texts, changed)
  return { texts, changed: changed.filter((name) => texts.get(name) !== own.get(name)) }
}
