// Producers and consumers as clients behave: they ask any broker who leads, send one batch at a time, and send it again where
// they do not know what became of it.

import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import { ERRORS } from '../../src/protocol/error-codes.ts'
import { CLIENTS } from './network.ts'
import type { Network } from './network.ts'
import type { SimulatedNode } from './node.ts'
import type { Planted } from './planted.ts'
import type { HeldRecord } from './replicas.ts'
import type { World } from './world.ts'

export const TOPIC = 'orders'
const REQUEST_TIMEOUT_MS = 3000
const RETRY_MS = 100
const POLL_MS = 80

export type ClientParts = {
  readonly world: World
  readonly network: Network
  readonly nodes: ReadonlyMap<number, SimulatedNode>
  readonly planted: Planted | null
}

export type Acknowledged = { readonly values: readonly string[]; readonly baseOffset: number; readonly producer: string; readonly isIdempotent: boolean }

/** Without what only makes it long. */
export function toldValue(value: string): string {
  return value.replace(/\.+$/, '...')
}

/** Who leads, as some broker that can be reached says. */
function leaderOf({ world, network, nodes }: ClientParts, partition: number): number {
  const images = [...nodes.values()].flatMap((node) => (node.isRunning && network.isOpen(CLIENTS, node.id) && node.life?.isAdmitted === true ? [node.life.image as ClusterImage] : []))
  if (images.length === 0) return -1
  return world.pick(images).topicsByName.get(TOPIC)?.partitions[partition]?.leader ?? -1
}

export class Producer {
  readonly #parts: ClientParts
  readonly #partition: number
  readonly #producerId: number
  readonly #onAcknowledged: (partition: number, acknowledged: Acknowledged) => void
  readonly name: string
  #sequence = 0
  #count = 0
  #isStopped = false

  /** With producer id -1 it is a plain one, whose records may be there more than once. */
  constructor(parts: ClientParts, name: string, partition: number, producerId: number, onAcknowledged: (partition: number, acknowledged: Acknowledged) => void) {
    this.#parts = parts
    this.name = name
    this.#partition = partition
    this.#producerId = producerId
    this.#onAcknowledged = onAcknowledged
    this.#next()
  }

  stop(): void {
    this.#isStopped = true
  }

  #next(): void {
    const { world } = this.#parts
    world.after(world.between(5, 120), `${this.name} goes on`, () => {
      if (this.#isStopped) return
      const values = Array.from({ length: world.between(1, 4) }, () => `${this.name}-${this.#count++}`)
      // Half of the batches are longer than what a disk writes in one piece.
      if (world.chance(2)) values[0] += '.'.repeat(world.between(900, 1500))
      this.#send(values)
    })
  }

  #send(values: string[]): void {
    const { world, network, nodes } = this.#parts
    if (this.#isStopped) return
    const leader = leaderOf(this.#parts, this.#partition)
    const life = nodes.get(leader)?.life
    let isOver = false
    const finish = (errorCode: number, baseOffset: number): void => {
      if (isOver) return
      isOver = true
      if (errorCode === 0) {
        world.trace(`${this.name} got ${values.map(toldValue).join(',')} acknowledged at ${baseOffset} by ${leader}`)
        this.#onAcknowledged(this.#partition, { values, baseOffset, producer: this.name, isIdempotent: this.#producerId >= 0 })
        this.#sequence += values.length
        this.#next()
      } else world.after(RETRY_MS, `${this.name} tries again`, () => this.#send(values))
    }
    const lost = (): void => finish(ERRORS.NETWORK_EXCEPTION.code, -1)
    world.after(REQUEST_TIMEOUT_MS, `${this.name} time-out`, () => finish(ERRORS.REQUEST_TIMED_OUT.code, -1))
    if (life === null || life === undefined) return
    network.send(CLIENTS, leader, this.name, 'produce', () => {
      life.now(`produce of ${this.name}`, () => {
        life.append(TOPIC, this.#partition, values, this.#producerId, this.#sequence, (errorCode, baseOffset) => {
          network.send(leader, CLIENTS, this.name, `produced ${errorCode}`, () => finish(errorCode, baseOffset), lost)
        })
      }, 'data')
    }, lost)
  }
}

export type ConsumerChecks = {
  onEnd(partition: number, nodeId: number, leaderEpoch: number, offset: number): void
  onRecords(partition: number, nodeId: number, records: readonly HeldRecord[]): void
}

/** Asks for the end and reads on, from whoever it is told to lead. */
export class Consumer {
  readonly #parts: ClientParts
  readonly #partition: number
  readonly #checks: ConsumerChecks
  #offset = 0

  constructor(parts: ClientParts, partition: number, checks: ConsumerChecks) {
    this.#parts = parts
    this.#partition = partition
    this.#checks = checks
    this.#poll()
  }

  #poll(): void {
    const { world, network, nodes, planted } = this.#parts
    world.after(world.between(POLL_MS / 2, POLL_MS * 2), `consumer of ${this.#partition}`, () => {
      this.#poll()
      const leader = leaderOf(this.#parts, this.#partition)
      const node = nodes.get(leader)
      if (node === undefined) return
      network.send(CLIENTS, leader, `consumer ${this.#partition}`, 'consume', () => {
        node.life?.now('consume', () => {
          const state = node.replicas.state(TOPIC, this.#partition)
          if (state === null || !state.leads) return
          const proven = node.replicas.latestOffset(TOPIC, this.#partition)
          const end = planted === 'a new leader serves what it cannot prove' ? state.highWatermark : proven
          if (end < 0) return
          this.#checks.onEnd(this.#partition, node.id, state.leaderEpoch, end)
          const records = node.replicas.consume(TOPIC, this.#partition, this.#offset)
          this.#checks.onRecords(this.#partition, node.id, records)
          this.#offset = (records.at(-1)?.offset ?? this.#offset - 1) + 1
        }, 'data')
      }, () => {})
    })
  }
}
