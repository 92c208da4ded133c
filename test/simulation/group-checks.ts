// What must hold of committed offsets. A group's offset has one committer that sends one commit at a time, each larger than the
// one before, so that a value says which commit it is of. Coordinators may be behind the times: one that has not heard yet
// that another was elected answers from what it knows. But what a coordinator of an epoch answers is no older than what was
// acknowledged in that epoch or before it.

import { partitionForKey } from '../../src/coordinator/key-partition.ts'
import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import type { SimulatedNode } from './node.ts'
import { Violation } from './world.ts'
import type { World } from './world.ts'

export type Commit = {
  readonly value: number
  readonly sentAt: number
  /** When a broker had it before it; Infinity until then. One that comes later than another was sent may come behind it in the log. */
  arrivedAt: number
  /** Its transaction is aborted. */
  isAborted: boolean
  wasFetched: boolean
}
type Acknowledgement = { readonly commit: Commit; readonly epoch: number }
type Group = { readonly commits: Map<number, Commit>; readonly acknowledged: Acknowledgement[] }
/** In which epoch of the coordinator's partition an answer was given, and by whom. */
export type AnsweredBy = { readonly nodeId: number; readonly epoch: number }

export class GroupChecks {
  readonly #world: World
  readonly #groups = new Map<string, Group>()
  readonly #coordinators = new Map<string, number>()
  /** Counts what happens, as several things may happen in one millisecond. */
  #clock = 0
  committedCount = 0
  fetchedCount = 0
  abortedCount = 0

  constructor(world: World) {
    this.#world = world
  }

  onSent(groupId: string, value: number): Commit {
    const commit = { value, sentAt: this.#clock++, arrivedAt: Number.POSITIVE_INFINITY, isAborted: false, wasFetched: false }
    this.#group(groupId).commits.set(value, commit)
    return commit
  }

  onArrived(commit: Commit): void {
    commit.arrivedAt = this.#clock++
  }

  /** A node answers for a group, with success: as whom? */
  answeredBy(groupId: string, { id, life }: SimulatedNode): AnsweredBy {
    const partitions = life?.image?.topicsByName.get(OFFSETS_TOPIC)?.partitions ?? []
    const partition = partitions[partitionForKey(groupId, partitions.length)]
    const epoch = partition?.leaderEpoch ?? -1
    this.#hold(partition?.leader === id, `${id} answers for ${groupId} in epoch ${epoch} of ${OFFSETS_TOPIC}-${partition?.index}, where it knows ${partition?.leader} to lead`)
    const key = `${partition?.index} ${epoch}`
    const known = this.#coordinators.get(key) ?? id
    this.#coordinators.set(key, known)
    this.#hold(known === id, `${known} and ${id} coordinate ${groupId} in epoch ${epoch}`)
    return { nodeId: id, epoch }
  }

  onAcknowledged(groupId: string, commit: Commit, { epoch }: AnsweredBy): void {
    this.committedCount++
    this.#group(groupId).acknowledged.push({ commit, epoch })
  }

  onAborted(groupId: string, commit: Commit): void {
    this.abortedCount++
    commit.isAborted = true
    this.#hold(!commit.wasFetched, `${groupId}: the transaction of ${commit.value} is aborted, and it was fetched before`)
  }

  /** How much was acknowledged by now. */
  acknowledgedCount(groupId: string): number {
    return this.#group(groupId).acknowledged.length
  }

  /** `value` is -1 for none; `known` was acknowledged before the fetch was sent. */
  onFetched(groupId: string, value: number, { nodeId, epoch }: AnsweredBy, known: number): void {
    this.fetchedCount++
    const { commits, acknowledged } = this.#group(groupId)
    const last = acknowledged.slice(0, known).findLast((each) => each.epoch <= epoch)
    const told = `${groupId}: ${nodeId} answers ${value} in epoch ${epoch}`
    const before = last === undefined ? 'nothing was acknowledged' : `${last.commit.value} was acknowledged in epoch ${last.epoch}`
    if (value === -1) return this.#hold(last === undefined, `${told}, where ${before}`)
    const commit = commits.get(value)
    this.#hold(commit !== undefined && commit.arrivedAt < Number.POSITIVE_INFINITY, `${told}, which nobody was asked to commit`)
    this.#hold(commit?.isAborted === false, `${told}, whose transaction was aborted`)
    if (commit !== undefined) commit.wasFetched = true
    this.#hold(last === undefined || commit === last.commit || (commit as Commit).arrivedAt > last.commit.sentAt, `${told}, where ${before}`)
  }

  #group(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) this.#groups.set(groupId, (group = { commits: new Map(), acknowledged: [] }))
    return group
  }

  #hold(holds: boolean, what: string): void {
    if (!holds) this.#world.fail(new Violation(what))
  }
}
