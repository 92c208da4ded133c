// Keeps the metadata true about where this broker's replicas lie (KIP-858), and new ones where they should be: the data
// plane chooses a log directory without knowing which are cordoned or asked for, so an empty replica may move at once.

import type { ClusterImage, TopicImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/metadata-delta.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { DirectoryAssignment } from './directory-assignments.ts'
import type { LogDirectories, LogDirectory } from './log-directories.ts'
import type { ReplicaMoves } from './replica-moves.ts'

type Replica = { readonly topic: string; readonly topicId: Uuid; readonly partition: number; /** As the metadata has it. */ readonly directoryId: Uuid }

export type ReplicaPlacementDeps = {
  readonly nodeId: number
  readonly directories: LogDirectories
  /** The log directory of each `topic-partition` that there is. */
  lookUp(): Promise<ReadonlyMap<string, string>>
  readonly moves: Pick<ReplicaMoves, 'place' | 'takePreferred'>
  assign(assignment: DirectoryAssignment): void
  readonly logger: Logger
}

export class ReplicaPlacement {
  readonly #deps: ReplicaPlacementDeps
  #waiting: Replica[] = []
  #isLooking = false

  constructor(deps: ReplicaPlacementDeps) {
    this.#deps = deps
  }

  /** What this broker kept may lie elsewhere than when it stopped. */
  start(image: ClusterImage): void {
    this.#look([...image.topicsById.values()].flatMap((topic) => this.#replicasOf(topic)))
  }

  follow(image: ClusterImage, delta: MetadataDelta): void {
    const replicas = [...delta.topics.keys()].flatMap((id) => {
      const topic = image.topicsById.get(id)
      return topic === undefined ? [] : this.#replicasOf(topic)
    })
    // What the metadata says is what this broker has told.
    this.#look(replicas.filter(({ directoryId }) => !this.#isKnown(directoryId)))
  }

  #replicasOf({ name, id, partitions }: TopicImage): Replica[] {
    return partitions.flatMap(({ index, replicas, directories }) => {
      const directoryId = directories[replicas.indexOf(this.#deps.nodeId)]
      return directoryId === undefined ? [] : [{ topic: name, topicId: id, partition: index, directoryId }]
    })
  }

  #isKnown(directoryId: Uuid): boolean {
    return this.#deps.directories.all.some(({ id }) => id === directoryId)
  }

  #look(replicas: readonly Replica[]): void {
    const { all } = this.#deps.directories
    const [only] = all
    // With one directory there is nothing to look for, and nothing to choose.
    if (all.length === 1 && only !== undefined) return replicas.forEach((replica) => this.#tell(replica, only))
    if (replicas.length === 0) return
    this.#waiting.push(...replicas)
    if (this.#isLooking) return
    this.#isLooking = true
    void this.#lookUp()
  }

  async #lookUp(): Promise<void> {
    while (this.#waiting.length > 0) {
      const replicas = this.#waiting
      this.#waiting = []
      const found = await this.#deps.lookUp()
      const counts = new Map<string, number>()
      for (const path of found.values()) counts.set(path, (counts.get(path) ?? 0) + 1)
      for (const replica of replicas) {
        const directory = this.#deps.directories.at(found.get(`${replica.topic}-${replica.partition}`) ?? '')
        // One that is gone already is nowhere.
        if (directory === undefined) continue
        this.#tell(replica, directory)
        if (!this.#isKnown(replica.directoryId)) this.#settle(replica, directory, counts)
      }
    }
    this.#isLooking = false
  }

  #tell({ topicId, partition, directoryId }: Replica, { id }: LogDirectory): void {
    if (directoryId !== id) this.#deps.assign({ topicId, partition, directoryId: id })
  }

  /** A new replica goes where it was asked to be, or away from where none is to be. */
  #settle({ topic, partition }: Replica, { path }: LogDirectory, counts: Map<string, number>): void {
    const { directories, moves, logger } = this.#deps
    const open = directories.online.filter((directory) => !directories.isCordoned(directory.path))
    const [emptiest] = open.toSorted((a, b) => (counts.get(a.path) ?? 0) - (counts.get(b.path) ?? 0))
    const wanted = moves.takePreferred(topic, partition) ?? (directories.isCordoned(path) ? emptiest?.path : undefined)
    if (wanted === undefined || wanted === path) return
    counts.set(wanted, (counts.get(wanted) ?? 0) + 1)
    try {
      moves.place(topic, partition, wanted)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      logger.warn('leaves a replica in the log directory it came to', { topic, partition, logDir: path, wanted, error: errorMessage(error) })
    }
  }
}
