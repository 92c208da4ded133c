// Where the state of share groups is kept, wherever that is: each share partition has its coordinator, the leader of its
// partition of `__share_group_state`, which is asked in this process or over the network with the same requests.
//
// A coordinator that moves, loads or cannot be reached is asked again until the time is up. A write may arrive twice that
// way; the coordinator's checks of both epochs, and that a start offset never goes back, make that harmless.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import type { ShareStates } from '../groups/share/share-states.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { ERRORS, errorName } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { ShareStateStore } from '../share/share-deps.ts'
import { coordinatorKey } from '../share/share-state-records.ts'
import type { SharePartitionKey } from '../share/share-state-records.ts'
import { NO_START_OFFSET } from '../share/share-state.ts'
import type { ShareState } from '../share/share-state.ts'
import type { StateWrite } from '../share/share-state-shard.ts'
import { asKafkaError } from './error-responses.ts'

export type StateApi = 'InitializeShareGroupState' | 'ReadShareGroupState' | 'WriteShareGroupState' | 'DeleteShareGroupState' | 'ReadShareGroupStateSummary'
type Topics<N extends StateApi> = RequestOf<N>['topics']
type Results<N extends StateApi> = ResponseOf<N>['results']
type Asked<N extends StateApi> = Topics<N>[number]['partitions'][number]
type Answer<N extends StateApi> = Results<N>[number]['partitions'][number]

/** The coordinator of this broker, in the shapes of the APIs. It answers at once. */
export type LocalShareCoordinator = { readonly [N in StateApi]: (groupId: string, topics: Topics<N>) => Promise<Results<N>> }

export type ShareStateRouterDeps = {
  readonly nodeId: number
  readonly local: LocalShareCoordinator
  readonly interBroker: InterBroker
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  /** How long an answer is waited for: `share.coordinator.write.timeout.ms` */
  readonly timeoutMs: number
  /** The broker that keeps the state of a share partition; -1 for none at the moment, undefined where there is no topic of states yet. */
  coordinatorOf(key: string): number | undefined
  /** Begins to create the topic of states where it is missing. */
  ensureStateTopic(): void
}

type Item<N extends StateApi> = { readonly topicId: Uuid; readonly asked: Asked<N>; answer: Answer<N> | null }

const CHANNEL = 'share-states'
const RETRY_BACKOFF_MS = 20
const RETRY_BACKOFF_MAX_MS = 500
const NOT_YET: ReadonlySet<ErrorName> = new Set(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'BROKER_NOT_AVAILABLE', 'NETWORK_EXCEPTION'])

export class ShareStateRouter implements ShareStates, ShareStateStore {
  readonly #deps: ShareStateRouterDeps
  readonly #pauses = new Set<() => void>()
  #pauseCount = 0
  #closed = false

  constructor(deps: ShareStateRouterDeps) {
    this.#deps = deps
  }

  /** Nothing is asked again; what is being asked is answered as it stands. */
  close(): void {
    this.#closed = true
    for (const end of [...this.#pauses]) end()
  }

  initialize(groupId: string, topics: Topics<'InitializeShareGroupState'>): Promise<Results<'InitializeShareGroupState'>> {
    return this.#ask('InitializeShareGroupState', groupId, topics, failed)
  }

  delete(groupId: string, topics: Topics<'DeleteShareGroupState'>): Promise<Results<'DeleteShareGroupState'>> {
    return this.#ask('DeleteShareGroupState', groupId, topics, failed)
  }

  readSummary(groupId: string, topics: Topics<'ReadShareGroupStateSummary'>): Promise<Results<'ReadShareGroupStateSummary'>> {
    return this.#ask('ReadShareGroupStateSummary', groupId, topics, (partition, error) => ({ ...failed(partition, error), stateEpoch: 0, leaderEpoch: 0, startOffset: NO_START_OFFSET, deliveryCompleteCount: -1 }))
  }

  async readState({ groupId, topicId, partition }: SharePartitionKey, leaderEpoch: number): Promise<ShareState | ErrorName> {
    const topics = [{ topicId, partitions: [{ partition, leaderEpoch }] }]
    const answer = only<'ReadShareGroupState'>(await this.#ask('ReadShareGroupState', groupId, topics, (index, error) => ({ ...failed(index, error), stateEpoch: 0, startOffset: NO_START_OFFSET, stateBatches: [] })))
    if (answer.errorCode !== 0) return errorName(answer.errorCode)
    const { stateEpoch, startOffset, stateBatches } = answer
    return { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount: -1, stateBatches }
  }

  async writeState({ groupId, topicId, partition }: SharePartitionKey, write: StateWrite): Promise<ErrorName> {
    const topics = [{ topicId, partitions: [{ partition, ...write, stateBatches: [...write.stateBatches] }] }]
    return errorName(only<'WriteShareGroupState'>(await this.#ask('WriteShareGroupState', groupId, topics, failed)).errorCode)
  }

  /** Answers for every partition, in the order of the question; a failure is an answer too. */
  async #ask<N extends StateApi>(api: N, groupId: string, topics: Topics<N>, fail: (partition: number, error: ErrorName) => Answer<N>): Promise<Results<N>> {
    const items = itemsOf<N>(topics)
    const giveUpAtMs = this.#deps.clock.monotonicMs() + this.#deps.timeoutMs
    for (let backoffMs = RETRY_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, RETRY_BACKOFF_MAX_MS)) {
      const open = items.filter(({ answer }) => answer === null || NOT_YET.has(errorName(answer.errorCode)))
      if (open.length === 0) break
      await this.#askOnce(api, groupId, open, giveUpAtMs, fail)
      const unanswered = open.some(({ answer }) => answer === null || NOT_YET.has(errorName(answer.errorCode)))
      if (!unanswered || this.#closed || this.#deps.clock.monotonicMs() >= giveUpAtMs) break
      await this.#pause(backoffMs)
    }
    return resultsOf(topics, items)
  }

  async #askOnce<N extends StateApi>(api: N, groupId: string, items: readonly Item<N>[], giveUpAtMs: number, fail: (partition: number, error: ErrorName) => Answer<N>): Promise<void> {
    const byNode = new Map<number, Item<N>[]>()
    for (const item of items) {
      const node = this.#coordinatorOf({ groupId, topicId: item.topicId, partition: item.asked.partition })
      const known = byNode.get(node)
      if (known === undefined) byNode.set(node, [item])
      else known.push(item)
    }
    await Promise.all([...byNode].map(async ([node, asked]) => {
      try {
        if (node < 0) return setAll(asked, ({ asked: { partition } }) => fail(partition, 'COORDINATOR_NOT_AVAILABLE'))
        // One entry for each partition, so that answers are told apart by their place.
        const request = asked.map(({ topicId, asked: partition }) => ({ topicId, partitions: [partition] })) as Topics<N>
        const results = await this.#send(node, api, groupId, request, giveUpAtMs)
        setAll(asked, ({ asked: { partition } }, index) => (results[index]?.partitions[0] as Answer<N> | undefined) ?? fail(partition, 'UNKNOWN_SERVER_ERROR'))
      } catch (error) {
        const { errorName: name } = asKafkaError(error)
        if (name === 'UNKNOWN_SERVER_ERROR') this.#deps.logger.error('the state of a share group could not be asked for', { api, groupId, node, error })
        setAll(asked, ({ asked: { partition } }) => fail(partition, name))
      }
    }))
  }

  async #send<N extends StateApi>(node: number, api: N, groupId: string, topics: Topics<N>, giveUpAtMs: number): Promise<Results<N>> {
    const { nodeId, local, interBroker, clock } = this.#deps
    if (node === nodeId) return (local[api] as (groupId: string, topics: Topics<N>) => Promise<Results<N>>)(groupId, topics)
    const timeoutMs = Math.max(1, giveUpAtMs - clock.monotonicMs())
    const response = await interBroker.send(node, api, { groupId, topics } as unknown as Encodable<RequestOf<N>>, { channel: CHANNEL, timeoutMs })
    return response.results as Results<N>
  }

  #coordinatorOf(key: SharePartitionKey): number {
    const node = this.#deps.coordinatorOf(coordinatorKey(key))
    if (node === undefined) this.#deps.ensureStateTopic()
    return node ?? -1
  }

  #pause(durationMs: number): Promise<void> {
    const timer = `share-state-retry:${++this.#pauseCount}`
    return new Promise((resolve) => {
      const end = (): void => {
        this.#deps.timers.cancel(timer)
        this.#pauses.delete(end)
        resolve()
      }
      this.#pauses.add(end)
      this.#deps.timers.set(timer, durationMs, end)
    })
  }
}

function itemsOf<N extends StateApi>(topics: Topics<N>): Item<N>[] {
  const items: Item<N>[] = []
  for (const { topicId, partitions } of topics) for (const asked of partitions) items.push({ topicId, asked, answer: null })
  return items
}

function resultsOf<N extends StateApi>(topics: Topics<N>, items: readonly Item<N>[]): Results<N> {
  let index = 0
  return topics.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.map(() => items[index++]?.answer) })) as Results<N>
}

function setAll<N extends StateApi>(items: readonly Item<N>[], answerOf: (item: Item<N>, index: number) => Answer<N>): void {
  for (const [index, item] of items.entries()) item.answer = answerOf(item, index)
}

function only<N extends StateApi>(results: Results<N>): Answer<N> {
  return results[0]?.partitions[0] as Answer<N>
}

function failed(partition: number, error: ErrorName): { partition: number; errorCode: number; errorMessage: string } {
  return { partition, errorCode: ERRORS[error].code, errorMessage: ERRORS[error].message }
}
