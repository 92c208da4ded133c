// How the controller writes records: at the versions of the metadata version that this code finalizes.

import type { MetadataRecord, RecordName } from '../../protocol/codec.ts'
import type { Records } from '../../protocol/messages.ts'

/** The metadata version whose records are written: 4.3-IV0. */
export const METADATA_VERSION = 30
/** The oldest whose records are understood: 3.3-IV3. */
export const METADATA_VERSION_MIN = 7

const VERSIONS = {
  TopicRecord: 0,
  PartitionRecord: 2,
  PartitionChangeRecord: 2,
  RemoveTopicRecord: 0,
  ConfigRecord: 0,
  RegisterBrokerRecord: 4,
  ProducerIdsRecord: 0,
  FeatureLevelRecord: 0,
} satisfies { [N in RecordName]?: number }

export function metadataRecord<N extends keyof typeof VERSIONS>(name: N, value: Records[N]): MetadataRecord {
  return { name, version: VERSIONS[name], value } as MetadataRecord
}
