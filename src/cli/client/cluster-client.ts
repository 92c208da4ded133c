// Calls APIs on the broker that has to answer them: any, a coordinator, the leaders of partitions, or every broker.

import type { BrokerCaller } from '../../broker/api.ts'
import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../protocol/api-keys.ts'
import { MillraceError } from '../../shared/errors.ts'
import { expectNoError } from '../../admin/operations/outcome.ts'
import { BrokerConnection } from '../../interbroker/broker-connection.ts'
import type { BrokerAddress } from '../../interbroker/inter-broker.ts'
import { SystemTimers } from '../../shared/timers.ts'
import { mergeResponses, routeOf, splitByLeader } from '../../interbroker/request-routing.ts'
import { TOOL_VERSIONS } from './tool-versions.ts'

/** `connectTimeoutMs` and `requestTimeoutMs` hold for each attempt and each request. */
export type ClientOptions = { clientId: string; connectTimeoutMs: number; requestTimeoutMs: number }
export type CoordinatorKind = 'group' | 'transaction'

const COORDINATOR_KEY_TYPES = { group: 0, transaction: 1 } as const
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: ask again, perhaps another broker. */
const COORDINATOR_MOVING = new Set([14, 15, 16])
const RETRY_BACKOFF_MS = 100
const RETRIES_MAX = 100
/** As large as a broker may be set to send. */
const RESPONSE_SIZE_MAX_BYTES = 512 * 1024 * 1024

export class ClusterClient implements BrokerCaller {
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #options: ClientOptions
  readonly #timers = new SystemTimers()
  readonly #connections = new Map<string, Promise<BrokerConnection>>()
  #brokers = new Map<number, BrokerAddress>()

  private constructor(bootstrap: readonly BrokerAddress[], options: ClientOptions) {
    this.#bootstrap = bootstrap
    this.#options = options
  }

  /** Connects to the first of the addresses that answers. Throws the last one's ConnectionError. */
  static async connect(bootstrap: readonly BrokerAddress[], options: ClientOptions): Promise<ClusterClient> {
    const client = new ClusterClient(bootstrap, options)
    await client.#any()
    return client
  }

  async call<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    const route = routeOf(api, request)
    switch (route.kind) {
      case 'coordinator':
        return this.callCoordinator(route.of, route.key, api, request)
      case 'leaders':
        return this.#callLeaders(api, request)
      case 'everyBroker':
        return this.#callEveryBroker(api, request)
      case 'broker':
        return this.callBroker(route.brokerId, api, request)
      case 'any':
        return (await this.#any()).call(api, request)
    }
  }

  async callBroker<N extends ApiName>(brokerId: number, api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    return (await this.connectionTo(brokerId)).call(api, request)
  }

  /** Follows the coordinator while it moves or loads, for about ten seconds. */
  async callCoordinator<N extends ApiName>(of: CoordinatorKind, key: string, api: N, request: Encodable<RequestOf<N>>, timeoutMs?: number): Promise<ResponseOf<N>> {
    for (let retries = 0; ; retries += 1) {
      const connection = await this.connectionTo(await this.#findCoordinator(of, key))
      const response = await connection.call(api, request, timeoutMs)
      if (retries >= RETRIES_MAX || !hasErrorCode(response, COORDINATOR_MOVING)) return response
      await delay(RETRY_BACKOFF_MS)
    }
  }

  async connectionTo(brokerId: number): Promise<BrokerConnection> {
    if (!this.#brokers.has(brokerId)) await this.#refreshBrokers()
    const address = this.#brokers.get(brokerId)
    if (address === undefined) throw new MillraceError('BROKER_NOT_AVAILABLE', `broker ${brokerId} is not part of the cluster`)
    return this.#connection(address)
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.then(open => open.close(), () => {})
    this.#connections.clear()
  }

  async #any(): Promise<BrokerConnection> {
    let failure: unknown
    for (const address of [...this.#bootstrap, ...this.#brokers.values()]) {
      try {
        return await this.#connection(address)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** One connection for each address; one that broke is opened anew. */
  async #connection(address: BrokerAddress): Promise<BrokerConnection> {
    const key = `${address.host}:${address.port}`
    const existing = this.#connections.get(key)
    if (existing !== undefined) {
      const connection = await existing.catch(() => null)
      if (connection?.open) return connection
      this.#connections.delete(key)
    }
    const opening = BrokerConnection.open(address, { ...this.#options, responseSizeMaxBytes: RESPONSE_SIZE_MAX_BYTES, timers: this.#timers, versionLimits: TOOL_VERSIONS })
    this.#connections.set(key, opening)
    return opening
  }

  async #refreshBrokers(): Promise<void> {
    const response = await (await this.#any()).call('Metadata', { topics: [] })
    this.#brokers = new Map(response.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
  }

  async #findCoordinator(of: CoordinatorKind, key: string): Promise<number> {
    for (let retries = 0; ; retries += 1) {
      const response = await (await this.#any()).call('FindCoordinator', { keyType: COORDINATOR_KEY_TYPES[of], coordinatorKeys: [key] })
      const [coordinator] = response.coordinators
      const errorCode = coordinator?.errorCode ?? -1
      if (retries < RETRIES_MAX && COORDINATOR_MOVING.has(errorCode)) {
        await delay(RETRY_BACKOFF_MS)
        continue
      }
      expectNoError(errorCode, coordinator?.errorMessage, `coordinator of ${of} ${key}`)
      this.#brokers.set(coordinator!.nodeId, { host: coordinator!.host, port: coordinator!.port })
      return coordinator!.nodeId
    }
  }

  async #callEveryBroker<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    await this.#refreshBrokers()
    return mergeResponses(await Promise.all([...this.#brokers.keys()].map(brokerId => this.callBroker(brokerId, api, request))))
  }

  async #callLeaders<N extends ApiName>(api: N, request: Encodable<RequestOf<N>>): Promise<ResponseOf<N>> {
    await this.#refreshBrokers()
    if (this.#brokers.size === 1) return (await this.#any()).call(api, request)
    const response = await (await this.#any()).call('Metadata', { topics: null, allowAutoTopicCreation: false })
    const leaders = new Map(response.topics.flatMap(topic =>
      topic.partitions.map(partition => [`${topic.name}-${partition.partitionIndex}`, partition.leaderId])))
    const parts = splitByLeader(api, request, (topic, partition) => leaders.get(`${topic}-${partition}`))
    return mergeResponses(await Promise.all([...parts].map(([brokerId, part]) =>
      brokerId < 0 ? this.#any().then(any => any.call(api, part)) : this.callBroker(brokerId, api, part))))
  }
}

function hasErrorCode(response: unknown, codes: ReadonlySet<number>): boolean {
  if (Array.isArray(response)) return response.some(item => hasErrorCode(item, codes))
  if (typeof response !== 'object' || response === null || ArrayBuffer.isView(response)) return false
  return Object.entries(response).some(([name, value]) => (name === 'errorCode' ? codes.has(value as number) : hasErrorCode(value, codes)))
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
