// AlterConfigs and IncrementalAlterConfigs. What is stored goes through the controller; the levels of this broker's loggers
// are changed in place and last until it stops, as in Kafka.

import { CONFIG_OPERATIONS } from '../../config/alter-configs.ts'
import type { ConfigChange, ConfigOperation } from '../../config/alter-configs.ts'
import { KEPT_IN_METADATA } from '../../config/broker-settings.ts'
import { CORDONED_LOG_DIRS, unknownCordoned } from '../../config/cordoned-directories.ts'
import type { Encodable } from '../../protocol/api-keys.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../protocol/messages.ts'
import { LOG_LEVELS, ROOT_LOGGER } from '../../shared/logger.ts'
import type { LogLevel } from '../../shared/logger.ts'
import { CONFIG_RESOURCES } from '../cluster-image.ts'
import { alterConfigs as decideAlterConfigs } from '../controller/alter-configs.ts'
import type { ConfigAlteration, ConfigOutcome } from '../controller/alter-configs.ts'
import { errorFields, NO_ERROR } from '../controller/outcome.ts'
import type { MetadataHandlersDeps } from './handler-deps.ts'
import type { MetadataRequestContext } from './request-context.ts'

type Resource = { resourceType: number; resourceName: string; configs: { name: string; value: string | null; configOperation?: number }[] }

/** The resource's configs become those given, all others go. */
export async function alterConfigs(deps: MetadataHandlersDeps, context: MetadataRequestContext, request: AlterConfigsRequest): Promise<Encodable<AlterConfigsResponse>> {
  return { responses: await alter(deps, context, request.resources, request.validateOnly, true) }
}

/** KIP-339. */
export async function incrementalAlterConfigs(deps: MetadataHandlersDeps, context: MetadataRequestContext, request: IncrementalAlterConfigsRequest): Promise<Encodable<IncrementalAlterConfigsResponse>> {
  return { responses: await alter(deps, context, request.resources, request.validateOnly, false) }
}

async function alter(deps: MetadataHandlersDeps, { isForwarded }: MetadataRequestContext, resources: readonly Resource[], validateOnly: boolean, replace: boolean): Promise<ConfigOutcome[]> {
  const outcomes = new Map<Resource, ConfigOutcome>()
  const alterations: [Resource, ConfigAlteration][] = []
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    try {
      if (resources.some((other) => other !== resource && other.resourceType === resourceType && other.resourceName === resourceName)) {
        throw new KafkaError('INVALID_REQUEST', 'Each resource must appear at most once.')
      }
      const changes = resource.configs.map(changeFromWire)
      if (resourceType === CONFIG_RESOURCES.BROKER && resourceName !== '' && !isForwarded && !(isRegistered(deps, resourceName) && changes.every(({ name }) => KEPT_IN_METADATA.has(name)))) {
        checkNode(resourceName, deps.config.nodeId, `Unexpected broker id, expected ${deps.config.nodeId}, but received ${resourceName}`)
      }
      if (resourceType === CONFIG_RESOURCES.BROKER && !isForwarded) checkCordoned(deps, resourceName, changes)
      if (resourceType !== CONFIG_RESOURCES.BROKER_LOGGER) alterations.push([resource, { resourceType, resourceName, changes, replace }])
      else {
        if (replace) throw new KafkaError('INVALID_REQUEST', 'Unknown resource type 8')
        alterLoggers(deps, resourceName, changes, validateOnly)
        outcomes.set(resource, { resourceType, resourceName, ...NO_ERROR })
      }
    } catch (error) {
      outcomes.set(resource, { resourceType, resourceName, ...errorFields(error) })
    }
  }
  if (alterations.length > 0) {
    const { runtime, configs } = deps
    const decided = await runtime.write((image) => decideAlterConfigs(image, alterations.map(([, alteration]) => alteration), validateOnly, configs.fallbacks(image)))
    for (const [index, [resource]] of alterations.entries()) outcomes.set(resource, decided[index] as ConfigOutcome)
  }
  return resources.map((resource) => outcomes.get(resource) as ConfigOutcome)
}

function changeFromWire({ name, value, configOperation = 0 }: Resource['configs'][number]): ConfigChange {
  const operation: ConfigOperation | undefined = CONFIG_OPERATIONS[configOperation]
  if (operation === undefined) throw new KafkaError('INVALID_REQUEST', `Unknown operation type ${configOperation} for config ${name}`)
  return { name, operation, value }
}

function alterLoggers({ logging, config }: MetadataHandlersDeps, resourceName: string, changes: readonly ConfigChange[], validateOnly: boolean): void {
  checkNode(resourceName, config.nodeId, `Unexpected node id. Expected ${config.nodeId}, but received ${resourceName}`)
  for (const { name, operation, value } of changes) {
    if (!logging.has(name)) throw new KafkaError('INVALID_CONFIG', `Logger ${name} does not exist!`)
    if (operation === 'APPEND' || operation === 'SUBTRACT') throw new KafkaError('INVALID_REQUEST', `${operation} operation is not allowed for the BROKER_LOGGER resource`)
    if (operation === 'DELETE') {
      if (name === ROOT_LOGGER) throw new KafkaError('INVALID_REQUEST', 'Removing the log level of the root logger is not allowed')
    } else if (value === null) throw new KafkaError('INVALID_REQUEST', `Null value not supported for : ${name}`)
    else if (!isLogLevel(value)) {
      throw new KafkaError('INVALID_CONFIG', `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${[...LOG_LEVELS].sort().join(', ')}`)
    }
  }
  if (validateOnly) return
  for (const { name, operation, value } of changes) logging.setLevel(name, operation === 'SET' && isLogLevel(value) ? value : null)
}

/** Which directories there are only their broker knows, so it checks before the controller decides. */
function checkCordoned({ config }: MetadataHandlersDeps, resourceName: string, changes: readonly ConfigChange[]): void {
  if (resourceName !== String(config.nodeId)) return
  const unknown = unknownCordoned(changes, config.logDirs)
  if (unknown.length > 0) throw new KafkaError('INVALID_REQUEST', `${CORDONED_LOG_DIRS} names what is not in log.dirs or log.dir: ${unknown.join(', ')}`)
}

function isRegistered({ runtime }: MetadataHandlersDeps, resourceName: string): boolean {
  return /^\d+$/.test(resourceName) && runtime.image.brokers.has(Number(resourceName))
}

/** Throws INVALID_REQUEST unless the resource is this node. */
function checkNode(resourceName: string, nodeId: number, message: string): void {
  if (!/^-?\d+$/.test(resourceName)) throw new KafkaError('INVALID_REQUEST', `Node id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== nodeId) throw new KafkaError('INVALID_REQUEST', message)
}

function isLogLevel(value: string | null): value is LogLevel {
  return (LOG_LEVELS as readonly (string | null)[]).includes(value)
}
