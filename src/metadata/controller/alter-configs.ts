// Changes of the configs of topics and brokers as a decision: what is asked for one resource succeeds or fails as a whole.

import { brokerConfigSpace, changeConfigs, groupConfigSpace, topicConfigSpace } from '../../config/alter-configs.ts'
import type { ConfigChange, ConfigSpace } from '../../config/alter-configs.ts'
import { clientMetricsConfigSpace } from '../../config/client-metrics-settings.ts'
import { CORDONED_LOG_DIRS } from '../../config/cordoned-directories.ts'
import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { CONFIG_RESOURCES, configsOf, INTERNAL_TOPICS } from '../cluster-image.ts'
import type { ClusterImage } from '../cluster-image.ts'
import { hasEligibleLeaderReplicas } from '../features.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { topicNameFault } from '../topic-name.ts'
import { MIN_INSYNC_REPLICAS } from './cluster-records.ts'
import { metadataRecord } from './metadata-records.ts'
import { errorFields, NO_ERROR } from './outcome.ts'
import type { ErrorFields } from './outcome.ts'

export type ConfigResource = { readonly resourceType: number; readonly resourceName: string }
/** `replace` gives the whole of the resource's configs, everything else goes; otherwise each change stands for itself. */
export type ConfigAlteration = ConfigResource & { readonly changes: readonly ConfigChange[]; readonly replace: boolean }
export type ConfigOutcome = ConfigResource & ErrorFields

/** What a topic and a broker have where nothing is set while running. */
export type ConfigFallbacks = { readonly topic: (name: string) => string; readonly group: (name: string) => string; readonly broker: (name: string) => string }

export function alterConfigs(image: ClusterImage, alterations: readonly ConfigAlteration[], validateOnly: boolean, fallbacks: ConfigFallbacks): ControllerResult<ConfigOutcome[]> {
  const records: MetadataRecord[] = []
  const response = alterations.map(({ resourceType, resourceName, changes, replace }): ConfigOutcome => {
    try {
      const added = alterResource(image, { resourceType, resourceName, changes, replace }, fallbacks)
      if (!validateOnly) records.push(...added)
      return { resourceType, resourceName, ...NO_ERROR }
    } catch (error) {
      return { resourceType, resourceName, ...errorFields(error) }
    }
  })
  return { records: [...records, ...clearedEligibleLeaders(image, records)], response }
}

/** Who was eligible while fewer had to be in sync need not have what was acknowledged since (KIP-966). */
function clearedEligibleLeaders(image: ClusterImage, changes: readonly MetadataRecord[]): MetadataRecord[] {
  if (!hasEligibleLeaderReplicas(image)) return []
  const topicNames = new Set<string>()
  for (const change of changes) {
    if (change.name !== 'ConfigRecord' || change.value.name !== MIN_INSYNC_REPLICAS) continue
    topicNames.add(change.value.resourceType === CONFIG_RESOURCES.TOPIC ? change.value.resourceName : ALL_TOPICS)
  }
  return [...topicNames].map((topicName) => metadataRecord('ClearElrRecord', { topicName }))
}

/** Of a record about eligible leaders: no topic of its own. */
const ALL_TOPICS = ''

function alterResource(image: ClusterImage, { resourceType, resourceName, changes, replace }: ConfigAlteration, fallbacks: ConfigFallbacks): MetadataRecord[] {
  const space = configSpace(image, resourceType, resourceName, fallbacks)
  if (resourceType === CONFIG_RESOURCES.BROKER && resourceName === '' && changes.some(({ name }) => name === 'broker.draining')) {
    throw new KafkaError('INVALID_REQUEST', 'broker.draining is set for one broker; all of them at once have nowhere to put what they hold.')
  }
  if (resourceType === CONFIG_RESOURCES.BROKER && resourceName === '' && changes.some(({ name }) => name === CORDONED_LOG_DIRS)) {
    throw new KafkaError('INVALID_REQUEST', `${CORDONED_LOG_DIRS} is set for one broker: log directories are a broker's own.`)
  }
  const before = configsOf(image, resourceType, resourceName)
  const { texts } = changeConfigs(space, before, replace ? replacement(before.keys(), changes) : changes)
  if (resourceType === CONFIG_RESOURCES.BROKER && hasEligibleLeaderReplicas(image)) checkMinInsyncReplicas(resourceName, before.get(MIN_INSYNC_REPLICAS), texts.get(MIN_INSYNC_REPLICAS))
  const names = new Set([...before.keys(), ...texts.keys()])
  return [...names].filter((name) => before.get(name) !== texts.get(name)).map((name) => metadataRecord('ConfigRecord', { resourceType, resourceName, name, value: texts.get(name) ?? null }))
}

/** See `unifyMinInsyncReplicas`. */
function checkMinInsyncReplicas(resourceName: string, before: string | undefined, after: string | undefined): void {
  if (before === after) return
  if (resourceName !== '') throw new KafkaError('INVALID_CONFIG', 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
  if (after === undefined) throw new KafkaError('INVALID_CONFIG', 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
}

/** The changes that leave nothing but what is given. */
function replacement(before: Iterable<string>, given: readonly ConfigChange[]): ConfigChange[] {
  const names = new Set(given.map(({ name }) => name))
  const gone = [...before].filter((name) => !names.has(name))
  return [...given, ...gone.map((name): ConfigChange => ({ name, operation: 'DELETE', value: null }))]
}

function configSpace(image: ClusterImage, resourceType: number, resourceName: string, fallbacks: ConfigFallbacks): ConfigSpace {
  switch (resourceType) {
    case CONFIG_RESOURCES.TOPIC:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Default topic resources are not allowed.')
      checkTopicName(resourceName)
      if (!image.topicsByName.has(resourceName)) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resourceName}' does not exist.`)
      return topicConfigSpace(fallbacks.topic, INTERNAL_TOPICS.has(resourceName))
    case CONFIG_RESOURCES.BROKER:
      return brokerConfigSpace(fallbacks.broker)
    case CONFIG_RESOURCES.GROUP:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Default group resources are not allowed.')
      return groupConfigSpace(fallbacks.group, fallbacks.broker)
    case CONFIG_RESOURCES.CLIENT_METRICS:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Default client metrics resources are not allowed.')
      return clientMetricsConfigSpace()
    default:
      throw new KafkaError('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
  }
}

function checkTopicName(name: string): void {
  const fault = topicNameFault(name)
  if (fault !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', fault)
}
