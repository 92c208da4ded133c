// The records of one partition as the members of one share group see them (KIP-932): what each may have, who has it, and what
// became of it. Pure: time and the fetched batches come in, ranges and state to be stored go out.
//
// Offsets from the start offset to the end offset lie in spans without a gap between them; a span's records share a fate. A
// change that has to be stored first is prepared: until it is committed or undone its spans are nobody's.

import type { ErrorName } from '../protocol/error-codes.ts'
import { DELIVERY_STATES } from './share-state.ts'
import type { StateBatch } from './share-state.ts'

export type SharePartitionSettings = {
  readonly lockDurationMs: number
  readonly deliveryCountLimit: number
  /** Records between the start offset and the end offset, at most; nothing new is given out above. */
  readonly recordLocksMax: number
  /** Whether records that are given up go to a dead-letter queue before they are archived. */
  readonly hasDeadLetterQueue: boolean
}

/** A batch of the log; a control batch or one of an aborted transaction is not for members, a delayed one not before `dueMs`. */
export type FetchedBatch = { readonly firstOffset: number; readonly lastOffset: number; readonly deliverable: boolean; readonly dueMs: number }
export type AcquiredRange = { readonly firstOffset: number; readonly lastOffset: number; readonly deliveryCount: number }
export type Acknowledgement = { readonly firstOffset: number; readonly lastOffset: number; readonly types: readonly number[] }

export const ACKNOWLEDGE_TYPES = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const
export const ACQUIRE_MODES = { BATCH_OPTIMIZED: 0, RECORD_LIMIT: 1 } as const

/** Why a record was given up: a member said so, or it was given out too often. */
export type GivenUpCause = 'rejected' | 'deliveryCountExceeded'
/** Records to be written to a dead-letter queue. */
export type DeadLetters = { readonly firstOffset: number; readonly lastOffset: number; readonly deliveryCount: number; readonly cause: GivenUpCause }

type SpanState = 'available' | 'acquired' | 'acknowledged' | 'archiving' | 'archived'
type Span = {
  firstOffset: number
  lastOffset: number
  state: SpanState
  deliveryCount: number
  memberId: string | null
  lockedUntilMs: number
  /** Nobody may have it before; 0 for any time. */
  dueMs: number
  cause: GivenUpCause | null
  /** What it becomes once that is stored. */
  next: SpanState | null
}

/** A change that waits to be stored. */
export type PreparedChange = {
  readonly stateBatches: readonly StateBatch[]
  /** The start offset once the change holds. */
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly spans: readonly Span[]
}

export class SharePartition {
  readonly #settings: () => SharePartitionSettings
  #spans: Span[] = []
  #startOffset: number
  #endOffset: number

  /** Goes on from what was stored: what was given out and not finished is available again. */
  constructor(startOffset: number, stateBatches: readonly StateBatch[], settings: () => SharePartitionSettings) {
    this.#settings = settings
    this.#startOffset = startOffset
    this.#endOffset = startOffset
    for (const batch of stateBatches) {
      const [first, last] = [Number(batch.firstOffset), Number(batch.lastOffset)]
      if (first > this.#endOffset) this.#append(this.#endOffset, first - 1, 'available', 0)
      this.#append(first, last, stateOf(batch.deliveryState), batch.deliveryCount)
    }
    this.#advance()
  }

  /** Everything before is finished. */
  get startOffset(): number { return this.#startOffset }

  /** The first offset that nobody was ever given. */
  get endOffset(): number { return this.#endOffset }

  /** The first record that a member could be given, whether it is there yet or not; null where enough are given out. */
  nextOffset(now: number): number | null {
    const available = this.#spans.find((span) => isAvailable(span, now))
    if (available !== undefined) return available.firstOffset
    return this.#room(now) <= 0 ? null : this.#endOffset
  }

  hasAvailable(now: number): boolean {
    return this.#spans.some((span) => isAvailable(span, now))
  }

  /** When the first delayed record becomes due; null where none waits. */
  nextDueMs(now: number): number | null {
    let next: number | null = null
    for (const { state, dueMs } of this.#spans) if (state === 'available' && dueMs > now && (next === null || dueMs < next)) next = dueMs
    return next
  }

  /** When the first lock runs out; null where none is held. */
  nextLockEndMs(): number | null {
    let next: number | null = null
    for (const { state, next: becoming, lockedUntilMs } of this.#spans) {
      if (state === 'acquired' && becoming === null && (next === null || lockedUntilMs < next)) next = lockedUntilMs
    }
    return next
  }

  /** Records that were deleted from the log are finished, whoever has them. */
  moveStart(logStartOffset: number): void {
    if (logStartOffset <= this.#startOffset) return
    this.#spans = this.#spans.filter(({ lastOffset }) => lastOffset >= logStartOffset)
    const [first] = this.#spans
    if (first !== undefined && first.firstOffset < logStartOffset) first.firstOffset = logStartOffset
    this.#startOffset = logStartOffset
    this.#endOffset = Math.max(this.#endOffset, logStartOffset)
    this.#advance()
  }

  /**
   * Gives a member what is available in the batches that were fetched from `fetchedFrom` on, in order: about `maxRecords`, whole batches, or exactly so many
   * at most where the mode says so. Ranges that belong together are told as one, up to `batchSize` records.
   */
  acquire(memberId: string, fetchedFrom: number, batches: readonly FetchedBatch[], maxRecords: number, batchSize: number, mode: number, now: number): AcquiredRange[] {
    const [first] = batches
    const last = batches.at(-1)
    if (first === undefined || last === undefined) return []
    const strict = mode === ACQUIRE_MODES.RECORD_LIMIT
    const taken: Span[] = []
    let left = maxRecords
    const take = (span: Span): void => {
      span.state = 'acquired'
      span.memberId = memberId
      span.deliveryCount++
      span.lockedUntilMs = now + this.#settings().lockDurationMs
      left -= span.lastOffset - span.firstOffset + 1
      taken.push(span)
    }
    this.#finishGaps(fetchedFrom, batches)
    this.#noteDelays(batches, now)
    // What was given back comes first.
    for (let index = 0; index < this.#spans.length && left > 0; index++) {
      const span = this.#spans[index]
      if (span === undefined || !isAvailable(span, now) || span.lastOffset < first.firstOffset) continue
      if (span.firstOffset > last.lastOffset) break
      if (span.firstOffset < first.firstOffset) this.#split(index++, first.firstOffset)
      const rest = this.#spans[index]
      if (rest === undefined) break
      const end = strict ? Math.min(last.lastOffset, rest.firstOffset + left - 1) : last.lastOffset
      if (rest.lastOffset > end) this.#split(index, end + 1)
      take(rest)
    }
    for (const batch of batches) {
      if (batch.lastOffset < this.#endOffset) continue
      if (left <= 0 || this.#room(now) <= 0) break
      const from = Math.max(batch.firstOffset, this.#endOffset)
      // Offsets between batches were compacted away.
      if (from > this.#endOffset) this.#append(this.#endOffset, from - 1, 'archived', 0)
      if (!batch.deliverable) {
        this.#append(from, batch.lastOffset, 'archived', 0)
        continue
      }
      if (batch.dueMs > now) {
        this.#append(from, batch.lastOffset, 'available', 0).dueMs = batch.dueMs
        continue
      }
      const to = strict ? Math.min(batch.lastOffset, from + left - 1) : batch.lastOffset
      take(this.#append(from, to, 'available', 0))
    }
    this.#advance()
    return ranges(taken, batchSize)
  }

  /**
   * Prepares what a member says of records it was given, all of it or nothing: an error's name where it says it wrongly, or
   * of records that are not its own. Renewed locks hold at once.
   */
  acknowledge(memberId: string, acknowledgements: readonly Acknowledgement[], now: number): PreparedChange | ErrorName {
    let previous = -1
    for (const { firstOffset, lastOffset, types } of acknowledgements) {
      const count = lastOffset - firstOffset + 1
      const typesFit = types.length === 1 || types.length === count
      if (firstOffset <= previous || count <= 0 || !typesFit || types.some((type) => !(type >= ACKNOWLEDGE_TYPES.GAP && type <= ACKNOWLEDGE_TYPES.RENEW))) return 'INVALID_REQUEST'
      previous = lastOffset
    }
    const runs = acknowledgements.flatMap(runsOf)
    for (const { firstOffset, lastOffset } of runs) if (!this.#isHeldBy(memberId, firstOffset, lastOffset)) return 'INVALID_RECORD_STATE'
    const changed: Span[] = []
    for (const { firstOffset, lastOffset, type } of runs) {
      for (const span of this.#cut(firstOffset, lastOffset)) {
        if (type === ACKNOWLEDGE_TYPES.RENEW) {
          span.lockedUntilMs = now + this.#settings().lockDurationMs
          continue
        }
        span.next = this.#acknowledged(span, type)
        changed.push(span)
      }
    }
    return this.#prepare(changed)
  }

  /** Prepares that all records of a member go back: it has left, or ended its session. */
  release(memberId: string): PreparedChange | null {
    return this.#releaseAll((span) => span.memberId === memberId)
  }

  /** Prepares that records whose locks have run out go back. */
  expire(now: number): PreparedChange | null {
    return this.#releaseAll(({ lockedUntilMs }) => lockedUntilMs <= now)
  }

  /** What was given up and has to be written to the dead-letter queue before it is archived. */
  deadLetters(): DeadLetters[] {
    const found: DeadLetters[] = []
    for (const { firstOffset, lastOffset, state, next, deliveryCount, cause } of this.#spans) {
      if (state !== 'archiving' || next !== null) continue
      // Why is not stored: after a restart the count tells.
      const isExceeded = deliveryCount >= this.#settings().deliveryCountLimit
      found.push({ firstOffset, lastOffset, deliveryCount, cause: cause ?? (isExceeded ? 'deliveryCountExceeded' : 'rejected') })
    }
    return found
  }

  /** Prepares that dead letters are archived, now that they are written; null where they are gone. */
  archive({ firstOffset, lastOffset }: DeadLetters): PreparedChange | null {
    const changed = this.#cut(firstOffset, lastOffset).filter(({ state, next }) => state === 'archiving' && next === null)
    if (changed.length === 0) return null
    for (const span of changed) span.next = 'archived'
    return this.#prepare(changed)
  }

  /** A prepared change is stored. */
  commit({ spans }: PreparedChange): void {
    for (const span of spans) {
      span.state = span.next ?? span.state
      span.next = null
      span.memberId = null
    }
    this.#advance()
  }

  /** A prepared change could not be stored: its records are still their members'. */
  undo({ spans }: PreparedChange): void {
    for (const span of spans) span.next = null
  }

  /** Of what is available, offsets that the log has no records for: they lay in control batches, or were compacted away. */
  #finishGaps(fetchedFrom: number, batches: readonly FetchedBatch[]): void {
    let gapFrom = fetchedFrom
    const finish = (firstOffset: number, lastOffset: number): void => {
      if (firstOffset > lastOffset || firstOffset >= this.#endOffset || !this.#spans.some(isFree)) return
      for (let index = 0; index < this.#spans.length; index++) {
        const span = this.#spans[index]
        if (span === undefined || span.lastOffset < firstOffset || !isFree(span)) continue
        if (span.firstOffset > lastOffset) break
        if (span.firstOffset < firstOffset) this.#split(index++, firstOffset)
        const inner = this.#spans[index]
        if (inner === undefined) break
        if (inner.lastOffset > lastOffset) this.#split(index, lastOffset + 1)
        inner.state = 'archived'
      }
    }
    for (const { firstOffset, lastOffset, deliverable } of batches) {
      if (!deliverable) continue
      finish(gapFrom, firstOffset - 1)
      gapFrom = Math.max(gapFrom, lastOffset + 1)
    }
    finish(gapFrom, batches.at(-1)?.lastOffset ?? -1)
  }

  /** Of what was free already, what the log says nobody may have yet. */
  #noteDelays(batches: readonly FetchedBatch[], now: number): void {
    for (const { firstOffset, lastOffset, dueMs } of batches) {
      if (dueMs <= now || firstOffset >= this.#endOffset) continue
      for (let index = 0; index < this.#spans.length; index++) {
        const span = this.#spans[index]
        if (span === undefined || span.lastOffset < firstOffset || !isFree(span)) continue
        if (span.firstOffset > lastOffset) break
        if (span.firstOffset < firstOffset) this.#split(index++, firstOffset)
        const inner = this.#spans[index]
        if (inner === undefined) break
        if (inner.lastOffset > lastOffset) this.#split(index, lastOffset + 1)
        inner.dueMs = dueMs
      }
    }
  }

  /** How many more records may be given out; those that are delayed take no room, but so many at most are kept track of. */
  #room(now: number): number {
    let [delayedRecords, delayedSpans] = [0, 0]
    for (const { state, dueMs, firstOffset, lastOffset } of this.#spans) {
      if (state !== 'available' || dueMs <= now) continue
      delayedRecords += lastOffset - firstOffset + 1
      delayedSpans++
    }
    const { recordLocksMax } = this.#settings()
    return delayedSpans >= recordLocksMax ? 0 : recordLocksMax - (this.#endOffset - this.#startOffset - delayedRecords)
  }

  #releaseAll(isMeant: (span: Span) => boolean): PreparedChange | null {
    const changed = this.#spans.filter((span) => span.state === 'acquired' && span.next === null && isMeant(span))
    if (changed.length === 0) return null
    for (const span of changed) span.next = this.#released(span)
    return this.#prepare(changed)
  }

  #acknowledged(span: Span, type: number): SpanState {
    if (type === ACKNOWLEDGE_TYPES.ACCEPT) return 'acknowledged'
    if (type === ACKNOWLEDGE_TYPES.RELEASE) return this.#released(span)
    // A gap is no record that could be kept anywhere.
    return type === ACKNOWLEDGE_TYPES.REJECT ? this.#givenUp(span, 'rejected') : 'archived'
  }

  /** A record that was given out as often as it may be is given up. */
  #released(span: Span): SpanState {
    return span.deliveryCount >= this.#settings().deliveryCountLimit ? this.#givenUp(span, 'deliveryCountExceeded') : 'available'
  }

  #givenUp(span: Span, cause: GivenUpCause): SpanState {
    span.cause = cause
    return this.#settings().hasDeadLetterQueue ? 'archiving' : 'archived'
  }

  #prepare(spans: readonly Span[]): PreparedChange {
    let startOffset = this.#startOffset
    for (const span of this.#spans) {
      if (!isFinished(span.next !== null && spans.includes(span) ? span.next : span.state)) break
      startOffset = span.lastOffset + 1
    }
    let deliveryCompleteCount = 0
    for (const { firstOffset, lastOffset, state, next } of this.#spans) {
      if (firstOffset >= startOffset && isFinished(next ?? state)) deliveryCompleteCount += lastOffset - firstOffset + 1
    }
    const stateBatches = spans.map(({ firstOffset, lastOffset, next, state, deliveryCount }) => ({
      firstOffset: BigInt(firstOffset),
      lastOffset: BigInt(lastOffset),
      deliveryState: codeOf(next ?? state),
      deliveryCount,
    }))
    return { spans, startOffset, deliveryCompleteCount, stateBatches }
  }

  #isHeldBy(memberId: string, firstOffset: number, lastOffset: number): boolean {
    let covered = Math.max(firstOffset, this.#startOffset)
    for (const span of this.#spans) {
      if (span.lastOffset < covered) continue
      if (covered > lastOffset) break
      // Offsets that never were records are part of no batch that a member was given, but may lie between two that were.
      if (span.state !== 'acquired' || span.memberId !== memberId || span.next !== null) return false
      covered = span.lastOffset + 1
    }
    return covered > lastOffset
  }

  /** The spans of exactly these offsets, as far as they are not finished. */
  #cut(firstOffset: number, lastOffset: number): Span[] {
    const cut: Span[] = []
    for (let index = 0; index < this.#spans.length; index++) {
      const span = this.#spans[index]
      if (span === undefined || span.lastOffset < firstOffset) continue
      if (span.firstOffset > lastOffset) break
      if (span.firstOffset < firstOffset) this.#split(index++, firstOffset)
      const inner = this.#spans[index]
      if (inner === undefined) break
      if (inner.lastOffset > lastOffset) this.#split(index, lastOffset + 1)
      cut.push(inner)
    }
    return cut
  }

  /** The span at this place ends before the offset from now on; a new one after it has the rest. */
  #split(index: number, offset: number): void {
    const span = this.#spans[index]
    if (span === undefined) return
    this.#spans.splice(index + 1, 0, { ...span, firstOffset: offset })
    span.lastOffset = offset - 1
  }

  #append(firstOffset: number, lastOffset: number, state: SpanState, deliveryCount: number): Span {
    const span: Span = { firstOffset, lastOffset, state, deliveryCount, memberId: null, lockedUntilMs: 0, dueMs: 0, cause: null, next: null }
    this.#spans.push(span)
    this.#endOffset = lastOffset + 1
    return span
  }

  #advance(): void {
    let finished = 0
    for (const { state, next, lastOffset } of this.#spans) {
      if (next !== null || !isFinished(state)) break
      this.#startOffset = lastOffset + 1
      finished++
    }
    if (finished > 0) this.#spans.splice(0, finished)
  }
}

/** Nobody has it, and nothing is being stored of it. */
function isFree({ state, next }: Span): boolean {
  return state === 'available' && next === null
}

function isAvailable(span: Span, now: number): boolean {
  return isFree(span) && span.dueMs <= now
}

function isFinished(state: SpanState): boolean {
  return state === 'acknowledged' || state === 'archived'
}

const STATES = new Map<number, SpanState>([[DELIVERY_STATES.ACKNOWLEDGED, 'acknowledged'], [DELIVERY_STATES.ARCHIVING, 'archiving'], [DELIVERY_STATES.ARCHIVED, 'archived']])
const CODES = { available: DELIVERY_STATES.AVAILABLE, acquired: DELIVERY_STATES.AVAILABLE, acknowledged: DELIVERY_STATES.ACKNOWLEDGED, archiving: DELIVERY_STATES.ARCHIVING, archived: DELIVERY_STATES.ARCHIVED } as const

function stateOf(code: number): SpanState {
  return STATES.get(code) ?? 'available'
}

function codeOf(state: SpanState): number {
  return CODES[state]
}

type Run = { firstOffset: number; lastOffset: number; type: number }

/** Consecutive offsets of one type. */
function runsOf({ firstOffset, lastOffset, types }: Acknowledgement): Run[] {
  const [only = ACKNOWLEDGE_TYPES.GAP] = types
  if (types.length === 1) return [{ firstOffset, lastOffset, type: only }]
  const runs: Run[] = []
  for (const [index, type] of types.entries()) {
    const run = runs.at(-1)
    if (run?.type === type) run.lastOffset++
    else runs.push({ firstOffset: firstOffset + index, lastOffset: firstOffset + index, type })
  }
  return runs
}

function ranges(spans: readonly Span[], batchSize: number): AcquiredRange[] {
  const told: { firstOffset: number; lastOffset: number; deliveryCount: number }[] = []
  for (const { firstOffset, lastOffset, deliveryCount } of spans) {
    const range = told.at(-1)
    const joins = range !== undefined && range.lastOffset + 1 === firstOffset && range.deliveryCount === deliveryCount && lastOffset - range.firstOffset < batchSize
    if (joins) range.lastOffset = lastOffset
    else told.push({ firstOffset, lastOffset, deliveryCount })
  }
  return told
}
