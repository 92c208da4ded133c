// BrokerRegistration as a decision (KIP-631): a broker process joins under its id, fenced until it has caught up.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import type { BrokerRegistrationRequest } from '../../protocol/messages.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { BrokerImage, ClusterImage, FeatureRange } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { replaceIncarnation } from './broker-changes.ts'
import type { ChangeParts } from './broker-changes.ts'
import { brokerRecord } from './cluster-records.ts'
import { hasDirectories, metadataVersionOf } from './metadata-records.ts'
import { isReservedDirectory } from './topic-policies.ts'

export type RegistrationParts = ChangeParts & {
  /** Whether the process that holds the id was heard lately. */
  readonly isAlive: boolean
}
/** `isLast` is false where the registration itself is still to come: ask again. */
export type RegistrationStep = { readonly epoch: bigint; readonly isLast: boolean }

/** The same process may register again and keeps its epoch; another one takes the id over once nobody else uses it. */
export function registerBroker(image: ClusterImage, request: BrokerRegistrationRequest, parts: RegistrationParts): ControllerResult<RegistrationStep> {
  const { brokerId, clusterId, incarnationId } = request
  if (clusterId !== image.clusterId) throw new KafkaError('INCONSISTENT_CLUSTER_ID', `Expected cluster ID ${image.clusterId}, but got cluster ID ${clusterId}`)
  const before = image.brokers.get(brokerId)
  const isClean = before !== undefined && request.previousBrokerEpoch === before.epoch
  // Whoever holds a directory of the process before could lock it, and whoever knows its epoch has it from there: it is gone.
  const isSuccessor = isClean || (before?.logDirs.some((directory) => request.logDirs.includes(directory)) ?? false)
  if (before !== undefined && before.incarnationId !== incarnationId && parts.isAlive && !isSuccessor) {
    throw new KafkaError('DUPLICATE_BROKER_REGISTRATION', 'Another broker is registered with that broker id.')
  }
  if (request.isMigratingZkBroker) throw new KafkaError('BROKER_ID_NOT_REGISTERED', 'Controller does not support registering ZK brokers.')
  if (hasDirectories(metadataVersionOf(image))) checkDirectories(image, brokerId, request.logDirs)
  const features = new Map(request.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => [name, { min: minSupportedVersion, max: maxSupportedVersion }]))
  checkFeatures(image, features)

  const isSame = before?.incarnationId === incarnationId
  const change = isSame ? { records: [], isLast: true } : replaceIncarnation(image, brokerId, isClean, parts)
  if (!change.isLast) return { records: change.records, response: { epoch: -1n, isLast: false } }
  const broker: BrokerImage = {
    id: brokerId,
    epoch: isSame ? before.epoch : image.offset + 1n + BigInt(change.records.length),
    incarnationId,
    endpoints: request.listeners.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
    features,
    rack: request.rack,
    fenced: isSame ? before.fenced : true,
    inControlledShutdown: isSame && before.inControlledShutdown,
    logDirs: request.logDirs,
    // What it does not name here it says in its heartbeats.
    cordonedLogDirs: before?.cordonedLogDirs.filter((directory) => request.logDirs.includes(directory)) ?? [],
  }
  const records: MetadataRecord[] = [...change.records, brokerRecord(broker)]
  return { records, response: { epoch: broker.epoch, isLast: true } }
}

function checkDirectories(image: ClusterImage, brokerId: number, logDirs: readonly Uuid[]): void {
  const refuse = (message: string): never => {
    throw new KafkaError('INVALID_REGISTRATION', message)
  }
  if (logDirs.length === 0) refuse('No directories specified in request')
  if (logDirs.some(isReservedDirectory)) refuse('Reserved directory ID in request')
  if (new Set(logDirs).size !== logDirs.length) refuse('Duplicate directory ID in request')
  for (const other of image.brokers.values()) {
    const shared = other.id === brokerId ? undefined : logDirs.find((directory) => other.logDirs.includes(directory))
    if (shared !== undefined) refuse(`Broker ${other.id} is already registered with directory ${shared}`)
  }
}

const NOT_SUPPORTED: FeatureRange = { min: 0, max: 0 }

/** A broker must be able to act on every feature that is finalized. */
function checkFeatures(image: ClusterImage, features: ReadonlyMap<string, FeatureRange>): void {
  if (!features.has('metadata.version')) throw new KafkaError('INVALID_REGISTRATION', 'The request names no metadata.version that the broker supports.')
  for (const name of new Set([...features.keys(), ...image.features.keys()])) {
    const finalized = image.features.get(name) ?? 0
    const { min, max } = features.get(name) ?? NOT_SUPPORTED
    if (finalized >= min && finalized <= max) continue
    throw new KafkaError('UNSUPPORTED_VERSION', `Unable to register because the broker does not support finalized version ${finalized} of ${name}. The broker wants a version between ${min} and ${max}, inclusive.`)
  }
}
