// What a broker's coming and going means for partitions, in steps that each fit one append: a step says whether it was the
// last one, and until then it is to be asked for again on what the one before has led to.

import type { MetadataRecord } from '../../protocol/codec.ts'
import type { Records } from '../../protocol/messages.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { BrokerImage, ClusterImage, TopicImage } from '../cluster-image.ts'
import { metadataRecord } from './metadata-records.ts'
import { directoryOf, partitionChange } from './partition-change.ts'
import type { PartitionRules, PartitionTarget } from './partition-change.ts'
import { partitionsTrusting, partitionsWithoutLeader } from './partition-index.ts'
import type { PartitionOfTopic } from './partition-index.ts'
import { changeOfPartition } from './partition-records.ts'
import { electionOf, partitionRules } from './topic-policies.ts'
import type { BrokerInChange, TopicPolicies, TopicPolicy } from './topic-policies.ts'

export type ChangeParts = {
  readonly policies: TopicPolicies
  /** Partitions that one step may change. */
  readonly partitionCountMax: number
}
export type ChangeStep = { readonly records: MetadataRecord[]; readonly isLast: boolean }

/** As many as go well into one append. */
export const PARTITIONS_PER_STEP_MAX = 10_000

const FENCE = 1
const UNFENCE = -1
const IN_CONTROLLED_SHUTDOWN = 1

/** Nobody is led by the broker and, but for the last, it is in sync nowhere; then it is fenced. */
export function fenceBroker(image: ClusterImage, broker: BrokerImage, parts: ChangeParts): ChangeStep {
  const step = leave(image, broker, parts)
  if (step.isLast && !broker.fenced) step.records.push(registrationChange(broker, { fenced: FENCE }))
  return step
}

/** The broker is told of as shutting down first, so that nobody elects it or takes it into an ISR meanwhile. */
export function beginControlledShutdown(image: ClusterImage, broker: BrokerImage, parts: ChangeParts): ChangeStep {
  const step = leave(image, broker, parts)
  if (!broker.inControlledShutdown) step.records.unshift(registrationChange(broker, { inControlledShutdown: IN_CONTROLLED_SHUTDOWN }))
  return step
}

/** Partitions without a leader that it may lead get one; those beyond the step are for `electLeaders`. */
export function unfenceBroker(image: ClusterImage, broker: BrokerImage, parts: ChangeParts): ChangeStep {
  const step = electOnline(image, parts, { joining: broker.id })
  step.records.unshift(registrationChange(broker, { fenced: UNFENCE }))
  return step
}

/** As if it failed, and then it is not there. Whoever takes its id later is taken for one that stopped uncleanly. */
export function unregisterBroker(image: ClusterImage, broker: BrokerImage, parts: ChangeParts): ChangeStep {
  const step = leave(image, broker, parts)
  if (step.isLast) step.records.push(metadataRecord('UnregisterBrokerRecord', { brokerId: broker.id, brokerEpoch: broker.epoch }))
  return step
}

/** Leaders for partitions that have none and now can. */
export function electOnline(image: ClusterImage, parts: ChangeParts, inChange: BrokerInChange = {}): ChangeStep {
  return changePartitions(image, partitionsWithoutLeader(image), parts, inChange, () => ({}))
}

/**
 * What a new incarnation of a broker finds. After a clean stop it is in sync with nobody who leads instead of it, and what
 * only it has is still its own. After any other its log may have lost its end: it is trusted nowhere (KIP-966), or, where
 * nobody else is left to ask, in a new leader epoch (KIP-320).
 */
export function replaceIncarnation(image: ClusterImage, id: number, isClean: boolean, parts: ChangeParts): ChangeStep {
  return changePartitions(image, partitionsTrusting(image, id), parts, { leaving: id }, ({ partition }, { eligibleLeaders }) => {
    const { isr, leader, replicas } = partition
    if (isClean && leader === id && isr.length === 1) return undefined
    // It leads no more until it is back, which is in another epoch.
    if (replicas.length === 1) return {}
    const remaining = isr.filter((replica) => replica !== id)
    return isClean || !eligibleLeaders ? { isr: remaining } : { isr: remaining, uncleanlyStopped: [id] }
  })
}

/** What lies in directories that have failed is led and in sync elsewhere; then the broker no longer has them. */
export function loseDirectories(image: ClusterImage, broker: BrokerImage, offline: readonly Uuid[], parts: ChangeParts): ChangeStep {
  const { id } = broker
  const step = changePartitions(image, partitionsTrusting(image, id), parts, { leaving: id }, ({ partition }) => {
    const directory = directoryOf(partition, id)
    return directory !== undefined && offline.includes(directory) ? { isr: partition.isr.filter((replica) => replica !== id) } : undefined
  })
  const logDirs = broker.logDirs.filter((directory) => !offline.includes(directory))
  // With none left it stops; that it has none cannot be said.
  if (step.isLast && logDirs.length > 0) step.records.push(registrationChange(broker, { logDirs }))
  return step
}

/** The record of a change of a broker's registration; what is not named stays. */
export function registrationChange(broker: BrokerImage, change: Partial<Records['BrokerRegistrationChangeRecord']>): MetadataRecord {
  return metadataRecord('BrokerRegistrationChangeRecord', { brokerId: broker.id, brokerEpoch: broker.epoch, fenced: 0, inControlledShutdown: 0, logDirs: [], cordonedLogDirs: null, ...change })
}

function leave(image: ClusterImage, { id }: BrokerImage, parts: ChangeParts): ChangeStep {
  return changePartitions(image, partitionsTrusting(image, id), parts, { leaving: id }, ({ partition }) => ({ isr: partition.isr.filter((replica) => replica !== id) }))
}

function changePartitions(
  image: ClusterImage,
  partitions: Iterable<PartitionOfTopic>,
  { policies, partitionCountMax }: ChangeParts,
  inChange: BrokerInChange,
  want: (of: PartitionOfTopic, rules: PartitionRules) => PartitionTarget | undefined,
): ChangeStep {
  const records: MetadataRecord[] = []
  let current: { topic: TopicImage; policy: TopicPolicy; rules: PartitionRules } | undefined
  for (const found of partitions) {
    const { topic, partition } = found
    if (current?.topic !== topic) {
      const policy = policies(image, topic.name)
      current = { topic, policy, rules: partitionRules(image, topic, policy, inChange) }
    }
    const wanted = want(found, current.rules)
    if (wanted === undefined) continue
    const change = partitionChange(partition, { election: electionOf(current.policy), ...wanted }, current.rules)
    if (change === undefined) continue
    if (records.length === partitionCountMax) return { records, isLast: false }
    records.push(changeOfPartition(topic.id, partition.index, change))
  }
  return { records, isLast: true }
}

