// The controller while this node leads the quorum: it answers brokers, notices those that fall silent, and looks after
// leaderships from time to time. What it decides is pure and elsewhere; here is what lasts only as long as the lead does.
//
// Times are of a clock that never jumps. `tick` must be called several times in a session time-out: a controller that was
// not running itself, be it for a stalled event loop, has heard nobody and blames nobody.

import { KafkaError } from '../../protocol/error-codes.ts'
import type { AlterPartitionRequest, AlterPartitionResponse, AssignReplicasToDirsRequest, AssignReplicasToDirsResponse, BrokerHeartbeatRequest, BrokerRegistrationRequest } from '../../protocol/messages.ts'
import type { Logger } from '../../shared/logger.ts'
import type { ClusterImage } from '../cluster-image.ts'
import type { MetadataDelta } from '../metadata-delta.ts'
import type { ControllerOperation, MetadataListener } from '../metadata-runtime.ts'
import { alterPartitions } from './alter-partition.ts'
import { assignDirectories } from './assign-directories.ts'
import { electOnline, fenceBroker, PARTITIONS_PER_STEP_MAX } from './broker-changes.ts'
import type { ChangeParts } from './broker-changes.ts'
import { heartbeat, registeredBroker } from './broker-heartbeat.ts'
import type { HeartbeatStep } from './broker-heartbeat.ts'
import { BrokerSessions } from './broker-sessions.ts'
import { allocateProducerIds } from './cluster-records.ts'
import type { ProducerIdBlock } from './cluster-records.ts'
import { balanceLeaders, electUncleanLeaders } from './elect-leaders.ts'
import { hasLeaderships } from './partition-index.ts'
import { registerBroker } from './register-broker.ts'
import type { TopicPolicies } from './topic-policies.ts'

export type ControllerSettings = {
  /** `broker.session.timeout.ms` */
  readonly sessionTimeoutMs: number
  /** `auto.leader.rebalance.enable` */
  readonly balancesLeaders: boolean
  /** `leader.imbalance.check.interval.seconds` */
  readonly balanceIntervalMs: number
  /** `unclean.leader.election.interval.ms` */
  readonly uncleanElectionIntervalMs: number
}

export type ActiveControllerParts = {
  readonly runtime: {
    readonly image: ClusterImage
    write<R>(operation: ControllerOperation<R>): Promise<R>
    onChange(listener: MetadataListener): void
  }
  readonly policies: TopicPolicies
  readonly settings: ControllerSettings
  readonly monotonicMs: () => number
  readonly logger: Logger
  /** Partitions that one append may change. */
  readonly partitionCountMax?: number
}

/** A piece of the controller's own business. Where its response is not the last, there is more of it. */
export type Turn = { readonly duty: Duty; /** Whose session has ended. */ readonly brokerId: number | null; readonly decide: ControllerOperation<{ readonly isLast: boolean }> }
/** In the order in which they are attended to when all are due. */
const DUTIES = ['elections', 'uncleanElections', 'balance'] as const
type Duty = 'sessions' | (typeof DUTIES)[number]

/** A gap between two ticks beyond this part of a session time-out counts as time in which nobody could be heard. */
const TICKS_PER_SESSION_MIN = 3
const NEVER = Number.POSITIVE_INFINITY

export class ActiveController {
  readonly #parts: ActiveControllerParts
  readonly #changes: ChangeParts
  readonly #sessions: BrokerSessions
  readonly #dueMs: Record<(typeof DUTIES)[number], number> = { elections: NEVER, uncleanElections: NEVER, balance: NEVER }
  #epoch: number | null = null
  #tickMs = 0

  constructor(parts: ActiveControllerParts) {
    this.#parts = parts
    this.#changes = { policies: parts.policies, partitionCountMax: parts.partitionCountMax ?? PARTITIONS_PER_STEP_MAX }
    this.#sessions = new BrokerSessions(parts.settings.sessionTimeoutMs)
    parts.runtime.onChange((_image, delta) => this.#follow(delta))
  }

  get isActive(): boolean {
    return this.#epoch !== null
  }

  /** This node leads in `epoch` and knows everything before it. */
  activate(epoch: number, now: number): void {
    const { runtime, settings, logger } = this.#parts
    this.#epoch = epoch
    this.#tickMs = now
    this.#sessions.begin(runtime.image, now)
    this.#dueMs.elections = now
    this.#dueMs.uncleanElections = now
    this.#dueMs.balance = settings.balancesLeaders ? now + settings.balanceIntervalMs : NEVER
    logger.info('this node is the active controller', { epoch })
  }

  /** Another node leads, or none. */
  deactivate(): void {
    if (this.#epoch !== null) this.#parts.logger.info('this node is no longer the active controller', { epoch: this.#epoch })
    this.#epoch = null
  }

  /** Resolves with the broker's epoch. Rejects with NOT_CONTROLLER where another node leads, as all below. */
  async registerBroker(request: BrokerRegistrationRequest, now: number): Promise<bigint> {
    for (;;) {
      const step = await this.#write((image) => registerBroker(image, request, { ...this.#changes, isAlive: this.#sessions.isAlive(request.brokerId, now) }))
      if (!step.isLast) continue
      this.#sessions.hear(request.brokerId, step.epoch, -1n, now)
      this.#parts.logger.info('registered a broker', { brokerId: request.brokerId, epoch: step.epoch, incarnationId: request.incarnationId })
      return step.epoch
    }
  }

  async heartbeat(request: BrokerHeartbeatRequest, now: number): Promise<HeartbeatStep> {
    this.#checkActive()
    const { brokerId, brokerEpoch } = request
    // It is alive from now on, however long what it wants takes.
    registeredBroker(this.#parts.runtime.image, brokerId, brokerEpoch)
    this.#sessions.hear(brokerId, brokerEpoch, request.currentMetadataOffset, now)
    for (;;) {
      const step = await this.#write((image) =>
        heartbeat(image, request, {
          ...this.#changes,
          controlledShutdownOffset: this.#sessions.controlledShutdownOffset(brokerId),
          lowestActiveOffset: this.#sessions.lowestActiveOffset(image),
        }),
      )
      if (!step.isLast) {
        // What an append had no room for is as good for the next turn.
        this.#dueMs.elections = now
        continue
      }
      if (step.inControlledShutdown) this.#sessions.beginShutdown(brokerId, this.#parts.runtime.image.offset)
      if (step.shouldShutDown) this.#sessions.end(brokerId)
      return step
    }
  }

  alterPartitions(request: AlterPartitionRequest, apiVersion: number): Promise<AlterPartitionResponse['topics']> {
    return this.#write((image) => alterPartitions(image, request, apiVersion, this.#parts.policies))
  }

  assignDirectories(request: AssignReplicasToDirsRequest): Promise<AssignReplicasToDirsResponse['directories']> {
    return this.#write((image) => assignDirectories(image, request, this.#parts.policies))
  }

  allocateProducerIds(brokerId: number, brokerEpoch: bigint): Promise<ProducerIdBlock> {
    return this.#write((image) => {
      registeredBroker(image, brokerId, brokerEpoch)
      return allocateProducerIds(image, brokerId)
    })
  }

  /** The next that is to be decided by itself; undefined where nothing is due. */
  tick(now: number): Turn | undefined {
    if (this.#epoch === null) return undefined
    this.#excuseGap(now)
    const silent = this.#silentBroker(now)
    if (silent !== undefined) return { duty: 'sessions', brokerId: silent, decide: (image) => this.#fence(image, silent, now) }
    const duty = DUTIES.find((each) => this.#dueMs[each] <= now)
    if (duty === undefined) return undefined
    this.#dueMs[duty] = this.#nextMs(duty, now)
    return { duty, brokerId: null, decide: (image) => this.#attend(image, duty) }
  }

  /** Takes turns until nothing is due. What cannot be written now is for the next call. */
  async attend(): Promise<void> {
    const { runtime, monotonicMs, logger } = this.#parts
    for (let turn = this.tick(monotonicMs()); turn !== undefined; turn = this.tick(monotonicMs())) {
      const { duty, brokerId } = turn
      const outcome = await runtime.write(turn.decide).catch(() => undefined)
      if (outcome?.isLast !== true && duty !== 'sessions') this.#dueMs[duty] = monotonicMs()
      // Why it failed is in the log already, from the runtime.
      if (outcome === undefined) return
      if (outcome.isLast && brokerId !== null) logger.warn('fenced a broker that was not heard for broker.session.timeout.ms', { brokerId })
    }
  }

  async #write<R>(operation: ControllerOperation<R>): Promise<R> {
    const epoch = this.#checkActive()
    const response = await this.#parts.runtime.write(operation)
    // Without records nothing tells that another node decides by now.
    if (this.#epoch !== epoch) throw new KafkaError('NOT_CONTROLLER')
    return response
  }

  #checkActive(): number {
    if (this.#epoch === null) throw new KafkaError('NOT_CONTROLLER')
    return this.#epoch
  }

  #follow(delta: MetadataDelta): void {
    if (this.#epoch === null) return
    const now = this.#parts.monotonicMs()
    this.#sessions.follow(delta.brokers, now)
    // A topic may have been given leave to be led uncleanly.
    if (delta.configs.size > 0) this.#dueMs.uncleanElections = Math.min(this.#dueMs.uncleanElections, now)
  }

  #excuseGap(now: number): void {
    const gapMs = now - this.#tickMs
    this.#tickMs = now
    if (gapMs > this.#parts.settings.sessionTimeoutMs / TICKS_PER_SESSION_MIN) this.#sessions.postpone(gapMs, now)
  }

  /** A broker that counts as failed and still has something to lose. */
  #silentBroker(now: number): number | undefined {
    const { image } = this.#parts.runtime
    for (const { id, fenced } of image.brokers.values()) {
      if (this.#sessions.hasExpired(id, now) && (!fenced || hasLeaderships(image, id))) return id
    }
    return undefined
  }

  #fence(image: ClusterImage, brokerId: number, now: number): ReturnType<Turn['decide']> {
    const broker = image.brokers.get(brokerId)
    if (broker === undefined || !this.#sessions.hasExpired(brokerId, now)) return { records: [], response: { isLast: true } }
    const { records, isLast } = fenceBroker(image, broker, this.#changes)
    return { records, response: { isLast } }
  }

  #attend(image: ClusterImage, duty: (typeof DUTIES)[number]): ReturnType<Turn['decide']> {
    switch (duty) {
      case 'elections': {
        const { records, isLast } = electOnline(image, this.#changes)
        return { records, response: { isLast } }
      }
      case 'uncleanElections':
        return electUncleanLeaders(image, this.#parts.policies)
      case 'balance':
        return balanceLeaders(image, this.#parts.policies)
    }
  }

  #nextMs(duty: (typeof DUTIES)[number], now: number): number {
    const { balanceIntervalMs, uncleanElectionIntervalMs } = this.#parts.settings
    switch (duty) {
      case 'elections':
        return NEVER
      case 'uncleanElections':
        return now + uncleanElectionIntervalMs
      case 'balance':
        return now + balanceIntervalMs
    }
  }
}
