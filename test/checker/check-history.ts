// The rules of a Kafka log, checked against a history. Pure: entries in, violations out.
//
//   lost        what was acknowledged is in the log, and what was committed is seen by readers of committed records
//   moved       it is at the offset that was told, and an offset holds one record for every reader at every time
//   duplicated  a record that was sent once (idempotently) is there once
//   reordered   records of one producer session are in a partition in the order in which they were sent
//   aborted     no reader of committed records sees one of a transaction that was aborted or never committed
//   torn        a transaction whose end is not known is visible as a whole or not at all
//   backwards   within a session the offsets of a reader grow
//   skipped     within a session a reader leaves out no record that is visible to it
//   recopied    a consume-transform-produce loop copies each record once, and none is passed over
//   phantom     nothing is read that nobody sent
//   forgotten   a look-up finds the newest offset of a group whose commit was acknowledged, or one that was asked for after it
//   diverged    in the end every replica holds the same records at the same offsets

import type { Entry } from './history.ts'

export type Rule = 'lost' | 'moved' | 'duplicated' | 'reordered' | 'aborted' | 'torn' | 'backwards' | 'skipped' | 'recopied' | 'phantom' | 'forgotten' | 'diverged'
export type Violation = { readonly rule: Rule; readonly message: string }

type Fate = 'committed' | 'aborted' | 'unknown'
type Sent = { producer: string; order: number; transaction: string | null; place: string; source: { place: string; offset: number } | null; acknowledged: boolean; offset: number | null }
type Records = ReadonlyMap<number, string>

export function checkHistory(entries: readonly Entry[]): Violation[] {
  return new HistoryCheck(entries).run()
}

class HistoryCheck {
  readonly #entries: readonly Entry[]
  readonly #violations: Violation[] = []
  readonly #sent = new Map<string, Sent>()
  readonly #fates = new Map<string, Fate>()
  /** What each partition holds at the end: everything, and what is committed. */
  readonly #stored = new Map<string, Records>()
  readonly #visible = new Map<string, Records>()

  constructor(entries: readonly Entry[]) {
    this.#entries = entries
  }

  run(): Violation[] {
    this.#collect()
    for (const [place, records] of this.#stored) this.#checkLog(place, records)
    this.#checkAcknowledged()
    this.#checkReads()
    this.#checkTorn()
    this.#checkCopies()
    this.#checkOffsets()
    this.#checkReplicas()
    return this.#violations
  }

  #report(rule: Rule, message: string): void {
    this.#violations.push({ rule, message })
  }

  #collect(): void {
    let order = 0
    for (const entry of this.#entries) {
      if (entry.type === 'send') {
        const { producer, transaction, topic, partition, values, sources, sourceTopic } = entry
        if (transaction !== null && !this.#fates.has(transaction)) this.#fates.set(transaction, 'aborted')
        values.forEach((value, index) => {
          const offset = sources?.[index]
          const source = offset === undefined ? null : { place: placeOf(sourceTopic ?? '', partition), offset }
          this.#sent.set(value, { producer, order: order++, transaction, place: placeOf(topic, partition), source, acknowledged: false, offset: null })
        })
      } else if (entry.type === 'ending') {
        // Asking for a commit leaves the end open, whatever the client says about it later; nothing else can commit.
        if (entry.commit) this.#fates.set(entry.transaction, 'unknown')
      } else if (entry.type === 'ended') {
        this.#fates.set(entry.transaction, entry.commit ? 'committed' : 'aborted')
      } else if (entry.type === 'final') {
        const place = placeOf(entry.topic, entry.partition)
        ;(entry.committed ? this.#visible : this.#stored).set(place, new Map(entry.records))
      }
    }
    for (const entry of this.#entries) {
      if (entry.type !== 'acknowledged') continue
      entry.values.forEach((value, index) => {
        const sent = this.#sent.get(value)
        if (sent !== undefined) Object.assign(sent, { acknowledged: true, offset: entry.offset === null ? null : entry.offset + index })
      })
    }
  }

  #fateOf({ transaction }: Sent): Fate {
    return transaction === null ? 'committed' : (this.#fates.get(transaction) ?? 'aborted')
  }

  /** Order and number of a partition's records. */
  #checkLog(place: string, records: Records): void {
    const offsets = new Map<string, number>()
    const last = new Map<string, { order: number; value: string }>()
    for (const [offset, value] of records) {
      const before = offsets.get(value)
      if (before !== undefined) this.#report('duplicated', `${place}: "${value}" is at offsets ${before} and ${offset}`)
      offsets.set(value, offset)
      const sent = this.#sent.get(value)
      if (sent === undefined || before !== undefined) continue
      const previous = last.get(sent.producer)
      if (previous !== undefined && sent.order < previous.order) this.#report('reordered', `${place}: "${value}" at offset ${offset} was sent before "${previous.value}"`)
      else last.set(sent.producer, { order: sent.order, value })
    }
  }

  #checkAcknowledged(): void {
    const offsetsOf = (logs: ReadonlyMap<string, Records>): Map<string, number> =>
      new Map([...logs].flatMap(([place, records]) => [...records].map(([offset, value]) => [`${place} ${value}`, offset] as const)))
    const stored = offsetsOf(this.#stored)
    const visible = offsetsOf(this.#visible)
    for (const [value, sent] of this.#sent) {
      if (!sent.acknowledged) continue
      const at = stored.get(`${sent.place} ${value}`)
      if (this.#stored.has(sent.place) && at === undefined) this.#report('lost', `${sent.place}: "${value}" was acknowledged and is not there`)
      if (at !== undefined && sent.offset !== null && at !== sent.offset) this.#report('moved', `${sent.place}: "${value}" was acknowledged at offset ${sent.offset} and is at ${at}`)
      if (this.#fateOf(sent) === 'committed' && this.#visible.has(sent.place) && !visible.has(`${sent.place} ${value}`)) {
        this.#report('lost', `${sent.place}: "${value}" of ${sent.transaction ?? 'no transaction'} was committed and is not visible`)
      }
    }
  }

  #checkReads(): void {
    const sessions = new Map<string, { place: string; reader: string; committed: boolean; first: number; last: number; seen: Set<number> }>()
    for (const entry of this.#entries) {
      if (entry.type !== 'polled' && entry.type !== 'final') continue
      const place = placeOf(entry.topic, entry.partition)
      const reader = entry.type === 'polled' ? entry.reader : 'the last look'
      for (const [offset, value] of entry.records) this.#checkRead(reader, place, offset, value, entry.committed)
      if (entry.type === 'final') continue
      const key = `${entry.reader} ${entry.session} ${place}`
      for (const [offset, value] of entry.records) {
        const session = sessions.get(key) ?? { place, reader, committed: entry.committed, first: offset, last: -1, seen: new Set<number>() }
        sessions.set(key, session)
        if (offset <= session.last) this.#report('backwards', `${reader}: "${value}" of ${place} at offset ${offset} after offset ${session.last}`)
        session.last = Math.max(session.last, offset)
        session.seen.add(offset)
      }
    }
    for (const { place, reader, committed, first, last, seen } of sessions.values()) {
      for (const [offset, value] of (committed ? this.#visible : this.#stored).get(place) ?? []) {
        if (offset > first && offset < last && !seen.has(offset)) this.#report('skipped', `${reader}: "${value}" of ${place} at offset ${offset} was passed over`)
      }
    }
  }

  #checkRead(reader: string, place: string, offset: number, value: string, committed: boolean): void {
    const sent = this.#sent.get(value)
    if (sent === undefined || sent.place !== place) return this.#report('phantom', `${reader}: "${value}" in ${place} at offset ${offset} was not sent there`)
    if (committed && this.#fateOf(sent) === 'aborted') this.#report('aborted', `${reader}: "${value}" in ${place} at offset ${offset} is of ${sent.transaction}, which was not committed`)
    const there = this.#stored.get(place)
    if (there !== undefined && there.get(offset) !== value) this.#report('moved', `${reader}: "${value}" was in ${place} at offset ${offset}, where in the end there is "${there.get(offset)}"`)
  }

  #checkTorn(): void {
    const visible = new Set([...this.#visible.values()].flatMap((records) => [...records.values()]))
    const parts = new Map<string, { seen: string[]; missing: string[] }>()
    for (const [value, sent] of this.#sent) {
      if (sent.transaction === null || this.#fateOf(sent) !== 'unknown' || !this.#visible.has(sent.place)) continue
      const part = parts.get(sent.transaction) ?? { seen: [], missing: [] }
      parts.set(sent.transaction, part)
      if (visible.has(value)) part.seen.push(value)
      else if (sent.acknowledged) part.missing.push(value)
    }
    for (const [transaction, { seen, missing }] of parts) {
      if (seen.length > 0 && missing.length > 0) this.#report('torn', `${transaction}: "${seen[0]}" is visible and "${missing[0]}" is not`)
    }
  }

  #checkCopies(): void {
    const copies = new Map<string, Map<number, string>>()
    for (const value of [...this.#visible.values()].flatMap((records) => [...records.values()])) {
      const source = this.#sent.get(value)?.source ?? null
      if (source === null) continue
      const ofPlace = copies.get(source.place) ?? new Map<number, string>()
      copies.set(source.place, ofPlace)
      const before = ofPlace.get(source.offset)
      if (before !== undefined) this.#report('recopied', `"${before}" and "${value}" are copies of one record, ${source.place} offset ${source.offset}`)
      ofPlace.set(source.offset, value)
    }
    for (const [place, ofPlace] of copies) {
      const last = [...ofPlace.keys()].reduce((most, offset) => Math.max(most, offset), -1)
      for (const [offset, value] of this.#visible.get(place) ?? []) {
        if (offset < last && !ofPlace.has(offset)) this.#report('recopied', `"${value}" of ${place} at offset ${offset} was not copied, though later ones were`)
      }
    }
  }

  /** One client commits and looks up in turn, so that its entries stand in the order in which it happened. */
  #checkOffsets(): void {
    const offsets = new Map<string, { committed: number; asked: number }>()
    for (const entry of this.#entries) {
      if (entry.type !== 'committing' && entry.type !== 'committed' && entry.type !== 'lookedUp') continue
      const key = `${entry.group} ${placeOf(entry.topic, entry.partition)}`
      const known = offsets.get(key) ?? { committed: -1, asked: -1 }
      offsets.set(key, known)
      if (entry.type === 'committing') known.asked = entry.offset
      else if (entry.type === 'committed') known.committed = entry.offset
      else if (entry.offset < known.committed || entry.offset > known.asked) this.#report('forgotten', `${key}: offset ${known.committed} was committed, and ${entry.offset} found`)
    }
  }

  #checkReplicas(): void {
    for (const entry of this.#entries) {
      if (entry.type !== 'replica') continue
      const place = placeOf(entry.topic, entry.partition)
      const there = new Map(entry.records)
      const leaders = this.#stored.get(place) ?? new Map<number, string>()
      for (const [offset, value] of leaders) if (there.get(offset) !== value) this.#report('diverged', `${place}: offset ${offset} holds "${value}" at the leader and "${there.get(offset)}" on broker ${entry.broker}`)
      for (const [offset, value] of there) if (!leaders.has(offset)) this.#report('diverged', `${place}: offset ${offset} holds "${value}" on broker ${entry.broker} and nothing at the leader`)
    }
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
