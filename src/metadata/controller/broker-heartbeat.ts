// BrokerHeartbeat as a decision (KIP-631): a broker that has caught up is unfenced, one that wants to go is let go once
// it leads nothing and the others know.

import { KafkaError } from '../../protocol/error-codes.ts'
import type { BrokerHeartbeatRequest } from '../../protocol/messages.ts'
import type { BrokerImage, ClusterImage } from '../cluster-image.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { beginControlledShutdown, fenceBroker, loseDirectories, registrationChange, unfenceBroker } from './broker-changes.ts'
import type { ChangeParts, ChangeStep } from './broker-changes.ts'
import { hasCordonedDirectories, hasDirectories, metadataVersionOf } from './metadata-records.ts'
import { hasLeaderships } from './partition-index.ts'

export type HeartbeatParts = ChangeParts & {
  /** Where the broker's leaderships had all moved away; -1 where it is not in controlled shutdown as far as is known. */
  readonly controlledShutdownOffset: bigint
  /** The metadata offset that every active broker has reached. */
  readonly lowestActiveOffset: bigint
}
export type HeartbeatStep = { readonly isCaughtUp: boolean; readonly isFenced: boolean; readonly inControlledShutdown: boolean; readonly shouldShutDown: boolean; readonly isLast: boolean }

type Next = 'FENCED' | 'UNFENCED' | 'CONTROLLED_SHUTDOWN' | 'SHUTDOWN_NOW'

/** Where not all fits one append, the step is not the last: the same heartbeat is to be decided on again. */
export function heartbeat(image: ClusterImage, request: BrokerHeartbeatRequest, parts: HeartbeatParts): ControllerResult<HeartbeatStep> {
  const broker = registeredBroker(image, request.brokerId, request.brokerEpoch)
  const isCaughtUp = request.currentMetadataOffset >= broker.epoch
  const next = nextState(image, broker, request, isCaughtUp, parts)
  const step = enter(image, broker, next, parts)
  // What a broker says of its directories is about partitions as they are once its state is that.
  const settled = step.isLast && step.records.length === 0
  const lost = settled ? directoryChanges(image, broker, request, parts) : { records: [], isLast: next !== 'UNFENCED' || !namesDirectories(request) }
  const response = { isCaughtUp, isFenced: next === 'FENCED' || next === 'SHUTDOWN_NOW', inControlledShutdown: next === 'CONTROLLED_SHUTDOWN', shouldShutDown: next === 'SHUTDOWN_NOW' }
  return { records: [...step.records, ...lost.records], response: { ...response, isLast: step.isLast && lost.isLast } }
}

/** Throws STALE_BROKER_EPOCH where the broker is not registered with this epoch. */
export function registeredBroker(image: ClusterImage, brokerId: number, brokerEpoch: bigint): BrokerImage {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) throw new KafkaError('STALE_BROKER_EPOCH', `No broker registration found for broker id ${brokerId}`)
  if (broker.epoch !== brokerEpoch) throw new KafkaError('STALE_BROKER_EPOCH', `Expected broker epoch ${broker.epoch}, but got broker epoch ${brokerEpoch}`)
  return broker
}

function namesDirectories({ offlineLogDirs, cordonedLogDirs }: BrokerHeartbeatRequest): boolean {
  return offlineLogDirs.length > 0 || cordonedLogDirs !== null
}

function nextState(image: ClusterImage, { id, fenced, inControlledShutdown }: BrokerImage, { wantFence, wantShutDown }: BrokerHeartbeatRequest, isCaughtUp: boolean, parts: HeartbeatParts): Next {
  if (fenced) {
    if (wantShutDown) return 'SHUTDOWN_NOW'
    return !wantFence && isCaughtUp ? 'UNFENCED' : 'FENCED'
  }
  if (inControlledShutdown) {
    const { controlledShutdownOffset, lowestActiveOffset } = parts
    const isKnownToAll = controlledShutdownOffset >= 0n && lowestActiveOffset >= controlledShutdownOffset
    return isKnownToAll && !hasLeaderships(image, id) ? 'SHUTDOWN_NOW' : 'CONTROLLED_SHUTDOWN'
  }
  if (wantFence) return wantShutDown ? 'SHUTDOWN_NOW' : 'FENCED'
  if (!wantShutDown) return 'UNFENCED'
  return hasLeaderships(image, id) ? 'CONTROLLED_SHUTDOWN' : 'SHUTDOWN_NOW'
}

function enter(image: ClusterImage, broker: BrokerImage, next: Next, parts: ChangeParts): ChangeStep {
  switch (next) {
    case 'FENCED':
    case 'SHUTDOWN_NOW':
      return broker.fenced ? { records: [], isLast: true } : fenceBroker(image, broker, parts)
    case 'UNFENCED':
      return broker.fenced ? unfenceBroker(image, broker, parts) : { records: [], isLast: true }
    case 'CONTROLLED_SHUTDOWN':
      return beginControlledShutdown(image, broker, parts)
  }
}

function directoryChanges(image: ClusterImage, broker: BrokerImage, { offlineLogDirs, cordonedLogDirs }: BrokerHeartbeatRequest, parts: ChangeParts): ChangeStep {
  const metadataVersion = metadataVersionOf(image)
  const offline = hasDirectories(metadataVersion) ? offlineLogDirs.filter((directory) => broker.logDirs.includes(directory)) : []
  const step = offline.length === 0 ? { records: [], isLast: true } : loseDirectories(image, broker, offline, parts)
  if (step.isLast && cordonedLogDirs !== null && hasCordonedDirectories(metadataVersion)) {
    const cordoned = cordonedLogDirs.filter((directory) => broker.logDirs.includes(directory))
    const before = new Set(broker.cordonedLogDirs)
    if (cordoned.length !== before.size || cordoned.some((directory) => !before.has(directory))) step.records.push(registrationChange(broker, { cordonedLogDirs: cordoned }))
  }
  return step
}

