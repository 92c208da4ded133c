// Moves replicas between this broker's log directories (KIP-113), one at a time: a move keeps a thread busy for as long as
// it takes. What is asked for last counts; a move that is under way is finished first, since its copy is nearly there or small.

import type { DataPlane, TopicPartition } from '../native.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { LogDirectories } from './log-directories.ts'

export type FutureReplica = TopicPartition & { readonly logDir: string; readonly sizeBytes: number; /** What the copy does not have yet, in offsets. */ readonly offsetLag: bigint }

export type ReplicaMovesDeps = {
  readonly dataPlane: Pick<DataPlane, 'moveReplica' | 'partitionOffsets'>
  readonly directories: LogDirectories
  /** Whether the partition exists, and whether this broker keeps a replica of it. */
  replica(topic: string, partition: number): 'here' | 'elsewhere' | 'unknown'
  /** Bytes that a copy has already. */
  copiedBytes(logDir: string, topic: string, partition: number): Promise<number>
  onMoved(topic: string, partition: number, logDir: string): void
  readonly logger: Logger
}

/** Linux' limit of a file name, which the name of a copy must keep to. */
const NAME_LENGTH_MAX = 255
const FUTURE_NAME = `.${'0'.repeat(32)}-future`

export class ReplicaMoves {
  readonly #deps: ReplicaMovesDeps
  /** Where replicas are to lie, in the order in which they were asked for. */
  readonly #wanted = new Map<string, TopicPartition & { logDir: string }>()
  /** Where replicas are to lie that are not here yet. */
  readonly #preferred = new Map<string, string>()
  /** The replica whose move is under way. */
  #moving: string | undefined
  #isMoving = false
  #closed = false

  constructor(deps: ReplicaMovesDeps) {
    this.#deps = deps
  }

  /**
   * Has a replica lie in `logDir` in time; one that is not here yet, from when it is. Throws INVALID_TOPIC_EXCEPTION,
   * LOG_DIR_NOT_FOUND, KAFKA_STORAGE_ERROR, INVALID_REPLICA_ASSIGNMENT where it may not, UNKNOWN_TOPIC_OR_PARTITION and
   * REPLICA_NOT_AVAILABLE where there is no replica now.
   */
  place(topic: string, partition: number, logDir: string): void {
    const { directories, replica } = this.#deps
    if (`${topic}-${partition}${FUTURE_NAME}`.length > NAME_LENGTH_MAX) throw new KafkaError('INVALID_TOPIC_EXCEPTION', 'The topic name is too long for a replica that moves.')
    if (directories.at(logDir) === undefined) throw new KafkaError('LOG_DIR_NOT_FOUND', `${logDir} is none of this broker's log directories.`)
    if (!directories.isOnline(logDir)) throw new KafkaError('KAFKA_STORAGE_ERROR', `${logDir} has failed.`)
    if (directories.isCordoned(logDir)) throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', `${logDir} is one of cordoned.log.dirs and takes no replicas.`)
    const where = replica(topic, partition)
    const key = keyOf(topic, partition)
    if (where === 'here') return this.#begin(key, { topic, partition, logDir })
    this.#preferred.set(key, logDir)
    throw where === 'unknown' ? new KafkaError('UNKNOWN_TOPIC_OR_PARTITION') : new KafkaError('REPLICA_NOT_AVAILABLE')
  }

  /** Where a replica that has just come was to lie; asked once. */
  takePreferred(topic: string, partition: number): string | undefined {
    const key = keyOf(topic, partition)
    const logDir = this.#preferred.get(key)
    this.#preferred.delete(key)
    return logDir
  }

  isCordoned(logDir: string): boolean {
    return this.#deps.directories.isCordoned(logDir)
  }

  /** The replicas that move or wait for it. What is left is told by bytes: records are taken for about as large everywhere. */
  future(): Promise<FutureReplica[]> {
    const { dataPlane, copiedBytes } = this.#deps
    return Promise.all(
      [...this.#wanted.values()].map(async ({ topic, partition, logDir }) => {
        const sizeBytes = await copiedBytes(logDir, topic, partition)
        const [offsets] = dataPlane.partitionOffsets([{ topic, partition }])
        if (offsets == null) return { topic, partition, logDir, sizeBytes, offsetLag: 0n }
        const left = offsets.sizeBytes === 0 ? 0 : Math.max(0, 1 - sizeBytes / offsets.sizeBytes)
        return { topic, partition, logDir, sizeBytes, offsetLag: BigInt(Math.ceil(Number(offsets.logEndOffset - offsets.logStartOffset) * left)) }
      }),
    )
  }

  close(): void {
    this.#closed = true
    this.#wanted.clear()
  }

  #begin(key: string, wanted: TopicPartition & { logDir: string }): void {
    if (this.#wanted.get(key)?.logDir === wanted.logDir) return
    this.#wanted.delete(key)
    const [offsets] = this.#deps.dataPlane.partitionOffsets([wanted])
    if (offsets?.logDir === wanted.logDir && this.#moving !== key) return
    this.#wanted.set(key, wanted)
    if (this.#isMoving) return
    this.#isMoving = true
    void this.#moveAll()
  }

  async #moveAll(): Promise<void> {
    for (let next = this.#next(); next !== undefined && !this.#closed; next = this.#next()) {
      const [key, wanted] = next
      this.#moving = key
      await this.#move(wanted)
      this.#moving = undefined
      // Another directory may have been asked for meanwhile.
      if (this.#wanted.get(key) === wanted) this.#wanted.delete(key)
    }
    this.#isMoving = false
  }

  #next(): [string, TopicPartition & { logDir: string }] | undefined {
    return this.#wanted.entries().next().value
  }

  async #move({ topic, partition, logDir }: TopicPartition & { logDir: string }): Promise<void> {
    const { dataPlane, logger, onMoved } = this.#deps
    try {
      await dataPlane.moveReplica(topic, partition, logDir)
      logger.info('moved a replica to another log directory', { topic, partition, logDir })
      onMoved(topic, partition, logDir)
    } catch (error) {
      if (!this.#closed) logger.warn('cannot move a replica to another log directory', { topic, partition, logDir, error: errorMessage(error) })
    }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
