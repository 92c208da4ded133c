// Changes on their way from one image to the next: records go in, the next image comes out, and in between lies exactly
// what changed, which is what those who follow the metadata are told.

import type { ConfigTexts } from '../config/config-layers.ts'
import type { MetadataRecord } from '../protocol/codec.ts'
import type { PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord } from '../protocol/messages.ts'
import { MillraceError } from '../shared/errors.ts'
import type { Uuid } from '../shared/uuid.ts'
import { CONFIG_RESOURCES, configKey, configsOf, INTERNAL_TOPICS } from './cluster-image.ts'
import type { BrokerImage, ClusterImage, PartitionImage, TopicImage } from './cluster-image.ts'
import { collisionKey } from './topic-name.ts'

/** A record that does not fit the state it is applied to: the log is not one this code wrote. */
export class InvalidMetadataRecord extends MillraceError {
  constructor(message: string) {
    super('INVALID_METADATA_RECORD', message)
  }
}

type TopicDraft = { readonly name: string; readonly id: Uuid; readonly internal: boolean; partitions: PartitionImage[] }

export class MetadataDelta {
  readonly base: ClusterImage
  /** By id; undefined for a topic that is gone. */
  readonly topics = new Map<Uuid, TopicImage | undefined>()
  readonly brokers = new Map<number, BrokerImage | undefined>()
  /** By `configKey`. */
  readonly configs = new Map<string, ConfigTexts | undefined>()
  readonly features = new Map<string, number | undefined>()
  readonly #topicsByName = new Map<string, TopicImage | undefined>()
  readonly #drafts = new Map<Uuid, TopicDraft>()
  #nextProducerId: bigint

  constructor(base: ClusterImage) {
    this.base = base
    this.#nextProducerId = base.nextProducerId
  }

  /** What may differ between two images of which nobody knows the records in between; rather too much than too little. */
  static between(base: ClusterImage, next: ClusterImage): MetadataDelta {
    const delta = new MetadataDelta(base)
    addDifferences(delta.topics, base.topicsById, next.topicsById)
    addDifferences(delta.brokers, base.brokers, next.brokers)
    addDifferences(delta.configs, base.configs, next.configs)
    addDifferences(delta.features, base.features, next.features)
    return delta
  }

  /** Takes one record in. Throws InvalidMetadataRecord where it does not fit. */
  replay(record: MetadataRecord): void {
    switch (record.name) {
      case 'TopicRecord': {
        const { name, topicId } = record.value
        const draft: TopicDraft = { name, id: topicId, internal: INTERNAL_TOPICS.has(name), partitions: [] }
        this.#drafts.set(topicId, draft)
        this.topics.set(topicId, draft)
        this.#topicsByName.set(name, draft)
        return
      }
      case 'PartitionRecord': {
        const { partitions } = this.#draft(record.value.topicId)
        const { partitionId } = record.value
        if (partitionId < 0 || partitionId > partitions.length) throw new InvalidMetadataRecord(`partition ${partitionId} follows ${partitions.length} partitions of topic ${record.value.topicId}`)
        partitions[partitionId] = partitionFromRecord(record.value)
        return
      }
      case 'PartitionChangeRecord': {
        const { partitions } = this.#draft(record.value.topicId)
        const before = partitions[record.value.partitionId]
        if (before === undefined) throw new InvalidMetadataRecord(`change of unknown partition ${record.value.topicId}:${record.value.partitionId}`)
        partitions[record.value.partitionId] = changePartition(before, record.value)
        return
      }
      case 'RemoveTopicRecord':
        return this.#removeTopic(record.value.topicId)
      case 'ConfigRecord': {
        const { resourceType, resourceName, name, value } = record.value
        const key = configKey(resourceType, resourceName)
        const texts = new Map(this.configs.has(key) ? this.configs.get(key) : configsOf(this.base, resourceType, resourceName))
        if (value === null) texts.delete(name)
        else texts.set(name, value)
        this.configs.set(key, texts.size === 0 ? undefined : texts)
        return
      }
      case 'RegisterBrokerRecord':
        this.brokers.set(record.value.brokerId, brokerFromRecord(record.value))
        return
      case 'UnregisterBrokerRecord':
        this.#broker(record.value.brokerId, record.value.brokerEpoch)
        this.brokers.set(record.value.brokerId, undefined)
        return
      case 'BrokerRegistrationChangeRecord': {
        const { brokerId, brokerEpoch, fenced, inControlledShutdown, logDirs, cordonedLogDirs } = record.value
        const before = this.#broker(brokerId, brokerEpoch)
        this.brokers.set(brokerId, {
          ...before,
          fenced: fenced === 0 ? before.fenced : fenced > 0,
          inControlledShutdown: inControlledShutdown === 0 ? before.inControlledShutdown : inControlledShutdown > 0,
          // A broker never has no directory left, so none here says that they are the same.
          logDirs: logDirs.length === 0 ? before.logDirs : logDirs,
          cordonedLogDirs: cordonedLogDirs ?? before.cordonedLogDirs,
        })
        return
      }
      case 'ClearElrRecord':
        this.#clearEligibleLeaders(record.value.topicName)
        return
      case 'FeatureLevelRecord':
        this.features.set(record.value.name, record.value.featureLevel === 0 ? undefined : record.value.featureLevel)
        return
      case 'ProducerIdsRecord':
        this.#nextProducerId = record.value.nextProducerId
        return
      case 'NoOpRecord':
        return
      default:
        throw new InvalidMetadataRecord(`metadata record ${record.name} is not supported`)
    }
  }

  /** The image after all records taken in, the last of which lies at `offset`. The delta takes no more records then. */
  apply(offset: bigint): ClusterImage {
    for (const draft of this.#drafts.values()) Object.freeze(draft.partitions)
    this.#drafts.clear()
    const { base } = this
    return Object.freeze({
      clusterId: base.clusterId,
      offset,
      topicsByName: base.topicsByName.with(this.#topicsByName),
      topicsById: base.topicsById.with(this.topics),
      collidingNames: base.collidingNames.with(this.#changedCollidingNames()),
      brokers: base.brokers.with(this.brokers),
      configs: base.configs.with(this.configs),
      features: base.features.with(this.features),
      nextProducerId: this.#nextProducerId,
    })
  }

  #broker(id: number, epoch: bigint): BrokerImage {
    const broker = this.brokers.has(id) ? this.brokers.get(id) : this.base.brokers.get(id)
    if (broker === undefined) throw new InvalidMetadataRecord(`change of unknown broker ${id}`)
    if (broker.epoch !== epoch) throw new InvalidMetadataRecord(`change of broker ${id} with epoch ${epoch}, which is registered with epoch ${broker.epoch}`)
    return broker
  }

  /** Of one topic, or of all where no name is given. */
  #clearEligibleLeaders(topicName: string): void {
    const named = this.#topicsByName.has(topicName) ? this.#topicsByName.get(topicName) : this.base.topicsByName.get(topicName)
    const ids = topicName === '' ? new Set([...this.base.topicsById.keys(), ...this.topics.keys()]) : named && [named.id]
    if (ids === undefined) throw new InvalidMetadataRecord(`change of unknown topic ${topicName}`)
    for (const id of ids) {
      const topic = this.topics.has(id) ? this.topics.get(id) : this.base.topicsById.get(id)
      for (const [index, partition] of topic?.partitions.entries() ?? []) {
        if (partition.eligibleLeaderReplicas.length === 0 && partition.lastKnownElr.length === 0) continue
        this.#draft(id).partitions[index] = { ...partition, partitionEpoch: partition.partitionEpoch + 1, eligibleLeaderReplicas: [], lastKnownElr: [] }
      }
    }
  }

  /** The changed topic's own copy of its partitions; made once per delta. */
  #draft(id: Uuid): TopicDraft {
    const draft = this.#drafts.get(id)
    if (draft !== undefined) return draft
    const before = this.base.topicsById.get(id)
    if (before === undefined || (this.topics.has(id) && this.topics.get(id) === undefined)) throw new InvalidMetadataRecord(`change of unknown topic ${id}`)
    const fresh: TopicDraft = { ...before, partitions: [...before.partitions] }
    this.#drafts.set(id, fresh)
    this.topics.set(id, fresh)
    this.#topicsByName.set(fresh.name, fresh)
    return fresh
  }

  #changedCollidingNames(): Map<string, readonly string[] | undefined> {
    const changes = new Map<string, readonly string[] | undefined>()
    for (const [name, topic] of this.#topicsByName) {
      const key = collisionKey(name)
      if (key === undefined) continue
      const others = ((changes.has(key) ? changes.get(key) : this.base.collidingNames.get(key)) ?? []).filter((other) => other !== name)
      const names = topic === undefined ? others : [...others, name]
      changes.set(key, names.length === 0 ? undefined : names)
    }
    return changes
  }

  #removeTopic(id: Uuid): void {
    const topic = this.topics.has(id) ? this.topics.get(id) : this.base.topicsById.get(id)
    if (topic === undefined) throw new InvalidMetadataRecord(`removal of unknown topic ${id}`)
    this.#drafts.delete(id)
    this.topics.set(id, undefined)
    this.#topicsByName.set(topic.name, undefined)
    this.configs.set(configKey(CONFIG_RESOURCES.TOPIC, topic.name), undefined)
  }
}

/** The image after one record at the next offset. */
export function applyRecord(image: ClusterImage, record: MetadataRecord): ClusterImage {
  const delta = new MetadataDelta(image)
  delta.replay(record)
  return delta.apply(image.offset + 1n)
}

function addDifferences<K, V>(differences: Map<K, V | undefined>, base: ReadonlyMap<K, V>, next: ReadonlyMap<K, V>): void {
  for (const key of base.keys()) if (!next.has(key)) differences.set(key, undefined)
  for (const [key, value] of next) if (base.get(key) !== value) differences.set(key, value)
}

function partitionFromRecord(record: PartitionRecord): PartitionImage {
  return {
    index: record.partitionId,
    leader: record.leader,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch,
    replicas: record.replicas,
    isr: record.isr,
    addingReplicas: record.addingReplicas,
    removingReplicas: record.removingReplicas,
    eligibleLeaderReplicas: record.eligibleLeaderReplicas ?? [],
    lastKnownElr: record.lastKnownElr ?? [],
    leaderRecoveryState: record.leaderRecoveryState,
    directories: record.directories,
  }
}

/** KRaft's "no change" of a leader, which -1 (no leader) cannot say. */
const NO_LEADER_CHANGE = -2
const NO_RECOVERY_STATE_CHANGE = -1

/** A partition after one change. */
export function changePartition(before: PartitionImage, change: PartitionChangeRecord): PartitionImage {
  const leaderChanges = change.leader !== NO_LEADER_CHANGE
  return {
    index: before.index,
    leader: leaderChanges ? change.leader : before.leader,
    leaderEpoch: leaderChanges ? before.leaderEpoch + 1 : before.leaderEpoch,
    partitionEpoch: before.partitionEpoch + 1,
    replicas: change.replicas ?? before.replicas,
    isr: change.isr ?? before.isr,
    addingReplicas: change.addingReplicas ?? before.addingReplicas,
    removingReplicas: change.removingReplicas ?? before.removingReplicas,
    eligibleLeaderReplicas: change.eligibleLeaderReplicas ?? before.eligibleLeaderReplicas,
    lastKnownElr: change.lastKnownElr ?? before.lastKnownElr,
    leaderRecoveryState: change.leaderRecoveryState === NO_RECOVERY_STATE_CHANGE ? before.leaderRecoveryState : change.leaderRecoveryState,
    directories: change.directories ?? before.directories,
  }
}

function brokerFromRecord(record: RegisterBrokerRecord): BrokerImage {
  return {
    id: record.brokerId,
    epoch: record.brokerEpoch,
    incarnationId: record.incarnationId,
    endpoints: record.endPoints.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
    features: new Map(record.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => [name, { min: minSupportedVersion, max: maxSupportedVersion }])),
    rack: record.rack,
    fenced: record.fenced,
    inControlledShutdown: record.inControlledShutdown,
    logDirs: record.logDirs,
    cordonedLogDirs: record.cordonedLogDirs ?? [],
  }
}
