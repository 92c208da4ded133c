// How the controller writes records: at the versions of the metadata version that the cluster has finalized.

import { decodeMetadataRecord, encodeMetadataRecord } from '../../protocol/codec.ts'
import type { MetadataRecord, RecordName } from '../../protocol/codec.ts'
import type { Records } from '../../protocol/messages.ts'
import type { ClusterImage } from '../cluster-image.ts'

/** The newest metadata version whose records are written: 4.3-IV0. */
export const METADATA_VERSION = 30
/** The oldest whose records are understood: 3.3-IV3. */
export const METADATA_VERSION_MIN = 7

/** From which metadata version on a replica's log directory is part of the metadata (KIP-858): 3.7-IV2. */
const DIRECTORIES = 17
/** From which on a broker says which of its log directories take no more replicas (KIP-1066): 4.3-IV0. */
const CORDONED_DIRECTORIES = 30
/** From which on partitions may have eligible leader replicas (KIP-966): 4.0-IV1. */
const ELIGIBLE_LEADERS = 23
/** From which on the leader epoch need not rise where only the ISR shrinks (KAFKA-15021): 3.6-IV0. */
const NO_EPOCH_BUMP_ON_ISR_SHRINK = 12

/** For each record the metadata versions at which a newer version of it began; before the first it is at version 0. */
const VERSIONS = {
  TopicRecord: [],
  PartitionRecord: [DIRECTORIES, ELIGIBLE_LEADERS],
  PartitionChangeRecord: [DIRECTORIES, ELIGIBLE_LEADERS],
  RemoveTopicRecord: [],
  ConfigRecord: [],
  // In between came controlled shutdown (3.3-IV3) and brokers on their way from ZooKeeper (3.4-IV0).
  RegisterBrokerRecord: [7, 8, DIRECTORIES, CORDONED_DIRECTORIES],
  BrokerRegistrationChangeRecord: [7, DIRECTORIES, CORDONED_DIRECTORIES],
  UnregisterBrokerRecord: [],
  ProducerIdsRecord: [],
  FeatureLevelRecord: [],
  ClearElrRecord: [],
} satisfies { [N in RecordName]?: readonly number[] }

/** A record at its newest version. */
export function metadataRecord<N extends keyof typeof VERSIONS>(name: N, value: Records[N]): MetadataRecord {
  return { name, version: VERSIONS[name].length, value } as MetadataRecord
}

/** The finalized metadata version; the newest in a cluster that has not finalized any, which is about to. */
export function metadataVersionOf(image: ClusterImage): number {
  return image.features.get('metadata.version') ?? METADATA_VERSION
}

/** The records as every broker of a cluster at this metadata version understands them, with what such a record has no place for left out. */
export function atMetadataVersion(records: readonly MetadataRecord[], metadataVersion: number): readonly MetadataRecord[] {
  return metadataVersion >= METADATA_VERSION ? records : records.map((record) => lowered(record, metadataVersion))
}

function lowered(record: MetadataRecord, metadataVersion: number): MetadataRecord {
  const begun: readonly number[] = VERSIONS[record.name as keyof typeof VERSIONS] ?? []
  const version = begun.filter((from) => from <= metadataVersion).length
  return version >= record.version ? record : decodeMetadataRecord(encodeMetadataRecord(record.name, version, record.value))
}

export function hasDirectories(metadataVersion: number): boolean {
  return metadataVersion >= DIRECTORIES
}

export function hasCordonedDirectories(metadataVersion: number): boolean {
  return metadataVersion >= CORDONED_DIRECTORIES
}

export function bumpsEpochOnIsrShrink(metadataVersion: number): boolean {
  return metadataVersion < NO_EPOCH_BUMP_ON_ISR_SHRINK
}

export function mayHaveEligibleLeaders(metadataVersion: number): boolean {
  return metadataVersion >= ELIGIBLE_LEADERS
}
