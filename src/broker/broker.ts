// The composition root: builds every part, hands each what it needs, starts and stops them in order. It decides nothing.

import { randomInt } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import type { BrokerConfig } from '../config/broker-config.ts'
import { GroupCoordinator } from '../groups/group-coordinator.ts'
import { GROUP_APIS, groupHandlers, transactionalOffsets } from '../groups/group-handlers.ts'
import { OFFSETS_TOPIC } from '../groups/group-records.ts'
import { SocketInterBroker } from '../interbroker/socket-inter-broker.ts'
import { ClusterConfigs } from '../metadata/cluster-configs.ts'
import { CONFIG_RESOURCES, configsOf, emptyImage } from '../metadata/cluster-image.ts'
import type { BrokerEndpoint, ClusterImage } from '../metadata/cluster-image.ts'
import { allocateProducerIds, raiseFeatures, registerBroker } from '../metadata/controller/cluster-records.ts'
import type { InternalTopic } from '../groups/streams/topology.ts'
import type { CreatableTopic } from '../metadata/controller/create-topics.ts'
import { SUPPORTED_FEATURES, initialFeatureLevels } from '../metadata/features.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import { METADATA_APIS, metadataHandlers } from '../metadata/metadata-handlers.ts'
import { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { QuorumMetadataLog } from '../metadata/quorum-metadata-log.ts'
import { SnapshotWriter } from '../metadata/snapshot-writer.ts'
import { TopicCreator } from '../metadata/topic-creator.ts'
import { topicLookup } from '../metadata/topic-lookup.ts'
import { allTopicLogStates, metadataLogState, topicLogChanges } from '../metadata/topic-log-states.ts'
import { openDataPlane } from '../native.ts'
import type { DataPlane, ListenerAddress } from '../native.ts'
import { systemClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'
import { Logging } from '../shared/logger.ts'
import type { Logger } from '../shared/logger.ts'
import { SystemTimers } from '../shared/timers.ts'
import { randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { TRANSACTION_APIS, transactionHandlers } from '../transactions/handlers.ts'
import { ShareCoordinator } from '../share/share-coordinator.ts'
import { ShareDelivery } from '../share/share-delivery.ts'
import { SHARE_APIS, shareHandlers } from '../share/share-handlers.ts'
import { SHARE_STATE_TOPIC } from '../share/share-state-records.ts'
import { TRANSACTION_STATE_TOPIC, TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { adoptTopics } from './adopt.ts'
import type { Adoption } from './adopt.ts'
import type { ApiCaller, ApiHandlers } from './api.ts'
import { API_VERSIONS_VERSIONS, apiVersionsHandler } from './api-versions.ts'
import { ClusterView } from './cluster-view.ts'
import { coordinatorLog, inTime, markerWriter } from './coordinator-access.ts'
import { compactionPolicy } from './compaction.ts'
import { CompactionRunner } from './compaction-runner.ts'
import { CoordinatorFollower } from './coordinator-follower.ts'
import { logDataPlaneEvent } from './data-plane-events.ts'
import { dataPlaneOptions } from './data-plane-options.ts'
import { gateByFeatures } from './feature-gates.ts'
import { readIdentity } from './identity.ts'
import { openMetadataLog } from './quorum.ts'
import { takeOverKafkaMetadata } from './kafka-metadata.ts'
import { LocalCaller } from './local-caller.ts'
import { MarkerRouter } from './marker-router.ts'
import { retentionPolicy } from './retention.ts'
import { RetentionRunner } from './retention-runner.ts'
import { Router } from './router.ts'
import { servedApis } from './served-apis.ts'
import type { ServedApis } from './served-apis.ts'
import { groupConfig, groupSettings, shareGroupSettings, transactionSettings } from './settings.ts'
import { findStrayDirectories } from './stray-directories.ts'
import { TransactionVerifier } from './transaction-verifier.ts'
import { answerVerification } from './verification.ts'

/** Kafka's number of the security protocol; the only one that listeners have. */
const PLAINTEXT = 0
/** How many stray directories are named in the one line about them. */
const STRAYS_TOLD_MAX = 10
/** Kafka's defaults of `request.timeout.ms` and `socket.connection.setup.timeout.ms`. */
const INTER_BROKER_REQUEST_TIMEOUT_MS = 30_000
const INTER_BROKER_CONNECT_TIMEOUT_MS = 10_000

export type BrokerParts = {
  readonly config: BrokerConfig
  readonly logging?: Logging
  readonly clock?: Clock
  /** Topics of a data directory that another broker wrote, to be served from now on. */
  readonly adopt?: readonly string[]
  readonly openDataPlane?: typeof openDataPlane
}

/** A running broker. */
export class BrokerNode {
  readonly config: BrokerConfig
  readonly clusterId: Uuid
  readonly logging: Logging
  /** What clients connect to: the bound addresses, in the order of `listeners`. */
  readonly listeners: readonly ListenerAddress[]
  readonly dataPlane: DataPlane
  readonly metadata: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly shares: ShareCoordinator
  readonly #delivery: ShareDelivery
  readonly caller: ApiCaller
  readonly #interBroker: SocketInterBroker
  readonly clock: Clock
  readonly #timers: SystemTimers
  readonly #retention: RetentionRunner
  readonly #compaction: CompactionRunner
  readonly #router: Router
  readonly #logger: Logger
  readonly #metadataLog: QuorumMetadataLog
  #closing: Promise<void> | undefined

  /** Starts a broker; resolves once it accepts connections. Throws a MillraceError in one line where it cannot. */
  static async start(parts: BrokerParts): Promise<BrokerNode> {
    const { config } = parts
    const logging = parts.logging ?? new Logging({ level: config.settings['log.level'] })
    const { clusterId } = readIdentity(config.logDirs)
    const open = parts.openDataPlane ?? openDataPlane
    const options = dataPlaneOptions(config, clusterId, availableParallelism())
    const dataPlane = await open(options)
    const logger = logging.logger('broker')
    dataPlane.onEvent((event) => logDataPlaneEvent(event, logger))
    let node: BrokerNode | undefined
    let log: QuorumMetadataLog | undefined
    try {
      const configs = new ClusterConfigs(config.nodeId, config.given)
      const empty = emptyImage(clusterId)
      const names = parts.adopt ?? []
      const metadataLog = metadataLogState(configs.topicDefaults(empty), config.nodeId)
      const adoption = { names, before: await takeOverKafkaMetadata(config.logDirs, names, { open, options, metadataLog }) }
      const clock = parts.clock ?? systemClock
      log = await openMetadataLog({ nodeId: config.nodeId, clusterId, logDirs: config.logDirs, logger })
      const metadata = await MetadataRuntime.open(log, empty, clock, logging.logger('metadata'))
      node = new BrokerNode(config, logging, clock, dataPlane, log, metadata, configs)
      await node.#begin(adoption)
      return node
    } catch (error) {
      if (node === undefined) await log?.close()
      await (node ?? dataPlane).close()
      throw error
    }
  }

  private constructor(config: BrokerConfig, logging: Logging, clock: Clock, dataPlane: DataPlane, metadataLog: QuorumMetadataLog, metadata: MetadataRuntime, configs: ClusterConfigs) {
    this.config = config
    this.#metadataLog = metadataLog
    this.logging = logging
    this.clock = clock
    this.dataPlane = dataPlane
    this.metadata = metadata
    this.configs = configs
    this.clusterId = metadata.image.clusterId
    this.#logger = logging.logger('broker')
    this.#timers = new SystemTimers()
    const timers = this.#timers
    const { settings, nodeId } = config
    const view = new ClusterView(() => metadata.image)
    const topics = topicLookup(() => metadata.image)
    const log = coordinatorLog(dataPlane)
    this.#interBroker = new SocketInterBroker({
      clientId: `broker-${nodeId}`, clock, timers, requestTimeoutMs: INTER_BROKER_REQUEST_TIMEOUT_MS, connectTimeoutMs: INTER_BROKER_CONNECT_TIMEOUT_MS,
      addressOf: (id) => view.addressOf(id, config.listeners.interBroker),
    })
    const creatorLogger = logging.logger('metadata')
    const topicCreator = new TopicCreator({ runtime: metadata, configs, config, newTopicId: randomUuid, randomInt, logger: creatorLogger })
    this.shares = new ShareCoordinator({
      log, timers, clock, logger: logging.logger('share'),
      settings: { updatesPerSnapshot: settings['share.coordinator.snapshot.update.records.per.snapshot'], pruneIntervalMs: settings['share.coordinator.state.topic.prune.interval.ms'], writeTimeoutMs: settings['share.coordinator.write.timeout.ms'] },
      partitionCount: (topic) => view.partitionCount(topic),
      ensureStateTopic: () => topicCreator.begin(SHARE_STATE_TOPIC),
      deleteRecords: (topic, partition, beforeOffset) => dataPlane.deleteRecords(topic, partition, beforeOffset),
    })
    this.#delivery = new ShareDelivery({
      logs: dataPlane, states: this.shares, clock, timers, logger: logging.logger('share'),
      sessionsMax: settings['group.share.max.share.sessions'],
      topicById: (topicId) => topics.byId(topicId),
      settingsOf: (groupId) => shareGroupSettings(settings, configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)),
    })
    this.groups = new GroupCoordinator({
      log, timers, clock, logger: logging.logger('groups'), settings: groupSettings(settings), topics,
      groupConfig: (groupId) => groupConfig(configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)),
      createTopics: (missing) => {
        for (const topic of missing) topicCreator.beginAs(creatableTopic(topic))
      },
      shareStates: this.shares,
      latestOffset: (topic, partition) => Promise.resolve(dataPlane.partitionOffsets([{ topic, partition }])[0]?.highWatermark ?? 'NOT_LEADER_OR_FOLLOWER'),
    })
    const markers = markerWriter(dataPlane, this.groups)
    const leaderOf = (topic: string, partition: number): number => view.leaderIdOf(topic, partition)
    this.transactions = new TransactionCoordinator({
      log,
      markers: new MarkerRouter({ nodeId, local: markers, interBroker: this.#interBroker, leaderOf }),
      producerIdBlocks: { allocate: () => metadata.write((image) => allocateProducerIds(image, nodeId)) },
      settings: transactionSettings(settings),
      clock,
      timers,
      logger: logging.logger('transactions'),
      partitionCount: (topic) => view.partitionCount(topic),
    })
    const verifier = new TransactionVerifier({
      nodeId, local: this.transactions, interBroker: this.#interBroker,
      coordinatorOf: (transactionalId) => leaderOf(TRANSACTION_STATE_TOPIC, this.transactions.partitionFor(transactionalId)),
    })
    let served: ServedApis
    const all: ApiHandlers = {
      ...metadataHandlers({ runtime: metadata, configs, config, topicCreator, logs: dataPlane, logging, logger: creatorLogger, randomInt }),
      ...groupHandlers({
        coordinator: this.groups,
        topics,
        ensureInternalTopic: (name) => topicCreator.begin(name),
        leaderOf: (topic, partition, listener) => view.leaderOf(topic, partition, listener),
      }),
      ...transactionHandlers({
        coordinator: this.transactions,
        verifier,
        offsets: transactionalOffsets(this.groups, topics),
        markers: inTime(markers, timers, INTER_BROKER_REQUEST_TIMEOUT_MS / 3),
        clock,
        partitionCount: (topic) => view.partitionCount(topic),
      }),
      ...shareHandlers(this.shares, this.#delivery),
      ApiVersions: apiVersionsHandler({
        served: () => served,
        features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minVersion: min, maxVersion: max })),
        finalized: () => view.finalizedFeatures(),
      }),
    }
    const handlers = gateByFeatures(all, (feature) => metadata.image.features.get(feature) ?? 0)
    served = servedApis(handlers, { ...METADATA_APIS, ...GROUP_APIS, ...TRANSACTION_APIS, ...SHARE_APIS, ApiVersions: API_VERSIONS_VERSIONS })
    const firstListener = config.listeners.bind[0]?.name ?? ''
    this.caller = new LocalCaller({ handlers, served, dataPlane, listener: firstListener, clock })
    this.#router = new Router({ dataPlane, handlers, served, clock, logger: logging.logger('requests') })
    dataPlane.onVerify((question) => void answerVerification(dataPlane, verifier, question))
    this.#retention = new RetentionRunner({
      dataPlane,
      policyOf: (topic) => (metadata.image.topicsByName.has(topic) ? retentionPolicy(configs.topicSettings(metadata.image, topic)) : null),
      shortestRetentionMs: () => this.#shortestRetentionMs(),
      intervalMs: settings['log.retention.check.interval.ms'],
      clock,
      timers,
      logger: logging.logger('retention'),
    })
    this.#compaction = new CompactionRunner({
      dataPlane,
      topics: () => {
        const { image } = metadata
        const all = [...image.topicsByName.keys()].map((name) => ({ name, policy: compactionPolicy(configs.topicSettings(image, name)) }))
        return all.filter(({ policy }) => policy.compacts)
      },
      backoffMs: settings['log.cleaner.backoff.ms'],
      mapMemoryBytes: settings['log.cleaner.dedupe.buffer.size'],
      bytesPerSecond: settings['log.cleaner.io.max.bytes.per.second'],
      clock,
      timers,
      logger: logging.logger('compaction'),
    })
    const coordinators = [
      new CoordinatorFollower(OFFSETS_TOPIC, this.groups, nodeId, logging.logger('groups')),
      new CoordinatorFollower(SHARE_STATE_TOPIC, this.shares, nodeId, logging.logger('share')),
      new CoordinatorFollower(TRANSACTION_STATE_TOPIC, this.transactions, nodeId, logging.logger('transactions')),
    ]
    dataPlane.applyTopics(allTopicLogStates(metadata.image, nodeId, configs), [])
    metadata.onChange((image, delta) => this.#follow(image, delta, coordinators))
    new SnapshotWriter({
      log: metadataLog,
      runtime: metadata,
      timers,
      logger: creatorLogger,
      bytesMax: settings['metadata.log.max.record.bytes.between.snapshots'],
      intervalMaxMs: settings['metadata.log.max.snapshot.interval.ms'],
    })
    this.listeners = config.listeners.bind.map((endpoint) => dataPlane.listen(endpoint))
    for (const coordinator of coordinators) coordinator.follow(metadata.image)
  }

  /** Stops accepting, answers what is in flight, writes everything down. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #begin(adoption: Adoption): Promise<void> {
    const endpoints = this.#advertised()
    const { nodeId, settings } = this.config
    await this.metadata.write((image) => raiseFeatures(image, image.features.size === 0 ? initialFeatureLevels() : new Map()))
    await this.metadata.write((image) =>
      registerBroker(image, { id: nodeId, incarnationId: randomUuid(), endpoints, rack: settings['broker.rack'] }),
    )
    await adoptTopics(adoption, { metadata: this.metadata, dataPlane: this.dataPlane, nodeId, logger: this.#logger })
    this.transactions.start()
    this.shares.start()
    this.#retention.start()
    this.#compaction.start()
    // Whoever connected meanwhile is answered now that there is an answer.
    this.dataPlane.onRequest((request) => this.#router.handle(request))
    void this.#reportStrays()
  }

  async #reportStrays(): Promise<void> {
    const { logDirs, nodeId } = this.config
    const strays = await findStrayDirectories(logDirs, this.metadata.image, nodeId)
    if (strays.length > 0) this.#logger.warn('directories of partitions that this broker does not keep are left alone', { count: strays.length, first: strays.slice(0, STRAYS_TOLD_MAX).join(', ') })
  }

  async #close(): Promise<void> {
    this.#compaction.close()
    await this.#retention.close()
    await this.metadata.idle()
    this.transactions.close()
    this.#delivery.close()
    this.shares.close()
    this.groups.close()
    this.#interBroker.close()
    this.#timers.close()
    await this.#metadataLog.close()
    await this.dataPlane.close()
  }

  /** The addresses told to clients; a port 0 there is the one that was bound. */
  #advertised(): BrokerEndpoint[] {
    const { advertised } = this.config.listeners
    return this.listeners.map(({ name, port }) => {
      const endpoint = advertised.get(name)
      return { name, host: endpoint?.host === undefined || endpoint.host === '' ? hostname() : endpoint.host, port: endpoint?.port || port, securityProtocol: PLAINTEXT }
    })
  }

  #follow(image: ClusterImage, delta: MetadataDelta, coordinators: readonly CoordinatorFollower[]): void {
    const { upserts, removedTopicIds } = topicLogChanges(image, delta, this.config.nodeId, this.configs)
    // Removed first: a topic of the same name may follow in the same change.
    if (removedTopicIds.length > 0) this.dataPlane.applyTopics([], removedTopicIds)
    if (upserts.length > 0) this.dataPlane.applyTopics(upserts, [])
    for (const coordinator of coordinators) coordinator.follow(image)
    const removed = removedTopicIds.flatMap((id) => delta.base.topicsById.get(id) ?? [])
    if (removed.length > 0) void this.groups.onTopicsDeleted(removed)
  }

  #shortestRetentionMs(): number {
    const { image } = this.metadata
    let shortest = Number.MAX_SAFE_INTEGER
    for (const name of image.topicsByName.keys()) {
      const { retentionMs, deletes } = retentionPolicy(this.configs.topicSettings(image, name))
      if (deletes && retentionMs >= 0) shortest = Math.min(shortest, retentionMs)
    }
    return shortest
  }
}

/** An internal topic of a streams application as CreateTopics would ask for it. */
function creatableTopic({ name, partitionCount, replicationFactor, configs }: InternalTopic): CreatableTopic {
  return { name, numPartitions: partitionCount, replicationFactor, assignments: [], configs: configs.map(({ key, value }) => ({ name: key, value })) }
}
