// Tells the controller in which of this broker's log directories its replicas lie (KIP-858), so that it knows what is lost
// with each of them.

import { ERRORS, errorName } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import { errorMessage } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ControllerClient } from './controller-client.ts'

export type DirectoryAssignment = { readonly topicId: Uuid; readonly partition: number; readonly directoryId: Uuid }
export type DirectoryAssignmentsDeps = {
  readonly nodeId: number
  brokerEpoch(): bigint
  readonly controller: Pick<ControllerClient, 'call'>
  readonly timers: Timers
  readonly logger: Logger
}

const CALL = { version: 0, timeoutMs: 30_000, channel: 'directories' }
/** In one request, as in Kafka. */
const ASSIGNMENTS_MAX = 2250
const BACKOFF_MS = 500
const TIMER = 'directory-assignments'
/** What is not this broker's replica any more has no directory. */
const GONE: ReadonlySet<number> = new Set((['NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION'] satisfies ErrorName[]).map((name) => ERRORS[name].code))

export class DirectoryAssignments {
  readonly #deps: DirectoryAssignmentsDeps
  /** By partition: only where it lies in the end counts. */
  #waiting = new Map<string, DirectoryAssignment>()
  #isSending = false

  constructor(deps: DirectoryAssignmentsDeps) {
    this.#deps = deps
  }

  /** Those of one turn of the event loop, and those that come while one request is out, go together. */
  add(assignment: DirectoryAssignment): void {
    this.#waiting.set(keyOf(assignment), assignment)
    if (this.#isSending) return
    this.#isSending = true
    queueMicrotask(() => void this.#sendAll())
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const assignments = [...this.#waiting.values()].slice(0, ASSIGNMENTS_MAX)
      for (const assignment of assignments) this.#waiting.delete(keyOf(assignment))
      const refused = await this.#send(assignments)
      if (refused.length === 0) continue
      for (const assignment of refused) if (!this.#waiting.has(keyOf(assignment))) this.#waiting.set(keyOf(assignment), assignment)
      this.#deps.timers.set(TIMER, BACKOFF_MS, () => void this.#sendAll())
      return
    }
    this.#isSending = false
  }

  /** Resolves with those that are to be told again. */
  async #send(assignments: readonly DirectoryAssignment[]): Promise<readonly DirectoryAssignment[]> {
    const { nodeId, brokerEpoch, controller, logger } = this.#deps
    try {
      const { errorCode, directories } = await controller.call('AssignReplicasToDirs', { brokerId: nodeId, brokerEpoch: brokerEpoch(), directories: byDirectory(assignments) }, CALL)
      if (errorCode !== 0) throw new Error(errorName(errorCode))
      const settled = new Set<string>()
      for (const { topics } of directories) {
        for (const { topicId, partitions } of topics) {
          for (const { partitionIndex: partition, errorCode: code } of partitions) if (code === 0 || GONE.has(code)) settled.add(keyOf({ topicId, partition }))
        }
      }
      return assignments.filter((assignment) => !settled.has(keyOf(assignment)))
    } catch (error) {
      logger.warn('cannot tell the controller where replicas lie', { partitions: assignments.length, error: errorMessage(error) })
      return assignments
    }
  }
}

function keyOf({ topicId, partition }: Pick<DirectoryAssignment, 'topicId' | 'partition'>): string {
  return `${topicId}:${partition}`
}

function byDirectory(assignments: readonly DirectoryAssignment[]) {
  const directories = new Map<Uuid, Map<Uuid, { partitionIndex: number }[]>>()
  for (const { topicId, partition, directoryId } of assignments) {
    const topics = directories.get(directoryId) ?? new Map<Uuid, { partitionIndex: number }[]>()
    directories.set(directoryId, topics)
    const partitions = topics.get(topicId) ?? []
    topics.set(topicId, partitions)
    partitions.push({ partitionIndex: partition })
  }
  return [...directories].map(([id, topics]) => ({ id, topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })) }))
}
