// Those who commit offsets of a group, and those who fetch them. The groups have no members, so that nothing but its
// coordinator keeps a group's offsets in order.

import { TOPIC } from './clients.ts'
import type { ClientParts } from './clients.ts'
import { Caller } from './calls.ts'
import type { AnsweredBy, GroupChecks } from './group-checks.ts'
import type { SimulatedNode } from './node.ts'

const RETRY_MS = 100
const PARTITION = 0

/** One commit at a time, each with the next value; what failed is not sent again, the next value is. */
export class Committer {
  readonly #parts: ClientParts
  readonly #groupId: string
  readonly #checks: GroupChecks
  readonly #caller: Caller
  #coordinator: SimulatedNode | null = null
  #value = 0

  constructor(parts: ClientParts, groupId: string, checks: GroupChecks) {
    this.#parts = parts
    this.#groupId = groupId
    this.#checks = checks
    this.#caller = new Caller(parts, `committer of ${groupId}`)
    this.#next()
  }

  stop(): void {
    this.#caller.stop()
  }

  #next(): void {
    const { world } = this.#parts
    this.#caller.after(world.between(10, 250), 'goes on', () => this.#commit())
  }

  #again(): void {
    this.#coordinator = null
    this.#caller.after(RETRY_MS, 'tries again', () => this.#commit())
  }

  #commit(): void {
    if (this.#coordinator !== null) return this.#send(this.#coordinator)
    this.#caller.findCoordinator(0, this.#groupId, (node) => {
      if (node === null) return this.#again()
      this.#coordinator = node
      this.#send(node)
    })
  }

  #send(node: SimulatedNode): void {
    const { world } = this.#parts
    const value = this.#value++
    const commit = this.#checks.onSent(this.#groupId, value)
    let answeredBy: AnsweredBy | null = null
    const partitions = [{ partitionIndex: PARTITION, committedOffset: BigInt(value), committedLeaderEpoch: -1, committedMetadata: '' }]
    const request = { groupId: this.#groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: TOPIC, partitions }] }
    this.#caller.ask(node, 'OffsetCommit', 9, request, (response) => {
      if (response?.topics[0]?.partitions[0]?.errorCode !== 0) return this.#again()
      world.trace(`${this.#groupId} got ${value} acknowledged by ${node.id} in epoch ${answeredBy?.epoch}`)
      this.#checks.onAcknowledged(this.#groupId, commit, answeredBy as AnsweredBy)
      this.#next()
    }, {
      onArrival: () => this.#checks.onArrived(commit),
      onAnswer: (response) => {
        if (response.topics?.[0]?.partitions?.[0]?.errorCode === 0) answeredBy = this.#checks.answeredBy(this.#groupId, node)
      },
    })
  }
}

/** Asks whoever it finds, again and again. */
export class OffsetFetcher {
  readonly #parts: ClientParts
  readonly groupId: string
  readonly #checks: GroupChecks
  readonly #caller: Caller

  constructor(parts: ClientParts, groupId: string, checks: GroupChecks) {
    this.#parts = parts
    this.groupId = groupId
    this.#checks = checks
    this.#caller = new Caller(parts, `fetcher of ${groupId}`)
    this.#poll()
  }

  #poll(): void {
    const { world } = this.#parts
    world.after(world.between(50, 400), this.#caller.name, () => this.fetch(() => this.#poll()))
  }

  /** `done` is told the offset, or null where it could not be had. */
  fetch(done: (value: number | null) => void): void {
    this.#caller.findCoordinator(0, this.groupId, (node) => {
      if (node === null) return done(null)
      const known = this.#checks.acknowledgedCount(this.groupId)
      const groups = [{ groupId: this.groupId, memberId: null, memberEpoch: -1, topics: [{ name: TOPIC, partitionIndexes: [PARTITION] }] }]
      let answered: number | null = null
      this.#caller.ask(node, 'OffsetFetch', 9, { groups, requireStable: true }, () => done(answered), {
        onAnswer: (response) => {
          const group = response.groups?.[0]
          const partition = group?.topics?.[0]?.partitions?.[0]
          if (group?.errorCode !== undefined && group.errorCode !== 0) return
          if (partition === undefined || partition.errorCode !== 0) return
          answered = Number(partition.committedOffset)
          this.#checks.onFetched(this.groupId, answered, this.#checks.answeredBy(this.groupId, node), known)
        },
      })
    })
  }
}
