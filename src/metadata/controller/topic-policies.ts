// What the controller needs to know of a topic's configs, and what follows from it and the brokers for its partitions.

import type { Uuid } from '../../shared/uuid.ts'
import { ZERO_UUID } from '../../shared/uuid.ts'
import type { ClusterConfigs } from '../cluster-configs.ts'
import type { BrokerImage, ClusterImage, TopicImage } from '../cluster-image.ts'
import { hasEligibleLeaderReplicas } from '../features.ts'
import { metadataVersionOf } from './metadata-records.ts'
import type { Election, PartitionRules } from './partition-change.ts'

export type TopicPolicy = { readonly minInsyncReplicas: number; readonly allowsUncleanElection: boolean }
/** What is configured for a topic of that name. */
export type TopicPolicies = (image: ClusterImage, topicName: string) => TopicPolicy

export function topicPolicies(configs: ClusterConfigs): TopicPolicies {
  return (image, topicName) => {
    const settings = configs.topicSettings(image, topicName)
    return { minInsyncReplicas: settings['min.insync.replicas'], allowsUncleanElection: settings['unclean.leader.election.enable'] }
  }
}

/** Kafka's ids for log directories of replicas: not known since it was told to an older version, yet to be chosen, or failed. */
export const DIRECTORY_MIGRATING = ZERO_UUID
export const DIRECTORY_UNASSIGNED = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid
export const DIRECTORY_LOST = 'AAAAAAAAAAAAAAAAAAAAAg' as Uuid
const RESERVED_DIRECTORIES: ReadonlySet<Uuid> = new Set([DIRECTORY_MIGRATING, DIRECTORY_UNASSIGNED, DIRECTORY_LOST])

export function isReservedDirectory(directory: Uuid): boolean {
  return RESERVED_DIRECTORIES.has(directory)
}

/** Whether what lies there can be read; a directory that is not known is taken for one that can. */
export function isOnline({ logDirs }: BrokerImage, directory: Uuid): boolean {
  if (directory === DIRECTORY_LOST) return false
  return isReservedDirectory(directory) || logDirs.length === 0 || logDirs.includes(directory)
}

/** Neither fenced nor on its way out: a broker that may lead and be in sync. */
export function isActive(broker: BrokerImage | undefined): broker is BrokerImage {
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

/** Where a broker will put a new replica, as far as the controller can know. */
export function directoryFor(image: ClusterImage, brokerId: number): Uuid {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) return DIRECTORY_UNASSIGNED
  const [only, ...others] = broker.logDirs
  return only === undefined ? DIRECTORY_MIGRATING : others.length === 0 ? only : DIRECTORY_UNASSIGNED
}

/** A broker that is about to change: what it is then counts, not what the image says. */
export type BrokerInChange = { readonly leaving?: number; readonly joining?: number }

/** Rules for a topic's partitions, as they are once `inChange` has come to pass. */
export function partitionRules(image: ClusterImage, topic: TopicImage, { minInsyncReplicas }: TopicPolicy, { leaving, joining }: BrokerInChange = {}): PartitionRules {
  const replicationFactor = topic.partitions[0]?.replicas.length ?? 1
  return {
    mayLead: (brokerId, directory) => {
      const broker = image.brokers.get(brokerId)
      if (broker === undefined || brokerId === leaving) return false
      return (brokerId === joining || isActive(broker)) && isOnline(broker, directory)
    },
    directoryFor: (brokerId) => directoryFor(image, brokerId),
    minInsyncReplicas: Math.min(minInsyncReplicas, replicationFactor),
    eligibleLeaders: hasEligibleLeaderReplicas(image),
    metadataVersion: metadataVersionOf(image),
  }
}

/** How a leader is found where nobody asks for a certain one. */
export function electionOf({ allowsUncleanElection }: TopicPolicy): Election {
  return allowsUncleanElection ? 'UNCLEAN' : 'ONLINE'
}
