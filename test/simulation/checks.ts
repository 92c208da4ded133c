// What must hold after every step, and at the end.

import type { ClusterImage, PartitionImage } from '../../src/metadata/cluster-image.ts'
import { toldValue } from './clients.ts'
import type { Acknowledged, ConsumerChecks } from './clients.ts'
import type { SimulatedNode } from './node.ts'
import type { HeldRecord } from './replicas.ts'
import { Violation } from './world.ts'
import type { World } from './world.ts'

type Committed = { readonly leaderEpoch: number; readonly value: string }
/** How far a node's replica has been looked at, in this life of it. */
type Seen = { life: number; highWatermark: number }

export class Checks implements ConsumerChecks {
  readonly #world: World
  readonly #topic: string
  readonly #nodes: ReadonlyMap<number, SimulatedNode>
  readonly #committed: Committed[][]
  readonly #acknowledged: Acknowledged[][]
  readonly #leaders = new Map<string, number>()
  readonly #said = new Map<string, string>()
  readonly #seen = new Map<string, Seen>()
  readonly #heard = new Map<number, ClusterImage>()
  readonly #ends: { leaderEpoch: number; offset: number }[][]
  #image: ClusterImage | null = null
  acknowledgedCount = 0
  consumedCount = 0

  constructor(world: World, nodes: ReadonlyMap<number, SimulatedNode>, topic: string, partitionCount: number) {
    this.#world = world
    this.#topic = topic
    this.#nodes = nodes
    this.#committed = Array.from({ length: partitionCount }, () => [])
    this.#acknowledged = Array.from({ length: partitionCount }, () => [])
    this.#ends = Array.from({ length: partitionCount }, () => [])
  }

  committedCount(): number {
    return this.#committed.reduce((sum, { length }) => sum + length, 0)
  }

  /** The metadata has changed, whoever knows it yet. */
  onMetadata(image: ClusterImage): void {
    const before = this.#image
    this.#image = image
    for (const partition of this.#partitionsOf(image)) {
      const earlier = before?.topicsByName.get(this.#topic)?.partitions[partition.index]
      if (earlier === partition) continue
      const { index, leader, leaderEpoch, partitionEpoch, isr } = partition
      this.#hold(leader === -1 || isr.includes(leader), `${this.#topic}-${index}: the leader ${leader} is not in its ISR ${isr.join()}`)
      // Nobody asked for an unclean election, and no topic allows it.
      const mayLead = earlier === undefined || leader === -1 || [...earlier.isr, ...earlier.eligibleLeaderReplicas, ...earlier.lastKnownElr].includes(leader)
      this.#hold(mayLead, `${this.#topic}-${index}: ${leader} was elected in epoch ${leaderEpoch}/${partitionEpoch} without having been in sync: ${JSON.stringify(earlier)}`)
      this.#checkIsr(index, this.#committed[index] as Committed[], 0)
    }
  }

  onNode(node: SimulatedNode): void {
    const { life } = node
    if (life === null || life.runtime === null) return
    if (this.#heard.get(node.id) !== life.runtime.image) {
      this.#heard.set(node.id, life.runtime.image)
      for (const partition of this.#partitionsOf(life.runtime.image)) this.#checkSaid(node, partition)
    }
    for (const index of this.#committed.keys()) this.#checkReplica(node, index)
  }

  onAcknowledged(partition: number, acknowledged: Acknowledged): void {
    this.#acknowledged[partition]?.push(acknowledged)
    this.acknowledgedCount += acknowledged.values.length
    for (const [at, value] of acknowledged.values.entries()) {
      const found = this.#committed[partition]?.[acknowledged.baseOffset + at]
      this.#hold(found?.value === value, `${this.#topic}-${partition}: ${toldValue(value)} was acknowledged at ${acknowledged.baseOffset + at}, where ${found === undefined ? 'nothing' : toldValue(found.value)} is committed`)
    }
  }

  onEnd(partition: number, nodeId: number, leaderEpoch: number, offset: number): void {
    const ends = this.#ends[partition] as { leaderEpoch: number; offset: number }[]
    const later = ends.find((end) => end.leaderEpoch <= leaderEpoch && end.offset > offset)
    this.#hold(later === undefined, `${this.#topic}-${partition}: ${nodeId} says in epoch ${leaderEpoch} that ${offset} is the end, after ${later?.offset} in epoch ${later?.leaderEpoch}`)
    this.#ends[partition] = [...ends.filter((end) => end.leaderEpoch !== leaderEpoch), { leaderEpoch, offset: Math.max(offset, ends.find((end) => end.leaderEpoch === leaderEpoch)?.offset ?? 0) }]
  }

  onRecords(partition: number, nodeId: number, records: readonly HeldRecord[]): void {
    this.consumedCount += records.length
    for (const record of records) this.#same(partition, `consumed of ${nodeId}`, record)
  }

  areAllInSync(): boolean {
    const partitions = this.#partitionsOf(this.#image as ClusterImage)
    return partitions.every(({ leader, isr, replicas }) => leader >= 0 && isr.length === replicas.length) && [...this.#nodes.values()].every((node) => this.#isItself(node))
  }

  /** Whether every node has heard of all that is committed. */
  haveAllHeard(): boolean {
    return this.#partitionsOf(this.#image as ClusterImage).every((partition) => [...this.#nodes.values()].every((node) => JSON.stringify(this.#knownTo(node, partition.index)) === JSON.stringify(partition)))
  }

  /** Whether every replica has, and knows to be committed, what every other has. */
  haveAllAll(): boolean {
    const partitions = this.#partitionsOf(this.#image as ClusterImage)
    return partitions.every(({ index }) => {
      const states = [...this.#nodes.values()].map((node) => node.replicas.state(this.#topic, index))
      return states.every((state) => state !== null && state.highWatermark === state.logEndOffset && state.logEndOffset === states[0]?.logEndOffset)
    })
  }

  /** All is healed and at rest. */
  onEndOfRun(): void {
    const image = this.#image as ClusterImage
    for (const partition of this.#partitionsOf(image)) {
      const { index, leader, isr } = partition
      this.#hold(leader >= 0 && isr.length === partition.replicas.length, `${this.#topic}-${index} has not healed: ${JSON.stringify(partition)}`)
      const logs = [...this.#nodes.values()].map((node) => node.replicas.records(this.#topic, index, 0, Number.MAX_SAFE_INTEGER).map(({ leaderEpoch, value }) => `${leaderEpoch} ${value}`))
      for (const log of logs) {
        const at = log.findIndex((record, offset) => record !== logs[0]?.[offset])
        this.#hold(log.length === logs[0]?.length && at < 0, `${this.#topic}-${index}: the replicas differ, with ${logs.map(({ length }) => length).join()} records, first at ${at}`)
      }
      const values = (logs[0] ?? []).map((record) => record.slice(record.indexOf(' ') + 1))
      this.#hold((this.#committed[index] ?? []).every(({ value }, offset) => values[offset] === value), `${this.#topic}-${index}: what was committed is not there any more`)
      this.#checkAcknowledged(index, values)
      for (const node of this.#nodes.values()) {
        this.#checkWhole(node, index)
        const known = this.#knownTo(node, index)
        this.#hold(JSON.stringify(known) === JSON.stringify(partition), `${this.#topic}-${index}: ${node.id} takes ${JSON.stringify(known)} for ${JSON.stringify(partition)}`)
      }
    }
  }

  #checkAcknowledged(partition: number, values: readonly string[]): void {
    const places = new Map<string, number[]>()
    for (const [offset, value] of values.entries()) places.set(value, [...(places.get(value) ?? []), offset])
    const last = new Map<string, number>()
    for (const { values: acknowledged, producer, isIdempotent } of this.#acknowledged[partition] ?? []) {
      for (const value of acknowledged) {
        const at = places.get(value) ?? []
        this.#hold(at.length > 0, `${this.#topic}-${partition}: ${toldValue(value)} was acknowledged and is lost`)
        if (!isIdempotent) continue
        this.#hold(at.length === 1, `${this.#topic}-${partition}: ${toldValue(value)} is there ${at.length} times, at ${at.join()}`)
        this.#hold((at[0] as number) > (last.get(producer) ?? -1), `${this.#topic}-${partition}: ${toldValue(value)} is out of order`)
        last.set(producer, at[0] as number)
      }
    }
  }

  /** Whoever knows an epoch of a partition knows the same of it. */
  #checkSaid(node: SimulatedNode, { index, leader, leaderEpoch, partitionEpoch, isr }: PartitionImage): void {
    const said = `leader ${leader} in epoch ${leaderEpoch}, ISR ${isr.join()}`
    const key = `${index} ${partitionEpoch}`
    const known = this.#said.get(key)
    if (known === undefined) this.#said.set(key, said)
    else this.#hold(known === said, `${this.#topic}-${index}: in partition epoch ${partitionEpoch} ${node.id} knows ${said}, and others ${known}`)
  }

  #checkReplica(node: SimulatedNode, index: number): void {
    const state = node.replicas.state(this.#topic, index)
    if (state === null) return
    const { leads, leaderEpoch, highWatermark, logEndOffset } = state
    if (leads) {
      const known = this.#leaders.get(`${index} ${leaderEpoch}`)
      this.#hold(known === undefined || known === node.id, `${this.#topic}-${index}: ${known} and ${node.id} lead in epoch ${leaderEpoch}`)
      this.#leaders.set(`${index} ${leaderEpoch}`, node.id)
    }
    if (!state.isAvailable) return this.#hold(!node.isDamaged(this.#topic, index) || !leads, `${this.#topic}-${index}: ${node.id} leads, and cannot open its log for a wrong bit`)
    const key = `${node.id} ${index}`
    let seen = this.#seen.get(key)
    if (seen === undefined || seen.life !== node.lifeNumber) {
      this.#seen.set(key, (seen = { life: node.lifeNumber, highWatermark: 0 }))
      this.#takeUp(node, index)
    }
    if (node.isDamaged(this.#topic, index)) return
    this.#hold(highWatermark >= seen.highWatermark, `${this.#topic}-${index}: the high watermark of ${node.id} went back from ${seen.highWatermark} to ${highWatermark}`)
    this.#checkEnd(node, index, logEndOffset)
    this.#hold(logEndOffset >= highWatermark, `${this.#topic}-${index}: the log of ${node.id} ends at ${logEndOffset}, below its high watermark ${highWatermark}`)
    if (highWatermark === seen.highWatermark) return
    const records = node.replicas.records(this.#topic, index, seen.highWatermark, highWatermark)
    this.#hold(records.length === highWatermark - seen.highWatermark, `${this.#topic}-${index}: ${node.id} lacks some of ${seen.highWatermark}..${highWatermark}: has ${records.length}`)
    const committed = this.#committed[index] as Committed[]
    const before = committed.length
    for (const record of records) {
      if (record.offset < committed.length) this.#same(index, `held by ${node.id}`, record)
      else {
        this.#hold(leads, `${this.#topic}-${index}: the follower ${node.id} takes ${record.offset} for committed, and no leader has said so`)
        committed.push({ leaderEpoch: record.leaderEpoch, value: record.value })
      }
    }
    seen.highWatermark = highWatermark
    if (committed.length > before) this.#checkIsr(index, committed, before)
  }

  /** A wrong bit is cut off with all behind it, or it lies where recovery does not look: then nobody knows, until it is read. */
  #takeUp(node: SimulatedNode, index: number): void {
    const { damaged } = node
    if (damaged === null || !node.isDamaged(this.#topic, index)) return this.#checkWhole(node, index)
    const at = node.replicas.damagedAt(this.#topic, index)
    this.#world.trace(`${node.id} takes up ${this.#topic}-${index}, which ${at < 0 ? 'ends before the wrong bit' : `is damaged at ${at}`}`)
    if (at < 0) node.damaged = null
    else this.#hold(at === damaged.offset, `${this.#topic}-${index}: ${node.id} is damaged at ${at}, and the wrong bit is in the batch at ${damaged.offset}`)
  }

  /** What recovery leaves is whole. */
  #checkWhole(node: SimulatedNode, index: number): void {
    const at = node.replicas.damagedAt(this.#topic, index)
    this.#hold(at < 0, `${this.#topic}-${index}: ${node.id} takes up a log that is damaged at ${at}`)
  }

  /** Whoever is in sync does not lose what is committed, not even until it has it again. */
  #checkEnd(node: SimulatedNode, index: number, logEndOffset: number): void {
    const partition = this.#image?.topicsByName.get(this.#topic)?.partitions[index]
    if (partition?.isr.includes(node.id) !== true || !this.#isItself(node)) return
    const committed = (this.#committed[index] as Committed[]).length
    this.#hold(logEndOffset >= committed, `${this.#topic}-${index}: ${node.id} is in sync and ends at ${logEndOffset}, where ${committed} are committed`)
  }

  /** One that has just come back is in the ISR until the controller hears of it. */
  #isItself({ id, life }: SimulatedNode): boolean {
    return life?.isAdmitted === true && life.brokerEpoch >= 0n && this.#image?.brokers.get(id)?.epoch === life.brokerEpoch
  }

  /** Whoever is in sync, as the metadata has it, holds all that is committed. */
  #checkIsr(index: number, committed: readonly Committed[], from: number): void {
    const partition = this.#image?.topicsByName.get(this.#topic)?.partitions[index]
    for (const id of partition?.isr ?? []) {
      const node = this.#nodes.get(id)
      if (node === undefined || !this.#isItself(node)) continue
      const state = node.replicas.state(this.#topic, index)
      if (state === null || !state.isAvailable || node.isDamaged(this.#topic, index)) continue
      this.#hold(state.logEndOffset >= committed.length, `${this.#topic}-${index}: ${id} is in sync and ends at ${state.logEndOffset}, where ${committed.length} are committed`)
      for (const record of node.replicas.records(this.#topic, index, from, committed.length)) this.#same(index, `held by ${id}, which is in sync`, record)
    }
  }

  #same(index: number, where: string, { offset, leaderEpoch, value }: HeldRecord): void {
    const known = this.#committed[index]?.[offset]
    this.#hold(known !== undefined && known.value === value && known.leaderEpoch === leaderEpoch, `${this.#topic}-${index}: ${toldValue(value)} of epoch ${leaderEpoch} is ${where} at ${offset}, where ${known === undefined ? 'nothing' : `${toldValue(known.value)} of epoch ${known.leaderEpoch}`} is committed`)
  }

  #hold(holds: boolean, what: string): void {
    if (!holds) this.#world.fail(new Violation(what))
  }

  #knownTo(node: SimulatedNode, index: number): PartitionImage | undefined {
    return node.life?.runtime?.image.topicsByName.get(this.#topic)?.partitions[index]
  }

  #partitionsOf(image: ClusterImage): readonly PartitionImage[] {
    return image.topicsByName.get(this.#topic)?.partitions ?? []
  }
}
