// Requests from inside the process to whichever broker has to answer them: this one, a coordinator, the leaders of
// partitions, or all. What this broker answers needs no network, so on a broker that is alone nothing ever leaves it.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import { mergeResponses, routeOf, splitByLeader } from '../interbroker/request-routing.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { KafkaError, errorCode, errorName } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { Clock } from '../shared/clock.ts'
import type { Timers } from '../shared/timers.ts'
import type { ApiCaller, BrokerCaller } from './api.ts'
import { asKafkaError } from './error-responses.ts'

export type ClusterCallerDeps = {
  readonly nodeId: number
  readonly local: ApiCaller
  readonly interBroker: InterBroker
  readonly clock: Clock
  readonly timers: Timers
  /** Brokers that are up, this one included. */
  brokers(): readonly number[]
  /** -1 where nobody leads. */
  leaderOf(topic: string, partition: number): number
  /** The broker that coordinates a group or transactional id, -1 for none; undefined where the internal topic does not exist yet. */
  coordinatorOf(kind: 'group' | 'transaction', key: string): number | undefined
}

const CHANNEL = 'calls'
/** How long a coordinator that moves or loads is followed. */
const FOLLOW_MS = 10_000
const RETRY_BACKOFF_MS = 100
const MOVING: ReadonlySet<number> = new Set((['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR'] as const).map(errorCode))
const UNREACHABLE: ReadonlySet<ErrorName> = new Set(['NETWORK_EXCEPTION', 'BROKER_NOT_AVAILABLE'])
/** Requests that may be sent again though the first one may have been carried out: they only ask. */
const QUESTIONS = /^(List|Describe)|Describe$|^OffsetFetch$/

export class ClusterCaller implements BrokerCaller {
  readonly #deps: ClusterCallerDeps
  readonly #pauses = new Map<string, () => void>()
  #pauseCount = 0
  #closed = false

  constructor(deps: ClusterCallerDeps) {
    this.#deps = deps
  }

  /** Nobody is followed any longer. */
  close(): void {
    this.#closed = true
    for (const end of [...this.#pauses.values()]) end()
  }

  async call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const route = routeOf(api, request)
    switch (route.kind) {
      case 'any':
        return this.#deps.local.call(api, request)
      case 'broker':
        return this.callBroker(this.#deps.brokers().includes(route.brokerId) ? route.brokerId : this.#deps.nodeId, api, request)
      case 'coordinator':
        return this.#callCoordinator(route.of, route.key, api, request)
      case 'everyBroker':
        return mergeResponses(await Promise.all(this.#everyBroker().map((nodeId) => this.callBroker(nodeId, api, request))))
      case 'leaders':
        return this.#callLeaders(api, request)
    }
  }

  callBroker<N extends ApiName>(nodeId: number, api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    return nodeId === this.#deps.nodeId ? this.#deps.local.call(api, request) : this.#deps.interBroker.send(nodeId, api, request, { channel: CHANNEL })
  }

  /** Where the committed records of a partition end, as its leader says; an error's name where nobody can say. */
  async latestOffset(topic: string, partition: number): Promise<bigint | ErrorName> {
    try {
      const { topics } = await this.call('ListOffsets', { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1n }] }] })
      const found = topics[0]?.partitions[0]
      if (found === undefined) return 'UNKNOWN_SERVER_ERROR'
      return found.errorCode === 0 ? found.offset : errorName(found.errorCode)
    } catch (error) {
      return asKafkaError(error).errorName
    }
  }

  async #callCoordinator<N extends ApiName>(kind: 'group' | 'transaction', key: string, api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const giveUpAtMs = this.#deps.clock.monotonicMs() + FOLLOW_MS
    for (;;) {
      const isLast = this.#closed || this.#deps.clock.monotonicMs() >= giveUpAtMs
      // Where there is no coordinator yet, this broker says so in the words of the API.
      const coordinator = this.#deps.coordinatorOf(kind, key)
      if (coordinator === undefined) return this.#deps.local.call(api, request)
      if (coordinator >= 0 || isLast) {
        try {
          const response = await this.callBroker(coordinator < 0 ? this.#deps.nodeId : coordinator, api, request)
          if (isLast || !hasErrorCode(response, MOVING)) return response
        } catch (error) {
          const mayRepeat = error instanceof KafkaError && UNREACHABLE.has(error.errorName) && QUESTIONS.test(api)
          if (isLast || !mayRepeat) throw error
        }
      }
      await this.#pause()
    }
  }

  async #callLeaders<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const parts = splitByLeader(api, request, (topic, partition) => this.#deps.leaderOf(topic, partition))
    if (parts.size === 0) return this.#deps.local.call(api, request)
    // A partition without a leader: why is what this broker says as well as any.
    return mergeResponses(await Promise.all([...parts].map(([leader, part]) => this.callBroker(leader < 0 ? this.#deps.nodeId : leader, api, part))))
  }

  #everyBroker(): readonly number[] {
    const brokers = this.#deps.brokers()
    return brokers.includes(this.#deps.nodeId) ? brokers : [...brokers, this.#deps.nodeId]
  }

  #pause(): Promise<void> {
    const timer = `cluster-call-${this.#pauseCount++}`
    return new Promise((resolve) => {
      const end = (): void => {
        this.#deps.timers.cancel(timer)
        this.#pauses.delete(timer)
        resolve()
      }
      this.#pauses.set(timer, end)
      this.#deps.timers.set(timer, RETRY_BACKOFF_MS, end)
    })
  }
}

/** Whether any part of an answer carries one of these codes. */
function hasErrorCode(response: unknown, codes: ReadonlySet<number>): boolean {
  if (Array.isArray(response)) return response.some((item) => hasErrorCode(item, codes))
  if (typeof response !== 'object' || response === null || ArrayBuffer.isView(response)) return false
  return Object.entries(response).some(([name, value]) => (name === 'errorCode' ? codes.has(value as number) : hasErrorCode(value, codes)))
}
