// DescribeConfigs and ListConfigResources: every config with its source, so that tools that read, change and write back
// lose nothing.

import { KEPT_IN_METADATA } from '../../config/broker-settings.ts'
import { CONFIG_SOURCES } from '../../config/config-layers.ts'
import { CONFIG_TYPE_IDS, describeBrokerConfigs, describeClientMetricsConfigs, describeDefaultBrokerConfigs, describeGroupConfigs, describeKeptInMetadata } from '../../config/describe-configs.ts'
import type { DescribedConfig } from '../../config/describe-configs.ts'
import type { Encodable } from '../../protocol/api-keys.ts'
import { errorCode, KafkaError } from '../../protocol/error-codes.ts'
import type { DescribeConfigsRequest, DescribeConfigsResponse, ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../protocol/messages.ts'
import { CONFIG_RESOURCES, configsOf } from '../cluster-image.ts'
import { errorFields } from '../controller/outcome.ts'
import { topicNameFault } from '../topic-name.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import type { MetadataRequestContext } from './request-context.ts'

const KNOWN_RESOURCES: ReadonlySet<number> = new Set(Object.values(CONFIG_RESOURCES))

type DescribedResource = DescribeConfigsResponse['results'][number]

export function describeConfigs(deps: MetadataHandlersDeps, request: DescribeConfigsRequest): Encodable<DescribeConfigsResponse> {
  // One kind that nobody knows spoils the whole request, as in Kafka.
  if (request.resources.some(({ resourceType }) => !KNOWN_RESOURCES.has(resourceType))) {
    const refused = errorFields(new KafkaError('INVALID_REQUEST'))
    return { results: request.resources.map(({ resourceType, resourceName }) => ({ ...refused, resourceType, resourceName, configs: [] })) }
  }
  const results = request.resources.map(({ resourceType, resourceName, configurationKeys }): DescribedResource => {
    try {
      const wanted = configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys)
      const configs = describeResource(deps, resourceType, resourceName, wanted).filter(({ name }) => wanted === undefined || wanted.has(name))
      return { errorCode: 0, errorMessage: '', resourceType, resourceName, configs: configs.map((config) => onWire(config, request)) }
    } catch (error) {
      return { ...errorFields(error), resourceType, resourceName, configs: [] }
    }
  })
  return { results }
}

function describeResource({ runtime, configs, config, logging }: MetadataHandlersDeps, resourceType: number, resourceName: string, wanted: ReadonlySet<string> | undefined): DescribedConfig[] {
  const image = runtime.image
  switch (resourceType) {
    case CONFIG_RESOURCES.TOPIC: {
      const fault = topicNameFault(resourceName)
      if (fault !== undefined) throw new KafkaError('INVALID_TOPIC_EXCEPTION', fault)
      if (!image.topicsByName.has(resourceName)) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', '')
      return configs.describeTopic(image, configsOf(image, CONFIG_RESOURCES.TOPIC, resourceName))
    }
    case CONFIG_RESOURCES.BROKER:
      if (resourceName === '') return describeDefaultBrokerConfigs(configsOf(image, CONFIG_RESOURCES.BROKER, ''))
      if (resourceName !== String(config.nodeId) && isKept(wanted) && /^\d+$/.test(resourceName) && image.brokers.has(Number(resourceName))) return describeKeptInMetadata(configsOf(image, CONFIG_RESOURCES.BROKER, resourceName))
      checkBroker(resourceName, config.nodeId, `Unexpected broker id, expected ${config.nodeId} or empty string, but received ${resourceName}`)
      return describeBrokerConfigs(configs.layers(image))
    case CONFIG_RESOURCES.BROKER_LOGGER:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Broker id must not be empty')
      checkBroker(resourceName, config.nodeId, `Unexpected broker id, expected ${config.nodeId} but received ${resourceName}`)
      return [...logging.levels()].map(([name, level]) => describeLogger(name, level))
    case CONFIG_RESOURCES.CLIENT_METRICS:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Client metrics subscription name must not be empty')
      return describeClientMetricsConfigs(configsOf(image, CONFIG_RESOURCES.CLIENT_METRICS, resourceName))
    case CONFIG_RESOURCES.GROUP:
      if (resourceName === '') throw new KafkaError('INVALID_REQUEST', 'Group name must not be empty')
      return describeGroupConfigs(configs.layers(image), configsOf(image, CONFIG_RESOURCES.GROUP, resourceName))
    default:
      throw new KafkaError('INVALID_REQUEST')
  }
}

function isKept(wanted: ReadonlySet<string> | undefined): boolean {
  return wanted !== undefined && [...wanted].every((name) => KEPT_IN_METADATA.has(name))
}

/** No other broker knows what it was started with. Throws INVALID_REQUEST. */
function checkBroker(resourceName: string, nodeId: number, message: string): void {
  if (!/^-?\d+$/.test(resourceName)) throw new KafkaError('INVALID_REQUEST', `Broker id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== nodeId) throw new KafkaError('INVALID_REQUEST', message)
}

function describeLogger(name: string, level: string): DescribedConfig {
  return { name, value: level, type: 'UNKNOWN', source: 'DYNAMIC_BROKER_LOGGER_CONFIG', readOnly: false, sensitive: false, synonyms: [], documentation: '' }
}

function onWire(config: DescribedConfig, { includeSynonyms, includeDocumentation }: DescribeConfigsRequest): DescribedResource['configs'][number] {
  return {
    name: config.name,
    value: config.value,
    readOnly: config.readOnly,
    configSource: CONFIG_SOURCES[config.source],
    isSensitive: config.sensitive,
    synonyms: includeSynonyms ? config.synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] })) : [],
    configType: CONFIG_TYPE_IDS[config.type],
    documentation: includeDocumentation ? config.documentation : null,
  }
}

/** Version 0 lists client metrics only (KIP-714), later ones every kind that is named, or all kinds (KIP-1142). */
export function listConfigResources({ runtime }: MetadataHandlersDeps, { apiVersion }: MetadataRequestContext, request: ListConfigResourcesRequest): Encodable<ListConfigResourcesResponse> {
  const types = apiVersion === 0 ? [CONFIG_RESOURCES.CLIENT_METRICS] : request.resourceTypes
  const known: readonly number[] = Object.values(CONFIG_RESOURCES)
  if (types.some((type) => !known.includes(type))) return { errorCode: errorCode('UNSUPPORTED_VERSION') }
  const asked = new Set<number>(types.length === 0 ? known : types)
  const image = runtime.image
  const brokers = [...image.brokers.keys()].map(String)
  const set = (resourceType: number): string[] => {
    const prefix = `${resourceType}:`
    return [...image.configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  }
  const names: [number, () => Iterable<string>][] = [
    [CONFIG_RESOURCES.GROUP, () => set(CONFIG_RESOURCES.GROUP)],
    [CONFIG_RESOURCES.CLIENT_METRICS, () => set(CONFIG_RESOURCES.CLIENT_METRICS)],
    [CONFIG_RESOURCES.BROKER_LOGGER, () => brokers],
    [CONFIG_RESOURCES.BROKER, () => brokers],
    [CONFIG_RESOURCES.TOPIC, () => image.topicsByName.keys()],
  ]
  return { configResources: names.filter(([type]) => asked.has(type)).flatMap(([resourceType, list]) => [...list()].map((resourceName) => ({ resourceType, resourceName }))) }
}
