// Asks the share coordinator again where it says that it will be able to answer soon: its topic has only just been made, or
// its partition is loading or moving. Only the partitions that failed so are asked about again.

import type { ErrorName } from '../../protocol/error-codes.ts'
import { errorName } from '../../protocol/error-codes.ts'
import type { Timers } from '../../shared/timers.ts'
import type { Uuid } from '../../shared/uuid.ts'
import type { DeleteShareResults, DeleteShareTopics, InitializeShareResults, InitializeShareTopics, ReadShareSummaryResults, ReadShareSummaryTopics, ShareStates } from './share-states.ts'

const ATTEMPTS_MAX = 6
const FIRST_PAUSE_MS = 100

const TRANSIENT: ReadonlySet<ErrorName> = new Set<ErrorName>(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION'])

type Asked = readonly { readonly topicId: Uuid; readonly partitions: readonly { readonly partition: number }[] }[]
type Answered = readonly { readonly topicId: Uuid; readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[] }[]

export class RetryingShareStates implements ShareStates {
  readonly #states: ShareStates
  readonly #timers: Timers
  #pauses = 0

  constructor(states: ShareStates, timers: Timers) {
    this.#states = states
    this.#timers = timers
  }

  initialize(groupId: string, topics: InitializeShareTopics): Promise<InitializeShareResults> {
    return this.#ask(topics, (asked) => this.#states.initialize(groupId, asked))
  }

  delete(groupId: string, topics: DeleteShareTopics): Promise<DeleteShareResults> {
    return this.#ask(topics, (asked) => this.#states.delete(groupId, asked))
  }

  readSummary(groupId: string, topics: ReadShareSummaryTopics): Promise<ReadShareSummaryResults> {
    return this.#ask(topics, (asked) => this.#states.readSummary(groupId, asked))
  }

  async #ask<T extends Asked, R extends Answered>(topics: T, call: (topics: T) => Promise<R>): Promise<R> {
    let results = await call(topics)
    for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; attempt < ATTEMPTS_MAX; attempt++, pauseMs *= 2) {
      const again = transient(topics, results)
      if (again.length === 0) break
      await this.#pause(pauseMs)
      results = merged(results, await call(again))
    }
    return results
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => this.#timers.set(`share-states-${this.#pauses++}`, pauseMs, resolve))
  }
}

function transient<T extends Asked>(topics: T, results: Answered): T {
  const failed = new Set(results.flatMap(({ topicId, partitions }) => partitions.filter(({ errorCode }) => TRANSIENT.has(errorName(errorCode))).map(({ partition }) => `${topicId}-${partition}`)))
  const again = topics.map((topic) => ({ ...topic, partitions: topic.partitions.filter(({ partition }) => failed.has(`${topic.topicId}-${partition}`)) }))
  return again.filter(({ partitions }) => partitions.length > 0) as unknown as T
}

/** The earlier results with the later ones in their places. */
function merged<R extends Answered>(results: R, later: R): R {
  const byPartition = new Map(later.flatMap(({ topicId, partitions }) => partitions.map((result) => [`${topicId}-${result.partition}`, result])))
  return results.map((topic) => ({ ...topic, partitions: topic.partitions.map((result) => byPartition.get(`${topic.topicId}-${result.partition}`) ?? result) })) as unknown as R
}
