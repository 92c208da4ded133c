// What the cluster itself writes: brokers, blocks of producer ids, levels of features.

import type { MetadataRecord } from '../../protocol/codec.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { INT64_MAX } from '../../shared/limits.ts'
import { CONFIG_RESOURCES, configsOf } from '../cluster-image.ts'
import type { BrokerImage, ClusterImage } from '../cluster-image.ts'
import { ELIGIBLE_LEADER_REPLICAS } from '../features.ts'
import type { ControllerResult } from '../metadata-runtime.ts'
import { metadataRecord } from './metadata-records.ts'

/** A broker's registration as it stands. */
export function brokerRecord(broker: BrokerImage): MetadataRecord {
  return metadataRecord('RegisterBrokerRecord', {
    brokerId: broker.id,
    isMigratingZkBroker: false,
    incarnationId: broker.incarnationId,
    brokerEpoch: broker.epoch,
    endPoints: broker.endpoints.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
    features: [...broker.features].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
    rack: broker.rack,
    fenced: broker.fenced,
    inControlledShutdown: broker.inControlledShutdown,
    logDirs: [...broker.logDirs],
    cordonedLogDirs: [...broker.cordonedLogDirs],
  })
}

/** Ids of a block, as Kafka hands them out (KIP-730). */
export const PRODUCER_ID_BLOCK_SIZE = 1000
export type ProducerIdBlock = { readonly first: bigint; readonly size: number }

/** Ids that no broker has had or will have, once the record is committed. */
export function allocateProducerIds(image: ClusterImage, brokerId: number): ControllerResult<ProducerIdBlock> {
  const first = image.nextProducerId
  if (first > INT64_MAX - BigInt(PRODUCER_ID_BLOCK_SIZE)) throw new KafkaError('UNKNOWN_SERVER_ERROR', 'All producer ids of this cluster have been given out.')
  const record = metadataRecord('ProducerIdsRecord', {
    brokerId,
    brokerEpoch: image.brokers.get(brokerId)?.epoch ?? -1n,
    nextProducerId: first + BigInt(PRODUCER_ID_BLOCK_SIZE),
  })
  return { records: [record], response: { first, size: PRODUCER_ID_BLOCK_SIZE } }
}

/** Leaves out ids that were handed out elsewhere: none below `atLeast` comes again. */
export function raiseNextProducerId(image: ClusterImage, brokerId: number, atLeast: bigint): ControllerResult<void> {
  if (image.nextProducerId >= atLeast) return { records: [], response: undefined }
  const brokerEpoch = image.brokers.get(brokerId)?.epoch ?? -1n
  return { records: [metadataRecord('ProducerIdsRecord', { brokerId, brokerEpoch, nextProducerId: atLeast })], response: undefined }
}

/** Raises features to the levels this broker supports; never lowers one. `minInsyncReplicas` is what brokers are configured with. */
export function raiseFeatures(image: ClusterImage, levels: ReadonlyMap<string, number>, minInsyncReplicas: string): ControllerResult<void> {
  const records: MetadataRecord[] = []
  for (const [name, featureLevel] of levels) {
    if (featureLevel <= (image.features.get(name) ?? 0)) continue
    records.push(metadataRecord('FeatureLevelRecord', { name, featureLevel }))
    if (name === ELIGIBLE_LEADER_REPLICAS) records.push(...unifyMinInsyncReplicas(image, minInsyncReplicas))
  }
  return { records, response: undefined }
}

export const MIN_INSYNC_REPLICAS = 'min.insync.replicas'

/** Who is eligible to lead follows from min.insync.replicas, so every controller must mean the same by it: it is set for all brokers, and for none alone. */
export function unifyMinInsyncReplicas(image: ClusterImage, configured: string): MetadataRecord[] {
  const resourceType = CONFIG_RESOURCES.BROKER
  const record = (resourceName: string, value: string | null): MetadataRecord => metadataRecord('ConfigRecord', { resourceType, resourceName, name: MIN_INSYNC_REPLICAS, value })
  const records = configsOf(image, resourceType, '').has(MIN_INSYNC_REPLICAS) ? [] : [record('', configured)]
  for (const id of image.brokers.keys()) if (configsOf(image, resourceType, String(id)).has(MIN_INSYNC_REPLICAS)) records.push(record(String(id), null))
  return records
}
