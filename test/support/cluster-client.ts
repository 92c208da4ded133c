// Connections to the brokers of a cluster for one who asks one thing at a time: to the leader of a partition, to a
// coordinator, or to any broker. What is known of who leads is kept until `forget`.

import { WireClient } from './wire-client.ts'

export type BrokerAddress = { readonly host: string; readonly port: number }

/** A broker that does not answer in this time is left, as after it was cut off. */
const ANSWER_TIMEOUT_MS = 5_000
const GROUP = 0
const TRANSACTION = 1

export class ClusterClient {
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #timeoutMs: number
  readonly #connections = new Map<string, WireClient>()
  readonly #leaders = new Map<string, BrokerAddress>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  /** The next broker to ask when any will do. */
  #turn = 0

  constructor(bootstrap: readonly BrokerAddress[], timeoutMs = ANSWER_TIMEOUT_MS) {
    this.#bootstrap = bootstrap
    this.#timeoutMs = timeoutMs
  }

  /** Rejects where nobody leads the partition or no broker answers. */
  async leader(topic: string, partition: number): Promise<WireClient> {
    const place = `${topic}-${partition}`
    if (!this.#leaders.has(place)) await this.#learnLeaders(topic)
    return this.#connect(this.#leaders.get(place), `${place} has no leader`)
  }

  groupCoordinator(groupId: string): Promise<WireClient> {
    return this.#coordinator(GROUP, groupId)
  }

  transactionCoordinator(transactionalId: string): Promise<WireClient> {
    return this.#coordinator(TRANSACTION, transactionalId)
  }

  /** The first broker, in turn, that can be connected to. */
  async any(): Promise<WireClient> {
    for (let tries = 1; ; tries++) {
      const address = this.#bootstrap[this.#turn % this.#bootstrap.length]
      try {
        return await this.#connect(address, 'no broker is known')
      } catch (error) {
        this.#turn++
        if (tries >= this.#bootstrap.length) throw error
      }
    }
  }

  broker(address: BrokerAddress): Promise<WireClient> {
    return this.#connect(address, 'no broker is known')
  }

  /** After an error: everything is looked up and connected to anew, beginning with another broker. */
  forget(): void {
    this.close()
    this.#leaders.clear()
    this.#coordinators.clear()
    this.#turn++
  }

  close(): void {
    for (const client of this.#connections.values()) client.close()
    this.#connections.clear()
  }

  async #learnLeaders(topic: string): Promise<void> {
    const client = await this.any()
    const { brokers, topics } = await client.call('Metadata', 9, { topics: [{ name: topic }], allowAutoTopicCreation: false })
    for (const { partitionIndex, leaderId } of topics[0]?.partitions ?? []) {
      const broker = brokers.find(({ nodeId }) => nodeId === leaderId)
      if (broker !== undefined) this.#leaders.set(`${topic}-${partitionIndex}`, broker)
    }
  }

  async #coordinator(keyType: number, key: string): Promise<WireClient> {
    const name = `${keyType} ${key}`
    if (!this.#coordinators.has(name)) {
      const client = await this.any()
      const found = (await client.call('FindCoordinator', 4, { keyType, coordinatorKeys: [key] })).coordinators[0]
      if (found?.errorCode === 0) this.#coordinators.set(name, found)
    }
    return this.#connect(this.#coordinators.get(name), `${key} has no coordinator`)
  }

  async #connect(address: BrokerAddress | undefined, otherwise: string): Promise<WireClient> {
    if (address === undefined) throw new Error(otherwise)
    const key = `${address.host}:${address.port}`
    const connected = this.#connections.get(key)
    if (connected !== undefined) return connected
    const client = await WireClient.connect(address.port, address.host, this.#timeoutMs)
    this.#connections.set(key, client)
    return client
  }
}

/** `host:port,host:port` as addresses. */
export function addressesOf(bootstrap: string): BrokerAddress[] {
  return bootstrap.split(',').map((each) => {
    const colon = each.lastIndexOf(':')
    return { host: each.slice(0, colon), port: Number(each.slice(colon + 1)) }
  })
}
