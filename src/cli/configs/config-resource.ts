// The resource that a config command is about: --topic, --broker and so on, or Kafka's --entity-type with --entity-name.

import { Option } from '@commander-js/extra-typings'
import type { ConfigResource, ConfigResourceType } from '../../admin/operations/configs.ts'
import { UsageError } from '../command.ts'

type RawResource = {
  topic?: string | undefined
  broker?: string | undefined
  group?: string | undefined
  entityType?: string | undefined
  entityName?: string | undefined
  entityDefault?: boolean | undefined
}

const TYPES: Record<string, ConfigResourceType> = { 'topics': 'topic', 'brokers': 'broker', 'broker-loggers': 'broker-logger', 'client-metrics': 'client-metrics', 'groups': 'group' }

export const topicOption = () => new Option('--topic <name>', 'the topic')
export const brokerOption = () => new Option('--broker <id>', 'the broker')
export const groupOption = () => new Option('--group <id>', 'the consumer group')
export const entityTypeOption = () => new Option('--entity-type <type>', `${Object.keys(TYPES).join(', ')}; with --entity-name or --entity-default`)
export const entityNameOption = () => new Option('--entity-name <name>', 'name of a topic, id of a broker or group')
export const entityDefaultOption = () => new Option('--entity-default', 'what holds for all brokers of the cluster')

/** Throws UsageError unless exactly one resource is named. */
export function parseResource(raw: RawResource): ConfigResource {
  const named = ([['topic', raw.topic], ['broker', raw.broker], ['group', raw.group]] as const)
    .flatMap(([type, name]): ConfigResource[] => (name === undefined ? [] : [{ type, name }]))
  if (raw.entityType !== undefined) named.push(parseEntity(raw.entityType, raw))
  const [resource] = named
  if (resource === undefined || named.length > 1) throw new UsageError('name one resource: --topic, --broker, --group, or --entity-type with --entity-name')
  return resource
}

function parseEntity(entityType: string, raw: RawResource): ConfigResource {
  const type = TYPES[entityType]
  if (type === undefined) throw new UsageError(`--entity-type: "${entityType}" is none of ${Object.keys(TYPES).join(', ')}`)
  if (raw.entityDefault === true && type === 'broker') return { type, name: '' }
  if (raw.entityName === undefined) throw new UsageError('--entity-type needs --entity-name')
  return { type, name: raw.entityName }
}
