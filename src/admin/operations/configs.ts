import type { ApiCaller } from '../../broker/api.ts'
import { CONFIG_SOURCES, CONFIG_TYPES } from '../config-kinds.ts'
import type { ConfigChanges, ConfigEntry } from '../schemas/configs.ts'
import { expectNoError } from './outcome.ts'

/** Resource types of the config APIs that these tools reach. */
export const CONFIG_RESOURCE_TYPES = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const
export type ConfigResourceType = keyof typeof CONFIG_RESOURCE_TYPES
/** An empty broker name means the default of the whole cluster. */
export type ConfigResource = { type: ConfigResourceType; name: string }

const OPERATIONS = { set: 0, delete: 1, append: 2, subtract: 3 }

/** Every config of the resource, by name. */
export async function describeConfigs(caller: ApiCaller, resource: ConfigResource, includeDocumentation = false): Promise<ConfigEntry[]> {
  const response = await caller.call('DescribeConfigs', {
    resources: [{ resourceType: CONFIG_RESOURCE_TYPES[resource.type], resourceName: resource.name, configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation,
  })
  const [result] = response.results
  expectNoError(result?.errorCode ?? -1, result?.errorMessage, describeResource(resource))
  return result!.configs
    .map(config => ({
      name: config.name,
      value: config.value,
      source: CONFIG_SOURCES[config.configSource] ?? 'UNKNOWN',
      type: CONFIG_TYPES[config.configType] ?? 'UNKNOWN',
      readOnly: config.readOnly,
      sensitive: config.isSensitive,
      synonyms: config.synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] ?? 'UNKNOWN' })),
      documentation: config.documentation,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Makes all the changes or, where one is refused, none (KIP-339). */
export async function alterConfigs(caller: ApiCaller, resource: ConfigResource, changes: ConfigChanges): Promise<void> {
  const configs = (['set', 'append', 'subtract'] as const).flatMap(kind =>
    Object.entries(changes[kind] ?? {}).map(([name, value]) => ({ name, configOperation: OPERATIONS[kind], value: value as string | null })))
  for (const name of changes.delete ?? []) configs.push({ name, configOperation: OPERATIONS.delete, value: null })
  const response = await caller.call('IncrementalAlterConfigs', {
    resources: [{ resourceType: CONFIG_RESOURCE_TYPES[resource.type], resourceName: resource.name, configs }],
    validateOnly: changes.validateOnly ?? false,
  })
  const [result] = response.responses
  expectNoError(result?.errorCode ?? -1, result?.errorMessage, describeResource(resource))
}

export function describeResource(resource: ConfigResource): string {
  return resource.name === '' ? `default of ${resource.type}s` : `${resource.type} ${resource.name}`
}
