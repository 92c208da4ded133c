// The composition root: builds every part, hands each what it needs, starts and stops them in order. It decides nothing.

import { randomInt } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import type { BrokerConfig } from '../config/broker-config.ts'
import { GroupCoordinator } from '../groups/group-coordinator.ts'
import { GROUP_APIS, groupHandlers, transactionalOffsets } from '../groups/group-handlers.ts'
import { OFFSETS_TOPIC } from '../groups/group-records.ts'
import { SocketInterBroker } from '../interbroker/socket-inter-broker.ts'
import { ClusterConfigs } from '../metadata/cluster-configs.ts'
import { CONFIG_RESOURCES, configKey, configsOf, emptyImage } from '../metadata/cluster-image.ts'
import type { BrokerEndpoint, ClusterImage } from '../metadata/cluster-image.ts'
import { ActiveController } from '../metadata/controller/active-controller.ts'
import { raiseFeatures } from '../metadata/controller/cluster-records.ts'
import { topicPolicies } from '../metadata/controller/topic-policies.ts'
import { CONTROLLER_APIS, controllerHandlers } from '../metadata/controller-handlers.ts'
import type { InternalTopic } from '../groups/streams/topology.ts'
import type { CreatableTopic } from '../metadata/controller/create-topics.ts'
import { SUPPORTED_FEATURES, initialFeatureLevels } from '../metadata/features.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import { METADATA_APIS, metadataHandlers } from '../metadata/metadata-handlers.ts'
import { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { Leadership, QuorumMetadataLog } from '../metadata/quorum-metadata-log.ts'
import { SnapshotWriter } from '../metadata/snapshot-writer.ts'
import { TopicCreator } from '../metadata/topic-creator.ts'
import { topicLookup } from '../metadata/topic-lookup.ts'
import { allTopicLogStates, metadataLogState, topicLogChanges } from '../metadata/topic-log-states.ts'
import { openDataPlane } from '../native.ts'
import type { DataPlane, ListenerAddress } from '../native.ts'
import { errorName, KafkaError } from '../protocol/error-codes.ts'
import { systemClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'
import { Logging } from '../shared/logger.ts'
import type { Logger } from '../shared/logger.ts'
import { SystemTimers } from '../shared/timers.ts'
import { randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { TRANSACTION_APIS, transactionHandlers } from '../transactions/handlers.ts'
import { DeadLetterWriter } from '../share/dead-letter-writer.ts'
import { ShareCoordinator } from '../share/share-coordinator.ts'
import { ShareDelivery } from '../share/share-delivery.ts'
import { SHARE_APIS, localShareCoordinator, shareHandlers } from '../share/share-handlers.ts'
import { SHARE_STATE_TOPIC } from '../share/share-state-records.ts'
import { TRANSACTION_STATE_TOPIC, TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { adoptTopics } from './adopt.ts'
import type { Adoption } from './adopt.ts'
import type { ApiHandlers } from './api.ts'
import { API_VERSIONS_VERSIONS, apiVersionsHandler } from './api-versions.ts'
import { balancerCluster } from './balancer-cluster.ts'
import { BalancerRunner } from './balancer-runner.ts'
import { BrokerLifecycle } from './broker-lifecycle.ts'
import { changesCluster, clusterState, replicationQuotas } from './cluster-state.ts'
import { ClusterCaller } from './cluster-caller.ts'
import { clusterHealth, IsrChanges } from './cluster-health.ts'
import type { ClusterHealth } from './cluster-health.ts'
import { ClusterRecords } from './cluster-records.ts'
import { ClusterView } from './cluster-view.ts'
import { ControllerClient } from './controller-client.ts'
import { coordinatorLog, inTime, markerWriter } from './coordinator-access.ts'
import { compactionPolicy } from './compaction.ts'
import { CompactionRunner } from './compaction-runner.ts'
import { CoordinatorFollower } from './coordinator-follower.ts'
import { logDataPlaneEvent } from './data-plane-events.ts'
import { dataPlaneOptions } from './data-plane-options.ts'
import { deadLetterDeps } from './dead-letter-access.ts'
import { gateByFeatures } from './feature-gates.ts'
import { envelopeHandler, forwardToController } from './forwarding.ts'
import { checkPorts } from './free-ports.ts'
import { IsrProposals } from './isr-proposals.ts'
import { DirectoryAssignments } from './directory-assignments.ts'
import { directoryIdOf, findMembership, openMetadataLog, quorumAddress, quorumDirectoryId } from './quorum.ts'
import { takeOverKafkaMetadata } from './kafka-metadata.ts'
import { LogDirectories } from './log-directories.ts'
import { LocalCaller } from './local-caller.ts'
import { MarkerRouter } from './marker-router.ts'
import { futureBytes, replicaDirectories } from './replica-files.ts'
import { ReplicaMoves } from './replica-moves.ts'
import { ReplicaPlacement } from './replica-placement.ts'
import { retentionPolicy } from './retention.ts'
import { RetentionRunner } from './retention-runner.ts'
import { Router } from './router.ts'
import { servedApis } from './served-apis.ts'
import type { ServedApis } from './served-apis.ts'
import { balancerSettings, compactionSettings, groupConfig, groupSettings, shareGroupSettings, transactionSettings } from './settings.ts'
import { ShareStateRouter } from './share-state-router.ts'
import { findStrayDirectories } from './stray-directories.ts'
import { TransactionVerifier } from './transaction-verifier.ts'
import { answerVerification } from './verification.ts'
import { VoterJoining } from './voter-joining.ts'

/** Kafka's number of the security protocol; the only one that listeners have. */
const PLAINTEXT = 0
/** How many stray directories are named in the one line about them. */
const STRAYS_TOLD_MAX = 10
/** Kafka's defaults of `request.timeout.ms` and `socket.connection.setup.timeout.ms`. */
const INTER_BROKER_REQUEST_TIMEOUT_MS = 30_000
const INTER_BROKER_CONNECT_TIMEOUT_MS = 10_000
/** How often the controller looks for what it is to do by itself. */
const CONTROLLER_TICK_MS = 200
/** A broker that stops waits so long, at most, for others to take over what it leads. */
const CONTROLLED_SHUTDOWN_TIMEOUT_MS = 15_000
const RESIGN_TIMEOUT_MS = 3000
const LAST_WRITES_TIMEOUT_MS = 3000
const CONTROLLER_TIMER = 'controller'
/** Versions of what only brokers ask of the controller. */
const ALLOCATE_PRODUCER_IDS = { version: 0, timeoutMs: 10_000, channel: 'producer-ids' }
const CREATE_TOPICS = { version: METADATA_APIS.CreateTopics.maxVersion, timeoutMs: 10_000, channel: 'create-topics' }

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
  readonly #shareStates: ShareStateRouter
  readonly #delivery: ShareDelivery
  /** Asks whichever brokers have to answer. */
  readonly caller: ClusterCaller
  readonly records: ClusterRecords
  readonly balancer: BalancerRunner
  readonly isrChanges: IsrChanges
  readonly #interBroker: SocketInterBroker
  readonly clock: Clock
  readonly #timers: SystemTimers
  readonly #retention: RetentionRunner
  readonly #compaction: CompactionRunner
  readonly #router: Router
  readonly #logger: Logger
  readonly #metadataLog: QuorumMetadataLog
  readonly #controller: ActiveController
  readonly #controllerClient: ControllerClient
  readonly #lifecycle: BrokerLifecycle
  readonly #directories: LogDirectories
  readonly #moves: ReplicaMoves
  readonly #placement: ReplicaPlacement
  readonly #coordinators: readonly CoordinatorFollower[]
  /** Whether the metadata tells of this process: only then is what it says of this broker's partitions about it. */
  #isAdmitted = false
  #closing: Promise<void> | undefined

  /** Starts a broker; resolves once it accepts connections. Throws a MillraceError in one line where it cannot. */
  static async start(parts: BrokerParts): Promise<BrokerNode> {
    const { config } = parts
    const logging = parts.logging ?? new Logging({ level: config.settings['log.level'] })
    const logger = logging.logger('broker')
    await checkPorts(config.listeners.bind)
    const membership = await findMembership(config, logger)
    const { clusterId } = membership
    const open = parts.openDataPlane ?? openDataPlane
    const options = dataPlaneOptions(config, clusterId, availableParallelism())
    const dataPlane = await open(options)
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
      log = await openMetadataLog(config, membership, logger)
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
    const leaderOf = (topic: string, partition: number): number => view.leaderIdOf(topic, partition)
    const log = coordinatorLog(dataPlane)
    this.#interBroker = new SocketInterBroker({
      clientId: `broker-${nodeId}`, clock, timers, requestTimeoutMs: INTER_BROKER_REQUEST_TIMEOUT_MS, connectTimeoutMs: INTER_BROKER_CONNECT_TIMEOUT_MS,
      addressOf: (id) => view.addressOf(id, config.listeners.interBroker),
    })
    const creatorLogger = logging.logger('metadata')
    const isActive = (): boolean => metadataLog.leadership.isActive
    this.#controllerClient = new ControllerClient({
      nodeId, clock, timers, interBroker: this.#interBroker, listener: config.listeners.interBroker,
      leadership: () => metadataLog.leadership,
      handlers: () => handlers,
    })
    const controllerClient = this.#controllerClient
    const createElsewhere = async (topic: CreatableTopic) => (await controllerClient.call('CreateTopics', { topics: [topic], timeoutMs: CREATE_TOPICS.timeoutMs, validateOnly: false }, CREATE_TOPICS)).topics[0]
    const topicCreator = new TopicCreator({ runtime: metadata, configs, config, newTopicId: randomUuid, randomInt, logger: creatorLogger, elsewhere: () => (isActive() ? null : createElsewhere) })
    this.#controller = new ActiveController({
      runtime: metadata,
      policies: topicPolicies(configs),
      settings: {
        sessionTimeoutMs: settings['broker.session.timeout.ms'],
        balancesLeaders: settings['auto.leader.rebalance.enable'],
        balanceIntervalMs: settings['leader.imbalance.check.interval.seconds'] * 1000,
        uncleanElectionIntervalMs: settings['unclean.leader.election.interval.ms'],
      },
      monotonicMs: () => clock.monotonicMs(),
      logger: logging.logger('controller'),
    })
    this.shares = new ShareCoordinator({
      log, timers, clock, logger: logging.logger('share'),
      settings: { updatesPerSnapshot: settings['share.coordinator.snapshot.update.records.per.snapshot'], pruneIntervalMs: settings['share.coordinator.state.topic.prune.interval.ms'], writeTimeoutMs: settings['share.coordinator.write.timeout.ms'] },
      partitionCount: (topic) => view.partitionCount(topic),
      ensureStateTopic: () => topicCreator.begin(SHARE_STATE_TOPIC),
      deleteRecords: (topic, partition, beforeOffset) => dataPlane.deleteRecords(topic, partition, beforeOffset),
    })
    const shareStates = new ShareStateRouter({
      nodeId, clock, timers, local: localShareCoordinator(this.shares), interBroker: this.#interBroker, logger: logging.logger('share'),
      timeoutMs: settings['share.coordinator.write.timeout.ms'],
      coordinatorOf: (key) => view.leaderIdForKey(SHARE_STATE_TOPIC, key),
      ensureStateTopic: () => topicCreator.begin(SHARE_STATE_TOPIC),
    })
    this.#shareStates = shareStates
    const deadLetters = new DeadLetterWriter(deadLetterDeps({
      dataPlane, metadata, configs, topicCreator, clock, nodeId,
      interBroker: this.#interBroker,
      leaderOf: (topic, partition) => view.leaderIdOf(topic, partition),
    }))
    this.#delivery = new ShareDelivery({
      nodeId, logs: dataPlane, states: shareStates, deadLetters, clock, timers, logger: logging.logger('share'),
      sessionsMax: settings['group.share.max.share.sessions'],
      topicById: (topicId) => topics.byId(topicId),
      leaderOf: (topic, partition) => view.partitionLeader(topic, partition),
      endpointOf: (id, listener) => view.endpointOf(id, listener),
      settingsOf: (groupId) => shareGroupSettings(settings, configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)),
    })
    this.groups = new GroupCoordinator({
      log, timers, clock, logger: logging.logger('groups'), settings: groupSettings(settings), topics,
      groupConfig: (groupId) => groupConfig(configsOf(metadata.image, CONFIG_RESOURCES.GROUP, groupId)),
      createTopics: (missing) => {
        for (const topic of missing) topicCreator.beginAs(creatableTopic(topic))
      },
      shareStates,
      latestOffset: (topic, partition) => this.caller.latestOffset(topic, partition),
    })
    const markers = markerWriter(dataPlane, this.groups)
    this.transactions = new TransactionCoordinator({
      log,
      markers: new MarkerRouter({ nodeId, local: markers, interBroker: this.#interBroker, leaderOf }),
      producerIdBlocks: { allocate: () => this.#allocateProducerIds() },
      settings: transactionSettings(settings),
      clock,
      timers,
      logger: logging.logger('transactions'),
      partitionCount: (topic) => view.partitionCount(topic),
    })
    const verifier = new TransactionVerifier({
      nodeId, local: this.transactions, interBroker: this.#interBroker,
      coordinatorOf: (transactionalId) => view.leaderIdForKey(TRANSACTION_STATE_TOPIC, transactionalId) ?? -1,
    })
    // A directory that was never given an id is not known by one from before either.
    this.#directories = new LogDirectories(config.logDirs.map((path) => ({ path, id: directoryIdOf(path) ?? randomUuid() })), () => configs.layers(metadata.image))
    const directories = this.#directories
    const assignments = new DirectoryAssignments({ nodeId, timers, controller: controllerClient, logger: this.#logger, brokerEpoch: () => this.#lifecycle.epoch })
    this.#moves = new ReplicaMoves({
      dataPlane, directories, copiedBytes: futureBytes, logger: this.#logger,
      replica: (topic, partition) => {
        const found = metadata.image.topicsByName.get(topic)?.partitions[partition]
        return found === undefined ? 'unknown' : found.replicas.includes(nodeId) ? 'here' : 'elsewhere'
      },
      onMoved: (topic, partition, logDir) => {
        const [topicId, directoryId] = [metadata.image.topicsByName.get(topic)?.id, directories.at(logDir)?.id]
        if (topicId !== undefined && directoryId !== undefined) assignments.add({ topicId, partition, directoryId })
      },
    })
    this.#placement = new ReplicaPlacement({
      nodeId, directories, moves: this.#moves, logger: this.#logger,
      lookUp: () => replicaDirectories(config.logDirs),
      assign: (assignment) => assignments.add(assignment),
    })
    let served: ServedApis
    let handlers: ApiHandlers
    const all: ApiHandlers = {
      ...metadataHandlers({ runtime: metadata, configs, config, topicCreator, logs: dataPlane, directories: this.#moves, logging, logger: creatorLogger, randomInt }),
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
      ...controllerHandlers({ controller: this.#controller, monotonicMs: () => clock.monotonicMs() }),
      Envelope: envelopeHandler(() => handlers, isActive),
      ApiVersions: apiVersionsHandler({
        served: () => served,
        features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minVersion: min, maxVersion: max })),
        finalized: () => view.finalizedFeatures(),
      }),
    }
    handlers = forwardToController(gateByFeatures(all, (feature) => metadata.image.features.get(feature) ?? 0), { nodeId, logDirs: config.logDirs, isActive, controller: controllerClient })
    served = servedApis(handlers, { ...METADATA_APIS, ...GROUP_APIS, ...TRANSACTION_APIS, ...SHARE_APIS, ...CONTROLLER_APIS, ApiVersions: API_VERSIONS_VERSIONS })
    const firstListener = config.listeners.bind[0]?.name ?? ''
    this.caller = new ClusterCaller({
      nodeId, clock, timers, interBroker: this.#interBroker, leaderOf,
      local: new LocalCaller({ handlers, served, dataPlane, listener: firstListener, clock, leads: (topic, partition) => leaderOf(topic, partition) === nodeId }),
      brokers: () => view.aliveBrokers(),
      coordinatorOf: (kind, key) => view.leaderIdForKey(kind === 'group' ? OFFSETS_TOPIC : TRANSACTION_STATE_TOPIC, key),
    })
    this.records = new ClusterRecords({ nodeId, dataPlane, caller: this.caller, interBroker: this.#interBroker, leaderOf, topic: (name) => topics.byName(name) })
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
      settings: () => compactionSettings(configs.layers(metadata.image)),
      clock,
      timers,
      logger: logging.logger('compaction'),
    })
    this.isrChanges = new IsrChanges(nodeId)
    this.balancer = new BalancerRunner({
      cluster: balancerCluster({ image: () => metadata.image, caller: this.caller, isActiveController: isActive }),
      settings: () => balancerSettings(configs.layers(metadata.image)),
      timers,
      logger: logging.logger('balancer'),
    })
    this.#coordinators = [
      new CoordinatorFollower(OFFSETS_TOPIC, this.groups, nodeId, logging.logger('groups')),
      new CoordinatorFollower(SHARE_STATE_TOPIC, this.shares, nodeId, logging.logger('share')),
      new CoordinatorFollower(TRANSACTION_STATE_TOPIC, this.transactions, nodeId, logging.logger('transactions')),
    ]
    this.#lifecycle = new BrokerLifecycle({
      nodeId, clock, timers, logger: this.#logger, incarnationId: randomUuid(), controller: controllerClient,
      registration: () => this.#registration(),
      logDirs: () => ({ offline: directories.offline.map(({ id }) => id), cordoned: directories.cordoned.map(({ id }) => id) }),
      self: () => ({ broker: metadata.image.brokers.get(nodeId), metadataOffset: metadata.image.offset }),
      heartbeatIntervalMs: settings['broker.heartbeat.interval.ms'],
      sessionTimeoutMs: settings['broker.session.timeout.ms'],
    })
    const isrProposals = new IsrProposals({ nodeId, dataPlane, timers, controller: controllerClient, logger: this.#logger, brokerEpoch: () => this.#lifecycle.epoch })
    dataPlane.onEvent((event) => {
      logDataPlaneEvent(event, this.#logger)
      if (event.kind === 'isrProposed') isrProposals.add(event)
      // The others take over what lay there.
      if (event.kind === 'logDirFailed' && directories.fail(event.path)) this.#lifecycle.hasten()
    })
    metadata.onChange((image, delta) => this.#follow(image, delta))
    metadataLog.onLeadership((leadership) => this.#lead(leadership))
    new SnapshotWriter({
      log: metadataLog,
      runtime: metadata,
      timers,
      logger: creatorLogger,
      bytesMax: settings['metadata.log.max.record.bytes.between.snapshots'],
      intervalMaxMs: settings['metadata.log.max.snapshot.interval.ms'],
    })
    // A port that is not known to anybody yet may be bound before there are topics to serve; the others wait for that.
    this.listeners = config.listeners.bind.map((endpoint) => (endpoint.port === 0 ? dataPlane.listen(endpoint) : { ...endpoint, host: endpoint.host || '0.0.0.0' }))
  }

  /** Whether this node leads the metadata quorum and decides for the cluster. */
  get isController(): boolean {
    return this.#metadataLog.leadership.isActive
  }

  health(): ClusterHealth {
    const { image } = this.metadata
    const name = 'min.insync.replicas'
    const usual = this.configs.topicDefaults(image)[name]
    return clusterHealth(image, this.config.nodeId, (topic) => Number(configsOf(image, CONFIG_RESOURCES.TOPIC, topic).get(name) ?? usual))
  }

  /** Stops accepting, answers what is in flight, writes everything down. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #begin(adoption: Adoption): Promise<void> {
    const { metadata, dataPlane } = this
    this.#lead(this.#metadataLog.leadership)
    await this.#lifecycle.register()
    this.#admit()
    await this.#lifecycle.unfence()
    await adoptTopics(adoption, { metadata, dataPlane, nodeId: this.config.nodeId, logger: this.#logger })
    this.transactions.start()
    this.shares.start()
    this.#retention.start()
    this.#compaction.start()
    this.balancer.start()
    // Whoever connected meanwhile is answered now that there is an answer.
    dataPlane.onRequest((request) => this.#router.handle(request))
    void this.#reportStrays()
    this.#joinVoters()
  }

  #joinVoters(): void {
    const { config, clusterId, clock } = this
    const listener = quorumAddress(config, this.#metadataLog.port)
    if (!config.quorum.becomesVoter || listener === null) return
    new VoterJoining({
      nodeId: config.nodeId, clusterId, listener, directoryId: quorumDirectoryId(config.logDirs),
      describe: () => this.#metadataLog.describe(clock.nowMs()),
      controller: this.#controllerClient, timers: this.#timers, logger: this.#logger,
    }).start()
  }

  /** From here on this broker keeps, leads and coordinates what the metadata says is its. */
  #admit(): void {
    const { metadata, dataPlane, configs } = this
    this.#isAdmitted = true
    this.#tellCluster(metadata.image)
    this.#tellQuotas(metadata.image)
    dataPlane.applyTopics(allTopicLogStates(metadata.image, this.config.nodeId, configs), [])
    this.#placement.start(metadata.image)
    for (const coordinator of this.#coordinators) coordinator.follow(metadata.image)
    for (const endpoint of this.config.listeners.bind) if (endpoint.port !== 0) dataPlane.listen(endpoint)
  }

  #tellCluster(image: ClusterImage): void {
    this.dataPlane.setCluster(clusterState(image, this.config.nodeId, this.#lifecycle.epoch, this.config.listeners.interBroker))
  }

  #tellQuotas(image: ClusterImage): void {
    const { leader, follower } = replicationQuotas(this.configs.layers(image))
    this.dataPlane.setReplicationQuotas(leader, follower)
  }

  #registration(): ReturnType<ConstructorParameters<typeof BrokerLifecycle>[0]['registration']> {
    const { dataPlane, config } = this
    return {
      clusterId: this.clusterId,
      listeners: this.#advertised(),
      features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minSupportedVersion: min, maxSupportedVersion: max })),
      rack: config.settings['broker.rack'],
      isMigratingZkBroker: false,
      logDirs: this.#directories.online.map(({ id }) => id),
      previousBrokerEpoch: BigInt(dataPlane.cleanStart ? dataPlane.previousBrokerEpoch : -1),
    }
  }

  /** Takes the lead of the cluster up or gives it up, as the quorum says. */
  #lead({ isActive, epoch }: Leadership): void {
    const { clock } = this
    if (!isActive) {
      this.#timers.cancel(CONTROLLER_TIMER)
      return this.#controller.deactivate()
    }
    this.#controller.activate(epoch, clock.monotonicMs())
    if (this.metadata.image.features.size === 0) void this.metadata.write((image) => raiseFeatures(image, image.features.size === 0 ? initialFeatureLevels() : new Map(), this.configs.fallbacks(image).broker('min.insync.replicas'))).catch(() => undefined)
    this.#timers.set(CONTROLLER_TIMER, 0, () => void this.#attend())
  }

  async #attend(): Promise<void> {
    await this.#controller.attend()
    if (this.#controller.isActive) this.#timers.set(CONTROLLER_TIMER, CONTROLLER_TICK_MS, () => void this.#attend())
  }

  async #allocateProducerIds(): Promise<{ first: bigint; size: number }> {
    const request = { brokerId: this.config.nodeId, brokerEpoch: this.#lifecycle.epoch }
    const { errorCode, producerIdStart, producerIdLen } = await this.#controllerClient.call('AllocateProducerIds', request, ALLOCATE_PRODUCER_IDS)
    if (errorCode !== 0) throw new KafkaError(errorName(errorCode), 'The controller gives out no producer ids.')
    return { first: producerIdStart, size: producerIdLen }
  }

  async #reportStrays(): Promise<void> {
    const { logDirs, nodeId } = this.config
    const strays = await findStrayDirectories(logDirs, this.metadata.image, nodeId)
    if (strays.length > 0) this.#logger.warn('directories of partitions that this broker does not keep are left alone', { count: strays.length, first: strays.slice(0, STRAYS_TOLD_MAX).join(', ') })
  }

  async #close(): Promise<void> {
    await this.#handOver()
    this.#lifecycle.close()
    this.#moves.close()
    this.#compaction.close()
    await this.balancer.close()
    await this.#retention.close()
    await this.#finishWrites()
    this.transactions.close()
    this.#shareStates.close()
    this.#delivery.close()
    this.shares.close()
    this.groups.close()
    this.caller.close()
    this.#interBroker.close()
    this.#timers.close()
    await this.#metadataLog.close()
    await this.dataPlane.close()
  }

  /** What is being written to the metadata is finished, unless too few voters are left for that to happen. */
  async #finishWrites(): Promise<void> {
    await Promise.race([this.metadata.idle(), new Promise<void>((resolve) => this.#timers.set('last-writes', LAST_WRITES_TIMEOUT_MS, resolve))])
  }

  /** Lets other brokers take over what this one leads, where there are any. */
  async #handOver(): Promise<void> {
    const others = [...this.metadata.image.brokers.values()].filter(({ id, fenced, inControlledShutdown }) => id !== this.config.nodeId && !fenced && !inControlledShutdown)
    if (others.length === 0 || !this.#isAdmitted) return
    if (this.config.settings['controlled.shutdown.enable']) await this.#lifecycle.shutDown(CONTROLLED_SHUTDOWN_TIMEOUT_MS)
    await this.#metadataLog.resign(RESIGN_TIMEOUT_MS)
  }

  /** The addresses told to clients; a port 0 there is the one that was bound. */
  #advertised(): BrokerEndpoint[] {
    const { advertised } = this.config.listeners
    return this.listeners.map(({ name, port }) => {
      const endpoint = advertised.get(name)
      return { name, host: endpoint?.host === undefined || endpoint.host === '' ? hostname() : endpoint.host, port: endpoint?.port || port, securityProtocol: PLAINTEXT }
    })
  }

  #follow(image: ClusterImage, delta: MetadataDelta): void {
    this.#lifecycle.onChange()
    if (!this.#isAdmitted) return
    if (changesCluster(delta)) this.#tellCluster(image)
    if (delta.configs.size > 0) this.#tellQuotas(image)
    const { upserts, removedTopicIds } = topicLogChanges(image, delta, this.config.nodeId, this.configs)
    // Removed first: a topic of the same name may follow in the same change.
    if (removedTopicIds.length > 0) this.dataPlane.applyTopics([], removedTopicIds)
    if (upserts.length > 0) this.dataPlane.applyTopics(upserts, [])
    this.#placement.follow(image, delta)
    for (const coordinator of this.#coordinators) coordinator.follow(image)
    this.#delivery.onLeadersChanged()
    this.isrChanges.follow(delta)
    if (brokersChanged(delta)) this.balancer.onBrokersChanged()
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

/** Whether a broker came, went, or is to drain or no longer. */
function brokersChanged({ base, brokers, configs }: MetadataDelta): boolean {
  return brokers.size > 0 || [...base.brokers.keys()].some((id) => configs.has(configKey(CONFIG_RESOURCES.BROKER, String(id))))
}

/** An internal topic of a streams application as CreateTopics would ask for it. */
function creatableTopic({ name, partitionCount, replicationFactor, configs }: InternalTopic): CreatableTopic {
  return { name, numPartitions: partitionCount, replicationFactor, assignments: [], configs: configs.map(({ key, value }) => ({ name: key, value })) }
}
