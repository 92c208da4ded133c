// The coordinators of a broker and what joins them: groups, transactions, and share groups with their state, each for the
// partitions of its internal topic that this broker leads.

import { GroupCoordinator } from '../groups/group-coordinator.ts'
import { GROUP_APIS, groupHandlers, transactionalOffsets } from '../groups/group-handlers.ts'
import { OFFSETS_TOPIC } from '../groups/group-records.ts'
import type { InternalTopic } from '../groups/streams/topology.ts'
import { CONFIG_RESOURCES, configsOf } from '../metadata/cluster-image.ts'
import type { ClusterImage, TopicImage } from '../metadata/cluster-image.ts'
import type { CreatableTopic } from '../metadata/controller/create-topics.ts'
import { topicLookup } from '../metadata/topic-lookup.ts'
import { errorName, KafkaError } from '../protocol/error-codes.ts'
import { DeadLetterWriter } from '../share/dead-letter-writer.ts'
import { ShareCoordinator } from '../share/share-coordinator.ts'
import { ShareDelivery } from '../share/share-delivery.ts'
import { SHARE_APIS, localShareCoordinator, shareHandlers } from '../share/share-handlers.ts'
import { SHARE_STATE_TOPIC } from '../share/share-state-records.ts'
import { TRANSACTION_APIS, transactionHandlers } from '../transactions/handlers.ts'
import { TRANSACTION_STATE_TOPIC, TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import type { ApiHandlers } from './api.ts'
import type { BrokerContext } from './broker-context.ts'
import type { ClusterCaller } from './cluster-caller.ts'
import { coordinatorLog, inTime, markerWriter } from './coordinator-access.ts'
import { CoordinatorFollower } from './coordinator-follower.ts'
import { deadLetterDeps } from './dead-letter-access.ts'
import { MarkerRouter } from './marker-router.ts'
import { groupConfig, groupSettings, shareGroupSettings, transactionSettings } from './settings.ts'
import { ShareStateRouter } from './share-state-router.ts'
import { TransactionVerifier } from './transaction-verifier.ts'

/** Markers that another broker asks for fail alone before its request runs out of time. */
const MARKER_TIMEOUT_MS = 10_000
const ALLOCATE_PRODUCER_IDS = { version: 0, timeoutMs: 10_000, channel: 'producer-ids' }

export const COORDINATOR_APIS = { ...GROUP_APIS, ...TRANSACTION_APIS, ...SHARE_APIS }

export type CoordinatorsDeps = BrokerContext & {
  /** -1 while the metadata does not tell of this process. */
  brokerEpoch(): bigint
  /** Asks whichever broker leads a partition. */
  latestOffset: ClusterCaller['latestOffset']
}

export class Coordinators {
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly shares: ShareCoordinator
  readonly verifier: TransactionVerifier
  readonly handlers: ApiHandlers
  readonly #deps: CoordinatorsDeps
  readonly #shareStates: ShareStateRouter
  readonly #delivery: ShareDelivery
  readonly #followers: readonly CoordinatorFollower[]

  constructor(deps: CoordinatorsDeps) {
    const { config, dataPlane, metadata, configs, view, clock, timers, logging, interBroker, topicCreator } = deps
    const { settings, nodeId } = config
    this.#deps = deps
    const log = coordinatorLog(dataPlane)
    const topics = topicLookup(() => metadata.image)
    const partitionCount = (topic: string): number | undefined => view.partitionCount(topic)
    this.shares = new ShareCoordinator({
      log, timers, clock, logger: logging.logger('share'), partitionCount,
      settings: { updatesPerSnapshot: settings['share.coordinator.snapshot.update.records.per.snapshot'], pruneIntervalMs: settings['share.coordinator.state.topic.prune.interval.ms'], writeTimeoutMs: settings['share.coordinator.write.timeout.ms'] },
      ensureStateTopic: () => topicCreator.begin(SHARE_STATE_TOPIC),
      deleteRecords: (topic, partition, beforeOffset) => dataPlane.deleteRecords(topic, partition, beforeOffset),
    })
    this.#shareStates = new ShareStateRouter({
      nodeId, clock, timers, interBroker, local: localShareCoordinator(this.shares), logger: logging.logger('share'),
      timeoutMs: settings['share.coordinator.write.timeout.ms'],
      coordinatorOf: (key) => view.leaderIdForKey(SHARE_STATE_TOPIC, key),
      ensureStateTopic: () => topicCreator.begin(SHARE_STATE_TOPIC),
    })
    this.#delivery = new ShareDelivery({
      nodeId, clock, timers, logs: dataPlane, states: this.#shareStates, deadLetters: new DeadLetterWriter(deadLetterDeps(deps)), logger: logging.logger('share'),
      sessionsMax: settings['group.share.max.share.sessions'],
      topicById: (topicId) => topics.byId(topicId),
      leaderOf: (topic, partition) => view.partitionLeader(topic, partition),
      endpointOf: (id, listener) => view.endpointOf(id, listener),
      settingsOf: (groupId) => shareGroupSettings(settings, configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)),
    })
    this.groups = new GroupCoordinator({
      log, timers, clock, topics, logger: logging.logger('groups'), settings: groupSettings(settings),
      groupConfig: (groupId) => groupConfig(configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId), configs.layers(metadata.image)),
      createTopics: (missing) => {
        for (const topic of missing) topicCreator.beginAs(creatableTopic(topic))
      },
      shareStates: this.#shareStates,
      latestOffset: deps.latestOffset,
    })
    const markers = markerWriter(dataPlane, this.groups)
    this.transactions = new TransactionCoordinator({
      log, clock, timers, partitionCount, logger: logging.logger('transactions'), settings: transactionSettings(settings),
      markers: new MarkerRouter({ nodeId, local: markers, interBroker, leaderOf: (topic, partition) => view.leaderIdOf(topic, partition) }),
      producerIdBlocks: { allocate: () => this.#allocateProducerIds() },
    })
    this.verifier = new TransactionVerifier({
      nodeId, interBroker, local: this.transactions,
      coordinatorOf: (transactionalId) => view.leaderIdForKey(TRANSACTION_STATE_TOPIC, transactionalId) ?? -1,
    })
    this.handlers = {
      ...groupHandlers({
        topics, coordinator: this.groups,
        ensureInternalTopic: (name) => topicCreator.begin(name),
        leaderOf: (topic, partition, listener) => view.leaderOf(topic, partition, listener),
      }),
      ...transactionHandlers({
        clock, partitionCount, verifier: this.verifier, coordinator: this.transactions,
        offsets: transactionalOffsets(this.groups, topics),
        markers: inTime(markers, timers, MARKER_TIMEOUT_MS),
      }),
      ...shareHandlers(this.shares, this.#delivery),
    }
    this.#followers = [
      new CoordinatorFollower(OFFSETS_TOPIC, this.groups, nodeId, logging.logger('groups')),
      new CoordinatorFollower(SHARE_STATE_TOPIC, this.shares, nodeId, logging.logger('share')),
      new CoordinatorFollower(TRANSACTION_STATE_TOPIC, this.transactions, nodeId, logging.logger('transactions')),
    ]
  }

  /** Loads what this broker leads; requests are answered once that is done. */
  begin(image: ClusterImage): void {
    for (const follower of this.#followers) follower.follow(image)
  }

  follow(image: ClusterImage, removed: readonly TopicImage[]): void {
    for (const follower of this.#followers) follower.follow(image)
    this.#delivery.onLeadersChanged()
    if (removed.length > 0) void this.groups.onTopicsDeleted(removed)
  }

  /** Begins what they do by themselves, such as ending transactions that were left open. */
  start(): void {
    this.transactions.start()
    this.shares.start()
  }

  close(): void {
    this.transactions.close()
    this.#shareStates.close()
    this.#delivery.close()
    this.shares.close()
    this.groups.close()
  }

  async #allocateProducerIds(): Promise<{ first: bigint; size: number }> {
    const { config, controllerClient } = this.#deps
    const request = { brokerId: config.nodeId, brokerEpoch: this.#deps.brokerEpoch() }
    const { errorCode, producerIdStart, producerIdLen } = await controllerClient.call('AllocateProducerIds', request, ALLOCATE_PRODUCER_IDS)
    if (errorCode !== 0) throw new KafkaError(errorName(errorCode), 'The controller gives out no producer ids.')
    return { first: producerIdStart, size: producerIdLen }
  }
}

/** An internal topic of a streams application as CreateTopics would ask for it. */
function creatableTopic({ name, partitionCount, replicationFactor, configs }: InternalTopic): CreatableTopic {
  return { name, numPartitions: partitionCount, replicationFactor, assignments: [], configs: configs.map(({ key, value }) => ({ name: key, value })) }
}
