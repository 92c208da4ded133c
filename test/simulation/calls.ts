// Requests of simulated clients to brokers' control planes, in the bytes that they would send, and how clients find whom to ask.

import type { ApiName, Encodable, RequestOf, ResponseOf } from '../../src/protocol/api-keys.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import type { ClientParts } from './clients.ts'
import { CLIENTS } from './network.ts'
import type { SimulatedNode } from './node.ts'

const REQUEST_TIMEOUT_MS = 3000

/** What becomes of a request, beside its answer. */
export type Fate<N extends ApiName> = {
  /** A broker has it before it. */
  onArrival?(): void
  /** It will not reach anybody. */
  onVanished?(): void
  /** The broker answers: at this moment it is what it takes itself for. */
  onAnswer?(response: Encodable<ResponseOf<N>>): void
}

/** One client's connections: a request that is not answered in time may still arrive, and the next goes over another one. */
export class Caller {
  readonly #parts: ClientParts
  readonly name: string
  #connection = 0
  #isStopped = false

  constructor(parts: ClientParts, name: string) {
    this.#parts = parts
    this.name = name
  }

  /** What it was going to do is not done any more. */
  stop(): void {
    this.#isStopped = true
  }

  after(delayMs: number, what: string, run: () => void): void {
    this.#parts.world.after(delayMs, `${this.name} ${what}`, () => {
      if (!this.#isStopped) run()
    })
  }

  /** Some broker that can be reached and answers clients. */
  anyBroker(): SimulatedNode | null {
    const { nodes, network, world } = this.#parts
    const reached = [...nodes.values()].filter((node) => node.isRunning && node.life?.isServing === true && network.isOpen(CLIENTS, node.id))
    return reached.length === 0 ? null : world.pick(reached)
  }

  /** `done` runs once, with null where no answer has come. */
  ask<N extends ApiName>(node: SimulatedNode, api: N, version: number, request: Encodable<RequestOf<N>>, done: (response: ResponseOf<N> | null) => void, fate: Fate<N> = {}, timeoutMs = REQUEST_TIMEOUT_MS): void {
    const { world, network } = this.#parts
    const frame = encodeRequest(api, version, 1, this.name, request).slice()
    const connection = `${this.name}~${this.#connection}`
    let isOver = false
    const finish = (response: ResponseOf<N> | null): void => {
      if (isOver) return
      isOver = true
      if (response === null) this.#connection++
      done(response)
    }
    const lost = (): void => finish(null)
    const vanished = (): void => {
      fate.onVanished?.()
      finish(null)
    }
    world.after(timeoutMs, `${this.name} ${api} time-out`, lost)
    const sent = network.send(CLIENTS, node.id, connection, api, () => {
      const { life } = node
      if (life?.isServing !== true) return vanished()
      life.now(`serve ${api} of ${this.name}`, () => {
        fate.onArrival?.()
        life.serve(api, version, frame, (response) => fate.onAnswer?.(response)).then(
          (answer) => network.send(node.id, CLIENTS, connection, `${api} answered`, () => finish(decodeResponse(api, version, answer).body), lost),
          (error: unknown) => world.fail(error),
        )
      })
    }, vanished)
    if (sent === 'swallowed') fate.onVanished?.()
  }

  /** Asks some broker for the coordinator of a group (key type 0) or a transactional id (1); null where nobody could say. */
  findCoordinator(keyType: number, key: string, done: (node: SimulatedNode | null) => void): void {
    const broker = this.anyBroker()
    if (broker === null) return done(null)
    this.ask(broker, 'FindCoordinator', 6, { keyType, coordinatorKeys: [key] }, (response) => {
      const found = response?.coordinators[0]
      done(found?.errorCode === 0 ? (this.#parts.nodes.get(found.nodeId) ?? null) : null)
    })
  }
}
