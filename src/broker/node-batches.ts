// Gathers what is to be asked of other nodes: what comes together, or while enough is under way to its node, shares a
// request. Order within a node is kept.

export type NodeBatchesDeps<T> = {
  /** Items of one subject share a request only if they are of the same kind: an answer tells them apart by their subject alone. */
  subjectOf(item: T): string
  kindOf(item: T): string
  /** Asks and hands the outcome to each of the items; never rejects. */
  send(nodeId: number, items: readonly T[]): Promise<void>
}

/** Requests to one node that may be under way. */
const REQUESTS_IN_FLIGHT_MAX = 5
const ITEMS_PER_REQUEST_MAX = 1000

type Node<T> = { waiting: T[]; inFlightCount: number; isScheduled: boolean }

export class NodeBatches<T> {
  readonly #deps: NodeBatchesDeps<T>
  readonly #nodes = new Map<number, Node<T>>()

  constructor(deps: NodeBatchesDeps<T>) {
    this.#deps = deps
  }

  add(nodeId: number, item: T): void {
    let node = this.#nodes.get(nodeId)
    if (node === undefined) this.#nodes.set(nodeId, (node = { waiting: [], inFlightCount: 0, isScheduled: false }))
    node.waiting.push(item)
    this.#schedule(nodeId, node)
  }

  /** At the end of the tick, so that what it brings goes together. */
  #schedule(nodeId: number, node: Node<T>): void {
    if (node.isScheduled || node.inFlightCount >= REQUESTS_IN_FLIGHT_MAX) return
    node.isScheduled = true
    queueMicrotask(() => {
      node.isScheduled = false
      while (node.waiting.length > 0 && node.inFlightCount < REQUESTS_IN_FLIGHT_MAX) void this.#send(nodeId, node, this.#take(node))
    })
  }

  async #send(nodeId: number, node: Node<T>, items: T[]): Promise<void> {
    node.inFlightCount++
    await this.#deps.send(nodeId, items)
    node.inFlightCount--
    if (node.waiting.length > 0) this.#schedule(nodeId, node)
    else if (node.inFlightCount === 0) this.#nodes.delete(nodeId)
  }

  #take(node: Node<T>): T[] {
    const { subjectOf, kindOf } = this.#deps
    const kinds = new Map<string, string>()
    const taken: T[] = []
    const left: T[] = []
    for (const item of node.waiting) {
      const subject = subjectOf(item)
      const kind = kindOf(item)
      if (taken.length >= ITEMS_PER_REQUEST_MAX || (kinds.get(subject) ?? kind) !== kind) left.push(item)
      else {
        kinds.set(subject, kind)
        taken.push(item)
      }
    }
    node.waiting = left
    return taken
  }
}

/** The partitions of a request, by topic. */
export function byTopic(partitions: Iterable<{ readonly topic: string; readonly partition: number }>): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else if (!known.includes(partition)) known.push(partition)
  }
  return topics
}
