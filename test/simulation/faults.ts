// What befalls a cluster: processes die, disks lose what was not synced, links are cut one way or both, clocks jump, leaders of
// the quorum change. Beside what comes by chance there are sequences that chance would seldom bring together.

import { OFFSETS_TOPIC } from '../../src/groups/group-records.ts'
import { TRANSACTION_STATE_TOPIC } from '../../src/transactions/transaction-coordinator.ts'
import { TOPIC } from './clients.ts'
import { CLIENTS } from './network.ts'
import type { Network } from './network.ts'
import { ISR_CHANNEL, REPLICA_LAG_MAX_MS, SOCKET_TIMEOUT_MS } from './node.ts'
import type { SimulatedNode } from './node.ts'
import type { SimulatedQuorum } from './quorum.ts'
import type { World } from './world.ts'

const CALM_MS = 1500
/** As `TransactionVerifier` names it. */
const VERIFICATION_CHANNEL = 'verification'
/** After so long without a fetch a follower is not in sync any more, as the metadata has it. */
const FALLS_BEHIND_MS = REPLICA_LAG_MAX_MS + 1500
/** Longer than a broker lives in which nothing is to be flushed. */
const NEVER_FLUSHED_MS = 20_000
/** So long after it fetches again a leader has had its word about the ISR accepted, at the second try. */
const REJOINS_MS = SOCKET_TIMEOUT_MS + 500

export type FaultParts = {
  readonly world: World
  readonly network: Network
  readonly quorum: SimulatedQuorum
  readonly nodes: ReadonlyMap<number, SimulatedNode>
  /** All topics, with how many partitions they have. */
  readonly topics: ReadonlyMap<string, number>
  /** Acknowledged records are on disks, so that these may lose whatever was not synced, all at once too. */
  readonly losesPower: boolean
}

export class Faults {
  readonly #parts: FaultParts
  #isStopped = false
  /** A sequence is under way until then, and nothing else befalls anybody. */
  #calmUntilMs = 0
  count = 0

  constructor(parts: FaultParts) {
    this.#parts = parts
    this.#plan()
  }

  /** Takes everything back, and has everybody start again who cannot go on. */
  heal(): void {
    const { network, nodes, world } = this.#parts
    this.#isStopped = true
    network.heal()
    for (const node of nodes.values()) {
      this.#healDisk(node)
      node.pausedUntilMs = 0
      node.fetchesFromMs = 0
      if (this.#hasFailed(node)) node.kill(null)
    }
    this.#startAll(world.nowMs + 20_000)
  }

  #hasFailed(node: SimulatedNode): boolean {
    const states = [...this.#parts.topics].flatMap(([topic, partitionCount]) => Array.from({ length: partitionCount }, (_, index) => node.replicas.state(topic, index)))
    return states.some((state) => state !== null && !state.isAvailable)
  }

  #startAll(untilMs: number): void {
    const { nodes, world } = this.#parts
    for (const node of nodes.values()) {
      if (node.damaged !== null) this.#replaceDisk(node)
      node.start()
    }
    if (world.nowMs < untilMs) world.after(500, 'everybody starts', () => this.#startAll(untilMs))
  }

  #healDisk(node: SimulatedNode): void {
    node.replicas.setCapacity()
    node.replicas.failSyncs(0)
    node.replicas.failWrites(0)
    node.flushDelayMaxMs = 3
  }

  #plan(): void {
    const { world } = this.#parts
    world.after(world.between(100, 2 * CALM_MS), 'fault', () => {
      if (this.#isStopped) return
      this.#plan()
      if (world.nowMs < this.#calmUntilMs) return
      this.#befall(world.pick([...this.#parts.nodes.values()]))
    })
  }

  #befall(node: SimulatedNode): void {
    const { world, network, quorum, losesPower } = this.#parts
    this.count++
    // A life begins with a sequence, as these take their time.
    const dice = this.count === 1 ? world.between(100, 145) : world.next(146)
    if (dice >= 138) this.#turnBit(node)
    else if (dice >= 130) this.#confirmLate()
    else if (dice >= 126) this.#hold(node, world.between(300, 6000))
    else if (dice >= 119) this.#speakLate(node)
    else if (dice >= 113) this.#comeBackEmpty(node)
    else if (dice >= 100) this.#cutWhileWriting()
    else if (dice < 20) this.#end(node)
    else if (dice < 26) void node.stop().then(() => this.#later(node, 200, 3000, () => node.start()))
    else if (dice < 30) {
      // All at once, or one shortly after the other.
      for (const other of this.#parts.nodes.values()) if (world.next(3) > 0) this.#end(other)
    } else if (dice < 48) this.#partition(node)
    else if (dice < 55) quorum.depose()
    else if (dice < 63) {
      world.trace(`${node.id} stands still`)
      node.pausedUntilMs = world.nowMs + world.between(50, 6000)
    } else if (dice < 68) node.wallOffsetMs += world.between(-3_600_000, 3_600_000)
    else if (dice < 76) {
      world.trace(`the network of all is bad`)
      network.lossOf = world.between(5, 50)
      network.delayMaxMs = world.between(5, 100)
      this.#later(null, 500, 4000, () => {
        network.lossOf = 0
        network.delayMaxMs = 5
      })
    } else if (dice < 84) {
      node.flushDelayMaxMs = world.between(50, 1500)
      this.#later(null, 500, 5000, () => (node.flushDelayMaxMs = 3))
    } else if (dice < 88 && losesPower) this.#failDisk(node, () => node.replicas.failSyncs(1 + world.next(3)))
    else if (dice < 92 && losesPower) this.#failDisk(node, () => node.replicas.failWrites(1 + world.next(3)))
    else if (dice < 95) {
      world.trace(`the disk of ${node.id} is full`)
      node.replicas.setCapacity(1)
      this.#later(null, 300, 3000, () => node.replicas.setCapacity())
    } else if (dice < 98) this.#replaceDisk(node)
  }

  /** It fetches nothing for a while, and is alive otherwise. */
  #hold(node: SimulatedNode, forMs: number): void {
    const { world } = this.#parts
    world.trace(`${node.id} fetches nothing for ${forMs} ms`)
    node.fetchesFromMs = world.nowMs + forMs
  }

  /**
   * Has this node fall behind a leader that is not the controller, and catch up; what that leader then says of it is late. Nothing
   * happens where it follows no such leader, but that another node is made the controller.
   */
  #fallBehind(follower: SimulatedNode, lateMs: number): boolean {
    const { network, quorum, world } = this.#parts
    const controller = quorum.leaderId
    const partitions = quorum.image.topicsByName.get(TOPIC)?.partitions ?? []
    const leaders = partitions.map(({ leader }) => leader).filter((leader) => leader >= 0 && leader !== follower.id && leader !== controller)
    if (leaders.length === 0 || controller === null) {
      quorum.depose()
      return false
    }
    const leader = world.pick(leaders)
    this.#hold(follower, FALLS_BEHIND_MS)
    this.#then(FALLS_BEHIND_MS - 1, () => network.late(leader, controller, ISR_CHANNEL, lateMs))
    return true
  }

  /**
   * A follower falls behind and catches up. Its leader says so twice, as the first time was not heard; the follower falls
   * behind once more, and then the first word arrives.
   */
  #speakLate(follower: SimulatedNode): void {
    const { world } = this.#parts
    const lateMs = REJOINS_MS + FALLS_BEHIND_MS + world.between(0, 2000)
    if (!this.#fallBehind(follower, lateMs)) return
    this.#then(FALLS_BEHIND_MS + REJOINS_MS, () => this.#hold(follower, lateMs))
    this.#calmUntilMs = world.nowMs + FALLS_BEHIND_MS + lateMs + CALM_MS
  }

  /** A follower falls behind, catches up, and comes back with an empty disk, while its leader's word about it is under way. */
  #comeBackEmpty(follower: SimulatedNode): void {
    const { world } = this.#parts
    if (!this.#fallBehind(follower, world.between(300, SOCKET_TIMEOUT_MS))) return
    this.#then(FALLS_BEHIND_MS + world.between(20, 200), () => this.#replaceDisk(follower))
    this.#calmUntilMs = world.nowMs + FALLS_BEHIND_MS + SOCKET_TIMEOUT_MS + CALM_MS
  }

  /**
   * A coordinator of transactions confirms that one has begun, and that is heard late: its producer has given up by then, and
   * has had the transaction aborted.
   */
  #confirmLate(): void {
    const { network, quorum, world } = this.#parts
    const leaders = (topic: string): number[] => [...new Set((quorum.image.topicsByName.get(topic)?.partitions ?? []).map(({ leader }) => leader))].filter((leader) => leader >= 0)
    for (const confirming of leaders(TRANSACTION_STATE_TOPIC)) {
      for (const asking of leaders(OFFSETS_TOPIC)) if (asking !== confirming) network.late(confirming, asking, VERIFICATION_CHANNEL, world.between(500, SOCKET_TIMEOUT_MS))
    }
    this.#calmUntilMs = world.nowMs + CALM_MS
  }

  /** What every producer waits for is not on its leader's disk when the power of all leaders goes. */
  #cutWhileWriting(): void {
    const { world, quorum, nodes, losesPower } = this.#parts
    if (!losesPower) return
    const leaders = new Set((quorum.image.topicsByName.get(TOPIC)?.partitions ?? []).flatMap(({ leader }) => nodes.get(leader) ?? []))
    const cutMs = world.between(200, 600)
    for (const leader of leaders) {
      world.trace(`the disk of ${leader.id} stands still`)
      leader.flushDelayMaxMs = NEVER_FLUSHED_MS
      this.#then(cutMs, () => {
        leader.flushDelayMaxMs = 3
        leader.kill(world.next(1 << 30))
        this.#later(leader, 50, 3000, () => leader.start())
      })
    }
  }

  #then(delayMs: number, run: () => void): void {
    this.#parts.world.after(delayMs, 'fault goes on', () => {
      if (!this.#isStopped) run()
    })
  }

  #end(node: SimulatedNode): void {
    const { world, losesPower } = this.#parts
    node.kill(losesPower && world.next(3) > 0 ? world.next(1 << 30) : null)
    this.#later(node, 100, 6000, () => node.start())
  }

  #partition(node: SimulatedNode): void {
    const { world, network, nodes } = this.#parts
    const ids = [...nodes.keys()].filter((id) => id !== node.id)
    const others = world.chance(2) ? ids : [world.pick(ids)]
    const direction = world.next(3)
    world.trace(`links of ${node.id} ${['to', 'from', 'to and from'][direction]} ${others.join()} are cut`)
    for (const other of world.chance(6) ? [...others, CLIENTS] : others) {
      if (direction !== 1) network.cut(node.id, other)
      if (direction !== 0) network.cut(other, node.id)
    }
    this.#later(null, 300, 7000, () => {
      world.trace('all links are whole')
      network.heal()
    })
  }

  /** A log that fails takes its partition with it until the broker is started again. */
  #failDisk(node: SimulatedNode, fail: () => void): void {
    this.#parts.world.trace(`the disk of ${node.id} fails`)
    fail()
    this.#later(node, 500, 4000, () => {
      this.#healDisk(node)
      node.kill(null)
      node.start()
    })
  }

  /** Whether the others have what it had: a disk that is gone may have been the last. */
  #isSpared(node: SimulatedNode): boolean {
    const { quorum, nodes } = this.#parts
    const partitions = [...quorum.image.topicsByName.values()].flatMap((topic) => topic.partitions)
    const others = [...nodes.values()].filter((other) => other !== node && other.damaged === null)
    return partitions.length > 0 && partitions.every(({ isr }) => others.some(({ id, isRunning }) => isr.includes(id) && isRunning))
  }

  /**
   * A bit of a log turns over while its node is down, after a stop that was not clean: what recovery verifies is cut off, or
   * fails, and the node is in sync with nobody until it has caught up. What recovery does not verify it serves; somebody finds
   * out and replaces the disk. There is one such log at a time, and others have what it holds.
   */
  #turnBit(node: SimulatedNode): void {
    const { nodes, topics, world } = this.#parts
    if (!this.#isSpared(node) || !node.isRunning || [...nodes.values()].some(({ damaged }) => damaged !== null)) return
    node.kill(null)
    const [topic, partitionCount] = world.pick([...topics])
    const partition = world.next(partitionCount)
    const offset = node.replicas.flipBit(topic, partition, world.next(world.chance(2) ? 4 : 200), world.next(1 << 20))
    if (offset >= 0) {
      world.trace(`${node.id} has a wrong bit in ${topic}-${partition} at ${offset}`)
      node.damaged = { topic, partition, offset }
      this.#findOut(node)
    }
    this.#later(node, 100, 3000, () => node.start())
  }

  /** Whether it is damaged still is looked at by whoever checks. */
  #findOut(node: SimulatedNode): void {
    this.#later(node, 4000, 6000, () => {
      if (node.damaged === null) return
      this.#replaceDisk(node)
      this.#findOut(node)
    })
  }

  #replaceDisk(node: SimulatedNode): void {
    const { world } = this.#parts
    if (!this.#isSpared(node)) return
    node.wipe()
    world.after(world.between(10, 400), 'the empty disk starts', () => node.start())
  }

  #later(node: SimulatedNode | null, leastMs: number, mostMs: number, run: () => void): void {
    const { world } = this.#parts
    world.after(world.between(leastMs, mostMs), `fault of ${node?.id ?? 'all'} ends`, () => {
      if (!this.#isStopped) run()
    })
  }
}
