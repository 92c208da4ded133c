// A broker's life in the cluster (KIP-631): it registers, is fenced until it has caught up with the metadata, tells the
// controller that it is alive, and hands its leaderships over before it stops.

import type { BrokerImage } from '../metadata/cluster-image.ts'
import { ERRORS, errorName, KafkaError } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import { MillraceError, errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ControllerClient } from './controller-client.ts'
import type { Registration } from './registration.ts'

export type LifecycleDeps = {
  readonly nodeId: number
  readonly incarnationId: Uuid
  readonly controller: Pick<ControllerClient, 'call'>
  registration(): Registration
  /** Log directories that have failed, and those that take no new replicas. */
  logDirs(): { readonly offline: readonly Uuid[]; readonly cordoned: readonly Uuid[] }
  /** This broker as the image has it, and the offset of the image. */
  self(): { readonly broker: BrokerImage | undefined; readonly metadataOffset: bigint }
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
}

const REGISTRATION_VERSION = 4
const HEARTBEAT_VERSION = 2
const REGISTRATION_TIMEOUT_MS = 60_000
const REGISTRATION_BACKOFF_MS = 500
/** Between heartbeats while there is something to wait for. */
const IMPATIENT_INTERVAL_MS = 50
/** A broker that wants to stop does not wait longer for a controller: where most nodes stop together there is none any more. */
const SHUTDOWN_CALL_TIMEOUT_MS = 4000
const TIMER = 'broker-heartbeat'

type Waiting = { readonly isReached: () => boolean; readonly resolve: () => void }

export class BrokerLifecycle {
  readonly #deps: LifecycleDeps
  #epoch = -1n
  #isFenced = true
  #hasBegun = false
  #wantsShutDown = false
  #shouldShutDown = false
  #waiting: Waiting[] = []
  #closed = false

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
  }

  /** This broker's epoch; -1 until the metadata tells of its registration. */
  get epoch(): bigint {
    return this.#isSeen() ? this.#epoch : -1n
  }

  /** Resolves once the registration of this process is part of the image. Throws where the controller will not have it. */
  async register(): Promise<void> {
    const { clock } = this.#deps
    const deadlineMs = clock.monotonicMs() + REGISTRATION_TIMEOUT_MS
    for (;;) {
      const code = await this.#tryRegister()
      if (code === 0) break
      const error = new KafkaError(errorName(code))
      // Its process before may be taken for alive until its session has ended.
      if (code !== ERRORS.DUPLICATE_BROKER_REGISTRATION.code || clock.monotonicMs() > deadlineMs) {
        throw new MillraceError('REGISTRATION', `the controller refuses node ${this.#deps.nodeId}: ${error.errorName} (${error.message})`)
      }
      await this.#pause('broker-registration', REGISTRATION_BACKOFF_MS)
    }
    await this.#until(() => this.#isSeen())
  }

  /** Begins to tell the controller that this broker is alive; resolves once it is not fenced any more, as this node has it. */
  async unfence(): Promise<void> {
    this.#hasBegun = true
    void this.#beat()
    await this.#until(() => this.#isSeen() && this.#deps.self().broker?.fenced === false)
  }

  /** Has the controller take the leaderships away; resolves when this broker may stop, or when that took too long. */
  async shutDown(timeoutMs: number): Promise<void> {
    this.#wantsShutDown = true
    this.#deps.timers.set(TIMER, 0, () => void this.#beat())
    await Promise.race([this.#until(() => this.#shouldShutDown), this.#pause('controlled-shutdown', timeoutMs)])
    if (!this.#shouldShutDown) this.#deps.logger.warn('stops without having handed over all leaderships', { waitedMs: timeoutMs })
  }

  /** Has the controller know at once what it would learn with the next heartbeat. */
  hasten(): void {
    if (this.#hasBegun && !this.#closed) this.#deps.timers.set(TIMER, 0, () => void this.#beat())
  }

  close(): void {
    this.#closed = true
    this.#deps.timers.cancel(TIMER)
  }

  /** To be called at every change of the metadata. */
  onChange(): void {
    const reached = this.#waiting.filter(({ isReached }) => isReached())
    this.#waiting = this.#waiting.filter((waiting) => !reached.includes(waiting))
    for (const { resolve } of reached) resolve()
  }

  #isSeen(): boolean {
    const { broker } = this.#deps.self()
    return broker?.incarnationId === this.#deps.incarnationId && broker.epoch === this.#epoch
  }

  async #tryRegister(): Promise<number> {
    const { controller, nodeId, incarnationId, registration } = this.#deps
    const request = { ...registration(), brokerId: nodeId, incarnationId }
    try {
      const { errorCode, brokerEpoch } = await controller.call('BrokerRegistration', request, { version: REGISTRATION_VERSION, timeoutMs: REGISTRATION_TIMEOUT_MS, channel: 'lifecycle' })
      if (errorCode === 0) this.#epoch = brokerEpoch
      return errorCode
    } catch (error) {
      if (error instanceof KafkaError) return error.errorCode
      throw error
    }
  }

  async #beat(): Promise<void> {
    const { controller, nodeId, heartbeatIntervalMs, sessionTimeoutMs, timers, self } = this.#deps
    const wantShutDown = this.#wantsShutDown
    let delayMs = heartbeatIntervalMs
    try {
      const { offline, cordoned } = this.#deps.logDirs()
      const request = { brokerId: nodeId, brokerEpoch: this.#epoch, currentMetadataOffset: self().metadataOffset, wantFence: false, wantShutDown, offlineLogDirs: [...offline], cordonedLogDirs: [...cordoned] }
      const response = await controller.call('BrokerHeartbeat', request, { version: HEARTBEAT_VERSION, timeoutMs: wantShutDown ? Math.min(sessionTimeoutMs, SHUTDOWN_CALL_TIMEOUT_MS) : sessionTimeoutMs, channel: 'lifecycle' })
      delayMs = await this.#take(response, wantShutDown)
    } catch (error) {
      if (this.#closed) return
      const code = error instanceof KafkaError ? error.errorCode : -1
      delayMs = IMPATIENT_INTERVAL_MS
      if (code === ERRORS.STALE_BROKER_EPOCH.code || code === ERRORS.BROKER_ID_NOT_REGISTERED.code) delayMs = await this.#registerAgain(code)
      else this.#deps.logger.warn('the controller does not answer heartbeats', { error: errorMessage(error) })
      if (wantShutDown) this.#stopWaiting()
    }
    if (this.#closed || this.#shouldShutDown) return
    timers.set(TIMER, this.#wantsShutDown ? Math.min(delayMs, IMPATIENT_INTERVAL_MS) : delayMs, () => void this.#beat())
  }

  /** The time until the next heartbeat. */
  async #take({ errorCode, isFenced, shouldShutDown }: { errorCode: number; isFenced: boolean; shouldShutDown: boolean }, wantedShutDown: boolean): Promise<number> {
    if (errorCode === ERRORS.STALE_BROKER_EPOCH.code || errorCode === ERRORS.BROKER_ID_NOT_REGISTERED.code) {
      return await this.#registerAgain(errorCode)
    }
    if (errorCode !== 0) {
      this.#deps.logger.warn('the controller refuses a heartbeat', { error: errorName(errorCode) })
      return this.#deps.heartbeatIntervalMs
    }
    if (isFenced !== this.#isFenced && !wantedShutDown) this.#deps.logger.info(isFenced ? 'this broker is fenced' : 'this broker is unfenced')
    this.#isFenced = isFenced
    if (wantedShutDown && shouldShutDown) this.#shouldShutDown = true
    this.onChange()
    return isFenced ? IMPATIENT_INTERVAL_MS : this.#deps.heartbeatIntervalMs
  }

  /** The time until the next heartbeat. */
  async #registerAgain(code: number): Promise<number> {
    // Nobody waits for a broker that is not registered.
    if (this.#wantsShutDown) {
      this.#stopWaiting()
      return IMPATIENT_INTERVAL_MS
    }
    this.#deps.logger.warn('registers again', { because: errorName(code) })
    const refused = await this.#tryRegister()
    if (refused === 0) return IMPATIENT_INTERVAL_MS
    this.#deps.logger.error('the controller refuses this broker', { error: errorName(refused) })
    return REGISTRATION_BACKOFF_MS
  }

  #stopWaiting(): void {
    this.#shouldShutDown = true
    this.onChange()
  }

  #until(isReached: () => boolean): Promise<void> {
    if (isReached()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ isReached, resolve }))
  }

  #pause(timer: string, delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#deps.timers.set(timer, delayMs, resolve))
  }
}
