// The controller of this node at work: it takes the lead of the cluster up and gives it up as the quorum says, and is called
// to its own business from time to time while it leads.

import type { ClusterConfigs } from '../metadata/cluster-configs.ts'
import type { ActiveController } from '../metadata/controller/active-controller.ts'
import { raiseFeatures } from '../metadata/controller/cluster-records.ts'
import { initialFeatureLevels } from '../metadata/features.ts'
import type { MetadataRuntime } from '../metadata/metadata-runtime.ts'
import type { Leadership } from '../metadata/quorum-metadata-log.ts'
import type { Clock } from '../shared/clock.ts'
import type { Timers } from '../shared/timers.ts'

export type ControllerDutyDeps = {
  readonly controller: ActiveController
  readonly metadata: MetadataRuntime
  readonly configs: ClusterConfigs
  readonly clock: Clock
  readonly timers: Timers
}

const TICK_MS = 200
const TIMER = 'controller'

export class ControllerDuty {
  readonly #deps: ControllerDutyDeps

  constructor(deps: ControllerDutyDeps) {
    this.#deps = deps
  }

  onLeadership({ isActive, epoch }: Leadership): void {
    const { controller, clock, timers } = this.#deps
    if (!isActive) {
      timers.cancel(TIMER)
      return controller.deactivate()
    }
    controller.activate(epoch, clock.monotonicMs())
    this.#setFirstFeatureLevels()
    timers.set(TIMER, 0, () => void this.#attend())
  }

  /** A cluster begins with the levels of its first controller. */
  #setFirstFeatureLevels(): void {
    const { metadata, configs } = this.#deps
    if (metadata.image.features.size > 0) return
    const levels = metadata.write((image) => raiseFeatures(image, image.features.size === 0 ? initialFeatureLevels() : new Map(), configs.fallbacks(image).broker('min.insync.replicas')))
    // Whoever leads next finds none, either.
    void levels.catch(() => undefined)
  }

  async #attend(): Promise<void> {
    const { controller, timers } = this.#deps
    await controller.attend()
    if (controller.isActive) timers.set(TIMER, TICK_MS, () => void this.#attend())
  }
}
