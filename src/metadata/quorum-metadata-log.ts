// The metadata log as a node of the quorum keeps it.
//
// Every batch is handed over when it is told, this node's own as well: one turn of the event loop may tell of an own batch,
// of the leader that came after, and of what that one committed, before anybody who appended goes on.

import { decodeMetadataRecord, encodeMetadataRecord } from '../protocol/codec.ts'
import type { MetadataRecord } from '../protocol/codec.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import { MillraceError } from '../shared/errors.ts'
import type { Timers } from '../shared/timers.ts'
import type { Uuid } from '../shared/uuid.ts'
import type { CommittedHandler, MetadataLog, QuorumDescription, Voter } from './metadata-log.ts'
import type { SnapshotLog } from './snapshot-writer.ts'

/** What the log needs of the quorum's node; see `src/native.ts`. */
export interface QuorumAccess {
  /** What other nodes connect to; 0 for a node that is alone. */
  readonly port: number
  propose(epoch: number, records: readonly Uint8Array[]): Promise<bigint>
  saveSnapshot(lastOffset: bigint, records: readonly Uint8Array[]): void
  addVoter(voter: Voter): Promise<void>
  removeVoter(nodeId: number, directoryId: Uuid): Promise<void>
  removeObserver(nodeId: number): Promise<void>
  resign(): Promise<void>
  status(): Promise<{
    leaderId: number | null
    epoch: number
    highWatermark: bigint
    nodes: { nodeId: number; directoryId: Uuid; host: string; port: number; isVoter: boolean; logEndOffset: bigint; lastHeardMs: number; isCaughtUp: boolean }[]
  }>
  close(): Promise<void>
}

export type QuorumLogEvent =
  | { kind: 'committed'; baseOffset: bigint; epoch: number; records: Uint8Array[] }
  | { kind: 'epochStarted'; epoch: number }
  | { kind: 'leaderChanged'; leaderId: number | null; epoch: number }
  | { kind: 'snapshotBegin'; endOffset: bigint; epoch: number }
  | { kind: 'snapshotRecords'; records: Uint8Array[] }
  | { kind: 'snapshotEnd' }
  | { kind: 'logCut'; bytes: number }
  | { kind: 'stopped'; message: string }

export type Leadership = { readonly leaderId: number | null; readonly epoch: number; /** This node leads and knows everything before it. */ readonly isActive: boolean }

const SUCCESSION_TIMER = 'quorum-succession'

type Step = { readonly offset: bigint; readonly records: readonly Uint8Array[] }

export class QuorumMetadataLog implements MetadataLog, SnapshotLog {
  readonly #nodeId: number
  readonly #onFailure: (message: string) => void
  #quorum!: QuorumAccess
  #leaderId: number | null = null
  #epoch = -1
  #startedEpoch = -1
  #endOffset = 0n
  /** What `replay` has not handed over yet; undefined from then on. */
  #steps: Step[] | undefined = []
  #onCommitted: CommittedHandler | null = null
  #onSnapshot: CommittedHandler | null = null
  /** Of a snapshot that is being handed over; null while there is none. */
  #snapshot: Uint8Array[] | null = null
  #bytesSinceSnapshot = 0
  #onLeadership: ((leadership: Leadership) => void) | null = null
  #onSuccession: (() => void) | null = null
  #ready: (() => void) | null = null
  #appending = false
  #failure: string | null = null

  private constructor(nodeId: number, onFailure: (message: string) => void) {
    this.#nodeId = nodeId
    this.#onFailure = onFailure
  }

  /** Resolves once somebody leads and everything up to that leader's begin is here; rejects where the node cannot start. */
  static async open(nodeId: number, open: (onEvent: (event: QuorumLogEvent) => void) => Promise<QuorumAccess>, onFailure: (message: string) => void): Promise<QuorumMetadataLog> {
    const log = new QuorumMetadataLog(nodeId, onFailure)
    const ready = new Promise<void>((resolve) => {
      log.#ready = resolve
    })
    log.#quorum = await open((event) => log.#onEvent(event))
    await ready
    if (log.#failure === null) return log
    await log.#quorum.close()
    throw new MillraceError('QUORUM', log.#failure)
  }

  /** Where this node listens for others; 0 where it does not. */
  get port(): number {
    return this.#quorum.port
  }

  get leadership(): Leadership {
    return { leaderId: this.#leaderId, epoch: this.#epoch, isActive: this.#leaderId === this.#nodeId && this.#startedEpoch === this.#epoch }
  }

  /** Calls `handler` at every change from now on. */
  onLeadership(handler: (leadership: Leadership) => void): void {
    this.#onLeadership = handler
  }

  async append(records: readonly MetadataRecord[]): Promise<bigint> {
    if (this.#failure !== null) throw new MillraceError('QUORUM', this.#failure)
    if (!this.leadership.isActive) throw new KafkaError('NOT_CONTROLLER')
    if (this.#appending) throw new RangeError('the metadata log takes one append at a time')
    this.#appending = true
    try {
      return await this.#quorum.propose(this.#epoch, encodeAll(records))
    } catch (error) {
      // Nothing was written: whoever leads now is to be asked.
      throw error instanceof KafkaError && error.errorName === 'NOT_LEADER_OR_FOLLOWER' ? new KafkaError('NOT_CONTROLLER', error.message, error) : error
    } finally {
      this.#appending = false
    }
  }

  replay(onRecords: (offset: bigint, records: MetadataRecord[]) => void): Promise<void> {
    for (const { offset, records } of this.#steps ?? []) onRecords(offset, records.map(decodeMetadataRecord))
    this.#steps = undefined
    return Promise.resolve()
  }

  onCommitted(handler: CommittedHandler): void {
    this.#onCommitted = handler
  }

  onSnapshot(handler: CommittedHandler): void {
    this.#onSnapshot = handler
  }

  bytesSinceSnapshot(): number {
    return this.#bytesSinceSnapshot
  }

  saveSnapshot(lastOffset: bigint, records: readonly MetadataRecord[]): void {
    this.#bytesSinceSnapshot = 0
    this.#quorum.saveSnapshot(lastOffset, encodeAll(records))
  }

  endOffset(): bigint {
    return this.#endOffset
  }

  async describe(nowMs: number): Promise<QuorumDescription> {
    const { leaderId, epoch, highWatermark, nodes } = await this.#quorum.status()
    const replicas = nodes.map(({ nodeId, directoryId, host, port, isVoter, logEndOffset, lastHeardMs, isCaughtUp }) => {
      const lastFetchMs = lastHeardMs < 0 ? -1 : nowMs - lastHeardMs
      return { nodeId, directoryId, host, port, isVoter, logEndOffset, lastFetchMs, lastCaughtUpMs: isCaughtUp ? lastFetchMs : -1 }
    })
    return { leaderId: leaderId ?? -1, epoch, highWatermark, replicas }
  }

  addVoter(voter: Voter): Promise<void> {
    return this.#quorum.addVoter(voter)
  }

  removeVoter(nodeId: number, directoryId: Uuid): Promise<void> {
    return this.#quorum.removeVoter(nodeId, directoryId)
  }

  removeObserver(nodeId: number): Promise<void> {
    return this.#quorum.removeObserver(nodeId)
  }

  /** Hands the lead over before this node goes; resolves when another leads, or nobody could be found within `timeoutMs`. */
  async resign(timers: Timers, timeoutMs: number): Promise<void> {
    if (this.#leaderId !== this.#nodeId) return
    const led = new Promise<void>((resolve) => {
      this.#onSuccession = resolve
      timers.set(SUCCESSION_TIMER, timeoutMs, resolve)
    })
    await this.#quorum.resign()
    await led
  }

  close(): Promise<void> {
    return this.#quorum.close()
  }

  #onEvent(event: QuorumLogEvent): void {
    switch (event.kind) {
      case 'committed':
        this.#endOffset = event.baseOffset + BigInt(event.records.length)
        for (const record of event.records) this.#bytesSinceSnapshot += record.byteLength
        this.#take({ offset: event.baseOffset, records: event.records })
        return
      case 'leaderChanged':
        this.#leaderId = event.leaderId
        this.#epoch = event.epoch
        this.#leadershipChanged()
        return
      case 'epochStarted':
        this.#startedEpoch = event.epoch
        this.#leadershipChanged()
        return
      case 'snapshotBegin':
        this.#endOffset = event.endOffset
        this.#bytesSinceSnapshot = 0
        this.#snapshot = []
        return
      case 'snapshotRecords':
        this.#snapshot?.push(...event.records)
        return
      case 'snapshotEnd':
        this.#takeSnapshot()
        return
      case 'logCut':
        return
      case 'stopped':
        this.#fail(event.message)
        return
    }
  }

  #take(step: Step): void {
    if (this.#steps === undefined) this.#onCommitted?.(step.offset, step.records.map(decodeMetadataRecord))
    else this.#steps.push(step)
  }

  #takeSnapshot(): void {
    const records = this.#snapshot ?? []
    this.#snapshot = null
    if (this.#steps !== undefined) this.#steps = [{ offset: this.#endOffset - BigInt(records.length), records }]
    else this.#onSnapshot?.(this.#endOffset - 1n, records.map(decodeMetadataRecord))
  }

  #leadershipChanged(): void {
    if (this.#leaderId !== null && this.#startedEpoch === this.#epoch) this.#ready?.()
    if (this.#leaderId !== null && this.#leaderId !== this.#nodeId) this.#onSuccession?.()
    this.#onLeadership?.(this.leadership)
  }

  #fail(message: string): void {
    this.#failure ??= message
    this.#onFailure(message)
    this.#ready?.()
  }
}

function encodeAll(records: readonly MetadataRecord[]): Uint8Array[] {
  return records.map(({ name, version, value }) => encodeMetadataRecord(name, version, value))
}
