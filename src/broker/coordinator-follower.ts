// Which partitions of the internal topics this broker coordinates: each is loaded when this broker begins to lead it and
// given up when it no longer does.

import type { ClusterImage } from '../metadata/cluster-image.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'

export interface Coordinator {
  /** Resolves when requests are answered; rejects where the log cannot be read. */
  load(partition: number): Promise<void>
  unload(partition: number): void
}

export class CoordinatorFollower {
  readonly #topic: string
  readonly #coordinator: Coordinator
  readonly #nodeId: number
  readonly #logger: Logger
  readonly #led = new Set<number>()

  constructor(topic: string, coordinator: Coordinator, nodeId: number, logger: Logger) {
    this.#topic = topic
    this.#coordinator = coordinator
    this.#nodeId = nodeId
    this.#logger = logger
  }

  follow(image: ClusterImage): void {
    const partitions = image.topicsByName.get(this.#topic)?.partitions ?? []
    const led = new Set(partitions.filter(({ leader }) => leader === this.#nodeId).map(({ index }) => index))
    for (const partition of this.#led) {
      if (led.has(partition)) continue
      this.#led.delete(partition)
      this.#coordinator.unload(partition)
    }
    for (const partition of led) {
      if (this.#led.has(partition)) continue
      this.#led.add(partition)
      void this.#load(partition)
    }
  }

  async #load(partition: number): Promise<void> {
    try {
      await this.#coordinator.load(partition)
    } catch (error) {
      // Its groups or transactions are refused, all others go on.
      this.#logger.error('cannot load a coordinator partition', { topic: this.#topic, partition, error: errorMessage(error) })
      this.#led.delete(partition)
    }
  }
}
