// Balances the cluster while this broker is the active controller: looks every `balancer.interval.ms`, and soon after
// brokers came, went or were told to drain; makes a plan and carries it out, one wave after the other. It is on unless
// `balancer.enable` says otherwise; brokers that are to drain are emptied either way, since that was asked for.

import type { BalancerState } from '../metadata/balancer/balancer-state.ts'
import { PlanExecution } from '../metadata/balancer/plan-execution.ts'
import type { BalancedCluster, ExecutionProgress } from '../metadata/balancer/plan-execution.ts'
import { planBalance, planDrain } from '../metadata/balancer/plan.ts'
import type { BalancerThresholds, Plan } from '../metadata/balancer/plan.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'

export type BalancerSettings = {
  readonly enabled: boolean
  readonly intervalMs: number
  readonly thresholds: BalancerThresholds
  readonly partitionsMax: number
  readonly bytesMax: number
  readonly bytesPerSecond: number
}

export interface RunnerCluster extends BalancedCluster {
  isActiveController(): boolean
  state(): Promise<BalancerState>
  /** Takes throttles away that a controller before this one set and could not take away any more. */
  clearLeftovers(bytesPerSecond: number): Promise<void>
}

export type BalancerRunnerDeps = {
  readonly cluster: RunnerCluster
  /** As they are at the moment. */
  settings(): BalancerSettings
  readonly timers: Timers
  readonly logger: Logger
}

const TIMER = 'balancer'
/** Time for a change of brokers to be followed by others of its kind. */
const SETTLE_MS = 1000
/** How often it is looked whether replicas have arrived. */
const WAVE_CHECK_MS = 1000

export class BalancerRunner {
  readonly #deps: BalancerRunnerDeps
  #execution: PlanExecution | null = null
  /** Whether this broker has been the active controller since the last look. */
  #wasActive = false
  #running: Promise<void> = Promise.resolve()
  #isRunning = false
  #closed = false

  constructor(deps: BalancerRunnerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#schedule(this.#deps.settings().intervalMs)
  }

  /** Brokers came or went, or are to drain or no longer: what is planned may be wrong, and what is not planned may be due. */
  onBrokersChanged(): void {
    this.#execution?.drop()
    if (!this.#isRunning && !this.#closed) this.#schedule(SETTLE_MS)
  }

  /** Of the plan that is being carried out; null while there is none. */
  get progress(): ExecutionProgress | null {
    return this.#execution?.progress ?? null
  }

  /** Begins nothing any more; resolves once nothing is being asked. Moves under way are the controller's to finish. */
  async close(): Promise<void> {
    this.#closed = true
    this.#deps.timers.cancel(TIMER)
    await this.#running
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    this.#deps.timers.set(TIMER, delayMs, () => {
      this.#isRunning = true
      this.#running = this.#look().then((delay) => {
        this.#isRunning = false
        this.#schedule(delay)
      })
    })
  }

  /** Goes on with the plan or makes one; when to look again. */
  async #look(): Promise<number> {
    const { cluster, logger, settings } = this.#deps
    const { intervalMs } = settings()
    if (!cluster.isActiveController()) {
      // The next controller waits for what this one began, and then plans for itself.
      this.#execution = null
      this.#wasActive = false
      return intervalMs
    }
    try {
      if (this.#execution === null && !(await this.#plan())) return this.#wasActive ? intervalMs : Math.min(intervalMs, WAVE_CHECK_MS)
      if (await this.#execution?.step()) return WAVE_CHECK_MS
      logger.info('balanced the cluster', { moves: this.#execution?.progress.movesDone })
      this.#execution = null
      // What was dropped half-way, or came meanwhile, is planned anew.
      return SETTLE_MS
    } catch (error) {
      logger.warn('cannot balance the cluster now', { error })
      return Math.min(intervalMs, 10 * WAVE_CHECK_MS)
    }
  }

  /** Whether there is something to do. While replicas move that this runner did not send, it only waits. */
  async #plan(): Promise<boolean> {
    const { cluster, logger, settings } = this.#deps
    const { enabled, thresholds, partitionsMax, bytesMax, bytesPerSecond } = settings()
    const state = await cluster.state()
    if (state.partitions.some(({ moving }) => moving)) return false
    if (!this.#wasActive) await cluster.clearLeftovers(bytesPerSecond)
    this.#wasActive = true
    const plan = enabled ? planBalance(state, thresholds) : planDrain(state)
    reportBlocked(plan, logger)
    if (plan.moves.length === 0) return false
    const bytes = plan.moves.reduce((sum, move) => sum + move.bytes, 0)
    logger.info('balancing the cluster', { moves: plan.moves.length, bytes, first: plan.moves[0]?.reason })
    const onRefusal = ({ topic, partition, message }: { topic: string; partition: number; message: string }): void => logger.warn('a partition could not be moved', { topic, partition, message })
    this.#execution = new PlanExecution(cluster, plan.moves, { partitionsMax, bytesMax, bytesPerSecond, onRefusal })
    return true
  }
}

function reportBlocked({ blocked }: Plan, logger: Logger): void {
  const [first] = blocked
  if (first !== undefined) logger.warn('replicas cannot leave a broker that drains', { count: blocked.length, topic: first.topic, partition: first.partition, broker: first.broker, reason: first.reason })
}
