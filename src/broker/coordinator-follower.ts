// Which partitions of the internal topics this broker coordinates: each is loaded when this broker begins to lead it in an
// epoch, and given up when it no longer does.

import type { ClusterImage } from '../metadata/cluster-image.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Uuid } from '../shared/uuid.ts'

export interface Coordinator {
  /** Resolves when requests are answered; rejects where the log cannot be read, and goes on trying. */
  load(partition: number, leaderEpoch: number): Promise<void>
  unload(partition: number): void
}

export class CoordinatorFollower {
  readonly #topic: string
  readonly #coordinator: Coordinator
  readonly #nodeId: number
  readonly #logger: Logger
  #topicId: Uuid | undefined
  /** The leader epoch of each partition that this broker leads. */
  readonly #led = new Map<number, number>()

  constructor(topic: string, coordinator: Coordinator, nodeId: number, logger: Logger) {
    this.#topic = topic
    this.#coordinator = coordinator
    this.#nodeId = nodeId
    this.#logger = logger
  }

  follow(image: ClusterImage): void {
    const { id, partitions } = image.topicsByName.get(this.#topic) ?? { id: undefined, partitions: [] }
    // What is known of a topic says nothing of one of the same name that was made anew.
    if (id !== this.#topicId) this.#unloadAll()
    this.#topicId = id
    const led = new Map(partitions.filter(({ leader }) => leader === this.#nodeId).map(({ index, leaderEpoch }) => [index, leaderEpoch]))
    for (const [partition, leaderEpoch] of this.#led) {
      if ((led.get(partition) ?? -1) < leaderEpoch) this.#unload(partition)
    }
    for (const [partition, leaderEpoch] of led) {
      if (this.#led.get(partition) === leaderEpoch) continue
      this.#led.set(partition, leaderEpoch)
      void this.#load(partition, leaderEpoch)
    }
  }

  #unloadAll(): void {
    for (const partition of [...this.#led.keys()]) this.#unload(partition)
  }

  #unload(partition: number): void {
    this.#led.delete(partition)
    this.#coordinator.unload(partition)
  }

  async #load(partition: number, leaderEpoch: number): Promise<void> {
    try {
      await this.#coordinator.load(partition, leaderEpoch)
    } catch (error) {
      // Its groups or transactions are refused meanwhile, all others go on.
      this.#logger.error('cannot load a coordinator partition', { topic: this.#topic, partition, leaderEpoch, error: errorMessage(error) })
    }
  }
}
