// The composition root: builds every part, hands each what it needs, starts and stops them in order. It decides nothing.

import { randomInt } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { GroupCoordinator } from '../groups/group-coordinator.ts'
import { OFFSETS_TOPIC } from '../groups/group-records.ts'
import { SocketInterBroker } from '../interbroker/socket-inter-broker.ts'
import { ClusterConfigs } from '../metadata/cluster-configs.ts'
import { CONFIG_RESOURCES, configKey, configsOf, emptyImage } from '../metadata/cluster-image.ts'
import type { BrokerEndpoint, ClusterImage } from '../metadata/cluster-image.ts'
import { ActiveController } from '../metadata/controller/active-controller.ts'
import type { CreatableTopic } from '../metadata/controller/create-topics.ts'
import { topicPolicies } from '../metadata/controller/topic-policies.ts'
import { CONTROLLER_APIS, controllerHandlers } from '../metadata/controller-handlers.ts'
import { SUPPORTED_FEATURES } from '../metadata/features.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import { METADATA_APIS, metadataHandlers } from '../metadata/metadata-handlers.ts'
import { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { QuorumMetadataLog } from '../metadata/quorum-metadata-log.ts'
import { SnapshotWriter } from '../metadata/snapshot-writer.ts'
import { TopicCreator } from '../metadata/topic-creator.ts'
import { topicLookup } from '../metadata/topic-lookup.ts'
import { metadataLogState } from '../metadata/topic-log-states.ts'
import { openDataPlane } from '../native.ts'
import type { DataPlane, ListenerAddress } from '../native.ts'
import type { ShareCoordinator } from '../share/share-coordinator.ts'
import { systemClock } from '../shared/clock.ts'
import type { Clock } from '../shared/clock.ts'
import { Logging } from '../shared/logger.ts'
import type { Logger } from '../shared/logger.ts'
import { SystemTimers } from '../shared/timers.ts'
import { randomUuid } from '../shared/uuid.ts'
import type { Uuid } from '../shared/uuid.ts'
import { TRANSACTION_STATE_TOPIC } from '../transactions/transaction-coordinator.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { adoptTopics } from './adopt.ts'
import type { Adoption } from './adopt.ts'
import type { ApiHandlers } from './api.ts'
import { API_VERSIONS_VERSIONS, apiVersionsHandler } from './api-versions.ts'
import { balancerCluster } from './balancer-cluster.ts'
import { BalancerRunner } from './balancer-runner.ts'
import type { BrokerContext } from './broker-context.ts'
import { BrokerLifecycle } from './broker-lifecycle.ts'
import { ClusterCaller } from './cluster-caller.ts'
import { clusterHealth, IsrChanges } from './cluster-health.ts'
import type { ClusterHealth } from './cluster-health.ts'
import { ClusterRecords } from './cluster-records.ts'
import { ClusterView } from './cluster-view.ts'
import { ControllerClient } from './controller-client.ts'
import { ControllerDuty } from './controller-duty.ts'
import { COORDINATOR_APIS, Coordinators } from './coordinators.ts'
import { logDataPlaneEvent } from './data-plane-events.ts'
import { dataPlaneOptions } from './data-plane-options.ts'
import { DataPlaneState } from './data-plane-state.ts'
import { gateByFeatures } from './feature-gates.ts'
import { envelopeHandler, forwardToController } from './forwarding.ts'
import { checkPorts } from './free-ports.ts'
import { HostedReplicas } from './hosted-replicas.ts'
import { Housekeeping } from './housekeeping.ts'
import { IsrProposals } from './isr-proposals.ts'
import { takeOverKafkaMetadata } from './kafka-metadata.ts'
import { LocalCaller } from './local-caller.ts'
import { findMembership, openMetadataLog, quorumAddress, quorumDirectoryId } from './quorum.ts'
import { registration } from './registration.ts'
import { Router } from './router.ts'
import { servedApis } from './served-apis.ts'
import type { ServedApis } from './served-apis.ts'
import { balancerSettings } from './settings.ts'
import { findStrayDirectories } from './stray-directories.ts'
import { answerVerification } from './verification.ts'
import { VoterJoining } from './voter-joining.ts'

/** Kafka's number of the security protocol; the only one that listeners have. */
const PLAINTEXT = 0
/** How many stray directories are named in the one line about them. */
const STRAYS_TOLD_MAX = 10
/** Kafka's defaults of `request.timeout.ms` and `socket.connection.setup.timeout.ms`. */
const INTER_BROKER_REQUEST_TIMEOUT_MS = 30_000
const INTER_BROKER_CONNECT_TIMEOUT_MS = 10_000
/** A broker that stops waits so long, at most, for others to take over what it leads. */
const CONTROLLED_SHUTDOWN_TIMEOUT_MS = 15_000
const RESIGN_TIMEOUT_MS = 3000
const LAST_WRITES_TIMEOUT_MS = 3000
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
  /** Asks whichever brokers have to answer. */
  readonly caller: ClusterCaller
  readonly records: ClusterRecords
  readonly balancer: BalancerRunner
  readonly isrChanges: IsrChanges
  readonly clock: Clock
  readonly #timers = new SystemTimers()
  readonly #logger: Logger
  readonly #metadataLog: QuorumMetadataLog
  readonly #interBroker: SocketInterBroker
  readonly #controllerClient: ControllerClient
  readonly #controllerDuty: ControllerDuty
  readonly #lifecycle: BrokerLifecycle
  readonly #coordinators: Coordinators
  readonly #dataPlaneState: DataPlaneState
  readonly #replicas: HostedReplicas
  readonly #housekeeping: Housekeeping
  readonly #router: Router
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
    const timers = this.#timers
    const { settings, nodeId } = config
    const { interBroker: listener } = config.listeners
    const view = new ClusterView(() => metadata.image)
    const topics = topicLookup(() => metadata.image)
    const leaderOf = (topic: string, partition: number): number => view.leaderIdOf(topic, partition)
    const isActive = (): boolean => metadataLog.leadership.isActive
    const brokerEpoch = (): bigint => this.#lifecycle.epoch
    let served: ServedApis
    let handlers: ApiHandlers

    this.#interBroker = new SocketInterBroker({
      clientId: `broker-${nodeId}`, clock, timers, requestTimeoutMs: INTER_BROKER_REQUEST_TIMEOUT_MS, connectTimeoutMs: INTER_BROKER_CONNECT_TIMEOUT_MS,
      addressOf: (id) => view.addressOf(id, listener),
    })
    const interBroker = this.#interBroker
    this.#controllerClient = new ControllerClient({ nodeId, clock, timers, interBroker, listener, leadership: () => metadataLog.leadership, handlers: () => handlers })
    const controllerClient = this.#controllerClient
    const createElsewhere = async (topic: CreatableTopic) => (await controllerClient.call('CreateTopics', { topics: [topic], timeoutMs: CREATE_TOPICS.timeoutMs, validateOnly: false }, CREATE_TOPICS)).topics[0]
    const topicCreator = new TopicCreator({ runtime: metadata, configs, config, newTopicId: randomUuid, randomInt, logger: logging.logger('metadata'), elsewhere: () => (isActive() ? null : createElsewhere) })
    const context: BrokerContext = { config, logging, clock, timers, dataPlane, metadata, configs, view, interBroker, controllerClient, topicCreator }

    const controller = new ActiveController({
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
    this.#controllerDuty = new ControllerDuty({ controller, metadata, configs, clock, timers })
    this.#dataPlaneState = new DataPlaneState({ nodeId, listener, configs, dataPlane, brokerEpoch })
    this.#replicas = new HostedReplicas(context, brokerEpoch)
    const { directories, moves } = this.#replicas
    this.#housekeeping = new Housekeeping(context)
    this.#coordinators = new Coordinators({ ...context, brokerEpoch, latestOffset: (topic, partition) => this.caller.latestOffset(topic, partition) })
    const { verifier } = this.#coordinators

    const all: ApiHandlers = {
      ...metadataHandlers({ runtime: metadata, configs, config, topicCreator, logs: dataPlane, directories: moves, logging, logger: logging.logger('metadata'), randomInt }),
      ...this.#coordinators.handlers,
      ...controllerHandlers({ controller, monotonicMs: () => clock.monotonicMs() }),
      Envelope: envelopeHandler(() => handlers, isActive),
      ApiVersions: apiVersionsHandler({
        served: () => served,
        features: [...SUPPORTED_FEATURES].map(([name, { min, max }]) => ({ name, minVersion: min, maxVersion: max })),
        finalized: () => view.finalizedFeatures(),
      }),
    }
    handlers = forwardToController(gateByFeatures(all, (feature) => metadata.image.features.get(feature) ?? 0), { nodeId, logDirs: config.logDirs, isActive, controller: controllerClient })
    served = servedApis(handlers, { ...METADATA_APIS, ...COORDINATOR_APIS, ...CONTROLLER_APIS, ApiVersions: API_VERSIONS_VERSIONS })
    const firstListener = config.listeners.bind[0]?.name ?? ''
    this.caller = new ClusterCaller({
      nodeId, clock, timers, interBroker, leaderOf,
      local: new LocalCaller({ handlers, served, dataPlane, listener: firstListener, clock, leads: (topic, partition) => leaderOf(topic, partition) === nodeId }),
      brokers: () => view.aliveBrokers(),
      coordinatorOf: (kind, key) => view.leaderIdForKey(kind === 'group' ? OFFSETS_TOPIC : TRANSACTION_STATE_TOPIC, key),
    })
    this.records = new ClusterRecords({ nodeId, dataPlane, caller: this.caller, interBroker, leaderOf, topic: (name) => topics.byName(name) })
    this.#router = new Router({ dataPlane, handlers, served, clock, logger: logging.logger('requests') })
    this.isrChanges = new IsrChanges(nodeId)
    this.balancer = new BalancerRunner({
      cluster: balancerCluster({ image: () => metadata.image, caller: this.caller, isActiveController: isActive }),
      settings: () => balancerSettings(configs.layers(metadata.image)),
      timers,
      logger: logging.logger('balancer'),
    })
    this.#lifecycle = new BrokerLifecycle({
      nodeId, clock, timers, logger: this.#logger, incarnationId: randomUuid(), controller: controllerClient,
      registration: () => registration({ clusterId: this.clusterId, listeners: this.#advertised(), rack: settings['broker.rack'], logDirs: directories.online.map(({ id }) => id), dataPlane }),
      logDirs: () => ({ offline: directories.offline.map(({ id }) => id), cordoned: directories.cordoned.map(({ id }) => id) }),
      self: () => ({ broker: metadata.image.brokers.get(nodeId), metadataOffset: metadata.image.offset }),
      heartbeatIntervalMs: settings['broker.heartbeat.interval.ms'],
      sessionTimeoutMs: settings['broker.session.timeout.ms'],
    })
    const isrProposals = new IsrProposals({ nodeId, dataPlane, timers, controller: controllerClient, logger: this.#logger, brokerEpoch })

    dataPlane.onVerify((question) => void answerVerification(dataPlane, verifier, question))
    dataPlane.onEvent((event) => {
      logDataPlaneEvent(event, this.#logger)
      if (event.kind === 'isrProposed') isrProposals.add(event)
      // The others take over what lay there.
      if (event.kind === 'logDirFailed' && directories.fail(event.path)) this.#lifecycle.hasten()
    })
    metadata.onChange((image, delta) => this.#follow(image, delta))
    metadataLog.onLeadership((leadership) => this.#controllerDuty.onLeadership(leadership))
    new SnapshotWriter({
      log: metadataLog,
      runtime: metadata,
      timers,
      logger: logging.logger('metadata'),
      bytesMax: settings['metadata.log.max.record.bytes.between.snapshots'],
      intervalMaxMs: settings['metadata.log.max.snapshot.interval.ms'],
    })
    // A port that is not known to anybody yet may be bound before there are topics to serve; the others wait for that.
    this.listeners = config.listeners.bind.map((endpoint) => (endpoint.port === 0 ? dataPlane.listen(endpoint) : { ...endpoint, host: endpoint.host || '0.0.0.0' }))
  }

  get groups(): GroupCoordinator {
    return this.#coordinators.groups
  }

  get transactions(): TransactionCoordinator {
    return this.#coordinators.transactions
  }

  get shares(): ShareCoordinator {
    return this.#coordinators.shares
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
    this.#controllerDuty.onLeadership(this.#metadataLog.leadership)
    await this.#lifecycle.register()
    this.#admit()
    await this.#lifecycle.unfence()
    await adoptTopics(adoption, { metadata, dataPlane, nodeId: this.config.nodeId, logger: this.#logger })
    this.#coordinators.start()
    this.#housekeeping.start()
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
    const { dataPlane } = this
    const { image } = this.metadata
    this.#isAdmitted = true
    this.#dataPlaneState.begin(image)
    this.#replicas.begin(image)
    this.#coordinators.begin(image)
    for (const endpoint of this.config.listeners.bind) if (endpoint.port !== 0) dataPlane.listen(endpoint)
  }

  async #reportStrays(): Promise<void> {
    const { logDirs, nodeId } = this.config
    const strays = await findStrayDirectories(logDirs, this.metadata.image, nodeId)
    if (strays.length > 0) this.#logger.warn('directories of partitions that this broker does not keep are left alone', { count: strays.length, first: strays.slice(0, STRAYS_TOLD_MAX).join(', ') })
  }

  async #close(): Promise<void> {
    await this.#handOver()
    this.#lifecycle.close()
    this.#replicas.close()
    await this.#housekeeping.close()
    await this.#finishWrites()
    this.#coordinators.close()
    this.caller.close()
    this.#interBroker.close()
    this.#timers.close()
    await this.#metadataLog.close()
    await this.dataPlane.close()
  }

  /** What is being written to the metadata, by the balancer too, is finished, unless too few voters are left for that to happen. */
  async #finishWrites(): Promise<void> {
    const written = Promise.all([this.balancer.close(), this.metadata.idle()])
    await Promise.race([written, new Promise<void>((resolve) => this.#timers.set('last-writes', LAST_WRITES_TIMEOUT_MS, resolve))])
  }

  /** Lets other brokers take over what this one leads, where there are any. */
  async #handOver(): Promise<void> {
    const others = [...this.metadata.image.brokers.values()].filter(({ id, fenced, inControlledShutdown }) => id !== this.config.nodeId && !fenced && !inControlledShutdown)
    if (others.length === 0 || !this.#isAdmitted) return
    if (this.config.settings['controlled.shutdown.enable']) await this.#lifecycle.shutDown(CONTROLLED_SHUTDOWN_TIMEOUT_MS)
    await this.#metadataLog.resign(this.#timers, RESIGN_TIMEOUT_MS)
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
    const removedTopicIds = this.#dataPlaneState.follow(image, delta)
    this.#replicas.follow(image, delta)
    this.#coordinators.follow(image, removedTopicIds.flatMap((id) => delta.base.topicsById.get(id) ?? []))
    this.isrChanges.follow(delta)
    if (brokersChanged(delta)) this.balancer.onBrokersChanged()
  }
}

/** Whether a broker came, went, or is to drain or no longer. */
function brokersChanged({ base, brokers, configs }: MetadataDelta): boolean {
  return brokers.size > 0 || [...base.brokers.keys()].some((id) => configs.has(configKey(CONFIG_RESOURCES.BROKER, String(id))))
}
