// One broker of the simulation: the real controller, metadata, lifecycle and ISR proposals over a simulated quorum and
// network, with replicas on a simulated disk. What `BrokerNode` composes for a process is composed here for one life.

import type { ApiHandler, ApiHandlers, RequestContext } from '../../src/broker/api.ts'
import { BrokerLifecycle } from '../../src/broker/broker-lifecycle.ts'
import { ControllerClient } from '../../src/broker/controller-client.ts'
import { ControllerDuty } from '../../src/broker/controller-duty.ts'
import { DataPlaneState } from '../../src/broker/data-plane-state.ts'
import { asKafkaError, errorResponse } from '../../src/broker/error-responses.ts'
import { IsrProposals } from '../../src/broker/isr-proposals.ts'
import type { IsrProposal } from '../../src/broker/isr-proposals.ts'
import { registration } from '../../src/broker/registration.ts'
import type { InterBroker } from '../../src/interbroker/inter-broker.ts'
import { addonTopicState } from '../../src/native/addon-data-plane.ts'
import { ClusterConfigs } from '../../src/metadata/cluster-configs.ts'
import { emptyImage } from '../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import { ActiveController } from '../../src/metadata/controller/active-controller.ts'
import { topicPolicies } from '../../src/metadata/controller/topic-policies.ts'
import { controllerHandlers } from '../../src/metadata/controller-handlers.ts'
import type { MetadataDelta } from '../../src/metadata/metadata-delta.ts'
import { MetadataRuntime } from '../../src/metadata/metadata-runtime.ts'
import { QuorumMetadataLog } from '../../src/metadata/quorum-metadata-log.ts'
import { allTopicLogStates } from '../../src/metadata/topic-log-states.ts'
import type { TopicLogState } from '../../src/metadata/topic-log-states.ts'
import { apiByName } from '../../src/protocol/api-keys.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeRequest, decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import type { AlterPartitionRequest } from '../../src/protocol/messages.ts'
import type { ClusterState } from '../../src/native.ts'
import type { Clock } from '../../src/shared/clock.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { Timers } from '../../src/shared/timers.ts'
import { CLUSTER_ID, dirOf, idOf } from '../support/cluster-images.ts'
import { Coordination } from './coordination.ts'
import type { Network } from './network.ts'
import type { Planted } from './planted.ts'
import type { SimulatedQuorum } from './quorum.ts'
import { PENDING } from './replicas.ts'
import type { ReplicaFact, SimulatedReplicas } from './replicas.ts'
import { Violation } from './world.ts'
import type { World } from './world.ts'

const HEARTBEAT_MS = 500
export const SESSION_MS = 2500
export const REPLICA_LAG_MAX_MS = 2000
export const FETCH_WAIT_MS = 300
export const SOCKET_TIMEOUT_MS = 2000
const ISR_CHECK_MS = REPLICA_LAG_MAX_MS / 2
const HIGH_WATERMARKS_MS = 5000
const HOUSE_MS = 20_000
const SEGMENT_BYTES = 6000
const LISTENER = 'PLAINTEXT'
const FETCH = 'fetch'
/** As `IsrProposals` names it. */
export const ISR_CHANNEL = 'isr'
/** At the end of a replica's fetch: broker epoch and an empty tag section. */
const BROKER_EPOCH_FROM_END = 9
const WALL_START_MS = 1_700_000_000_000

export type NodeParts = {
  readonly id: number
  readonly world: World
  readonly network: Network
  readonly quorum: SimulatedQuorum
  readonly nodes: ReadonlyMap<number, SimulatedNode>
  readonly replicas: SimulatedReplicas
  readonly planted: Planted | null
  /** Called after everything that may have changed this node. */
  readonly check: (node: SimulatedNode) => void
}

export type Damage = { readonly topic: string; readonly partition: number; readonly offset: number }
/** What happens in the data plane brings no promises. */
type Plane = 'data' | 'control'
type Waiting = { readonly token: number; readonly answer: (errorCode: number, baseOffset: number) => void; readonly baseOffset: number }

export class SimulatedNode {
  readonly id: number
  readonly replicas: SimulatedReplicas
  readonly #parts: NodeParts
  #life: Life | null = null
  #lives = 0
  /** The wall clock is ahead of the simulation by so much. */
  wallOffsetMs = 0
  pausedUntilMs = 0
  /** Until then nothing is asked of leaders, though all else goes on. */
  fetchesFromMs = 0
  flushDelayMaxMs = 3
  /** A replica on this disk that has a wrong bit, unless recovery cut that off; gone with the disk. */
  damaged: Damage | null = null

  constructor(parts: NodeParts) {
    this.#parts = parts
    this.id = parts.id
    this.replicas = parts.replicas
  }

  get life(): Life | null {
    return this.#life
  }

  get isRunning(): boolean {
    return this.#life !== null && this.pausedUntilMs <= this.#parts.world.nowMs
  }

  get lifeNumber(): number {
    return this.#lives
  }

  get wallMs(): number {
    return WALL_START_MS + Math.floor(this.#parts.world.nowMs) + this.wallOffsetMs
  }

  start(): void {
    if (this.#life !== null) return
    this.#lives++
    this.pausedUntilMs = 0
    this.fetchesFromMs = 0
    this.#parts.world.trace(`${this.id} starts, life ${this.#lives}`)
    this.setTime()
    try {
      this.replicas.start()
    } catch (error) {
      // A disk that has no room, or fails at once: the next try may find it well.
      this.#parts.world.trace(`${this.id} cannot start: ${String(error)}`)
      return
    }
    this.#life = new Life(this.#parts, this, this.#lives)
    this.#life.begin()
  }

  /** Ends the process at once. With a seed the power is cut, which loses or tears what was not synced. */
  kill(crashSeed: number | null): void {
    if (this.#life === null) return
    this.#parts.world.trace(`${this.id} ${crashSeed === null ? 'is killed' : 'loses power'}`)
    this.#life.end()
    this.#life = null
    if (crashSeed === null) this.replicas.kill()
    else this.replicas.crash(crashSeed)
    if (this.#parts.planted === 'a torn tail is kept') this.#claimClean()
  }

  /** Has the next start take the logs as they are: what follows the recovery point is not verified. */
  #claimClean(): void {
    try {
      this.replicas.claimClean()
    } catch (error) {
      this.#parts.world.trace(`${this.id} cannot be taken for cleanly stopped: ${String(error)}`)
    }
  }

  wipe(): void {
    this.kill(null)
    this.#parts.world.trace(`${this.id} gets an empty disk`)
    this.damaged = null
    this.replicas.wipe()
  }

  /** Hands over what it leads, and stops in good order. */
  async stop(): Promise<void> {
    const life = this.#life
    if (life === null || !life.isAdmitted) return
    this.#parts.world.trace(`${this.id} begins to stop`)
    await life.handOver()
    if (this.#life !== life) return
    life.end()
    this.#life = null
    this.setTime()
    try {
      this.replicas.close()
      this.#parts.world.trace(`${this.id} has stopped`)
    } catch (error) {
      this.#parts.world.trace(`${this.id} has stopped uncleanly: ${String(error)}`)
      this.replicas.kill()
    }
  }

  isDamaged(topic: string, partition: number): boolean {
    return this.damaged?.topic === topic && this.damaged.partition === partition
  }

  setTime(): void {
    this.replicas.setTime(this.#parts.world.nowMs, this.wallMs)
  }
}

/** A process. What it had planned goes with it. */
export class Life implements Timers, Clock {
  readonly #parts: NodeParts
  readonly #node: SimulatedNode
  readonly #number: number
  readonly #timers = new Map<string, number>()
  readonly #tokens = new Map<number, (frame: Buffer | null) => void>()
  /** How many connections to a node were given up, by channel. */
  readonly #givenUp = new Map<string, number>()
  readonly #configs: ClusterConfigs
  #timerCount = 0
  #tokenCount = 0
  #ended = false
  #log!: QuorumMetadataLog
  #runtime: MetadataRuntime | null = null
  #handlers: ApiHandlers = {}
  #dataPlane!: DataPlaneState
  #lifecycle!: BrokerLifecycle
  #proposals!: IsrProposals
  #coordination: Coordination | null = null
  #waiting: Waiting[] = []
  #againAtMs = Number.POSITIVE_INFINITY
  #flushPlanned = false
  isAdmitted = false
  /** Clients are answered. */
  isServing = false

  constructor(parts: NodeParts, node: SimulatedNode, number: number) {
    this.#parts = parts
    this.#node = node
    this.#number = number
    this.#configs = new ClusterConfigs(parts.id, new Map())
  }

  get image(): ClusterImage | null {
    return this.#runtime?.image ?? null
  }

  get runtime(): MetadataRuntime | null {
    return this.#runtime
  }

  get isController(): boolean {
    return this.#runtime !== null && this.#log.leadership.isActive
  }

  get brokerEpoch(): bigint {
    return this.#runtime === null ? -1n : this.#lifecycle.epoch
  }

  begin(): void {
    this.#run().catch((error: unknown) => {
      // A registration that is refused for a minute ends a real process, too.
      this.#parts.world.trace(`${this.#parts.id} ends: ${String(error)}`)
      if (!(error instanceof KafkaError) && (error as { code?: string }).code !== 'REGISTRATION') this.#parts.world.fail(error)
      if (!this.#ended) this.#node.kill(null)
    })
  }

  end(): void {
    this.#ended = true
    this.#timers.clear()
  }

  handOver(): Promise<void> {
    return this.#lifecycle.shutDown(6000)
  }

  // ---- clock and timers

  nowMs(): number {
    return this.#node.wallMs
  }

  monotonicMs(): number {
    return this.#parts.world.nowMs
  }

  set(key: string, delayMs: number, run: () => void): void {
    const number = this.#timerCount++
    this.#timers.set(key, number)
    this.later(delayMs, `timer ${key.replaceAll(/\d{6,}/g, '')}`, () => {
      if (this.#timers.get(key) !== number) return
      this.#timers.delete(key)
      run()
    })
  }

  cancel(key: string): void {
    this.#timers.delete(key)
  }

  /** Runs in this process, which may stand still for a while meanwhile, and looks at what came of it. */
  later(delayMs: number, what: string, run: () => void, plane: Plane = 'control'): void {
    const { world } = this.#parts
    world.after(delayMs, `${this.#node.id}: ${what}`, () => this.now(what, run, plane))
  }

  now(what: string, run: () => void, plane: Plane = 'control'): void {
    const { world } = this.#parts
    if (this.#ended) return
    if (this.#node.pausedUntilMs > world.nowMs) {
      world.after(this.#node.pausedUntilMs - world.nowMs, `${this.#node.id}: ${what} after a pause`, () => this.now(what, run, plane))
      return
    }
    this.#node.setTime()
    run()
    this.look()
    if (plane === 'data') return
    // What promises bring is looked at, too.
    setImmediate(() => {
      if (!this.#ended) this.look()
    })
  }

  // ---- control plane

  async #run(): Promise<void> {
    const { id, quorum, world } = this.#parts
    this.#log = await QuorumMetadataLog.open(
      id,
      (onEvent) => Promise.resolve(quorum.open(id, () => !this.#ended && this.#node.isRunning, (event) => this.now(`quorum ${event.kind}`, () => onEvent(event)))),
      (message) => world.fail(new Error(message)),
    )
    const runtime = await MetadataRuntime.open(this.#log, emptyImage(CLUSTER_ID), this, silentLogger)
    if (this.#ended) return
    this.#runtime = runtime
    const incarnationId = idOf(`run ${id}-${this.#number}`)
    const controller = new ControllerClient({
      nodeId: id, clock: this, timers: this, listener: LISTENER, interBroker: this.#interBroker(),
      leadership: () => this.#log.leadership,
      handlers: () => this.#handlers,
    })
    const policies = topicPolicies(this.#configs)
    const active = new ActiveController({
      runtime,
      policies: this.#parts.planted === 'an unclean leader is elected silently' ? (image, topic) => ({ ...policies(image, topic), allowsUncleanElection: true }) : policies,
      settings: { sessionTimeoutMs: SESSION_MS, balancesLeaders: true, balanceIntervalMs: 10_000, uncleanElectionIntervalMs: 5000 },
      monotonicMs: () => this.monotonicMs(),
      logger: silentLogger,
    })
    const coordination = new Coordination({
      nodeId: id, replicas: this.#node.replicas, process: this, metadata: runtime, configs: this.#configs, interBroker: this.#interBroker(), controllerClient: controller,
      planted: this.#parts.planted,
      brokerEpoch: () => this.#lifecycle.epoch,
      onAppended: () => this.#planFlush(),
      soon: (delayMaxMs, what, run) => this.later(world.between(1, delayMaxMs), what, run),
    })
    this.#coordination = coordination
    this.#handlers = { ...coordination.handlers, ...controllerHandlers({ controller: active, monotonicMs: () => this.monotonicMs() }) } as ApiHandlers
    if (this.#parts.planted === 'an old partition epoch is accepted') this.#acceptOldEpochs()
    this.#lifecycle = new BrokerLifecycle({
      nodeId: id, incarnationId, controller, clock: this, timers: this, logger: silentLogger,
      logDirs: () => ({ offline: [], cordoned: [] }),
      registration: () => registration({
        clusterId: CLUSTER_ID,
        listeners: [{ name: LISTENER, host: `node-${id}`, port: 9092, securityProtocol: 0 }],
        rack: null,
        logDirs: [dirOf(id)],
        dataPlane: this.#node.replicas,
      }),
      self: () => ({ broker: runtime.image.brokers.get(id), metadataOffset: runtime.image.offset }),
      heartbeatIntervalMs: HEARTBEAT_MS,
      sessionTimeoutMs: SESSION_MS,
    })
    this.#proposals = new IsrProposals({ nodeId: id, controller: this.#proposing(controller), dataPlane: this.#node.replicas, timers: this, logger: silentLogger, brokerEpoch: () => this.#lifecycle.epoch })
    this.#dataPlane = new DataPlaneState({
      nodeId: id, listener: LISTENER, configs: this.#configs, brokerEpoch: () => this.#toldEpoch(runtime.image),
      dataPlane: {
        setCluster: (state) => this.#node.replicas.setCluster(withoutNulls(state)),
        applyTopics: (upserts, removedTopicIds) => this.#applyTopics(upserts, removedTopicIds),
        // Replicas of the simulation are not throttled.
        setReplicationQuotas: () => {},
      },
    })
    runtime.onChange((image, delta) => this.#follow(image, delta))
    const duty = new ControllerDuty({ controller: active, metadata: runtime, configs: this.#configs, clock: this, timers: this })
    this.#log.onLeadership((leadership) => duty.onLeadership(leadership))
    duty.onLeadership(this.#log.leadership)
    if (this.#actsAsFormerSelf) this.#admit()
    await this.#lifecycle.register()
    if (this.#ended) return
    this.#admit()
    await this.#lifecycle.unfence()
    if (this.#ended) return
    coordination.start()
    this.isServing = true
  }

  #admit(): void {
    if (!this.#actsAsFormerSelf || this.#lifecycle.epoch >= 0n) this.#parts.world.trace(`${this.#parts.id} is admitted with epoch ${this.#lifecycle.epoch}`)
    this.isAdmitted = true
    const image = this.#runtime?.image as ClusterImage
    this.#dataPlane.begin(image)
    this.#coordination?.begin(image)
    for (const [key, intervalMs, run] of [
      ['check-isrs', ISR_CHECK_MS, () => this.#node.replicas.checkIsrs()],
      ['keep-high-watermarks', HIGH_WATERMARKS_MS, () => this.#node.replicas.keepHighWatermarks()],
      ['keep-house', HOUSE_MS, () => this.#node.replicas.keepHouse()],
    ] as const) {
      const again = (): void => {
        run()
        this.set(key, intervalMs, again)
      }
      this.set(key, this.#parts.world.next(intervalMs), again)
    }
  }

  get #actsAsFormerSelf(): boolean {
    return this.#parts.planted === 'a broker acts on the metadata of its former self'
  }

  #toldEpoch(image: ClusterImage): bigint {
    return this.#actsAsFormerSelf ? (image.brokers.get(this.#parts.id)?.epoch ?? -1n) : this.#lifecycle.epoch
  }

  #follow(image: ClusterImage, delta: MetadataDelta): void {
    this.#lifecycle.onChange()
    if (!this.isAdmitted) return
    this.#dataPlane.follow(image, delta)
    this.#coordination?.follow(image)
  }

  #applyTopics(upserts: TopicLogState[], removedTopicIds: string[]): void {
    const { replicas } = this.#node
    const before = this.#parts.planted === 'a follower truncates to its high watermark' ? upserts.flatMap(({ name, partitions }) => partitions.map(({ index, leaderEpoch }) => ({ name, index, leaderEpoch, known: replicas.state(name, index)?.leaderEpoch ?? -1 }))) : []
    try {
      // Smaller than a setting may be, so that logs have several segments.
      replicas.applyTopics(upserts.map((topic) => addonTopicState({ ...topic, config: { ...topic.config, segmentBytes: SEGMENT_BYTES } })), removedTopicIds)
    } catch (error) {
      this.#parts.world.trace(`${this.#parts.id} cannot apply topics: ${String(error)}`)
    }
    for (const { name, index, leaderEpoch, known } of before) {
      const state = replicas.state(name, index)
      if (state?.follows === true && state.isAvailable && leaderEpoch > known && state.highWatermark < state.logEndOffset) this.#truncate(name, index, state.highWatermark)
    }
  }

  #truncate(topic: string, index: number, offset: number): void {
    try {
      this.#node.replicas.truncate(topic, index, offset)
    } catch (error) {
      // A disk that is full or fails, as it may be under any follower.
      this.#parts.world.trace(`${this.#parts.id} cannot truncate ${topic}-${index}: ${String(error)}`)
    }
  }

  #acceptOldEpochs(): void {
    const alter = this.#handlers.AlterPartition as ApiHandler<'AlterPartition'>
    this.#handlers.AlterPartition = (context, request) => {
      const topics = request.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((partition) => {
          const known = this.#runtime?.image.topicsById.get(topic.topicId)?.partitions[partition.partitionIndex]
          return known === undefined ? partition : { ...partition, partitionEpoch: known.partitionEpoch }
        }),
      }))
      return alter(context, { ...request, topics })
    }
  }

  #proposing(controller: ControllerClient): Pick<ControllerClient, 'call'> {
    const { planted } = this.#parts
    if (planted !== 'a former life of a broker joins the ISR') return controller
    return {
      call: (api, request, call) => {
        const { topics, ...rest } = request as unknown as AlterPartitionRequest
        const unknown = topics.map((topic) => ({
          ...topic,
          partitions: topic.partitions.map((partition) => ({ ...partition, newIsrWithEpochs: partition.newIsrWithEpochs.map(({ brokerId }) => ({ brokerId, brokerEpoch: -1n })) })),
        }))
        return controller.call(api, { ...rest, topics: unknown } as unknown as typeof request, call)
      },
    }
  }

  #interBroker(): InterBroker {
    return { send: (to, api, request, options) => this.#send(to, api, request, options?.version ?? apiByName(api).maxVersion, options?.timeoutMs ?? 10_000, options?.channel ?? '') }
  }

  #connection(to: number, channel: string): string {
    return `${channel}~${this.#number}.${this.#givenUp.get(`${to} ${channel}`) ?? 0}`
  }

  /** Whoever waited too long begins with another connection; what the old one carries may arrive all the same. */
  #giveUp(to: number, channel: string): void {
    this.#givenUp.set(`${to} ${channel}`, (this.#givenUp.get(`${to} ${channel}`) ?? 0) + 1)
  }

  #send<N extends ApiName>(to: number, api: N, request: Encodable<RequestOf<N>>, version: number, timeoutMs: number, channel: string): Promise<ResponseOf<N>> {
    const { id, nodes, network } = this.#parts
    const frame = encodeRequest(api, version, 1, `broker-${id}`, request).slice()
    const connection = this.#connection(to, channel)
    return new Promise((resolve, reject) => {
      let isOver = false
      const finish = (what: string, end: () => void): void =>
        this.now(what, () => {
          if (isOver) return
          isOver = true
          end()
        })
      const broken = (): void => finish(`${api} broken`, () => reject(new KafkaError('NETWORK_EXCEPTION')))
      this.later(Math.min(timeoutMs, SOCKET_TIMEOUT_MS), `${api} time-out`, () => finish(`${api} timed out`, () => {
        this.#giveUp(to, channel)
        reject(new KafkaError('REQUEST_TIMED_OUT'))
      }))
      const arrive = (): void => {
        const life = nodes.get(to)?.life
        if (life === null || life === undefined) return void network.send(to, id, connection, `${api} refused`, broken, broken)
        life.now(`serve ${api}`, () => {
          void life.serve(api, version, frame).then((answer) => network.send(to, id, connection, `${api} answered`, () => finish(`${api} answer`, () => resolve(decodeResponse(api, version, answer).body)), broken))
        })
      }
      network.send(id, to, connection, api, arrive, broken)
    })
  }

  /** `onAnswer` sees the answer at the moment at which it is there. */
  async serve<N extends ApiName>(api: N, version: number, frame: Uint8Array, onAnswer: (response: Encodable<ResponseOf<N>>) => void = () => {}): Promise<Uint8Array> {
    const request = decodeRequest(api, version, frame, decodeRequestHeader(frame).bodyOffset)
    const context: RequestContext = { apiKey: apiByName(api).key, apiVersion: version, correlationId: 1, clientId: '', clientAddress: '127.0.0.1', listener: LISTENER, principal: 'User:ANONYMOUS', isForwarded: false, now: this.nowMs() }
    let response: Encodable<ResponseOf<N>>
    try {
      const handler = this.#handlers[api] as ApiHandler<N> | undefined
      if (handler === undefined) throw new KafkaError('NOT_CONTROLLER')
      response = await handler(context, request)
    } catch (error) {
      response = errorResponse(api, version, request, asKafkaError(error)) as Encodable<ResponseOf<N>>
    }
    onAnswer(response)
    return encodeResponse(api, version, 1, response).slice()
  }

  // ---- data plane

  /** A client appends; `answer` runs once, unless this process ends before. */
  append(topic: string, partition: number, values: string[], producerId: number, sequence: number, answer: (errorCode: number, baseOffset: number) => void): void {
    const { errorCode, token, baseOffset } = this.#node.replicas.append(topic, partition, values, producerId, sequence)
    if (errorCode !== PENDING) return answer(errorCode, -1)
    if (this.#parts.planted === 'acknowledges before the ISR has it') answer(0, baseOffset)
    else this.#waiting.push({ token, answer, baseOffset })
    this.#planFlush()
  }

  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    this.later(this.#parts.world.between(0, this.#node.flushDelayMaxMs), 'flush', () => {
      this.#flushPlanned = false
      this.#node.replicas.flush()
    }, 'data')
  }

  /** Carries on what has become possible. */
  look(): void {
    const { replicas } = this.#node
    const { world } = this.#parts
    if (this.#ended) return
    for (const fact of replicas.drainFacts()) this.#onFact(fact)
    for (const { to: token, bytes } of replicas.answers()) this.#answer(token, bytes)
    const { frames, againAtMs } = this.#node.fetchesFromMs > world.nowMs ? { frames: [], againAtMs: this.#node.fetchesFromMs } : replicas.requests()
    for (const { to, bytes } of frames) this.#fetch(to, bytes)
    if (againAtMs !== undefined && (againAtMs < this.#againAtMs || this.#againAtMs <= world.nowMs)) {
      this.#againAtMs = againAtMs
      this.later(Math.max(1, againAtMs - world.nowMs), 'fetch again', () => {}, 'data')
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const each of waiting) {
      const code = replicas.outcome(each.token)
      if (code === PENDING) this.#waiting.push(each)
      else each.answer(code, each.baseOffset)
    }
    this.#coordination?.look()
    this.#parts.check(this.#node)
  }

  #onFact(fact: ReplicaFact): void {
    const { world, id } = this.#parts
    const isr = fact.isr.map(({ brokerId, brokerEpoch }) => `${brokerId}@${brokerEpoch}`).join(',')
    world.trace(`${id} ${fact.kind} ${fact.topic}-${fact.partition} epoch ${fact.leaderEpoch}/${fact.partitionEpoch} isr ${isr} ${fact.fromOffset}..${fact.toOffset} ${fact.message}`)
    if (fact.kind !== 'isrProposed') return
    this.#proposals.add(fact as unknown as IsrProposal)
    if (this.#parts.planted === 'a smaller ISR is not waited for') this.#takeShrink(fact)
  }

  /** The leader goes by its own proposal at once. */
  #takeShrink(fact: ReplicaFact): void {
    const image = this.image as ClusterImage
    const [topic] = allTopicLogStates(image, this.#parts.id, this.#configs).filter(({ name }) => name === fact.topic)
    const partition = topic?.partitions.find(({ index }) => index === fact.partition)
    if (topic === undefined || partition === undefined || fact.isr.length >= partition.isr.length) return
    partition.isr = fact.isr.map(({ brokerId }) => brokerId)
    partition.partitionEpoch += 1
    this.#applyTopics([topic], [])
  }

  #fetch(to: number, bytes: Buffer): void {
    const { id, nodes, network, planted } = this.#parts
    const sent = Buffer.from(bytes)
    if (planted === 'a former life of a broker joins the ISR' && sent.readInt16BE(0) === 1) sent.writeBigInt64BE(-1n, sent.length - BROKER_EPOCH_FROM_END)
    const connection = this.#connection(to, FETCH)
    let isOver = false
    const finish = (frame: Buffer | undefined): void =>
      this.now('fetched', () => {
        if (isOver) return
        isOver = true
        if (frame === undefined) this.#giveUp(to, FETCH)
        this.#node.replicas.onAnswer(to, frame)
      }, 'data')
    this.later(SOCKET_TIMEOUT_MS, 'fetch time-out', () => finish(undefined), 'data')
    const lost = (): void => finish(undefined)
    const arrive = (): void => {
      const life = nodes.get(to)?.life
      if (life === null || life === undefined) return void network.send(to, id, connection, 'refused', lost, lost)
      life.now(`serve fetch of ${id}`, () => life.#serveFetch(sent, (frame) => void (frame === null ? network.send(to, id, connection, 'refused', lost, lost) : network.send(to, id, connection, 'fetch answer', () => finish(frame), lost))), 'data')
    }
    network.send(id, to, connection, FETCH, arrive, lost)
  }

  #serveFetch(frame: Buffer, answer: (frame: Buffer | null) => void): void {
    const token = this.#tokenCount++
    let now: Buffer | null
    try {
      now = this.#node.replicas.serve(token, frame)
    } catch (error) {
      this.#parts.world.fail(new Violation(`a fetch cannot be read: ${String(error)}`))
      return
    }
    if (now !== null) return answer(now)
    this.#tokens.set(token, answer)
    this.later(FETCH_WAIT_MS, 'fetch waited', () => {}, 'data')
  }

  #answer(token: number, frame: Buffer): void {
    const answer = this.#tokens.get(token)
    this.#tokens.delete(token)
    answer?.(Buffer.from(frame))
  }
}

/** The addon knows no null. */
function withoutNulls(state: ClusterState): ClusterState {
  return { ...state, peers: state.peers.map(({ rack: _, ...peer }) => peer as (typeof state.peers)[number]) }
}
