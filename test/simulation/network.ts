// Links between nodes: each way of each may be cut, slow or lossy. What goes over one connection keeps its order; connections
// overtake each other, and what was sent over one that its sender has given up may arrive all the same.

import type { World } from './world.ts'

/** Clients are a node of their own, which is always there. */
export const CLIENTS = 0
/** A message that a cut link swallows shows only by its time-out. */
export type Fate = 'arrives' | 'lost' | 'swallowed'

export class Network {
  readonly #world: World
  readonly #cut = new Set<string>()
  readonly #lastArrival = new Map<string, number>()
  readonly #late = new Map<string, number>()
  /** One message in so many is lost, with its connection. */
  lossOf = 0
  delayMaxMs = 5

  constructor(world: World) {
    this.#world = world
  }

  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`)
  }

  /** What is sent over this channel next arrives so much later, and with it all that follows on the same connection. */
  late(from: number, to: number, channel: string, delayMs: number): void {
    this.#late.set(`${from}>${to} ${channel}`, delayMs)
  }

  heal(): void {
    this.#cut.clear()
    this.#late.clear()
    this.lossOf = 0
    this.delayMaxMs = 5
  }

  isOpen(from: number, to: number): boolean {
    return from === to || !this.#cut.has(`${from}>${to}`)
  }

  /** Either `arrive` runs, or after a while `lose` where the connection breaks, or neither. A channel's connections are `channel~number`. */
  send(from: number, to: number, connection: string, what: string, arrive: () => void, lose: () => void): Fate {
    const world = this.#world
    const key = `${from}>${to} ${connection}`
    const way = key.split('~', 1)[0] as string
    if (!this.isOpen(from, to)) return 'swallowed'
    const delayMs = (world.chance(50) ? world.between(1, this.delayMaxMs * 20) : world.between(1, this.delayMaxMs)) + (this.#late.get(way) ?? 0)
    if (this.#late.delete(way)) world.trace(`${key} ${what} is late by ${delayMs}`)
    if (this.lossOf > 0 && world.chance(this.lossOf)) {
      world.after(delayMs, `lost ${key} ${what}`, lose)
      return 'lost'
    }
    const atMs = Math.max(world.nowMs + delayMs, (this.#lastArrival.get(key) ?? 0) + 0.001)
    this.#lastArrival.set(key, atMs)
    world.after(atMs - world.nowMs, `${key} ${what}`, arrive)
    return 'arrives'
  }
}
