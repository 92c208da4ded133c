// The metadata quorum as its nodes see it: one log, one leader for each epoch, committed batches to everyone who can be
// reached. A leader that is deposed does not know what became of its proposal: it may be committed all the same.

import { emptyImage } from '../../src/metadata/cluster-image.ts'
import type { ClusterImage } from '../../src/metadata/cluster-image.ts'
import { MetadataDelta } from '../../src/metadata/metadata-delta.ts'
import type { QuorumAccess, QuorumLogEvent } from '../../src/metadata/quorum-metadata-log.ts'
import { decodeMetadataRecord } from '../../src/protocol/codec.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { errorMessage } from '../../src/shared/errors.ts'
import { CLUSTER_ID } from '../support/cluster-images.ts'
import type { Network } from './network.ts'
import { Violation } from './world.ts'
import type { World } from './world.ts'

type Entry = { readonly offset: bigint; readonly epoch: number; readonly records: readonly Uint8Array[] }
type Member = {
  readonly id: number
  readonly tell: (event: QuorumLogEvent) => void
  readonly isRunning: () => boolean
  toldEntries: number
  toldEpoch: number
  toldLeader: number | null
  /** Since when it cannot reach a majority; null while it can. */
  aloneSinceMs: number | null
  /** It stands still until then, and hears of everything at once afterwards. */
  stallsUntilMs: number
  /** To be answered once what they proposed was told. */
  readonly unanswered: Map<bigint, Proposal['resolve']>
}
type Proposal = { readonly entry: Entry; readonly epoch: number; readonly leader: Member; readonly resolve: (offset: bigint) => void; readonly reject: (error: Error) => void }

const TICK_MS = 25
const ELECTION_TIMEOUT_MS = 600
/** One proposal in so many finds its leader at a standstill when it is committed, be it for a stalled event loop. */
const PROPOSALS_PER_STALL = 8

export class SimulatedQuorum {
  readonly #world: World
  readonly #network: Network
  readonly #ids: readonly number[]
  readonly #members = new Map<number, Member>()
  readonly #entries: Entry[] = []
  readonly #leaders = new Map<number, number>()
  #proposals: Proposal[] = []
  #epoch = 0
  #leaderId: number | null = null
  #leaderlessSinceMs = 0
  #nextOffset = 0n
  /** What is committed, whoever knows it yet. */
  image: ClusterImage = emptyImage(CLUSTER_ID)
  onCommitted: (image: ClusterImage) => void = () => {}
  /** A planted fault: the leader is told of what it proposes before anybody else has it. */
  tellsEarly = false
  /** Whether a leader stands still now and then when its proposal is committed. */
  stalls = false

  constructor(world: World, network: Network, ids: readonly number[]) {
    this.#world = world
    this.#network = network
    this.#ids = ids
    this.#tick()
  }

  get leaderId(): number | null {
    return this.#leaderId
  }

  open(id: number, isRunning: () => boolean, tell: (event: QuorumLogEvent) => void): QuorumAccess {
    const member: Member = { id, tell, isRunning, toldEntries: 0, toldEpoch: -1, toldLeader: null, aloneSinceMs: null, stallsUntilMs: 0, unanswered: new Map() }
    this.#members.set(id, member)
    // Who comes back does not lead in the epoch of its former self: what that had proposed is settled before anybody proposes more.
    if (id === this.#leaderId) this.#leaderId = null
    return {
      port: 0,
      propose: (epoch, records) => this.#propose(member, epoch, records),
      saveSnapshot: () => {},
      addVoter: () => Promise.reject(new RangeError('the simulated quorum stays as it is')),
      removeVoter: () => Promise.reject(new RangeError('the simulated quorum stays as it is')),
      removeObserver: () => Promise.reject(new RangeError('the simulated quorum stays as it is')),
      resign: () => Promise.resolve(),
      status: () => Promise.reject(new RangeError('the simulated quorum tells nobody')),
      close: () => Promise.resolve(),
    }
  }

  /** Has another node lead, though the one that does could go on. */
  depose(): void {
    if (this.#leaderId !== null) this.#elect(this.#leaderId)
  }

  #isUp(id: number): boolean {
    return this.#members.get(id)?.isRunning() === true
  }

  #reachesMajority(id: number): boolean {
    const reached = this.#ids.filter((other) => other === id || (this.#isUp(other) && this.#network.isOpen(id, other) && this.#network.isOpen(other, id)))
    return this.#isUp(id) && reached.length * 2 > this.#ids.length
  }

  #tick(): void {
    const world = this.#world
    if (this.#leaderId === null || !this.#reachesMajority(this.#leaderId)) {
      if (world.nowMs - this.#leaderlessSinceMs >= ELECTION_TIMEOUT_MS + world.next(400)) this.#elect(null)
    } else this.#leaderlessSinceMs = world.nowMs
    for (const member of this.#members.values()) if (member.isRunning()) this.#catchUp(member)
    world.after(TICK_MS + world.next(10), 'quorum', () => this.#tick())
  }

  #elect(not: number | null): void {
    const candidates = this.#ids.filter((id) => id !== not && this.#reachesMajority(id))
    if (candidates.length === 0) return
    // What had reached a majority is the new leader's to keep; of the rest nobody knows.
    for (const proposal of this.#proposals) {
      if (this.#world.chance(2)) this.#commit(proposal.entry)
      this.#world.after(this.#world.between(1, 300), 'proposal of unknown outcome', () => proposal.reject(new KafkaError('REQUEST_TIMED_OUT', 'the outcome is not known')))
    }
    this.#proposals = []
    this.#leaderId = this.#world.pick(candidates)
    this.#epoch++
    this.#leaders.set(this.#epoch, this.#leaderId)
    this.#leaderlessSinceMs = this.#world.nowMs
    this.#world.trace(`quorum: ${this.#leaderId} leads in epoch ${this.#epoch}`)
  }

  #commit({ epoch, records }: Entry): Entry {
    const entry = { offset: this.#nextOffset, epoch, records }
    this.#entries.push(entry)
    this.#nextOffset += BigInt(records.length)
    const delta = new MetadataDelta(this.image)
    for (const record of records.map(decodeMetadataRecord)) {
      try {
        delta.replay(record)
      } catch (error) {
        throw new Violation(`a record is committed that does not follow from those before it: ${errorMessage(error)}`)
      }
      this.#world.trace(`metadata ${JSON.stringify(record, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value))}`)
    }
    this.image = delta.apply(this.#nextOffset - 1n)
    this.onCommitted(this.image)
    return entry
  }

  #propose(member: Member, epoch: number, records: readonly Uint8Array[]): Promise<bigint> {
    return new Promise((resolve, reject) => {
      if (member.id !== this.#leaderId || epoch !== this.#epoch) {
        this.#world.after(1, 'refused proposal', () => reject(new KafkaError('NOT_CONTROLLER')))
        return
      }
      const entry = { offset: this.#nextOffset, epoch, records }
      const proposal = { entry, epoch, leader: member, resolve, reject }
      this.#proposals.push(proposal)
      if (this.tellsEarly) {
        member.toldEntries++
        member.tell({ kind: 'committed', baseOffset: entry.offset, epoch, records: [...records] })
        resolve(entry.offset)
      }
      this.#world.after(this.#world.between(2, 12), `proposal of ${member.id}`, () => this.#replicate(proposal))
    })
  }

  #replicate(proposal: Proposal): void {
    if (!this.#proposals.includes(proposal)) return
    const { leader, epoch, entry } = proposal
    if (!this.#reachesMajority(leader.id) || this.#members.get(leader.id) !== leader) {
      this.#world.after(50, `proposal of ${leader.id} again`, () => this.#replicate(proposal))
      return
    }
    this.#proposals = this.#proposals.filter((other) => other !== proposal)
    const committed = this.#commit(entry)
    if (this.tellsEarly) return
    leader.unanswered.set(committed.offset, proposal.resolve)
    if (this.stalls && this.#world.chance(PROPOSALS_PER_STALL)) this.#stall(leader, epoch)
    else if (this.#world.nowMs >= leader.stallsUntilMs) this.#tellEntries(leader)
  }

  /** Where that lasts, the others elect another. */
  #stall(leader: Member, epoch: number): void {
    const durationMs = this.#world.between(10, 2 * ELECTION_TIMEOUT_MS)
    leader.stallsUntilMs = this.#world.nowMs + durationMs
    this.#world.trace(`quorum: ${leader.id} stands still for ${durationMs} ms`)
    if (durationMs > ELECTION_TIMEOUT_MS) {
      this.#world.after(ELECTION_TIMEOUT_MS, 'election', () => {
        if (this.#epoch === epoch && this.#members.get(leader.id) === leader) this.#elect(leader.id)
      })
    }
  }

  /** A member hears of the leader, and of what is committed, while there is a way between the two. */
  #catchUp(member: Member): void {
    if (this.#world.nowMs < member.stallsUntilMs) return
    const leaderId = this.#leaderId
    const isReached = leaderId !== null && this.#isUp(leaderId) && this.#network.isOpen(leaderId, member.id) && this.#network.isOpen(member.id, leaderId)
    if (isReached) {
      this.#tellEntries(member)
      if (member.toldEpoch !== this.#epoch || member.toldLeader !== leaderId) this.#tellLeader(member, this.#epoch, leaderId)
    }
    const isAlone = !this.#reachesMajority(member.id)
    member.aloneSinceMs = isAlone ? (member.aloneSinceMs ?? this.#world.nowMs) : null
    // One that led and is cut off finds out by itself.
    if (member.aloneSinceMs !== null && this.#world.nowMs - member.aloneSinceMs > 2 * ELECTION_TIMEOUT_MS && member.toldLeader !== null) {
      member.toldLeader = null
      member.tell({ kind: 'leaderChanged', leaderId: null, epoch: member.toldEpoch })
    }
  }

  #tellEntries(member: Member): void {
    while (member.toldEntries < this.#entries.length) {
      const { offset, epoch, records } = this.#entries[member.toldEntries++] as Entry
      if (epoch > member.toldEpoch) this.#tellLeader(member, epoch, this.#leaders.get(epoch) as number)
      member.tell({ kind: 'committed', baseOffset: offset, epoch, records: [...records] })
      member.unanswered.get(offset)?.(offset)
      member.unanswered.delete(offset)
    }
  }

  #tellLeader(member: Member, epoch: number, leaderId: number): void {
    member.toldEpoch = epoch
    member.toldLeader = leaderId
    member.tell({ kind: 'leaderChanged', leaderId, epoch })
    member.tell({ kind: 'epochStarted', epoch })
  }
}
